//! Garbage collection: what belongs to an object goes with it.
//!
//! Owners are known by uid. An object whose owners are all gone is deleted; one of whose owners only some are gone loses those
//! references. An owner deleted in the foreground stays until what blocks it is gone; one deleted as an orphan-maker lets its
//! dependents go first. An owner in another namespace does not exist, as far as its dependents are concerned.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use clock::Guard;
use http::Method;
use krm::{Gvk, Value, json};
use tokio::sync::mpsc;

use super::client::{Body, Client, Refusal, object};
use super::feed::{Change, Feed, backoff};
use crate::Server;
use crate::registry::Resource;
use crate::status::GroupResource;
use crate::store::{EventKind, Key, Owner, Stored};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// Where an object is kept.
type Place = (GroupResource, Key);

/// What is to be done with an object.
#[derive(Clone, Debug)]
enum Task {
    /// Delete it, or free it of owners that are gone, as its owner references ask.
    Collect,
    /// Take the owner of that uid from it.
    Disown(String),
    /// Take a finalizer from it.
    Release(&'static str),
}

/// A task that failed and is due again.
struct Retry {
    place: Place,
    task: Task,
    attempt: u32,
    _guard: Guard,
}

/// Starts the controller.
pub(super) fn start(server: &Server) {
    let (sender, mut retries) = mpsc::unbounded_channel();
    let mut collector = Collector {
        client: Client::new(server, "generic-garbage-collector"),
        dependents: HashMap::new(),
        unresolved: HashSet::new(),
        retries: sender,
    };
    let mut feed = Feed::of_everything(server);
    server.spawn(async move {
        loop {
            tokio::select! {
                change = feed.next() => match change {
                    Some(change) => collector.hear(&change).await,
                    None => return,
                },
                Some(retry) = retries.recv() => {
                    collector.act(&retry.place, &retry.task, retry.attempt).await;
                }
            }
        }
    });
}

struct Collector {
    client: Client,
    /// The objects that name an owner, by its uid.
    dependents: HashMap<String, HashSet<Place>>,
    /// Objects with an owner of a kind that nobody serves (yet).
    unresolved: HashSet<Place>,
    /// Where failed tasks come back.
    retries: mpsc::UnboundedSender<Retry>,
}

/// What becomes of an owner reference.
enum Fate {
    /// The owner exists and stays.
    Solid,
    /// The owner does not exist.
    Dangling,
    /// The owner waits for its dependents to go.
    Waiting,
    /// The reference makes no sense, or its kind is not served: nothing is concluded from it.
    Unknown,
}

impl Collector {
    async fn hear(&mut self, change: &Change) {
        let place = (change.of.clone(), change.key().clone());
        let header = change.object.header();
        let before = change.previous.as_ref().map(|previous| previous.header());
        for owner in before.into_iter().flat_map(|before| &before.owners) {
            self.forget(&owner.uid, &place);
        }
        if change.kind == EventKind::Deleted {
            self.unresolved.remove(&place);
            for owner in &header.owners {
                self.forget(&owner.uid, &place);
            }
            for dependent in self.dependents_of(&header.uid) {
                self.attempt(&dependent).await;
            }
            self.look_at_owners(&header.owners, &place).await;
            return;
        }
        for owner in &header.owners {
            let known = self.dependents.entry(owner.uid.clone()).or_default();
            known.insert(place.clone());
        }
        if change.is("apiextensions.k8s.io", "customresourcedefinitions") {
            for place in std::mem::take(&mut self.unresolved) {
                self.attempt(&place).await;
            }
        }
        if before.is_none_or(|before| before.owners != header.owners) {
            if !header.owners.is_empty() {
                self.attempt(&place).await;
            }
            let before = before.map(|before| before.owners.clone());
            self.look_at_owners(&before.unwrap_or_default(), &place)
                .await;
        }
        if header.deleting.is_some() {
            self.let_go(&place, &change.object).await;
        }
    }

    fn forget(&mut self, owner: &str, dependent: &Place) {
        if let Some(known) = self.dependents.get_mut(owner) {
            known.remove(dependent);
            if known.is_empty() {
                self.dependents.remove(owner);
            }
        }
    }

    /// Carries on with owners that may have waited for this dependent.
    async fn look_at_owners(&mut self, owners: &[Owner], dependent: &Place) {
        for owner in owners {
            if let Some((place, live)) = self.owner(owner, &dependent.1.namespace)
                && waits(&live)
            {
                self.release(&place, &live).await;
            }
        }
    }

    /// Does what an object being deleted asks to be done with its dependents.
    async fn let_go(&mut self, place: &Place, live: &Arc<Stored>) {
        let uid = live.header().uid.clone();
        if live.header().finalizers.iter().any(|own| own == ORPHAN) {
            for dependent in self.dependents_of(&uid) {
                self.act(&dependent, &Task::Disown(uid.clone()), 0).await;
            }
            self.act(place, &Task::Release(ORPHAN), 0).await;
        } else if waits(live) {
            for dependent in self.dependents_of(&uid) {
                self.attempt(&dependent).await;
            }
            self.release(place, live).await;
        }
    }

    /// Lets an owner go that waited for its dependents, once none blocks it.
    async fn release(&mut self, place: &Place, live: &Arc<Stored>) {
        let uid = &live.header().uid;
        let blocking = self.dependents_of(uid).into_iter().any(|dependent| {
            let live = self.get(&dependent);
            live.is_some_and(|live| {
                let owners = &live.header().owners;
                owners.iter().any(|owner| owner.uid == *uid && owner.blocks)
            })
        });
        if !blocking {
            self.act(place, &Task::Release(FOREGROUND), 0).await;
        }
    }

    async fn attempt(&mut self, place: &Place) {
        self.act(place, &Task::Collect, 0).await;
    }

    /// Does a task; one that fails comes back after a pause, which is no work under way.
    async fn act(&mut self, place: &Place, task: &Task, attempt: u32) {
        let error = loop {
            let done = match task {
                Task::Collect => self.try_once(place).await,
                Task::Disown(uid) => self.disown(place, uid).await,
                Task::Release(finalizer) => self.without_finalizer(place, finalizer).await,
            };
            match done {
                Ok(()) => return,
                Err(error) if error.is_not_found() => return,
                Err(error) if error.is_conflict() => {}
                Err(error) => break error,
            }
        };
        tracing::warn!(resource = %place.0, name = place.1.name, %error, "not collected");
        let (server, retries) = (self.client.server().clone(), self.retries.clone());
        let (place, task) = (place.clone(), task.clone());
        self.client.server().spawn(async move {
            server.clock().sleep(backoff(attempt)).await;
            // Fails only when the controller has ended.
            let _ = retries.send(Retry {
                place,
                task,
                attempt: attempt + 1,
                _guard: server.activity().begin(),
            });
        });
    }

    async fn try_once(&mut self, place: &Place) -> Result<(), Refusal> {
        let Some(live) = self.get(place) else {
            return Ok(());
        };
        let header = live.header();
        if header.deleting.is_some() || header.owners.is_empty() {
            return Ok(());
        }
        let (mut solid, mut gone, mut waiting) = (0, Vec::new(), Vec::new());
        for owner in &header.owners {
            match self.fate(owner, &place.1.namespace) {
                Fate::Solid => solid += 1,
                Fate::Dangling => gone.push(owner.uid.clone()),
                Fate::Waiting => waiting.push(owner.uid.clone()),
                Fate::Unknown => {
                    self.unresolved.insert(place.clone());
                    return Ok(());
                }
            }
        }
        if solid > 0 {
            gone.append(&mut waiting);
            if !gone.is_empty() {
                self.patch(place, &live, remaining_owners(&live, &gone))
                    .await?;
            }
            return Ok(());
        }
        let own = self.dependents_of(&header.uid);
        let foreground = !waiting.is_empty() && !own.is_empty();
        let in_a_circle = own
            .iter()
            .filter_map(|place| self.get(place))
            .any(|own| waits(&own));
        if foreground && in_a_circle {
            return self.patch(place, &live, unblocking_owners(&live)).await;
        }
        let named = |finalizer: &str| header.finalizers.iter().any(|own| own == finalizer);
        let policy = if named(ORPHAN) {
            "Orphan"
        } else if foreground || named(FOREGROUND) {
            "Foreground"
        } else {
            "Background"
        };
        self.delete(place, &live, policy).await
    }

    fn fate(&self, owner: &Owner, namespace: &str) -> Fate {
        let Some(resource) = self.resource(owner) else {
            return Fate::Unknown;
        };
        if namespace.is_empty() && resource.namespaced() {
            return Fate::Unknown;
        }
        match self.owner(owner, namespace) {
            Some((_, live)) if waits(&live) => Fate::Waiting,
            Some(_) => Fate::Solid,
            None => Fate::Dangling,
        }
    }

    fn resource(&self, owner: &Owner) -> Option<Resource> {
        let gvk = Gvk::new(&owner.api_version, &owner.kind);
        self.client.server().registry().by_kind(&gvk).cloned()
    }

    /// The owner that a dependent in `namespace` names, if it exists.
    fn owner(&self, owner: &Owner, namespace: &str) -> Option<(Place, Arc<Stored>)> {
        let resource = self.resource(owner)?;
        let namespace = if resource.namespaced() { namespace } else { "" };
        let place = (
            resource.stored_as().clone(),
            Key::new(namespace, &owner.name),
        );
        let live = self
            .get(&place)
            .filter(|live| live.header().uid == owner.uid)?;
        Some((place, live))
    }

    fn get(&self, (of, key): &Place) -> Option<Arc<Stored>> {
        self.client.server().store().get(of, key)
    }

    fn dependents_of(&self, uid: &str) -> Vec<Place> {
        let known = self.dependents.get(uid).into_iter().flatten();
        let mut places: Vec<Place> = known.cloned().collect();
        places.sort();
        places
    }

    fn path(&self, (of, key): &Place) -> Option<String> {
        let registry = self.client.server().registry();
        let resource = registry
            .iter()
            .find(|resource| resource.stored_as() == of)?;
        Some(object(resource, key))
    }

    async fn delete(&self, place: &Place, live: &Stored, policy: &str) -> Result<(), Refusal> {
        let Some(path) = self.path(place) else {
            return Ok(());
        };
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy,
            "preconditions": {"uid": live.header().uid, "resourceVersion": live.version().to_string()},
        });
        self.client
            .send(Method::DELETE, &path, Some(Body::Json(&options)))
            .await
            .map(|_| ())
    }

    async fn patch(&self, place: &Place, live: &Stored, metadata: Value) -> Result<(), Refusal> {
        let Some(path) = self.path(place) else {
            return Ok(());
        };
        let mut patch = json!({"metadata": metadata});
        patch["metadata"]["uid"] = live.header().uid.as_str().into();
        patch["metadata"]["resourceVersion"] = live.version().to_string().into();
        self.client
            .send(Method::PATCH, &path, Some(Body::Merge(&patch)))
            .await
            .map(|_| ())
    }

    async fn disown(&self, place: &Place, owner: &String) -> Result<(), Refusal> {
        let Some(live) = self.get(place) else {
            return Ok(());
        };
        if live.header().owners.iter().all(|own| own.uid != *owner) {
            return Ok(());
        }
        let patch = remaining_owners(&live, std::slice::from_ref(owner));
        self.patch(place, &live, patch).await
    }

    async fn without_finalizer(&self, place: &Place, finalizer: &str) -> Result<(), Refusal> {
        let Some(live) = self.get(place) else {
            return Ok(());
        };
        let own = &live.header().finalizers;
        let rest: Vec<&String> = own.iter().filter(|own| *own != finalizer).collect();
        if rest.len() == own.len() {
            return Ok(());
        }
        let patch = if rest.is_empty() {
            json!({"finalizers": null})
        } else {
            json!({"finalizers": rest})
        };
        self.patch(place, &live, patch).await
    }
}

/// Whether an object waits for its dependents to go.
fn waits(object: &Stored) -> bool {
    let header = object.header();
    header.deleting.is_some() && header.finalizers.iter().any(|own| own == FOREGROUND)
}

/// The patch that leaves an object the owners that are not `gone`.
fn remaining_owners(live: &Stored, gone: &[String]) -> Value {
    let mut rest = owner_references(live);
    rest.retain(|owner| {
        !gone
            .iter()
            .any(|uid| owner["uid"].as_str() == Some(uid.as_str()))
    });
    if rest.is_empty() {
        json!({"ownerReferences": null})
    } else {
        json!({"ownerReferences": rest})
    }
}

/// The patch that keeps an object from blocking its owners: the way out of a circle.
fn unblocking_owners(live: &Stored) -> Value {
    let mut owners = owner_references(live);
    for owner in &mut owners {
        owner["blockOwnerDeletion"] = false.into();
    }
    json!({"ownerReferences": owners})
}

fn owner_references(object: &Stored) -> Vec<Value> {
    let mut value = object.value();
    match value["metadata"]["ownerReferences"].take() {
        Value::Array(owners) => owners,
        _ => Vec::new(),
    }
}
