//! OpenAPI v3, as far as clients read it: which paths take which parameters, and the schemas of custom resources.

use krm::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::Server;
use crate::discovery;
use crate::registry::{Registry, Resource};
use crate::reply::Reply;

/// Answers `/openapi/…`; what is not there is a plain 404.
pub(crate) fn answer(server: &Server, rest: &[&str]) -> Reply {
    let registry = server.registry();
    match rest {
        ["v3"] => Reply::ok(&index(&registry)),
        ["v3", "api", version] => group_version(&registry, "", version),
        ["v3", "apis", group, version] => group_version(&registry, group, version),
        _ => Reply::no_page(),
    }
}

fn place(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

fn index(registry: &Registry) -> Value {
    let mut paths = Map::new();
    for group in discovery::groups(registry) {
        for version in &group.versions {
            let place = place(&group.name, version);
            let hash = Sha256::digest(document(registry, &group.name, version).to_string());
            let hash: String = hash.iter().map(|byte| format!("{byte:02X}")).collect();
            let url = format!("/openapi/v3/{place}?hash={hash}");
            paths.insert(place, json!({"serverRelativeURL": url}));
        }
    }
    json!({"paths": paths})
}

fn group_version(registry: &Registry, group: &str, version: &str) -> Reply {
    let is_served = registry
        .iter()
        .any(|resource| resource.facts().group == group && resource.facts().version == version);
    if is_served {
        Reply::ok(&document(registry, group, version))
    } else {
        Reply::no_page()
    }
}

fn document(registry: &Registry, group: &str, version: &str) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    let resources = registry
        .iter()
        .filter(|resource| resource.facts().group == group && resource.facts().version == version);
    for resource in resources {
        describe(resource, &mut paths, &mut schemas);
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": crate::plain::VERSION},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

/// The parameters of the verbs that write.
const WRITES: &[(&str, &str, &[&str])] = &[
    (
        "create",
        "post",
        &["dryRun", "fieldManager", "fieldValidation"],
    ),
    (
        "update",
        "put",
        &["dryRun", "fieldManager", "fieldValidation"],
    ),
    (
        "patch",
        "patch",
        &["dryRun", "fieldManager", "fieldValidation", "force"],
    ),
    (
        "delete",
        "delete",
        &[
            "dryRun",
            "gracePeriodSeconds",
            "orphanDependents",
            "propagationPolicy",
        ],
    ),
    ("get", "get", &[]),
    (
        "list",
        "get",
        &[
            "continue",
            "fieldSelector",
            "labelSelector",
            "limit",
            "resourceVersion",
        ],
    ),
];

fn describe(resource: &Resource, paths: &mut Map<String, Value>, schemas: &mut Map<String, Value>) {
    let facts = resource.facts();
    let gvk = json!({"group": facts.group, "version": facts.version, "kind": facts.kind});
    let base = format!("/{}", place(&facts.group, &facts.version));
    let namespace = if facts.namespaced {
        "/namespaces/{namespace}"
    } else {
        ""
    };
    let collection = format!("{base}{namespace}/{}", facts.plural);
    let object = format!("{collection}/{{name}}");
    for (verb, method, parameters) in WRITES {
        if !facts.serves(verb) {
            continue;
        }
        let path = if matches!(*verb, "create" | "list") {
            &collection
        } else {
            &object
        };
        let parameters: Vec<Value> = parameters
            .iter()
            .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}}))
            .collect();
        let action = match *verb {
            "create" => "post",
            "update" => "put",
            other => other,
        };
        let entry = paths.entry(path.clone()).or_insert_with(|| json!({}));
        entry[*method] = json!({
            "parameters": parameters,
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": gvk,
        });
    }
    let mut schema = resource
        .custom()
        .map_or_else(|| json!({"type": "object"}), |custom| custom.schema.clone());
    schema["x-kubernetes-group-version-kind"] = json!([gvk]);
    schemas.insert(schema_name(resource), schema);
}

/// `io.fluxcd.toolkit.source.v1.GitRepository`: the group reversed, as upstream names models.
fn schema_name(resource: &Resource) -> String {
    let facts = resource.facts();
    let group = match facts.group.as_str() {
        "" => "io.k8s.api.core".to_owned(),
        group if group.contains('.') => {
            let mut parts: Vec<&str> = group.split('.').collect();
            parts.reverse();
            parts.join(".")
        }
        group => format!("io.k8s.api.{group}"),
    };
    format!("{group}.{}.{}", facts.version, facts.kind)
}
