//! What an update of a built-in kind may not change, beyond single fields.

use krm::{Gvk, Value};

use crate::error::{FieldError, go_quote};

/// Judges a change.
pub(super) fn validate(gvk: &Gvk, new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "ConfigMap") => frozen(&["data", "binaryData"], new, old, errors),
        ("", "Secret") => frozen(&["data"], new, old, errors),
        ("", "Service") => cluster_ip(new, old, errors),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding")
            if new["roleRef"] != old["roleRef"] =>
        {
            let field = |name: &str| go_quote(new["roleRef"][name].as_str().unwrap_or_default());
            let shown = format!(
                r#"{{"APIGroup":{},"Kind":{},"Name":{}}}"#,
                field("apiGroup"),
                field("kind"),
                field("name")
            );
            errors.push(FieldError::invalid_printed(
                "roleRef",
                &shown,
                "cannot change roleRef",
            ));
        }
        ("apps", "StatefulSet") => stateful_set(&new["spec"], &old["spec"], errors),
        ("scheduling.k8s.io", "PriorityClass") => {
            if new["value"] != old["value"] {
                errors.push(FieldError::forbidden(
                    "value",
                    "may not be changed in an update.",
                ));
            }
            if new["preemptionPolicy"] != old["preemptionPolicy"] {
                errors.push(FieldError::invalid(
                    "preemptionPolicy",
                    &new["preemptionPolicy"],
                    "field is immutable",
                ));
            }
        }
        _ => {}
    }
}

/// What is immutable stays so, as a whole.
fn frozen(fields: &[&str], new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    if old["immutable"] != Value::Bool(true) {
        return;
    }
    let detail = "field is immutable when `immutable` is set";
    if new["immutable"] != Value::Bool(true) {
        errors.push(FieldError::forbidden("immutable", detail));
    }
    for field in fields.iter().filter(|field| new[**field] != old[**field]) {
        errors.push(FieldError::forbidden(*field, detail));
    }
}

/// Most of a StatefulSet is fixed.
fn stateful_set(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    const FREE: [&str; 7] = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    let fixed = |spec: &Value| {
        let mut spec = spec.clone();
        if let Value::Object(map) = &mut spec {
            map.retain(|name, _| !FREE.contains(&name.as_str()));
        }
        spec
    };
    if fixed(new) != fixed(old) {
        let detail = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        errors.push(FieldError::forbidden("spec", detail));
    }
}

fn cluster_ip(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let (new, old) = (&new["spec"], &old["spec"]);
    let keeps = |spec: &Value| spec["type"] != "ExternalName";
    let before = old["clusterIP"].as_str().unwrap_or_default();
    if keeps(new) && keeps(old) && !before.is_empty() && new["clusterIP"] != old["clusterIP"] {
        let shown = if new["clusterIPs"].is_null() {
            &Value::Null
        } else {
            &new["clusterIPs"]
        };
        errors.push(FieldError::invalid(
            "spec.clusterIPs[0]",
            shown,
            "may not change once set",
        ));
    }
}
