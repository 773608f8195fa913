//! Kustomize as a pure function from a tree of files to objects, and what Flux does around it.
//!
//! [`build`] is `kustomize build` 5.8.1. It never reads anything: files come in a [`krm::Tree`], and where a remote resource is needed, it
//! returns [`Step::Fetch`] and is called again with what was fetched. A field of `kustomization.yaml` that it cannot honour is refused by
//! name. [`flux`] generates and overrides the root as `fluxcd/pkg/kustomize` does, and substitutes variables after the build.
//!
//! One file per transformer under `transform`; `target` reads top to bottom as the order in which a build happens.

mod edit;
mod error;
mod fieldspec;
mod file;
pub mod flux;
mod id;
mod load;
mod order;
mod resmap;
mod resource;
mod schema;
mod selector;
mod target;
mod transform;

use std::collections::BTreeMap;

use bytes::Bytes;
use krm::{Object, Tree};

pub use error::{Error, Place};
pub use file::{Image, Patch, Selector};

/// The names a kustomization file may have.
pub const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// How to build.
#[derive(Clone, Debug)]
pub struct Options {
    /// The order of the result where the root's `sortOptions` does not say.
    pub order: Order,
    /// What was fetched, by the URL as it was asked for.
    pub remotes: BTreeMap<String, Remote>,
    /// What a remote resource is.
    pub remote_bases: RemoteBases,
    /// How much a build may take.
    pub limits: Limits,
}

/// The order of a build's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As accumulated: what Flux does.
    Fifo,
    /// By kind, then name: the default of kustomize's command line.
    Legacy,
}

/// What a remote resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteBases {
    /// A request to the caller.
    Asked,
    /// An error, before anything leaves the process.
    Refused,
}

/// What a URL turned out to be.
#[derive(Clone, Debug)]
pub enum Remote {
    /// A file of resources.
    File(Bytes),
    /// A repository, and the directory in it that the URL names.
    Tree {
        /// All its files.
        tree: Tree,
        /// The directory, `""` for the root.
        path: String,
    },
}

/// How much a build may take. Hostile input ends in an error, not in memory.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Kustomizations inside kustomizations.
    pub depth: usize,
    /// Kustomizations read, each time one is used counted.
    pub kustomizations: usize,
    /// Objects at any moment.
    pub objects: usize,
}

/// What a build came to.
#[derive(Clone, Debug)]
pub enum Step {
    /// These URLs are needed: call again with them in [`Options::remotes`].
    Fetch(Vec<String>),
    /// The objects, in order.
    Done(Vec<Object>),
}

impl Default for Options {
    /// Flux's way: objects as accumulated.
    fn default() -> Self {
        Self {
            order: Order::Fifo,
            remotes: BTreeMap::new(),
            remote_bases: RemoteBases::Asked,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 64,
            kustomizations: 10_000,
            objects: 200_000,
        }
    }
}

/// Builds the kustomization in the directory `path` of `tree` (`""` is the root).
///
/// # Errors
/// Whatever kustomize refuses, and fields that are not built yet; with the chain of kustomizations, the file, line and field.
pub fn build(tree: &Tree, path: &str, options: &Options) -> Result<Step, Error> {
    target::build(tree, path, None, options)
}
