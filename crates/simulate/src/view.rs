//! What the controllers know: every object they watch, as the watches and their own writes have told.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use krm::Object;

use crate::act::Step;
use crate::controller::Kind;

/// Namespace and name.
pub(crate) type Key = (String, String);

/// The known objects, the steps that have had their time, and what was refused.
#[derive(Default)]
pub(crate) struct View {
    objects: BTreeMap<Kind, BTreeMap<Key, Arc<Object>>>,
    /// Deleted by us; their end, or its beginning, has yet to be told.
    doomed: HashSet<String>,
    ripe: HashSet<Step>,
    refused: HashMap<String, Refused>,
}

/// A refused write for an object.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// Why.
    pub(crate) message: String,
    /// Not to be tried again yet.
    pub(crate) hold: bool,
    /// How often in a row.
    pub(crate) times: u32,
}

impl View {
    /// An object.
    pub(crate) fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Arc<Object>> {
        self.objects
            .get(&kind)?
            .get(&(namespace.to_owned(), name.to_owned()))
    }

    /// The objects of a kind in a namespace (`""` for cluster-scoped ones), by name.
    pub(crate) fn list(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = &Arc<Object>> {
        let start = (namespace.to_owned(), String::new());
        let from = self
            .objects
            .get(&kind)
            .into_iter()
            .flat_map(move |objects| objects.range(start.clone()..));
        let namespace = namespace.to_owned();
        from.take_while(move |((own, _), _)| *own == namespace)
            .map(|(_, object)| object)
    }

    /// Every object of a kind.
    pub(crate) fn all(&self, kind: Kind) -> impl Iterator<Item = &Arc<Object>> {
        self.objects
            .get(&kind)
            .into_iter()
            .flat_map(BTreeMap::values)
    }

    /// Takes note of an object; says whether that is news.
    pub(crate) fn put(&mut self, kind: Kind, object: Arc<Object>) -> bool {
        if self.doomed.contains(object.uid()) && !object.is_deleting() {
            return false;
        }
        let slot = self.objects.entry(kind).or_default().entry(key(&object));
        match slot {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(object);
            }
            std::collections::btree_map::Entry::Occupied(mut slot) => {
                let versions = version(&object).zip(version(slot.get()));
                if versions.is_some_and(|(new, known)| new <= known) {
                    return false;
                }
                slot.insert(object);
            }
        }
        true
    }

    /// Takes note that an object is gone; says whether that is news.
    pub(crate) fn remove(&mut self, kind: Kind, object: &Object) -> bool {
        let uid = object.uid();
        self.doomed.remove(uid);
        self.ripe.retain(|step| step.uid != uid);
        self.refused.remove(uid);
        self.drop_object(kind, object)
    }

    /// Takes note that we have deleted an object, before the watch says so.
    pub(crate) fn doom(&mut self, kind: Kind, object: &Object) {
        self.doomed.insert(object.uid().to_owned());
        self.drop_object(kind, object);
    }

    fn drop_object(&mut self, kind: Kind, object: &Object) -> bool {
        let Some(objects) = self.objects.get_mut(&kind) else {
            return false;
        };
        let key = key(object);
        let known = objects
            .get(&key)
            .is_some_and(|known| known.uid() == object.uid());
        known && objects.remove(&key).is_some()
    }

    /// Whether a step has had its time.
    pub(crate) fn is_ripe(&self, step: &Step) -> bool {
        self.ripe.contains(step)
    }

    /// A step has had its time.
    pub(crate) fn ripen(&mut self, step: Step) {
        self.ripe.insert(step);
    }

    /// What was refused for the object with `uid`.
    pub(crate) fn refused(&self, uid: &str) -> Option<&Refused> {
        self.refused.get(uid)
    }

    /// A write for the object was refused; says how often in a row.
    pub(crate) fn refuse(&mut self, uid: &str, message: String) -> u32 {
        let times = self.refused.get(uid).map_or(0, |refused| refused.times) + 1;
        self.refused.insert(
            uid.to_owned(),
            Refused {
                message,
                hold: true,
                times,
            },
        );
        times
    }

    /// What was refused may be tried again.
    pub(crate) fn release(&mut self, uid: &str) {
        if let Some(refused) = self.refused.get_mut(uid) {
            refused.hold = false;
        }
    }

    /// What was refused has succeeded; says whether that is news.
    pub(crate) fn forgive(&mut self, uid: &str) -> bool {
        self.refused.remove(uid).is_some()
    }
}

/// An object's namespace and name.
pub(crate) fn key(object: &Object) -> Key {
    (
        object.namespace().unwrap_or_default().to_owned(),
        object.name().to_owned(),
    )
}

fn version(object: &Object) -> Option<u64> {
    object.resource_version().parse().ok()
}
