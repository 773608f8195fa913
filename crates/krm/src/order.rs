//! The order in which objects are applied, and the stages that wait for one another (fluxcd/pkg/ssa).

use std::cmp::Ordering;

use crate::{GroupKind, ObjectId};

/// Kinds that come before all others, in this order. Groups are not looked at, as upstream does not.
const FIRST: &[&str] = &[
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that come after all others, in this order.
const LAST: &[&str] = &[
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// A step of a staged apply; a later stage starts when every object of an earlier one is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// CustomResourceDefinitions, Namespaces and ClusterRoles: waited for.
    Definitions,
    /// Kinds whose name ends in `Class`: waited for.
    Classes,
    /// Kinds the operator named (`--custom-apply-stage-kinds`): applied first, not waited for.
    Custom,
    /// Everything else.
    Rest,
}

/// Compares by kind order, then group, kind, namespace and name.
pub fn compare(a: &ObjectId, b: &ObjectId) -> Ordering {
    rank(&a.kind)
        .cmp(&rank(&b.kind))
        .then_with(|| a.group.cmp(&b.group))
        .then_with(|| a.kind.cmp(&b.kind))
        .then_with(|| a.namespace.cmp(&b.namespace))
        .then_with(|| a.name.cmp(&b.name))
}

/// The stage of an object.
pub fn stage(id: &ObjectId, custom: &[GroupKind]) -> Stage {
    let definition = match id.kind.to_ascii_lowercase().as_str() {
        "customresourcedefinition" => id.group == "apiextensions.k8s.io",
        "namespace" => id.group.is_empty(),
        "clusterrole" => id.group == "rbac.authorization.k8s.io",
        _ => false,
    };
    if definition {
        Stage::Definitions
    } else if id.kind.ends_with("Class") {
        Stage::Classes
    } else if custom
        .iter()
        .any(|kind| kind.group == id.group && kind.kind == id.kind)
    {
        Stage::Custom
    } else {
        Stage::Rest
    }
}

fn rank(kind: &str) -> i32 {
    let at = |list: &[&str]| {
        list.iter()
            .position(|name| *name == kind)
            .and_then(|at| i32::try_from(at).ok())
    };
    match (at(FIRST), at(LAST)) {
        (Some(first), _) => first - 1000,
        (_, Some(last)) => last + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(group: &str, kind: &str, namespace: &str, name: &str) -> ObjectId {
        ObjectId {
            group: group.into(),
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    #[test]
    fn definitions_come_first_and_webhooks_last() {
        let mut ids = [
            id(
                "admissionregistration.k8s.io",
                "ValidatingWebhookConfiguration",
                "",
                "w",
            ),
            id("apps", "Deployment", "b", "api"),
            id("apps", "Deployment", "a", "web"),
            id("networking.k8s.io", "Ingress", "a", "web"),
            id("", "Service", "a", "web"),
            id("", "Namespace", "", "a"),
            id("apiextensions.k8s.io", "CustomResourceDefinition", "", "x"),
        ];
        ids.sort_by(compare);
        let kinds: Vec<_> = ids.iter().map(ToString::to_string).collect();
        assert_eq!(
            kinds,
            [
                "CustomResourceDefinition/x",
                "Namespace/a",
                "Service/a/web",
                "Deployment/a/web",
                "Deployment/b/api",
                "Ingress/a/web",
                "ValidatingWebhookConfiguration/w"
            ]
        );
    }

    #[test]
    fn a_stage_looks_at_the_group() {
        assert_eq!(
            stage(&id("", "Namespace", "", "a"), &[]),
            Stage::Definitions
        );
        assert_eq!(
            stage(&id("example.com", "Namespace", "", "a"), &[]),
            Stage::Rest
        );
        assert_eq!(
            stage(&id("storage.k8s.io", "StorageClass", "", "a"), &[]),
            Stage::Classes
        );
        let custom = [GroupKind {
            group: "cert-manager.io".into(),
            kind: "Issuer".into(),
        }];
        assert_eq!(
            stage(&id("cert-manager.io", "Issuer", "n", "a"), &custom),
            Stage::Custom
        );
    }
}
