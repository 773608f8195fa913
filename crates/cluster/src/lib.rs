//! The one user of a Kubernetes API.
//!
//! Everything goes through one small port, [`Transport`]: an HTTP request in, an HTTP response out. In process it is the embedded API server's
//! own service, outside it is a TLS connection; nobody above can tell. With a ServiceAccount a [`Client`] impersonates on every request it
//! sends: apply, prune, finalize, health and drift alike.

pub mod apply;
mod client;
pub mod drift;
mod error;
mod mapper;
pub mod prune;
#[cfg(feature = "remote")]
pub mod remote;
mod request;
pub mod wait;
pub mod watch;

pub use client::{Client, Delete, List, Target};
pub use error::{Cause, Error, Status};
pub use mapper::{Mapper, Resource};
pub use request::{Patch, Query};

/// Any error of a body or a transport.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request's or a response's body.
pub type Body = http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, BoxError>;

/// The port: whatever turns a request into a response.
pub type Transport =
    tower::util::BoxCloneSyncService<http::Request<Body>, http::Response<Body>, BoxError>;
