//! Watches: what happened since, and what happens from now on, one JSON line each.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clock::{Guard, Timestamp};
use futures_util::stream::unfold;
use http::{HeaderValue, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use krm::{Value, json};
use tokio::sync::mpsc;

use crate::Server;
use crate::negotiate::Shape;
use crate::registry::Resource;
use crate::reply::Reply;
use crate::selector::Selector;
use crate::status::ApiError;
use crate::store::{
    Delivery, Event, EventKind, Form, Key, OutOfReach, Scope, Stored, Subscription,
};
use crate::transform::{Writer, partial};

/// What a watch asks for.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The resource.
    pub(crate) resource: Resource,
    /// Namespace and name.
    pub(crate) scope: Scope,
    /// Which objects.
    pub(crate) selector: Selector,
    /// Where it starts.
    pub(crate) start: Start,
    /// `allowWatchBookmarks`.
    pub(crate) bookmarks: bool,
    /// `timeoutSeconds`.
    pub(crate) timeout: Option<Duration>,
    /// How objects are written.
    pub(crate) writer: Writer,
}

/// Where a watch starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// With every object there is, as ADDED; then, where `marked`, a bookmark that says so.
    Everything {
        /// `sendInitialEvents=true`.
        marked: bool,
    },
    /// With the next event.
    Now,
    /// After a version.
    After(u64),
}

/// What is still to be sent of the past.
#[derive(Debug)]
enum Pending {
    Object(Arc<Stored>),
    Event(Arc<Event>),
    InitialEnd(u64),
}

#[derive(Debug)]
struct Stream {
    server: Server,
    writer: Writer,
    selector: Selector,
    pending: VecDeque<Pending>,
    /// Counts `pending` until the last of it is read.
    backlog: Option<Guard>,
    /// Counts what was handed out last, until the reader comes back for more.
    delivered: Option<Guard>,
    events: mpsc::Receiver<Delivery>,
    deadline: Option<Timestamp>,
    bookmark: Option<(Duration, Timestamp)>,
    has_headers: bool,
    kind: (String, String),
}

/// Begins a watch.
///
/// # Errors
/// None yet: a version that is compacted is told in the stream, as upstream does it.
pub(crate) fn watch(server: &Server, watch: Watch) -> Result<Reply, ApiError> {
    let since = match watch.start {
        Start::After(version) => Some(version),
        Start::Everything { .. } | Start::Now => None,
    };
    let of = watch.resource.stored_as();
    let mut subscription = match server.store().subscribe(of, watch.scope.clone(), since) {
        Ok(subscription) => subscription,
        Err(gone @ OutOfReach::TooOld { .. }) => return Ok(refused(&gone)),
        Err(OutOfReach::Future { asked, current }) => {
            return Err(ApiError::future_version(asked, current));
        }
    };
    let pending = past(&watch, &mut subscription);
    let clock = server.clock();
    let every = server.config().bookmarks.filter(|_| watch.bookmarks);
    let gvk = watch.resource.gvk();
    let stream = Stream {
        backlog: (!pending.is_empty()).then(|| server.activity().begin()),
        delivered: None,
        server: server.clone(),
        writer: watch.writer,
        selector: watch.selector,
        pending,
        events: subscription.events,
        deadline: watch.timeout.map(|timeout| clock.after(timeout)),
        bookmark: every.map(|every| (every, clock.after(every))),
        has_headers: false,
        kind: (gvk.api_version(), gvk.kind),
    };
    let lines = unfold(stream, |mut stream| async move {
        let line = stream.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(line)), stream))
    });
    let body = StreamBody::new(lines).map_err(|never| match never {});
    Ok(streaming(body.boxed_unsync()))
}

/// What a watch begins with.
fn past(watch: &Watch, subscription: &mut Subscription) -> VecDeque<Pending> {
    let mut pending: VecDeque<Pending> = VecDeque::new();
    if let Start::Everything { marked } = watch.start {
        let namespace = watch.scope.namespace.as_deref();
        let of = watch.resource.stored_as();
        let objects = subscription.state.list(of, namespace, Key::default());
        let is_named = |stored: &Stored| {
            let name = watch.scope.name.as_deref();
            name.is_none_or(|name| stored.key().name == name)
        };
        let objects = objects.filter(|stored| is_named(stored) && watch.selector.matches(stored));
        pending.extend(objects.cloned().map(Pending::Object));
        if marked && watch.bookmarks {
            pending.push_back(Pending::InitialEnd(subscription.state.version()));
        }
    }
    let backlog = std::mem::take(&mut subscription.backlog);
    pending.extend(backlog.into_iter().map(Pending::Event));
    pending
}

fn streaming(body: crate::BoxBody) -> Reply {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, private"),
    );
    Reply::Ready(response)
}

/// A watch that ends with the reason why it cannot begin.
fn refused(gone: &OutOfReach) -> Reply {
    let status = ApiError::expired(&gone.to_string()).to_value();
    streaming(crate::reply::full(line(
        "ERROR",
        status.to_string().as_bytes(),
    )))
}

/// A line around an encoded object.
fn line(kind: &str, object: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(object.len() + kind.len() + 24);
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"object\":");
    out.extend_from_slice(object);
    out.extend_from_slice(b"}\n");
    out.into()
}

impl Stream {
    /// The next line; `None` ends the watch.
    async fn next(&mut self) -> Option<Bytes> {
        self.delivered = None;
        loop {
            if let Some(line) = self.next_of_past() {
                return Some(line);
            }
            let clock = self.server.clock().clone();
            let wake = [self.deadline, self.bookmark.map(|(_, at)| at)];
            let received = match wake.into_iter().flatten().min() {
                Some(at) => clock.timeout_at(at, self.events.recv()).await,
                None => Ok(self.events.recv().await),
            };
            match received {
                Ok(Some(delivery)) => {
                    let line = self.event(&delivery.event);
                    if line.is_some() {
                        self.delivered = Some(delivery.guard);
                        return line;
                    }
                }
                Ok(None) => return None,
                Err(_) => {
                    let now = clock.now();
                    if self.deadline.is_some_and(|deadline| deadline <= now) {
                        return None;
                    }
                    if let Some(line) = self.bookmark_now() {
                        return Some(line);
                    }
                }
            }
        }
    }

    fn next_of_past(&mut self) -> Option<Bytes> {
        while let Some(pending) = self.pending.pop_front() {
            let line = match pending {
                Pending::Object(stored) => Some(self.object(EventKind::Added, &stored)),
                Pending::Event(event) => self.event(&event),
                Pending::InitialEnd(version) => Some(self.bookmark(version, true)),
            };
            if self.pending.is_empty() {
                self.delivered = self.backlog.take();
            }
            if line.is_some() {
                return line;
            }
        }
        self.delivered = None;
        None
    }

    /// A bookmark at the version now, unless events are still queued: those come first.
    fn bookmark_now(&mut self) -> Option<Bytes> {
        let (every, _) = self.bookmark?;
        self.bookmark = Some((every, self.server.clock().after(every)));
        let version = self.server.store().version();
        let is_current = self.events.is_empty();
        is_current.then(|| self.bookmark(version, false))
    }

    fn bookmark(&self, version: u64, ends_initial: bool) -> Bytes {
        let mut meta = json!({"resourceVersion": version.to_string()});
        if ends_initial {
            meta["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let (api_version, kind) = &self.kind;
        let object = json!({"apiVersion": api_version, "kind": kind, "metadata": meta});
        let object = match self.writer.shape() {
            Shape::Object => object,
            Shape::Metadata => partial(&object),
            Shape::Table => self.writer.table(&[], meta),
        };
        line("BOOKMARK", object.to_string().as_bytes())
    }

    /// An event as this watcher sees it; `None` where it does not concern it.
    fn event(&mut self, event: &Event) -> Option<Bytes> {
        let is_in = event.kind() != EventKind::Deleted && self.selector.matches(event.object());
        let was_in = event
            .previous()
            .is_some_and(|previous| self.selector.matches(previous));
        let (kind, object) = match (was_in, is_in) {
            (false, false) => return None,
            (false, true) => (EventKind::Added, event.object().clone()),
            (true, true) => (EventKind::Modified, event.object().clone()),
            (true, false) if event.kind() == EventKind::Deleted => {
                (EventKind::Deleted, event.object().clone())
            }
            (true, false) => {
                let last = event.previous()?.at_version(event.version());
                (EventKind::Deleted, Arc::new(last))
            }
        };
        let Some(transform) = self.writer.transform() else {
            return Some(self.object(kind, &object));
        };
        let form = Form {
            kind,
            api_version: self.writer.api_version().to_owned(),
            transform: transform.to_owned(),
        };
        let encoded = event.encoded(&form, || Ok::<_, Infallible>(self.encode(kind, &object)));
        encoded.ok()
    }

    fn encode(&self, kind: EventKind, object: &Stored) -> Bytes {
        line(kind.as_str(), &self.writer.one(object))
    }

    /// A line about an object, not from the cache. The columns of a Table are told once.
    fn object(&mut self, kind: EventKind, object: &Stored) -> Bytes {
        if self.writer.shape() != Shape::Table {
            return self.encode(kind, object);
        }
        let mut table = self.writer.shaped(&self.writer.value(object));
        if self.has_headers {
            table["columnDefinitions"] = Value::Null;
        }
        self.has_headers = true;
        line(kind.as_str(), table.to_string().as_bytes())
    }
}
