//! The controllers that keep the API itself alive: namespaces, garbage collection, ServiceAccounts, quotas.
//!
//! Each is a task that hears of changes as the store makes them (as an informer would, without polling) and writes through the
//! same service as everybody else, as its own ServiceAccount with the recorded `system:controller:*` role.

use crate::Server;

mod aggregation;
pub(crate) mod binding;
mod carry_over;
mod client;
pub(crate) mod cluster_ip;
mod collector;
mod feed;
mod namespace;
mod namespace_status;
mod quota;
pub(crate) mod root_ca;
mod service_account;
mod volume_claim;

/// Starts every controller.
pub(crate) fn start(server: &Server) {
    namespace::start(server);
    collector::start(server);
    service_account::start(server);
    root_ca::start(server);
    aggregation::start(server);
    quota::start(server);
    volume_claim::start(server);
}
