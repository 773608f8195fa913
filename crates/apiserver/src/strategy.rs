//! What differs between kinds in how they are written: upstream's registry strategies, as a table.

use std::collections::BTreeMap;

use krm::Value;

use crate::registry::Resource;

/// Group and plural name of a built-in resource.
type Name = (&'static str, &'static str);

const ADMISSION: &str = "admissionregistration.k8s.io";

/// Resources that count generations.
const GENERATED: &[Name] = &[
    ("", "pods"),
    ("", "podtemplates"),
    ("", "replicationcontrollers"),
    (ADMISSION, "mutatingadmissionpolicies"),
    (ADMISSION, "mutatingadmissionpolicybindings"),
    (ADMISSION, "mutatingwebhookconfigurations"),
    (ADMISSION, "validatingadmissionpolicies"),
    (ADMISSION, "validatingadmissionpolicybindings"),
    (ADMISSION, "validatingwebhookconfigurations"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
    ("discovery.k8s.io", "endpointslices"),
    ("flowcontrol.apiserver.k8s.io", "flowschemas"),
    (
        "flowcontrol.apiserver.k8s.io",
        "prioritylevelconfigurations",
    ),
    ("networking.k8s.io", "ingressclasses"),
    ("networking.k8s.io", "ingresses"),
    ("networking.k8s.io", "networkpolicies"),
    ("policy", "poddisruptionbudgets"),
    ("resource.k8s.io", "deviceclasses"),
    ("resource.k8s.io", "devicetaintrules"),
    ("resource.k8s.io", "resourceslices"),
    ("scheduling.k8s.io", "priorityclasses"),
];

/// Resources that an update without resourceVersion cannot change.
const CONDITIONAL: &[Name] = &[
    (ADMISSION, "mutatingadmissionpolicies"),
    (ADMISSION, "mutatingadmissionpolicybindings"),
    (ADMISSION, "mutatingwebhookconfigurations"),
    (ADMISSION, "validatingadmissionpolicies"),
    (ADMISSION, "validatingadmissionpolicybindings"),
    (ADMISSION, "validatingwebhookconfigurations"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apiregistration.k8s.io", "apiservices"),
    ("certificates.k8s.io", "clustertrustbundles"),
    ("certificates.k8s.io", "podcertificaterequests"),
    ("coordination.k8s.io", "leases"),
    ("node.k8s.io", "runtimeclasses"),
    ("policy", "poddisruptionbudgets"),
    ("storage.k8s.io", "csidrivers"),
    ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "csistoragecapacities"),
    ("storage.k8s.io", "volumeattachments"),
];

/// Resources that an update creates where they are absent.
const UPSERTED: &[Name] = &[
    ("", "endpoints"),
    ("", "events"),
    ("", "limitranges"),
    ("", "services"),
    ("coordination.k8s.io", "leases"),
    ("events.k8s.io", "events"),
    ("node.k8s.io", "runtimeclasses"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "roles"),
];

/// Resources whose deletion answers with the object and not with a Status.
const RETURNED: &[Name] = &[
    ("", "namespaces"),
    ("", "persistentvolumeclaims"),
    ("", "persistentvolumes"),
    ("", "pods"),
    ("", "podtemplates"),
    ("", "resourcequotas"),
    ("", "serviceaccounts"),
    ("", "services"),
    ("resource.k8s.io", "deviceclasses"),
    ("resource.k8s.io", "devicetaintrules"),
    ("resource.k8s.io", "resourceclaims"),
    ("resource.k8s.io", "resourceclaimtemplates"),
    ("resource.k8s.io", "resourceslices"),
    ("storage.k8s.io", "csidrivers"),
    ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "storageclasses"),
    ("storage.k8s.io", "volumeattachments"),
    ("storage.k8s.io", "volumeattributesclasses"),
];

/// A field that selectors may name: the selector's path, where the value stands, and what an absent value reads as.
type Selectable = (&'static str, &'static str, &'static str);

/// What field selectors may name beside name and namespace.
const SELECTABLE: &[(Name, &[Selectable])] = &[
    (
        ("", "pods"),
        &[
            ("spec.nodeName", "/spec/nodeName", ""),
            ("spec.restartPolicy", "/spec/restartPolicy", ""),
            ("spec.schedulerName", "/spec/schedulerName", ""),
            ("spec.serviceAccountName", "/spec/serviceAccountName", ""),
            ("spec.hostNetwork", "/spec/hostNetwork", "false"),
            ("status.phase", "/status/phase", ""),
            ("status.podIP", "/status/podIP", ""),
            ("status.podIPs", "/status/podIP", ""),
            ("status.nominatedNodeName", "/status/nominatedNodeName", ""),
        ],
    ),
    (
        ("", "nodes"),
        &[("spec.unschedulable", "/spec/unschedulable", "false")],
    ),
    (("", "namespaces"), &[("status.phase", "/status/phase", "")]),
    (("", "secrets"), &[("type", "/type", "")]),
    (
        ("", "services"),
        &[
            ("spec.clusterIP", "/spec/clusterIP", ""),
            ("spec.type", "/spec/type", ""),
        ],
    ),
    (
        ("", "replicationcontrollers"),
        &[("status.replicas", "/status/replicas", "0")],
    ),
    (
        ("apps", "replicasets"),
        &[("status.replicas", "/status/replicas", "0")],
    ),
    (
        ("batch", "jobs"),
        &[("status.successful", "/status/succeeded", "0")],
    ),
    (
        ("certificates.k8s.io", "certificatesigningrequests"),
        &[("spec.signerName", "/spec/signerName", "")],
    ),
    (
        ("", "events"),
        &[
            ("involvedObject.kind", "/involvedObject/kind", ""),
            ("involvedObject.namespace", "/involvedObject/namespace", ""),
            ("involvedObject.name", "/involvedObject/name", ""),
            ("involvedObject.uid", "/involvedObject/uid", ""),
            (
                "involvedObject.apiVersion",
                "/involvedObject/apiVersion",
                "",
            ),
            (
                "involvedObject.resourceVersion",
                "/involvedObject/resourceVersion",
                "",
            ),
            ("involvedObject.fieldPath", "/involvedObject/fieldPath", ""),
            ("reason", "/reason", ""),
            ("reportingComponent", "/reportingComponent", ""),
            ("source", "/source/component", ""),
            ("type", "/type", ""),
        ],
    ),
];

/// Names under which `events.k8s.io` selects the fields that the core group's events call otherwise.
const EVENT_ALIASES: &[(&str, &str)] = &[
    ("regarding.", "involvedObject."),
    ("reportingController", "reportingComponent"),
];

fn listed(table: &[Name], resource: &Resource) -> bool {
    let facts = resource.facts();
    table.contains(&(facts.group.as_str(), facts.plural.as_str()))
}

/// Whether the kind counts generations.
pub(crate) fn has_generation(resource: &Resource) -> bool {
    resource.custom().is_some() || listed(GENERATED, resource)
}

/// Whether an update may leave resourceVersion out.
pub(crate) fn allows_unconditional_update(resource: &Resource) -> bool {
    resource.custom().is_none() && !listed(CONDITIONAL, resource)
}

/// Whether an update creates the object where it is absent.
pub(crate) fn allows_create_on_update(resource: &Resource) -> bool {
    listed(UPSERTED, resource)
}

/// Whether a deletion answers with the object.
pub(crate) fn returns_deleted(resource: &Resource) -> bool {
    listed(RETURNED, resource)
}

/// Whether the garbage collector looks after dependents of this kind.
pub(crate) fn collects_garbage(resource: &Resource) -> bool {
    resource.facts().plural != "events"
}

/// Gives a new object what its kind begins with.
pub(crate) fn begin(resource: &Resource, object: &mut Value) {
    let facts = resource.facts();
    if !facts.group.is_empty() {
        return;
    }
    let phase = match facts.plural.as_str() {
        "namespaces" => "Active",
        "pods" | "persistentvolumeclaims" | "persistentvolumes" => "Pending",
        _ => return,
    };
    let mut status = krm::json!({"phase": phase});
    if facts.plural == "pods" {
        status["qosClass"] = quality_of_service(object).into();
    }
    object["status"] = status;
    if facts.plural == "namespaces" {
        let held = crate::meta::field(object, "spec")
            .entry("finalizers")
            .or_insert_with(|| krm::json!([]));
        if let Value::Array(held) = held
            && !held.iter().any(|name| name == "kubernetes")
        {
            held.push("kubernetes".into());
        }
    }
}

/// A Pod's class, by the requests and limits of its containers.
fn quality_of_service(pod: &Value) -> &'static str {
    let of = |key: &str| {
        let list = pod.pointer(&format!("/spec/{key}"));
        list.and_then(Value::as_array).into_iter().flatten()
    };
    let (mut is_empty, mut is_guaranteed) = (true, true);
    for container in of("containers").chain(of("initContainers")) {
        for name in ["cpu", "memory"] {
            let amount = |kind: &str| container["resources"][kind].get(name);
            let (request, limit) = (amount("requests"), amount("limits"));
            is_empty &= request.is_none() && limit.is_none();
            is_guaranteed &= limit.is_some() && (request.is_none() || request == limit);
        }
    }
    match (is_empty, is_guaranteed) {
        (true, _) => "BestEffort",
        (false, true) => "Guaranteed",
        (false, false) => "Burstable",
    }
}

fn selectable(resource: &Resource) -> &'static [Selectable] {
    let stored = resource.stored_as();
    let row = SELECTABLE
        .iter()
        .find(|((group, plural), _)| *group == stored.group && *plural == stored.resource);
    row.map_or(&[], |(_, fields)| fields)
}

fn text(value: Option<&Value>, absent: &str) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => absent.to_owned(),
        Some(other) => other.to_string(),
    }
}

/// The values that field selectors may ask for, of an object in its stored version.
pub(crate) fn fields(resource: &Resource, object: &Value) -> BTreeMap<String, String> {
    let known = selectable(resource).iter();
    let mut out: BTreeMap<String, String> = known
        .map(|(path, pointer, absent)| ((*path).to_owned(), text(object.pointer(pointer), absent)))
        .collect();
    if let Some(custom) = resource.custom() {
        for path in &custom.selectable {
            let path = path.trim_start_matches('.');
            let mut at = Some(object);
            for part in path.split('.') {
                at = at.and_then(|value| value.get(part));
            }
            out.insert(path.to_owned(), text(at, ""));
        }
    }
    if out.get("source").is_some_and(String::is_empty) {
        out.insert(
            "source".to_owned(),
            text(object.get("reportingComponent"), ""),
        );
    }
    out
}

/// The path under which a field selector's label is kept; `None` where it cannot be selected by.
pub(crate) fn field_path(resource: &Resource, label: &str) -> Option<String> {
    if matches!(label, "metadata.name" | "metadata.namespace") {
        return Some(label.to_owned());
    }
    if resource.facts().group == "events.k8s.io" {
        for (theirs, ours) in EVENT_ALIASES {
            if let Some(rest) = label.strip_prefix(theirs) {
                return Some(format!("{ours}{rest}"));
            }
        }
    }
    let custom = resource.custom().map(|custom| custom.selectable.as_slice());
    let mut custom = custom.unwrap_or_default().iter();
    let is_known = selectable(resource)
        .iter()
        .any(|(path, _, _)| *path == label)
        || custom.any(|path| path.trim_start_matches('.') == label);
    is_known.then(|| label.to_owned())
}

/// Why a label cannot be selected by.
pub(crate) fn unknown_field(resource: &Resource, label: &str) -> String {
    if resource.custom().is_some() || !selectable(resource).is_empty() {
        return format!("field label not supported: {label}");
    }
    format!(
        "{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
        schema::error::go_quote(label)
    )
}
