//! `matches`, `find`, `findAll`: RE2 expressions, translated to this engine's notation.

use regex::{Regex, RegexBuilder};

use super::Out;
use crate::error::EvalError;
use crate::eval::Run;
use crate::value::Value;

pub(super) fn call<'a>(run: &mut Run<'_, 'a>, name: &str, args: &[Value<'a>]) -> Option<Out<'a>> {
    let (Some(Value::String(text)), Some(Value::String(pattern))) = (args.first(), args.get(1))
    else {
        return None;
    };
    let found = |r: &Regex| match (name, args.get(2)) {
        ("matches", None) => Some(Value::Bool(r.is_match(text))),
        ("find", None) => Some(Value::string(r.find(text).map_or("", |m| m.as_str()))),
        ("findAll", None) => Some(Value::list(
            r.find_iter(text)
                .map(|m| Value::string(m.as_str()))
                .collect(),
        )),
        ("findAll", Some(Value::Int(n))) => {
            let limit = usize::try_from(*n).unwrap_or(usize::MAX);
            Some(Value::list(
                r.find_iter(text)
                    .take(limit)
                    .map(|m| Value::string(m.as_str()))
                    .collect(),
            ))
        }
        _ => None,
    };
    if !matches!(name, "matches" | "find" | "findAll") {
        return None;
    }
    if let Some(r) = run.regexes.get(&**pattern) {
        return found(r).map(Ok);
    }
    match compile(pattern) {
        Ok(r) => {
            let out = found(&r);
            run.regexes.insert(pattern.to_string(), r);
            out.map(Ok)
        }
        Err(e) if name == "matches" => Some(Err(EvalError::new(e))),
        Err(e) => Some(Err(EvalError::new(format!("Illegal regex: {e}")))),
    }
}

/// Compiles an RE2 expression.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(&translate(pattern))
        .size_limit(4 << 20)
        .build();
    built.map_err(|e| format!("error parsing regexp: {}", complaint(pattern, &e)))
}

/// RE2's words for what is wrong.
fn complaint(pattern: &str, e: &regex::Error) -> String {
    let text = e.to_string();
    let has = |s: &str| text.contains(s);
    if has("unclosed group") {
        format!("missing closing ): `{pattern}`")
    } else if has("unopened group") {
        format!("unexpected ): `{pattern}`")
    } else if has("unclosed character class") {
        let from = pattern.rfind('[').unwrap_or(0);
        format!("missing closing ]: `{}`", &pattern[from..])
    } else if has("repetition operator missing expression") {
        let at = pattern.find(['*', '+', '?']).unwrap_or(0);
        format!(
            "missing argument to repetition operator: `{}`",
            &pattern[at..=at]
        )
    } else {
        text.lines()
            .last()
            .unwrap_or("invalid")
            .trim_start_matches("error: ")
            .to_owned()
    }
}

/// RE2's Perl classes are ASCII, and its bracket classes have neither set operators nor nesting.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    let mut class = false;
    let mut first = false;
    while let Some(c) = chars.next() {
        let was_first = std::mem::take(&mut first);
        match c {
            '\\' => match chars.next() {
                Some('d') => out.push_str("[0-9]"),
                Some('D') => out.push_str("[^0-9]"),
                Some('s') => out.push_str("[\\t\\n\\x0C\\r ]"),
                Some('S') => out.push_str("[^\\t\\n\\x0C\\r ]"),
                Some('w') => out.push_str("[0-9A-Za-z_]"),
                Some('W') => out.push_str("[^0-9A-Za-z_]"),
                Some('b') if !class => out.push_str("(?-u:\\b)"),
                Some('Q') if !class => quoted(&mut chars, &mut out),
                Some(other) => {
                    out.push('\\');
                    out.push(other);
                }
                None => out.push('\\'),
            },
            '[' if !class => {
                class = true;
                out.push('[');
                if chars.peek() == Some(&'^') {
                    chars.next();
                    out.push('^');
                }
                first = true;
            }
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' | '&' | '~' if class => {
                out.push('\\');
                out.push(c);
            }
            ']' if class && was_first => out.push_str("\\]"),
            ']' if class => {
                class = false;
                out.push(']');
            }
            other => out.push(other),
        }
    }
    out
}

fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    while let Some(c) = chars.next() {
        if c == '\\' && chars.peek() == Some(&'E') {
            chars.next();
            return;
        }
        out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }
}
