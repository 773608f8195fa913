//! Fields that an apply would take from their owners.

use std::collections::BTreeMap;
use std::fmt;

use super::Entry;
use crate::fields::{FieldSet, Path};

/// A field that another manager owns with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The owner's identity, by which conflicts are grouped and sorted.
    id: String,
    /// The owner, such as `"kubectl" using apps/v1`.
    pub manager: String,
    /// The field.
    pub path: Path,
}

/// Every conflict of an apply; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflicts(Vec<Conflict>);

/// A cause of the status of the refusal; its reason is `FieldManagerConflict`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `conflict with "kubectl" using apps/v1`.
    pub message: String,
    /// The field, such as `.spec.replicas`.
    pub field: String,
}

impl Conflicts {
    /// The conflicts with one owner after the other.
    pub(super) fn new<'a>(owners: impl IntoIterator<Item = (&'a Entry, FieldSet)>) -> Self {
        let conflicts = owners.into_iter().flat_map(|(entry, fields)| {
            let (id, manager) = (entry.id(), entry.described());
            fields.paths().into_iter().map(move |path| Conflict {
                id: id.clone(),
                manager: manager.clone(),
                path,
            })
        });
        Self(conflicts.collect())
    }

    /// The conflicts.
    pub fn iter(&self) -> impl Iterator<Item = &Conflict> {
        self.0.iter()
    }

    /// The causes that go into the refusal's details.
    pub fn causes(&self) -> Vec<Cause> {
        let causes = self.0.iter().map(|conflict| Cause {
            message: format!("conflict with {}", conflict.manager),
            field: conflict.path.to_string(),
        });
        causes.collect()
    }

    /// Those whose fields are not in a set; `None` where all are.
    pub(super) fn outside(self, allowed: &FieldSet) -> Option<Self> {
        let outside: Vec<_> = self
            .0
            .into_iter()
            .filter(|conflict| !allowed.has(&conflict.path.0))
            .collect();
        (!outside.is_empty()).then_some(Self(outside))
    }
}

impl std::error::Error for Conflicts {}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [Conflict { manager, path, .. }] = self.0.as_slice() {
            return write!(
                f,
                "Apply failed with 1 conflict: conflict with {manager}: {path}"
            );
        }
        let mut owners: BTreeMap<&str, Vec<&Conflict>> = BTreeMap::new();
        for conflict in &self.0 {
            owners.entry(&conflict.id).or_default().push(conflict);
        }
        let mut lines = Vec::new();
        for conflicts in owners.values() {
            lines.push(format!("conflicts with {}:", conflicts[0].manager));
            lines.extend(
                conflicts
                    .iter()
                    .map(|conflict| format!("- {}", conflict.path)),
            );
        }
        let count = self.0.len();
        write!(
            f,
            "Apply failed with {count} conflicts: {}",
            lines.join("\n")
        )
    }
}
