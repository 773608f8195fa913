//! Scheduler and kubelet in one: a Pod is put on the node, starts, and is ready one step later.

use clock::Timestamp;
use krm::{Object, Value, json};

use crate::act::{Act, Decision, Step};
use crate::controller::Kind;
use crate::object::{
    controller_of, is_true, made, owner_name, set_condition, stamp, status, text, with_status,
};
use crate::view::{Key, View, key};
use crate::{FAIL, FAIL_ANNOTATION, NODE, hash};

/// The step between a Pod's assignment to the node and its being ready.
const START: &str = "start";
/// The step between a Job's Pod having started and its having ended.
const RUN: &str = "run";

/// Puts a Pod on the node.
pub(crate) fn schedule(view: &View, key: &Key, _: Timestamp) -> Decision {
    let Some(pod) = view.get(Kind::Pod, &key.0, &key.1) else {
        return Decision::nothing();
    };
    let gated = pod
        .pointer("/spec/schedulingGates")
        .and_then(Value::as_array)
        .is_some_and(|gates| !gates.is_empty());
    if !text(pod, "/spec/nodeName").is_empty() || pod.is_deleting() || gated {
        return Decision::nothing();
    }
    if view.refused(pod.uid()).is_some_and(|refused| refused.hold) {
        return Decision::nothing();
    }
    Decision::acts([Act::Bind(Object::clone(pod))])
}

/// Runs a Pod on the node, without running anything.
pub(crate) fn decide(view: &View, key: &Key, now: Timestamp) -> Decision {
    let Some(pod) = view.get(Kind::Pod, &key.0, &key.1) else {
        return Decision::nothing();
    };
    if text(pod, "/spec/nodeName") != NODE {
        return Decision::nothing();
    }
    if pod.is_deleting() {
        return Decision::acts([Act::Kill(Object::clone(pod))]);
    }
    if matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
        return Decision::nothing();
    }
    let step = |name| Step {
        uid: pod.uid().to_owned(),
        name,
    };
    let (state, next) = if !view.is_ripe(&step(START)) && !has_started(pod) {
        (State::Creating, Some(step(START)))
    } else if fails(view, pod) {
        (
            if ends(pod) {
                State::Failed
            } else {
                State::Crashing
            },
            None,
        )
    } else if ends(pod) && !view.is_ripe(&step(RUN)) {
        (State::Running, Some(step(RUN)))
    } else if ends(pod) {
        (State::Succeeded, None)
    } else {
        (State::Running, None)
    };
    let acts = with_status(pod, wanted(view, pod, state, now)).map(Act::Status);
    Decision {
        acts: acts.into_iter().collect(),
        step: next,
    }
}

/// A Pod concerns itself; a workload concerns the Pods that fail or do not because it says so.
pub(crate) fn concerns(view: &View, kind: Kind, object: &Object) -> Vec<Key> {
    if kind == Kind::Pod {
        return vec![key(object)];
    }
    let owns = |pod: &&std::sync::Arc<Object>| {
        root(view, pod).is_some_and(|root| root.uid() == object.uid())
    };
    match kind {
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet | Kind::Job => {
            view.list(Kind::Pod, object.namespace().unwrap_or_default())
                .filter(owns)
                .map(|pod| key(pod))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a Pod is in a crash loop.
pub(crate) fn is_crashing(pod: &Object) -> bool {
    let statuses = pod
        .pointer("/status/containerStatuses")
        .and_then(Value::as_array);
    let reason = |status: &Value| {
        status
            .pointer("/state/waiting/reason")
            .and_then(Value::as_str)
            == Some(CRASH_LOOP)
    };
    statuses.into_iter().flatten().any(reason)
}

/// Whether a Pod still counts for the workload that owns it.
pub(crate) fn is_active(pod: &Object) -> bool {
    !pod.is_deleting() && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether a Pod is ready.
pub(crate) fn is_ready(pod: &Object) -> bool {
    is_true(pod, "Ready")
}

const CRASH_LOOP: &str = "CrashLoopBackOff";

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Creating,
    Running,
    Crashing,
    Succeeded,
    Failed,
}

fn has_started(pod: &Object) -> bool {
    text(pod, "/status/phase") == "Running"
}

/// Whether a Pod is meant to end.
fn ends(pod: &Object) -> bool {
    matches!(text(pod, "/spec/restartPolicy"), "Never" | "OnFailure")
}

/// Whether a Pod is told to fail, by itself or by the workload at the root of its owners.
fn fails(view: &View, pod: &Object) -> bool {
    let told = |object: &Object| object.annotation(FAIL_ANNOTATION) == Some(FAIL);
    told(pod) || root(view, pod).is_some_and(|root| told(&root))
}

fn root(view: &View, pod: &Object) -> Option<std::sync::Arc<Object>> {
    let namespace = pod.namespace().unwrap_or_default();
    let owner = |object: &Object| {
        let reference = controller_of(object)?;
        let of = made(
            json!({"apiVersion": reference.get("apiVersion")?, "kind": reference.get("kind")?}),
        )?;
        view.get(Kind::of(&of)?, namespace, reference.get("name")?.as_str()?)
            .cloned()
    };
    let first = owner(pod)?;
    match owner_name(&first, "Deployment") {
        Some(_) => owner(&first),
        None => Some(first),
    }
}

fn wanted(view: &View, pod: &Object, state: State, now: Timestamp) -> Value {
    let mut status = status(pod);
    let ready = if state == State::Running {
        "True"
    } else {
        "False"
    };
    status["phase"] = match state {
        State::Creating => "Pending",
        State::Running | State::Crashing => "Running",
        State::Succeeded => "Succeeded",
        State::Failed => "Failed",
    }
    .into();
    status["hostIP"] = "127.0.0.1".into();
    status["hostIPs"] = json!([{"ip": "127.0.0.1"}]);
    if status.get("qosClass").is_none() {
        status["qosClass"] = "BestEffort".into();
    }
    if status.get("startTime").is_none() {
        status["startTime"] = stamp(now).into();
    }
    if state != State::Creating && status.get("podIP").is_none() {
        let ip = free_address(view, pod);
        status["podIP"] = ip.clone().into();
        status["podIPs"] = json!([{"ip": ip}]);
    }
    let names: Vec<&str> = containers(pod, "containers")
        .filter_map(|container| container["name"].as_str())
        .collect();
    let not_ready = format!("containers with unready status: [{}]", names.join(" "));
    let mut set = |kind: &str, status_of: &str, why: Option<(&str, &str)>| {
        let mut condition = json!({"type": kind, "status": status_of, "lastProbeTime": null});
        if let Some((reason, message)) = why {
            condition["reason"] = reason.into();
            condition["message"] = message.into();
        }
        set_condition(&mut status, condition, now);
    };
    let completed = state == State::Succeeded;
    let why = match ready {
        "True" => None,
        _ if completed => Some(("PodCompleted", "")),
        _ => Some(("ContainersNotReady", not_ready.as_str())),
    };
    let started = if state == State::Creating {
        "False"
    } else {
        "True"
    };
    set("PodReadyToStartContainers", started, None);
    set(
        "Initialized",
        "True",
        completed.then_some(("PodCompleted", "")),
    );
    set("Ready", ready, why);
    set("ContainersReady", ready, why);
    set("PodScheduled", "True", None);
    for field in ["containers", "initContainers"] {
        let told = if field == "containers" {
            "containerStatuses"
        } else {
            "initContainerStatuses"
        };
        let old = status.get(told).cloned().unwrap_or_default();
        let each =
            |container| container_status(container, &old, state_of(field, container, state), now);
        let statuses: Vec<Value> = containers(pod, field).map(each).collect();
        if !statuses.is_empty() {
            status[told] = statuses.into();
        }
    }
    status
}

fn containers<'a>(pod: &'a Object, field: &str) -> impl Iterator<Item = &'a Value> {
    let list = pod
        .pointer("/spec")
        .and_then(|spec| spec.get(field)?.as_array());
    list.into_iter().flatten()
}

/// The state of one container: what initializes has ended once the Pod starts, but for sidecars.
fn state_of(field: &str, container: &Value, pod: State) -> State {
    match pod {
        State::Running | State::Crashing if field == "initContainers" => {
            if container["restartPolicy"] == "Always" {
                State::Running
            } else {
                State::Succeeded
            }
        }
        _ => pod,
    }
}

fn container_status(container: &Value, old: &Value, state: State, now: Timestamp) -> Value {
    let name = container["name"].as_str().unwrap_or_default();
    let known = old
        .as_array()
        .and_then(|list| list.iter().find(|status| status["name"] == name));
    let began = known.and_then(|status| status.pointer("/state/running/startedAt").cloned());
    let began = began.unwrap_or_else(|| stamp(now).into());
    let id = format!("weir://{name}");
    let ended = |code: u8, reason: &str| {
        let finished =
            known.and_then(|status| status.pointer("/state/terminated/finishedAt").cloned());
        json!({"terminated": {
            "exitCode": code, "reason": reason, "containerID": id, "startedAt": began,
            "finishedAt": finished.unwrap_or_else(|| stamp(now).into()),
        }})
    };
    let crash = format!(
        "back-off 10s restarting failed container={name}: told to fail by {FAIL_ANNOTATION}"
    );
    let now_in = match state {
        State::Creating => json!({"waiting": {"reason": "ContainerCreating"}}),
        State::Running => json!({"running": {"startedAt": began}}),
        State::Crashing => json!({"waiting": {"reason": CRASH_LOOP, "message": crash}}),
        State::Succeeded => ended(0, "Completed"),
        State::Failed => ended(1, "Error"),
    };
    let mut status = json!({
        "name": name, "image": container["image"], "imageID": "", "ready": state == State::Running,
        "started": state == State::Running, "restartCount": u8::from(state == State::Crashing), "state": now_in,
    });
    if !matches!(state, State::Creating) {
        status["containerID"] = id.into();
    }
    // What else the server keeps there stays.
    let mut whole = known.cloned().unwrap_or_else(|| json!({}));
    if let (Some(whole), Value::Object(status)) = (whole.as_object_mut(), status) {
        whole.extend(status);
    }
    whole
}

fn free_address(view: &View, pod: &Object) -> String {
    let taken = |ip: &str| {
        view.all(Kind::Pod)
            .any(|other| text(other, "/status/podIP") == ip)
    };
    let mut ips = (0..64).map(|attempt| hash::address(pod.uid(), attempt));
    ips.find(|ip| !taken(ip))
        .unwrap_or_else(|| hash::address(pod.uid(), 0))
}
