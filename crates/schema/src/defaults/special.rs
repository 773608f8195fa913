//! Defaults that look across fields.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use krm::{Map, Value};

use crate::quantity::Quantity;

const CORE: &str = "io.k8s.api.core.v1.";

/// What reading an old spelling of a field does, before anything else.
pub(super) fn legacy(kind: &str, object: &mut Value) {
    if kind == "Secret" {
        string_data(object);
    }
}

/// Defaults of a type beyond the rules.
pub(super) fn apply(name: &str, value: &mut Value) {
    if let Some(core) = name.strip_prefix(CORE) {
        return apply_core(core, value);
    }
    match name.rsplit('.').next() {
        Some("Job") => labels_of_template(value),
        Some("CustomResourceDefinition") => definition(value),
        _ => {}
    }
}

fn apply_core(name: &str, value: &mut Value) {
    match name {
        "Container" | "EphemeralContainer" => pull_policy(value, "image", "imagePullPolicy"),
        "ImageVolumeSource" => pull_policy(value, "reference", "pullPolicy"),
        "Volume" => volume(value),
        "PodSpec" => service_account(value),
        "Pod" => pod(value),
        "ServicePort" => target_port(value),
        "Service" if value["spec"]["sessionAffinity"] == "None" => {
            remove(&mut value["spec"], "sessionAffinityConfig")
        }
        "Service" if value["spec"]["type"] == "LoadBalancer" => ip_modes(value),
        "Namespace" => namespace(value),
        "LimitRangeItem" if value["type"] == "Container" => limit_range(value),
        "NodeStatus" if value["allocatable"].is_null() && !value["capacity"].is_null() => {
            value["allocatable"] = value["capacity"].clone();
        }
        "ReplicationController" => {
            labels_of_template(value);
            let labels = value["spec"]["template"]["metadata"]["labels"].clone();
            if is_empty(&value["spec"]["selector"]) && !labels.is_null() {
                value["spec"]["selector"] = labels;
            }
        }
        "ResourceRequirements" | "VolumeResourceRequirements" => {
            for field in ["limits", "requests"] {
                round_up(&mut value[field]);
            }
            for field in ["limits", "requests"] {
                if value[field].is_null() {
                    remove(value, field);
                }
            }
        }
        _ => {}
    }
}

/// `latest`, named or not, is pulled always.
fn pull_policy(value: &mut Value, image: &str, policy: &str) {
    if !is_empty(&value[policy]) {
        return;
    }
    let reference = value[image].as_str().unwrap_or_default();
    let policy_value = if is_latest(reference) {
        "Always"
    } else {
        "IfNotPresent"
    };
    value[policy] = policy_value.into();
}

fn is_latest(reference: &str) -> bool {
    if reference.is_empty() || reference.chars().any(|c| c.is_whitespace()) {
        // No image name at all has no tag.
        return false;
    }
    let (name, digest) = reference
        .split_once('@')
        .map_or((reference, false), |(name, _)| (name, true));
    let last = name.rsplit('/').next().unwrap_or(name);
    match last.split_once(':') {
        Some((_, tag)) => tag == "latest",
        None => !digest,
    }
}

fn volume(value: &mut Value) {
    if let Value::Object(map) = value
        && map.keys().all(|key| key == "name")
    {
        map.insert("emptyDir".into(), Value::Object(Map::new()));
    }
}

/// The old name of `serviceAccountName` always says the same.
fn service_account(value: &mut Value) {
    if is_empty(&value["serviceAccountName"]) && !is_empty(&value["serviceAccount"]) {
        value["serviceAccountName"] = value["serviceAccount"].clone();
    }
    if is_empty(&value["serviceAccountName"]) {
        remove(value, "serviceAccountName");
        remove(value, "serviceAccount");
    } else {
        value["serviceAccount"] = value["serviceAccountName"].clone();
    }
}

fn pod(value: &mut Value) {
    let host_network = value["spec"]["hostNetwork"] == Value::Bool(true);
    for list in ["containers", "initContainers"] {
        let Some(containers) = value["spec"].get_mut(list).and_then(Value::as_array_mut) else {
            continue;
        };
        for container in containers {
            if let Some(resources) = container.get_mut("resources") {
                fill(resources, "requests", "limits");
            }
            let ports = container.get_mut("ports").and_then(Value::as_array_mut);
            for port in ports.into_iter().flatten().filter(|_| host_network) {
                if is_empty(&port["hostPort"]) {
                    port["hostPort"] = port["containerPort"].clone();
                }
            }
        }
    }
}

/// Copies what one list of quantities has and another lacks.
fn fill(value: &mut Value, into: &str, from: &str) {
    let Some(from) = value.get(from).and_then(Value::as_object).cloned() else {
        return;
    };
    let Value::Object(map) = value else { return };
    let target = map.entry(into).or_insert(Value::Null);
    if target.is_null() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        for (key, quantity) in from {
            target.entry(key).or_insert(quantity);
        }
    }
}

fn target_port(value: &mut Value) {
    if is_empty(&value["targetPort"]) {
        value["targetPort"] = value["port"].clone();
    }
}

fn ip_modes(value: &mut Value) {
    let ingress = value
        .pointer_mut("/status/loadBalancer/ingress")
        .and_then(Value::as_array_mut);
    for entry in ingress.into_iter().flatten() {
        if !is_empty(&entry["ip"]) && entry["ipMode"].is_null() {
            entry["ipMode"] = "VIP".into();
        }
    }
}

fn namespace(value: &mut Value) {
    let name = value["metadata"]["name"].clone();
    if !is_empty(&name) {
        value["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
    }
}

fn limit_range(value: &mut Value) {
    fill(value, "default", "max");
    fill(value, "defaultRequest", "default");
    fill(value, "defaultRequest", "min");
}

fn labels_of_template(value: &mut Value) {
    let labels = value["spec"]["template"]["metadata"]["labels"].clone();
    if !is_empty(&labels) && is_empty(&value["metadata"]["labels"]) {
        value["metadata"]["labels"] = labels;
    }
}

fn definition(value: &mut Value) {
    let kind = value["spec"]["names"]["kind"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let names = &mut value["spec"]["names"];
    if is_empty(&names["singular"]) && !kind.is_empty() {
        names["singular"] = kind.to_lowercase().into();
    }
    if is_empty(&names["listKind"]) && !kind.is_empty() {
        names["listKind"] = format!("{kind}List").into();
    }
    if is_empty(&value["status"]["storedVersions"]) {
        let versions = value["spec"]["versions"].as_array();
        let stored = versions
            .into_iter()
            .flatten()
            .find(|v| v["storage"] == Value::Bool(true));
        if let Some(name) = stored.map(|v| v["name"].clone()) {
            value["status"]["storedVersions"] = Value::Array(vec![name]);
        }
    }
}

/// Plain texts become data, and win over it.
fn string_data(object: &mut Value) {
    let Value::Object(map) = object else { return };
    let Some(Value::Object(plain)) = map.remove("stringData") else {
        return;
    };
    let data = map.entry("data").or_insert(Value::Null);
    if data.is_null() {
        *data = Value::Object(Map::new());
    }
    if let Value::Object(data) = data {
        for (key, text) in plain {
            data.insert(key, BASE64.encode(text.as_str().unwrap_or_default()).into());
        }
    }
}

/// Quantities of resources are whole thousandths.
fn round_up(list: &mut Value) {
    let Value::Object(map) = list else { return };
    for quantity in map.values_mut() {
        let rounded = quantity
            .as_str()
            .and_then(|text| Quantity::parse(text).ok())
            .map(|q| q.round_up(-3).canonical());
        if let Some(rounded) = rounded {
            *quantity = rounded.into();
        }
    }
}

fn is_empty(value: &Value) -> bool {
    super::unset(value, false)
}

fn remove(value: &mut Value, field: &str) {
    if let Value::Object(map) = value {
        map.remove(field);
    }
}
