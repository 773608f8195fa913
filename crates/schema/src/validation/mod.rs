//! Validation of built-in kinds: metadata of every object, and rules as data per kind.

mod cross;
mod definition;
pub(crate) mod metadata;
pub(crate) mod names;
mod print;
mod rules;
mod update;

use krm::{Gvk, Value};

use crate::error::FieldError;
use crate::table::{StructId, Types};

/// Judges a new object of a built-in kind.
pub(crate) fn create(types: &Types, id: StructId, gvk: &Gvk, object: &Value) -> Vec<FieldError> {
    let Some(resource) = types.resource_of(gvk) else {
        // Reviews and their like are judged by who answers them.
        return Vec::new();
    };
    let mut errors = metadata::validate(object, resource.namespaced, name_of(gvk));
    if metadata::KNOWN_FINALIZERS.contains(&gvk.group.as_str()) {
        metadata::known_finalizers(object, &mut errors);
    }
    errors.extend(rules::validate(types, id, object, None));
    if gvk.kind == "CustomResourceDefinition" {
        errors.extend(definition::validate(object));
    }
    errors
}

/// Judges a changed object of a built-in kind.
pub(crate) fn update(types: &Types, id: StructId, new: &Value, old: &Value) -> Vec<FieldError> {
    let gvk = Gvk::new(
        new["apiVersion"].as_str().unwrap_or_default(),
        new["kind"].as_str().unwrap_or_default(),
    );
    if types.resource_of(&gvk).is_none() {
        return Vec::new();
    }
    let mut errors = metadata::validate_update(new, old);
    update::validate(&gvk, new, old, &mut errors);
    errors.extend(rules::validate(types, id, new, Some(old)));
    if gvk.kind == "CustomResourceDefinition" {
        errors.extend(definition::validate_update(new, old));
    }
    errors
}

/// What judges names of a kind.
fn name_of(gvk: &Gvk) -> fn(&str) -> Vec<String> {
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Namespace" | "Service") => names::dns_label,
        ("rbac.authorization.k8s.io", _) | ("apiregistration.k8s.io", _) => names::path_segment,
        _ => names::dns_subdomain,
    }
}
