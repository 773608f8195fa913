//! Structured merge: what an object's fields are, by its schema, and how two of them come together.

mod schema;

pub use schema::{List, ListKey, ListRelation, Map, MapRelation, Scalar, Schema, Type, TypeId};
