//! `string.format(args)`.

use super::Out;
use super::convert::go_float;
use crate::error::EvalError;
use crate::eval::Run;
use crate::value::{List, Value};

/// Fills the clauses of a format string with the arguments.
pub(super) fn format<'a>(run: &mut Run<'_, 'a>, template: &str, args: &List<'a>) -> Out<'a> {
    let mut out = String::new();
    let mut chars = template.chars().peekable();
    let mut next = 0;
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.peek() == Some(&'%') {
            chars.next();
            out.push('%');
            continue;
        }
        let mut precision = None;
        if chars.next_if_eq(&'.').is_some() {
            let mut digits = String::new();
            while let Some(d) = chars.next_if(char::is_ascii_digit) {
                digits.push(d);
            }
            precision = digits.parse::<usize>().ok().map(|p| p.min(1000));
        }
        let Some(verb) = chars.next() else {
            return Err(EvalError::new("unexpected end of string"));
        };
        if !"sdfexXob".contains(verb) {
            let message = format!(
                "could not parse formatting clause: unrecognized formatting clause \"{verb}\""
            );
            return Err(EvalError::new(message));
        }
        let arg = args
            .get(next)
            .ok_or_else(|| EvalError::new(format!("index {next} out of range")))?;
        next += 1;
        let piece = clause(verb, precision.unwrap_or(6), &arg)
            .map_err(|e| EvalError::new(format!("error during formatting: {e}")))?;
        run.labour(piece.len() / 64 + 1)?;
        out.push_str(&piece);
    }
    Ok(Value::string(out))
}

fn clause(verb: char, precision: usize, v: &Value<'_>) -> Result<String, String> {
    let wrong = |name: &str, takes: &str| {
        Err(format!(
            "{name} clause can only be used on {takes}, was given {}",
            v.type_name()
        ))
    };
    let bytes = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
    match (verb, v) {
        ('s', v) => plain(v),
        ('d', Value::Int(i)) => Ok(i.to_string()),
        ('d', Value::Uint(u)) => Ok(u.to_string()),
        ('d' | 'f' | 'e', Value::Double(d)) if !d.is_finite() => Ok(if d.is_nan() {
            "NaN"
        } else if *d > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .into()),
        ('d', Value::Double(d)) => Ok(d.to_string()),
        ('d', _) => wrong("decimal", "numbers"),
        ('f', Value::Double(d)) => Ok(format!("{d:.precision$}")),
        ('f', Value::Int(i)) => Ok(format!("{:.precision$}", *i as f64)),
        ('f', Value::Uint(u)) => Ok(format!("{:.precision$}", *u as f64)),
        ('f', _) => wrong("fixed-point", "doubles"),
        ('e', Value::Double(d)) => Ok(scientific(*d, precision)),
        ('e', Value::Int(i)) => Ok(scientific(*i as f64, precision)),
        ('e', Value::Uint(u)) => Ok(scientific(*u as f64, precision)),
        ('e', _) => wrong("scientific", "doubles"),
        ('b', Value::Bool(b)) => Ok(u8::from(*b).to_string()),
        ('b', Value::Int(i)) => Ok(signed(*i, |n| format!("{n:b}"))),
        ('b', Value::Uint(u)) => Ok(format!("{u:b}")),
        ('b', _) => wrong(
            "only integers and bools can be formatted as binary",
            "integers and bools",
        ),
        ('o', Value::Int(i)) => Ok(signed(*i, |n| format!("{n:o}"))),
        ('o', Value::Uint(u)) => Ok(format!("{u:o}")),
        ('o', _) => wrong("octal", "integers"),
        (verb, v) => {
            let hex = match v {
                Value::Int(i) => signed(*i, |n| format!("{n:x}")),
                Value::Uint(u) => format!("{u:x}"),
                Value::String(s) => bytes(s.as_bytes()),
                Value::Bytes(b) => bytes(b),
                _ => return wrong("hex", "integers, byte buffers, and strings"),
            };
            Ok(if verb == 'X' { hex.to_uppercase() } else { hex })
        }
    }
}

fn signed(i: i64, digits: impl Fn(u64) -> String) -> String {
    format!(
        "{}{}",
        if i < 0 { "-" } else { "" },
        digits(i.unsigned_abs())
    )
}

fn scientific(d: f64, precision: usize) -> String {
    let text = format!("{d:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let e: i32 = exponent.parse().unwrap_or(0);
    format!("{mantissa}e{}{:02}", if e < 0 { '-' } else { '+' }, e.abs())
}

fn plain(v: &Value<'_>) -> Result<String, String> {
    Ok(match v {
        Value::Null => "null".into(),
        Value::Double(d) if !d.is_finite() => clause('d', 0, v)?,
        Value::Double(d) => go_float(*d),
        Value::Bytes(b) => String::from_utf8_lossy(b).into_owned(),
        Value::Type(t) => t.runtime_name().to_owned(),
        Value::List(l) => {
            let parts: Result<Vec<String>, String> = l.iter().map(|v| plain(&v)).collect();
            format!("[{}]", parts?.join(", "))
        }
        Value::Map(m) => {
            let mut parts = Vec::new();
            for key in m.keys() {
                let value = m.get(&key).unwrap_or(Value::Null);
                parts.push(format!("{}: {}", plain(&key)?, plain(&value)?));
            }
            parts.sort();
            format!("{{{}}}", parts.join(", "))
        }
        Value::Optional(_) | Value::Ext(_) => {
            let takes = "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps";
            return Err(format!(
                "string clause can only be used on {takes}, was given {}",
                v.type_name()
            ));
        }
        other => super::convert::shown(other),
    })
}
