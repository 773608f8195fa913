//! Owners of `spec.replicas` seen through the scale subresource.

use std::collections::BTreeMap;

use super::{Entry, ManagedFields};
use crate::fields::{FieldSet, PathElement};

const SCALE_VERSION: &str = "autoscaling/v1";

/// Where a kind's replicas lie, by its API version; `None` for a version without the scale subresource.
#[derive(Clone, Debug, Default)]
pub struct ScaleFields(pub BTreeMap<String, Option<Vec<PathElement>>>);

impl ScaleFields {
    /// The owners of the object's replicas as owners of a `Scale`'s.
    pub fn to_scale(&self, parent: &ManagedFields) -> ManagedFields {
        let mut scale = ManagedFields::default();
        for entry in parent.entries() {
            let path = self.0.get(&entry.api_version).and_then(Option::as_ref);
            if path.is_some_and(|path| entry.fields.has(path)) {
                scale.insert(Entry {
                    api_version: SCALE_VERSION.into(),
                    fields: replicas(),
                    ..entry.clone()
                });
            }
        }
        scale
    }

    /// The object's owners after its `Scale`'s have become `scale`; `api_version` is the object's.
    pub fn to_parent(
        &self,
        parent: &ManagedFields,
        scale: &ManagedFields,
        api_version: &str,
    ) -> ManagedFields {
        let mut scale = scale.clone();
        let mut out = ManagedFields::default();
        for (id, entry) in parent.map() {
            let Some(path) = self.0.get(&entry.api_version) else {
                continue;
            };
            let mut entry = entry.clone();
            if let Some(path) = path
                && entry.fields.has(path)
                && scale.map_mut().remove(id).is_none()
            {
                let mut stolen = FieldSet::new();
                stolen.insert(path);
                entry.fields = entry.fields.difference(&stolen);
            }
            out.map_mut().insert(id.clone(), entry);
        }
        let path = self.0.get(api_version).and_then(Option::as_ref);
        for (id, entry) in scale.map() {
            if let Some(path) = path
                && replicas().is_subset(&entry.fields)
            {
                let mut fields = FieldSet::new();
                fields.insert(path);
                let entry = Entry {
                    api_version: api_version.into(),
                    fields,
                    time: parent.map().get(id).and_then(|entry| entry.time),
                    ..entry.clone()
                };
                out.map_mut().insert(id.clone(), entry);
            }
        }
        out.drop_empty();
        out
    }
}

fn replicas() -> FieldSet {
    FieldSet::of_names([["spec", "replicas"].as_slice()])
}
