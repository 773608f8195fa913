//! Which kinds the server serves, and under which path: aggregated discovery, read once and again when a kind is missing.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Deserialize;

use crate::request::Call;
use crate::{Client, Error};
use krm::Gvk;

/// A kind as the server serves it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// The path's word, such as `deployments`.
    pub plural: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
}

impl Resource {
    /// From what is known beforehand, without asking the server.
    pub fn new(api_version: &str, kind: &str, plural: &str, namespaced: bool) -> Self {
        Self {
            gvk: Gvk::new(api_version, kind),
            plural: plural.into(),
            namespaced,
        }
    }

    /// The path of the collection (no `name`) or of an object; `namespace` is ignored for cluster-scoped kinds.
    pub fn path(&self, namespace: &str, name: &str) -> String {
        let Gvk { group, version, .. } = &self.gvk;
        let mut path = if group.is_empty() {
            format!("/api/{version}")
        } else {
            format!("/apis/{group}/{version}")
        };
        if self.namespaced && !namespace.is_empty() {
            path.push_str("/namespaces/");
            path.push_str(namespace);
        }
        path.push('/');
        path.push_str(&self.plural);
        if !name.is_empty() {
            path.push('/');
            path.push_str(name);
        }
        path
    }
}

/// The server's kinds, shared by every client of one server.
#[derive(Debug, Default)]
pub struct Mapper {
    known: Mutex<Arc<HashMap<Gvk, Resource>>>,
}

const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

impl Mapper {
    /// A mapper that has asked nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How the server serves `gvk`.
    ///
    /// # Errors
    /// [`Error::NoKind`] where it does not, after having asked anew; whatever asking gave else.
    pub async fn resource(&self, client: &Client, gvk: &Gvk) -> Result<Resource, Error> {
        if let Some(resource) = self.known.lock().get(gvk) {
            return Ok(resource.clone());
        }
        let fresh = Arc::new(discover(client).await?);
        *self.known.lock() = fresh.clone();
        fresh
            .get(gvk)
            .cloned()
            .ok_or_else(|| Error::NoKind(gvk.clone()))
    }

    /// Every kind served.
    ///
    /// # Errors
    /// Whatever asking gave.
    pub async fn all(&self, client: &Client) -> Result<Vec<Resource>, Error> {
        let fresh = Arc::new(discover(client).await?);
        *self.known.lock() = fresh.clone();
        Ok(fresh.values().cloned().collect())
    }

    /// Forgets everything: a CustomResourceDefinition has changed.
    pub fn forget(&self) {
        *self.known.lock() = Arc::default();
    }
}

#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Served>,
}

#[derive(Deserialize)]
struct Served {
    resource: String,
    scope: String,
    #[serde(rename = "responseKind", default)]
    response: Kind,
}

#[derive(Default, Deserialize)]
struct Kind {
    #[serde(default)]
    kind: String,
}

async fn discover(client: &Client) -> Result<HashMap<Gvk, Resource>, Error> {
    let mut known = HashMap::new();
    for path in ["/api", "/apis"] {
        let bytes = client
            .call(Call {
                accept: ACCEPT,
                ..Call::get(path.into())
            })
            .await?;
        let groups: Groups = serde_json::from_slice(&bytes)
            .map_err(|error| Error::Answer(format!("discovery of {path}: {error}")))?;
        for group in groups.items {
            for version in group.versions {
                for served in version.resources {
                    let gvk = Gvk {
                        group: group.metadata.name.clone(),
                        version: version.version.clone(),
                        kind: served.response.kind,
                    };
                    let namespaced = served.scope == "Namespaced";
                    known.insert(
                        gvk.clone(),
                        Resource {
                            gvk,
                            plural: served.resource,
                            namespaced,
                        },
                    );
                }
            }
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_holds_group_namespace_and_name() {
        let deployments = Resource::new("apps/v1", "Deployment", "deployments", true);
        assert_eq!(
            deployments.path("team", "api"),
            "/apis/apps/v1/namespaces/team/deployments/api"
        );
        assert_eq!(deployments.path("", ""), "/apis/apps/v1/deployments");
        let namespaces = Resource::new("v1", "Namespace", "namespaces", false);
        assert_eq!(
            namespaces.path("ignored", "team"),
            "/api/v1/namespaces/team"
        );
    }
}
