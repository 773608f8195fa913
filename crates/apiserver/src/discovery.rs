//! What is served, as clients discover it: plain documents and the aggregated one.

use http::HeaderMap;
use krm::{Value, json};

use crate::Server;
use crate::negotiate;
use crate::registry::{Registry, Resource};
use crate::reply::Reply;
use crate::status::ApiError;

/// The built-in groups, in the order in which the aggregator lists them.
const ORDER: &[&str] = &[
    "",
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
];

/// A group and its versions, the preferred one first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Name, `""` for core.
    pub(crate) name: String,
    /// Versions.
    pub(crate) versions: Vec<String>,
}

/// The groups that are served.
pub(crate) fn groups(registry: &Registry) -> Vec<Group> {
    let mut out: Vec<Group> = Vec::new();
    for resource in registry.iter() {
        let facts = resource.facts();
        let known = out.iter_mut().find(|group| group.name == facts.group);
        match known {
            Some(group) if group.versions.contains(&facts.version) => {}
            Some(group) => group.versions.push(facts.version.clone()),
            None => out.push(Group {
                name: facts.group.clone(),
                versions: vec![facts.version.clone()],
            }),
        }
    }
    for group in &mut out {
        group.versions.sort_by(|a, b| compare_versions(b, a));
    }
    let place = |group: &Group| {
        let at = ORDER.iter().position(|name| *name == group.name);
        (at.unwrap_or(ORDER.len()), group.name.clone())
    };
    out.sort_by_key(place);
    out
}

/// Orders versions as Kubernetes prefers them: `v2 > v1 > v1beta2 > v1beta1 > v1alpha1 > foo`.
pub(crate) fn compare_versions(a: &str, b: &str) -> std::cmp::Ordering {
    fn rank(version: &str) -> Option<(u8, u64, u64)> {
        let rest = version.strip_prefix('v')?;
        let digits = rest.find(|c: char| !c.is_ascii_digit());
        let (major, rest) = rest.split_at(digits.unwrap_or(rest.len()));
        let major = major.parse().ok()?;
        let (level, minor) = if rest.is_empty() {
            (3, "0")
        } else if let Some(minor) = rest.strip_prefix("beta") {
            (2, minor)
        } else {
            (1, rest.strip_prefix("alpha")?)
        };
        Some((level, major, minor.parse().ok()?))
    }
    match (rank(a), rank(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => std::cmp::Ordering::Greater,
        (None, Some(_)) => std::cmp::Ordering::Less,
        (None, None) => b.cmp(a),
    }
}

/// Answers `/api…` and `/apis…` down to the resources of a version.
///
/// # Errors
/// 406 where the client takes nothing that can be made.
pub(crate) fn answer(
    server: &Server,
    parts: &[&str],
    headers: &HeaderMap,
) -> Result<Reply, ApiError> {
    let registry = server.registry();
    let groups = groups(&registry);
    let find = |name: &str| groups.iter().find(|group| group.name == name);
    let document = match parts {
        ["api"] if negotiate::wants_aggregated(headers) => {
            return Ok(aggregated(&registry, &groups, true));
        }
        ["apis"] if negotiate::wants_aggregated(headers) => {
            return Ok(aggregated(&registry, &groups, false));
        }
        ["api"] => Some(json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}],
        })),
        ["apis"] => {
            let named = groups.iter().filter(|group| !group.name.is_empty());
            let list: Vec<Value> = named.map(plain_group).collect();
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": list}))
        }
        ["apis", group] => find(group).map(|group| {
            let mut document = plain_group(group);
            document["kind"] = "APIGroup".into();
            document["apiVersion"] = "v1".into();
            document
        }),
        ["api", version] => resources(&registry, find(""), version),
        ["apis", group, version] => resources(&registry, find(group), version),
        _ => None,
    };
    negotiate::form(headers)?;
    let Some(document) = document else {
        let group = if parts[0] == "apis" {
            parts.get(1)
        } else {
            None
        };
        let is_known = ORDER.contains(group.unwrap_or(&""));
        return match is_known {
            true => Err(ApiError::no_such_path()),
            false => Ok(Reply::no_page()),
        };
    };
    Ok(Reply::ok(&document))
}

fn plain_group(group: &Group) -> Value {
    let version = |version: &String| {
        json!({
            "groupVersion": format!("{}/{version}", group.name),
            "version": version,
        })
    };
    let versions: Vec<Value> = group.versions.iter().map(version).collect();
    json!({"name": group.name, "versions": versions, "preferredVersion": versions.first()})
}

fn of_version<'a>(
    registry: &'a Registry,
    group: &'a str,
    version: &'a str,
) -> impl Iterator<Item = &'a Resource> {
    registry.iter().filter(move |resource| {
        resource.facts().group == group && resource.facts().version == version
    })
}

fn resources(registry: &Registry, group: Option<&Group>, version: &str) -> Option<Value> {
    let group = group.filter(|group| group.versions.iter().any(|own| own == version))?;
    let mut list = Vec::new();
    for resource in of_version(registry, &group.name, version) {
        let facts = resource.facts();
        let mut entry = json!({
            "name": facts.plural, "singularName": facts.singular, "namespaced": facts.namespaced,
            "kind": facts.kind, "verbs": facts.verbs,
        });
        if !facts.short_names.is_empty() {
            entry["shortNames"] = json!(facts.short_names);
        }
        if !facts.categories.is_empty() {
            entry["categories"] = json!(facts.categories);
        }
        if !facts.storage_version_hash.is_empty() {
            entry["storageVersionHash"] = facts.storage_version_hash.as_str().into();
        }
        list.push(entry);
        for sub in &facts.subresources {
            let mut entry = json!({
                "name": format!("{}/{}", facts.plural, sub.name), "singularName": "",
                "namespaced": facts.namespaced, "kind": sub.kind.kind, "verbs": sub.verbs,
            });
            if (&sub.kind.group, &sub.kind.version) != (&facts.group, &facts.version) {
                entry["group"] = sub.kind.group.as_str().into();
                entry["version"] = sub.kind.version.as_str().into();
            }
            list.push(entry);
        }
    }
    let group_version = if group.name.is_empty() {
        version.to_owned()
    } else {
        format!("{}/{version}", group.name)
    };
    let mut document =
        json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": list});
    if !group.name.is_empty() {
        document["apiVersion"] = "v1".into();
    }
    Some(document)
}

fn aggregated(registry: &Registry, groups: &[Group], core: bool) -> Reply {
    let mut items = Vec::new();
    for group in groups.iter().filter(|group| group.name.is_empty() == core) {
        let mut metadata = json!({});
        if !core {
            metadata["name"] = group.name.as_str().into();
        }
        let versions: Vec<Value> = group
            .versions
            .iter()
            .map(|version| {
                let list: Vec<Value> = of_version(registry, &group.name, version)
                    .map(aggregated_resource)
                    .collect();
                json!({"version": version, "resources": list, "freshness": "Current"})
            })
            .collect();
        items.push(json!({"metadata": metadata, "versions": versions}));
    }
    let document = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    });
    let mut response = Reply::ok(&document).into_response(false);
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static(
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        ),
    );
    Reply::Ready(response)
}

fn aggregated_resource(resource: &Resource) -> Value {
    let facts = resource.facts();
    let mut entry = json!({
        "resource": facts.plural,
        // An empty group and version stand for those of the document's entry.
        "responseKind": {"group": "", "version": "", "kind": facts.kind},
        "scope": if facts.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": facts.singular, "verbs": facts.verbs,
    });
    if resource.custom().is_some() {
        entry["responseKind"]["group"] = facts.group.as_str().into();
        entry["responseKind"]["version"] = facts.version.as_str().into();
    }
    if !facts.short_names.is_empty() {
        entry["shortNames"] = json!(facts.short_names);
    }
    if !facts.categories.is_empty() {
        entry["categories"] = json!(facts.categories);
    }
    let subresources: Vec<Value> = facts
        .subresources
        .iter()
        .map(|sub| {
            let is_same = (&sub.kind.group, &sub.kind.version) == (&facts.group, &facts.version);
            let is_plain = is_same && resource.custom().is_none();
            let (group, version) = if is_plain {
                ("", "")
            } else {
                (sub.kind.group.as_str(), sub.kind.version.as_str())
            };
            json!({
                "subresource": sub.name, "verbs": sub.verbs,
                "responseKind": {"group": group, "version": version, "kind": sub.kind.kind},
            })
        })
        .collect();
    if !subresources.is_empty() {
        entry["subresources"] = subresources.into();
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_sort_by_maturity() {
        let mut versions = ["v1beta1", "foo", "v1", "v2", "v1alpha1", "v10", "v1beta2"];
        versions.sort_by(|a, b| compare_versions(b, a));
        assert_eq!(
            versions,
            ["v10", "v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "foo"]
        );
    }
}
