//! The RBAC index of a server, made again only when an RBAC object has changed.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Rbac;
use super::rbac::Entry;
use crate::status::GroupResource;
use crate::store::{Key, State, Store};

const RESOURCES: [&str; 4] = [
    "clusterroles",
    "clusterrolebindings",
    "roles",
    "rolebindings",
];

/// The index, and what it was made from.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The version of the last change of each resource.
    changed: Option<[u64; 4]>,
    index: Arc<Rbac>,
    /// What was read of each object, at which version.
    read: HashMap<(usize, Key), (u64, Entry)>,
}

impl Cache {
    /// The index over the store as it is now.
    pub(super) fn current(&self, store: &Store) -> Arc<Rbac> {
        let state = store.state();
        let resources = RESOURCES.map(|name| GroupResource::new("rbac.authorization.k8s.io", name));
        let changed = resources.each_ref().map(|of| state.changed(of));
        let mut inner = self.0.lock();
        if inner.changed != Some(changed) {
            inner.make(&state, &resources);
            inner.changed = Some(changed);
        }
        inner.index.clone()
    }
}

impl Inner {
    fn make(&mut self, state: &State, resources: &[GroupResource; 4]) {
        let mut known = std::mem::take(&mut self.read);
        for (nth, of) in resources.iter().enumerate() {
            for stored in state.all(of) {
                let place = (nth, stored.key().clone());
                let entry = match known.remove(&place) {
                    Some((version, entry)) if version == stored.version() => Some(entry),
                    _ => Entry::read(&of.resource, &stored.value()),
                };
                if let Some(entry) = entry {
                    self.read.insert(place, (stored.version(), entry));
                }
            }
        }
        let entries = self.read.values().map(|(_, entry)| entry.clone());
        self.index = Arc::new(Rbac::new(entries));
    }
}
