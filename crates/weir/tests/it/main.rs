//! The program as its users run it: a process of its own, a cleared environment, a home of its own; standard output, standard error and the exit
//! code in one snapshot. The cluster is an embedded API server in the test's process, over HTTPS.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may fail, and runs the program"
)]

mod build;
mod get;
mod offline;
mod requests;
mod world;
