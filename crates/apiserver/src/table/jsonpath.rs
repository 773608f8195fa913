//! The JSON paths that printer columns use: fields, indices, wildcards and equality filters.

use krm::Value;

/// A path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(i64),
    All,
    /// `[?(@.path == "text")]`; the flag says whether equal ones count.
    Where(Path, bool, String),
}

impl Path {
    /// Reads a path such as `.status.conditions[?(@.type=="Ready")].status`. What is not understood finds nothing.
    pub(super) fn parse(text: &str) -> Self {
        let mut steps = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = field_end(after);
                if end > 0 {
                    steps.push(match &after[..end] {
                        "*" => Step::All,
                        name => Step::Field(name.replace("\\.", ".")),
                    });
                }
                rest = &after[end..];
            } else if let Some(after) = rest.strip_prefix('[') {
                let Some(end) = bracket_end(after) else {
                    return Self(vec![Step::Index(i64::MAX)]);
                };
                steps.push(bracket(&after[..end]));
                rest = &after[end + 1..];
            } else {
                let end = field_end(rest).max(1);
                steps.push(Step::Field(rest[..end].to_owned()));
                rest = &rest[end..];
            }
        }
        Self(steps)
    }

    /// The first value the path finds.
    pub(super) fn first<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        let mut found = vec![value];
        for step in &self.0 {
            found = found.into_iter().flat_map(|value| step.of(value)).collect();
        }
        found.first().copied()
    }
}

/// Where a field's name ends: at a dot that is not escaped, or a bracket.
fn field_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if matches!(c, '.' | '[') && !escaped {
            return at;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// Where a bracket ends: at a `]` outside quotes and parentheses.
fn bracket_end(text: &str) -> Option<usize> {
    let (mut quote, mut depth) = (None, 0);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')') => depth -= 1,
            (None, ']') if depth > 0 => depth -= 1,
            (None, ']') => return Some(at),
            _ => {}
        }
    }
    None
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(|c| matches!(c, '"' | '\''))
}

fn bracket(inner: &str) -> Step {
    let inner = inner.trim();
    if inner == "*" {
        return Step::All;
    }
    if let Some(filter) = inner.strip_prefix("?(").and_then(|f| f.strip_suffix(')')) {
        let (operator, is_equal) = if filter.contains("!=") {
            ("!=", false)
        } else {
            ("==", true)
        };
        let (path, value) = filter.split_once(operator).unwrap_or((filter, ""));
        let path = Path::parse(path.trim().trim_start_matches('@'));
        return Step::Where(path, is_equal, unquoted(value).to_owned());
    }
    match inner.parse() {
        Ok(index) => Step::Index(index),
        Err(_) => Step::Field(unquoted(inner).to_owned()),
    }
}

impl Step {
    fn of<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match (self, value) {
            (Self::Field(name), value) => value.get(name).into_iter().collect(),
            (Self::Index(index), Value::Array(list)) => {
                let length = i64::try_from(list.len()).unwrap_or(i64::MAX);
                let at = if *index < 0 { length + index } else { *index };
                let found = usize::try_from(at).ok().and_then(|at| list.get(at));
                found.into_iter().collect()
            }
            (Self::All, Value::Array(list)) => list.iter().collect(),
            (Self::All, Value::Object(map)) => map.values().collect(),
            (Self::Where(path, is_equal, wanted), Value::Array(list)) => {
                let is_wanted = |item: &&Value| match path.first(item) {
                    Some(Value::String(text)) => (text == wanted) == *is_equal,
                    Some(other) => (other.to_string().as_str() == wanted) == *is_equal,
                    None => false,
                };
                list.iter().filter(is_wanted).collect()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use krm::json;

    #[test]
    fn paths_find_what_printer_columns_name() {
        let object = json!({
            "metadata": {"annotations": {"a.b/c": "d"}},
            "spec": {"list": ["x", "y"]},
            "status": {"conditions": [{"type": "A", "status": "False"}, {"type": "Ready", "status": "True"}]}
        });
        let check = |path: &str, expect: Option<&str>| {
            let found = Path::parse(path).first(&object).and_then(Value::as_str);
            assert_eq!(found, expect, "{path}");
        };
        check(
            ".status.conditions[?(@.type==\"Ready\")].status",
            Some("True"),
        );
        check(
            ".status.conditions[?(@.type == 'Ready')].status",
            Some("True"),
        );
        check(".spec.list[1]", Some("y"));
        check(".spec.list[-1]", Some("y"));
        check(".spec.list[*]", Some("x"));
        check(".metadata.annotations.a\\.b/c", Some("d"));
        check(".metadata.annotations['a.b/c']", Some("d"));
        check(".spec.nothing", None);
    }
}
