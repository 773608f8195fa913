//! Sources in, artifacts out.
//!
//! A source is resolved to a [`Resolved`] tree with a revision, and stored as an artifact: a tar.gz under upstream's path and digest,
//! and, for consumers in the same process, the tree itself.

pub mod archive;
pub mod ignore;
pub mod mapped;
pub mod storage;
mod version;

pub use mapped::{Mapping, Mappings};
pub use storage::{Slot, Storage};

use krm::Tree;

/// What a source's reference resolved to.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The revision, such as `main@sha1:<40 hex>`.
    pub revision: String,
    /// The 40 hex digits.
    pub hash: String,
    /// What to call it in an event: the commit's first line, or the revision.
    pub subject: String,
    /// The files, without what the ignore rules leave out.
    pub tree: Tree,
}

/// Why a source gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The reference does not exist, or not in this form.
    #[error("{0}")]
    Reference(String),
    /// Reading failed; the message names the file.
    #[error("{path}: {message}")]
    Read {
        /// Which file.
        path: String,
        /// What the system said.
        message: String,
    },
    /// A file changed while it was read; it is read again when it has settled.
    #[error("{0} changed while it was read")]
    Unsettled(String),
    /// A limit was passed.
    #[error("{0}")]
    Limit(String),
}

impl Error {
    pub(crate) fn read(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::Read {
            path: path.display().to_string(),
            message: error.to_string(),
        }
    }
}
