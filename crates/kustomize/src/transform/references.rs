//! References to objects whose names or namespaces changed.

use std::collections::{HashMap, HashSet};

use krm::yaml::{Kind, Node, Scalar};

use crate::edit;
use crate::error::Error;
use crate::fieldspec::{self, Create};
use crate::id::{Gvk, NO_NAMESPACE, effective_namespace};
use crate::resmap::ResMap;
use crate::resource::Resource;

/// What is asked of every object that may be meant, computed once.
struct Candidate {
    gvk: Gvk,
    name: String,
    namespace: String,
    effective: String,
    original_effective: String,
    previous: Vec<Gvk>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

/// All objects that had another name, by each name they had.
struct Candidates {
    all: Vec<Candidate>,
    by_name: HashMap<String, Vec<usize>>,
}

/// Who refers, and through which field to what.
struct Referrer<'a> {
    candidates: &'a Candidates,
    target: &'a Gvk,
    gvk: Gvk,
    effective: String,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
    /// Namespaces of the accounts a RoleBinding names.
    bound: HashSet<String>,
    /// What `roleRef` says, where the field is its name.
    role: Option<Gvk>,
}

pub(crate) fn apply(map: &mut ResMap) -> Result<(), Error> {
    let candidates = Candidates::of(&map.list);
    if candidates.by_name.is_empty() {
        return Ok(());
    }
    let mut references: Vec<_> = fieldspec::defaults().references.iter().collect();
    let anything = Gvk::default();
    references.sort_by_cached_key(|reference| crate::order::legacy_key(&reference.target));
    for resource in map.list_mut() {
        let original = resource.original_id().gvk;
        let before = resource.links_now();
        let mut referrer = Referrer::new(resource, &candidates, &anything);
        for reference in &references {
            for spec in &reference.referrers {
                if !original.is_selected(&spec.gvk) {
                    continue;
                }
                let is_role = spec
                    .path
                    .ends_with(&["roleRef".to_owned(), "name".to_owned()]);
                let role = if is_role {
                    role_of(&resource.node)
                } else {
                    None
                };
                referrer.target = &reference.target;
                referrer.role = role;
                let path = spec.path.join("/");
                spec.visit(&mut resource.node, Create::Nothing, &mut |field| {
                    referrer.update(field)
                })
                .map_err(|error| {
                    error.prefixed(&format!("updating name reference in '{path}' field"))
                })?;
            }
        }
        resource.settle_links(&before);
    }
    Ok(())
}

impl Candidates {
    fn of(list: &[Resource]) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        let mut all = Vec::with_capacity(list.len());
        for (at, resource) in list.iter().enumerate() {
            let gvk = resource.gvk();
            let original = resource.original_id();
            let names: HashSet<&str> = resource
                .previous
                .iter()
                .map(|one| one.name.as_str())
                .collect();
            for name in names {
                by_name.entry(name.into()).or_default().push(at);
            }
            all.push(Candidate {
                effective: effective_namespace(&gvk, resource.namespace()).into(),
                original_effective: original.effective_namespace().into(),
                name: resource.name().into(),
                namespace: resource.namespace().into(),
                previous: resource.previous_ids().map(|id| id.gvk).collect(),
                prefixes: resource.prefixes.clone(),
                suffixes: resource.suffixes.clone(),
                gvk,
            });
        }
        Self { all, by_name }
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Candidate> {
        let found = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        found.iter().map(|at| &self.all[*at])
    }
}

impl<'a> Referrer<'a> {
    fn new(resource: &Resource, candidates: &'a Candidates, target: &'a Gvk) -> Self {
        let gvk = resource.gvk();
        Self {
            candidates,
            target,
            effective: effective_namespace(&gvk, resource.namespace()).into(),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
            bound: if gvk.kind == "RoleBinding" {
                bound_namespaces(&resource.node)
            } else {
                HashSet::new()
            },
            role: None,
            gvk,
        }
    }

    fn update(&self, field: &mut Node) -> Result<(), Error> {
        if field.is_null() {
            return Ok(());
        }
        match &mut field.kind {
            Kind::Scalar(_) => self.update_scalar(field),
            Kind::Map(_) => self.update_map(field),
            Kind::List(items) => items.iter_mut().try_for_each(|item| match &item.kind {
                _ if item.is_null() => Ok(()),
                Kind::Scalar(_) => self.update_scalar(item),
                Kind::Map(_) => self.update_map(item),
                Kind::List(_) => Err(Error::new(
                    "a reference is expected to be either a string or a map of string",
                )),
            }),
        }
    }

    fn update_scalar(&self, field: &mut Node) -> Result<(), Error> {
        let name = field.text().unwrap_or_default().to_owned();
        let same = |a: &Candidate, b: &Candidate| a.name == b.name;
        let Some(found) = self.select(&name, self.candidates.named(&name), same)? else {
            return Ok(());
        };
        if found.name == name {
            return Ok(());
        }
        edit::set_scalar(field, Scalar::plain(found.name.as_str()))
    }

    fn update_map(&self, field: &mut Node) -> Result<(), Error> {
        let Some(name) = field.get("name") else {
            return Err(Error::new("path config error; no 'name' field in node"));
        };
        let name = name.text().unwrap_or_default().to_owned();
        let namespace = field
            .get("namespace")
            .map(|node| node.text().unwrap_or_default().to_owned());
        let all = self
            .candidates
            .named(&name)
            .filter(|one| self.may_refer_to(one));
        let candidates: Vec<&Candidate> = match namespace {
            None => all.collect(),
            Some(namespace) => self.in_namespace(all, &namespace),
        };
        let same = |a: &Candidate, b: &Candidate| a.name == b.name && a.namespace == b.namespace;
        let Some(found) = self.select(&name, candidates.into_iter(), same)? else {
            return Ok(());
        };
        if found.name == name && found.namespace.is_empty() {
            return Ok(());
        }
        edit::set_field(field, "name", Node::plain(found.name.as_str()))?;
        if found.namespace.is_empty() {
            return Ok(());
        }
        edit::set_field(field, "namespace", Node::plain(found.namespace.as_str()))
    }

    /// Those that were in a namespace, or where nothing at all was in it, those that are.
    fn in_namespace<'b>(
        &self,
        all: impl Iterator<Item = &'b Candidate>,
        namespace: &str,
    ) -> Vec<&'b Candidate> {
        if namespace == NO_NAMESPACE {
            return Vec::new();
        }
        let mut everything = self.candidates.all.iter();
        let was_used =
            everything.any(|one| one.original_effective == namespace && self.may_refer_to(one));
        let fits = |one: &&Candidate| {
            let theirs = if was_used {
                &one.original_effective
            } else {
                &one.effective
            };
            theirs == namespace
        };
        all.filter(fits).collect()
    }

    /// Whether an object in this place can refer to another at all.
    fn may_refer_to(&self, other: &Candidate) -> bool {
        self.effective == NO_NAMESPACE
            || other.effective == NO_NAMESPACE
            || other.effective == self.effective
            || self.bound.contains(&other.namespace)
    }

    /// The one object that is meant, if any.
    fn select<'b>(
        &self,
        name: &str,
        candidates: impl Iterator<Item = &'b Candidate>,
        same: impl Fn(&Candidate, &Candidate) -> bool,
    ) -> Result<Option<&'b Candidate>, Error> {
        let mut left: Vec<&Candidate> = candidates
            .filter(|one| self.may_refer_to(one))
            .filter(|one| one.previous.iter().any(|gvk| gvk.is_selected(self.target)))
            .filter(|one| {
                let role = self.role.as_ref();
                role.is_none_or(|role| one.previous.iter().any(|gvk| gvk.is_selected(role)))
            })
            .filter(|one| {
                self.effective == NO_NAMESPACE
                    || one.effective == NO_NAMESPACE
                    || one.gvk.kind == "ServiceAccount"
                    || one.effective == self.effective
            })
            .collect();
        if left.len() == 1 {
            return Ok(left.pop());
        }
        left.retain(|one| {
            let fits =
                |a: &[String], b: &[String]| a.is_empty() || b.is_empty() || same_ending(a, b);
            fits(&one.prefixes, &self.prefixes) && fits(&one.suffixes, &self.suffixes)
        });
        if left.len() > 1 {
            left.retain(|one| {
                same_ending(&one.prefixes, &self.prefixes)
                    && same_ending(&one.suffixes, &self.suffixes)
            });
        }
        match left.as_slice() {
            [] => Ok(None),
            [first, rest @ ..] if rest.iter().all(|one| same(first, one)) => Ok(Some(first)),
            _ => Err(Error::new(format!(
                "found multiple possible referrals: {name:?} of {} could be any of {}",
                self.gvk,
                left.iter()
                    .map(|one| one.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ))),
        }
    }
}

/// Whether the shorter list ends the longer one; an empty list only fits an empty one.
fn same_ending(a: &[String], b: &[String]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.is_empty() {
        long.is_empty()
    } else {
        long.ends_with(short)
    }
}

fn role_of(node: &Node) -> Option<Gvk> {
    let role = node.get("roleRef")?;
    Some(Gvk {
        group: role.get("apiGroup")?.text()?.into(),
        version: String::new(),
        kind: role.get("kind")?.text()?.into(),
    })
}

fn bound_namespaces(node: &Node) -> HashSet<String> {
    let subjects = node
        .get("subjects")
        .and_then(Node::as_list)
        .unwrap_or_default();
    let accounts = subjects
        .iter()
        .filter(|subject| subject.get("kind").and_then(Node::text) == Some("ServiceAccount"));
    accounts
        .filter_map(|subject| subject.get("namespace").and_then(Node::text))
        .map(str::to_owned)
        .collect()
}
