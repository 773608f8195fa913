//! OpenAPI v3, as far as clients read it: which paths take which parameters, and the schemas of what is served.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use krm::{Map, Value, json};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::Server;
use crate::discovery;
use crate::registry::{Registry, Resource};
use crate::reply::Reply;

/// A published document and its hash.
#[derive(Clone)]
struct Document {
    text: Bytes,
    hash: String,
}

impl Document {
    fn of(value: &Value) -> Self {
        let text = value.to_string();
        let hash = Sha256::digest(&text);
        Self {
            hash: hash.iter().map(|byte| format!("{byte:02X}")).collect(),
            text: text.into(),
        }
    }
}

/// The documents of what is served, by `apis/{group}/{version}`.
type Documents = BTreeMap<String, Document>;

/// The documents last asked for, and of which registry they are.
type Cache = Mutex<Option<(Arc<Registry>, Arc<Documents>)>>;

/// Answers `/openapi/…`; what is not there is a plain 404.
pub(crate) fn answer(server: &Server, rest: &[&str], headers: &HeaderMap) -> Reply {
    match rest {
        ["v2"] => second(headers),
        ["v3"] => index(&documents(server)),
        ["v3", place @ ..] => match documents(server).get(&place.join("/")) {
            Some(document) => Reply::Json(StatusCode::OK, document.text.clone()),
            None => Reply::no_page(),
        },
        _ => Reply::no_page(),
    }
}

/// OpenAPI v2, which clients of this version ask for where v3 says nothing of a kind: a document that says nothing either.
fn second(headers: &HeaderMap) -> Reply {
    const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    let accept = headers.get(header::ACCEPT);
    let accept = accept.and_then(|value| value.to_str().ok());
    if !accept.is_some_and(|accept| accept.contains("com.github.proto-openapi.spec.v2")) {
        return Reply::ok(&json!({
            "swagger": "2.0",
            "info": {"title": "Kubernetes", "version": crate::plain::VERSION},
            "paths": {},
        }));
    }
    // Field 1 is the version of the format, 2 the title and version of the API: lengths fit a byte each.
    let text = |field: u8, bytes: &[u8]| {
        let length = u8::try_from(bytes.len()).unwrap_or_default();
        [&[field << 3 | 2, length], bytes].concat()
    };
    let info = [
        text(1, b"Kubernetes"),
        text(2, crate::plain::VERSION.as_bytes()),
    ];
    let document = [text(1, b"2.0"), text(2, &info.concat())].concat();
    let mut response = Response::new(crate::reply::full(document.into()));
    let media = HeaderValue::from_static(PROTOBUF);
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    Reply::Ready(response)
}

fn place(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

fn index(documents: &Documents) -> Reply {
    let mut paths = Map::new();
    for (place, document) in documents {
        let url = format!("/openapi/v3/{place}?hash={}", document.hash);
        paths.insert(place.clone(), json!({"serverRelativeURL": url}));
    }
    Reply::ok(&json!({"paths": paths}))
}

/// The documents of what is served now; made anew where that has changed.
fn documents(server: &Server) -> Arc<Documents> {
    let registry = server.registry();
    let cache = server.extension("openapi", Cache::default);
    let mut cache = cache.lock();
    if let Some((of, documents)) = &*cache
        && Arc::ptr_eq(of, &registry)
    {
        return documents.clone();
    }
    let mut documents = Documents::new();
    for group in discovery::groups(&registry) {
        for version in &group.versions {
            let place = place(&group.name, version);
            let known = builtin().get(&place);
            let is_builtin = |resource: &Resource| resource.custom().is_none();
            let document = match known {
                Some(known) if served(&registry, &group.name, version).all(is_builtin) => {
                    known.clone()
                }
                _ => Document::of(&document(&registry, &group.name, version)),
            };
            documents.insert(place, document);
        }
    }
    let documents = Arc::new(documents);
    *cache = Some((registry, documents.clone()));
    documents
}

/// The documents of the built-in groups, made once for all servers.
fn builtin() -> &'static Documents {
    static DOCUMENTS: OnceLock<Documents> = OnceLock::new();
    DOCUMENTS.get_or_init(|| {
        let registry = Registry::builtin();
        let groups = discovery::groups(&registry);
        let versions = groups
            .iter()
            .flat_map(|group| group.versions.iter().map(|version| (&group.name, version)));
        versions
            .map(|(group, version)| {
                let document = Document::of(&document(&registry, group, version));
                (place(group, version), document)
            })
            .collect()
    })
}

fn served<'a>(
    registry: &'a Registry,
    group: &'a str,
    version: &'a str,
) -> impl Iterator<Item = &'a Resource> {
    registry
        .iter()
        .filter(move |resource| resource.facts().group == group)
        .filter(move |resource| resource.facts().version == version)
}

fn document(registry: &Registry, group: &str, version: &str) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for resource in served(registry, group, version) {
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
    let Some(custom) = resource.custom() else {
        if let Some(name) = resource.kind().publish(schemas) {
            schemas[name]["x-kubernetes-group-version-kind"] = json!([gvk]);
        }
        return;
    };
    let mut schema = custom.schema.clone();
    let meta = schemas_of_metadata(schemas);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        with_envelope(properties, &meta);
    } else if schema["type"] == "object" {
        let mut properties = Map::new();
        with_envelope(&mut properties, &meta);
        schema["properties"] = properties.into();
    }
    schema["x-kubernetes-group-version-kind"] = json!([gvk]);
    schemas.insert(schema_name(resource), schema);
}

/// Publishes ObjectMeta and says its name.
fn schemas_of_metadata(schemas: &mut Map<String, Value>) -> String {
    let gvk = krm::Gvk::new("meta.k8s.io/v1", "PartialObjectMetadata");
    let mut of = Map::new();
    if let Some(kind) = schema::builtin().kind(&gvk) {
        kind.publish(&mut of);
    }
    of.retain(|name, _| !name.ends_with(".PartialObjectMetadata"));
    of.retain(|name, _| !schemas.contains_key(name));
    schemas.append(&mut of);
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta".to_owned()
}

/// What every object has, whatever its definition says of it.
fn with_envelope(properties: &mut Map<String, Value>, meta: &str) {
    for field in ["apiVersion", "kind"] {
        properties.insert(field.to_owned(), json!({"type": "string"}));
    }
    let reference = format!("#/components/schemas/{meta}");
    properties.insert(
        "metadata".to_owned(),
        json!({"allOf": [{"$ref": reference}]}),
    );
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
