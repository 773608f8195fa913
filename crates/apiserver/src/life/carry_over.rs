//! What a Service keeps of what it had, where an update says nothing.

use std::collections::HashSet;

use krm::{Value, json};

/// Brings the two fields that say the same thing, `clusterIP` and `clusterIPs`, together.
pub(super) fn normalize(spec: &mut Value, old: Option<&Value>) {
    let empty = spec["clusterIPs"].as_array().is_none_or(Vec::is_empty);
    let single = spec["clusterIP"].as_str().unwrap_or_default().to_owned();
    let Some(old) = old else {
        if empty && !single.is_empty() {
            spec["clusterIPs"] = json!([single]);
        } else if single.is_empty() && !empty {
            spec["clusterIP"] = spec["clusterIPs"][0].clone();
        }
        return;
    };
    let same_list = spec["clusterIPs"] == old["clusterIPs"];
    if single == old["clusterIP"].as_str().unwrap_or_default() {
        if empty && !single.is_empty() {
            spec["clusterIPs"] = old["clusterIPs"].clone();
        }
    } else if single.is_empty() && same_list {
        remove(spec, "clusterIPs");
    } else if !single.is_empty() && (same_list || empty) {
        spec["clusterIPs"] = json!([single]);
    }
}

/// Keeps what was given before where the new Service says nothing; lets go of what its type no longer has.
pub(super) fn keep(spec: &mut Value, old: &Value) {
    let external = |spec: &Value| spec["type"] == "ExternalName";
    if external(spec) && !external(old) {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if spec[field] == old[field] {
                remove(spec, field);
            }
        }
    }
    if !external(spec) && !external(old) {
        for field in ["clusterIP", "clusterIPs"] {
            let said = match &spec[field] {
                Value::String(text) => !text.is_empty(),
                Value::Array(list) => !list.is_empty(),
                _ => false,
            };
            if !said && !old[field].is_null() {
                spec[field] = old[field].clone();
            }
        }
    }
    if needs_ports(spec) && needs_ports(old) {
        keep_ports(spec, old);
    } else if needs_ports(old) {
        drop_ports(spec, old);
    }
    if needs_health_port(spec) && needs_health_port(old) && spec["healthCheckNodePort"].is_null() {
        spec["healthCheckNodePort"] = old["healthCheckNodePort"].clone();
    }
}

fn keep_ports(spec: &mut Value, old: &Value) {
    let numbers = |spec: &Value| -> HashSet<i64> {
        let ports = spec["ports"].as_array().into_iter().flatten();
        ports.filter_map(|port| port["nodePort"].as_i64()).collect()
    };
    let used: HashSet<i64> = numbers(old).intersection(&numbers(spec)).copied().collect();
    for port in spec["ports"].as_array_mut().into_iter().flatten() {
        let mut before = old["ports"].as_array().into_iter().flatten();
        let before = before.rfind(|old| old["name"] == port["name"]);
        let number = before.and_then(|before| before["nodePort"].as_i64());
        if port["nodePort"].as_i64().unwrap_or_default() == 0
            && let Some(number) = number.filter(|number| !used.contains(number))
        {
            port["nodePort"] = number.into();
        }
    }
}

fn drop_ports(spec: &mut Value, old: &Value) {
    let before = old["ports"].as_array().cloned().unwrap_or_default();
    for port in spec["ports"].as_array_mut().into_iter().flatten() {
        if before.iter().any(|old| old["nodePort"] == port["nodePort"]) {
            remove(port, "nodePort");
        }
    }
}

/// Whether every port of a Service gets a node's port.
pub(super) fn needs_ports(spec: &Value) -> bool {
    match spec["type"].as_str() {
        Some("NodePort") => true,
        Some("LoadBalancer") => spec["allocateLoadBalancerNodePorts"] != false,
        _ => false,
    }
}

/// Whether a Service has a port on which nodes say whether they serve it.
pub(super) fn needs_health_port(spec: &Value) -> bool {
    spec["type"] == "LoadBalancer" && spec["externalTrafficPolicy"] == "Local"
}

fn remove(object: &mut Value, field: &str) {
    if let Some(object) = object.as_object_mut() {
        object.remove(field);
    }
}
