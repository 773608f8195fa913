//! The rows of built-in kinds, as upstream's printers write them.

use clock::Timestamp;
use krm::{Value, json};

use super::pods;
use super::show::{
    age, containers, human, is_true, labels, list, number, or, selector, strings, text,
};

/// The row of a built-in object; `None` where only name and age are known of its kind.
#[expect(clippy::too_many_lines, reason = "a table: a line or two per kind")]
pub(super) fn row(plural: &str, object: &Value, now: Timestamp) -> Option<Vec<Value>> {
    let name = text(object, "/metadata/name");
    let old = age(text(object, "/metadata/creationTimestamp"), now);
    let cells = match plural {
        "configmaps" => {
            let count = size(object, "/data") + size(object, "/binaryData");
            json!([name, count, old])
        }
        "secrets" => json!([name, text(object, "/type"), size(object, "/data"), old]),
        "serviceaccounts" => json!([name, old]),
        "namespaces" => json!([name, text(object, "/status/phase"), old]),
        "pods" => pods::row(object, &old, now),
        "nodes" => node(object, &old),
        "services" => service(object, &old),
        "endpoints" => json!([name, endpoints(object), old]),
        "endpointslices" => endpoint_slice(object, &old),
        "events" => event(object, now),
        "resourcequotas" => quota(object, &old),
        "persistentvolumeclaims" => claim(object, &old),
        "deployments" => {
            let [names, images] = containers(object, "/spec/template/spec/containers");
            let ready = format!(
                "{}/{}",
                number(object, "/status/readyReplicas"),
                number(object, "/spec/replicas")
            );
            let (updated, available) = (
                number(object, "/status/updatedReplicas"),
                number(object, "/status/availableReplicas"),
            );
            let select = selector(object.pointer("/spec/selector"));
            json!([name, ready, updated, available, old, names, images, select])
        }
        "replicasets" => {
            let [names, images] = containers(object, "/spec/template/spec/containers");
            let count = |pointer: &str| number(object, pointer);
            json!([
                name,
                count("/spec/replicas"),
                count("/status/replicas"),
                count("/status/readyReplicas"),
                old,
                names,
                images,
                selector(object.pointer("/spec/selector"))
            ])
        }
        "statefulsets" => {
            let [names, images] = containers(object, "/spec/template/spec/containers");
            let ready = format!(
                "{}/{}",
                number(object, "/status/readyReplicas"),
                number(object, "/spec/replicas")
            );
            json!([name, ready, old, names, images])
        }
        "daemonsets" => daemon_set(object, &old),
        "jobs" => job(object, &old, now),
        "cronjobs" => cron_job(object, &old, now),
        "controllerrevisions" => json!([name, owner(object), number(object, "/revision"), old]),
        "horizontalpodautoscalers" => autoscaler(object, &old)?,
        "poddisruptionbudgets" => {
            let bound = |pointer: &str| match object.pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => "N/A".to_owned(),
            };
            let allowed = number(object, "/status/disruptionsAllowed");
            let (least, most) = (bound("/spec/minAvailable"), bound("/spec/maxUnavailable"));
            json!([name, least, most, allowed, old])
        }
        "ingresses" => ingress(object, &old),
        "ingressclasses" => {
            let parameters = match object.pointer("/spec/parameters") {
                Some(of) => {
                    let kind = text(of, "/kind");
                    let kind = match text(of, "/apiGroup") {
                        "" => kind.to_owned(),
                        group => format!("{kind}.{group}"),
                    };
                    format!("{kind}/{}", text(of, "/name"))
                }
                None => "<none>".to_owned(),
            };
            json!([name, text(object, "/spec/controller"), parameters, old])
        }
        "networkpolicies" => json!([name, selector(object.pointer("/spec/podSelector")), old]),
        "rolebindings" | "clusterrolebindings" => binding(object, &old),
        "roles" | "clusterroles" | "limitranges" | "customresourcedefinitions" => {
            json!([name, text(object, "/metadata/creationTimestamp")])
        }
        "apiservices" => {
            let service = match object.pointer("/spec/service") {
                Some(of) => format!("{}/{}", text(of, "/namespace"), text(of, "/name")),
                None => "Local".to_owned(),
            };
            let available = if is_true(object, "Available") {
                "True"
            } else {
                "False"
            };
            json!([name, service, available, old])
        }
        "priorityclasses" => {
            let is_default = object["globalDefault"] == true;
            let (value, policy) = (number(object, "/value"), text(object, "/preemptionPolicy"));
            json!([name, value, is_default, old, policy])
        }
        "leases" => json!([name, text(object, "/spec/holderIdentity"), old]),
        "servicecidrs" => json!([name, strings(object, "/spec/cidrs").join(","), old]),
        "ipaddresses" => {
            let of = object.pointer("/spec/parentRef").unwrap_or(&Value::Null);
            let parts = ["/group", "/resource", "/namespace", "/name"].map(|part| text(of, part));
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            json!([name, parts.join("/"), old])
        }
        "storageclasses" => storage_class(object, &old),
        "prioritylevelconfigurations" => priority_level(object, &old),
        _ => return None,
    };
    match cells {
        Value::Array(cells) => Some(cells),
        _ => None,
    }
}

fn size(object: &Value, pointer: &str) -> usize {
    let map = object.pointer(pointer).and_then(Value::as_object);
    map.map_or(0, krm::Map::len)
}

fn node(object: &Value, old: &str) -> Value {
    let conditions = list(object, "/status/conditions").iter();
    let ready = conditions
        .filter(|condition| condition["type"] == "Ready")
        .map(|condition| {
            if condition["status"] == "True" {
                "Ready"
            } else {
                "NotReady"
            }
        })
        .next_back();
    let mut status = vec![ready.unwrap_or("Unknown")];
    if object.pointer("/spec/unschedulable") == Some(&Value::Bool(true)) {
        status.push("SchedulingDisabled");
    }
    let labels = object
        .pointer("/metadata/labels")
        .and_then(Value::as_object);
    let mut roles: Vec<&str> = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| {
            let role = key.strip_prefix("node-role.kubernetes.io/");
            role.or_else(|| {
                (key == "kubernetes.io/role")
                    .then(|| value.as_str())
                    .flatten()
            })
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    let address = |type_: &str| {
        let mut addresses = list(object, "/status/addresses").iter();
        let found = addresses.find(|address| address["type"] == type_);
        found.map_or("<none>", |address| text(address, "/address"))
    };
    let info = |key: &str| text(object, &format!("/status/nodeInfo/{key}"));
    let mut kernel = or(info("kernelVersion"), "<unknown>").to_owned();
    if !info("architecture").is_empty() {
        kernel = format!("{kernel} ({})", info("architecture"));
    }
    json!([
        text(object, "/metadata/name"),
        status.join(","),
        or(&roles.join(","), "<none>"),
        old,
        info("kubeletVersion"),
        address("InternalIP"),
        address("ExternalIP"),
        or(info("osImage"), "<unknown>"),
        kernel,
        or(info("containerRuntimeVersion"), "<unknown>")
    ])
}

fn service(object: &Value, old: &str) -> Value {
    let type_ = text(object, "/spec/type");
    let external = strings(object, "/spec/externalIPs").join(",");
    let balanced: Vec<&str> = list(object, "/status/loadBalancer/ingress")
        .iter()
        .map(|ingress| or(text(ingress, "/ip"), text(ingress, "/hostname")))
        .collect();
    let external = match type_ {
        "LoadBalancer" => {
            let mut all = balanced;
            all.extend(strings(object, "/spec/externalIPs"));
            or(&all.join(","), "<pending>").to_owned()
        }
        "ExternalName" => text(object, "/spec/externalName").to_owned(),
        _ => or(&external, "<none>").to_owned(),
    };
    let ports = list(object, "/spec/ports").iter().map(|port| {
        let protocol = text(port, "/protocol");
        match number(port, "/nodePort") {
            0 => format!("{}/{protocol}", number(port, "/port")),
            node => format!("{}:{node}/{protocol}", number(port, "/port")),
        }
    });
    let ports: Vec<String> = ports.collect();
    let address = strings(object, "/spec/clusterIPs");
    let address = address.first().copied().unwrap_or_default();
    json!([
        text(object, "/metadata/name"),
        type_,
        or(or(address, text(object, "/spec/clusterIP")), "<none>"),
        external,
        or(&ports.join(","), "<none>"),
        old,
        labels(object.pointer("/spec/selector"))
    ])
}

/// The first `max` of a list, and how many more there are.
fn shortened(items: &[String], max: usize, none: &str) -> String {
    if items.is_empty() {
        return none.to_owned();
    }
    let shown = items[..items.len().min(max)].join(",");
    match items.len().saturating_sub(max) {
        0 => shown,
        more => format!("{shown} + {more} more..."),
    }
}

fn endpoints(object: &Value) -> String {
    let mut all = Vec::new();
    for subset in list(object, "/subsets") {
        let ports = list(subset, "/ports");
        for address in list(subset, "/addresses") {
            let ip = text(address, "/ip");
            if ports.is_empty() {
                all.push(ip.to_owned());
            }
            for port in ports {
                all.push(format!("{ip}:{}", number(port, "/port")));
            }
        }
    }
    shortened(&all, 3, "<none>")
}

fn endpoint_slice(object: &Value, old: &str) -> Value {
    let ports = list(object, "/ports")
        .iter()
        .map(|port| match port.get("port") {
            Some(port) => port.to_string(),
            None => or(text(port, "/name"), "*").to_owned(),
        });
    let addresses = list(object, "/endpoints").iter();
    let addresses = addresses.flat_map(|endpoint| strings(endpoint, "/addresses"));
    let addresses: Vec<String> = addresses.map(str::to_owned).collect();
    json!([
        text(object, "/metadata/name"),
        text(object, "/addressType"),
        shortened(&ports.collect::<Vec<_>>(), 3, "<unset>"),
        shortened(&addresses, 3, "<unset>"),
        old
    ])
}

/// An event of either group: what the core group calls a field, else what `events.k8s.io` calls it.
fn event(object: &Value, now: Timestamp) -> Value {
    let either = |core: &str, other: &str| or(text(object, core), text(object, other)).to_owned();
    let since = |time: &str| age(time, now);
    let first = either("/firstTimestamp", "/deprecatedFirstTimestamp");
    let first = since(or(&first, text(object, "/eventTime")));
    let last = either("/lastTimestamp", "/deprecatedLastTimestamp");
    let mut last = if last.is_empty() {
        first.clone()
    } else {
        since(&last)
    };
    let mut count = number(object, "/count").max(number(object, "/deprecatedCount"));
    if object.get("series").is_some_and(Value::is_object) {
        last = since(text(object, "/series/lastObservedTime"));
        count = number(object, "/series/count");
    }
    let kind = either("/involvedObject/kind", "/regarding/kind").to_lowercase();
    let target = match either("/involvedObject/name", "/regarding/name").as_str() {
        "" => kind,
        name => format!("{kind}/{name}"),
    };
    let component = either("/source/component", "/deprecatedSource/component");
    let host = either("/source/host", "/deprecatedSource/host");
    let (component, host) = if component.is_empty() && host.is_empty() {
        let controller = either("/reportingComponent", "/reportingController");
        (controller, text(object, "/reportingInstance").to_owned())
    } else {
        (component, host)
    };
    let source = match host.as_str() {
        "" => component,
        host => format!("{component}, {host}"),
    };
    json!([
        last,
        text(object, "/type"),
        text(object, "/reason"),
        target,
        either("/involvedObject/fieldPath", "/regarding/fieldPath"),
        source,
        either("/message", "/note").trim(),
        first,
        count.max(1),
        text(object, "/metadata/name")
    ])
}

fn quota(object: &Value, old: &str) -> Value {
    let hard = object.pointer("/status/hard").and_then(Value::as_object);
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (name, bound) in hard.into_iter().flatten() {
        let used = object["status"]["used"][name].as_str().unwrap_or("0");
        let term = format!("{name}: {used}/{}", bound.as_str().unwrap_or_default());
        if name.starts_with("limits") {
            limits.push(term);
        } else {
            requests.push(term);
        }
    }
    let name = text(object, "/metadata/name");
    json!([name, requests.join(", "), limits.join(", "), old])
}

fn claim(object: &Value, old: &str) -> Value {
    let is_going = object.pointer("/metadata/deletionTimestamp").is_some();
    let phase = if is_going {
        "Terminating"
    } else {
        text(object, "/status/phase")
    };
    let volume = text(object, "/spec/volumeName");
    let (mut capacity, mut modes) = ("", String::new());
    if !volume.is_empty() {
        capacity = text(object, "/status/capacity/storage");
        let short = strings(object, "/status/accessModes")
            .into_iter()
            .map(|mode| match mode {
                "ReadWriteOnce" => "RWO",
                "ReadOnlyMany" => "ROX",
                "ReadWriteMany" => "RWX",
                _ => "RWOP",
            });
        modes = short.collect::<Vec<_>>().join(",");
    }
    json!([
        text(object, "/metadata/name"),
        phase,
        volume,
        capacity,
        modes,
        text(object, "/spec/storageClassName"),
        or(text(object, "/spec/volumeAttributesClassName"), "<unset>"),
        old,
        or(text(object, "/spec/volumeMode"), "<unset>")
    ])
}

fn daemon_set(object: &Value, old: &str) -> Value {
    let [names, images] = containers(object, "/spec/template/spec/containers");
    let count = |key: &str| number(object, &format!("/status/{key}"));
    json!([
        text(object, "/metadata/name"),
        count("desiredNumberScheduled"),
        count("currentNumberScheduled"),
        count("numberReady"),
        count("updatedNumberScheduled"),
        count("numberAvailable"),
        labels(object.pointer("/spec/template/spec/nodeSelector")),
        old,
        names,
        images,
        selector(object.pointer("/spec/selector"))
    ])
}

fn job(object: &Value, old: &str, now: Timestamp) -> Value {
    let done = number(object, "/status/succeeded");
    let completions = match object.pointer("/spec/completions") {
        Some(wanted) => format!("{done}/{wanted}"),
        None => match number(object, "/spec/parallelism") {
            many if many > 1 => format!("{done}/1 of {many}"),
            _ => format!("{done}/1"),
        },
    };
    let time = |pointer: &str| text(object, pointer).parse::<Timestamp>().ok();
    let duration = match (time("/status/startTime"), time("/status/completionTime")) {
        (None, _) => String::new(),
        (Some(start), end) => human(end.unwrap_or(now).as_second() - start.as_second()),
    };
    let status = if is_true(object, "Complete") {
        "Complete"
    } else if is_true(object, "Failed") {
        "Failed"
    } else if object.pointer("/metadata/deletionTimestamp").is_some() {
        "Terminating"
    } else {
        ["Suspended", "FailureTarget", "SuccessCriteriaMet"]
            .into_iter()
            .find(|type_| is_true(object, type_))
            .unwrap_or("Running")
    };
    let [names, images] = containers(object, "/spec/template/spec/containers");
    let select = selector(object.pointer("/spec/selector"));
    let name = text(object, "/metadata/name");
    json!([
        name,
        status,
        completions,
        duration,
        old,
        names,
        images,
        select
    ])
}

fn cron_job(object: &Value, old: &str, now: Timestamp) -> Value {
    let last = match text(object, "/status/lastScheduleTime") {
        "" => "<none>".to_owned(),
        time => age(time, now),
    };
    let suspended = if object.pointer("/spec/suspend") == Some(&Value::Bool(true)) {
        "True"
    } else {
        "False"
    };
    let template = "/spec/jobTemplate/spec";
    let [names, images] = containers(object, &format!("{template}/template/spec/containers"));
    json!([
        text(object, "/metadata/name"),
        text(object, "/spec/schedule"),
        or(text(object, "/spec/timeZone"), "<none>"),
        suspended,
        list(object, "/status/active").len(),
        last,
        old,
        names,
        images,
        selector(object.pointer(&format!("{template}/selector")))
    ])
}

/// `kind.group/name` of an object's controller.
fn owner(object: &Value) -> String {
    let mut owners = list(object, "/metadata/ownerReferences").iter();
    let Some(owner) = owners.find(|owner| owner["controller"] == true) else {
        return "<none>".to_owned();
    };
    let kind = text(owner, "/kind").to_lowercase();
    let group = text(owner, "/apiVersion").split_once('/');
    match group {
        Some((group, _)) => format!("{kind}.{group}/{}", text(owner, "/name")),
        None => format!("{kind}/{}", text(owner, "/name")),
    }
}

/// Of an autoscaler in version 2, with metrics of resources; `None` for what else it may measure.
fn autoscaler(object: &Value, old: &str) -> Option<Value> {
    let kind = text(object, "/spec/scaleTargetRef/kind");
    let reference = format!("{kind}/{}", text(object, "/spec/scaleTargetRef/name"));
    let mut targets = Vec::new();
    let plain = object.pointer("/spec/targetCPUUtilizationPercentage");
    if let Some(target) = plain {
        let current = object.pointer("/status/currentCPUUtilizationPercentage");
        let current = current.map_or("<unknown>".to_owned(), |value| format!("{value}%"));
        targets.push(format!("cpu: {current}/{target}%"));
    }
    for (at, metric) in list(object, "/spec/metrics").iter().enumerate() {
        if metric["type"] != "Resource" {
            return None;
        }
        let name = text(metric, "/resource/name");
        let current = object.pointer(&format!("/status/currentMetrics/{at}/resource/current"));
        let shown = |value: Option<&Value>| match value {
            Some(Value::String(text)) => text.clone(),
            Some(value) => format!("{value}%"),
            None => "<unknown>".to_owned(),
        };
        let target = &metric["resource"]["target"];
        let field = if target.get("averageValue").is_some() {
            "averageValue"
        } else {
            "averageUtilization"
        };
        let current = shown(current.and_then(|current| current.get(field)));
        targets.push(format!("{name}: {current}/{}", shown(target.get(field))));
    }
    let least = object.pointer("/spec/minReplicas");
    Some(json!([
        text(object, "/metadata/name"),
        reference,
        or(&targets.join(", "), "<none>"),
        least.map_or("<unset>".to_owned(), ToString::to_string),
        number(object, "/spec/maxReplicas"),
        number(object, "/status/currentReplicas"),
        old
    ]))
}

fn ingress(object: &Value, old: &str) -> Value {
    let rules = list(object, "/spec/rules").iter();
    let hosts = rules.map(|rule| text(rule, "/host"));
    let hosts: Vec<String> = hosts
        .filter(|host| !host.is_empty())
        .map(str::to_owned)
        .collect();
    let addresses = list(object, "/status/loadBalancer/ingress").iter();
    let addresses: Vec<&str> = addresses
        .map(|ingress| or(text(ingress, "/ip"), text(ingress, "/hostname")))
        .collect();
    let has_tls = !list(object, "/spec/tls").is_empty();
    json!([
        text(object, "/metadata/name"),
        or(text(object, "/spec/ingressClassName"), "<none>"),
        shortened(&hosts, 3, "*"),
        addresses.join(","),
        if has_tls { "80, 443" } else { "80" },
        old
    ])
}

fn binding(object: &Value, old: &str) -> Value {
    let kind = text(object, "/roleRef/kind");
    let role = format!("{kind}/{}", text(object, "/roleRef/name"));
    let subjects = |kind: &str| {
        let all = list(object, "/subjects").iter();
        let of_kind = all.filter(|subject| subject["kind"] == kind);
        let names = of_kind.map(|subject| match text(subject, "/namespace") {
            "" => text(subject, "/name").to_owned(),
            namespace => format!("{namespace}/{}", text(subject, "/name")),
        });
        names.collect::<Vec<_>>().join(", ")
    };
    json!([
        text(object, "/metadata/name"),
        role,
        old,
        subjects("User"),
        subjects("Group"),
        subjects("ServiceAccount")
    ])
}

fn storage_class(object: &Value, old: &str) -> Value {
    let annotations = object
        .pointer("/metadata/annotations")
        .unwrap_or(&Value::Null);
    let is_default = annotations["storageclass.kubernetes.io/is-default-class"] == "true";
    let name = text(object, "/metadata/name");
    let name = if is_default {
        format!("{name} (default)")
    } else {
        name.to_owned()
    };
    json!([
        name,
        text(object, "/provisioner"),
        or(text(object, "/reclaimPolicy"), "Delete"),
        or(text(object, "/volumeBindingMode"), "Immediate"),
        object["allowVolumeExpansion"] == true,
        old
    ])
}

fn priority_level(object: &Value, old: &str) -> Value {
    let cell = |pointer: &str| {
        let found = object.pointer(pointer);
        found.cloned().unwrap_or_else(|| "<none>".into())
    };
    let queuing = "/spec/limited/limitResponse/queuing";
    json!([
        text(object, "/metadata/name"),
        text(object, "/spec/type"),
        cell("/spec/limited/nominalConcurrencyShares"),
        cell(&format!("{queuing}/queues")),
        cell(&format!("{queuing}/handSize")),
        cell(&format!("{queuing}/queueLengthLimit")),
        old
    ])
}
