//! The controllers' view of objects: the newest of what watches told and what was just written.

use std::collections::HashMap;
use std::sync::Arc;

use api::names;
use krm::{Object, Value};
use plan::Key;

/// The key of an object.
pub(crate) fn key_of(object: &Object) -> Key {
    Key::new(object.namespace().unwrap_or_default(), object.name())
}

/// The resource version as a number; 0 where it is none.
pub(crate) fn version(object: &Object) -> u64 {
    object.resource_version().parse().unwrap_or_default()
}

/// Puts an object in, unless a newer one of the same uid is there already; then `None`, else what was there before.
pub(crate) fn insert(
    objects: &mut HashMap<Key, Arc<Object>>,
    object: &Arc<Object>,
) -> Option<Option<Arc<Object>>> {
    let key = key_of(object);
    if let Some(old) = objects.get(&key)
        && old.uid() == object.uid()
        && version(old) >= version(object)
    {
        return None;
    }
    Some(objects.insert(key, object.clone()))
}

/// Whether a change calls the object's own controller: it is new, or its spec, its reconcile request or its deletion moved.
pub(crate) fn calls(old: Option<&Object>, new: &Object) -> bool {
    let Some(old) = old else { return true };
    old.uid() != new.uid()
        || old.generation() != new.generation()
        || old.annotation(names::RECONCILE_REQUESTED_AT)
            != new.annotation(names::RECONCILE_REQUESTED_AT)
        || old.is_deleting() != new.is_deleting()
}

/// A status as a value. The toolkit's types have text keys and finite numbers, so that this cannot fail.
pub(crate) fn to_value(status: &impl serde::Serialize) -> Value {
    serde_json::to_value(status).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use krm::json;

    fn object(version: &str, generation: i64) -> Arc<Object> {
        let value = json!({"apiVersion": "v1", "kind": "X", "metadata": {
            "name": "a", "namespace": "n", "uid": "1", "resourceVersion": version, "generation": generation}});
        Arc::new(Object::try_from(value).unwrap())
    }

    #[test]
    fn r05_an_older_object_never_replaces_a_newer_one() {
        let mut objects = HashMap::new();
        assert!(insert(&mut objects, &object("9", 1)).is_some());
        assert!(insert(&mut objects, &object("8", 1)).is_none());
        assert_eq!(objects[&Key::new("n", "a")].resource_version(), "9");
    }

    #[test]
    fn a_status_write_calls_nobody() {
        assert!(!calls(Some(&object("9", 1)), &object("10", 1)));
        assert!(calls(Some(&object("9", 1)), &object("10", 2)));
        assert!(calls(None, &object("9", 1)));
    }
}
