//! Every decision of the controllers, and nothing that acts.
//!
//! Per kind there are two: a *gate* turns what was seen into what to do, and a *conclusion* turns what came of it into status, events and
//! the next wake-up. Both are total functions of their arguments; the time is one of them.

pub mod conclusion;
pub mod dependency;
pub mod git_repository;
pub mod health;
pub mod inventory;
pub mod kustomization;
pub mod tenancy;

pub use conclusion::{Conclusion, Event, Next, Severity};

/// A namespaced name: which object of a controller's own kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Key {
    /// From both parts.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl std::fmt::Display for Key {
    /// `namespace/name`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
