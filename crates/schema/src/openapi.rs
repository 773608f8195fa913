//! Built-in types as OpenAPI v3 schemas: what the API server publishes of them, but for the descriptions.

use std::collections::BTreeSet;

use krm::{Map, Value, json};

use crate::table::{Field, Shape, StructId, Types};

const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
const MICRO_TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";
const DURATION: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Duration";
const FIELDS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const RAW: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";
const EXTENSIONS: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";

/// Adds a struct and every type it refers to, by name; those in `schemas` already are left as they are.
pub(crate) fn publish(types: &Types, root: StructId, schemas: &mut Map<String, Value>) {
    let mut pending = vec![root];
    while let Some(id) = pending.pop() {
        let of = types.get(id);
        if schemas.contains_key(&of.name) {
            continue;
        }
        let mut referred = Referred::default();
        let mut properties = Map::new();
        for field in &of.fields {
            properties.insert(field.name.clone(), property(types, field, &mut referred));
        }
        let mut schema = json!({"type": "object"});
        if !properties.is_empty() {
            schema["properties"] = properties.into();
        }
        if of.atomic {
            schema["x-kubernetes-map-type"] = "atomic".into();
        }
        schemas.insert(of.name.clone(), schema);
        for (name, schema) in referred.leaves.iter().map(|name| (name, leaf(name))) {
            schemas.entry(name.clone()).or_insert(schema);
        }
        pending.extend(referred.structs);
    }
}

/// What a struct refers to.
#[derive(Default)]
struct Referred {
    structs: Vec<StructId>,
    leaves: BTreeSet<String>,
}

fn property(types: &Types, field: &Field, referred: &mut Referred) -> Value {
    let mut schema = schema_of(types, &field.shape, referred);
    let mut say = |key: &str, value: Value| {
        // What stands beside a reference is not read, so the reference goes one level down.
        if let Some(reference) = schema.as_object_mut().and_then(|map| map.remove("$ref")) {
            schema["allOf"] = json!([{"$ref": reference}]);
        }
        schema[key] = value;
    };
    if let Some(strategy) = &field.strategy {
        say("x-kubernetes-patch-strategy", strategy.as_str().into());
    }
    if let Some(key) = &field.merge_key {
        say("x-kubernetes-patch-merge-key", key.as_str().into());
    }
    if let Some(kind) = &field.list_type {
        say("x-kubernetes-list-type", kind.as_str().into());
    }
    if !field.list_keys.is_empty() {
        say("x-kubernetes-list-map-keys", json!(field.list_keys));
    }
    if let Some(kind) = &field.map_type {
        say("x-kubernetes-map-type", kind.as_str().into());
    }
    if let Some(default) = &field.default {
        say("default", default.clone());
    }
    schema
}

fn schema_of(types: &Types, shape: &Shape, referred: &mut Referred) -> Value {
    match shape.target() {
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Int32 => json!({"type": "integer", "format": "int32"}),
        Shape::Int64 => json!({"type": "integer", "format": "int64"}),
        Shape::Float => json!({"type": "number", "format": "double"}),
        Shape::Bytes => json!({"type": "string", "format": "byte"}),
        Shape::List(inner) | Shape::Wrapped(inner) => {
            json!({"type": "array", "items": schema_of(types, inner, referred)})
        }
        Shape::Map(inner) => {
            json!({"type": "object", "additionalProperties": schema_of(types, inner, referred)})
        }
        Shape::Struct(id) => {
            referred.structs.push(*id);
            reference(&types.get(*id).name)
        }
        other => match name_of(other) {
            None => json!({"type": "string"}),
            Some(name) => {
                referred.leaves.insert(name.clone());
                reference(&name)
            }
        },
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// The name of a type that is no struct in JSON, but a model in OpenAPI.
fn name_of(shape: &Shape) -> Option<String> {
    let name = match shape {
        Shape::Quantity => QUANTITY,
        Shape::Time => TIME,
        Shape::MicroTime => MICRO_TIME,
        Shape::Duration => DURATION,
        Shape::IntOrString => INT_OR_STRING,
        Shape::Raw => RAW,
        Shape::FieldsV1 => FIELDS,
        Shape::Json => return Some(format!("{EXTENSIONS}.JSON")),
        Shape::SchemaOrBool => return Some(format!("{EXTENSIONS}.JSONSchemaPropsOrBool")),
        Shape::SchemaOrArray => return Some(format!("{EXTENSIONS}.JSONSchemaPropsOrArray")),
        Shape::SchemaOrStrings => {
            return Some(format!("{EXTENSIONS}.JSONSchemaPropsOrStringArray"));
        }
        _ => return None,
    };
    Some(name.to_owned())
}

fn leaf(name: &str) -> Value {
    match name {
        QUANTITY => json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
        TIME | MICRO_TIME => json!({"type": "string", "format": "date-time"}),
        DURATION => json!({"type": "string"}),
        INT_OR_STRING => json!({
            "format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}],
        }),
        RAW | FIELDS => json!({"type": "object"}),
        _ => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use krm::{Gvk, Map, Value};

    fn published(api_version: &str, kind: &str) -> Map<String, Value> {
        let mut schemas = Map::new();
        let kind = crate::builtin().kind(&Gvk::new(api_version, kind)).unwrap();
        kind.publish(&mut schemas);
        schemas
    }

    fn check(place: &str, expected: &str) {
        let schemas = published("apps/v1", "Deployment");
        let (model, property) = place.split_once('/').unwrap();
        let found = &schemas[model]["properties"][property];
        assert_eq!(found.to_string(), expected, "{place}");
    }

    #[test]
    fn fields_have_upstreams_types() {
        check(
            "io.k8s.api.apps.v1.DeploymentSpec/replicas",
            r#"{"format":"int32","type":"integer"}"#,
        );
        check(
            "io.k8s.api.apps.v1.Deployment/apiVersion",
            r#"{"type":"string"}"#,
        );
        check(
            "io.k8s.api.core.v1.PodSpec/containers",
            r##"{"items":{"$ref":"#/components/schemas/io.k8s.api.core.v1.Container"},"type":"array","x-kubernetes-list-map-keys":["name"],"x-kubernetes-list-type":"map","x-kubernetes-patch-merge-key":"name","x-kubernetes-patch-strategy":"merge"}"##,
        );
        check(
            "io.k8s.api.apps.v1.DeploymentSpec/strategy",
            r##"{"allOf":[{"$ref":"#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy"}],"x-kubernetes-patch-strategy":"retainKeys"}"##,
        );
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn follow(value: &Value, schemas: &Map<String, Value>) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(name)) = map.get("$ref") {
                        let name = name.rsplit('/').next().unwrap();
                        assert!(schemas.contains_key(name), "{name}");
                    }
                    map.values().for_each(|value| follow(value, schemas));
                }
                Value::Array(list) => list.iter().for_each(|value| follow(value, schemas)),
                _ => {}
            }
        }
        for resource in crate::builtin().resources() {
            let schemas = published(&resource.gvk().api_version(), &resource.kind);
            schemas.values().for_each(|schema| follow(schema, &schemas));
        }
    }
}
