//! StatefulSet: Pods with names, one after the other.
//!
//! Revisions are hashes alone: no ControllerRevision is kept, so that a Pod below the partition that is made anew is of the new template.

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::Timestamp;
use krm::{Object, Value, json};

use crate::act::{Act, Decision};
use crate::controller::Kind;
use crate::hash;
use crate::object::{int, is_controlled_by, made, owner_name, status, text, with_status};
use crate::pod::{is_active, is_ready};
use crate::replicaset::pod_of;
use crate::view::{Key, View, key};

const REVISION_LABEL: &str = "controller-revision-hash";

/// Takes the next step towards the Pods asked for, and tells how it stands.
pub(crate) fn decide(view: &View, key: &Key, _: Timestamp) -> Decision {
    let Some(set) = view.get(Kind::StatefulSet, &key.0, &key.1) else {
        return Decision::nothing();
    };
    let pods: BTreeMap<i64, &Arc<Object>> = view
        .list(Kind::Pod, &key.0)
        .filter(|pod| is_controlled_by(pod, set))
        .filter_map(|pod| Some((ordinal(set, pod)?, pod)))
        .collect();
    let template = set.pointer("/spec/template").unwrap_or(&Value::Null);
    let revision = format!("{}-{}", set.name(), hash::of(template, 0));
    let held = view.refused(set.uid()).is_some_and(|refused| refused.hold);
    let acts = if set.is_deleting() || held {
        Vec::new()
    } else {
        step(view, set, &pods, &revision)
    };
    if !acts.is_empty() {
        return Decision::acts(acts);
    }
    Decision::acts(with_status(set, wanted_status(set, &pods, &revision)).map(Act::Status))
}

/// A StatefulSet concerns itself, a Pod the StatefulSet that owns it.
pub(crate) fn concerns(_: &View, kind: Kind, object: &Object) -> Vec<Key> {
    match kind {
        Kind::StatefulSet => vec![key(object)],
        Kind::Pod => {
            let name = owner_name(object, "StatefulSet");
            name.map(|name| (key(object).0, name.to_owned()))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

fn ordinal(set: &Object, pod: &Object) -> Option<i64> {
    pod.name()
        .strip_prefix(set.name())?
        .strip_prefix('-')?
        .parse()
        .ok()
}

fn step(view: &View, set: &Object, pods: &BTreeMap<i64, &Arc<Object>>, revision: &str) -> Vec<Act> {
    let start = int(set, "/spec/ordinals/start", 0);
    let wanted = start..start + int(set, "/spec/replicas", 1);
    let parallel = text(set, "/spec/podManagementPolicy") == "Parallel";
    let mut acts = Vec::new();
    for ordinal in wanted.clone() {
        match pods.get(&ordinal) {
            None => acts.extend(create(view, set, ordinal, revision)),
            Some(pod) if !pod.is_deleting() && !is_active(pod) => {
                acts.push(Act::Delete(Object::clone(pod)))
            }
            Some(pod) if is_ready(pod) && !pod.is_deleting() => continue,
            Some(_) => {}
        }
        if !parallel {
            break;
        }
    }
    if !acts.is_empty() {
        return acts;
    }
    let ending = pods.values().any(|pod| pod.is_deleting());
    if ending && !parallel {
        return Vec::new();
    }
    let surplus = pods
        .iter()
        .rev()
        .filter(|(ordinal, pod)| !wanted.contains(ordinal) && !pod.is_deleting());
    let surplus: Vec<_> = surplus
        .map(|(_, pod)| Act::Delete(Object::clone(pod)))
        .collect();
    if !surplus.is_empty() {
        let most = if parallel { surplus.len() } else { 1 };
        return surplus.into_iter().take(most).collect();
    }
    if text(set, "/spec/updateStrategy/type") == "OnDelete" {
        return Vec::new();
    }
    let partition = int(set, "/spec/updateStrategy/rollingUpdate/partition", 0);
    for (ordinal, pod) in pods.iter().rev() {
        if *ordinal < partition || pod.is_deleting() {
            break;
        }
        if pod.label(REVISION_LABEL) != Some(revision) {
            return vec![Act::Delete(Object::clone(pod))];
        }
        if !is_ready(pod) {
            break;
        }
    }
    Vec::new()
}

/// The claims that a Pod needs, and the Pod.
fn create(view: &View, set: &Object, ordinal: i64, revision: &str) -> Vec<Act> {
    let name = format!("{}-{ordinal}", set.name());
    let namespace = set.namespace().unwrap_or_default();
    let Some(mut pod) = pod_of(set) else {
        return Vec::new();
    };
    pod.metadata_mut()
        .insert("name".into(), name.clone().into());
    for (label, value) in [
        (REVISION_LABEL, revision),
        ("statefulset.kubernetes.io/pod-name", &name),
        ("apps.kubernetes.io/pod-index", &ordinal.to_string()),
    ] {
        pod.set_label(label, value);
    }
    let templates = set
        .pointer("/spec/volumeClaimTemplates")
        .and_then(Value::as_array);
    let mut acts = Vec::new();
    let mut volumes = Vec::new();
    for template in templates.into_iter().flatten() {
        let volume = template
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let claim = format!("{volume}-{name}");
        volumes.push(json!({"name": volume, "persistentVolumeClaim": {"claimName": claim}}));
        if view
            .get(Kind::PersistentVolumeClaim, namespace, &claim)
            .is_none()
        {
            let mut metadata = template
                .get("metadata")
                .cloned()
                .unwrap_or_else(|| json!({}));
            metadata["name"] = claim.into();
            metadata["namespace"] = namespace.into();
            let labels = set
                .pointer("/spec/selector/matchLabels")
                .and_then(Value::as_object);
            for (label, value) in labels.into_iter().flatten() {
                metadata["labels"][label] = value.clone();
            }
            let claim = json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": template.get("spec"),
            });
            acts.extend(made(claim).map(Act::Create));
        }
    }
    if let Some(Value::Object(spec)) = pod.fields_mut().get_mut("spec") {
        spec.insert("hostname".into(), name.into());
        if let Some(service) = set
            .pointer("/spec/serviceName")
            .filter(|service| *service != "")
        {
            spec.insert("subdomain".into(), service.clone());
        }
        if !volumes.is_empty() {
            let own = spec
                .get("volumes")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            spec.insert("volumes".into(), own.into_iter().chain(volumes).collect());
        }
    }
    acts.push(Act::Create(pod));
    acts
}

fn wanted_status(set: &Object, pods: &BTreeMap<i64, &Arc<Object>>, revision: &str) -> Value {
    let mut status = status(set);
    let active = || pods.values().filter(|pod| is_active(pod));
    let ready = active().filter(|pod| is_ready(pod)).count();
    let updated = active()
        .filter(|pod| pod.label(REVISION_LABEL) == Some(revision))
        .count();
    let current = status["currentRevision"]
        .as_str()
        .filter(|current| !current.is_empty())
        .unwrap_or(revision)
        .to_owned();
    let all = active().count();
    let complete =
        updated == all && ready == all && i64::try_from(all) == Ok(int(set, "/spec/replicas", 1));
    let current = if complete {
        revision.to_owned()
    } else {
        current
    };
    let counts = [
        ("replicas", all),
        ("readyReplicas", ready),
        ("availableReplicas", ready),
        ("updatedReplicas", updated),
        (
            "currentReplicas",
            active()
                .filter(|pod| pod.label(REVISION_LABEL) == Some(&current))
                .count(),
        ),
    ];
    for (field, count) in counts {
        status[field] = count.into();
    }
    status["currentRevision"] = current.into();
    status["updateRevision"] = revision.into();
    status["observedGeneration"] = set.generation().into();
    status
}
