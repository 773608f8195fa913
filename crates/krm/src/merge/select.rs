//! A value without some of its fields, or with only those.

use super::item::element;
use super::{List, ListRelation, Map, MapRelation, Shape, TypeRef};
use crate::Value;
use crate::fields::{FieldSet, PathElement};

/// What stays.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// The fields of the set.
    These,
    /// The other fields.
    Others,
}

pub(super) fn select(at: TypeRef<'_>, value: &Value, fields: &FieldSet, keep: Keep) -> Value {
    let whole = || match keep {
        Keep::These => value.clone(),
        Keep::Others => Value::Null,
    };
    match (at.get().shape_of(value), value) {
        (Some(Shape::Scalar(_)), _) => value.clone(),
        (Some(Shape::Map(of)), Value::Object(items)) => {
            if items.is_empty() || of.relation == MapRelation::Atomic {
                return whole();
            }
            map(at, of, items, (fields, keep))
        }
        (Some(Shape::List(of)), Value::Array(items)) => {
            if items.is_empty() || of.relation == ListRelation::Atomic {
                return whole();
            }
            list(at, of, items, (fields, keep))
        }
        _ => Value::Null,
    }
}

fn map(
    at: TypeRef<'_>,
    of: &Map,
    items: &crate::Map<String, Value>,
    (fields, keep): (&FieldSet, Keep),
) -> Value {
    let inner = |key: &str, value: &Value, fields: &FieldSet| match of.at(key) {
        Some(id) => select(at.to(id), value, fields, keep),
        None => Value::Null,
    };
    let mut out = crate::Map::new();
    for (key, value) in items {
        let element = PathElement::field(key);
        let below = fields.child(&element).filter(|below| !below.is_empty());
        let selected = match (fields.has_member(&element), keep, below) {
            (true, Keep::Others, _) | (false, Keep::These, None) => continue,
            (true, Keep::These, _) => inner(key, value, fields),
            (false, _, Some(below)) => inner(key, value, below),
            (false, Keep::Others, None) => value.clone(),
        };
        out.insert(key.clone(), selected);
    }
    if out.is_empty() {
        return Value::Null;
    }
    Value::Object(out)
}

fn list(at: TypeRef<'_>, of: &List, items: &[Value], (fields, keep): (&FieldSet, Keep)) -> Value {
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        let element = element(at, of, item).ok();
        let is_member = element
            .as_ref()
            .is_some_and(|element| fields.has_member(element));
        let below = element
            .as_ref()
            .and_then(|element| fields.child(element))
            .filter(|below| !below.is_empty());
        match (is_member, keep, below) {
            (true, Keep::Others, _) | (false, Keep::These, None) => {}
            (_, _, Some(below)) => out.push(select(at.to(of.element), item, below, keep)),
            (_, _, None) => out.push(item.clone()),
        }
    }
    if out.is_empty() {
        return Value::Null;
    }
    Value::Array(out)
}
