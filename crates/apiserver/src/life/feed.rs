//! What a controller hears of: every object once at the start, then every change, in order.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use clock::Guard;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::Server;
use crate::status::GroupResource;
use crate::store::{Event, EventKind, Key, OutOfReach, Scope, Stored, Subscription};

const DEFINITIONS: (&str, &str) = ("apiextensions.k8s.io", "customresourcedefinitions");

/// One change. It counts as work under way until dropped.
#[derive(Debug)]
pub(super) struct Change {
    /// The resource.
    pub(super) of: GroupResource,
    /// What happened; every object is `Added` once at the start.
    pub(super) kind: EventKind,
    /// The object; of a removed one its last state.
    pub(super) object: Arc<Stored>,
    /// The object before.
    pub(super) previous: Option<Arc<Stored>>,
    /// How often it was tried to act on it.
    attempt: u32,
    _guard: Guard,
}

impl Change {
    /// Whether it is about the resource of that group and name.
    pub(super) fn is(&self, group: &str, resource: &str) -> bool {
        self.of.group == group && self.of.resource == resource
    }

    /// Which object it is about.
    pub(super) fn key(&self) -> &Key {
        self.object.key()
    }
}

/// A controller's ear.
#[derive(Debug)]
pub(super) struct Feed {
    source: Source,
    changes: mpsc::UnboundedReceiver<Change>,
}

#[derive(Clone, Debug)]
struct Source {
    server: Server,
    sender: mpsc::UnboundedSender<Change>,
    watched: Arc<Mutex<HashSet<GroupResource>>>,
}

impl Feed {
    /// Hears of the objects of `resources`.
    pub(super) fn of(server: &Server, resources: &[(&str, &str)]) -> Self {
        let (sender, changes) = mpsc::unbounded_channel();
        let source = Source {
            server: server.clone(),
            sender,
            watched: Arc::default(),
        };
        for (group, resource) in resources {
            source.watch(GroupResource::new(group, resource));
        }
        Self { source, changes }
    }

    /// Hears of every object there is, those of custom resources that are yet to be defined included; not of events.
    pub(super) fn of_everything(server: &Server) -> Self {
        let feed = Self::of(server, &[DEFINITIONS]);
        for resource in server.registry().iter() {
            let facts = resource.facts();
            let stores = facts.serves("list") && facts.serves("watch");
            if stores && resource.stored_as().resource != "events" {
                feed.source.watch(resource.stored_as().clone());
            }
        }
        feed
    }

    /// The next change.
    pub(super) async fn next(&mut self) -> Option<Change> {
        let change = self.changes.recv().await?;
        self.notice(&change);
        Some(change)
    }

    /// The next change, and those that are already known behind it; empty once the server stops.
    pub(super) async fn batch(&mut self) -> Vec<Change> {
        let mut changes: Vec<Change> = self.next().await.into_iter().collect();
        while let Ok(change) = self.changes.try_recv() {
            self.notice(&change);
            changes.push(change);
        }
        changes
    }

    /// Hears of a change once more, after a pause that grows with every time. The pause is no work under way: on a virtual
    /// clock it is what time passes for.
    pub(super) fn again(&self, change: Change) {
        let source = self.source.clone();
        let Change {
            of,
            kind,
            object,
            previous,
            attempt,
            ..
        } = change;
        self.source.server.spawn(async move {
            source.server.clock().sleep(backoff(attempt)).await;
            // Fails only when the controller has ended.
            let _ = source.sender.send(Change {
                of,
                kind,
                object,
                previous,
                attempt: attempt + 1,
                _guard: source.server.activity().begin(),
            });
        });
    }

    /// Follows a definition to the objects it defines.
    fn notice(&self, change: &Change) {
        if change.is(DEFINITIONS.0, DEFINITIONS.1) {
            let spec = &change.object.value()["spec"];
            let text = |value: &krm::Value| value.as_str().unwrap_or_default().to_owned();
            let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
            self.source.watch(GroupResource::new(&group, &plural));
        }
    }
}

impl Source {
    fn watch(&self, of: GroupResource) {
        if !self.watched.lock().insert(of.clone()) {
            return;
        }
        if let Ok(subscription) = self.subscribe(&of, None) {
            for object in subscription.state.all(&of) {
                self.send(&of, EventKind::Added, object, None);
            }
            let pump = self.clone().pump(of, subscription);
            self.server.spawn(pump);
        }
    }

    fn subscribe(
        &self,
        of: &GroupResource,
        since: Option<u64>,
    ) -> Result<Subscription, OutOfReach> {
        self.server.store().subscribe(of, Scope::default(), since)
    }

    fn send(
        &self,
        of: &GroupResource,
        kind: EventKind,
        object: &Arc<Stored>,
        previous: Option<&Arc<Stored>>,
    ) {
        // Fails only when the controller has ended.
        let _ = self.sender.send(Change {
            of: of.clone(),
            kind,
            object: object.clone(),
            previous: previous.cloned(),
            attempt: 0,
            _guard: self.server.activity().begin(),
        });
    }

    fn send_event(&self, event: &Event) {
        self.send(event.of(), event.kind(), event.object(), event.previous());
    }

    /// Passes events on without limit, so that a controller at work is never closed for being slow; subscribes again where it
    /// is closed all the same.
    async fn pump(self, of: GroupResource, mut subscription: Subscription) {
        let mut seen = subscription.state.version();
        loop {
            for event in std::mem::take(&mut subscription.backlog) {
                seen = event.version();
                self.send_event(&event);
            }
            while let Some(delivery) = subscription.events.recv().await {
                seen = delivery.event.version();
                self.send_event(&delivery.event);
            }
            subscription = match self.subscribe(&of, Some(seen)) {
                Ok(subscription) => subscription,
                Err(error) => {
                    tracing::error!(resource = %of, %error, "a controller missed changes");
                    let Ok(anew) = self.subscribe(&of, None) else {
                        return;
                    };
                    for object in anew.state.all(&of) {
                        self.send(&of, EventKind::Modified, object, None);
                    }
                    anew
                }
            };
        }
    }
}

/// How long to wait before the `attempt`th try again: doubling from 5 ms to 16 s.
pub(super) fn backoff(attempt: u32) -> Duration {
    Duration::from_millis(5u64 << attempt.min(12)).min(Duration::from_secs(16))
}
