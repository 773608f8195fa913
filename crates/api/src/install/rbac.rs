//! What the controllers may do, what users may do with the toolkit's kinds, and the quota that their priority needs.

use krm::{Value, json};

use super::{COMPONENTS, InstallOptions};

/// The toolkit's groups as the controllers' role lists them.
const GROUPS: [&str; 6] = [
    "source.toolkit.fluxcd.io",
    "kustomize.toolkit.fluxcd.io",
    "helm.toolkit.fluxcd.io",
    "notification.toolkit.fluxcd.io",
    "image.toolkit.fluxcd.io",
    "source.extensions.fluxcd.io",
];
/// The same as the users' roles list them.
const USER_GROUPS: [&str; 6] = [
    "notification.toolkit.fluxcd.io",
    "source.toolkit.fluxcd.io",
    "source.extensions.fluxcd.io",
    "helm.toolkit.fluxcd.io",
    "image.toolkit.fluxcd.io",
    "kustomize.toolkit.fluxcd.io",
];

/// The quota, the roles and the bindings, whatever the components.
pub(super) fn objects(options: &InstallOptions) -> Vec<Value> {
    let suffix = options.namespace.as_str();
    let controllers = format!("crd-controller-{suffix}");
    vec![
        quota(suffix),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": controllers},
            "rules": controller_rules(),
        }),
        user_role(
            &format!("flux-edit-{suffix}"),
            &["edit", "admin"],
            &["create", "delete", "deletecollection", "patch", "update"],
        ),
        user_role(
            &format!("flux-view-{suffix}"),
            &["admin", "edit", "view"],
            &["get", "list", "watch"],
        ),
        binding(
            &format!("cluster-reconciler-{suffix}"),
            "cluster-admin",
            subjects(&["kustomize-controller", "helm-controller"], suffix),
        ),
        binding(
            &controllers,
            &controllers,
            subjects(
                &COMPONENTS.each_ref().map(|component| component.name),
                suffix,
            ),
        ),
    ]
}

/// Lets Pods with the system's priorities run outside `kube-system`.
fn quota(suffix: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": format!("critical-pods-{suffix}")},
        "spec": {
            "hard": {"pods": "1000"},
            "scopeSelector": {"matchExpressions": [{
                "operator": "In",
                "scopeName": "PriorityClass",
                "values": ["system-node-critical", "system-cluster-critical"],
            }]},
        }
    })
}

fn controller_rules() -> Vec<Value> {
    let mut rules: Vec<Value> = GROUPS
        .iter()
        .map(|group| rule(group, &["*"], &["*"]))
        .collect();
    rules.extend([
        rule(
            "",
            &["namespaces", "secrets", "configmaps", "serviceaccounts"],
            &["get", "list", "watch"],
        ),
        rule("", &["events"], &["create", "patch"]),
        // Leader election, in the old way and in the new one.
        rule("", &["configmaps"], LOCK_VERBS),
        rule("", &["configmaps/status"], &["get", "update", "patch"]),
        rule("coordination.k8s.io", &["leases"], LOCK_VERBS),
        // Tokens for the cloud identity of a tenant's ServiceAccount.
        rule("", &["serviceaccounts/token"], &["create"]),
        // Whether the API server throttles by itself.
        json!({"nonResourceURLs": ["/livez/ping"], "verbs": ["head"]}),
    ]);
    rules
}

const LOCK_VERBS: &[&str] = &[
    "get", "list", "watch", "create", "update", "patch", "delete",
];

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

/// A role that is part of some of Kubernetes' own.
fn user_role(name: &str, part_of: &[&str], verbs: &[&str]) -> Value {
    let mut labels = json!({});
    for role in part_of {
        labels[format!("rbac.authorization.k8s.io/aggregate-to-{role}")] = "true".into();
    }
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": labels},
        "rules": [{"apiGroups": USER_GROUPS, "resources": ["*"], "verbs": verbs}],
    })
}

fn binding(name: &str, role: &str, subjects: Vec<Value>) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": role,
        },
        "subjects": subjects,
    })
}

fn subjects(names: &[&str], namespace: &str) -> Vec<Value> {
    names
        .iter()
        .map(|name| json!({"kind": "ServiceAccount", "name": name, "namespace": namespace}))
        .collect()
}
