//! Kinds of which only the status is simulated: autoscaler, Ingress, disruption budget, volume claim.

use clock::Timestamp;
use krm::{Object, Value, json};

use crate::act::{Act, Decision, Step};
use crate::controller::Kind;
use crate::object::{int, made, same, selects, set_condition, status, text, with_status};
use crate::pod::{is_active, is_ready};
use crate::rollout::scaled;
use crate::view::{Key, View, key};

/// HorizontalPodAutoscaler: tells how many replicas its target has, and how many it would like. It scales nothing: no load is simulated.
pub(crate) fn autoscaler(view: &View, key: &Key, now: Timestamp) -> Decision {
    let Some(scaler) = view.get(Kind::HorizontalPodAutoscaler, &key.0, &key.1) else {
        return Decision::nothing();
    };
    let mut wanted = status(scaler);
    let target = |field: &str| {
        scaler
            .pointer("/spec/scaleTargetRef")
            .and_then(|target| target[field].as_str())
            .unwrap_or_default()
    };
    let of = made(json!({"apiVersion": target("apiVersion"), "kind": target("kind")}));
    let target = of
        .and_then(|of| Kind::of(&of))
        .and_then(|kind| view.get(kind, &key.0, target("name")));
    let mut set = |kind: &str, is: &str, reason: &str, message: &str| {
        set_condition(
            &mut wanted,
            json!({"type": kind, "status": is, "reason": reason, "message": message}),
            now,
        );
    };
    match target {
        None => set(
            "AbleToScale",
            "False",
            "FailedGetScale",
            "the HPA controller was unable to get the target's current scale",
        ),
        Some(target) => {
            set(
                "AbleToScale",
                "True",
                "ReadyForNewScale",
                "recommended size matches current size",
            );
            let found = "the HPA was able to successfully calculate a replica count";
            set("ScalingActive", "True", "ValidMetricFound", found);
            set(
                "ScalingLimited",
                "False",
                "DesiredWithinRange",
                "the desired count is within the acceptable range",
            );
            let (least, most) = (
                int(scaler, "/spec/minReplicas", 1),
                int(scaler, "/spec/maxReplicas", i64::MAX),
            );
            wanted["currentReplicas"] = int(target, "/status/replicas", 0).into();
            wanted["desiredReplicas"] =
                int(target, "/spec/replicas", 1).max(least).min(most).into();
        }
    }
    if scaler.generation() > 0 {
        wanted["observedGeneration"] = scaler.generation().into();
    }
    Decision::acts(with_status(scaler, wanted).map(Act::Status))
}

/// Autoscalers look at the workloads of their namespace.
pub(crate) fn autoscaler_concerns(view: &View, kind: Kind, object: &Object) -> Vec<Key> {
    match kind {
        Kind::HorizontalPodAutoscaler => vec![key(object)],
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet => {
            neighbours(view, Kind::HorizontalPodAutoscaler, object)
        }
        _ => Vec::new(),
    }
}

/// Ingress: gets its address one step after it came, as if an ingress controller ran here.
pub(crate) fn ingress(view: &View, key: &Key, _: Timestamp) -> Decision {
    let Some(ingress) = view.get(Kind::Ingress, &key.0, &key.1) else {
        return Decision::nothing();
    };
    let mut wanted = status(ingress);
    if ingress.is_deleting() || wanted.pointer("/loadBalancer/ingress").is_some() {
        return Decision::nothing();
    }
    let step = Step {
        uid: ingress.uid().to_owned(),
        name: "address",
    };
    if !view.is_ripe(&step) {
        return Decision {
            acts: Vec::new(),
            step: Some(step),
        };
    }
    wanted["loadBalancer"] = json!({"ingress": [{"ip": "127.0.0.1"}]});
    Decision::acts(with_status(ingress, wanted).map(Act::Status))
}

/// An Ingress concerns itself.
pub(crate) fn ingress_concerns(_: &View, kind: Kind, object: &Object) -> Vec<Key> {
    (kind == Kind::Ingress)
        .then(|| key(object))
        .into_iter()
        .collect()
}

/// PodDisruptionBudget: counts the Pods it selects.
pub(crate) fn budget(view: &View, key: &Key, now: Timestamp) -> Decision {
    let Some(budget) = view.get(Kind::PodDisruptionBudget, &key.0, &key.1) else {
        return Decision::nothing();
    };
    let selector = budget.pointer("/spec/selector");
    let pods: Vec<_> = view
        .list(Kind::Pod, &key.0)
        .filter(|pod| is_active(pod) && selects(selector, pod))
        .collect();
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let expected = expected(view, &key.0, selector).unwrap_or(count(pods.len()));
    let healthy = count(pods.iter().filter(|pod| is_ready(pod)).count());
    let (expected, desired) = match (
        budget.pointer("/spec/maxUnavailable"),
        budget.pointer("/spec/minAvailable"),
    ) {
        (Some(most), _) => (expected, (expected - scaled(most, expected, true)).max(0)),
        (None, Some(least)) if least.is_string() => (expected, scaled(least, expected, true)),
        (None, Some(least)) => (count(pods.len()), least.as_i64().unwrap_or(1)),
        (None, None) => (count(pods.len()), 1),
    };
    let allowed = if expected > 0 {
        (healthy - desired).max(0)
    } else {
        0
    };
    let mut wanted = status(budget);
    for (field, number) in [
        ("currentHealthy", healthy),
        ("desiredHealthy", desired),
        ("expectedPods", expected),
        ("disruptionsAllowed", allowed),
        ("observedGeneration", budget.generation()),
    ] {
        wanted[field] = number.into();
    }
    let (is, reason) = if allowed > 0 {
        ("True", "SufficientPods")
    } else {
        ("False", "InsufficientPods")
    };
    let mut condition =
        json!({"type": "DisruptionAllowed", "status": is, "reason": reason, "message": ""});
    condition["observedGeneration"] = budget.generation().into();
    set_condition(&mut wanted, condition, now);
    Decision::acts(with_status(budget, wanted).map(Act::Status))
}

/// Budgets look at the Pods and workloads of their namespace.
pub(crate) fn budget_concerns(view: &View, kind: Kind, object: &Object) -> Vec<Key> {
    match kind {
        Kind::PodDisruptionBudget => vec![key(object)],
        Kind::Pod | Kind::Deployment | Kind::StatefulSet => {
            neighbours(view, Kind::PodDisruptionBudget, object)
        }
        _ => Vec::new(),
    }
}

/// The sizes of the workloads whose Pods a selector selects; `None` where it selects those of none.
fn expected(view: &View, namespace: &str, selector: Option<&Value>) -> Option<i64> {
    let workloads = view
        .list(Kind::Deployment, namespace)
        .chain(view.list(Kind::StatefulSet, namespace));
    let selected = workloads.filter(|workload| {
        let template = workload
            .pointer("/spec/template/metadata")
            .cloned()
            .unwrap_or_default();
        made(json!({"apiVersion": "v1", "kind": "Pod", "metadata": template}))
            .is_some_and(|pod| selects(selector, &pod))
    });
    selected
        .map(|workload| int(workload, "/spec/replicas", 1))
        .reduce(|a, b| a + b)
}

/// PersistentVolumeClaim: bound, to no volume in particular.
pub(crate) fn claim(view: &View, key: &Key, _: Timestamp) -> Decision {
    let Some(claim) = view.get(Kind::PersistentVolumeClaim, &key.0, &key.1) else {
        return Decision::nothing();
    };
    if claim.is_deleting() || text(claim, "/status/phase") == "Bound" {
        return Decision::nothing();
    }
    let mut wanted = status(claim);
    wanted["phase"] = "Bound".into();
    wanted["accessModes"] = claim
        .pointer("/spec/accessModes")
        .cloned()
        .unwrap_or_default();
    let capacity = claim
        .pointer("/spec/resources/requests")
        .filter(|requests| !same(requests, &Value::Null));
    wanted["capacity"] = capacity.cloned().unwrap_or_else(|| json!({}));
    Decision::acts(with_status(claim, wanted).map(Act::Status))
}

/// A claim concerns itself.
pub(crate) fn claim_concerns(_: &View, kind: Kind, object: &Object) -> Vec<Key> {
    (kind == Kind::PersistentVolumeClaim)
        .then(|| key(object))
        .into_iter()
        .collect()
}

fn neighbours(view: &View, kind: Kind, object: &Object) -> Vec<Key> {
    view.list(kind, object.namespace().unwrap_or_default())
        .map(|other| key(other))
        .collect()
}
