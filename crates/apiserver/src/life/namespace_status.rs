//! What a terminating namespace says about what keeps it.

use std::collections::BTreeMap;

use krm::{Value, json};

use super::namespace::Left;

/// Type, reason and message of a condition where all is well.
const FINE: [(&str, &str, &str); 5] = [
    (
        "NamespaceDeletionDiscoveryFailure",
        "ResourcesDiscovered",
        "All resources successfully discovered",
    ),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    (
        "NamespaceContentRemaining",
        "ContentRemoved",
        "All content successfully removed",
    ),
    (
        "NamespaceFinalizersRemaining",
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
];

/// Says in the namespace's status what keeps it; returns whether that is news.
pub(super) fn conditions(status: &mut Value, left: &Left, now: &str) -> bool {
    let mut changed = false;
    for (kind, reason, message) in FINE {
        let (word, reason, message) = match trouble(kind, left) {
            Some((reason, message)) => ("True", reason, message),
            None => ("False", reason, message.to_owned()),
        };
        let condition = json!({
            "type": kind, "status": word, "reason": reason, "message": message,
            "lastTransitionTime": now,
        });
        changed |= set(status, condition);
    }
    changed
}

/// Reason and message where a condition is not fine.
fn trouble(kind: &str, left: &Left) -> Option<(&'static str, String)> {
    match kind {
        "NamespaceDeletionContentFailure" if !left.errors.is_empty() => {
            let mut errors = left.errors.clone();
            errors.sort();
            let message = format!(
                "Failed to delete all resource types, {} remaining: {}",
                errors.len(),
                errors.join(", ")
            );
            Some(("ContentDeletionFailed", message))
        }
        "NamespaceContentRemaining" if !left.objects.is_empty() => {
            let counts = counts(&left.objects, "has");
            Some((
                "SomeResourcesRemain",
                format!("Some resources are remaining: {counts}"),
            ))
        }
        "NamespaceFinalizersRemaining" if !left.finalizers.is_empty() => {
            let counts = counts(&left.finalizers, "in");
            let message =
                format!("Some content in the namespace has finalizers remaining: {counts}");
            Some(("SomeFinalizersRemain", message))
        }
        _ => None,
    }
}

fn counts(counts: &BTreeMap<String, usize>, word: &str) -> String {
    let texts: Vec<String> = counts
        .iter()
        .map(|(what, number)| format!("{what} {word} {number} resource instances"))
        .collect();
    texts.join(", ")
}

fn set(status: &mut Value, mut condition: Value) -> bool {
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    let Some(list) = status["conditions"].as_array_mut() else {
        return false;
    };
    let Some(own) = list.iter_mut().find(|own| own["type"] == condition["type"]) else {
        list.push(condition);
        return true;
    };
    let same = |field: &str| own[field] == condition[field];
    if same("status") && same("reason") && same("message") {
        return false;
    }
    if same("status") {
        condition["lastTransitionTime"] = own["lastTransitionTime"].clone();
    }
    *own = condition;
    true
}
