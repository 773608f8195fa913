//! The example fleet, whole: what its document promises, on the embedded API.

mod acme;
mod lockdown;
mod world;
