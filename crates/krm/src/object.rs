//! An object and its identity.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A Kubernetes object: a JSON object whose keys are sorted, as Go writes maps.
///
/// Holds at least `apiVersion` and `kind`, both non-empty strings; everything else is as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Object(Map<String, Value>);

/// Why a value is no Kubernetes object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnObject {
    /// The value is a list, a scalar or null.
    #[error("expected a mapping with apiVersion and kind")]
    NotAMapping,
    /// `apiVersion` is absent, empty or no string.
    #[error("apiVersion is missing")]
    NoApiVersion,
    /// `kind` is absent, empty or no string.
    #[error("kind is missing")]
    NoKind,
}

/// Group, version and kind; `group` is empty for the core group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gvk {
    /// API group, `""` for core.
    pub group: String,
    /// Version, such as `v1`.
    pub version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
}

/// Group and kind: what stays the same over versions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKind {
    /// API group, `""` for core.
    pub group: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
}

/// Which object: group, kind, namespace and name, whatever the version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// API group, `""` for core.
    pub group: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Namespace, `""` for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Gvk {
    /// From an `apiVersion` (`v1`, `apps/v1`) and a kind.
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        }
    }

    /// `group/version`, or `version` alone for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Without the version.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind {
            group: self.group.clone(),
            kind: self.kind.clone(),
        }
    }
}

impl fmt::Display for GroupKind {
    /// `Kind.group`, or `Kind` for the core group.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if self.group.is_empty() {
            Ok(())
        } else {
            write!(f, ".{}", self.group)
        }
    }
}

impl fmt::Display for ObjectId {
    /// `Kind/namespace/name`, or `Kind/name` for cluster-scoped objects: the form of fluxcd/pkg/ssa's messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}/{}", self.kind, self.name)
        } else {
            write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }
}

impl Object {
    /// `apiVersion`.
    pub fn api_version(&self) -> &str {
        self.text("apiVersion")
    }

    /// `kind`.
    pub fn kind(&self) -> &str {
        self.text("kind")
    }

    /// Group, version and kind.
    pub fn gvk(&self) -> Gvk {
        Gvk::new(self.api_version(), self.kind())
    }

    /// Which object this is.
    pub fn id(&self) -> ObjectId {
        let Gvk { group, kind, .. } = self.gvk();
        ObjectId {
            group,
            kind,
            namespace: self.namespace().unwrap_or_default().into(),
            name: self.name().into(),
        }
    }

    /// `metadata.name`, `""` where absent.
    pub fn name(&self) -> &str {
        self.meta("name").unwrap_or_default()
    }

    /// `metadata.namespace`; `None` where absent or empty.
    pub fn namespace(&self) -> Option<&str> {
        self.meta("namespace")
            .filter(|namespace| !namespace.is_empty())
    }

    /// `metadata.uid`, `""` where absent.
    pub fn uid(&self) -> &str {
        self.meta("uid").unwrap_or_default()
    }

    /// `metadata.resourceVersion`, `""` where absent.
    pub fn resource_version(&self) -> &str {
        self.meta("resourceVersion").unwrap_or_default()
    }

    /// `metadata.generation`, 0 where absent.
    pub fn generation(&self) -> i64 {
        self.metadata()
            .and_then(|meta| meta.get("generation"))
            .and_then(Value::as_i64)
            .unwrap_or_default()
    }

    /// Whether `metadata.deletionTimestamp` is set.
    pub fn is_deleting(&self) -> bool {
        self.meta("deletionTimestamp").is_some()
    }

    /// A label's value.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.metadata()?.get("labels")?.get(key)?.as_str()
    }

    /// An annotation's value.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata()?.get("annotations")?.get(key)?.as_str()
    }

    /// `metadata.finalizers`.
    pub fn finalizers(&self) -> impl Iterator<Item = &str> {
        self.metadata()
            .and_then(|meta| meta.get("finalizers"))
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    }

    /// `metadata`, where it is a mapping.
    pub fn metadata(&self) -> Option<&Map<String, Value>> {
        self.0.get("metadata").and_then(Value::as_object)
    }

    /// `metadata`, made where it is absent or no mapping.
    pub fn metadata_mut(&mut self) -> &mut Map<String, Value> {
        entry_object(&mut self.0, "metadata")
    }

    /// Sets `metadata.namespace`.
    pub fn set_namespace(&mut self, namespace: &str) {
        self.metadata_mut()
            .insert("namespace".into(), namespace.into());
    }

    /// Sets a label.
    pub fn set_label(&mut self, key: &str, value: &str) {
        entry_object(self.metadata_mut(), "labels").insert(key.into(), value.into());
    }

    /// Sets an annotation.
    pub fn set_annotation(&mut self, key: &str, value: &str) {
        entry_object(self.metadata_mut(), "annotations").insert(key.into(), value.into());
    }

    /// The value at an RFC 6901 JSON pointer.
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        let (first, rest) = pointer.strip_prefix('/')?.split_once('/').map_or_else(
            || (&pointer[1..], ""),
            |(a, _)| (a, &pointer[a.len() + 1..]),
        );
        self.0
            .get(&first.replace("~1", "/").replace("~0", "~"))?
            .pointer(rest)
    }

    /// The fields.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The fields, to change. Whoever removes `apiVersion` or `kind` here breaks the type's promise.
    pub fn fields_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.0
    }

    /// The value itself.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// A copy as a plain value.
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    fn meta(&self, key: &str) -> Option<&str> {
        self.metadata()?.get(key)?.as_str()
    }
}

/// The mapping at `key`, made where it is absent or something else.
fn entry_object<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let slot = map.entry(key).or_insert(Value::Null);
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    match slot {
        Value::Object(map) => map,
        _ => unreachable!("made a mapping just above"),
    }
}

impl TryFrom<Value> for Object {
    type Error = NotAnObject;

    fn try_from(value: Value) -> Result<Self, NotAnObject> {
        let Value::Object(map) = value else {
            return Err(NotAnObject::NotAMapping);
        };
        let filled = |key| {
            map.get(key)
                .and_then(Value::as_str)
                .is_some_and(|text| !text.is_empty())
        };
        if !filled("apiVersion") {
            return Err(NotAnObject::NoApiVersion);
        }
        if !filled("kind") {
            return Err(NotAnObject::NoKind);
        }
        Ok(Self(map))
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        object.into_value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn identity_leaves_the_version_out() {
        let object = Object::try_from(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api", "namespace": "team"}
        }))
        .unwrap();
        assert_eq!(object.id().to_string(), "Deployment/team/api");
        assert_eq!(object.gvk().api_version(), "apps/v1");
        assert_eq!(object.pointer("/metadata/name"), Some(&json!("api")));
        assert_eq!(object.pointer("/kind"), Some(&json!("Deployment")));
    }

    #[test]
    fn what_is_no_object_says_why() {
        assert_eq!(Object::try_from(json!([])), Err(NotAnObject::NotAMapping));
        assert_eq!(
            Object::try_from(json!({"kind": "A"})),
            Err(NotAnObject::NoApiVersion)
        );
        assert_eq!(
            Object::try_from(json!({"apiVersion": "v1", "kind": ""})),
            Err(NotAnObject::NoKind)
        );
    }
}
