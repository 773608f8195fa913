//! What the Kustomization controller knows: objects as watches told them, and what earlier passes left behind.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use api::{Kustomization, names};
use cluster::Resource;
use cluster::apply::Mark;
use cluster::drift::Manager;
use cluster::watch::{Change, Scope};
use krm::{Gvk, Object, ObjectId, Value};
use plan::Key;
use plan::kustomization::Applied;

use super::health::Waiting;
use crate::store::{self, key_of, version};

/// A kind and a key: a source, a ConfigMap, a Secret.
pub(crate) type Named = (String, Key);

#[derive(Default)]
pub(crate) struct View {
    pub(crate) kustomizations: HashMap<Key, Arc<Object>>,
    pub(crate) sources: HashMap<Named, Arc<Object>>,
    /// Versions of the ConfigMaps and Secrets that builds read from.
    pub(crate) inputs: HashMap<Named, u64>,
    pub(crate) memories: HashMap<Key, Memory>,
    /// Applied objects as their metadata tells.
    owned: HashMap<ObjectId, Owned>,
    /// Kinds that have been applied: their owned objects are watched.
    pub(crate) applied_kinds: HashMap<Gvk, Resource>,
    /// Counts changes of anybody's rights.
    pub(crate) rights: u64,
    synced: HashSet<Arc<Scope>>,
}

/// What earlier passes left behind.
#[derive(Default)]
pub(crate) struct Memory {
    /// The last apply that succeeded.
    pub(crate) clean: Option<Clean>,
    /// The health check that is open.
    pub(crate) waiting: Option<Waiting>,
    /// Versions of the inputs that the last build read; 0 for those that were not there.
    pub(crate) inputs: HashMap<Named, u64>,
}

/// An apply that succeeded: as long as nothing of this moved, another one would change nothing.
#[derive(Clone)]
pub(crate) struct Clean {
    /// Digest of the artifact it was built from.
    pub(crate) artifact: String,
    /// Digest of what was built.
    pub(crate) digest: String,
    pub(crate) generation: i64,
    pub(crate) request: String,
    pub(crate) rights: u64,
    pub(crate) applied: Applied,
    pub(crate) marks: HashMap<ObjectId, Mark>,
    /// Objects that were healthy, and their versions then.
    pub(crate) healthy: HashMap<ObjectId, u64>,
}

#[derive(Clone, Copy)]
struct Owned {
    mark: Mark,
    gone: bool,
}

/// The group of RBAC.
const RBAC: &str = "rbac.authorization.k8s.io";

impl View {
    /// Takes note of a change and says whom it calls.
    pub(crate) fn observe(
        &mut self,
        scope: &Arc<Scope>,
        change: &Change,
        manager: &Manager,
    ) -> Vec<Key> {
        match change {
            Change::Synced => {
                self.synced.insert(scope.clone());
                return Vec::new();
            }
            Change::Failing(_) => {
                self.synced.remove(scope);
                return Vec::new();
            }
            Change::Applied(_) | Change::Deleted(_) => {}
        }
        let (object, gone) = match change {
            Change::Applied(object) => (object, false),
            Change::Deleted(object) => (object, true),
            _ => return Vec::new(),
        };
        let gvk = &scope.resource.gvk;
        if !scope.labels.is_empty() {
            return self.observe_owned(object, gone, manager);
        }
        if !scope.fields.is_empty() {
            return self.awaiting(&object.id());
        }
        match (gvk.group.as_str(), gvk.kind.as_str()) {
            (plan::kustomization::GROUP, "Kustomization") => self.observe_own(object, gone),
            ("source.toolkit.fluxcd.io", kind) => self.observe_source(kind, object, gone),
            ("", "ConfigMap" | "Secret") => self.observe_input(object, gone),
            (RBAC, _) | ("", "ServiceAccount") => self.observe_rights(scope, object),
            ("apiextensions.k8s.io", _) => self.failing_with("no matches for kind"),
            _ => Vec::new(),
        }
    }

    fn observe_own(&mut self, object: &Arc<Object>, gone: bool) -> Vec<Key> {
        let key = key_of(object);
        if gone {
            self.kustomizations.remove(&key);
            self.memories.remove(&key);
            return self.dependants(&key);
        }
        let Some(old) = store::insert(&mut self.kustomizations, object) else {
            return Vec::new();
        };
        let mut called = Vec::new();
        if readiness(old.as_deref()) != readiness(Some(object)) {
            called.extend(self.dependants(&key));
        }
        if store::calls(old.as_deref(), object) {
            called.push(key);
        }
        called
    }

    /// Kustomizations that wait for `key`.
    fn dependants(&self, key: &Key) -> Vec<Key> {
        let depends = |object: &Object| {
            let list = object.pointer("/spec/dependsOn").and_then(Value::as_array);
            list.into_iter().flatten().any(|entry| {
                let text = |field| {
                    entry
                        .get(field)
                        .and_then(Value::as_str)
                        .filter(|text: &&str| !text.is_empty())
                };
                text("name") == Some(&key.name)
                    && text("namespace").or(object.namespace()) == Some(&key.namespace)
            })
        };
        self.keys(|object| depends(object) && !is_ready(object))
    }

    fn observe_source(&mut self, kind: &str, object: &Arc<Object>, gone: bool) -> Vec<Key> {
        let key = key_of(object);
        let named = (kind.to_owned(), key.clone());
        let revision = |object: Option<&Object>| {
            let artifact = object.and_then(|object| object.pointer("/status/artifact"));
            let text = |field| {
                artifact
                    .and_then(|artifact| artifact.get(field))
                    .and_then(Value::as_str)
            };
            (
                text("revision").map(str::to_owned),
                text("digest").map(str::to_owned),
            )
        };
        let before = revision(self.sources.get(&named).map(|object| &**object));
        if gone {
            self.sources.remove(&named);
        } else {
            self.sources.insert(named, object.clone());
        }
        let after = revision((!gone).then_some(object));
        if before == after {
            return Vec::new();
        }
        self.keys(|user| {
            let text = |pointer| {
                user.pointer(pointer)
                    .and_then(Value::as_str)
                    .filter(|text: &&str| !text.is_empty())
            };
            text("/spec/sourceRef/kind") == Some(kind)
                && text("/spec/sourceRef/name") == Some(&key.name)
                && text("/spec/sourceRef/namespace").or(user.namespace()) == Some(&key.namespace)
        })
    }

    fn observe_input(&mut self, object: &Object, gone: bool) -> Vec<Key> {
        let named = (object.kind().to_owned(), key_of(object));
        let now = if gone { 0 } else { version(object) };
        self.inputs.insert(named.clone(), now);
        let read_another =
            |memory: &Memory| memory.inputs.get(&named).is_some_and(|read| *read != now);
        self.memories
            .iter()
            .filter(|(_, memory)| read_another(memory))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Somebody's rights have moved: what was refused is tried again, and nothing is skipped any more.
    fn observe_rights(&mut self, scope: &Arc<Scope>, object: &Object) -> Vec<Key> {
        if !self.synced.contains(scope) {
            return Vec::new();
        }
        self.rights += 1;
        let home = object.namespace();
        let mut called = self.failing_with("is forbidden");
        if home.is_some() {
            called.extend(self.keys(|user| user.namespace() == home && is_ready(user)));
        }
        called
    }

    fn failing_with(&self, text: &str) -> Vec<Key> {
        self.keys(|object| {
            !is_ready(object) && ready_message(object).is_some_and(|message| message.contains(text))
        })
    }

    fn observe_owned(&mut self, object: &Object, gone: bool, manager: &Manager) -> Vec<Key> {
        let id = object.id();
        self.owned.insert(
            id.clone(),
            Owned {
                mark: Mark::of(manager, object),
                gone,
            },
        );
        let mut called = self.awaiting(&id);
        let owner = |key: &str| {
            object
                .label(&format!("{}/{key}", manager.group))
                .unwrap_or_default()
        };
        let owner = Key::new(owner("namespace"), owner("name"));
        if !called.contains(&owner) && self.moved(&owner, &id) {
            called.push(owner);
        }
        called
    }

    /// Kustomizations whose open health check waits for an object.
    fn awaiting(&mut self, id: &ObjectId) -> Vec<Key> {
        let mut called = Vec::new();
        for (key, memory) in &mut self.memories {
            if let Some(waiting) = &mut memory.waiting
                && waiting.states.contains_key(id)
            {
                waiting.stirred.insert(id.clone());
                called.push(key.clone());
            }
        }
        called
    }

    /// Whether an object moved since `key`'s last clean apply in a way that an apply would put right.
    fn moved(&self, key: &Key, id: &ObjectId) -> bool {
        let Some(clean) = self
            .memories
            .get(key)
            .and_then(|memory| memory.clean.as_ref())
        else {
            return false;
        };
        let (Some(mark), Some(owned)) = (clean.marks.get(id), self.owned.get(id)) else {
            return false;
        };
        let newer = owned.mark.version > mark.version;
        newer && (owned.gone || owned.mark.fingerprint != mark.fingerprint)
    }

    /// Whether anything that `key` applied has moved.
    pub(crate) fn drifted(&self, key: &Key) -> bool {
        let clean = self
            .memories
            .get(key)
            .and_then(|memory| memory.clean.as_ref());
        clean.is_some_and(|clean| clean.marks.keys().any(|id| self.moved(key, id)))
    }

    /// Whether the watches vouch for everything that `clean` applied being as it was.
    pub(crate) fn vouches(&self, clean: &Clean, manager: &Manager) -> bool {
        clean.rights == self.rights
            && clean.marks.iter().all(|(id, mark)| {
                let seen = self.owned.get(id).is_some_and(|owned| {
                    !owned.gone
                        && owned.mark.fingerprint == mark.fingerprint
                        && owned.mark.version >= mark.version
                });
                seen && self.watched(id, manager)
            })
    }

    fn watched(&self, id: &ObjectId, manager: &Manager) -> bool {
        let of_kind = |(gvk, _): &(&Gvk, &Resource)| gvk.group == id.group && gvk.kind == id.kind;
        let mut scopes = self
            .applied_kinds
            .iter()
            .filter(of_kind)
            .map(|(_, resource)| owned_scope(resource, manager));
        scopes.any(|scope| self.synced.contains(&scope))
    }

    /// Whether the ConfigMaps and Secrets that `key`'s last build read are, by their watches, as they were.
    pub(crate) fn inputs_stand(&self, key: &Key) -> bool {
        let Some(memory) = self.memories.get(key) else {
            return false;
        };
        memory.inputs.iter().all(|(named, read)| {
            let scope = input_scope(&named.0, &named.1.namespace);
            self.synced.contains(&scope)
                && self.inputs.get(named).copied().unwrap_or_default() == *read
        })
    }

    /// The version an object's metadata was last seen at.
    pub(crate) fn version_of(&self, id: &ObjectId) -> Option<u64> {
        self.owned
            .get(id)
            .filter(|owned| !owned.gone)
            .map(|owned| owned.mark.version)
    }

    /// The watches that are needed now, besides the fixed ones.
    pub(crate) fn wanted(&self, manager: &Manager) -> HashSet<Scope> {
        let mut scopes: HashSet<Scope> = self
            .applied_kinds
            .values()
            .map(|resource| owned_scope(resource, manager))
            .collect();
        for object in self.kustomizations.values() {
            let sources = object
                .pointer("/spec/postBuild/substituteFrom")
                .and_then(Value::as_array);
            for kind in sources
                .into_iter()
                .flatten()
                .filter_map(|source| source.get("kind")?.as_str())
            {
                scopes.insert(input_scope(kind, object.namespace().unwrap_or_default()));
            }
        }
        let waiting = self
            .memories
            .values()
            .filter_map(|memory| memory.waiting.as_ref());
        scopes.extend(waiting.flat_map(|waiting| waiting.scopes(|id| self.owned.contains_key(id))));
        scopes
    }

    /// What is seen of one Kustomization's dependencies.
    pub(crate) fn dependencies(&self, object: &Kustomization) -> Vec<(Key, Option<Kustomization>)> {
        let namespace = &object.metadata.namespace;
        let keys = object
            .spec
            .depends_on
            .iter()
            .map(|reference| plan::dependency::key(namespace, reference));
        keys.map(|key| {
            let found = self
                .kustomizations
                .get(&key)
                .and_then(|object| api::parse(object).ok());
            (key, found)
        })
        .collect()
    }

    /// A dependency cycle through `key`.
    pub(crate) fn cycle(&self, key: &Key) -> Option<Vec<Key>> {
        plan::dependency::cycle(key, |key| {
            let object = self
                .kustomizations
                .get(key)
                .and_then(|object| api::parse::<Kustomization>(object).ok());
            object.map_or_else(Vec::new, |object| {
                let namespace = &object.metadata.namespace;
                object
                    .spec
                    .depends_on
                    .iter()
                    .map(|reference| plan::dependency::key(namespace, reference))
                    .collect()
            })
        })
    }

    fn keys(&self, wanted: impl Fn(&Object) -> bool) -> Vec<Key> {
        self.kustomizations
            .iter()
            .filter(|(_, object)| wanted(object))
            .map(|(key, _)| key.clone())
            .collect()
    }
}

/// Metadata of the ConfigMaps or Secrets of a namespace.
fn input_scope(kind: &str, namespace: &str) -> Scope {
    let plural = if kind == "Secret" {
        "secrets"
    } else {
        "configmaps"
    };
    Scope {
        namespace: namespace.into(),
        metadata_only: true,
        ..Scope::all(Resource::new("v1", kind, plural, true))
    }
}

/// Metadata of everything of a kind that any Kustomization applied.
fn owned_scope(resource: &Resource, manager: &Manager) -> Scope {
    Scope {
        labels: format!("{}/name", manager.group),
        metadata_only: true,
        ..Scope::all(resource.clone())
    }
}

fn ready(object: &Object) -> Option<&Value> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| condition.get("type").and_then(Value::as_str) == Some(names::READY))
}

fn is_ready(object: &Object) -> bool {
    ready(object)
        .and_then(|ready| ready.get("status"))
        .and_then(Value::as_str)
        == Some("True")
}

fn ready_message(object: &Object) -> Option<&str> {
    ready(object)?.get("message")?.as_str()
}

/// What dependants look at: readiness at which generation and revision.
fn readiness(object: Option<&Object>) -> Option<(bool, i64, Option<String>)> {
    let object = object?;
    let observed = object
        .pointer("/status/observedGeneration")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    let revision = object
        .pointer("/status/lastAppliedRevision")
        .and_then(Value::as_str)
        .map(str::to_owned);
    Some((
        is_ready(object) && observed == object.generation(),
        observed,
        revision,
    ))
}
