//! The fields that a value has.

use super::item::elements;
use super::{List, ListRelation, Map, MapRelation, Shape, TypeRef};
use crate::Value;
use crate::fields::{FieldSet, PathElement};

pub(super) fn field_set(at: TypeRef<'_>, value: &Value) -> FieldSet {
    walk(at, value).1
}

/// Whether the value itself is a leaf, and what lies below it.
fn walk(at: TypeRef<'_>, value: &Value) -> (bool, FieldSet) {
    match at.get().shape_of(value) {
        Some(Shape::Scalar(_)) => (true, FieldSet::new()),
        Some(Shape::Map(of)) if of.relation == MapRelation::Atomic => (true, FieldSet::new()),
        Some(Shape::List(of)) if of.relation == ListRelation::Atomic => (true, FieldSet::new()),
        Some(Shape::Map(of)) => (false, map(at, of, value)),
        Some(Shape::List(of)) => (false, list(at, of, value)),
        None => (false, FieldSet::new()),
    }
}

fn map(at: TypeRef<'_>, of: &Map, value: &Value) -> FieldSet {
    let mut set = FieldSet::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        let field = of.field(key);
        let (is_leaf, below) = match field.or(of.element) {
            Some(id) => walk(at.to(id), value),
            None => (false, FieldSet::new()),
        };
        let is_blank = match value {
            Value::Null => true,
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        let element = PathElement::field(key);
        set.insert_child(element.clone(), below);
        if is_leaf || is_blank || field.is_none() {
            set.insert_member(element);
        }
    }
    set
}

fn list(at: TypeRef<'_>, of: &List, value: &Value) -> FieldSet {
    let mut set = FieldSet::new();
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut items = elements(at, of, items);
    items.sort_by(|a, b| a.0.cmp(&b.0));
    for same in items.chunk_by(|a, b| a.0 == b.0) {
        // An item that is there twice is owned as one thing.
        if let [(element, item)] = same {
            set.insert_child(element.clone(), walk(at.to(of.element), item).1);
        }
        set.insert_member(same[0].0.clone());
    }
    set
}
