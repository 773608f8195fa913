//! Field sets that outlive a change of their schema.

use super::{ListRelation, Map, MapRelation, Scalar, Schema, Shape, Shapes, TypeRef};
use crate::fields::{FieldSet, PathElement};

/// What is to become of a field.
enum Change {
    /// Nothing.
    Keep,
    /// It is owned as a whole.
    Whole,
    /// This now lies below it.
    Below(FieldSet),
}

pub(super) fn reconcile(at: TypeRef<'_>, fields: &FieldSet) -> Option<FieldSet> {
    match walk(at, Some(fields), false) {
        Change::Below(fields) => Some(fields),
        Change::Keep | Change::Whole => None,
    }
}

/// `is_whole` where the field is a member and nothing lies below it.
fn walk(at: TypeRef<'_>, fields: Option<&FieldSet>, is_whole: bool) -> Change {
    let of = at.get();
    let all = Shapes {
        scalar: true,
        list: true,
        map: true,
    };
    match of.shape(all) {
        Some(Shape::Map(map)) => {
            if is_deduced(at.schema, map) {
                return Change::Keep;
            }
            if !is_whole && map.relation == MapRelation::Atomic {
                return match fields.is_some_and(|fields| !fields.is_empty()) {
                    true => Change::Whole,
                    false => Change::Keep,
                };
            }
            fields.map_or(Change::Keep, |fields| {
                each(fields, |element| match element {
                    PathElement::Field(name) => map.at(name).map(|id| at.to(id)),
                    _ => map.element.map(|id| at.to(id)),
                })
            })
        }
        Some(Shape::List(list)) => {
            if !is_whole && list.relation == ListRelation::Atomic {
                return Change::Whole;
            }
            fields.map_or(Change::Keep, |fields| {
                each(fields, |_| Some(at.to(list.element)))
            })
        }
        Some(Shape::Scalar(_)) | None => Change::Keep,
    }
}

/// Walks what lies below a field. Members without children are whole already: nothing changes there.
fn each<'a>(fields: &FieldSet, of: impl Fn(&PathElement) -> Option<TypeRef<'a>>) -> Change {
    let mut changed: Option<FieldSet> = None;
    for (element, child) in fields.children() {
        let Some(at) = of(element) else { continue };
        match walk(at, Some(child), false) {
            Change::Keep => {}
            Change::Whole => {
                let out = changed.get_or_insert_with(|| fields.clone());
                out.remove_child(element);
                out.insert_member(element.clone());
            }
            Change::Below(below) => {
                let out = changed.get_or_insert_with(|| fields.clone());
                out.remove_child(element);
                out.insert_child(element.clone(), below);
            }
        }
    }
    changed.map_or(Change::Keep, Change::Below)
}

/// Maps of which only unknown fields are known are left as they are: untyped fields have no relation yet.
fn is_deduced(schema: &Schema, map: &Map) -> bool {
    let is_untyped = |id| {
        id == Schema::DEDUCED
            || (id != Schema::UNTYPED_ATOMIC && schema.get(id).scalar == Some(Scalar::Untyped))
    };
    map.fields().is_empty() && map.element.is_some_and(is_untyped)
}
