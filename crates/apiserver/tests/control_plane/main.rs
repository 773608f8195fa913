//! Who may what, what admission makes of a write, and what the control plane does by itself: on a server in this process.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod admission;
mod harness;
mod life;
mod who_may_what;
