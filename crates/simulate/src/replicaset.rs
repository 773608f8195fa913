//! ReplicaSet: as many Pods as asked for.

use std::sync::Arc;

use clock::Timestamp;
use krm::{Object, Value, json};

use crate::act::{Act, Decision};
use crate::controller::Kind;
use crate::object::{
    int, is_controlled_by, made, owner_name, reference, remove_condition, set_condition, status,
    text, with_status,
};
use crate::pod::{is_active, is_ready};
use crate::view::{Key, View, key};

/// The most Pods one pass makes or ends, as upstream's burst.
const BURST: usize = 500;

/// Makes what lacks, ends what is too many, tells how many there are.
pub(crate) fn decide(view: &View, key: &Key, now: Timestamp) -> Decision {
    let Some(set) = view.get(Kind::ReplicaSet, &key.0, &key.1) else {
        return Decision::nothing();
    };
    let mut pods: Vec<_> = view
        .list(Kind::Pod, &key.0)
        .filter(|pod| is_controlled_by(pod, set) && is_active(pod))
        .collect();
    let wanted = usize::try_from(int(set, "/spec/replicas", 1)).unwrap_or_default();
    let held = view.refused(set.uid()).is_some_and(|refused| refused.hold);
    let mut acts = Vec::new();
    if !set.is_deleting() && pods.len() > wanted {
        pods.sort_by_key(|pod| rank(pod));
        acts.extend(
            pods.iter()
                .take((pods.len() - wanted).min(BURST))
                .map(|pod| Act::Delete(Object::clone(pod))),
        );
    } else if !set.is_deleting() && !held {
        let lacking = wanted.saturating_sub(pods.len()).min(BURST);
        acts.extend((0..lacking).filter_map(|_| new_pod(set)).map(Act::Create));
    }
    if acts.is_empty() {
        acts.extend(with_status(set, wanted_status(view, set, &pods, now)).map(Act::Status));
    }
    Decision::acts(acts)
}

/// A ReplicaSet concerns itself, a Pod the ReplicaSet that owns it.
pub(crate) fn concerns(_: &View, kind: Kind, object: &Object) -> Vec<Key> {
    match kind {
        Kind::ReplicaSet => vec![key(object)],
        Kind::Pod => {
            let name = owner_name(object, "ReplicaSet");
            name.map(|name| (key(object).0, name.to_owned()))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

/// A Pod from a workload's template.
pub(crate) fn pod_of(owner: &Object) -> Option<Object> {
    let template = owner.pointer("/spec/template")?;
    let mut metadata =
        json!({"namespace": owner.namespace()?, "ownerReferences": [reference(owner)]});
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template
            .pointer("/metadata")
            .and_then(|metadata| metadata.get(field))
        {
            metadata[field] = value.clone();
        }
    }
    made(
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template.get("spec")?}),
    )
}

fn new_pod(set: &Object) -> Option<Object> {
    let mut pod = pod_of(set)?;
    pod.metadata_mut()
        .insert("generateName".into(), format!("{}-", set.name()).into());
    Some(pod)
}

/// Who goes first: not assigned, not running, not ready, younger.
fn rank(pod: &Object) -> (bool, u8, bool, std::cmp::Reverse<String>, String) {
    let phase = match text(pod, "/status/phase") {
        "Pending" => 0,
        "Running" => 2,
        _ => 1,
    };
    let born = std::cmp::Reverse(text(pod, "/metadata/creationTimestamp").to_owned());
    (
        !text(pod, "/spec/nodeName").is_empty(),
        phase,
        is_ready(pod),
        born,
        pod.name().to_owned(),
    )
}

fn wanted_status(view: &View, set: &Object, pods: &[&Arc<Object>], now: Timestamp) -> Value {
    let mut status = status(set);
    let template = set
        .pointer("/spec/template/metadata/labels")
        .and_then(Value::as_object);
    let labelled = |pod: &&&Arc<Object>| {
        template
            .into_iter()
            .flatten()
            .all(|(key, value)| pod.label(key) == value.as_str())
    };
    let ready = pods.iter().filter(|pod| is_ready(pod)).count();
    let counts = [
        ("replicas", pods.len()),
        ("fullyLabeledReplicas", pods.iter().filter(labelled).count()),
        ("readyReplicas", ready),
        ("availableReplicas", ready),
    ];
    for (field, count) in counts {
        status[field] = count.into();
    }
    status["observedGeneration"] = set.generation().into();
    match view.refused(set.uid()) {
        Some(refused) => {
            let failure = json!({
                "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": refused.message,
            });
            set_condition(&mut status, failure, now);
        }
        None => remove_condition(&mut status, "ReplicaFailure"),
    }
    status
}
