//! Objects of one kind in several versions.

use krm::{Map, Value, json};

/// Brings an object into the `apiVersion` given. Custom resources convert by their name alone (conversion `None`).
pub(crate) fn convert(object: &mut Value, api_version: &str) {
    let text = |key: &str| {
        let found = object.get(key).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let (from, kind) = (text("apiVersion"), text("kind"));
    match (from.as_str(), api_version, kind.as_str()) {
        (from, to, _) if from == to => return,
        ("v1", "events.k8s.io/v1", "Event") => rename(object, |(old, new)| (old, new)),
        ("events.k8s.io/v1", "v1", "Event") => rename(object, |(old, new)| (new, old)),
        ("autoscaling/v1", "autoscaling/v2", "HorizontalPodAutoscaler") => hpa_up(object),
        ("autoscaling/v2", "autoscaling/v1", "HorizontalPodAutoscaler") => hpa_down(object),
        _ => {}
    }
    object["apiVersion"] = api_version.into();
}

type Pair = (&'static str, &'static str);

/// What the core group's Event calls a field, and what `events.k8s.io` calls it.
const EVENT: &[Pair] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

fn rename(object: &mut Value, direction: fn(Pair) -> Pair) {
    let Value::Object(map) = object else { return };
    for pair in EVENT {
        let (from, to) = direction(*pair);
        if let Some(value) = map.remove(from) {
            map.insert(to.to_owned(), value);
        }
    }
}

fn part<'a>(object: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> {
    object.get_mut(key).and_then(Value::as_object_mut)
}

/// `targetCPUUtilizationPercentage` as a metric.
fn hpa_up(object: &mut Value) {
    if let Some(spec) = part(object, "spec")
        && let Some(target) = spec.remove("targetCPUUtilizationPercentage")
    {
        let target = json!({"type": "Utilization", "averageUtilization": target});
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": target}});
        spec.insert("metrics".to_owned(), json!([metric]));
    }
    if let Some(status) = part(object, "status")
        && let Some(current) = status.remove("currentCPUUtilizationPercentage")
    {
        let current = json!({"averageUtilization": current, "averageValue": "0"});
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", "current": current}});
        status.insert("currentMetrics".to_owned(), json!([metric]));
    }
}

/// The one metric that version 1 knows; what it does not know goes into annotations upstream and is left out here.
fn hpa_down(object: &mut Value) {
    let cpu = |metrics: Option<Value>, pointer: &str| {
        let metrics = metrics?;
        let is_cpu = |metric: &&Value| metric["resource"]["name"] == "cpu";
        metrics
            .as_array()?
            .iter()
            .find(is_cpu)?
            .pointer(pointer)
            .cloned()
    };
    if let Some(spec) = part(object, "spec") {
        spec.remove("behavior");
        let target = cpu(
            spec.remove("metrics"),
            "/resource/target/averageUtilization",
        );
        if let Some(target) = target {
            spec.insert("targetCPUUtilizationPercentage".to_owned(), target);
        }
    }
    if let Some(status) = part(object, "status") {
        status.remove("conditions");
        let current = cpu(
            status.remove("currentMetrics"),
            "/resource/current/averageUtilization",
        );
        if let Some(current) = current {
            status.insert("currentCPUUtilizationPercentage".to_owned(), current);
        }
    }
}
