//! What a pass ends in, for every kind alike.

use std::collections::BTreeMap;
use std::time::Duration;

/// What a pass ends in. The runtime alone turns it into writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Conclusion<S> {
    /// The new status; `None` leaves it as it is.
    pub status: Option<S>,
    /// Whether the finalizer goes.
    pub finalized: bool,
    /// What to tell.
    pub events: Vec<Event>,
    /// When to come back without being called.
    pub next: Next,
}

impl<S> Conclusion<S> {
    /// Nothing to write and nothing to come back for.
    pub fn nothing() -> Self {
        Self {
            status: None,
            finalized: false,
            events: Vec::new(),
            next: Next::Never,
        }
    }

    /// The object is done with: its finalizer goes.
    pub fn finalized(events: Vec<Event>) -> Self {
        Self {
            finalized: true,
            events,
            ..Self::nothing()
        }
    }

    /// The same with another form of status.
    pub fn map<T>(self, form: impl FnOnce(S) -> T) -> Conclusion<T> {
        let Self {
            status,
            finalized,
            events,
            next,
        } = self;
        Conclusion {
            status: status.map(form),
            finalized,
            events,
            next,
        }
    }
}

/// When to come back without being called. Events wake an object earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Not at all: only an event can change anything.
    Never,
    /// At once.
    Now,
    /// After exactly this long.
    After(Duration),
    /// After this long, give or take the controller's jitter.
    Interval(Duration),
    /// After a delay that doubles with each failure in a row.
    Backoff,
}

/// How bad a thing is that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// A Normal event, forwarded as `info`.
    Info,
    /// A Warning event, forwarded as `error`.
    Error,
    /// A Normal event that is not forwarded.
    Trace,
}

/// Something to tell: a Kubernetes Event, and a notification where a sink is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// How bad it is.
    pub severity: Severity,
    /// A word for a machine, in CamelCase.
    pub reason: String,
    /// For a person.
    pub message: String,
    /// Annotations, with their group prefix.
    pub metadata: BTreeMap<String, String>,
}

/// A duration as Go's `time.Duration` prints it.
pub fn go_duration(duration: Duration) -> String {
    api::GoDuration::from(duration).to_string()
}
