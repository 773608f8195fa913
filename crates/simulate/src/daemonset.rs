//! DaemonSet: one Pod on the node, where its labels are those asked for.

use std::sync::Arc;

use clock::Timestamp;
use krm::{Object, Value, json};

use crate::act::{Act, Decision};
use crate::controller::Kind;
use crate::object::{is_controlled_by, owner_name, status, text, with_status};
use crate::pod::{is_active, is_ready};
use crate::replicaset::pod_of;
use crate::view::{Key, View, key};
use crate::{NODE, hash};

const REVISION_LABEL: &str = "controller-revision-hash";

/// Makes the Pod, replaces one of an old template, and tells how it stands.
pub(crate) fn decide(view: &View, key: &Key, _: Timestamp) -> Decision {
    let Some(set) = view.get(Kind::DaemonSet, &key.0, &key.1) else {
        return Decision::nothing();
    };
    let pods: Vec<_> = view
        .list(Kind::Pod, &key.0)
        .filter(|pod| is_controlled_by(pod, set))
        .collect();
    let revision = hash::of(set.pointer("/spec/template").unwrap_or(&Value::Null), 0);
    let wanted = usize::from(fits(view, set));
    let held = view.refused(set.uid()).is_some_and(|refused| refused.hold);
    if !set.is_deleting() {
        let rolls = text(set, "/spec/updateStrategy/type") != "OnDelete";
        let stale = |pod: &&&Arc<Object>| {
            !pod.is_deleting()
                && (!is_active(pod) || rolls && pod.label(REVISION_LABEL) != Some(&revision))
        };
        let mut gone: Vec<_> = pods.iter().filter(stale).collect();
        gone.extend(
            pods.iter()
                .filter(|pod| !pod.is_deleting() && !stale(pod))
                .skip(wanted),
        );
        if !gone.is_empty() {
            return Decision::acts(gone.into_iter().map(|pod| Act::Delete(Object::clone(pod))));
        }
        if pods.len() < wanted && !held {
            return Decision::acts(new_pod(set, &revision).map(Act::Create));
        }
    }
    Decision::acts(with_status(set, wanted_status(set, &pods, wanted, &revision)).map(Act::Status))
}

/// A DaemonSet concerns itself, a Pod the DaemonSet that owns it, the node every DaemonSet.
pub(crate) fn concerns(view: &View, kind: Kind, object: &Object) -> Vec<Key> {
    match kind {
        Kind::DaemonSet => vec![key(object)],
        Kind::Node => view.all(Kind::DaemonSet).map(|set| key(set)).collect(),
        Kind::Pod => {
            let name = owner_name(object, "DaemonSet");
            name.map(|name| (key(object).0, name.to_owned()))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

fn fits(view: &View, set: &Object) -> bool {
    let Some(node) = view.get(Kind::Node, "", NODE) else {
        return false;
    };
    let selector = set
        .pointer("/spec/template/spec/nodeSelector")
        .and_then(Value::as_object);
    selector
        .into_iter()
        .flatten()
        .all(|(label, value)| node.label(label) == value.as_str())
}

fn new_pod(set: &Object, revision: &str) -> Option<Object> {
    let mut pod = pod_of(set)?;
    pod.metadata_mut()
        .insert("generateName".into(), format!("{}-", set.name()).into());
    pod.set_label(REVISION_LABEL, revision);
    pod.set_label("pod-template-generation", &set.generation().to_string());
    let here = json!({"nodeSelectorTerms": [{
        "matchFields": [{"key": "metadata.name", "operator": "In", "values": [NODE]}],
    }]});
    if let Some(spec) = pod.fields_mut().get_mut("spec") {
        spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = here;
    }
    Some(pod)
}

fn wanted_status(set: &Object, pods: &[&Arc<Object>], wanted: usize, revision: &str) -> Value {
    let mut status = status(set);
    let active = || pods.iter().filter(|pod| is_active(pod));
    let ready = active().filter(|pod| is_ready(pod)).count();
    let counts = [
        ("currentNumberScheduled", active().count().min(wanted)),
        (
            "numberMisscheduled",
            active().count().saturating_sub(wanted),
        ),
        ("desiredNumberScheduled", wanted),
        ("numberReady", ready),
        ("numberAvailable", ready),
        ("numberUnavailable", wanted.saturating_sub(ready)),
        (
            "updatedNumberScheduled",
            active()
                .filter(|pod| pod.label(REVISION_LABEL) == Some(revision))
                .count(),
        ),
    ];
    for (field, count) in counts {
        status[field] = count.into();
    }
    status["observedGeneration"] = set.generation().into();
    status
}
