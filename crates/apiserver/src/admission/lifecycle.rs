//! NamespaceLifecycle: nothing comes to be in a namespace that is missing or going.

use krm::Value;

use super::{Operation, Review};
use crate::status::{ApiError, Cause, GroupResource};
use crate::store::Key;

/// The namespaces that stay.
const IMMORTAL: [&str; 3] = ["default", "kube-public", "kube-system"];

/// Refuses to create in a namespace that does not exist or is terminating.
pub(super) fn admit(review: &mut Review<'_>, object: &mut Value) -> Result<(), ApiError> {
    let namespace = review.namespace();
    let asks_for_access = review.is_any("authorization.k8s.io", "localsubjectaccessreviews");
    if namespace.is_empty()
        || asks_for_access
        || !matches!(review.operation, Operation::Create | Operation::Update)
    {
        return Ok(());
    }
    let Some(live) = review.get("", "namespaces", &Key::new("", namespace)) else {
        let of = GroupResource::new("", "namespaces");
        return Err(ApiError::not_found(&of, namespace));
    };
    let going = review.operation == Operation::Create
        && live
            .field("status.phase")
            .is_some_and(|phase| phase == "Terminating");
    if !going {
        return Ok(());
    }
    let why = format!(
        "unable to create new content in namespace {namespace} because it is being terminated"
    );
    Err(review.forbidden(object, &why).with_causes(vec![Cause {
        reason: "NamespaceTerminating".to_owned(),
        message: format!("namespace {namespace} is being terminated"),
        field: "metadata.namespace".to_owned(),
    }]))
}

/// Refuses to delete the namespaces that a cluster cannot be without.
pub(super) fn before_delete(review: &Review<'_>) -> Result<(), ApiError> {
    if !review.is_any("", "namespaces") {
        return Ok(());
    }
    let own = review.old.and_then(|old| old["metadata"]["name"].as_str());
    let name = own.unwrap_or(&review.info.name);
    if !IMMORTAL.contains(&name) {
        return Ok(());
    }
    let of = GroupResource::new("", "namespaces");
    Err(ApiError::forbidden(
        &of,
        name,
        "this namespace may not be deleted",
    ))
}
