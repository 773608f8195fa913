//! Defaults of built-in kinds.

use krm::{Gvk, Value};

/// Sets what the server sets on a new or changed object of a kind.
pub(crate) fn apply(_gvk: &Gvk, _object: &mut Value) {}
