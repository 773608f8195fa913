//! Go's regular expressions, run by the `regex` crate.

use std::sync::OnceLock;

use regex::Regex;

/// A pattern as it was written; compiled when first used.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// The text as it was written.
    pub source: String,
    compiled: OnceLock<Result<Regex, String>>,
}

impl Pattern {
    /// A pattern; whether it is one shows in [`Pattern::error`].
    pub fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            compiled: OnceLock::new(),
        }
    }

    /// Whether the text matches. A pattern that does not compile matches nothing.
    pub fn matches(&self, text: &str) -> bool {
        self.regex()
            .as_ref()
            .is_ok_and(|regex| regex.is_match(text))
    }

    /// Why the pattern does not compile.
    pub fn error(&self) -> Option<&str> {
        self.regex().as_ref().err().map(String::as_str)
    }

    fn regex(&self) -> &Result<Regex, String> {
        self.compiled.get_or_init(|| {
            Regex::new(&translate(&self.source)).map_err(|e| {
                format!(
                    "error parsing regexp: {}",
                    e.to_string().lines().last().unwrap_or_default().trim()
                )
            })
        })
    }
}

/// Go's syntax in the crate's: `\d`, `\w`, `\s` are ASCII, and classes know no set operations.
fn translate(source: &str) -> String {
    let mut out = String::with_capacity(source.len() + 16);
    let mut chars = source.chars().peekable();
    let mut class_at: Option<usize> = None;
    let mut position = 0usize;
    while let Some(c) = chars.next() {
        let in_class = class_at.is_some();
        match c {
            '\\' => {
                let next = chars.next();
                position += 1;
                match (next, in_class) {
                    (Some('d'), false) => out.push_str("[0-9]"),
                    (Some('d'), true) => out.push_str("0-9"),
                    (Some('D'), false) => out.push_str("[^0-9]"),
                    (Some('w'), false) => out.push_str("[0-9A-Za-z_]"),
                    (Some('w'), true) => out.push_str("0-9A-Za-z_"),
                    (Some('W'), false) => out.push_str("[^0-9A-Za-z_]"),
                    (Some('s'), false) => out.push_str("[\\t\\n\\f\\r ]"),
                    (Some('s'), true) => out.push_str("\\t\\n\\f\\r "),
                    (Some('S'), false) => out.push_str("[^\\t\\n\\f\\r ]"),
                    (Some('b'), false) => out.push_str("(?-u:\\b)"),
                    (Some(other), _) => {
                        out.push('\\');
                        out.push(other);
                    }
                    (None, _) => out.push('\\'),
                }
            }
            '[' if !in_class => {
                class_at = Some(position);
                out.push('[');
                if chars.peek() == Some(&'^') {
                    chars.next();
                    position += 1;
                    class_at = Some(position);
                    out.push('^');
                }
                if chars.peek() == Some(&']') {
                    chars.next();
                    position += 1;
                    out.push_str("\\]");
                }
            }
            '[' if chars.peek() == Some(&':') => {
                // A POSIX class stays as it is.
                out.push('[');
                for inner in chars.by_ref() {
                    out.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
            }
            '[' => out.push_str("\\["),
            ']' if in_class => {
                class_at = None;
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
        position += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_go_does() {
        let check = |pattern: &str, text: &str, expect: bool| {
            let pattern = Pattern::new(pattern);
            assert_eq!(pattern.error(), None);
            assert_eq!(pattern.matches(text), expect, "{} {text}", pattern.source);
        };
        check(r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$", "1m30s", true);
        check(r"^\d+$", "٣", false);
        check(r"^[\w\-]+$", "a-b", true);
        check(r"^[^]]+$", "a]", false);
        check(r"^[[]$", "[", true);
        check(r"^[[:alpha:]]+$", "ab", true);
        check(r"^[a&&b]+$", "&", true);
        check(r"^(http|https|ssh)://.*$", "https://x", true);
        assert!(Pattern::new("(").error().is_some());
    }
}
