//! kstatus: whether an object has reached the state it describes (fluxcd/cli-utils `kstatus/status`).

use serde_json::Value;

use crate::Object;

/// An object's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Its controllers are still at work.
    InProgress,
    /// It will not get there by itself.
    Failed,
    /// It is what it describes.
    Current,
    /// It is being deleted.
    Terminating,
    /// It does not exist.
    NotFound,
    /// It could not be read.
    Unknown,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
            Self::Current => "Current",
            Self::Terminating => "Terminating",
            Self::NotFound => "NotFound",
            Self::Unknown => "Unknown",
        })
    }
}

/// A state and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The state.
    pub status: Status,
    /// One sentence for a person.
    pub message: String,
}

impl Verdict {
    fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }
    fn current(message: impl Into<String>) -> Self {
        Self::new(Status::Current, message)
    }
    fn progress(message: impl Into<String>) -> Self {
        Self::new(Status::InProgress, message)
    }
    fn failed(message: impl Into<String>) -> Self {
        Self::new(Status::Failed, message)
    }
}

/// Judges an object by its own fields.
pub fn compute(object: &Object) -> Verdict {
    if let Some(verdict) = generic(object) {
        return verdict;
    }
    let gvk = object.gvk();
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Service") => service(object),
        ("", "Pod") => pod(object),
        ("", "Secret" | "ConfigMap") | ("batch", "CronJob") => {
            Verdict::current("Resource is always ready")
        }
        ("", "PersistentVolumeClaim") => claim(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps" | "extensions", "DaemonSet") => daemon_set(object),
        ("apps" | "extensions", "Deployment") => deployment(object),
        ("apps" | "extensions", "ReplicaSet") => replica_set(object),
        ("policy", "PodDisruptionBudget") => {
            Verdict::current("AllowedDisruptions has been computed.")
        }
        ("batch", "Job") => job(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        _ => ready_condition(object).unwrap_or_else(|| Verdict::current("Resource is current")),
    }
}

/// What holds for every kind: deletion, observed generation, the standard conditions.
fn generic(object: &Object) -> Option<Verdict> {
    if object.is_deleting() {
        return Some(Verdict::new(
            Status::Terminating,
            "Resource scheduled for deletion",
        ));
    }
    let generation = object
        .pointer("/metadata/generation")
        .and_then(Value::as_i64);
    let observed = object
        .pointer("/status/observedGeneration")
        .and_then(Value::as_i64);
    if let (Some(generation), Some(observed)) = (generation, observed)
        && generation != observed
    {
        let kind = object.kind();
        return Some(Verdict::progress(format!(
            "{kind} generation is {generation}, but latest observed generation is {observed}"
        )));
    }
    conditions(object).find_map(|condition| match (condition.kind, condition.status) {
        ("Reconciling", "True") => Some(Verdict::progress(condition.message)),
        ("Stalled", "True") => Some(Verdict::failed(condition.message)),
        _ => None,
    })
}

struct Condition<'a> {
    kind: &'a str,
    status: &'a str,
    reason: &'a str,
    message: &'a str,
}

fn conditions(object: &Object) -> impl Iterator<Item = Condition<'_>> {
    let list = object
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    list.into_iter().flatten().map(|condition| {
        let text = |key| {
            condition
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        Condition {
            kind: text("type"),
            status: text("status"),
            reason: text("reason"),
            message: text("message"),
        }
    })
}

fn ready_condition(object: &Object) -> Option<Verdict> {
    let ready = conditions(object).find(|condition| condition.kind == "Ready")?;
    match ready.status {
        "True" => Some(Verdict::current("Resource is Ready")),
        "False" | "Unknown" => Some(Verdict::progress(ready.message)),
        _ => None,
    }
}

fn int(object: &Object, pointer: &str, default: i64) -> i64 {
    object
        .pointer(pointer)
        .and_then(Value::as_i64)
        .unwrap_or(default)
}

fn text<'a>(object: &'a Object, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn service(object: &Object) -> Verdict {
    if text(object, "/spec/type") == "LoadBalancer" && text(object, "/spec/clusterIP").is_empty() {
        return Verdict::progress("ClusterIP not set. Service type: LoadBalancer");
    }
    Verdict::current("Service is ready")
}

fn claim(object: &Object) -> Verdict {
    match text(object, "/status/phase") {
        "Bound" => Verdict::current("PVC is Bound"),
        "" => Verdict::progress("PVC is not Bound. phase: unknown"),
        phase => Verdict::progress(format!("PVC is not Bound. phase: {phase}")),
    }
}

/// Upstream gives an unschedulable Pod 15 seconds of grace by the wall clock; a pure function has none, so it is in progress
/// until the health check's own timeout.
fn pod(object: &Object) -> Verdict {
    match text(object, "/status/phase") {
        "Succeeded" => Verdict::current("Pod has completed successfully"),
        "Failed" => Verdict::current("Pod has completed, but not successfully"),
        "Running" if conditions(object).any(|c| c.kind == "Ready" && c.status == "True") => {
            Verdict::current("Pod is Ready")
        }
        "Running" => {
            let looping = crash_looping(object);
            if looping.is_empty() {
                Verdict::progress("Pod is running but is not Ready")
            } else {
                Verdict::failed(format!(
                    "Containers in CrashLoop state: {}",
                    looping.join(",")
                ))
            }
        }
        "Pending" => Verdict::progress("Pod is in the Pending phase"),
        "" => Verdict::progress("Pod phase not available"),
        phase => Verdict::new(Status::Unknown, format!("unknown phase {phase}")),
    }
}

fn crash_looping(object: &Object) -> Vec<&str> {
    let statuses = object
        .pointer("/status/containerStatuses")
        .and_then(Value::as_array);
    let looping = |status: &&Value| {
        status
            .pointer("/state/waiting/reason")
            .and_then(Value::as_str)
            == Some("CrashLoopBackOff")
    };
    statuses
        .into_iter()
        .flatten()
        .filter(looping)
        .filter_map(|status| status.get("name")?.as_str())
        .collect()
}

fn deployment(object: &Object) -> Verdict {
    let no_deadline = i64::from(i32::MAX);
    let mut progressing = int(object, "/spec/progressDeadlineSeconds", no_deadline) == no_deadline;
    let mut available = false;
    for condition in conditions(object) {
        match condition.kind {
            "Progressing" if condition.reason == "ProgressDeadlineExceeded" => {
                return Verdict::failed("Progress deadline exceeded");
            }
            "Progressing"
                if condition.status == "True" && condition.reason == "NewReplicaSetAvailable" =>
            {
                progressing = true;
            }
            "Available" if condition.status == "True" => available = true,
            _ => {}
        }
    }
    let wanted = int(object, "/spec/replicas", 1);
    let exist = int(object, "/status/replicas", 0);
    let updated = int(object, "/status/updatedReplicas", 0);
    let ready = int(object, "/status/readyReplicas", 0);
    let serving = int(object, "/status/availableReplicas", 0);
    if wanted > exist {
        Verdict::progress(format!("Replicas: {exist}/{wanted}"))
    } else if wanted > updated {
        Verdict::progress(format!("Updated: {updated}/{wanted}"))
    } else if exist > wanted {
        Verdict::progress(format!("Pending termination: {}", exist - wanted))
    } else if updated > serving {
        Verdict::progress(format!("Available: {serving}/{updated}"))
    } else if wanted > ready {
        Verdict::progress(format!("Ready: {ready}/{wanted}"))
    } else if !progressing {
        Verdict::progress("ReplicaSet not Available")
    } else if !available {
        Verdict::progress("Deployment not Available")
    } else {
        Verdict::current(format!("Deployment is available. Replicas: {exist}"))
    }
}

fn replica_set(object: &Object) -> Verdict {
    if conditions(object).any(|c| c.kind == "ReplicaFailure" && c.status == "True") {
        return Verdict::progress("Replica Failure condition. Check Pods");
    }
    let wanted = int(object, "/spec/replicas", 1);
    let exist = int(object, "/status/replicas", 0);
    let counts = [
        ("Labelled", "fullyLabeledReplicas"),
        ("Available", "availableReplicas"),
        ("Ready", "readyReplicas"),
    ];
    for (name, field) in counts {
        let count = int(object, &format!("/status/{field}"), 0);
        if wanted > count {
            return Verdict::progress(format!("{name}: {count}/{wanted}"));
        }
    }
    if exist > wanted {
        return Verdict::progress(format!("Pending termination: {}", exist - wanted));
    }
    Verdict::current(format!("ReplicaSet is available. Replicas: {exist}"))
}

fn stateful_set(object: &Object) -> Verdict {
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return Verdict::current("StatefulSet is using the ondelete update strategy");
    }
    let wanted = int(object, "/spec/replicas", 1);
    let ready = int(object, "/status/readyReplicas", 0);
    let current = int(object, "/status/currentReplicas", 0);
    let updated = int(object, "/status/updatedReplicas", 0);
    let exist = int(object, "/status/replicas", 0);
    let partition = int(object, "/spec/updateStrategy/rollingUpdate/partition", -1);
    if wanted > exist {
        Verdict::progress(format!("Replicas: {exist}/{wanted}"))
    } else if wanted > ready {
        Verdict::progress(format!("Ready: {ready}/{wanted}"))
    } else if exist > wanted {
        Verdict::progress(format!("Pending termination: {}", exist - wanted))
    } else if partition != -1 && updated < wanted - partition {
        Verdict::progress(format!("updated: {updated}/{}", wanted - partition))
    } else if partition != -1 {
        Verdict::current(format!("Partition rollout complete. updated: {updated}"))
    } else if wanted > current {
        Verdict::progress(format!("current: {current}/{wanted}"))
    } else if text(object, "/status/currentRevision") != text(object, "/status/updateRevision") {
        Verdict::progress("Waiting for updated revision to match current")
    } else {
        Verdict::current(format!(
            "All replicas scheduled as expected. Replicas: {exist}"
        ))
    }
}

fn daemon_set(object: &Object) -> Verdict {
    for (pointer, name) in [
        ("/metadata/generation", "metadata.generation"),
        ("/status/observedGeneration", "status.observedGeneration"),
    ] {
        if object.pointer(pointer).is_none() {
            return Verdict::progress(format!("{} {name} not found", object.kind()));
        }
    }
    let wanted = int(object, "/status/desiredNumberScheduled", -1);
    if wanted == -1 {
        return Verdict::progress("Missing .status.desiredNumberScheduled");
    }
    let counts = [
        ("Current", "currentNumberScheduled"),
        ("Updated", "updatedNumberScheduled"),
        ("Available", "numberAvailable"),
        ("Ready", "numberReady"),
    ];
    for (name, field) in counts {
        let count = int(object, &format!("/status/{field}"), 0);
        if wanted > count {
            return Verdict::progress(format!("{name}: {count}/{wanted}"));
        }
    }
    Verdict::current(format!(
        "All replicas scheduled as expected. Replicas: {wanted}"
    ))
}

fn job(object: &Object) -> Verdict {
    let completions = int(
        object,
        "/spec/completions",
        int(object, "/spec/parallelism", 1),
    );
    let succeeded = int(object, "/status/succeeded", 0);
    let active = int(object, "/status/active", 0);
    let failed = int(object, "/status/failed", 0);
    for condition in conditions(object).filter(|condition| condition.status == "True") {
        match condition.kind {
            "Complete" => {
                return Verdict::current(format!(
                    "Job Completed. succeeded: {succeeded}/{completions}"
                ));
            }
            "Failed" => {
                return Verdict::failed(format!("Job Failed. failed: {failed}/{completions}"));
            }
            _ => {}
        }
    }
    if object.pointer("/spec/suspend") == Some(&Value::Bool(true)) {
        return Verdict::current("Job is suspended");
    }
    if text(object, "/status/startTime").is_empty() {
        return Verdict::progress("Job not started");
    }
    // kustomize-controller's own reader: a Job must complete, running is not enough.
    Verdict::progress(format!(
        "Job in progress. success:{succeeded}, active: {active}, failed: {failed}"
    ))
}

fn definition(object: &Object) -> Verdict {
    for condition in conditions(object) {
        match (condition.kind, condition.status) {
            ("NamesAccepted", "False") => return Verdict::failed(condition.message),
            ("Established", "False") if condition.reason != "Installing" => {
                return Verdict::failed(condition.message);
            }
            ("Established", "True") => return Verdict::current("CRD is established"),
            _ => {}
        }
    }
    Verdict::progress("Install in progress")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(object: Value, status: Status, message: &str) {
        let verdict = compute(&Object::try_from(object).unwrap());
        assert_eq!(
            (verdict.status, verdict.message.as_str()),
            (status, message)
        );
    }

    #[test]
    fn every_kind_is_judged_by_its_generation_first() {
        check(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 2}, "status": {"observedGeneration": 1}}),
            Status::InProgress,
            "Deployment generation is 2, but latest observed generation is 1",
        );
        check(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
            Status::Terminating,
            "Resource scheduled for deletion",
        );
        check(
            json!({"apiVersion": "x/v1", "kind": "X", "status": {"conditions": [{"type": "Stalled", "status": "True", "message": "no"}]}}),
            Status::Failed,
            "no",
        );
    }

    #[test]
    fn a_deployment_needs_its_replicas_and_its_conditions() {
        let deployment = |status: Value| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 1},
                   "spec": {"replicas": 2, "progressDeadlineSeconds": 600}, "status": status})
        };
        check(deployment(json!({})), Status::InProgress, "Replicas: 0/2");
        let mut status = json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2});
        check(
            deployment(status.clone()),
            Status::InProgress,
            "ReplicaSet not Available",
        );
        status["conditions"] = json!([
            {"type": "Available", "status": "True"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
        ]);
        check(
            deployment(status.clone()),
            Status::Current,
            "Deployment is available. Replicas: 2",
        );
        status["conditions"][1]["reason"] = json!("ProgressDeadlineExceeded");
        check(
            deployment(status),
            Status::Failed,
            "Progress deadline exceeded",
        );
    }

    #[test]
    fn an_unknown_kind_without_conditions_is_current() {
        check(
            json!({"apiVersion": "x/v1", "kind": "X"}),
            Status::Current,
            "Resource is current",
        );
        check(
            json!({"apiVersion": "x/v1", "kind": "X", "status": {"conditions": [{"type": "Ready", "status": "False", "message": "wait"}]}}),
            Status::InProgress,
            "wait",
        );
    }

    #[test]
    fn a_job_must_complete() {
        let job = |status: Value| json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {}, "status": status});
        check(
            job(json!({"startTime": "2026-01-01T00:00:00Z", "active": 1})),
            Status::InProgress,
            "Job in progress. success:0, active: 1, failed: 0",
        );
        check(
            job(json!({"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]})),
            Status::Current,
            "Job Completed. succeeded: 1/1",
        );
    }
}
