//! `${…}` expressions: drone's envsubst as Flux carries it, quirks included.
//!
//! Linear in the text: an expression is read once, and values are not expanded again.

use super::glob;

/// Why a text cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("variable not set (strict mode): {0:?}")]
    NotSet(String),
    #[error("bad substitution")]
    BadSubstitution,
    #[error("missing closing brace")]
    MissingClosingBrace,
    #[error("unable to parse variable name")]
    BadName,
    #[error("unable to parse substitution within function")]
    BadArgument,
}

/// Expressions inside of expressions.
const DEPTH: usize = 50;

/// Replaces every expression in a text; `lookup` gives a variable's value, `None` where it is not set.
pub(crate) fn expand(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Problem> {
    let mut scanner = Scanner {
        text,
        at: 0,
        lookup,
    };
    let mut out = String::with_capacity(text.len());
    while let Some(c) = scanner.peek() {
        let rest = &text[scanner.at..];
        if rest.starts_with("${") {
            scanner.at += 2;
            out.push_str(&scanner.expression(0)?);
        } else if rest.starts_with("$$") {
            // The second one is text, whatever follows.
            scanner.at += 2;
            out.push('$');
        } else {
            scanner.at += c.len_utf8();
            out.push(c);
        }
    }
    Ok(out)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn eat(&mut self, c: char) -> bool {
        let there = self.peek() == Some(c);
        if there {
            self.at += c.len_utf8();
        }
        there
    }

    fn close(&mut self) -> Result<(), Problem> {
        if self.eat('}') {
            Ok(())
        } else {
            Err(Problem::BadSubstitution)
        }
    }

    fn name(&mut self) -> Option<String> {
        let rest = &self.text[self.at..];
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        self.at += end;
        (end > 0).then(|| rest[..end].to_owned())
    }

    /// What follows `${`, with its value.
    fn expression(&mut self, depth: usize) -> Result<String, Problem> {
        if depth > DEPTH {
            return Err(Problem::BadSubstitution);
        }
        if self.eat('#') {
            let name = self.name().ok_or(Problem::BadSubstitution)?;
            self.close()?;
            return Ok(self.value(&name)?.len().to_string());
        }
        let name = self.name().ok_or(Problem::BadName)?;
        match self.peek() {
            Some(':') => match self.text[self.at + 1..].chars().next() {
                Some('=' | '-' | '?' | '+') => self.default(&name, 2, depth),
                _ => self.slice(&name, depth),
            },
            Some('=') => self.default(&name, 1, depth),
            Some(',' | '^') => self.case(&name),
            Some('/') => self.replace(&name, depth),
            Some(sign @ ('#' | '%')) => self.trim(&name, sign, depth),
            _ if self.eat('}') => self.value(&name),
            _ => Err(Problem::MissingClosingBrace),
        }
    }

    fn value(&self, name: &str) -> Result<String, Problem> {
        (self.lookup)(name).ok_or_else(|| Problem::NotSet(name.into()))
    }

    /// Text up to a character that ends it, or one expression.
    fn argument(
        &mut self,
        ends: fn(char) -> bool,
        escapes: bool,
        depth: usize,
    ) -> Result<String, Problem> {
        if self.text[self.at..].starts_with("${") {
            self.at += 2;
            return self.expression(depth + 1);
        }
        let mut out = String::new();
        let start = self.at;
        while let Some(c) = self.peek() {
            let rest = &self.text[self.at..];
            let escaped =
                rest.starts_with("$$") || rest.starts_with("\\/") || rest.starts_with("\\\\");
            if rest.starts_with("${") && self.at > start {
                break;
            }
            if escapes && escaped {
                out.push_str(&rest[1..2]);
                self.at += 2;
                continue;
            }
            if ends(c) {
                break;
            }
            out.push(c);
            self.at += c.len_utf8();
        }
        if self.at == start {
            Err(Problem::BadArgument)
        } else {
            Ok(out)
        }
    }

    fn default(&mut self, name: &str, length: usize, depth: usize) -> Result<String, Problem> {
        self.at += length;
        let mut default = String::new();
        while self.peek() != Some('}') {
            default.push_str(&self.argument(|c| c == '}', false, depth)?);
            if self.peek().is_none() {
                return Err(Problem::BadArgument);
            }
        }
        self.close()?;
        let value = (self.lookup)(name).unwrap_or_default();
        Ok(if value.is_empty() { default } else { value })
    }

    fn slice(&mut self, name: &str, depth: usize) -> Result<String, Problem> {
        self.at += 1;
        let from = self.argument(|c| matches!(c, ':' | '}'), false, depth)?;
        if self.eat('}') {
            return Ok(slice(&self.value(name)?, &from, None));
        }
        if !self.eat(':') {
            return Err(Problem::BadSubstitution);
        }
        while self.eat(':') {}
        let length = self.argument(|c| c == '}', false, depth)?;
        self.close()?;
        Ok(slice(&self.value(name)?, &from, Some(&length)))
    }

    fn case(&mut self, name: &str) -> Result<String, Problem> {
        let start = self.at;
        while self.at - start < 2 && matches!(self.peek(), Some(',' | '^')) {
            self.at += 1;
        }
        let sign = self.text[start..self.at].to_owned();
        self.close()?;
        let value = self.value(name)?;
        let mut chars = value.chars();
        Ok(match sign.as_str() {
            "," => chars.next().map(lower).into_iter().chain(chars).collect(),
            "^" => chars.next().map(upper).into_iter().chain(chars).collect(),
            ",," => value.chars().map(lower).collect(),
            "^^" => value.chars().map(upper).collect(),
            _ => value,
        })
    }

    fn trim(&mut self, name: &str, sign: char, depth: usize) -> Result<String, Problem> {
        self.at += 1;
        let longest = self.eat(sign);
        let pattern = self.argument(|c| c == '}', false, depth)?;
        self.close()?;
        let value = self.value(name)?;
        Ok(match sign {
            '#' => glob::trim_prefix(&value, &pattern, longest),
            _ => {
                let reverse = |text: &str| text.chars().rev().collect::<String>();
                reverse(&glob::trim_prefix(
                    &reverse(&value),
                    &reverse(&pattern),
                    longest,
                ))
            }
        })
    }

    fn replace(&mut self, name: &str, depth: usize) -> Result<String, Problem> {
        self.at += 1;
        let kind = self.peek().filter(|c| matches!(c, '/' | '#' | '%'));
        if kind.is_some() {
            self.at += 1;
        }
        let old = self.argument(|c| c == '/', true, depth)?;
        if !self.eat('/') {
            return Err(Problem::BadSubstitution);
        }
        while self.eat('/') {}
        let new = match self.peek() {
            Some('}') => None,
            _ => Some(self.argument(|c| c == '}', true, depth)?),
        };
        self.close()?;
        let value = self.value(name)?;
        let text = new.as_deref().unwrap_or_default();
        Ok(match (kind, new.is_some()) {
            (Some('/'), _) => value.replace(&old, text),
            (None, _) => value.replacen(&old, text, 1),
            (Some('#'), true) if value.starts_with(&old) => value.replacen(&old, text, 1),
            (Some('%'), true) if value.ends_with(&old) => {
                format!("{}{text}", &value[..value.len() - old.len()])
            }
            _ => value,
        })
    }
}

/// Bytes from a place on; a negative one counts from the end. What is no number changes nothing.
fn slice(value: &str, from: &str, length: Option<&str>) -> String {
    let Ok(from) = from.parse::<i64>() else {
        return value.into();
    };
    let size = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let from = if from < 0 { (size + from).max(0) } else { from };
    let end = match length.map(str::parse::<i64>) {
        None => size,
        Some(Err(_)) => return value.into(),
        Some(Ok(length)) => from.saturating_add(length).min(size),
    };
    let place = |at: i64| usize::try_from(at).unwrap_or_default();
    let bytes = value
        .as_bytes()
        .get(place(from)..place(end))
        .unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

/// Go maps one character to one character.
fn upper(c: char) -> char {
    let mut mapped = c.to_uppercase();
    mapped
        .next()
        .filter(|_| mapped.next().is_none())
        .unwrap_or(c)
}

fn lower(c: char) -> char {
    let mut mapped = c.to_lowercase();
    mapped
        .next()
        .filter(|_| mapped.next().is_none())
        .unwrap_or(c)
}
