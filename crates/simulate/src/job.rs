//! Job: Pods that end. One that is told to fail fails its Job at once, whatever its backoff limit.

use std::sync::Arc;

use clock::Timestamp;
use krm::{Object, Value, json};

use crate::act::{Act, Decision};
use crate::controller::Kind;
use crate::object::{
    condition, int, is_controlled_by, owner_name, set_condition, stamp, status, text, with_status,
};
use crate::pod::{is_active, is_ready};
use crate::replicaset::pod_of;
use crate::view::{Key, View, key};

/// Makes the Pods that are due, and tells how far they are.
pub(crate) fn decide(view: &View, key: &Key, now: Timestamp) -> Decision {
    let Some(job) = view.get(Kind::Job, &key.0, &key.1) else {
        return Decision::nothing();
    };
    let has_ended = |kind: &str| {
        let found = job
            .pointer("/status")
            .and_then(|status| condition(status, kind));
        found.is_some_and(|found| found["status"] == "True")
    };
    if job.is_deleting() || has_ended("Complete") || has_ended("Failed") {
        return Decision::nothing();
    }
    let pods: Vec<_> = view
        .list(Kind::Pod, &key.0)
        .filter(|pod| is_controlled_by(pod, job))
        .collect();
    let active: Vec<_> = pods.iter().filter(|pod| is_active(pod)).copied().collect();
    let in_phase = |phase: &str| {
        pods.iter()
            .filter(|pod| text(pod, "/status/phase") == phase)
            .count()
    };
    let (succeeded, failed) = (in_phase("Succeeded"), in_phase("Failed"));
    let parallel = size(job, "/spec/parallelism");
    let suspended = job.pointer("/spec/suspend") == Some(&Value::Bool(true));
    let wanted = if suspended || failed > 0 {
        0
    } else {
        parallel.min(size(job, "/spec/completions").saturating_sub(succeeded))
    };
    if active.len() > wanted {
        let surplus = active.iter().take(active.len() - wanted);
        return Decision::acts(surplus.map(|pod| Act::Delete(Object::clone(pod))));
    }
    let held = view.refused(job.uid()).is_some_and(|refused| refused.hold);
    let started = !text(job, "/status/startTime").is_empty();
    if active.len() < wanted && started && !held {
        let taken: Vec<_> = pods
            .iter()
            .filter(|pod| !pod.is_deleting())
            .filter_map(|pod| pod.label(INDEX))
            .collect();
        let free = (0..)
            .map(|index: usize| index.to_string())
            .filter(|index| !taken.contains(&index.as_str()));
        let lacking = free.take(wanted - active.len());
        return Decision::acts(
            lacking
                .filter_map(|index| new_pod(job, &index))
                .map(Act::Create),
        );
    }
    let mut wanted = status(job);
    for (field, count) in [
        ("active", active.len()),
        ("ready", active.iter().filter(|pod| is_ready(pod)).count()),
        ("succeeded", succeeded),
        ("failed", failed),
    ] {
        wanted[field] = count.into();
    }
    tell(job, &mut wanted, suspended, now);
    Decision::acts(with_status(job, wanted).map(Act::Status))
}

const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// A Job concerns itself, a Pod the Job that owns it.
pub(crate) fn concerns(_: &View, kind: Kind, object: &Object) -> Vec<Key> {
    match kind {
        Kind::Job => vec![key(object)],
        Kind::Pod => {
            let name = owner_name(object, "Job");
            name.map(|name| (key(object).0, name.to_owned()))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

fn size(job: &Object, pointer: &str) -> usize {
    usize::try_from(int(job, pointer, 1)).unwrap_or_default()
}

fn new_pod(job: &Arc<Object>, index: &str) -> Option<Object> {
    let mut pod = pod_of(job)?;
    let indexed = text(job, "/spec/completionMode") == "Indexed";
    let infix = if indexed {
        format!("{index}-")
    } else {
        String::new()
    };
    pod.metadata_mut().insert(
        "generateName".into(),
        format!("{}-{infix}", job.name()).into(),
    );
    for label in ["batch.kubernetes.io/job-name", "job-name"] {
        pod.set_label(label, job.name());
    }
    for label in ["batch.kubernetes.io/controller-uid", "controller-uid"] {
        pod.set_label(label, job.uid());
    }
    if indexed {
        pod.set_label(INDEX, index);
        pod.set_annotation(INDEX, index);
    }
    Some(pod)
}

fn tell(job: &Object, status: &mut Value, suspended: bool, now: Timestamp) {
    let mut set = |kind: &str, is: &str, reason: &str, message: &str| {
        let condition = json!({
            "type": kind, "status": is, "reason": reason, "message": message, "lastProbeTime": stamp(now),
        });
        set_condition(status, condition, now);
    };
    if suspended {
        set("Suspended", "True", "JobSuspended", "Job suspended");
        if let Some(status) = status.as_object_mut() {
            status.remove("startTime");
        }
        return;
    }
    if condition(status, "Suspended").is_some_and(|found| found["status"] == "True") {
        set_resumed(status, now);
    }
    if status.get("startTime").is_none() {
        status["startTime"] = stamp(now).into();
    }
    let count = |field: &str| status[field].as_u64().unwrap_or_default();
    let (failed, succeeded, active) = (count("failed"), count("succeeded"), count("active"));
    let completions = u64::try_from(size(job, "/spec/completions")).unwrap_or_default();
    let ends: &[(&str, &str, &str)] = if active > 0 {
        &[]
    } else if failed > 0 {
        let why = "Job has reached the specified backoff limit";
        &[
            ("FailureTarget", "BackoffLimitExceeded", why),
            ("Failed", "BackoffLimitExceeded", why),
        ]
    } else if succeeded >= completions {
        let why = "Reached expected number of succeeded pods";
        status["completionTime"] = stamp(now).into();
        &[
            ("SuccessCriteriaMet", "CompletionsReached", why),
            ("Complete", "CompletionsReached", why),
        ]
    } else {
        &[]
    };
    for (kind, reason, message) in ends {
        let condition = json!({
            "type": kind, "status": "True", "reason": reason, "message": message, "lastProbeTime": stamp(now),
        });
        set_condition(status, condition, now);
    }
}

fn set_resumed(status: &mut Value, now: Timestamp) {
    let condition = json!({
        "type": "Suspended", "status": "False", "reason": "JobResumed", "message": "Job resumed", "lastProbeTime": stamp(now),
    });
    set_condition(status, condition, now);
}
