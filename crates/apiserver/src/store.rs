//! Where objects are kept: a persistent map behind one writer, and the recent past in a ring.
//!
//! Reads take a [`State`], a snapshot in O(1). Handlers compute on it and hand a [`Write`] to [`Store::commit`], which only
//! compares versions, assigns the next one, appends and swaps; on a mismatch the handler computes again. The ring keeps the
//! map as it was after each event: exact reads and continued lists look there, watches replay from it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use clock::{Activity, Guard};
use parking_lot::{Mutex, RwLock};
use rpds::{HashTrieMapSync, RedBlackTreeMapSync};
use tokio::sync::mpsc;

mod event;
mod stored;

pub use event::{Event, EventKind, Form};
pub use stored::{Draft, Header, Key, Owner, Stored};

use crate::status::GroupResource;

/// Every object, as of one version.
#[derive(Clone, Debug)]
pub struct State {
    version: u64,
    tables: HashTrieMapSync<GroupResource, Table>,
}

/// The objects of one resource.
#[derive(Clone, Debug, Default)]
struct Table {
    rows: RedBlackTreeMapSync<Key, Arc<Stored>>,
    changed: u64,
}

impl State {
    /// The resourceVersion this is the state at.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// One object.
    pub fn get(&self, of: &GroupResource, key: &Key) -> Option<&Arc<Stored>> {
        self.tables.get(of)?.rows.get(key)
    }

    /// The objects of a resource, in a namespace or in all, by namespace and name, from `start` on.
    pub fn list<'a>(
        &'a self,
        of: &GroupResource,
        namespace: Option<&'a str>,
        start: Key,
    ) -> impl Iterator<Item = &'a Arc<Stored>> + use<'a> {
        let first = match namespace {
            Some(namespace) => start.max(Key::new(namespace, "")),
            None => start,
        };
        self.tables
            .get(of)
            .into_iter()
            .flat_map(move |table| table.rows.range(first.clone()..))
            .map(|(_, stored)| stored)
            .take_while(move |stored| {
                namespace.is_none_or(|namespace| stored.key().namespace == namespace)
            })
    }

    /// Every object of a resource.
    pub fn all<'a>(
        &'a self,
        of: &GroupResource,
    ) -> impl Iterator<Item = &'a Arc<Stored>> + use<'a> {
        self.list(of, None, Key::default())
    }

    /// The resources that have (or had) objects.
    pub fn resources(&self) -> impl Iterator<Item = &GroupResource> {
        self.tables.keys()
    }

    /// The version of the last change to any object of a resource; 0 if there was none. What is computed from a resource's
    /// objects stays true as long as this stays the same.
    pub fn changed(&self, of: &GroupResource) -> u64 {
        self.tables.get(of).map_or(0, |table| table.changed)
    }
}

/// What a write expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No object.
    Absent,
    /// The object at this version.
    Version(u64),
}

/// One change to one object.
#[derive(Debug)]
pub struct Write {
    /// The resource.
    pub of: GroupResource,
    /// Which object.
    pub key: Key,
    /// What must be there for the change to happen.
    pub expect: Expect,
    /// The new object; `None` removes it.
    pub put: Option<Draft>,
}

/// A write found something else than it expected.
#[derive(Debug, thiserror::Error)]
#[error("the object has been modified")]
pub struct Mismatch;

/// A version that the ring no longer (or not yet) knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfReach {
    /// Compacted away; the oldest version that is still known.
    #[error("too old resource version: {asked} ({oldest})")]
    TooOld {
        /// What was asked for.
        asked: u64,
        /// What there is.
        oldest: u64,
    },
    /// Not written yet.
    #[error("Too large resource version: {asked}, current: {current}")]
    Future {
        /// What was asked for.
        asked: u64,
        /// What there is.
        current: u64,
    },
}

/// How much of the past is kept, and how far behind a watcher may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Events in the ring.
    pub events: usize,
    /// Bytes of objects in the ring.
    pub bytes: usize,
    /// Events a watcher may have undelivered before it is closed.
    pub behind: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            events: 20_000,
            bytes: 128 << 20,
            behind: 4096,
        }
    }
}

/// Which objects a watcher hears of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only this namespace.
    pub namespace: Option<String>,
    /// Only this name.
    pub name: Option<String>,
}

impl Scope {
    fn covers(&self, key: &Key) -> bool {
        let within = |own: &Option<String>, other: &str| own.as_deref().is_none_or(|x| x == other);
        within(&self.namespace, &key.namespace) && within(&self.name, &key.name)
    }
}

/// An event on its way to one watcher; it counts as undelivered work until dropped.
#[derive(Debug)]
pub struct Delivery {
    /// What happened.
    pub event: Arc<Event>,
    /// Counts it.
    pub guard: Guard,
}

/// What a watcher gets.
#[derive(Debug)]
pub struct Subscription {
    /// The state when it subscribed; events after it follow.
    pub state: State,
    /// Events between the version asked for and `state`.
    pub backlog: Vec<Arc<Event>>,
    /// What happens from then on. Closed when the watcher is too far behind.
    pub events: mpsc::Receiver<Delivery>,
}

/// The store.
#[derive(Debug)]
pub struct Store {
    current: RwLock<State>,
    writer: Mutex<Writer>,
    activity: Activity,
    limits: Limits,
}

#[derive(Debug)]
struct Writer {
    ring: VecDeque<Past>,
    bytes: usize,
    /// The state before the first event of the ring.
    base: State,
    watchers: HashMap<GroupResource, Vec<Watcher>>,
}

#[derive(Debug)]
struct Past {
    event: Arc<Event>,
    after: State,
}

#[derive(Debug)]
struct Watcher {
    scope: Scope,
    sender: mpsc::Sender<Delivery>,
}

impl Store {
    /// An empty store whose first version follows `version`.
    pub fn new(version: u64, limits: Limits, activity: Activity) -> Self {
        let state = State {
            version,
            tables: HashTrieMapSync::new_sync(),
        };
        Self {
            current: RwLock::new(state.clone()),
            writer: Mutex::new(Writer {
                ring: VecDeque::new(),
                bytes: 0,
                base: state,
                watchers: HashMap::new(),
            }),
            activity,
            limits,
        }
    }

    /// The state now.
    pub fn state(&self) -> State {
        self.current.read().clone()
    }

    /// The version now.
    pub fn version(&self) -> u64 {
        self.current.read().version
    }

    /// One object as it is now.
    pub fn get(&self, of: &GroupResource, key: &Key) -> Option<Arc<Stored>> {
        self.current.read().get(of, key).cloned()
    }

    /// Makes a change, if the object is as the write expects, and tells the watchers.
    ///
    /// Returns the object as stored; for a removal the removed object at the version of its removal.
    ///
    /// # Errors
    /// [`Mismatch`] when somebody else was faster: compute again from a new state.
    pub fn commit(&self, write: Write) -> Result<Arc<Stored>, Mismatch> {
        let mut writer = self.writer.lock();
        let mut state = self.state();
        let previous = state.get(&write.of, &write.key).cloned();
        let fits = match (&previous, write.expect) {
            (None, Expect::Absent) => write.put.is_some(),
            (Some(previous), Expect::Version(version)) => previous.version() == version,
            _ => false,
        };
        if !fits {
            return Err(Mismatch);
        }
        state.version += 1;
        let mut table = state.tables.get(&write.of).cloned().unwrap_or_default();
        table.changed = state.version;
        let (kind, object) = match (write.put, &previous) {
            (Some(draft), previous) => {
                let stored = Arc::new(draft.at(write.key.clone(), state.version));
                table.rows.insert_mut(write.key, stored.clone());
                let kind = if previous.is_some() {
                    EventKind::Modified
                } else {
                    EventKind::Added
                };
                (kind, stored)
            }
            (None, Some(previous)) => {
                table.rows.remove_mut(&write.key);
                let gone = Arc::new(previous.at_version(state.version));
                (EventKind::Deleted, gone)
            }
            (None, None) => return Err(Mismatch),
        };
        state.tables.insert_mut(write.of.clone(), table);
        let event = Arc::new(Event::new(kind, write.of, object.clone(), previous));
        // The state first: whoever an event wakes reads what it tells.
        *self.current.write() = state.clone();
        writer.publish(&event, &self.activity);
        writer.remember(event, state, self.limits);
        Ok(object)
    }

    /// The state at an earlier version.
    ///
    /// # Errors
    /// [`OutOfReach`] when that version is compacted or yet to come.
    pub fn state_at(&self, version: u64) -> Result<State, OutOfReach> {
        let writer = self.writer.lock();
        let current = self.state();
        reach(version, writer.base.version, current.version)?;
        let after = writer
            .ring
            .partition_point(|past| past.after.version <= version);
        let state = match after.checked_sub(1) {
            Some(at) => &writer.ring[at].after,
            None => &writer.base,
        };
        Ok(state.clone())
    }

    /// Subscribes to changes: after `since`, or from now on.
    ///
    /// # Errors
    /// [`OutOfReach::TooOld`] when `since` is compacted.
    pub fn subscribe(
        &self,
        of: &GroupResource,
        scope: Scope,
        since: Option<u64>,
    ) -> Result<Subscription, OutOfReach> {
        let mut writer = self.writer.lock();
        let state = self.state();
        let since = since.unwrap_or(state.version);
        reach(since.min(state.version), writer.base.version, state.version)?;
        let first = writer
            .ring
            .partition_point(|past| past.after.version <= since);
        let backlog = writer.ring.range(first..).map(|past| &past.event);
        let backlog = backlog
            .filter(|event| event.of() == of && scope.covers(event.object().key()))
            .cloned()
            .collect();
        let (sender, events) = mpsc::channel(self.limits.behind);
        writer
            .watchers
            .entry(of.clone())
            .or_default()
            .push(Watcher { scope, sender });
        Ok(Subscription {
            state,
            backlog,
            events,
        })
    }

    /// The number of watchers; those whose reader has gone are counted until the next event of their resource.
    pub fn watchers(&self) -> usize {
        self.writer.lock().watchers.values().map(Vec::len).sum()
    }

    /// Counts a piece of work under way.
    pub fn begin(&self) -> Guard {
        self.activity.begin()
    }
}

fn reach(asked: u64, oldest: u64, current: u64) -> Result<(), OutOfReach> {
    if asked > current {
        Err(OutOfReach::Future { asked, current })
    } else if asked < oldest {
        Err(OutOfReach::TooOld { asked, oldest })
    } else {
        Ok(())
    }
}

impl Writer {
    /// Hands the event to every watcher it concerns; one that cannot take it is closed.
    fn publish(&mut self, event: &Arc<Event>, activity: &Activity) {
        let Some(watchers) = self.watchers.get_mut(event.of()) else {
            return;
        };
        watchers.retain(|watcher| {
            if !watcher.scope.covers(event.object().key()) {
                return !watcher.sender.is_closed();
            }
            let delivery = Delivery {
                event: event.clone(),
                guard: activity.begin(),
            };
            watcher.sender.try_send(delivery).is_ok()
        });
    }

    fn remember(&mut self, event: Arc<Event>, after: State, limits: Limits) {
        self.bytes += event.size();
        self.ring.push_back(Past { event, after });
        while self.ring.len() > limits.events || (self.bytes > limits.bytes && self.ring.len() > 1)
        {
            let Some(past) = self.ring.pop_front() else {
                break;
            };
            self.bytes -= past.event.size();
            self.base = past.after;
        }
    }
}

#[cfg(test)]
mod tests;
