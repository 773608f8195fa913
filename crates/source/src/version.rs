//! Semantic version ranges as Masterminds/semver reads them.

use semver::Version;

/// A version as a tag spells it: three parts, at most one `v` before them.
pub(crate) fn parse_tag(tag: &str) -> Option<Version> {
    Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()
}

/// A range: alternatives (`||`) of constraints (spaces or commas).
#[derive(Clone, Debug)]
pub(crate) struct Range(Vec<Vec<Constraint>>);

#[derive(Clone, Debug)]
struct Constraint {
    operator: Operator,
    version: Version,
    /// How many parts were given; the rest are wildcards.
    parts: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Tilde,
    Caret,
}

const OPERATORS: [(&str, Operator); 12] = [
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("!=", Operator::NotEqual),
    ("~>", Operator::Tilde),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("=", Operator::Equal),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
    ("", Operator::Equal),
];

impl Range {
    /// Reads a range.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let alternatives: Option<Vec<_>> = text.split("||").map(parse_all).collect();
        alternatives.map(Self)
    }

    /// Whether a version lies within. A pre-release does only where the constraint that admits it names one.
    pub(crate) fn holds(&self, version: &Version) -> bool {
        self.0
            .iter()
            .any(|all| all.iter().all(|constraint| constraint.holds(version)))
    }
}

fn parse_all(text: &str) -> Option<Vec<Constraint>> {
    if let Some((from, to)) = text.split_once(" - ") {
        let from = Constraint::parse(&format!(">={}", from.trim()))?;
        let to = Constraint::parse(&format!("<={}", to.trim()))?;
        return Some(vec![from, to]);
    }
    let mut constraints = Vec::new();
    let mut operator = String::new();
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        // An operator may stand apart from its version.
        if word.chars().all(|c| "<>=!~^".contains(c)) {
            operator.push_str(word);
            continue;
        }
        constraints.push(Constraint::parse(&format!(
            "{}{word}",
            std::mem::take(&mut operator)
        ))?);
    }
    (operator.is_empty() && !constraints.is_empty()).then_some(constraints)
}

impl Constraint {
    fn parse(text: &str) -> Option<Self> {
        let (sign, operator) = OPERATORS.iter().find(|(sign, _)| text.starts_with(sign))?;
        let text = &text[sign.len()..];
        let text = text.strip_prefix('v').unwrap_or(text);
        let end = text.find(['-', '+']).unwrap_or(text.len());
        let (core, rest) = text.split_at(end);
        let mut numbers = [0; 3];
        let mut parts = 0;
        for (at, part) in core.split('.').enumerate() {
            if matches!(part, "x" | "X" | "*") {
                break;
            }
            *numbers.get_mut(at)? = part.parse().ok()?;
            parts = at + 1;
        }
        let version = Version::parse(&format!(
            "{}.{}.{}{rest}",
            numbers[0], numbers[1], numbers[2]
        ))
        .ok()?;
        Some(Self {
            operator: *operator,
            version,
            parts,
        })
    }

    fn holds(&self, version: &Version) -> bool {
        if !version.pre.is_empty() && self.version.pre.is_empty() {
            return false;
        }
        let Self {
            operator,
            version: mine,
            parts,
        } = self;
        let mut stripped = version.clone();
        stripped.build = semver::BuildMetadata::EMPTY;
        let mut mine = mine.clone();
        mine.build = semver::BuildMetadata::EMPTY;
        let same = |parts: usize| {
            let theirs = [stripped.major, stripped.minor, stripped.patch];
            theirs[..parts] == [mine.major, mine.minor, mine.patch][..parts]
        };
        match operator {
            Operator::Equal if *parts == 3 => stripped == mine,
            Operator::Equal => same(*parts),
            Operator::NotEqual if *parts == 3 => stripped != mine,
            Operator::NotEqual => !same(*parts),
            Operator::Greater if *parts == 3 => stripped > mine,
            Operator::Greater => stripped > mine && !same(*parts),
            Operator::GreaterOrEqual => stripped >= mine,
            Operator::Less => stripped < mine,
            Operator::LessOrEqual if *parts == 3 => stripped <= mine,
            Operator::LessOrEqual => stripped < mine || same(*parts),
            Operator::Tilde => stripped >= mine && same((*parts).min(2)),
            Operator::Caret => {
                let fixed = match (mine.major, mine.minor) {
                    _ if *parts == 0 => 0,
                    (0, 0) if *parts == 3 => 3,
                    (0, _) if *parts >= 2 => 2,
                    _ => 1,
                };
                stripped >= mine && same(fixed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_masterminds_reads_them() {
        for (range, inside, outside) in [
            (
                ">=1.4.0 <2.0.0",
                &["1.4.0", "1.9.9"][..],
                &["1.3.9", "2.0.0", "1.5.0-rc.1"][..],
            ),
            (">= 1.0.0, < 2", &["1.4.0"], &["2.0.0"]),
            ("~1.2", &["1.2.0", "1.2.9"], &["1.3.0"]),
            ("~>1.2.3", &["1.2.3"], &["1.2.2", "1.3.0"]),
            ("^1.2.3", &["1.2.3", "1.9.0"], &["2.0.0", "1.2.2"]),
            ("^0.2.3", &["0.2.5"], &["0.3.0"]),
            ("^0.0.3", &["0.0.3"], &["0.0.4"]),
            ("1.x", &["1.0.0", "1.9.0"], &["2.0.0"]),
            ("*", &["0.1.0", "9.9.9"], &["1.0.0-rc.1"]),
            (">=1.0.0-0", &["1.0.0-rc.1", "1.0.1"], &["0.9.0"]),
            ("1.2 - 2.0", &["1.2.0", "2.0.5"], &["2.1.0"]),
            ("<1 || >=3.0.0", &["0.9.0", "3.0.0"], &["1.5.0"]),
            ("!=1.5.0", &["1.5.1"], &["1.5.0"]),
        ] {
            let parsed = Range::parse(range).unwrap_or_else(|| panic!("{range} must parse"));
            for version in inside {
                assert!(
                    parsed.holds(&parse_tag(version).unwrap()),
                    "{range} must hold {version}"
                );
            }
            for version in outside {
                assert!(
                    !parsed.holds(&parse_tag(version).unwrap()),
                    "{range} must not hold {version}"
                );
            }
        }
        assert!(Range::parse("one").is_none() && Range::parse("").is_none());
        assert!(parse_tag("v1.2").is_none() && parse_tag("vv1.2.3").is_none());
    }
}
