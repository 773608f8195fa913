//! The request log: what was asked by whom and how it ended, read exactly by tests and measurements.

use std::collections::VecDeque;

use clock::Timestamp;
use parking_lot::Mutex;

use crate::request::RequestInfo;

/// One answered request. A watch is logged when it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// A number that grows by one with every request.
    pub number: u64,
    /// When it was answered.
    pub at: Timestamp,
    /// Who asked, after impersonation.
    pub user: String,
    /// Who impersonated that user, `""` where nobody did.
    pub impersonator: String,
    /// What was asked for.
    pub info: RequestInfo,
    /// Whether nothing was to be kept.
    pub dry_run: bool,
    /// `fieldManager`, as sent.
    pub manager: String,
    /// Bytes of the request's body.
    pub received: usize,
    /// Bytes of the answer; 0 for a stream.
    pub sent: usize,
    /// The HTTP status.
    pub code: u16,
}

impl std::fmt::Display for Entry {
    /// `alice patch apps/deployments/status team/api (dry-run) 200`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ", self.user, self.info.verb)?;
        if self.info.is_resource {
            if !self.info.group.is_empty() {
                write!(f, "{}/", self.info.group)?;
            }
            f.write_str(&self.info.resource_path())?;
            let place = [self.info.namespace.as_str(), self.info.name.as_str()];
            let place: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
            if !place.is_empty() {
                write!(f, " {}", place.join("/"))?;
            }
        } else {
            f.write_str(&self.info.path)?;
        }
        if self.dry_run {
            f.write_str(" (dry-run)")?;
        }
        write!(f, " {}", self.code)
    }
}

/// How many requests are remembered.
const KEPT: usize = 50_000;

/// The last requests.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    kept: VecDeque<Entry>,
}

impl Log {
    /// Adds an entry, giving it its number.
    pub(crate) fn push(&self, mut entry: Entry) {
        tracing::debug!(target: "apiserver::requests", "{entry}");
        let mut log = self.0.lock();
        entry.number = log.next;
        log.next += 1;
        log.kept.push_back(entry);
        if log.kept.len() > KEPT {
            log.kept.pop_front();
        }
    }

    /// The entries from a number on.
    pub(crate) fn since(&self, number: u64) -> Vec<Entry> {
        let log = self.0.lock();
        let first = log.kept.partition_point(|entry| entry.number < number);
        log.kept.range(first..).cloned().collect()
    }

    /// The number the next entry gets: how many requests there were.
    pub(crate) fn next(&self) -> u64 {
        self.0.lock().next
    }
}
