//! What a Deployment's status says of a rollout.

use std::sync::Arc;

use clock::Timestamp;
use krm::{Object, Value, json};

use super::{HISTORY, REVISION, Seen, is_stuck};
use crate::object::{condition, int, remove_condition, same, set_condition, stamp, status};
use crate::view::View;

/// No deadline at all.
const NEVER: i64 = i32::MAX as i64;

/// The Deployment with the status it is to have, where that is news.
pub(super) fn tell(view: &View, seen: &Seen<'_>, now: Timestamp) -> Option<Object> {
    let old = status(seen.deployment);
    let mut new = old.clone();
    count(seen, &mut new);
    if !seen.deployment.is_deleting() {
        available(seen, &mut new, now);
        if int(seen.deployment, "/spec/progressDeadlineSeconds", NEVER) == NEVER {
            remove_condition(&mut new, "Progressing");
        } else if let Some((status, reason, message)) = progressing(view, seen, &old, &new) {
            set(&mut new, ("Progressing", status, reason), &message, now);
        }
        refused(view, seen, &mut new, now);
    }
    let revision = seen.new.and_then(|set| set.annotation(REVISION));
    let noted = revision.is_none() || seen.deployment.annotation(REVISION) == revision;
    if noted && same(&old, &new) {
        return None;
    }
    let mut changed = Object::clone(seen.deployment);
    changed.fields_mut().insert("status".into(), new);
    if let Some(revision) = revision {
        changed.set_annotation(REVISION, revision);
    }
    Some(changed)
}

/// Whether every replica is of the new template and available.
pub(super) fn is_complete(deployment: &Object, status: &Value) -> bool {
    let wanted = int(deployment, "/spec/replicas", 1);
    let all = ["updatedReplicas", "replicas", "availableReplicas"]
        .iter()
        .all(|field| number(status, field) == wanted);
    all && number(status, "observedGeneration") >= deployment.generation()
}

fn number(status: &Value, field: &str) -> i64 {
    status
        .get(field)
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

fn count(seen: &Seen<'_>, status: &mut Value) {
    let sets = || seen.old.iter().chain(&seen.new);
    let sum = |pointer: &str| sets().map(|set| int(set, pointer, 0)).sum::<i64>();
    let available = sum("/status/availableReplicas");
    let counts = [
        ("observedGeneration", seen.deployment.generation()),
        ("replicas", sum("/status/replicas")),
        (
            "updatedReplicas",
            seen.new.map_or(0, |set| int(set, "/status/replicas", 0)),
        ),
        ("readyReplicas", sum("/status/readyReplicas")),
        ("availableReplicas", available),
        (
            "unavailableReplicas",
            (sum("/spec/replicas") - available).max(0),
        ),
    ];
    for (field, count) in counts {
        status[field] = count.into();
    }
}

fn available(seen: &Seen<'_>, status: &mut Value, now: Timestamp) {
    let enough =
        number(status, "availableReplicas") >= seen.limits.replicas - seen.limits.unavailable;
    let (is, reason, message) = if enough {
        (
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    } else {
        (
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        )
    };
    set(status, ("Available", is, reason), message, now);
}

/// What `Progressing` is to say, where it is not to stay as it is.
fn progressing(
    view: &View,
    seen: &Seen<'_>,
    old: &Value,
    new: &Value,
) -> Option<(&'static str, &'static str, String)> {
    let current = condition(old, "Progressing");
    let reason = current
        .and_then(|condition| condition["reason"].as_str())
        .unwrap_or_default();
    let timed_out = reason == "ProgressDeadlineExceeded";
    if seen.deployment.pointer("/spec/paused") == Some(&Value::Bool(true)) {
        return (!timed_out).then(|| {
            (
                "Unknown",
                "DeploymentPaused",
                "Deployment is paused".to_owned(),
            )
        });
    }
    let name = seen.new.map_or_else(
        || format!("Deployment {:?}", seen.deployment.name()),
        |set| format!("ReplicaSet {:?}", set.name()),
    );
    if is_complete(seen.deployment, new) {
        return Some((
            "True",
            "NewReplicaSetAvailable",
            format!("{name} has successfully progressed."),
        ));
    }
    if is_stuck(view, seen) {
        return Some((
            "False",
            "ProgressDeadlineExceeded",
            format!("{name} has timed out progressing."),
        ));
    }
    if let Some(refused) = view
        .refused(seen.deployment.uid())
        .filter(|_| seen.new.is_none())
    {
        return Some((
            "False",
            "ReplicaSetCreateError",
            format!("Failed to create new replica set: {}", refused.message),
        ));
    }
    if let Some(set) = starts(seen) {
        let (reason, verb) = match set.annotation(HISTORY) {
            None => ("NewReplicaSetCreated", "Created"),
            Some(_) => ("FoundNewReplicaSet", "Found"),
        };
        return Some((
            "True",
            reason,
            format!("{verb} new replica set {:?}", set.name()),
        ));
    }
    let outdated = |status: &Value| number(status, "replicas") - number(status, "updatedReplicas");
    let more = |field: &str| number(new, field) > number(old, field);
    let moved = more("updatedReplicas")
        || more("readyReplicas")
        || more("availableReplicas")
        || outdated(new) < outdated(old);
    if reason == "DeploymentPaused" && !moved {
        return Some((
            "Unknown",
            "DeploymentResumed",
            "Deployment is resumed".to_owned(),
        ));
    }
    let under_way = number(new, "replicas") != number(new, "updatedReplicas")
        || reason != "NewReplicaSetAvailable";
    (moved && under_way).then(|| {
        (
            "True",
            "ReplicaSetUpdated",
            format!("{name} is progressing."),
        )
    })
}

/// The new ReplicaSet, where the Deployment does not say yet that it is its own.
fn starts<'a>(seen: &Seen<'a>) -> Option<&'a Arc<Object>> {
    let set = seen.new?;
    let revision = set.annotation(REVISION);
    (revision.is_some() && seen.deployment.annotation(REVISION) != revision).then_some(set)
}

/// A ReplicaSet's refused Pods are the Deployment's failure, too.
fn refused(view: &View, seen: &Seen<'_>, status: &mut Value, now: Timestamp) {
    let failure = seen
        .new
        .iter()
        .chain(&seen.old)
        .find_map(|set| condition(set.fields().get("status")?, "ReplicaFailure").cloned());
    let failure = failure.or_else(|| {
        let refused = view
            .refused(seen.deployment.uid())
            .filter(|_| seen.new.is_none())?;
        Some(json!({"status": "True", "reason": "FailedCreate", "message": refused.message}))
    });
    match failure {
        Some(failure) => {
            let word = |field: &str| failure[field].as_str().unwrap_or_default().to_owned();
            set(
                status,
                ("ReplicaFailure", &word("status"), &word("reason")),
                &word("message"),
                now,
            );
        }
        None => remove_condition(status, "ReplicaFailure"),
    }
}

fn set(status: &mut Value, (kind, is, reason): (&str, &str, &str), message: &str, now: Timestamp) {
    let condition = json!({"type": kind, "status": is, "reason": reason, "message": message, "lastUpdateTime": stamp(now)});
    set_condition(status, condition, now);
}
