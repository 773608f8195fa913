//! What the server serves right now: the built-in resources and those that CustomResourceDefinitions add.

use std::collections::BTreeMap;
use std::sync::Arc;

use krm::Gvk;

use crate::status::GroupResource;

/// One served resource in one version. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Resource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    facts: schema::Resource,
    kind: schema::Kind,
    stored_as: GroupResource,
    custom: Option<Custom>,
}

/// What only a custom resource has.
#[derive(Clone, Debug)]
pub struct Custom {
    /// Name of the CustomResourceDefinition.
    pub definition: String,
    /// The version objects are stored in.
    pub storage_version: String,
    /// The definition's resourceVersion that this was made from.
    pub revision: u64,
}

impl Resource {
    /// A resource served as `facts` say, its objects being of `kind`, kept under `stored_as`.
    pub fn new(
        facts: schema::Resource,
        kind: schema::Kind,
        stored_as: GroupResource,
        custom: Option<Custom>,
    ) -> Self {
        Self(Arc::new(Inner {
            facts,
            kind,
            stored_as,
            custom,
        }))
    }

    /// Names, scope, verbs, subresources, columns.
    pub fn facts(&self) -> &schema::Resource {
        &self.0.facts
    }

    /// The kind of its objects.
    pub fn kind(&self) -> &schema::Kind {
        &self.0.kind
    }

    /// Group, version and kind of its objects.
    pub fn gvk(&self) -> Gvk {
        self.0.facts.gvk()
    }

    /// As messages about objects name it: `deployments.apps`.
    pub fn group_resource(&self) -> GroupResource {
        GroupResource::new(&self.0.facts.group, &self.0.facts.plural)
    }

    /// As messages about invalid objects name it: `Deployment.apps`.
    pub fn group_kind(&self) -> GroupResource {
        GroupResource::new(&self.0.facts.group, &self.0.facts.kind)
    }

    /// Where its objects are kept: several served resources may share one store (`events` of both groups).
    pub fn stored_as(&self) -> &GroupResource {
        &self.0.stored_as
    }

    /// Whether its objects live in namespaces.
    pub fn namespaced(&self) -> bool {
        self.0.facts.namespaced
    }

    /// What only a custom resource has.
    pub fn custom(&self) -> Option<&Custom> {
        self.0.custom.as_ref()
    }
}

/// Group, version and plural name.
type Path = (String, String, String);

/// Every served resource. A value: a change makes a new one.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    resources: BTreeMap<Path, Resource>,
}

impl Registry {
    /// The resource served at `/apis/{group}/{version}/…/{plural}`.
    pub fn get(&self, group: &str, version: &str, plural: &str) -> Option<&Resource> {
        self.resources
            .get(&(group.to_owned(), version.to_owned(), plural.to_owned()))
    }

    /// The resource whose objects are of `gvk`.
    pub fn by_kind(&self, gvk: &Gvk) -> Option<&Resource> {
        self.iter().find(|resource| {
            let facts = resource.facts();
            facts.group == gvk.group && facts.version == gvk.version && facts.kind == gvk.kind
        })
    }

    /// Every resource, by group, version and name.
    pub fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values()
    }

    /// Adds a resource, or puts it in the place of the one served there.
    pub fn insert(&mut self, resource: Resource) {
        let facts = resource.facts();
        let path = (
            facts.group.clone(),
            facts.version.clone(),
            facts.plural.clone(),
        );
        self.resources.insert(path, resource);
    }

    /// Stops serving what the CustomResourceDefinition of that name defined.
    pub fn remove_custom(&mut self, definition: &str) {
        self.resources.retain(|_, resource| {
            resource
                .custom()
                .is_none_or(|custom| custom.definition != definition)
        });
    }

    /// Whether any resource of the group is served.
    pub fn has_group(&self, group: &str) -> bool {
        self.iter().any(|resource| resource.facts().group == group)
    }
}
