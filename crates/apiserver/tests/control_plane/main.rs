//! Who may what, what admission makes of a write, and what the control plane does by itself: on a server in this process.

mod admission;
mod harness;
mod life;
mod who_may_what;
