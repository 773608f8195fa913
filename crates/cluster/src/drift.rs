//! What can be told of an object's drift from its metadata alone.

use std::hash::{DefaultHasher, Hash, Hasher};

use krm::{Object, Value};
use serde_json::json;

/// Who applies, and whose fields it takes over.
#[derive(Clone, Debug)]
pub struct Manager {
    /// The field manager, such as `kustomize-controller`.
    pub name: String,
    /// The group that prefixes owner and control labels, such as `kustomize.toolkit.fluxcd.io`.
    pub group: String,
    /// Further managers whose fields are taken over (`--override-manager`), matched by prefix.
    pub overridden: Vec<String>,
}

/// Annotations that the cleanup strips.
const STRIPPED_ANNOTATIONS: [&str; 3] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kustomize.toolkit.fluxcd.io/checksum",
    "fluxcd.io/sync-checksum",
];
/// Labels that the cleanup strips.
const STRIPPED_LABELS: [&str; 1] = ["fluxcd.io/sync-gc-mark"];

impl Manager {
    /// Whether an entry of `managedFields` belongs to somebody whose fields are taken over.
    fn seizes(&self, entry: &Value) -> bool {
        let text = |key| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        if !text("subresource").is_empty() {
            return false;
        }
        let (manager, operation) = (text("manager"), text("operation"));
        manager.starts_with("kubectl")
            || (operation == "Update"
                && (manager.starts_with("before-first-apply") || manager.starts_with(&self.name)))
            || self
                .overridden
                .iter()
                .any(|name| manager.starts_with(name.as_str()))
    }

    fn owns(&self, entry: &Value) -> bool {
        entry.get("manager").and_then(Value::as_str) == Some(&self.name)
            && entry.get("operation").and_then(Value::as_str) == Some("Apply")
            && entry.get("subresource").is_none()
    }

    /// Whether a label or annotation `<group>/<key>` has `value`, whatever its case.
    pub fn marks(&self, object: &Object, key: &str, value: &str) -> bool {
        let key = format!("{}/{key}", self.group);
        let marked =
            |found: Option<&str>| found.is_some_and(|found| found.eq_ignore_ascii_case(value));
        marked(object.label(&key)) || marked(object.annotation(&key))
    }

    /// A number that stays the same as long as nothing of `object` moved that an apply by this manager would put right:
    /// its uid, this manager's own entry (fields, version and time), entries it would take over, what its cleanup would strip, and the labels
    /// and annotations that say whether and how to reconcile. Works on metadata alone.
    pub fn fingerprint(&self, object: &Object) -> u64 {
        let mut hasher = DefaultHasher::new();
        object.uid().hash(&mut hasher);
        for entry in managed_fields(object) {
            if self.owns(entry) || self.seizes(entry) {
                entry.to_string().hash(&mut hasher);
            }
        }
        let meta = |kind: &str| {
            object
                .metadata()
                .and_then(|meta| meta.get(kind))
                .and_then(Value::as_object)
        };
        for kind in ["labels", "annotations"] {
            for (key, value) in meta(kind).into_iter().flatten() {
                let stripped = STRIPPED_ANNOTATIONS.contains(&key.as_str())
                    || STRIPPED_LABELS.contains(&key.as_str());
                if stripped || key.starts_with(&self.group) {
                    (key, value.as_str()).hash(&mut hasher);
                }
            }
        }
        hasher.finish()
    }

    /// The JSON patch that takes over fields and strips what upstream's cleanup strips; `None` where there is nothing to do.
    pub fn cleanup(&self, live: &Object) -> Option<Value> {
        let mut patch = Vec::new();
        let mut strip = |kind: &str, keys: &[&str], has: &dyn Fn(&str) -> bool| {
            for key in keys.iter().filter(|key| has(key)) {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                patch.push(json!({"op": "remove", "path": format!("/metadata/{kind}/{escaped}")}));
            }
        };
        strip("annotations", &STRIPPED_ANNOTATIONS, &|key| {
            live.annotation(key).is_some()
        });
        strip("labels", &STRIPPED_LABELS, &|key| live.label(key).is_some());
        if let Some(entries) = self.take_over(live) {
            patch.push(
                json!({"op": "replace", "path": "/metadata/managedFields", "value": entries}),
            );
        }
        (!patch.is_empty()).then_some(Value::Array(patch))
    }

    /// `managedFields` with the seized entries merged into this manager's own.
    fn take_over(&self, live: &Object) -> Option<Vec<Value>> {
        let mut own = managed_fields(live).find(|entry| self.owns(entry)).cloned();
        let mut others = Vec::new();
        let mut edited = false;
        for entry in managed_fields(live).filter(|entry| !self.owns(entry)) {
            if !self.seizes(entry) {
                others.push(entry.clone());
                continue;
            }
            edited = true;
            match &mut own {
                Some(own) => {
                    let fields = entry.get("fieldsV1").cloned().unwrap_or_default();
                    union(&mut own["fieldsV1"], fields);
                }
                None => {
                    let mut entry = entry.clone();
                    entry["manager"] = self.name.as_str().into();
                    entry["operation"] = "Apply".into();
                    own = Some(entry);
                }
            }
        }
        others.extend(own);
        edited.then_some(others)
    }
}

fn managed_fields(object: &Object) -> impl Iterator<Item = &Value> {
    object
        .metadata()
        .and_then(|meta| meta.get("managedFields"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The union of two `fieldsV1`: sets of paths written as nested mappings.
fn union(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                union(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into @ Value::Null, from) => *into = from,
        _ => {}
    }
}

/// Whether the result of a dry-run differs from the live object in labels, annotations or anything but metadata and status.
pub fn differs(live: &Object, dry_run: &Object) -> bool {
    let part = |object: &Object, pointer: &str| {
        object
            .pointer(pointer)
            .filter(|value| !is_empty(value))
            .cloned()
    };
    let meta = ["/metadata/labels", "/metadata/annotations"];
    if meta
        .iter()
        .any(|pointer| part(live, pointer) != part(dry_run, pointer))
    {
        return true;
    }
    let body = |object: &Object| {
        let fields = object.fields().iter();
        fields
            .filter(|(key, value)| {
                !matches!(key.as_str(), "metadata" | "status") && !is_empty(value)
            })
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect::<Vec<_>>()
    };
    body(live) != body(dry_run)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager() -> Manager {
        Manager {
            name: "kustomize-controller".into(),
            group: "kustomize.toolkit.fluxcd.io".into(),
            overridden: Vec::new(),
        }
    }

    fn object(managed: Value) -> Object {
        Object::try_from(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
            "name": "a", "uid": "1", "resourceVersion": "7", "managedFields": managed}}),
        )
        .unwrap()
    }

    fn own(time: &str) -> Value {
        json!({"manager": "kustomize-controller", "operation": "Apply", "apiVersion": "v1", "time": time,
               "fieldsV1": {"f:data": {"f:a": {}}}})
    }

    #[test]
    fn somebody_elses_status_is_no_drift_but_a_hand_edit_is() {
        let quiet = object(json!([own("t1")]));
        let status = object(
            json!([own("t1"), {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status"}]),
        );
        assert_eq!(
            manager().fingerprint(&quiet),
            manager().fingerprint(&status)
        );
        let edited = object(
            json!([own("t1"), {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:data": {"f:b": {}}}}]),
        );
        assert_ne!(
            manager().fingerprint(&quiet),
            manager().fingerprint(&edited)
        );
        assert_ne!(
            manager().fingerprint(&quiet),
            manager().fingerprint(&object(json!([own("t2")])))
        );
    }

    #[test]
    fn kubectl_s_fields_are_taken_over() {
        let live = object(
            json!([own("t1"), {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:data": {"f:b": {}}}}]),
        );
        let patch = manager().cleanup(&live).unwrap();
        assert_eq!(
            patch[0]["value"][0]["fieldsV1"],
            json!({"f:data": {"f:a": {}, "f:b": {}}})
        );
        assert_eq!(patch[0]["value"].as_array().unwrap().len(), 1);
        assert_eq!(manager().cleanup(&object(json!([own("t1")]))), None);
    }

    #[test]
    fn a_dry_run_that_moved_only_status_or_metadata_is_no_drift() {
        let with = |extra: Value| {
            let mut value = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "resourceVersion": "1"}, "data": {"a": "1"}});
            for (key, new) in extra.as_object().unwrap() {
                value[key] = new.clone();
            }
            Object::try_from(value).unwrap()
        };
        let live = with(json!({}));
        assert!(!differs(
            &live,
            &with(
                json!({"status": {"x": 1}, "metadata": {"name": "a", "resourceVersion": "2", "labels": {}}})
            )
        ));
        assert!(differs(&live, &with(json!({"data": {"a": "2"}}))));
        assert!(differs(
            &live,
            &with(json!({"metadata": {"name": "a", "labels": {"x": "y"}}}))
        ));
    }
}
