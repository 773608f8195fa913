//! Conversions between types, and the functions on any value: `size`, `type`, `dyn`, optionals.

use super::{Out, time};
use crate::error::EvalError;
use crate::eval::Run;
use crate::value::{List, Str, Value};

pub(super) fn call<'a>(_: &mut Run<'_, 'a>, name: &str, args: &[Value<'a>]) -> Option<Out<'a>> {
    Some(match (name, args) {
        ("size", [v]) => size(v)?,
        ("type", [v]) => Ok(Value::Type(v.type_of())),
        ("dyn", [v]) => Ok(v.clone()),
        ("int", [v]) => int(v),
        ("uint", [v]) => uint(v),
        ("double", [v]) => double(v),
        ("string", [v]) => string(v),
        ("bytes", [Value::String(s)]) => Ok(Value::bytes(s.as_bytes().to_vec())),
        ("bytes", [v @ Value::Bytes(_)]) | ("bool", [v @ Value::Bool(_)]) => Ok(v.clone()),
        ("bool", [Value::String(s)]) => match &**s {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(no_conversion("string", "bool")),
        },
        ("bool" | "bytes", [v]) => Err(not_from(v, name)),
        ("optional.none", []) => Ok(Value::Optional(None)),
        ("optional.of", [v]) => Ok(Value::some(v.clone())),
        ("optional.ofNonZeroValue", [v]) => Ok(if is_zero(v) {
            Value::Optional(None)
        } else {
            Value::some(v.clone())
        }),
        ("hasValue", [Value::Optional(v)]) => Ok(Value::Bool(v.is_some())),
        ("value", [Value::Optional(Some(v))]) => Ok((**v).clone()),
        ("value", [Value::Optional(None)]) => Err(EvalError::new("optional.none() dereference")),
        ("optional.unwrap" | "unwrapOpt", [Value::List(l)]) => unwrap(l)?,
        _ => return None,
    })
}

/// No overload of a conversion takes the type.
pub(super) fn not_from(v: &Value<'_>, name: &str) -> EvalError {
    EvalError::new(format!("no such overload: {name}({})", v.type_name()))
}

pub(super) fn no_conversion(from: &str, to: &str) -> EvalError {
    EvalError::new(format!("type conversion error from '{from}' to '{to}'"))
}

fn size<'a>(v: &Value<'a>) -> Option<Out<'a>> {
    Some(Ok(Value::Int(match v {
        Value::String(s) => s.chars().count(),
        Value::Bytes(b) => b.len(),
        Value::List(l) => l.len(),
        Value::Map(m) => m.len(),
        _ => return None,
    } as i64)))
}

fn unwrap<'a>(l: &List<'a>) -> Option<Out<'a>> {
    let mut out = Vec::new();
    for v in l.iter() {
        match v {
            Value::Optional(Some(v)) => out.push((*v).clone()),
            Value::Optional(None) => {}
            _ => return None,
        }
    }
    Some(Ok(Value::list(out)))
}

fn is_zero(v: &Value<'_>) -> bool {
    match v {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Int(i) | Value::Duration(i) => *i == 0,
        Value::Uint(u) => *u == 0,
        Value::Double(d) => *d == 0.0,
        Value::String(s) => s.is_empty(),
        Value::Bytes(b) => b.is_empty(),
        Value::List(l) => l.is_empty(),
        Value::Map(m) => m.is_empty(),
        Value::Optional(o) => o.as_deref().is_none_or(is_zero),
        Value::Timestamp(_) | Value::Type(_) | Value::Ext(_) => false,
    }
}

fn int<'a>(v: &Value<'a>) -> Out<'a> {
    let overflow = || EvalError::new("integer overflow");
    Ok(Value::Int(match v {
        Value::Int(i) => *i,
        Value::Uint(u) => i64::try_from(*u).map_err(|_| overflow())?,
        Value::Double(d)
            if *d > -9_223_372_036_854_775_808.0 && *d < 9_223_372_036_854_775_807.0 =>
        {
            *d as i64
        }
        Value::Double(_) => return Err(overflow()),
        Value::String(s) => s.parse().map_err(|_| no_conversion("string", "int"))?,
        Value::Timestamp(t) => t.as_nanosecond().div_euclid(1_000_000_000) as i64,
        Value::Duration(d) => *d,
        other => return Err(not_from(other, "int")),
    }))
}

fn uint<'a>(v: &Value<'a>) -> Out<'a> {
    let overflow = || EvalError::new("unsigned integer overflow");
    Ok(Value::Uint(match v {
        Value::Uint(u) => *u,
        Value::Int(i) => u64::try_from(*i).map_err(|_| overflow())?,
        Value::Double(d) if *d >= 0.0 && *d < 18_446_744_073_709_551_615.0 => *d as u64,
        Value::Double(_) => return Err(overflow()),
        Value::String(s) => s.parse().map_err(|_| no_conversion("string", "uint"))?,
        other => return Err(not_from(other, "uint")),
    }))
}

fn double<'a>(v: &Value<'a>) -> Out<'a> {
    Ok(Value::Double(match v {
        Value::Double(d) => *d,
        Value::Int(i) => *i as f64,
        Value::Uint(u) => *u as f64,
        Value::String(s) => s.parse().map_err(|_| no_conversion("string", "double"))?,
        other => return Err(not_from(other, "double")),
    }))
}

fn string<'a>(v: &Value<'a>) -> Out<'a> {
    Ok(match v {
        Value::String(s) => Value::String(s.clone()),
        Value::Bool(b) => Value::string(b.to_string()),
        Value::Int(i) => Value::string(i.to_string()),
        Value::Uint(u) => Value::string(u.to_string()),
        Value::Double(d) => Value::string(go_float(*d)),
        Value::Bytes(b) => {
            let text = std::str::from_utf8(b);
            Value::string(
                text.map_err(|_| {
                    EvalError::new("invalid UTF-8 in bytes, cannot convert to string")
                })?,
            )
        }
        Value::Timestamp(t) => Value::string(time::rfc3339(*t)),
        Value::Duration(d) => Value::string(time::go_seconds(*d)),
        Value::Ext(e) => Value::string(e.to_string()),
        other => return Err(not_from(other, "string")),
    })
}

/// A double as Go's `%v` prints it.
pub(crate) fn go_float(d: f64) -> String {
    shortest(d, 21)
}

/// A double with the digits it needs; with an exponent from 10^`threshold` on.
pub(crate) fn shortest(d: f64, threshold: i32) -> String {
    if d.is_nan() {
        return "NaN".into();
    }
    if d.is_infinite() {
        return if d > 0.0 {
            "+Inf".into()
        } else {
            "-Inf".into()
        };
    }
    let exp = format!("{d:e}");
    let (mantissa, exponent) = exp.split_once('e').unwrap_or((&exp, "0"));
    let e: i32 = exponent.parse().unwrap_or(0);
    if d != 0.0 && !(-4..threshold).contains(&e) {
        return format!("{mantissa}e{}{:02}", if e < 0 { '-' } else { '+' }, e.abs());
    }
    d.to_string()
}

/// A value as Go's `%v` prints it in error texts.
pub(crate) fn shown(v: &Value<'_>) -> String {
    match v {
        Value::Null => "null".into(),
        Value::Double(d) => go_float(*d),
        Value::String(Str::Borrowed(s)) => (*s).to_owned(),
        Value::String(Str::Shared(s)) => s.to_string(),
        Value::List(l) => {
            let parts: Vec<String> = l.iter().map(|v| shown(&v)).collect();
            format!("[{}]", parts.join(", "))
        }
        Value::Type(t) => t.runtime_name().to_owned(),
        other => match string(other) {
            Ok(Value::String(s)) => s.to_string(),
            _ => other.type_name(),
        },
    }
}
