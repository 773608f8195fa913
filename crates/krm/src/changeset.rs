//! What happened to each object of a set: the currency of apply, diff, prune, inventory, events and logs.

use std::fmt;

use crate::ObjectId;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It did not exist and does now.
    Created,
    /// It existed and was changed.
    Configured,
    /// It is as desired; nothing was written.
    Unchanged,
    /// It was deleted, or was gone already.
    Deleted,
    /// It is excluded from reconciliation; nothing was written.
    Skipped,
}

impl Action {
    /// Whether the cluster was changed.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Created | Self::Configured | Self::Deleted)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
            Self::Skipped => "skipped",
        })
    }
}

/// One object's change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which object.
    pub id: ObjectId,
    /// The API version it was applied at, without the group.
    pub version: String,
    /// What happened.
    pub action: Action,
}

impl fmt::Display for Change {
    /// `Kind/namespace/name action`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.action)
    }
}

/// The changes of a set of objects, in the order they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSet {
    /// One entry per object.
    pub entries: Vec<Change>,
}

impl ChangeSet {
    /// The entries that changed the cluster, a line each; empty where none did.
    pub fn log(&self) -> String {
        lines(
            self.entries
                .iter()
                .filter(|change| change.action.is_change()),
        )
    }
}

impl fmt::Display for ChangeSet {
    /// A line per entry, without a line break at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&lines(self.entries.iter()))
    }
}

fn lines<'a>(changes: impl Iterator<Item = &'a Change>) -> String {
    changes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
