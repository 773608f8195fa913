//! Validation of built-in kinds: metadata of every object, and rules as data per kind.

pub(crate) mod metadata;
pub(crate) mod names;

use krm::{Gvk, Value};

use crate::error::FieldError;
use crate::table::Types;

/// Judges a new object of a built-in kind.
pub(crate) fn create(types: &Types, gvk: &Gvk, object: &Value) -> Vec<FieldError> {
    let Some(resource) = types.resource_of(gvk) else {
        return Vec::new();
    };
    metadata::validate(object, resource.namespaced, name_of(gvk))
}

/// Judges a changed object of a built-in kind.
pub(crate) fn update(types: &Types, gvk: &Gvk, new: &Value, old: &Value) -> Vec<FieldError> {
    if types.resource_of(gvk).is_none() {
        return Vec::new();
    }
    metadata::validate_update(new, old)
}

/// What judges names of a kind.
fn name_of(gvk: &Gvk) -> fn(&str) -> Vec<String> {
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Namespace") => names::dns_label,
        ("", "Service") => names::dns1035_label,
        ("rbac.authorization.k8s.io", _) => names::path_segment,
        _ => names::dns_subdomain,
    }
}
