//! The runtime loop, and one module per kind that tells its story on a page.
//!
//! A pass observes, decides (crate `plan`), acts (crates `source`, `kustomize`, `cluster`) and concludes; the runtime alone writes what was
//! concluded. Waiting holds no worker: an object that waits is parked, and the watch of what it waits for wakes it.

mod commit;
pub mod flags;
pub mod git_repository;
pub mod kustomization;
mod queue;
mod recorder;
mod runtime;
mod store;

pub use runtime::{Caller, Context, Inbox};
