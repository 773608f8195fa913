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
    /// Paths that field selectors may name, as the definition writes them (`.spec.color`).
    pub selectable: Vec<String>,
    /// Where the scale subresource finds its numbers.
    pub scale: Option<ScalePaths>,
    /// `openAPIV3Schema` of the version.
    pub schema: krm::Value,
    /// What clients of a deprecated version are warned with.
    pub deprecation: Option<String>,
    /// `additionalPrinterColumns` with their JSON paths.
    pub columns: Vec<(schema::Column, String)>,
}

/// JSON paths of a custom resource's scale subresource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScalePaths {
    /// `specReplicasPath`.
    pub spec: String,
    /// `statusReplicasPath`.
    pub status: String,
    /// `labelSelectorPath`, empty where not given.
    pub selector: String,
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

    /// The `apiVersion` of its objects as clients of this resource see them.
    pub fn api_version(&self) -> String {
        self.gvk().api_version()
    }

    /// The `apiVersion` its objects are stored in.
    pub fn stored_version(&self) -> String {
        let facts = self.facts();
        match (&self.0.custom, facts.group.as_str(), facts.plural.as_str()) {
            (Some(custom), group, _) => format!("{group}/{}", custom.storage_version),
            (None, "events.k8s.io", "events") => "v1".to_owned(),
            (None, "autoscaling", "horizontalpodautoscalers") => "autoscaling/v2".to_owned(),
            _ => self.api_version(),
        }
    }

    /// The paths that a write of the object (`""`) or of a subresource leaves as they are, dotted. Of a custom resource's
    /// status endpoint, `crate::write` takes the status alone.
    pub fn reset_fields(&self, subresource: &str) -> Vec<String> {
        if self.0.custom.is_none() {
            let resets = schema::builtin().reset_fields(self.facts(), subresource);
            return resets.to_vec();
        }
        let has_status = self.facts().subresource("status").is_some();
        if subresource.is_empty() && has_status {
            vec!["status".to_owned()]
        } else {
            Vec::new()
        }
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
    /// The built-in resources.
    pub(crate) fn builtin() -> Self {
        let types = schema::builtin();
        let mut registry = Self::default();
        for facts in types.resources() {
            let Some(kind) = types.kind(&facts.gvk()) else {
                continue;
            };
            let stored_as = match (facts.group.as_str(), facts.plural.as_str()) {
                ("events.k8s.io", "events") => GroupResource::new("", "events"),
                (group, plural) => GroupResource::new(group, plural),
            };
            registry.insert(Resource::new(facts.clone(), kind, stored_as, None));
        }
        registry
    }

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
