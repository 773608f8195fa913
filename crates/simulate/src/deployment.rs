//! Deployment: a ReplicaSet per template, and the way from one to the next.

use std::sync::Arc;

use clock::Timestamp;
use krm::{Map, Object, Value, json};

use crate::act::{Act, Decision};
use crate::controller::Kind;
use crate::object::{int, is_controlled_by, made, owner_name, reference, status, text};
use crate::rollout::{Counts, Limits};
use crate::view::{Key, View, key};
use crate::{hash, pod};

mod progress;

const HASH_LABEL: &str = "pod-template-hash";
pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MOST: &str = "deployment.kubernetes.io/max-replicas";
const NOT_COPIED: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.deployment.rollback.to",
    REVISION,
    HISTORY,
    DESIRED,
    MOST,
];

/// A Deployment and its ReplicaSets.
struct Seen<'a> {
    deployment: &'a Arc<Object>,
    /// The one of the template as it is now.
    new: Option<&'a Arc<Object>>,
    /// The others, the oldest first.
    old: Vec<&'a Arc<Object>>,
    limits: Limits,
    template: Value,
    hash: String,
}

/// Takes the next step of a rollout or, where there is none, tells how it stands.
pub(crate) fn decide(view: &View, key: &Key, now: Timestamp) -> Decision {
    let Some(deployment) = view.get(Kind::Deployment, &key.0, &key.1) else {
        return Decision::nothing();
    };
    let seen = look(view, deployment);
    if !deployment.is_deleting() {
        let acts = step(view, &seen);
        if !acts.is_empty() {
            return Decision::acts(acts);
        }
    }
    Decision::acts(progress::tell(view, &seen, now).map(Act::Status))
}

/// A Deployment concerns itself; a ReplicaSet the Deployment that owns it; a Pod the one that owns its ReplicaSet.
pub(crate) fn concerns(view: &View, kind: Kind, object: &Object) -> Vec<Key> {
    let namespace = object.namespace().unwrap_or_default();
    let name = match kind {
        Kind::Deployment => return vec![key(object)],
        Kind::ReplicaSet => owner_name(object, "Deployment"),
        Kind::Pod => owner_name(object, "ReplicaSet")
            .and_then(|set| owner_name(view.get(Kind::ReplicaSet, namespace, set)?, "Deployment")),
        _ => None,
    };
    name.map(|name| (namespace.to_owned(), name.to_owned()))
        .into_iter()
        .collect()
}

fn look<'a>(view: &'a View, deployment: &'a Arc<Object>) -> Seen<'a> {
    let namespace = deployment.namespace().unwrap_or_default();
    let replicas = int(deployment, "/spec/replicas", 1);
    let template = deployment
        .pointer("/spec/template")
        .cloned()
        .unwrap_or_default();
    let hash = hash::of(&template, int(deployment, "/status/collisionCount", 0));
    let mut sets: Vec<_> = view
        .list(Kind::ReplicaSet, namespace)
        .filter(|set| is_controlled_by(set, deployment))
        .collect();
    sets.sort_by_key(|set| {
        (
            text(set, "/metadata/creationTimestamp").to_owned(),
            set.name().to_owned(),
        )
    });
    let is_new = |set: &&Arc<Object>| {
        set.label(HASH_LABEL) == Some(&hash) || plain_template(set) == template
    };
    let new = sets.iter().position(is_new).map(|at| sets.remove(at));
    Seen {
        deployment,
        new,
        old: sets,
        limits: Limits::of(deployment.pointer("/spec/strategy"), replicas),
        template,
        hash,
    }
}

/// A ReplicaSet's template as its Deployment had it.
fn plain_template(set: &Object) -> Value {
    let mut template = set.pointer("/spec/template").cloned().unwrap_or_default();
    if let Some(Value::Object(labels)) = template.pointer_mut("/metadata/labels") {
        labels.remove(HASH_LABEL);
    }
    template
}

fn counts(set: &Object) -> Counts {
    Counts {
        wanted: int(set, "/spec/replicas", 1),
        available: int(set, "/status/availableReplicas", 0),
    }
}

fn revision(object: &Object) -> i64 {
    object
        .annotation(REVISION)
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

fn step(view: &View, seen: &Seen<'_>) -> Vec<Act> {
    let paused = seen.deployment.pointer("/spec/paused") == Some(&Value::Bool(true));
    let recreate = text(seen.deployment, "/spec/strategy/type") == "Recreate";
    if paused {
        return scale_paused(seen);
    }
    if recreate {
        let down: Vec<Act> = seen
            .old
            .iter()
            .filter(|set| counts(set).wanted > 0)
            .filter_map(|set| scale(seen, set, 0))
            .collect();
        let running = |set: &&Arc<Object>| {
            let namespace = set.namespace().unwrap_or_default();
            view.list(Kind::Pod, namespace)
                .any(|pod| is_controlled_by(pod, set) && !has_ended(pod))
        };
        if !down.is_empty() || seen.old.iter().any(running) {
            return down;
        }
    }
    let Some(new) = seen.new else {
        return create(view, seen);
    };
    let all: i64 = seen
        .old
        .iter()
        .chain(&seen.new)
        .map(|set| counts(set).wanted)
        .sum();
    let size = if recreate {
        seen.limits.replicas
    } else {
        seen.limits.grow(counts(new), all)
    };
    if let Some(act) = scale(seen, new, size) {
        return vec![act];
    }
    let old: Vec<Counts> = seen.old.iter().map(|set| counts(set)).collect();
    let kept = if recreate {
        vec![0; old.len()]
    } else {
        seen.limits.shrink(&old, counts(new))
    };
    let down: Vec<Act> = seen
        .old
        .iter()
        .zip(kept)
        .filter(|(set, kept)| counts(set).wanted != *kept)
        .filter_map(|(set, kept)| scale(seen, set, kept))
        .collect();
    if !down.is_empty() {
        return down;
    }
    forget(seen)
}

fn has_ended(pod: &Object) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// A paused Deployment still scales: the one ReplicaSet that is active, or the newest.
fn scale_paused(seen: &Seen<'_>) -> Vec<Act> {
    let all: Vec<_> = seen.old.iter().chain(&seen.new).copied().collect();
    let active: Vec<_> = all
        .iter()
        .filter(|set| counts(set).wanted > 0)
        .copied()
        .collect();
    let one = match active.as_slice() {
        [] => all.last().copied(),
        [one] => Some(*one),
        _ => None,
    };
    one.filter(|set| counts(set).wanted != seen.limits.replicas)
        .and_then(|set| scale(seen, set, seen.limits.replicas))
        .into_iter()
        .collect()
}

/// The ReplicaSet of the template as it is now.
fn create(view: &View, seen: &Seen<'_>) -> Vec<Act> {
    let deployment = seen.deployment;
    let (namespace, name) = (
        deployment.namespace().unwrap_or_default(),
        format!("{}-{}", deployment.name(), seen.hash),
    );
    if view.get(Kind::ReplicaSet, namespace, &name).is_some() {
        let mut status = status(deployment);
        status["collisionCount"] = (int(deployment, "/status/collisionCount", 0) + 1).into();
        let mut changed = Object::clone(deployment);
        changed.fields_mut().insert("status".into(), status);
        return vec![Act::Status(changed)];
    }
    if view
        .refused(deployment.uid())
        .is_some_and(|refused| refused.hold)
    {
        return Vec::new();
    }
    let mut template = seen.template.clone();
    template["metadata"]["labels"][HASH_LABEL] = seen.hash.clone().into();
    let mut selector = deployment
        .pointer("/spec/selector")
        .cloned()
        .unwrap_or_else(|| json!({}));
    selector["matchLabels"][HASH_LABEL] = seen.hash.clone().into();
    let all: i64 = seen.old.iter().map(|set| counts(set).wanted).sum();
    let recreate = text(deployment, "/spec/strategy/type") == "Recreate";
    let replicas = if recreate {
        seen.limits.replicas
    } else {
        seen.limits.grow(Counts::default(), all)
    };
    let mut spec = json!({"replicas": replicas, "selector": selector, "template": template});
    if let Some(seconds) = deployment.pointer("/spec/minReadySeconds") {
        spec["minReadySeconds"] = seconds.clone();
    }
    let set = made(json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": name, "namespace": namespace, "labels": spec["template"]["metadata"]["labels"],
            "annotations": annotations(seen, None), "ownerReferences": [reference(deployment)],
        },
        "spec": spec,
    }));
    set.map(Act::Create).into_iter().collect()
}

/// The annotations that the new ReplicaSet is to have.
fn annotations(seen: &Seen<'_>, new: Option<&Object>) -> Map<String, Value> {
    let of = |object: &Object| {
        object
            .pointer("/metadata/annotations")
            .and_then(Value::as_object)
            .cloned()
    };
    let mut wanted = new.and_then(of).unwrap_or_default();
    let copied = of(seen.deployment).unwrap_or_default();
    wanted.extend(
        copied
            .into_iter()
            .filter(|(key, _)| !NOT_COPIED.contains(&key.as_str())),
    );
    let newest = seen
        .old
        .iter()
        .map(|set| revision(set))
        .max()
        .unwrap_or_default()
        + 1;
    let own = new.map(revision).unwrap_or_default();
    if own < newest {
        if own > 0 {
            let past = wanted
                .get(HISTORY)
                .and_then(Value::as_str)
                .map_or_else(String::new, |past| format!("{past},"));
            wanted.insert(HISTORY.into(), format!("{past}{own}").into());
        }
        wanted.insert(REVISION.into(), newest.to_string().into());
    }
    replicas_annotations(seen, &mut wanted);
    wanted
}

fn replicas_annotations(seen: &Seen<'_>, annotations: &mut Map<String, Value>) {
    let Limits {
        replicas, surge, ..
    } = seen.limits;
    annotations.insert(DESIRED.into(), replicas.to_string().into());
    annotations.insert(MOST.into(), (replicas + surge).to_string().into());
}

/// The ReplicaSet with another size; `None` where it has that already.
fn scale(seen: &Seen<'_>, set: &Arc<Object>, replicas: i64) -> Option<Act> {
    let mut changed = Object::clone(set);
    if let Some(Value::Object(spec)) = changed.fields_mut().get_mut("spec") {
        spec.insert("replicas".into(), replicas.into());
        let is_new = seen.new.is_some_and(|new| new.uid() == set.uid());
        let seconds = int(seen.deployment, "/spec/minReadySeconds", 0);
        if is_new && int(set, "/spec/minReadySeconds", 0) != seconds {
            spec.insert("minReadySeconds".into(), seconds.into());
        }
    }
    let mut noted = match seen.new {
        Some(new) if new.uid() == set.uid() => annotations(seen, Some(set)),
        _ => set
            .pointer("/metadata/annotations")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default(),
    };
    replicas_annotations(seen, &mut noted);
    changed
        .metadata_mut()
        .insert("annotations".into(), noted.into());
    (changed != **set).then_some(Act::Replace(changed))
}

/// Deletes old ReplicaSets beyond the history that is to be kept, once the rollout is complete.
fn forget(seen: &Seen<'_>) -> Vec<Act> {
    let kept = usize::try_from(int(seen.deployment, "/spec/revisionHistoryLimit", 10))
        .unwrap_or(usize::MAX);
    if !progress::is_complete(seen.deployment, &status(seen.deployment)) {
        return Vec::new();
    }
    let mut old: Vec<_> = seen.old.iter().filter(|set| !set.is_deleting()).collect();
    old.sort_by_key(|set| revision(set));
    let surplus = old.len().saturating_sub(kept);
    let is_empty =
        |set: &&&Arc<Object>| counts(set).wanted == 0 && int(set, "/status/replicas", 0) == 0;
    old.into_iter()
        .take(surplus)
        .filter(is_empty)
        .map(|set| Act::Delete(Object::clone(set)))
        .collect()
}

/// Whether the new ReplicaSet's Pods crash, so that waiting for the deadline would be idle.
fn is_stuck(view: &View, seen: &Seen<'_>) -> bool {
    let Some(new) = seen.new else { return false };
    let namespace = new.namespace().unwrap_or_default();
    view.list(Kind::Pod, namespace)
        .any(|pod| is_controlled_by(pod, new) && pod::is_active(pod) && pod::is_crashing(pod))
}
