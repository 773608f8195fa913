//! Operators.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Out;
use crate::error::EvalError;
use crate::eval::Run;
use crate::value::{Key, List, Map, Value};

const INT: &str = "integer overflow";
const UINT: &str = "unsigned integer overflow";
const DURATION: &str = "duration overflow";
const TIMESTAMP: &str = "timestamp overflow";

fn checked<'a, T>(v: Option<T>, wrap: fn(T) -> Value<'a>, message: &str) -> Out<'a> {
    v.map(wrap).ok_or_else(|| EvalError::new(message))
}

pub(super) fn call<'a>(run: &mut Run<'_, 'a>, name: &str, mut args: Vec<Value<'a>>) -> Out<'a> {
    if name == "cel.@mapInsert" {
        return insert(run, args);
    }
    if name == "@sortByAssociatedKeys" {
        return super::lists::sort_by_keys(run, &args);
    }
    let right = if args.len() > 1 { args.pop() } else { None };
    let Some(left) = args.pop() else {
        return Err(EvalError::no_such_overload());
    };
    let Some(right) = right else {
        return unary(name, &left);
    };
    match name {
        "_==_" => Ok(Value::Bool(left.equals(&right, &mut run.work)?)),
        "_!=_" => Ok(Value::Bool(!left.equals(&right, &mut run.work)?)),
        "@in" => within(run, &left, &right),
        "_<_" | "_<=_" | "_>_" | "_>=_" => compare(name, &left, &right),
        "_+_" => add(run, left, &right),
        "_-_" => subtract(&left, &right),
        "_*_" => multiply(&left, &right),
        "_/_" => divide(&left, &right),
        "_%_" => modulo(&left, &right),
        _ => Err(EvalError::new(format!("no such overload: {name}"))),
    }
}

fn unary<'a>(name: &str, v: &Value<'a>) -> Out<'a> {
    match (name, v) {
        ("!_", Value::Bool(b)) => Ok(Value::Bool(!b)),
        ("-_", Value::Int(i)) => checked(i.checked_neg(), Value::Int, INT),
        ("-_", Value::Double(d)) => Ok(Value::Double(-d)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn compare<'a>(name: &str, a: &Value<'a>, b: &Value<'a>) -> Out<'a> {
    if matches!(
        a,
        Value::Null
            | Value::List(_)
            | Value::Map(_)
            | Value::Type(_)
            | Value::Optional(_)
            | Value::Ext(_)
    ) {
        return Err(EvalError::new(format!("no such overload: {name}")));
    }
    let order = a.compare(b)?;
    Ok(Value::Bool(match name {
        "_<_" => order == Ordering::Less,
        "_<=_" => order != Ordering::Greater,
        "_>_" => order == Ordering::Greater,
        _ => order != Ordering::Less,
    }))
}

fn within<'a>(run: &mut Run<'_, 'a>, v: &Value<'a>, range: &Value<'a>) -> Out<'a> {
    match range {
        Value::List(l) => {
            for x in l.iter() {
                if v.equals(&x, &mut run.work)? {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        Value::Map(m) => Ok(Value::Bool(m.get(v).is_some())),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn add<'a>(run: &mut Run<'_, 'a>, a: Value<'a>, b: &Value<'a>) -> Out<'a> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => checked(a.checked_add(*b), Value::Int, INT),
        (Value::Uint(a), Value::Uint(b)) => checked(a.checked_add(*b), Value::Uint, UINT),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::String(a), Value::String(b)) => {
            run.labour((a.len() + b.len()) / 64)?;
            Ok(Value::string(format!("{}{}", &*a, &**b)))
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            run.labour((a.len() + b.len()) / 64)?;
            Ok(Value::bytes([&*a, &**b].concat()))
        }
        (Value::List(a), Value::List(b)) => concat(run, a, b),
        (Value::Duration(a), Value::Duration(b)) => {
            checked(a.checked_add(*b), Value::Duration, DURATION)
        }
        (Value::Timestamp(t), Value::Duration(d)) => shift(t, i128::from(*d)),
        (Value::Duration(d), Value::Timestamp(t)) => shift(*t, i128::from(d)),
        (
            Value::Null
            | Value::Bool(_)
            | Value::Map(_)
            | Value::Type(_)
            | Value::Optional(_)
            | Value::Ext(_),
            _,
        ) => Err(EvalError::new("no such overload: _+_")),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// Appends to the left list in place where nothing else holds it.
fn concat<'a>(run: &mut Run<'_, 'a>, a: List<'a>, b: &List<'a>) -> Out<'a> {
    let mut out = match a {
        List::Values(v) => match Arc::try_unwrap(v) {
            Ok(v) => v,
            Err(shared) => {
                run.labour(shared.len())?;
                (*shared).clone()
            }
        },
        json @ List::Json(..) => {
            run.labour(json.len())?;
            json.iter().collect()
        }
    };
    run.labour(b.len())?;
    out.extend(b.iter());
    Ok(Value::list(out))
}

fn shift<'a>(t: Timestamp, nanos: i128) -> Out<'a> {
    let shifted = Timestamp::from_nanosecond(t.as_nanosecond() + nanos).ok();
    checked(
        shifted.filter(super::time::in_range),
        Value::Timestamp,
        TIMESTAMP,
    )
}

fn subtract<'a>(a: &Value<'a>, b: &Value<'a>) -> Out<'a> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => checked(a.checked_sub(*b), Value::Int, INT),
        (Value::Uint(a), Value::Uint(b)) => checked(a.checked_sub(*b), Value::Uint, UINT),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a - b)),
        (Value::Duration(a), Value::Duration(b)) => {
            checked(a.checked_sub(*b), Value::Duration, DURATION)
        }
        (Value::Timestamp(t), Value::Duration(d)) => shift(*t, -i128::from(*d)),
        (Value::Timestamp(a), Value::Timestamp(b)) => {
            let d: SignedDuration = a.duration_since(*b);
            checked(i64::try_from(d.as_nanos()).ok(), Value::Duration, DURATION)
        }
        (
            Value::Int(_)
            | Value::Uint(_)
            | Value::Double(_)
            | Value::Duration(_)
            | Value::Timestamp(_),
            _,
        ) => Err(EvalError::no_such_overload()),
        _ => Err(EvalError::new("no such overload: _-_")),
    }
}

fn multiply<'a>(a: &Value<'a>, b: &Value<'a>) -> Out<'a> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => checked(a.checked_mul(*b), Value::Int, INT),
        (Value::Uint(a), Value::Uint(b)) => checked(a.checked_mul(*b), Value::Uint, UINT),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a * b)),
        (Value::Int(_) | Value::Uint(_) | Value::Double(_), _) => {
            Err(EvalError::no_such_overload())
        }
        _ => Err(EvalError::new("no such overload: _*_")),
    }
}

fn divide<'a>(a: &Value<'a>, b: &Value<'a>) -> Out<'a> {
    match (a, b) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
            Err(EvalError::new("division by zero"))
        }
        (Value::Int(a), Value::Int(b)) => checked(a.checked_div(*b), Value::Int, INT),
        (Value::Uint(a), Value::Uint(b)) => Ok(Value::Uint(a / b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a / b)),
        (Value::Int(_) | Value::Uint(_) | Value::Double(_), _) => {
            Err(EvalError::no_such_overload())
        }
        _ => Err(EvalError::new("no such overload: _/_")),
    }
}

fn modulo<'a>(a: &Value<'a>, b: &Value<'a>) -> Out<'a> {
    match (a, b) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
            Err(EvalError::new("modulus by zero"))
        }
        (Value::Int(a), Value::Int(b)) => checked(a.checked_rem(*b), Value::Int, INT),
        (Value::Uint(a), Value::Uint(b)) => Ok(Value::Uint(a % b)),
        (Value::Int(_) | Value::Uint(_), _) => Err(EvalError::no_such_overload()),
        _ => Err(EvalError::new("no such overload: _%_")),
    }
}

fn insert<'a>(run: &mut Run<'_, 'a>, mut args: Vec<Value<'a>>) -> Out<'a> {
    let last = args.pop();
    let mut args = args.into_iter();
    let (Some(Value::Map(Map::Values(map))), key, Some(last)) = (args.next(), args.next(), last)
    else {
        return Err(EvalError::no_such_overload());
    };
    let mut map = Arc::try_unwrap(map).unwrap_or_else(|shared| (*shared).clone());
    let pairs = match (key, last) {
        (Some(key), value) => vec![(key, value)],
        (None, Value::Map(update)) => {
            let entry = |k: Value<'a>| update.get(&k).map(|v| (k, v));
            update.keys().into_iter().filter_map(entry).collect()
        }
        _ => return Err(EvalError::no_such_overload()),
    };
    run.labour(pairs.len())?;
    for (key, value) in pairs {
        if map.insert(Key::from_value(&key)?, value).is_some() {
            let shown = super::convert::shown(&key);
            return Err(EvalError::new(format!(
                "insert failed: key {shown} already exists"
            )));
        }
    }
    Ok(Value::Map(Map::Values(Arc::new(map))))
}
