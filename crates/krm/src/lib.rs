//! A Kubernetes object as a value, and everything that can be said about it without asking anybody.
//!
//! Pure: no I/O, clock, randomness or async; same inputs, same bytes.

pub mod changeset;
pub mod fields;
pub mod golang;
pub mod managed;
pub mod merge;
pub mod object;
pub mod order;
pub mod patch;
pub mod status;
pub mod tree;
pub mod yaml;

pub use object::{GroupKind, Gvk, NotAnObject, Object, ObjectId};
pub use serde_json::{Map, Value, json};
pub use tree::{File, Tree};
