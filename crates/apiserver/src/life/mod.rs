//! The controllers that keep the API itself alive: namespaces, garbage collection, ServiceAccounts. Each is a client of the
//! same service as everybody else.

use crate::Server;

/// Starts every controller.
pub(crate) fn start(_server: &Server) {}
