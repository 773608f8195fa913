//! Admission: what may still change or refuse a write once its sender may make it.

use krm::Value;

use crate::auth::User;
use crate::registry::Resource;
use crate::status::ApiError;
use crate::{RequestInfo, Server};

/// What kind of write is to be admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// A changed object.
    Update,
    /// An object about to go.
    Delete,
    /// A request to a subresource that is no object (`exec`, `proxy`).
    Connect,
}

/// A write to be admitted.
#[derive(Debug)]
pub struct Review<'a> {
    /// The server, for what plugins look up.
    pub server: &'a Server,
    /// The kind of write.
    pub operation: Operation,
    /// What the request said. For a create through server-side apply, name and namespace are the object's.
    pub info: &'a RequestInfo,
    /// The resource written to.
    pub resource: &'a Resource,
    /// Who writes.
    pub user: &'a User,
    /// Whether nothing is to be kept.
    pub dry_run: bool,
    /// The object as it is, for update and delete.
    pub old: Option<&'a Value>,
    /// Warnings for the caller, to be added to.
    pub warnings: Vec<String>,
}

/// Lets every mutating plugin change `object`, in upstream's order.
///
/// # Errors
/// The refusal of the first plugin that refuses.
pub fn mutate(_review: &mut Review<'_>, _object: &mut Value) -> Result<(), ApiError> {
    Ok(())
}

/// Asks every validating plugin, in upstream's order; `object` is `None` for a delete.
///
/// # Errors
/// The refusal of the first plugin that refuses.
pub fn validate(_review: &mut Review<'_>, _object: Option<&Value>) -> Result<(), ApiError> {
    Ok(())
}
