//! What happened to one object, with its encodings made once.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::Stored;
use crate::status::GroupResource;

/// What happened to an object, as a watch names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// It came to be (or into the selector).
    Added,
    /// It changed.
    Modified,
    /// It went (or left the selector).
    Deleted,
}

impl EventKind {
    /// The `type` of a watch event.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// How a watch event is written: everything that makes two encodings of one event differ.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Form {
    /// The event type as this watcher sees it.
    pub kind: EventKind,
    /// The `apiVersion` the object is written in.
    pub api_version: String,
    /// The transform, such as `Table` or `PartialObjectMetadata`, with what it depends on; `""` for the object itself.
    pub transform: String,
}

/// One change to one object.
#[derive(Debug)]
pub struct Event {
    kind: EventKind,
    of: GroupResource,
    object: Arc<Stored>,
    previous: Option<Arc<Stored>>,
    encoded: Mutex<Vec<(Form, Bytes)>>,
}

impl Event {
    pub(super) fn new(
        kind: EventKind,
        of: GroupResource,
        object: Arc<Stored>,
        previous: Option<Arc<Stored>>,
    ) -> Self {
        Self {
            kind,
            of,
            object,
            previous,
            encoded: Mutex::new(Vec::new()),
        }
    }

    /// What happened.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// The resource.
    pub fn of(&self) -> &GroupResource {
        &self.of
    }

    /// The version it happened at.
    pub fn version(&self) -> u64 {
        self.object.version()
    }

    /// The object after the change; for a removal its last state, at the version of the removal.
    pub fn object(&self) -> &Arc<Stored> {
        &self.object
    }

    /// The object before the change.
    pub fn previous(&self) -> Option<&Arc<Stored>> {
        self.previous.as_ref()
    }

    /// The event in a form, made by `encode` for the first watcher that needs it.
    pub fn encoded<E>(
        &self,
        form: &Form,
        encode: impl FnOnce() -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        let known = |cache: &[(Form, Bytes)]| {
            let hit = cache.iter().find(|(own, _)| own == form);
            hit.map(|(_, bytes)| bytes.clone())
        };
        let mut cache = self.encoded.lock();
        if let Some(bytes) = known(&cache) {
            return Ok(bytes);
        }
        let bytes = encode()?;
        cache.push((form.clone(), bytes.clone()));
        Ok(bytes)
    }

    /// Roughly what it costs to remember.
    pub(super) fn size(&self) -> usize {
        self.object.size()
    }
}
