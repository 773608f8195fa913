//! What a served resource is called and what it can do: the facts that discovery, routing and tables need.

use krm::Gvk;

/// One served resource of the built-in groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// API group, `""` for core.
    pub group: String,
    /// Version.
    pub version: String,
    /// Plural name, as it stands in paths.
    pub plural: String,
    /// Singular name; empty where the server publishes none.
    pub singular: String,
    /// Kind of its objects.
    pub kind: String,
    /// Kind of its lists, empty for resources that cannot be listed.
    pub list_kind: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Short names for command lines.
    pub short_names: Vec<String>,
    /// Categories such as `all`.
    pub categories: Vec<String>,
    /// Verbs, sorted.
    pub verbs: Vec<String>,
    /// Hash of the version it is stored in; empty where not stored.
    pub storage_version_hash: String,
    /// Its subresources by name.
    pub subresources: Vec<Subresource>,
    /// Columns of its table; empty where the default (Name, Age) holds.
    pub columns: Vec<Column>,
}

impl Resource {
    /// The kind of its objects.
    pub fn gvk(&self) -> Gvk {
        Gvk {
            group: self.group.clone(),
            version: self.version.clone(),
            kind: self.kind.clone(),
        }
    }

    /// The subresource of that name.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|sub| sub.name == name)
    }

    /// Whether the resource serves the verb.
    pub fn serves(&self, verb: &str) -> bool {
        self.verbs.iter().any(|v| v == verb)
    }
}

/// A subresource: `status`, `scale`, `token`, `eviction` and their like.
#[derive(Clone, Debug, PartialEq)]
pub struct Subresource {
    /// Name, the last part of the path.
    pub name: String,
    /// Kind of its bodies, which may be of another group than the resource.
    pub kind: Gvk,
    /// Verbs, sorted.
    pub verbs: Vec<String>,
}

/// A column of a resource's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Title.
    pub name: String,
    /// OpenAPI type: `string`, `integer`, …
    pub type_: String,
    /// OpenAPI format, `name` for the name column.
    pub format: String,
    /// 0 is always shown, 1 only in wide output.
    pub priority: i32,
}
