//! Nobody makes a role or a binding that grants more than they hold, unless told that they may.

use krm::Value;

use super::{Operation, Review};
use crate::auth::rbac::{RoleError, RoleRef};
use crate::auth::rule::{Rule, rules_of};
use crate::auth::{Attributes, MASTERS, authorize, confirm_no_escalation, rbac};
use crate::status::ApiError;

const GROUP: &str = "rbac.authorization.k8s.io";

/// Checks a write of an RBAC object; says nothing to any other.
pub(super) fn check(review: &Review<'_>, object: &Value) -> Result<(), ApiError> {
    let writes = matches!(review.operation, Operation::Create | Operation::Update);
    if !writes || review.resource.facts().group != GROUP || review.user.in_group(MASTERS) {
        return Ok(());
    }
    let untouched = review
        .old
        .is_some_and(|old| is_for_collection_only(object, old));
    if untouched && review.operation == Operation::Update {
        return Ok(());
    }
    match review.resource.facts().plural.as_str() {
        "roles" | "clusterroles" => check_role(review, object),
        "rolebindings" | "clusterrolebindings" => check_binding(review, object),
        _ => Ok(()),
    }
}

fn check_role(review: &Review<'_>, role: &Value) -> Result<(), ApiError> {
    let escalate = Attributes {
        verb: "escalate".to_owned(),
        subresource: String::new(),
        version: "*".to_owned(),
        ..Attributes::of(review.user, review.info)
    };
    if authorize(review.server, &escalate).allowed {
        return Ok(());
    }
    confirm(review, role, &rules_of(role))?;
    let aggregates = |role: &Value| {
        let selectors = &role["aggregationRule"]["clusterRoleSelectors"];
        selectors.as_array().is_some_and(|list| !list.is_empty())
    };
    if aggregates(role) || review.old.is_some_and(aggregates) {
        let everything = [Rule::every_resource(), Rule::every_path()];
        confirm(review, role, &everything).map_err(|_| {
            let why = "must have cluster-admin privileges to use the aggregationRule";
            refusal(review, role, why)
        })?;
    }
    Ok(())
}

fn check_binding(review: &Review<'_>, binding: &Value) -> Result<(), ApiError> {
    let role = RoleRef::from_value(&binding["roleRef"]);
    let resource = match role.kind.as_str() {
        "ClusterRole" => "clusterroles",
        "Role" => "roles",
        _ => "",
    };
    let bind = Attributes {
        user: review.user.clone(),
        verb: "bind".to_owned(),
        group: role.group.clone(),
        version: "*".to_owned(),
        resource: resource.to_owned(),
        namespace: review.namespace().to_owned(),
        name: role.name.clone(),
        is_resource: true,
        ..Attributes::default()
    };
    if !resource.is_empty() && authorize(review.server, &bind).allowed {
        return Ok(());
    }
    let index = rbac(review.server);
    // Upstream looks the role up under the request's own resource name.
    let missing = |error| match error {
        RoleError::Kind(_) => ApiError::internal(error),
        _ => ApiError::not_found(&review.resource.group_resource(), &role.name),
    };
    let rules = index
        .role_rules(&role, review.namespace())
        .map_err(missing)?;
    confirm(review, binding, rules)
}

fn confirm(review: &Review<'_>, object: &Value, rules: &[Rule]) -> Result<(), ApiError> {
    let index = rbac(review.server);
    confirm_no_escalation(&index, review.user, review.namespace(), rules)
        .map_err(|why| refusal(review, object, &why))
}

fn refusal(review: &Review<'_>, object: &Value, why: &str) -> ApiError {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    ApiError::forbidden(&review.resource.group_resource(), name, why)
}

/// Whether nothing changes but what garbage collection changes.
fn is_for_collection_only(new: &Value, old: &Value) -> bool {
    let stripped = |object: &Value| {
        let mut object = object.clone();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            for field in ["ownerReferences", "finalizers", "managedFields"] {
                metadata.remove(field);
            }
        }
        object
    };
    stripped(new) == stripped(old)
}
