//! The one writer of what controllers say about their own objects.

use api::names;
use cluster::{Client, Error, Patch, Query, Resource, Target};
use krm::{Map, Object, Value, json};
use plan::Conclusion;

/// Writes status and finalizers of a conclusion; returns the object as written, `None` where there was nothing to write.
///
/// # Errors
/// What the API server said.
pub(crate) async fn write(
    client: &Client,
    resource: &Resource,
    manager: &str,
    object: &Object,
    conclusion: &Conclusion<Value>,
) -> Result<Option<Object>, Error> {
    let mut written = None;
    if let Some(status) = &conclusion.status {
        let old = object
            .fields()
            .get("status")
            .cloned()
            .unwrap_or_else(|| json!({}));
        if let Some(patch) = difference(&old, status) {
            let name = format!("{}/status", object.name());
            let target = Target {
                resource,
                namespace: object.namespace().unwrap_or_default(),
                name: &name,
            };
            written = Some(patch_as(client, target, manager, json!({"status": patch})).await?);
        }
    }
    if conclusion.finalized {
        let rest: Vec<_> = object
            .finalizers()
            .filter(|name| *name != names::FINALIZER)
            .collect();
        written = Some(set_finalizers(client, resource, manager, object, &rest).await?);
    }
    Ok(written)
}

/// Adds the toolkit's finalizer.
///
/// # Errors
/// What the API server said; a conflict when the object has changed meanwhile.
pub(crate) async fn add_finalizer(
    client: &Client,
    resource: &Resource,
    manager: &str,
    object: &Object,
) -> Result<Object, Error> {
    let all: Vec<_> = object.finalizers().chain([names::FINALIZER]).collect();
    set_finalizers(client, resource, manager, object, &all).await
}

async fn set_finalizers(
    client: &Client,
    resource: &Resource,
    manager: &str,
    object: &Object,
    finalizers: &[&str],
) -> Result<Object, Error> {
    let target = Target {
        resource,
        namespace: object.namespace().unwrap_or_default(),
        name: object.name(),
    };
    let list = if finalizers.is_empty() {
        Value::Null
    } else {
        json!(finalizers)
    };
    // The uid guards against a namesake; finalizers of others are read from the same object that is patched.
    let patch = json!({"metadata": {"uid": object.uid(), "finalizers": list}});
    patch_as(client, target, manager, patch).await
}

async fn patch_as(
    client: &Client,
    target: Target<'_>,
    manager: &str,
    patch: Value,
) -> Result<Object, Error> {
    client
        .patch(
            target,
            Patch::Merge,
            &patch,
            Query::new().with("fieldManager", manager),
        )
        .await
}

/// The RFC 7396 patch that turns `old` into `new`; `None` where they are equal.
fn difference(old: &Value, new: &Value) -> Option<Value> {
    if old == new {
        return None;
    }
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        return Some(new.clone());
    };
    let mut patch = Map::new();
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in new {
        match old.get(key) {
            None => {
                patch.insert(key.clone(), value.clone());
            }
            Some(before) => {
                if let Some(change) = difference(before, value) {
                    patch.insert(key.clone(), change);
                }
            }
        }
    }
    Some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equal_status_is_no_patch() {
        let status = json!({"observedGeneration": 1, "conditions": [{"type": "Ready"}]});
        assert_eq!(difference(&status, &status), None);
    }

    #[test]
    fn what_is_gone_is_null_and_lists_are_whole() {
        let old = json!({"a": 1, "b": {"c": 1, "d": 2}, "e": [1]});
        let new = json!({"b": {"c": 1, "d": 3}, "e": [1, 2], "f": {}});
        assert_eq!(
            difference(&old, &new),
            Some(json!({"a": null, "b": {"d": 3}, "e": [1, 2], "f": {}}))
        );
    }
}
