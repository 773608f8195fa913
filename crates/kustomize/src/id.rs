//! Kustomize's idea of which object is which.

use std::fmt;

use crate::schema;

/// Group, version and kind; any part may be empty, which selects everything where this is a selector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Gvk {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
}

/// An object's id, with the namespace as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id {
    pub(crate) gvk: Gvk,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

/// An id as it is compared: namespaces by what they amount to.
pub(crate) type Key = (Gvk, String, String);

/// Where cluster-scoped objects are.
pub(crate) const NO_NAMESPACE: &str = "_non_namespaceable_";

impl Gvk {
    pub(crate) fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        }
    }

    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Whether this is what `selector` asks for; its empty parts ask for nothing.
    pub(crate) fn is_selected(&self, selector: &Self) -> bool {
        let fits = |mine: &str, asked: &str| asked.is_empty() || mine == asked;
        fits(&self.kind, &selector.kind)
            && fits(&self.group, &selector.group)
            && fits(&self.version, &selector.version)
    }

    pub(crate) fn is_cluster_scoped(&self) -> bool {
        schema::is_cluster_scoped(&self.api_version(), &self.kind)
    }
}

impl Id {
    /// The namespace that counts: cluster-scoped objects have none, and none means `default`.
    pub(crate) fn effective_namespace(&self) -> &str {
        effective_namespace(&self.gvk, &self.namespace)
    }

    pub(crate) fn key(&self) -> Key {
        let namespace = self.effective_namespace().to_owned();
        (self.gvk.clone(), self.name.clone(), namespace)
    }
}

pub(crate) fn effective_namespace<'a>(gvk: &Gvk, namespace: &'a str) -> &'a str {
    if gvk.is_cluster_scoped() {
        NO_NAMESPACE
    } else if namespace.is_empty() {
        "default"
    } else {
        namespace
    }
}

/// `text`, or `none` where it is empty.
pub(crate) fn or<'a>(text: &'a str, none: &'a str) -> &'a str {
    if text.is_empty() { none } else { text }
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = or(&self.kind, "[noKind]");
        let version = or(&self.version, "[noVer]");
        write!(f, "{kind}.{version}.{}", or(&self.group, "[noGrp]"))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = or(&self.name, "[noName]");
        let namespace = or(&self.namespace, "[noNs]");
        write!(f, "{}/{name}.{namespace}", self.gvk)
    }
}
