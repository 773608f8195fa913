//! Validation that looks across fields of one type.

use krm::Value;

use super::rules::{join, unset};
use super::{metadata, names, print};
use crate::error::FieldError;
use crate::quantity::Quantity;

/// What may stand in a ConfigMap or Secret.
const DATA_MAX: usize = 1024 * 1024;

/// Judges a value of a type beyond the rules.
pub(super) fn validate(name: &str, path: &str, value: &Value, errors: &mut Vec<FieldError>) {
    let Some((group, kind)) = name.rsplit_once('.') else {
        return;
    };
    let group = group.trim_start_matches("io.k8s.api.");
    match (group, kind) {
        ("core.v1", "PodSpec") => mounts(path, value, errors),
        ("core.v1", "PodTemplateSpec") => {
            metadata::labels(&join(path, "labels"), &value["metadata"]["labels"], errors);
            metadata::annotations(
                &join(path, "annotations"),
                &value["metadata"]["annotations"],
                errors,
            );
        }
        ("core.v1", "Probe") => handlers(path, value, errors),
        ("core.v1", "EnvVar") => env(path, value, errors),
        ("core.v1", "ResourceRequirements") => resources(path, value, errors),
        ("core.v1", "ResourceQuotaSpec") => {
            nonnegative(&join(path, "hard"), &value["hard"], errors)
        }
        ("core.v1", "ConfigMap") => config_map(value, errors),
        ("core.v1", "Secret") => secret(value, errors),
        ("core.v1", "Service") => service(value, errors),
        ("apps.v1", "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet") => {
            workload(kind, value, errors)
        }
        ("rbac.v1", "PolicyRule") => policy_rule(path, value, errors),
        ("rbac.v1", "Subject")
            if value["kind"] == "ServiceAccount" && !unset(&value["apiGroup"], false) =>
        {
            errors.push(FieldError::not_supported(
                join(path, "apiGroup"),
                &value["apiGroup"],
                &[""],
            ));
        }
        ("autoscaling.v2" | "autoscaling.v1", "HorizontalPodAutoscalerSpec") => {
            autoscaler(path, value, errors)
        }
        ("policy.v1", "PodDisruptionBudgetSpec") => budget(path, value, errors),
        ("rbac.v1", "Role") => namespaced_rules(value, errors),
        ("rbac.v1", "ClusterRoleBinding") => cluster_subjects(value, errors),
        ("networking.v1", "IngressSpec") => ingress(path, value, errors),
        ("networking.v1", "HTTPIngressPath") => ingress_path(path, value, errors),
        ("networking.v1", "IngressBackend") => ingress_backend(path, value, errors),
        ("networking.v1", "IngressRule") => ingress_host(path, value, errors),
        ("networking.v1", "NetworkPolicyPeer") => peer(path, value, errors),
        ("scheduling.v1", "PriorityClass") => priority(value, errors),
        (_, "LabelSelector") => selector(path, value, errors),
        _ => {}
    }
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

fn items(value: &Value) -> impl Iterator<Item = (usize, &Value)> {
    value.as_array().into_iter().flatten().enumerate()
}

/// What is mounted must be a volume, each place once.
fn mounts(path: &str, spec: &Value, errors: &mut Vec<FieldError>) {
    for list in ["containers", "initContainers"] {
        for (at, container) in items(&spec[list]) {
            let path = format!("{path}.{list}[{at}].volumeMounts");
            let mut places: Vec<&str> = Vec::new();
            for (at, mount) in items(&container["volumeMounts"]) {
                let name = &mount["name"];
                let known = items(&spec["volumes"]).any(|(_, volume)| volume["name"] == *name);
                if !known {
                    errors.push(FieldError::not_found(format!("{path}[{at}].name"), name));
                }
                let place = text(mount, "mountPath");
                if places.contains(&place) {
                    errors.push(FieldError::invalid(
                        format!("{path}[{at}].mountPath"),
                        &mount["mountPath"],
                        "must be unique",
                    ));
                }
                places.push(place);
            }
        }
    }
}

fn handlers(path: &str, probe: &Value, errors: &mut Vec<FieldError>) {
    let set: Vec<&str> = ["exec", "httpGet", "tcpSocket", "grpc"]
        .into_iter()
        .filter(|name| !probe[*name].is_null())
        .collect();
    if set.is_empty() {
        errors.push(FieldError::required(path, "must specify a handler type"));
    }
    for name in set.iter().skip(1) {
        errors.push(FieldError::forbidden(
            join(path, name),
            "may not specify more than 1 handler type",
        ));
    }
}

fn env(path: &str, variable: &Value, errors: &mut Vec<FieldError>) {
    let Value::Object(from) = &variable["valueFrom"] else {
        return;
    };
    let path = join(path, "valueFrom");
    let nothing = Value::from("");
    if from.is_empty() {
        let detail = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
        errors.push(FieldError::invalid(path, &nothing, detail));
    } else if !text(variable, "value").is_empty() {
        errors.push(FieldError::invalid(
            path,
            &nothing,
            "may not be specified when `value` is not empty",
        ));
    } else if from.len() > 1 {
        errors.push(FieldError::invalid(
            path,
            &nothing,
            "may not have more than one field specified at a time",
        ));
    }
}

fn nonnegative(path: &str, list: &Value, errors: &mut Vec<FieldError>) {
    for (name, quantity) in list.as_object().into_iter().flatten() {
        let negative = quantity
            .as_str()
            .and_then(|q| Quantity::parse(q).ok())
            .is_some_and(|q| q.signum() < 0);
        if negative {
            let detail = "must be greater than or equal to 0";
            errors.push(FieldError::invalid(
                format!("{path}[{name}]"),
                quantity,
                detail,
            ));
        }
    }
}

fn resources(path: &str, value: &Value, errors: &mut Vec<FieldError>) {
    nonnegative(&join(path, "limits"), &value["limits"], errors);
    nonnegative(&join(path, "requests"), &value["requests"], errors);
    let quantity = |value: &Value| value.as_str().and_then(|text| Quantity::parse(text).ok());
    for (name, request) in value["requests"].as_object().into_iter().flatten() {
        let limit = &value["limits"][name.as_str()];
        if let (Some(wanted), Some(most)) = (quantity(request), quantity(limit))
            && wanted.compare(&most).is_gt()
        {
            let detail = format!(
                "must be less than or equal to {name} limit of {}",
                most.canonical()
            );
            errors.push(FieldError::invalid(
                join(path, "requests"),
                request,
                &detail,
            ));
        }
    }
}

fn config_map(value: &Value, errors: &mut Vec<FieldError>) {
    let mut size = 0;
    for (key, text) in value["data"].as_object().into_iter().flatten() {
        if !value["binaryData"][key.as_str()].is_null() {
            let detail = "duplicate of key present in binaryData";
            errors.push(FieldError::invalid(
                format!("data[{key}]"),
                &Value::from(key.as_str()),
                detail,
            ));
        }
        size += text.as_str().map_or(0, str::len);
    }
    for (_, text) in value["binaryData"].as_object().into_iter().flatten() {
        size += decoded(text);
    }
    if size > DATA_MAX {
        errors.push(FieldError::too_long("", DATA_MAX));
    }
}

/// Bytes behind base64.
fn decoded(value: &Value) -> usize {
    value
        .as_str()
        .map_or(0, |text| text.trim_end_matches('=').len() * 3 / 4)
}

fn secret(value: &Value, errors: &mut Vec<FieldError>) {
    let size: usize = value["data"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, v)| decoded(v))
        .sum();
    if size > DATA_MAX {
        errors.push(FieldError::too_long("data", DATA_MAX));
    }
    let has = |key: &str| !value["data"][key].is_null();
    let mut need = |key: &str| errors.push(FieldError::required(format!("data[{key}]"), ""));
    match text(value, "type") {
        "kubernetes.io/dockercfg" if !has(".dockercfg") => need(".dockercfg"),
        "kubernetes.io/dockerconfigjson" if !has(".dockerconfigjson") => need(".dockerconfigjson"),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            need("username");
            need("password");
        }
        "kubernetes.io/ssh-auth" if decoded(&value["data"]["ssh-privatekey"]) == 0 => {
            need("ssh-privatekey")
        }
        "kubernetes.io/tls" => {
            for key in ["tls.crt", "tls.key"].into_iter().filter(|key| !has(key)) {
                need(key);
            }
        }
        "kubernetes.io/service-account-token" => {
            let key = "kubernetes.io/service-account.name";
            if unset(&value["metadata"]["annotations"][key], false) {
                errors.push(FieldError::required(
                    format!("metadata.annotations[{key}]"),
                    "",
                ));
            }
        }
        _ => {}
    }
}

fn service(value: &Value, errors: &mut Vec<FieldError>) {
    let spec = &value["spec"];
    let external = spec["type"] == "ExternalName";
    let ports = spec["ports"].as_array().map_or(&[][..], Vec::as_slice);
    if ports.is_empty() && spec["clusterIP"] != "None" && !external {
        errors.push(FieldError::required("spec.ports", ""));
    }
    if external && !text(spec, "externalName").is_empty() {
        for message in names::dns_subdomain(text(spec, "externalName").trim_end_matches('.')) {
            errors.push(FieldError::invalid(
                "spec.externalName",
                &spec["externalName"],
                &message,
            ));
        }
    }
    for (at, port) in ports.iter().enumerate() {
        if ports.len() > 1 && unset(&port["name"], false) {
            errors.push(FieldError::required(format!("spec.ports[{at}].name"), ""));
        }
        let same =
            |other: &Value| other["port"] == port["port"] && other["protocol"] == port["protocol"];
        if ports[..at].iter().any(same) {
            // Upstream shows its internal type here.
            let printed = format!(
                r#"{{"Name":"","Protocol":{},"AppProtocol":null,"Port":{},"TargetPort":0,"NodePort":0}}"#,
                port["protocol"], port["port"]
            );
            errors.push(FieldError::duplicate_printed(
                format!("spec.ports[{at}]"),
                &printed,
            ));
        }
    }
}

/// Selector and template belong together.
fn workload(kind: &str, value: &Value, errors: &mut Vec<FieldError>) {
    let spec = &value["spec"];
    let template = &spec["template"];
    let mismatch = |errors: &mut Vec<FieldError>| {
        let detail = "`selector` does not match template `labels`";
        let labels = &template["metadata"]["labels"];
        errors.push(FieldError::invalid(
            "spec.template.metadata.labels",
            labels,
            detail,
        ));
    };
    let Value::Object(of) = &spec["selector"] else {
        // No selector selects nothing.
        return mismatch(errors);
    };
    if of.is_empty() {
        // ReplicaSets share the Deployments' words.
        let name = if kind == "ReplicaSet" {
            "deployment".to_owned()
        } else {
            kind.to_lowercase()
        };
        let detail = format!("empty selector is invalid for {name}");
        errors.push(FieldError::invalid(
            "spec.selector",
            &spec["selector"],
            &detail,
        ));
    } else if items(&spec["selector"]["matchExpressions"])
        .any(|(_, e)| !is_operator(text(e, "operator")))
    {
        let shown = print::selector(&spec["selector"]);
        errors.push(FieldError::invalid_printed(
            "spec.selector",
            &shown,
            "invalid label selector",
        ));
    } else if !selects(&spec["selector"], &template["metadata"]["labels"]) {
        mismatch(errors);
    }
    let restart = &template["spec"]["restartPolicy"];
    let named = ["Always", "OnFailure", "Never"]
        .iter()
        .any(|policy| restart == policy);
    if named && restart != "Always" {
        errors.push(FieldError::not_supported(
            "spec.template.spec.restartPolicy",
            restart,
            &["Always"],
        ));
    }
    if kind == "Deployment" {
        strategy(spec, errors);
    }
}

fn strategy(spec: &Value, errors: &mut Vec<FieldError>) {
    let strategy = &spec["strategy"];
    let rolling = &strategy["rollingUpdate"];
    match text(strategy, "type") {
        "Recreate" if !rolling.is_null() => {
            let detail = "may not be specified when strategy `type` is 'Recreate'";
            errors.push(FieldError::forbidden("spec.strategy.rollingUpdate", detail));
        }
        "RollingUpdate" => {
            let zero = |value: &Value| *value == 0 || *value == "0%";
            if zero(&rolling["maxUnavailable"]) && zero(&rolling["maxSurge"]) {
                let path = "spec.strategy.rollingUpdate.maxUnavailable";
                errors.push(FieldError::invalid(
                    path,
                    &rolling["maxUnavailable"],
                    "may not be 0 when `maxSurge` is 0",
                ));
            }
        }
        "Recreate" => {}
        _ => {
            // Upstream prints the whole strategy as its internal type.
            let shown = format!(r#"{{"Type":{},"RollingUpdate":null}}"#, strategy["type"]);
            errors.push(FieldError::not_supported_printed(
                "spec.strategy",
                &shown,
                &["Recreate", "RollingUpdate"],
            ));
        }
    }
    let (deadline, ready) = (
        &spec["progressDeadlineSeconds"],
        spec["minReadySeconds"].as_i64().unwrap_or(0),
    );
    if deadline.as_i64().is_some_and(|deadline| deadline <= ready) {
        let detail = "must be greater than minReadySeconds";
        errors.push(FieldError::invalid(
            "spec.progressDeadlineSeconds",
            deadline,
            detail,
        ));
    }
}

fn is_operator(operator: &str) -> bool {
    matches!(operator, "In" | "NotIn" | "Exists" | "DoesNotExist")
}

/// Whether nothing below a value is judged, because it lacks what decides how.
pub(super) fn stops(name: &str, value: &Value) -> bool {
    name.ends_with(".HTTPIngressPath") && value["pathType"].is_null()
}

/// Whether a label selector selects labels.
pub(crate) fn selects(selector: &Value, labels: &Value) -> bool {
    let label = |key: &str| labels.get(key).and_then(Value::as_str);
    let equal = selector["matchLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .all(|(key, value)| label(key) == value.as_str());
    equal
        && items(&selector["matchExpressions"]).all(|(_, expression)| {
            let found = label(text(expression, "key"));
            let among = items(&expression["values"])
                .any(|(_, value)| found.is_some() && value.as_str() == found);
            match text(expression, "operator") {
                "In" => among,
                "NotIn" => !among,
                "Exists" => found.is_some(),
                "DoesNotExist" => found.is_none(),
                _ => true,
            }
        })
}

fn selector(path: &str, value: &Value, errors: &mut Vec<FieldError>) {
    metadata::labels(&join(path, "matchLabels"), &value["matchLabels"], errors);
    for (at, expression) in items(&value["matchExpressions"]) {
        let path = format!("{path}.matchExpressions[{at}]");
        let values = expression["values"].as_array().map_or(0, Vec::len);
        match text(expression, "operator") {
            "In" | "NotIn" if values == 0 => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(FieldError::required(format!("{path}.values"), detail));
            }
            "Exists" | "DoesNotExist" if values > 0 => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(FieldError::forbidden(format!("{path}.values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => errors.push(FieldError::invalid(
                format!("{path}.operator"),
                &expression["operator"],
                "not a valid selector operator",
            )),
        }
        for message in names::qualified(text(expression, "key")) {
            errors.push(FieldError::invalid(
                format!("{path}.key"),
                &expression["key"],
                &message,
            ));
        }
    }
}

fn policy_rule(path: &str, rule: &Value, errors: &mut Vec<FieldError>) {
    let count = |field: &str| rule[field].as_array().map_or(0, Vec::len);
    if count("nonResourceURLs") > 0 {
        if count("apiGroups") + count("resources") + count("resourceNames") > 0 {
            let detail = "rules cannot apply to both regular resources and non-resource URLs";
            errors.push(FieldError::invalid(
                join(path, "nonResourceURLs"),
                &rule["nonResourceURLs"],
                detail,
            ));
        }
        return;
    }
    if count("apiGroups") == 0 {
        errors.push(FieldError::required(
            join(path, "apiGroups"),
            "resource rules must supply at least one api group",
        ));
    }
    if count("resources") == 0 {
        errors.push(FieldError::required(
            join(path, "resources"),
            "resource rules must supply at least one resource",
        ));
    }
}

fn namespaced_rules(role: &Value, errors: &mut Vec<FieldError>) {
    for (at, rule) in
        items(&role["rules"]).filter(|(_, rule)| !unset(&rule["nonResourceURLs"], false))
    {
        let detail = "namespaced rules cannot apply to non-resource URLs";
        errors.push(FieldError::invalid(
            format!("rules[{at}].nonResourceURLs"),
            &rule["nonResourceURLs"],
            detail,
        ));
    }
}

fn cluster_subjects(binding: &Value, errors: &mut Vec<FieldError>) {
    for (at, subject) in items(&binding["subjects"]).filter(|(_, s)| s["kind"] == "ServiceAccount")
    {
        if unset(&subject["namespace"], false) {
            errors.push(FieldError::required(
                format!("subjects[{at}].namespace"),
                "",
            ));
        }
    }
}

fn budget(path: &str, spec: &Value, errors: &mut Vec<FieldError>) {
    if spec["minAvailable"].is_null() || spec["maxUnavailable"].is_null() {
        return;
    }
    // Upstream shows its internal type here.
    let shown = format!(
        r#"{{"MinAvailable":{},"Selector":{},"MaxUnavailable":{},"UnhealthyPodEvictionPolicy":{}}}"#,
        spec["minAvailable"],
        spec["selector"],
        spec["maxUnavailable"],
        spec["unhealthyPodEvictionPolicy"]
    );
    errors.push(FieldError::invalid_printed(
        path,
        &shown,
        "minAvailable and maxUnavailable cannot be both set",
    ));
}

fn autoscaler(path: &str, spec: &Value, errors: &mut Vec<FieldError>) {
    let (min, max) = (
        spec["minReplicas"].as_i64().unwrap_or(1),
        spec["maxReplicas"].as_i64().unwrap_or(0),
    );
    let target = &spec["scaleTargetRef"]["apiVersion"];
    if !target
        .as_str()
        .is_some_and(|api_version| api_version.contains('/'))
    {
        let shown = Value::from(target.as_str().unwrap_or_default());
        let detail = "apiVersion must specify API group";
        errors.push(FieldError::invalid(
            join(path, "scaleTargetRef.apiVersion"),
            &shown,
            detail,
        ));
    }
    let at = join(path, "maxReplicas");
    let shown = Value::from(max);
    if max == 0 {
        errors.push(FieldError::required(
            at.clone(),
            "must be set and greater than 0",
        ));
    } else if max < 1 {
        errors.push(FieldError::invalid(
            at.clone(),
            &shown,
            "must be greater than or equal to 1",
        ));
    }
    if max < min {
        errors.push(FieldError::invalid(
            at,
            &shown,
            "must be greater than or equal to `minReplicas`",
        ));
    }
}

fn ingress(path: &str, spec: &Value, errors: &mut Vec<FieldError>) {
    if unset(&spec["rules"], false) && spec["defaultBackend"].is_null() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        errors.push(FieldError::invalid(path, &Value::Null, detail));
    }
}

fn ingress_host(path: &str, rule: &Value, errors: &mut Vec<FieldError>) {
    let host = text(rule, "host");
    if host.is_empty() {
        return;
    }
    let at = join(path, "host");
    if host.parse::<std::net::IpAddr>().is_ok() {
        errors.push(FieldError::invalid(
            at.clone(),
            &rule["host"],
            "must be a DNS name, not an IP address",
        ));
    }
    let messages = if host.contains('*') {
        names::wildcard_subdomain(host)
    } else {
        names::dns_subdomain(host)
    };
    for message in messages {
        errors.push(FieldError::invalid(at.clone(), &rule["host"], &message));
    }
}

fn ingress_path(path: &str, value: &Value, errors: &mut Vec<FieldError>) {
    let found = text(value, "path");
    let at = join(path, "path");
    let mut invalid =
        |detail: &str| errors.push(FieldError::invalid(at.clone(), &Value::from(found), detail));
    match text(value, "pathType") {
        "Exact" | "Prefix" => {
            if !found.starts_with('/') {
                invalid("must be an absolute path");
            }
            for part in ["//", "/./", "/../", "%2f", "%2F"]
                .into_iter()
                .filter(|part| found.contains(part))
            {
                invalid(&format!("must not contain '{part}'"));
            }
            for end in ["/..", "/."].into_iter().filter(|end| found.ends_with(end)) {
                invalid(&format!("cannot end with '{end}'"));
            }
        }
        "ImplementationSpecific" if !found.is_empty() && !found.starts_with('/') => {
            invalid("must be an absolute path")
        }
        _ => {}
    }
}

fn ingress_backend(path: &str, backend: &Value, errors: &mut Vec<FieldError>) {
    let nothing = Value::from("");
    let service = &backend["service"];
    match (service.is_null(), backend["resource"].is_null()) {
        (false, false) => errors.push(FieldError::invalid(
            path,
            &nothing,
            "cannot set both resource and service backends",
        )),
        (true, true) => errors.push(FieldError::invalid(
            path,
            &nothing,
            "resource or service backend is required",
        )),
        (false, true) => {
            let port = &service["port"];
            match (unset(&port["name"], false), unset(&port["number"], false)) {
                (false, false) => errors.push(FieldError::invalid(
                    path,
                    &nothing,
                    "cannot set both port name & port number",
                )),
                (true, true) => errors.push(FieldError::required(
                    path,
                    "port name or number is required",
                )),
                _ => {}
            }
        }
        (true, false) => {}
    }
}

fn peer(path: &str, peer: &Value, errors: &mut Vec<FieldError>) {
    let set = |field: &str| !peer[field].is_null();
    let others = set("podSelector") || set("namespaceSelector");
    if !set("ipBlock") && !others {
        errors.push(FieldError::required(path, "must specify a peer"));
    } else if set("ipBlock") && others {
        errors.push(FieldError::forbidden(
            path,
            "may not specify both ipBlock and another peer",
        ));
    }
}

fn priority(value: &Value, errors: &mut Vec<FieldError>) {
    const HIGHEST: i64 = 1_000_000_000;
    let name = value["metadata"]["name"].as_str().unwrap_or_default();
    if !name.starts_with("system-") && value["value"].as_i64().is_some_and(|n| n > HIGHEST) {
        let detail = format!("maximum allowed value of a user defined priority is {HIGHEST}");
        errors.push(FieldError::forbidden("value", &detail));
    }
}
