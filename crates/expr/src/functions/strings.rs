//! The string library.

use super::{Out, format};
use crate::error::EvalError;
use crate::eval::Run;
use crate::value::Value;

fn text<'a>(s: impl Into<std::sync::Arc<str>>) -> Out<'a> {
    Ok(Value::string(s))
}

pub(super) fn call<'a>(run: &mut Run<'_, 'a>, name: &str, args: &[Value<'a>]) -> Option<Out<'a>> {
    if let ("join", [Value::List(l), rest @ ..]) = (name, args) {
        let sep = match rest {
            [] => String::new(),
            [Value::String(s)] => s.to_string(),
            _ => return None,
        };
        return Some(join(run, l, &sep));
    }
    let (Some(Value::String(s)), rest) = (args.first(), args.get(1..).unwrap_or_default()) else {
        return None;
    };
    Some(match (name, rest) {
        ("contains", [Value::String(t)]) => Ok(Value::Bool(s.contains(&**t))),
        ("startsWith", [Value::String(t)]) => Ok(Value::Bool(s.starts_with(&**t))),
        ("endsWith", [Value::String(t)]) => Ok(Value::Bool(s.ends_with(&**t))),
        ("charAt", [Value::Int(i)]) => char_at(s, *i),
        ("indexOf", [Value::String(t)]) => index_of(s, t, 0),
        ("indexOf", [Value::String(t), Value::Int(from)]) => index_of(s, t, *from),
        ("lastIndexOf", [Value::String(t)]) => last_index_of(s, t, None),
        ("lastIndexOf", [Value::String(t), Value::Int(from)]) => last_index_of(s, t, Some(*from)),
        ("lowerAscii", []) => text(s.to_ascii_lowercase()),
        ("upperAscii", []) => text(s.to_ascii_uppercase()),
        ("trim", []) => text(s.trim()),
        ("reverse", []) => text(s.chars().rev().collect::<String>()),
        ("replace", [Value::String(old), Value::String(new)]) => replace(run, s, (old, new), -1),
        ("replace", [Value::String(old), Value::String(new), Value::Int(n)]) => {
            replace(run, s, (old, new), *n)
        }
        ("split", [Value::String(sep)]) => Ok(split(s, sep, -1)),
        ("split", [Value::String(sep), Value::Int(n)]) => Ok(split(s, sep, *n)),
        ("substring", [Value::Int(from)]) => substring(s, *from, None),
        ("substring", [Value::Int(from), Value::Int(to)]) => substring(s, *from, Some(*to)),
        ("strings.quote", []) => text(quote(s)),
        ("format", [Value::List(l)]) => format::format(run, s, l),
        _ => return None,
    })
}

fn out_of_range(i: i64) -> EvalError {
    EvalError::new(format!("index out of range: {i}"))
}

fn join<'a>(run: &mut Run<'_, 'a>, l: &crate::value::List<'a>, sep: &str) -> Out<'a> {
    let mut out = String::new();
    for (i, v) in l.iter().enumerate() {
        let Value::String(s) = &v else {
            return Err(EvalError::new(format!(
                "join: invalid input: {}",
                super::convert::shown(&v)
            )));
        };
        if i > 0 {
            out.push_str(sep);
        }
        out.push_str(s);
        run.labour((s.len() + sep.len()) / 64 + 1)?;
    }
    text(out)
}

fn char_at<'a>(s: &str, i: i64) -> Out<'a> {
    let size = s.chars().count() as i64;
    if i < 0 || i > size {
        return Err(out_of_range(i));
    }
    text(
        s.chars()
            .nth(i as usize)
            .map(String::from)
            .unwrap_or_default(),
    )
}

fn index_of<'a>(s: &str, t: &str, from: i64) -> Out<'a> {
    if t.is_empty() {
        return Ok(Value::Int(from));
    }
    let Ok(skip) = usize::try_from(from) else {
        return Err(out_of_range(from));
    };
    let start = s.char_indices().nth(skip).map(|(at, _)| at);
    let found = start.and_then(|at| s[at..].find(t).map(|n| s[..at + n].chars().count() as i64));
    Ok(Value::Int(found.unwrap_or(-1)))
}

fn last_index_of<'a>(s: &str, t: &str, from: Option<i64>) -> Out<'a> {
    let size = s.chars().count() as i64;
    if t.is_empty() {
        return Ok(Value::Int(from.unwrap_or(size)));
    }
    let from = match from {
        Some(n) if n < 0 => return Err(out_of_range(n)),
        Some(n) if n >= size => return Ok(Value::Int(-1)),
        Some(n) => n,
        None => size,
    };
    // A match may begin at `from` at the latest.
    let last = (from + t.chars().count() as i64).min(size) as usize;
    let end = s.char_indices().nth(last).map_or(s.len(), |(at, _)| at);
    Ok(Value::Int(
        s[..end]
            .rfind(t)
            .map_or(-1, |n| s[..n].chars().count() as i64),
    ))
}

fn replace<'a>(run: &mut Run<'_, 'a>, s: &str, (old, new): (&str, &str), n: i64) -> Out<'a> {
    let matches = s
        .matches(old)
        .count()
        .min(usize::try_from(n).unwrap_or(usize::MAX));
    run.labour((s.len() + matches.saturating_mul(new.len())) / 64)?;
    text(usize::try_from(n).map_or_else(|_| s.replace(old, new), |n| s.replacen(old, new, n)))
}

fn split<'a>(s: &str, sep: &str, n: i64) -> Value<'a> {
    let all = |parts: Vec<&str>| Value::list(parts.into_iter().map(Value::string).collect());
    if n == 0 {
        return all(vec![]);
    }
    let limit = usize::try_from(n).unwrap_or(usize::MAX);
    if !sep.is_empty() {
        return all(s.splitn(limit, sep).collect());
    }
    let mut parts = Vec::new();
    let mut rest = s;
    while let Some(c) = rest.chars().next() {
        if parts.len() + 1 == limit {
            parts.push(rest);
            break;
        }
        let (head, tail) = rest.split_at(c.len_utf8());
        parts.push(head);
        rest = tail;
    }
    all(parts)
}

fn substring<'a>(s: &str, from: i64, to: Option<i64>) -> Out<'a> {
    let size = s.chars().count() as i64;
    let end = to.unwrap_or(size);
    if to.is_some() && from > end {
        return Err(EvalError::new(format!(
            "invalid substring range. start: {from}, end: {end}"
        )));
    }
    if from < 0 || from > size {
        return Err(out_of_range(from));
    }
    if end < 0 || end > size {
        return Err(out_of_range(end));
    }
    text(
        s.chars()
            .skip(from as usize)
            .take((end - from) as usize)
            .collect::<String>(),
    )
}

fn quote(s: &str) -> String {
    let mut out = String::from('"');
    for c in s.chars() {
        match c {
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
