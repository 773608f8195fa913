//! The example fleet, whole: what its document promises, on the embedded API.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where what it needs is not there"
)]

mod acme;
mod lockdown;
mod requests;
mod world;
