//! What `krm::merge` promises, as cases.

use super::*;
use serde_json::json;

/// `{"labels": {…}, "ports": [keyed by port and protocol, TCP by default], "tags": set, "args": atomic list, "at": atomic map, "any": …}`.
fn schema() -> (Schema, TypeId) {
    let mut schema = Schema::new();
    let text = schema.add(Scalar::String);
    let number = schema.add(Scalar::Numeric);
    let labels = schema.add(Map::of_elements(text));
    let port = schema.add(Map::of_fields([
        ("port", number),
        ("protocol", text),
        ("name", text),
    ]));
    let keys = [
        ListKey::new("port"),
        ListKey::new("protocol").with_default(json!("TCP")),
    ];
    let ports = schema.add(List::map(port, keys));
    let tags = schema.add(List::set(text));
    let args = schema.add(List::atomic(text));
    let at = schema.add(Map::of_elements(text).with_relation(MapRelation::Atomic));
    let root = schema.add(Map::of_fields([
        ("labels", labels),
        ("ports", ports),
        ("tags", tags),
        ("args", args),
        ("at", at),
        ("any", Schema::DEDUCED),
    ]));
    (schema, root)
}

#[track_caller]
fn merges(live: Value, applied: Value, expected: Value) {
    let (schema, id) = schema();
    let of = TypeRef {
        schema: &schema,
        id,
    };
    assert_eq!(of.merge(&live, &applied), expected);
}

#[track_caller]
fn refuses(value: Value, expected: &str) {
    let (schema, id) = schema();
    let of = TypeRef {
        schema: &schema,
        id,
    };
    let error = of.validate(&value, Duplicates::Refused).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn items_merge_by_their_keys_and_defaults_count() {
    merges(
        json!({"ports": [{"port": 80, "name": "a"}, {"port": 53, "protocol": "UDP"}], "labels": {"a": "1"}}),
        json!({"ports": [{"port": 443}, {"port": 80, "protocol": "TCP"}], "labels": {"b": "2"}}),
        json!({"ports": [{"port": 443}, {"port": 80, "protocol": "TCP", "name": "a"}, {"port": 53, "protocol": "UDP"}],
            "labels": {"a": "1", "b": "2"}}),
    );
}

#[test]
fn atomic_things_are_replaced() {
    merges(
        json!({"args": ["a", "b"], "at": {"x": "1"}, "tags": ["a", "b"]}),
        json!({"args": ["c"], "at": {"y": "2"}, "tags": ["c", "a"]}),
        json!({"args": ["c"], "at": {"y": "2"}, "tags": ["c", "a", "b"]}),
    );
}

#[test]
fn errors_are_in_upstreams_words() {
    refuses(json!({"spec": 1}), ".spec: field not declared in schema");
    refuses(
        json!({"ports": [{"port": 80}, {"port": 80, "protocol": "TCP"}]}),
        r#".ports: duplicate entries for key [port=80,protocol="TCP"]"#,
    );
    refuses(
        json!({"labels": {"a": 1}, "tags": "x"}),
        "errors:\n  .labels.a: expected string, got &value.valueUnstructured{Value:1}\n  .tags: expected list, got &{x}",
    );
    refuses(
        json!({"ports": [{"port": "80"}]}),
        r#".ports[port="80",protocol="TCP"].port: expected numeric (int or float), got string"#,
    );
}

#[test]
fn fields_are_leaves_and_items() {
    let (schema, id) = schema();
    let of = TypeRef {
        schema: &schema,
        id,
    };
    let value = json!({"ports": [{"port": 80, "name": "a"}], "tags": ["x", "x", "y"], "args": ["a"], "labels": {}, "any": {"b": {"c": [1]}}});
    assert_eq!(
        of.field_set(&value).to_json(),
        r#"{"f:any":{"f:b":{".":{},"f:c":{}}},"f:args":{},"f:labels":{},"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{}}},"f:tags":{"v:\"x\"":{},"v:\"y\"":{}}}"#
    );
}
