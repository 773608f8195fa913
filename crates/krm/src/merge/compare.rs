//! What changed from one value to another.

use super::item::elements;
use super::{List, ListRelation, Map, MapRelation, Shape, Shapes, TypeRef};
use crate::Value;
use crate::fields::{FieldSet, Filter, PathElement, same_value};

/// The fields that differ between two values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Only the old value has them.
    pub removed: FieldSet,
    /// Both have them, with other values.
    pub modified: FieldSet,
    /// Only the new value has them.
    pub added: FieldSet,
}

/// What became of the field itself.
#[derive(Clone, Copy, Default)]
struct Marks {
    removed: bool,
    modified: bool,
    added: bool,
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_same(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }

    /// What a filter leaves of it.
    #[must_use]
    pub fn filtered(self, filter: Option<&Filter>) -> Self {
        match filter {
            None => self,
            Some(filter) => Self {
                removed: filter.apply(&self.removed).into_owned(),
                modified: filter.apply(&self.modified).into_owned(),
                added: filter.apply(&self.added).into_owned(),
            },
        }
    }

    fn insert(&mut self, element: &PathElement, marks: Marks, below: Comparison) {
        let sets = [
            (&mut self.removed, marks.removed, below.removed),
            (&mut self.modified, marks.modified, below.modified),
            (&mut self.added, marks.added, below.added),
        ];
        for (set, is_member, below) in sets {
            set.insert_child(element.clone(), below);
            if is_member {
                set.insert_member(element.clone());
            }
        }
    }
}

pub(super) fn compare(at: TypeRef<'_>, old: &Value, new: &Value) -> Comparison {
    let mut out = Comparison::default();
    walk(at, Some(old), Some(new), &mut out);
    out
}

type Side<'v> = Option<&'v Value>;

/// Compares two values of which at least one is there. What lies below goes into `out`.
fn walk(at: TypeRef<'_>, old: Side<'_>, new: Side<'_>, out: &mut Comparison) -> Marks {
    let shapes = |value: &Value| at.get().shapes(value);
    let mut marks = Marks::default();
    let is_leaf = match (old.map(shapes), new.map(shapes)) {
        (Some(a), Some(b)) if a != b => {
            // One is a map and the other a list, say: each is looked at in its own shape.
            let mut first = Marks::default();
            visit(at, a, (old, new), (&mut first, out));
            let is_leaf = visit(at, b, (old, new), (&mut marks, out));
            marks.removed |= first.removed;
            marks.modified |= first.modified;
            marks.added |= first.added;
            is_leaf
        }
        (_, Some(shapes)) | (Some(shapes), None) => {
            visit(at, shapes, (old, new), (&mut marks, out))
        }
        (None, None) => true,
    };
    if !is_leaf {
        marks.added |= old.is_none();
        marks.removed |= new.is_none();
    }
    marks
}

/// Compares two values in one shape; says whether that is a leaf.
fn visit(
    at: TypeRef<'_>,
    shapes: Shapes,
    (old, new): (Side<'_>, Side<'_>),
    (marks, out): (&mut Marks, &mut Comparison),
) -> bool {
    match at.get().shape(shapes) {
        Some(Shape::Map(of)) => {
            let [a, b] = [old, new].map(|side| side.and_then(Value::as_object));
            let is_blank = a.is_none_or(crate::Map::is_empty) && b.is_none_or(crate::Map::is_empty);
            if of.relation != MapRelation::Atomic && !is_blank {
                map(at, of, (a, b), out);
                return false;
            }
        }
        Some(Shape::List(of)) => {
            let [a, b] = [old, new].map(|side| side.and_then(Value::as_array));
            let is_blank = a.is_none_or(Vec::is_empty) && b.is_none_or(Vec::is_empty);
            if of.relation != ListRelation::Atomic && !is_blank {
                list(at, of, (a, b), out);
                return false;
            }
        }
        Some(Shape::Scalar(_)) => {}
        None => return false,
    }
    match (old, new) {
        (None, _) => marks.added = true,
        (_, None) => marks.removed = true,
        (Some(old), Some(new)) => marks.modified |= !same_value(old, new),
    }
    true
}

fn step(
    at: Option<TypeRef<'_>>,
    element: &PathElement,
    sides: (Side<'_>, Side<'_>),
    out: &mut Comparison,
) {
    let Some(at) = at else { return };
    let mut below = Comparison::default();
    let marks = walk(at, sides.0, sides.1, &mut below);
    out.insert(element, marks, below);
}

type Fields<'v> = Option<&'v crate::Map<String, Value>>;

fn map(at: TypeRef<'_>, of: &Map, (old, new): (Fields<'_>, Fields<'_>), out: &mut Comparison) {
    for (key, value) in old.into_iter().flatten() {
        let other = new.and_then(|new| new.get(key));
        let id = of.at(key).map(|id| at.to(id));
        step(id, &PathElement::field(key), (Some(value), other), out);
    }
    for (key, value) in new.into_iter().flatten() {
        if !old.is_some_and(|old| old.contains_key(key)) {
            let id = of.at(key).map(|id| at.to(id));
            step(id, &PathElement::field(key), (None, Some(value)), out);
        }
    }
}

type Items<'v> = Option<&'v Vec<Value>>;

fn list(at: TypeRef<'_>, of: &List, (old, new): (Items<'_>, Items<'_>), out: &mut Comparison) {
    let mut all = Vec::new();
    for (items, is_new) in [(old, false), (new, true)] {
        let items = items.map(Vec::as_slice).unwrap_or_default();
        let items = elements(at, of, items).into_iter();
        all.extend(items.map(|(element, item)| (element, is_new, item)));
    }
    // Stable: the old items of an element stand before the new ones, each in its order.
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let item = Some(at.to(of.element));
    for same in all.chunk_by(|a, b| a.0 == b.0) {
        let element = &same[0].0;
        let (old, new) = same.split_at(same.partition_point(|(_, is_new, _)| !is_new));
        match (old, new) {
            ([] | [_], [] | [_]) => {
                let sides = (old.first().map(|o| o.2), new.first().map(|n| n.2));
                step(item, element, sides, out);
            }
            // What is there twice counts as one atomic thing.
            ([_, _, ..], [_, _, ..]) => {
                let is_same = old.len() == new.len()
                    && old
                        .iter()
                        .zip(new)
                        .all(|(old, new)| same_value(old.2, new.2));
                if !is_same {
                    out.modified.insert_member(element.clone());
                }
            }
            (_, [] | [_]) => {
                if let [new] = new {
                    step(item, element, (None, Some(new.2)), out);
                }
                out.removed.insert_member(element.clone());
            }
            (_, _) => {
                if let [old] = old {
                    step(item, element, (Some(old.2), None), out);
                }
                out.added.insert_member(element.clone());
            }
        }
    }
}
