//! Time, randomness and the count of work in flight, as arguments.
//!
//! Everything that waits, stamps or names takes a [`Clock`] or a [`Seed`]; a lint bans the runtime's own. On a real clock a
//! fleet runs as it does in a cluster; on a virtual one an hour passes as soon as nothing is left to do in this one, which
//! [`Activity`] counts instead of guessing.

mod activity;
mod seed;
mod time;

pub use activity::{Activity, Guard};
pub use seed::Seed;
pub use time::{Clock, Elapsed};

/// A point in time. Kubernetes writes it with seconds' precision (`metav1.Time`) or microseconds' (`metav1.MicroTime`).
pub use jiff::Timestamp;
