//! The legacy order: by kind, then by everything else as text.

use std::collections::HashMap;

use crate::Order;
use crate::file::Sort;
use crate::id::{Gvk, Id, or};
use crate::resmap::ResMap;

const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
const LAST: [&str; 2] = [
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// Sorts as the kustomization says, else as the caller wants.
pub(crate) fn sort(map: &mut ResMap, sort: Option<&Sort>, otherwise: Order) {
    let ranks = match sort {
        Some(sort) if sort.order == Order::Fifo => return,
        Some(Sort {
            kinds: Some((first, last)),
            ..
        }) => {
            let first: Vec<&str> = first.iter().map(String::as_str).collect();
            let last: Vec<&str> = last.iter().map(String::as_str).collect();
            ranks(&first, &last)
        }
        Some(_) => ranks(&FIRST, &LAST),
        None if otherwise == Order::Fifo => return,
        None => ranks(&FIRST, &LAST),
    };
    map.list_mut().sort_by_cached_key(|resource| {
        let id = resource.id();
        let rank = ranks.get(id.gvk.kind.as_str()).copied().unwrap_or_default();
        (rank, gvk_text(&id.gvk), id_text(&id))
    });
}

/// The key by which field specs are sorted: the same order, of kinds alone.
pub(crate) fn legacy_key(gvk: &Gvk) -> (i64, String) {
    let ranks = ranks(&FIRST, &LAST);
    let rank = ranks.get(gvk.kind.as_str()).copied().unwrap_or_default();
    (rank, gvk_text(gvk))
}

fn ranks<'a>(first: &[&'a str], last: &[&'a str]) -> HashMap<&'a str, i64> {
    let before = first
        .iter()
        .rev()
        .zip(1..)
        .map(|(kind, rank)| (*kind, -rank));
    let after = last.iter().zip(1..).map(|(kind, rank)| (*kind, rank));
    before.chain(after).collect()
}

fn gvk_text(gvk: &Gvk) -> String {
    let group = or(&gvk.group, "~G");
    format!("{group}_{}_{}", or(&gvk.version, "~V"), or(&gvk.kind, "~K"))
}

fn id_text(id: &Id) -> String {
    let namespace = or(&id.namespace, "~X");
    format!("{}|{namespace}|{}", id.gvk, or(&id.name, "~N"))
}
