//! Scripts of requests, played on any Kubernetes API and held against what the real one answered.
//!
//! A [`script`] is a file of requests. [`play`] sends them to a [`target::Target`] — the embedded server in process, or a
//! real one over [`https`] — and yields a [`recording::Recording`]: every answer with what must differ between two servers
//! ([`normal`]: uids, times, versions, generated names) replaced by stable words. Two recordings of one script are equal
//! exactly when the servers behaved alike. The real server's recordings are committed beside the scripts.

pub mod corpus;
pub mod https;
pub mod known;
pub mod normal;
mod pattern;
pub mod play;
pub mod recording;
pub mod script;
mod stream;
pub mod target;
mod yaml;
