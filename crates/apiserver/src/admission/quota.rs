//! ResourceQuota: what a namespace may hold, charged when a write is admitted.
//!
//! The quota's own `status.used` is the ledger: it is raised here, in the same step that finds room, and set right by the quota
//! controller when something goes. A quota that the controller has not seen yet (no `status.hard`) limits nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use krm::Value;

use super::usage::{Amounts, usage};
use super::{Operation, Review};
use crate::ApiError;
use crate::status::GroupResource;
use crate::store::{Draft, Expect, Stored, Write};

/// What quotas on a Pod's own resources may be about.
const POD_RESOURCES: [&str; 10] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
];

/// The resources that every container of a Pod must ask for once a quota counts them.
const REQUIRED: [&str; 6] = [
    "cpu",
    "limits.cpu",
    "limits.memory",
    "memory",
    "requests.cpu",
    "requests.memory",
];

/// Refuses what exceeds a quota of the namespace, and charges what does not.
pub(super) fn charge(review: &mut Review<'_>, object: &Value) -> Result<(), ApiError> {
    if !handles(review, object) {
        return Ok(());
    }
    let of = GroupResource::new("", "resourcequotas");
    loop {
        let state = review.server.store().state();
        let start = crate::store::Key::new(review.namespace(), "");
        let quotas: Vec<Arc<Stored>> = state
            .list(&of, Some(review.namespace()), start)
            .cloned()
            .collect();
        let mut charged = Vec::new();
        for stored in quotas {
            let mut quota = stored.value();
            if let Some(used) = charge_one(review, &quota, object)? {
                quota["status"]["used"] = used.to_value();
                charged.push((stored, quota));
            }
        }
        let taken = review.dry_run
            || charged
                .into_iter()
                .all(|(stored, quota)| put(review, &of, &stored, quota));
        if taken {
            return Ok(());
        }
    }
}

fn put(review: &Review<'_>, of: &GroupResource, stored: &Stored, quota: Value) -> bool {
    let write = Write {
        of: of.clone(),
        key: stored.key().clone(),
        expect: Expect::Version(stored.version()),
        put: Some(Draft::new(quota, stored.header().fields.clone())),
    };
    review.server.store().commit(write).is_ok()
}

fn handles(review: &Review<'_>, object: &Value) -> bool {
    if review.namespace().is_empty() || !review.info.subresource.is_empty() {
        return false;
    }
    let facts = review.resource.facts();
    match review.operation {
        Operation::Create => true,
        Operation::Update => match (facts.group.as_str(), facts.plural.as_str()) {
            ("", "services" | "persistentvolumeclaims") => true,
            ("", "pods") => review
                .old
                .is_some_and(|old| is_terminating(old) != is_terminating(object)),
            _ => false,
        },
        Operation::Delete | Operation::Connect => false,
    }
}

/// What would be used of a quota with `object`; `None` where it does not change the quota's ledger.
fn charge_one(
    review: &Review<'_>,
    quota: &Value,
    object: &Value,
) -> Result<Option<Amounts>, ApiError> {
    let facts = review.resource.facts();
    let (group, resource) = (facts.group.as_str(), facts.plural.as_str());
    let hard = Amounts::read(&quota["status"]["hard"]);
    let counted: Vec<&String> = hard
        .iter()
        .map(|(name, _)| name)
        .filter(|name| tracks(group, resource, name))
        .collect();
    if counted.is_empty() || !in_scope(quota, resource, object) {
        return Ok(None);
    }
    let name = quota["metadata"]["name"].as_str().unwrap_or_default();
    if (group, resource) == ("", "pods")
        && let Some(missing) = missing(object, &counted)
    {
        let why = format!("failed quota: {name}: must specify {missing}");
        return Err(review.forbidden(object, &why));
    }
    let used = Amounts::read(&quota["status"]["used"]);
    if counted.iter().any(|name| used.get(name).is_none()) {
        let names: Vec<&str> = counted.iter().map(|name| name.as_str()).collect();
        let why = format!(
            "status unknown for quota: {name}, resources: {}",
            names.join(",")
        );
        return Err(review.forbidden(object, &why));
    }
    let before = match review.old.filter(|_| review.operation == Operation::Update) {
        Some(old) if in_scope(quota, resource, old) => usage(group, resource, old),
        _ => Amounts::default(),
    };
    let asked = usage(group, resource, object)
        .grown_since(&before)
        .only(&hard);
    if asked.is_empty() {
        return Ok(None);
    }
    let mut total = used.clone();
    total.add_all(&asked);
    let mut exceeded = Amounts::default();
    for (resource, amount) in asked.iter() {
        let over = |limit| {
            total
                .get(resource)
                .is_some_and(|total| total.compare(limit).is_gt())
        };
        if hard.get(resource).is_some_and(over) {
            exceeded.set(resource, amount.clone());
        }
    }
    if exceeded.is_empty() {
        return Ok(Some(total));
    }
    let why = format!(
        "exceeded quota: {name}, requested: {exceeded}, used: {}, limited: {}",
        used.only(&exceeded),
        hard.only(&exceeded)
    );
    Err(review.forbidden(object, &why))
}

/// Whether a quota's resource `name` counts objects of a resource.
pub(crate) fn tracks(group: &str, resource: &str, name: &str) -> bool {
    let counted = match group {
        "" => name.strip_prefix("count/") == Some(resource),
        group => {
            name.strip_prefix("count/")
                .and_then(|rest| rest.strip_prefix(resource))
                == Some(&format!(".{group}"))
        }
    };
    counted
        || match (group, resource) {
            ("", "pods") => {
                let extended = name
                    .strip_prefix("requests.")
                    .is_some_and(|rest| rest.contains('/'));
                POD_RESOURCES.contains(&name)
                    || name.starts_with("hugepages-")
                    || name.starts_with("requests.hugepages-")
                    || (extended
                        && !name.ends_with(".storageclass.storage.k8s.io/requests.storage"))
            }
            ("", "services") => {
                matches!(
                    name,
                    "services" | "services.nodeports" | "services.loadbalancers"
                )
            }
            ("", "persistentvolumeclaims") => {
                matches!(name, "persistentvolumeclaims" | "requests.storage")
                    || name.ends_with(".storageclass.storage.k8s.io/requests.storage")
                    || name.ends_with(".storageclass.storage.k8s.io/persistentvolumeclaims")
            }
            ("", "configmaps" | "secrets" | "replicationcontrollers" | "resourcequotas") => {
                name == resource
            }
            _ => false,
        }
}

/// What containers of a Pod do not ask for although a quota counts it: `cpu for: app; memory for: app`.
fn missing(pod: &Value, counted: &[&String]) -> Option<String> {
    if pod["spec"]["resources"].is_object() {
        return None;
    }
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for list in ["containers", "initContainers"] {
        for container in pod["spec"][list].as_array().into_iter().flatten() {
            for name in REQUIRED
                .iter()
                .filter(|name| counted.iter().any(|own| own == *name))
            {
                let (of, resource) = match name.split_once('.') {
                    Some((of, resource)) => (of, resource),
                    None => ("requests", *name),
                };
                if container["resources"][of].get(resource).is_none() {
                    let container = container["name"].as_str().unwrap_or_default();
                    missing.entry(name).or_default().insert(container);
                }
            }
        }
    }
    let texts: Vec<String> = missing
        .into_iter()
        .map(|(name, containers)| {
            let containers: Vec<&str> = containers.into_iter().collect();
            format!("{name} for: {}", containers.join(","))
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// Whether a quota's scopes take in an object; only Pods have scopes.
pub(crate) fn in_scope(quota: &Value, resource: &str, object: &Value) -> bool {
    let spec = &quota["spec"];
    let scopes = spec["scopes"].as_array().into_iter().flatten();
    let selectors = spec["scopeSelector"]["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten();
    let mut all = scopes
        .map(|scope| (scope.as_str().unwrap_or_default(), "Exists", &Value::Null))
        .chain(selectors.map(|selector| {
            let text = |field: &str| selector[field].as_str().unwrap_or_default();
            (text("scopeName"), text("operator"), &selector["values"])
        }));
    all.all(|(scope, operator, values)| {
        resource == "pods"
            && match scope {
                "Terminating" => is_terminating(object),
                "NotTerminating" => !is_terminating(object),
                "BestEffort" => is_best_effort(object),
                "NotBestEffort" => !is_best_effort(object),
                "PriorityClass" => {
                    let class = object["spec"]["priorityClassName"]
                        .as_str()
                        .unwrap_or_default();
                    let listed = values
                        .as_array()
                        .is_some_and(|list| list.iter().any(|value| value.as_str() == Some(class)));
                    match operator {
                        "Exists" => !class.is_empty(),
                        "DoesNotExist" => class.is_empty(),
                        "In" => listed,
                        _ => !listed,
                    }
                }
                _ => false,
            }
    })
}

fn is_terminating(pod: &Value) -> bool {
    pod["spec"]["activeDeadlineSeconds"]
        .as_i64()
        .is_some_and(|deadline| deadline >= 0)
}

fn is_best_effort(pod: &Value) -> bool {
    let asks = |container: &Value| {
        ["requests", "limits"].iter().any(|of| {
            let amounts = Amounts::read(&container["resources"][of]);
            amounts.asks_for(&["cpu", "memory"])
        })
    };
    let lists = ["containers", "initContainers"];
    let mut containers = lists
        .iter()
        .flat_map(|list| pod["spec"][list].as_array().into_iter().flatten());
    !containers.any(asks)
}
