//! Merge patch (RFC 7396), as github.com/evanphx/json-patch 4 applies it: lists of the patch keep their nulls where they replace a map.

use crate::{Map, Value};

/// The patch is no map: 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid JSON Patch")]
pub struct NotAPatch;

/// Lays a patch over a document; null removes.
///
/// # Errors
/// [`NotAPatch`] where the patch is a scalar. A list replaces the document.
pub fn apply(document: Value, patch: Value) -> Result<Value, NotAPatch> {
    match (document, patch) {
        (Value::Object(mut document), Value::Object(patch)) => {
            merge(&mut document, patch);
            Ok(Value::Object(document))
        }
        (_, mut patch @ (Value::Object(_) | Value::Array(_))) => {
            prune(&mut patch);
            Ok(patch)
        }
        _ => Err(NotAPatch),
    }
}

fn merge(document: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (key, mut value) in patch {
        if value.is_null() {
            document.remove(&key);
            continue;
        }
        match (document.get_mut(&key), value) {
            (Some(Value::Object(current)), Value::Object(patch)) => merge(current, patch),
            (Some(current @ Value::Object(_)), other) => *current = other,
            (Some(current), other) => {
                value = other;
                prune(&mut value);
                *current = value;
            }
            (None, other) => {
                value = other;
                prune(&mut value);
                document.insert(key, value);
            }
        }
    }
}

/// Removes the nulls of maps, also of those in lists; the nulls of lists stay.
fn prune(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(prune);
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}
