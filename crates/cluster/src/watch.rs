//! The watch loop: keeps a reader's view of a collection current, over interruptions.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use krm::{Object, Value};

use crate::request::{Call, JSON, PARTIAL, Query};
use crate::{Body, Client, Error, Resource, Status};

/// What to watch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The kind.
    pub resource: Resource,
    /// One namespace, or `""` for all.
    pub namespace: String,
    /// A label selector, or `""` for all.
    pub labels: String,
    /// A field selector, or `""` for all.
    pub fields: String,
    /// Metadata is enough: the server sends `PartialObjectMetadata`, whose `kind` is put right here.
    pub metadata_only: bool,
}

impl Scope {
    /// Every object of a kind.
    pub fn all(resource: Resource) -> Self {
        Self {
            resource,
            namespace: String::new(),
            labels: String::new(),
            fields: String::new(),
            metadata_only: false,
        }
    }
}

/// What the loop tells its reader.
#[derive(Clone, Debug)]
pub enum Change {
    /// The object is there, new or changed.
    Applied(Arc<Object>),
    /// The object is gone; this is its last known state.
    Deleted(Arc<Object>),
    /// Everything that was there has been told; from here on changes follow.
    Synced,
    /// The server refused, or does not answer; the loop tries again. Told once per interruption.
    Failing(Error),
}

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LAST_DELAY: Duration = Duration::from_secs(10);
const LINE_LIMIT: usize = 16 << 20;

/// Runs until dropped. Calls `tell` for each change, in order.
///
/// # Guarantees
/// After an interruption the reader is told what changed meanwhile, deletions included, and then `Synced` again. No change is told twice
/// for one resource version, but the first one after an interruption may repeat what the reader knows.
pub fn run<'a>(
    client: Client,
    scope: Scope,
    mut tell: impl FnMut(Change) + Send + 'a,
) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
    Box::pin(async move {
        let mut view = View::default();
        let mut delay = FIRST_DELAY;
        let mut told_failing = false;
        loop {
            let outcome = once(&client, &scope, &mut view, &mut |change| {
                delay = FIRST_DELAY;
                told_failing = false;
                tell(change);
            })
            .await;
            match outcome {
                // The server ended the watch, as it does from time to time: go on where it stopped.
                Ok(()) => continue,
                Err(error) if error.is_gone() => view.version.clear(),
                Err(error) => {
                    view.version.clear();
                    if !told_failing {
                        told_failing = true;
                        tell(Change::Failing(error));
                    }
                }
            }
            client.clock().sleep(delay).await;
            delay = (delay * 2).min(LAST_DELAY);
        }
    })
}

/// What the reader has been told.
#[derive(Default)]
struct View {
    /// Where to go on; empty for "from the start".
    version: String,
    known: HashMap<(String, String), Arc<Object>>,
}

/// An object's namespace and name.
fn key(object: &Object) -> (String, String) {
    let namespace = object.namespace().unwrap_or_default();
    (namespace.to_owned(), object.name().to_owned())
}

impl View {
    fn apply(&mut self, object: Object) -> Option<Change> {
        let key = key(&object);
        let same = self
            .known
            .get(&key)
            .is_some_and(|old| old.resource_version() == object.resource_version());
        if same {
            return None;
        }
        let object = Arc::new(object);
        self.known.insert(key, object.clone());
        Some(Change::Applied(object))
    }

    fn delete(&mut self, object: Object) -> Change {
        self.known.remove(&key(&object));
        Change::Deleted(Arc::new(object))
    }
}

/// The request that opens a watch: from the start, told as events, or from `version` on.
fn request(scope: &Scope, version: &str) -> Call {
    let query = Query::new()
        .with("watch", "true")
        .with("allowWatchBookmarks", "true")
        .with_some("labelSelector", &scope.labels)
        .with_some("fieldSelector", &scope.fields);
    let query = if version.is_empty() {
        query
            .with("sendInitialEvents", "true")
            .with("resourceVersionMatch", "NotOlderThan")
    } else {
        query.with("resourceVersion", version)
    };
    Call {
        accept: if scope.metadata_only { PARTIAL } else { JSON },
        ..Call::get(query.on(&scope.resource.path(&scope.namespace, "")))
    }
}

async fn once(
    client: &Client,
    scope: &Scope,
    view: &mut View,
    tell: &mut (dyn FnMut(Change) + Send),
) -> Result<(), Error> {
    let initial = view.version.is_empty();
    let response = client.open(request(scope, &view.version)).await?;
    let mut lines = Lines {
        body: response.into_body(),
        buffer: BytesMut::new(),
    };
    // While the initial events come in, what is not among them has been deleted meanwhile.
    let mut missing = if initial {
        std::mem::take(&mut view.known)
    } else {
        HashMap::new()
    };
    let mut syncing = initial;
    while let Some(line) = lines.next().await? {
        let event = read_event(&line, scope)?;
        view.version = event.object.resource_version().to_owned();
        match event.kind.as_str() {
            "ADDED" | "MODIFIED" => {
                if let Some((key, old)) = missing.remove_entry(&key(&event.object)) {
                    view.known.insert(key, old);
                }
                if let Some(change) = view.apply(event.object) {
                    tell(change);
                }
            }
            "DELETED" => {
                let change = view.delete(event.object);
                tell(change);
            }
            "BOOKMARK" if syncing && event.ends_the_initial_ones() => {
                syncing = false;
                for (_, gone) in missing.drain() {
                    tell(Change::Deleted(gone));
                }
                tell(Change::Synced);
            }
            _ => {}
        }
    }
    if syncing {
        // Cut off before the end: what has not been told deleted is still known.
        view.known.extend(missing);
        view.version.clear();
        return Err(Error::Transport(
            "watch ended before its initial events did".into(),
        ));
    }
    Ok(())
}

/// A line of a watch that is no error.
struct Event {
    kind: String,
    object: Object,
}

impl Event {
    fn ends_the_initial_ones(&self) -> bool {
        self.object.annotation("k8s.io/initial-events-end") == Some("true")
    }
}

/// Reads a line; the error that the server may send instead of an event is the error.
fn read_event(line: &[u8], scope: &Scope) -> Result<Event, Error> {
    let event: Value =
        serde_json::from_slice(line).map_err(|error| Error::Answer(format!("watch: {error}")))?;
    let Value::Object(mut event) = event else {
        return Err(Error::Answer("watch: no event".into()));
    };
    let kind = event.remove("type");
    let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
    let payload = event.remove("object").unwrap_or_default();
    if kind == "ERROR" {
        let status: Status = serde_json::from_value(payload).unwrap_or_default();
        return Err(Error::Status(Box::new(status)));
    }
    Ok(Event {
        kind: kind.into(),
        object: restore(payload, scope)?,
    })
}

/// The object of an event; `PartialObjectMetadata` gets back the kind that was asked for.
fn restore(mut payload: Value, scope: &Scope) -> Result<Object, Error> {
    if let Some(map) = payload.as_object_mut() {
        map.insert("apiVersion".into(), scope.resource.gvk.api_version().into());
        map.insert("kind".into(), scope.resource.gvk.kind.clone().into());
    }
    Object::try_from(payload).map_err(|error| Error::Answer(format!("watch: {error}")))
}

struct Lines {
    body: Body,
    buffer: BytesMut,
}

impl Lines {
    async fn next(&mut self) -> Result<Option<BytesMut>, Error> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..]
                .iter()
                .position(|byte| *byte == b'\n')
            {
                let line = self.buffer.split_to(searched + at);
                self.buffer.advance(1);
                if line.is_empty() {
                    searched = 0;
                    continue;
                }
                return Ok(Some(line));
            }
            searched = self.buffer.len();
            if searched > LINE_LIMIT {
                return Err(Error::Answer(format!(
                    "watch: an event of over {LINE_LIMIT} bytes"
                )));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(Error::Transport(error.to_string())),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}
