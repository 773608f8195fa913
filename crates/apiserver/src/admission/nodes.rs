//! What ties Pods to nodes: a new node starts out tainted, and every Pod puts up with a node that fails for five minutes.

use krm::{Value, json};

use super::{Operation, Review, list_at};
use crate::ApiError;

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// TaintNodesByCondition: a new node takes no Pods until it is found ready.
pub(super) fn taint(review: &mut Review<'_>, object: &mut Value) -> Result<(), ApiError> {
    if review.creates("", "nodes") {
        let taints = list_at(&mut object["spec"], "taints");
        let known = |taint: &Value| taint["key"] == NOT_READY && taint["effect"] == "NoSchedule";
        if !taints.iter().any(known) {
            taints.push(json!({"key": NOT_READY, "effect": "NoSchedule"}));
        }
    }
    Ok(())
}

/// DefaultTolerationSeconds: a Pod that says nothing else stays five minutes on a node that fails.
pub(super) fn tolerate(review: &mut Review<'_>, object: &mut Value) -> Result<(), ApiError> {
    let writes = matches!(review.operation, Operation::Create | Operation::Update);
    if !writes || !review.is("", "pods") {
        return Ok(());
    }
    let tolerations = list_at(&mut object["spec"], "tolerations");
    let asked = [NOT_READY, UNREACHABLE].map(|key| {
        tolerations.iter().any(|toleration| {
            let is = |field: &str, value: &str| {
                let own = toleration[field].as_str().unwrap_or_default();
                own.is_empty() || own == value
            };
            is("key", key) && is("effect", "NoExecute")
        })
    });
    for (key, asked) in [NOT_READY, UNREACHABLE].into_iter().zip(asked) {
        if !asked {
            tolerations.push(json!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            }));
        }
    }
    Ok(())
}
