//! Lists and sets.

use std::cmp::Ordering;

use super::Out;
use crate::error::EvalError;
use crate::eval::Run;
use crate::value::{List, Value};

pub(super) fn call<'a>(run: &mut Run<'_, 'a>, name: &str, args: &[Value<'a>]) -> Option<Out<'a>> {
    if let ("lists.range", [Value::Int(n)]) = (name, args) {
        return Some(range(run, *n));
    }
    let (Some(Value::List(l)), rest) = (args.first(), args.get(1..).unwrap_or_default()) else {
        return None;
    };
    Some(match (name, rest) {
        ("isSorted", []) => is_sorted(l),
        ("sum", []) => sum(run, l),
        ("min", []) => extreme(l, "min", Ordering::Less),
        ("max", []) => extreme(l, "max", Ordering::Greater),
        ("indexOf", [v]) => position(run, l.iter().enumerate(), v),
        ("lastIndexOf", [v]) => {
            let items: Vec<_> = l.iter().enumerate().collect();
            position(run, items.into_iter().rev(), v)
        }
        ("first", []) => Ok(Value::Optional(l.get(0).map(Into::into))),
        ("last", []) => Ok(Value::Optional(
            l.len()
                .checked_sub(1)
                .and_then(|i| l.get(i))
                .map(Into::into),
        )),
        ("reverse", []) => {
            let mut out: Vec<_> = l.iter().collect();
            out.reverse();
            Ok(Value::list(out))
        }
        ("slice", [Value::Int(from), Value::Int(to)]) => slice(l, *from, *to),
        ("flatten", []) => flatten(run, l, 1).map(Value::list),
        ("flatten", [Value::Int(n)]) if *n < 0 => Err(EvalError::new("level must be non-negative")),
        ("flatten", [Value::Int(n)]) => flatten(run, l, *n).map(Value::list),
        ("distinct", []) => distinct(run, l),
        ("sort", []) => {
            let items: Vec<_> = l.iter().collect();
            sort_by(run, items.clone(), items)
        }
        ("sets.contains", [Value::List(r)]) => contains(run, l, r).map(Value::Bool),
        ("sets.equivalent", [Value::List(r)]) => match contains(run, l, r) {
            Ok(true) => contains(run, r, l).map(Value::Bool),
            other => other.map(Value::Bool),
        },
        ("sets.intersects", [Value::List(r)]) => intersects(run, l, r).map(Value::Bool),
        _ => return None,
    })
}

fn range<'a>(run: &mut Run<'_, 'a>, n: i64) -> Out<'a> {
    run.labour(usize::try_from(n).unwrap_or(0))?;
    Ok(Value::list((0..n).map(Value::Int).collect()))
}

fn is_sorted<'a>(l: &List<'a>) -> Out<'a> {
    for i in 1..l.len() {
        if let (Some(a), Some(b)) = (l.get(i - 1), l.get(i))
            && a.compare(&b)? == Ordering::Greater
        {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn sum<'a>(run: &mut Run<'_, 'a>, l: &List<'a>) -> Out<'a> {
    let mut items = l.iter();
    let Some(first) = items.next() else {
        return Ok(Value::Int(0));
    };
    items.try_fold(first, |sum, v| super::ops::call(run, "_+_", vec![sum, v]))
}

fn extreme<'a>(l: &List<'a>, name: &str, wanted: Ordering) -> Out<'a> {
    let mut items = l.iter();
    let first = items
        .next()
        .ok_or_else(|| EvalError::new(format!("{name} called on empty list")))?;
    items.try_fold(first, |best, v| {
        Ok(if v.compare(&best)? == wanted { v } else { best })
    })
}

fn position<'a>(
    run: &mut Run<'_, 'a>,
    items: impl Iterator<Item = (usize, Value<'a>)>,
    v: &Value<'a>,
) -> Out<'a> {
    for (i, x) in items {
        if x.equals(v, &mut run.work)? {
            return Ok(Value::Int(i as i64));
        }
    }
    Ok(Value::Int(-1))
}

fn slice<'a>(l: &List<'a>, from: i64, to: i64) -> Out<'a> {
    let wrong = |why: &str| Err(EvalError::new(format!("cannot slice({from}, {to}), {why}")));
    if from < 0 || to < 0 {
        return wrong("negative indexes not supported");
    }
    if from > to {
        return wrong("start index must be less than or equal to end index");
    }
    if to as usize > l.len() {
        return wrong(&format!("list is length {}", l.len()));
    }
    Ok(Value::list(
        (from as usize..to as usize)
            .filter_map(|i| l.get(i))
            .collect(),
    ))
}

fn flatten<'a>(
    run: &mut Run<'_, 'a>,
    l: &List<'a>,
    level: i64,
) -> Result<Vec<Value<'a>>, EvalError> {
    let mut out = Vec::new();
    for v in l.iter() {
        run.labour(1)?;
        match &v {
            Value::List(inner) if level > 0 => out.extend(flatten(run, inner, level - 1)?),
            _ => out.push(v),
        }
    }
    Ok(out)
}

fn distinct<'a>(run: &mut Run<'_, 'a>, l: &List<'a>) -> Out<'a> {
    let mut out: Vec<Value<'a>> = Vec::new();
    'next: for v in l.iter() {
        for seen in &out {
            if seen.equals(&v, &mut run.work)? {
                continue 'next;
            }
        }
        out.push(v);
    }
    Ok(Value::list(out))
}

/// `list.@sortByAssociatedKeys(keys)`.
pub(super) fn sort_by_keys<'a>(run: &mut Run<'_, 'a>, args: &[Value<'a>]) -> Out<'a> {
    let [Value::List(l), Value::List(keys)] = args else {
        return Err(EvalError::new("no such overload: @sortByAssociatedKeys"));
    };
    sort_by(run, l.iter().collect(), keys.iter().collect())
}

fn sort_by<'a>(run: &mut Run<'_, 'a>, items: Vec<Value<'a>>, keys: Vec<Value<'a>>) -> Out<'a> {
    run.labour(items.len())?;
    let comparable = |v: &Value<'_>| v.compare(v).is_ok() || matches!(v, Value::Double(_));
    let Some(first) = keys.first() else {
        return Ok(Value::list(vec![]));
    };
    if !comparable(first) {
        return Err(EvalError::new("list elements must be comparable"));
    }
    if keys.iter().any(|k| k.type_of() != first.type_of()) {
        return Err(EvalError::new("list elements must have the same type"));
    }
    let mut pairs: Vec<_> = keys.into_iter().zip(items).collect();
    pairs.sort_by(|(a, _), (b, _)| a.compare(b).unwrap_or(Ordering::Equal));
    Ok(Value::list(pairs.into_iter().map(|(_, v)| v).collect()))
}

fn holds<'a>(run: &mut Run<'_, 'a>, l: &List<'a>, v: &Value<'a>) -> Result<bool, EvalError> {
    for x in l.iter() {
        if x.equals(v, &mut run.work)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn contains<'a>(run: &mut Run<'_, 'a>, l: &List<'a>, part: &List<'a>) -> Result<bool, EvalError> {
    for v in part.iter() {
        if !holds(run, l, &v)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn intersects<'a>(run: &mut Run<'_, 'a>, l: &List<'a>, r: &List<'a>) -> Result<bool, EvalError> {
    for v in r.iter() {
        if holds(run, l, &v)? {
            return Ok(true);
        }
    }
    Ok(false)
}
