//! Structured merge: what an object's fields are, by its schema, and how two of them come together.
//!
//! The rules are those of sigs.k8s.io/structured-merge-diff: granular maps merge key by key, sets and keyed lists item by item, anything atomic
//! as a whole. What a value owns is a [`FieldSet`]; who owns what is the business of [`crate::managed`].

mod combine;
mod compare;
mod item;
mod leaves;
mod reconcile;
mod schema;
mod select;
mod validate;

pub use compare::Comparison;
pub use schema::{List, ListKey, ListRelation, Map, MapRelation, Scalar, Schema, Type, TypeId};
pub use validate::{Duplicates, FieldError, Invalid};

use crate::Value;
use crate::fields::FieldSet;

/// A type in its schema: what the operations of this module are about.
#[derive(Clone, Copy, Debug)]
pub struct TypeRef<'a> {
    /// Where the type's id means something.
    pub schema: &'a Schema,
    /// The type.
    pub id: TypeId,
}

/// The shapes a value may be seen in: one, where the value decides, else all its type has.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shapes {
    scalar: bool,
    list: bool,
    map: bool,
}

/// The shape in which a value is handled.
enum Shape<'a> {
    Map(&'a Map),
    Scalar(Scalar),
    List(&'a List),
}

impl<'a> TypeRef<'a> {
    /// Another type of the same schema.
    fn to(self, id: TypeId) -> Self {
        Self { id, ..self }
    }

    fn get(self) -> &'a Type {
        self.schema.get(self.id)
    }

    /// Checks that a value is of this type.
    ///
    /// # Errors
    /// [`Invalid`] lists every field that is not.
    pub fn validate(self, value: &Value, duplicates: Duplicates) -> Result<(), Invalid> {
        validate::validate(self, value, duplicates)
    }

    /// The fields a value of this type has: its leaves, and the items of its lists and maps.
    pub fn field_set(self, value: &Value) -> FieldSet {
        leaves::field_set(self, value)
    }

    /// `live` with what `applied` says laid over it. Nothing is removed; where both have a leaf, `applied` wins.
    ///
    /// Assumes that both are valid, `applied` without duplicates. Items that `applied` names stand in its order.
    pub fn merge(self, live: &Value, applied: &Value) -> Value {
        combine::merge(self, live, applied)
    }

    /// What changed from one value to another.
    ///
    /// Assumes that both are valid, but for duplicates.
    pub fn compare(self, old: &Value, new: &Value) -> Comparison {
        compare::compare(self, old, new)
    }

    /// The value without the fields of a set and what lies below them; a container left with nothing becomes null.
    pub fn remove(self, value: &Value, fields: &FieldSet) -> Value {
        select::select(self, value, fields, select::Keep::Others)
    }

    /// The fields of a set only.
    pub fn extract(self, value: &Value, fields: &FieldSet) -> Value {
        select::select(self, value, fields, select::Keep::These)
    }

    /// A set that was written when the schema was another: what has become atomic since is owned as a whole. `None` where nothing changes.
    pub fn reconcile(self, fields: &FieldSet) -> Option<FieldSet> {
        reconcile::reconcile(self, fields)
    }
}

impl Type {
    /// The shapes in which to see a value of this type: null, and what the type has no shape for, leave the choice open.
    fn shapes(&self, value: &Value) -> Shapes {
        let all = Shapes {
            scalar: self.scalar.is_some(),
            list: self.list.is_some(),
            map: self.map.is_some(),
        };
        let none = Shapes {
            scalar: false,
            list: false,
            map: false,
        };
        match value {
            Value::Bool(_) | Value::Number(_) | Value::String(_) if all.scalar => Shapes {
                scalar: true,
                ..none
            },
            Value::Array(_) if all.list => Shapes { list: true, ..none },
            Value::Object(_) if all.map => Shapes { map: true, ..none },
            _ => all,
        }
    }

    /// The first of these shapes: map, scalar, list.
    fn shape(&self, of: Shapes) -> Option<Shape<'_>> {
        let map = self.map.as_ref().filter(|_| of.map).map(Shape::Map);
        map.or_else(|| self.scalar.filter(|_| of.scalar).map(Shape::Scalar))
            .or_else(|| self.list.as_ref().filter(|_| of.list).map(Shape::List))
    }

    /// The shape in which to see this value.
    fn shape_of(&self, value: &Value) -> Option<Shape<'_>> {
        self.shape(self.shapes(value))
    }
}

#[cfg(test)]
mod tests;
