//! The objects a fresh cluster holds: namespaces, default roles and bindings, the controllers' ServiceAccounts, and so on, as a
//! real 1.36 control plane starts with.

use krm::{Value, json};
use serde::Deserialize;

use crate::status::GroupResource;
use crate::store::{Draft, Expect, Key, Write};
use crate::{Server, strategy};

/// Recorded, without what differs from cluster to cluster: uids, times, versions.
const RECORDED: &str = include_str!("../data/bootstrap.json");

/// The objects of one resource.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Recorded {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) resource: String,
    pub(crate) items: Vec<Value>,
}

/// What was recorded, by resource.
pub(crate) fn recorded() -> Vec<Recorded> {
    // The file is part of the program and a test reads it.
    serde_json::from_str(RECORDED).unwrap_or_default()
}

/// Puts the default objects into an empty store.
pub(crate) fn load(server: &Server) {
    crate::auth::token_key(server)
        .as_ref()
        .as_ref()
        .err()
        .inspect(|error| {
            tracing::error!(%error, "ServiceAccounts get no tokens");
        });
    let now = crate::context::seconds(server.clock().now());
    let registry = server.registry();
    for group in recorded() {
        let gvk = krm::Gvk::new(&group.api_version, &group.kind);
        let of = GroupResource::new(&gvk.group, &group.resource);
        for mut object in group.items {
            object["apiVersion"] = group.api_version.as_str().into();
            object["kind"] = group.kind.as_str().into();
            object["metadata"]["uid"] = server.seed().uid().into();
            object["metadata"]["creationTimestamp"] = now.as_str().into();
            date_conditions(&mut object, &now);
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
            let key = Key::new(text("namespace"), text("name"));
            let resource = registry.get(&gvk.group, &gvk.version, &group.resource);
            let fields = resource.map(|resource| strategy::fields(resource, &object));
            let write = Write {
                of: of.clone(),
                key,
                expect: Expect::Absent,
                put: Some(Draft::new(object, fields.unwrap_or_default())),
            };
            if let Err(error) = server.store().commit(write) {
                tracing::warn!(%error, "a default object was there already");
            }
        }
    }
}

fn date_conditions(object: &mut Value, now: &str) {
    let conditions = object
        .pointer_mut("/status/conditions")
        .and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        condition["lastTransitionTime"] = json!(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_objects_are_those_of_a_fresh_cluster() {
        let counts: Vec<(String, usize)> = recorded()
            .iter()
            .map(|group| (group.resource.clone(), group.items.len()))
            .collect();
        assert_eq!(counts[0], ("namespaces".to_owned(), 4));
        assert_eq!(counts[1], ("clusterroles".to_owned(), 69));
        assert_eq!(counts[2], ("clusterrolebindings".to_owned(), 50));
        assert_eq!(counts.len(), 13);
    }
}
