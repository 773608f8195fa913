//! An object during a build, and what kustomize remembers about it.

use std::collections::HashMap;

use krm::yaml::{Dialect, Kind, Node, Scalar};
use krm::{Object, Value};

use crate::edit;
use crate::error::Error;
use crate::id::{self, Gvk, Id};

/// An object and its history. (kustomize keeps the history in annotations and removes them in the end.)
#[derive(Clone)]
pub(crate) struct Resource {
    pub(crate) node: Node,
    /// Earlier names, oldest first.
    pub(crate) previous: Vec<Previous>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) suffixes: Vec<String>,
    pub(crate) needs_hash: bool,
    pub(crate) behavior: Behavior,
    /// Of a patch: whether it may rename its target.
    pub(crate) allow_name_change: bool,
    /// Of a patch: whether it may change its target's kind.
    pub(crate) allow_kind_change: bool,
    pub(crate) origin: Option<Origin>,
    pub(crate) transformations: Vec<Origin>,
    /// Links given out in this tree so far.
    pub(crate) links: u32,
}

/// A name an object had.
#[derive(Clone)]
pub(crate) struct Previous {
    /// The namespace that counted.
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) kind: String,
}

/// What a generated object does when there is one of its name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behavior {
    Unspecified,
    Create,
    Replace,
    Merge,
}

/// Where an object came from, or what changed it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Origin {
    pub(crate) path: String,
    pub(crate) configured_in: String,
    /// The built-in plugin.
    pub(crate) configured_by: String,
}

impl Resource {
    pub(crate) fn new(node: Node) -> Self {
        Self {
            node,
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            needs_hash: false,
            behavior: Behavior::Unspecified,
            allow_name_change: false,
            allow_kind_change: false,
            origin: None,
            transformations: Vec::new(),
            links: 0,
        }
    }

    pub(crate) fn api_version(&self) -> &str {
        let field = self.node.get("apiVersion").and_then(Node::text);
        field.unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> &str {
        let field = self.node.get("kind").and_then(Node::text);
        field.unwrap_or_default()
    }

    pub(crate) fn gvk(&self) -> Gvk {
        Gvk::new(self.api_version(), self.kind())
    }

    pub(crate) fn name(&self) -> &str {
        self.meta("name")
    }

    pub(crate) fn namespace(&self) -> &str {
        self.meta("namespace")
    }

    fn meta(&self, field: &str) -> &str {
        let value = self.node.get("metadata").and_then(|meta| meta.get(field));
        let value = value.filter(|value| !value.is_null());
        value.and_then(Node::text).unwrap_or_default()
    }

    /// The id as the object is now.
    pub(crate) fn id(&self) -> Id {
        Id {
            gvk: self.gvk(),
            name: self.name().into(),
            namespace: self.namespace().into(),
        }
    }

    /// The ids it had, oldest first.
    pub(crate) fn previous_ids(&self) -> impl Iterator<Item = Id> {
        let gvk = self.gvk();
        self.previous.iter().map(move |previous| Id {
            gvk: Gvk {
                kind: previous.kind.clone(),
                ..gvk.clone()
            },
            name: previous.name.clone(),
            namespace: previous.namespace.clone(),
        })
    }

    /// The id it was read with.
    pub(crate) fn original_id(&self) -> Id {
        let first = self.previous_ids().next();
        first.unwrap_or_else(|| self.id())
    }

    /// Remembers the id before it changes.
    pub(crate) fn store_previous_id(&mut self) {
        let namespace = id::effective_namespace(&self.gvk(), self.namespace()).to_owned();
        self.previous.push(Previous {
            namespace,
            name: self.name().into(),
            kind: self.kind().into(),
        });
    }

    pub(crate) fn set_name(&mut self, name: &str) -> Result<(), Error> {
        let meta = edit::child_map(&mut self.node, "metadata")?;
        edit::set_field(meta, "name", Node::plain(name))
    }

    pub(crate) fn set_kind(&mut self, kind: &str) -> Result<(), Error> {
        edit::set_field(&mut self.node, "kind", Node::plain(kind))
    }

    /// Sets the namespace, or takes it away where it is empty.
    pub(crate) fn set_namespace(&mut self, namespace: &str) -> Result<(), Error> {
        let meta = edit::child_map(&mut self.node, "metadata")?;
        if namespace.is_empty() {
            meta.remove("namespace");
            return Ok(());
        }
        edit::set_field(meta, "namespace", Node::plain(namespace))
    }

    /// `metadata.labels` or `metadata.annotations` as text, in the order of the file.
    pub(crate) fn meta_pairs(&self, field: &str) -> Vec<(String, String)> {
        let map = self.node.get("metadata").and_then(|meta| meta.get(field));
        let entries = map.and_then(Node::as_map).unwrap_or_default();
        let text = |node: &Node| node.text().unwrap_or_default().to_owned();
        let pair = |(key, value): &(Node, Node)| (text(key), text(value));
        entries.iter().map(pair).collect()
    }

    /// Rewrites `metadata.labels` or `metadata.annotations` as strings; nothing where there are none.
    pub(crate) fn set_meta_pairs(
        &mut self,
        field: &str,
        pairs: Vec<(String, String)>,
    ) -> Result<(), Error> {
        let meta = edit::child_map(&mut self.node, "metadata")?;
        meta.remove(field);
        if pairs.is_empty() {
            return Ok(());
        }
        let entries = pairs.into_iter();
        let entries = entries.map(|(key, value)| (Node::string(key), Node::string(value)));
        edit::set_field(meta, field, Node::new(Kind::Map(entries.collect())))
    }

    /// Whether kustomize would have annotations of its own on the object now.
    pub(crate) fn has_history(&self) -> bool {
        !self.previous.is_empty()
            || !self.prefixes.is_empty()
            || !self.suffixes.is_empty()
            || self.needs_hash
            || self.behavior != Behavior::Unspecified
            || self.origin.is_some()
    }

    /// The object as JSON.
    pub(crate) fn to_value(&self) -> Result<Value, Error> {
        let value = self.node.to_value(Dialect::Kyaml);
        value.map_err(|error| Error::new(format!("{}: {}", self.id(), error.message)))
    }

    /// The finished object.
    pub(crate) fn into_object(self) -> Result<Object, Error> {
        let id = self.id();
        let value = self.to_value()?;
        Object::try_from(value).map_err(|error| Error::new(format!("{id}: {error}")))
    }

    /// The content of every link, to give to [`Resource::settle_links`] after a change.
    pub(crate) fn links_now(&self) -> HashMap<u32, String> {
        let mut links = Vec::new();
        if self.links > 0 {
            collect_links(&self.node, &mut links);
        }
        let content = |(link, scalar): (u32, &Scalar)| (link, scalar.text.clone());
        links.into_iter().map(content).collect()
    }

    /// Makes scalars that belong together equal again after some were overwritten: the last one that changed counts.
    pub(crate) fn settle_links(&mut self, before: &HashMap<u32, String>) {
        if before.is_empty() {
            return;
        }
        let mut after = Vec::new();
        collect_links(&self.node, &mut after);
        let changed = |(link, scalar): &(u32, &Scalar)| {
            let old = before.get(link);
            old.is_some_and(|text| *text != scalar.text)
        };
        let new: HashMap<u32, Scalar> = after
            .into_iter()
            .filter(changed)
            .map(|(link, scalar)| (link, scalar.clone()))
            .collect();
        if !new.is_empty() {
            write_links(&mut self.node, &new);
        }
    }
}

impl std::fmt::Debug for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.id())
    }
}

fn collect_links<'a>(node: &'a Node, links: &mut Vec<(u32, &'a Scalar)>) {
    match &node.kind {
        Kind::Scalar(scalar) if scalar.link > 0 => links.push((scalar.link, scalar)),
        Kind::Scalar(_) => {}
        Kind::List(items) => items.iter().for_each(|item| collect_links(item, links)),
        Kind::Map(entries) => {
            // Merging visits fields by name, so the last one written is the last by name.
            let mut sorted: Vec<&(Node, Node)> = entries.iter().collect();
            sorted.sort_by(|a, b| a.0.text().cmp(&b.0.text()));
            for (_, value) in sorted {
                collect_links(value, links);
            }
        }
    }
}

fn write_links(node: &mut Node, new: &HashMap<u32, Scalar>) {
    match &mut node.kind {
        Kind::Scalar(scalar) => {
            if let Some(new) = new.get(&scalar.link) {
                *scalar = new.clone();
            }
        }
        Kind::List(items) => items.iter_mut().for_each(|item| write_links(item, new)),
        Kind::Map(entries) => {
            for (_, value) in entries {
                write_links(value, new);
            }
        }
    }
}
