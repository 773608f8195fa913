//! Custom kinds: what a schema drops, defaults and refuses. What a real server says of objects stands in `rules.rs`.

use krm::{Gvk, Value, json};
use schema::structural::Schema;
use schema::{CustomKind, FieldValidation, Kind, Media};

fn kind(properties: Value) -> Kind {
    let schema = json!({"type": "object", "properties": {"spec": properties, "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}});
    assert_eq!(Schema::parse(&schema).check("schema"), []);
    Kind::custom(CustomKind {
        gvk: Gvk::new("example.org/v1", "Foo"),
        schema,
        namespaced: true,
        status: true,
    })
}

fn object(spec: Value) -> Value {
    json!({"apiVersion": "example.org/v1", "kind": "Foo", "metadata": {"name": "a", "namespace": "b", "resourceVersion": "1"}, "spec": spec})
}

fn texts(errors: Vec<schema::FieldError>) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn rules_in_cel_are_run() {
    let rules = json!([
        {"rule": "self.x == oldSelf.x", "message": "x is immutable"},
        {"rule": "!has(self.y) || self.y > 1", "messageExpression": "'y is wrong for ' + self.x", "fieldPath": ".y", "reason": "FieldValueForbidden"},
    ]);
    let kind = kind(json!({
        "type": "object",
        "properties": {"x": {"type": "string", "maxLength": 9}, "y": {"type": "integer"}},
        "x-kubernetes-validations": rules,
    }));
    assert_eq!(
        texts(kind.validate_create(&object(json!({"x": "a"})))),
        [""; 0]
    );
    assert_eq!(
        texts(kind.validate_create(&object(json!({"x": "a", "y": 1})))),
        ["spec.y: Forbidden: y is wrong for a"]
    );
    let (new, old) = (object(json!({"x": "b"})), object(json!({"x": "a"})));
    assert_eq!(
        texts(kind.validate_update(&new, &old)),
        [r#"spec: Invalid value: x is immutable"#]
    );
}

#[test]
fn an_ill_typed_rule_refuses_the_definition() {
    let schema = json!({"type": "object", "properties": {"spec": {
        "type": "object",
        "properties": {"x": {"type": "string"}},
        "x-kubernetes-validations": [{"rule": "self.nope == 1"}],
    }}});
    let errors = texts(Schema::parse(&schema).check("schema"));
    assert_eq!(errors.len(), 1, "{errors:?}");
    let start = r#"schema.properties[spec].x-kubernetes-validations[0].rule: Invalid value: {"Rule":"self.nope == 1","Message":"""#;
    assert!(errors[0].starts_with(start), "{}", errors[0]);
    assert!(
        errors[0].contains("compilation failed: ERROR: <input>:1:5: undefined field 'nope'"),
        "{}",
        errors[0]
    );
}

#[test]
fn unknown_fields_are_dropped_or_refused_and_defaults_set() {
    let kind = kind(json!({"type": "object", "properties": {
        "a": {"type": "string", "default": "x"},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }}));
    let body = json!({"apiVersion": "example.org/v1", "kind": "Foo", "metadata": {"name": "a", "nope": 1}, "spec": {"b": 1, "a": null, "free": {"c": 1}}});
    let body = body.to_string();
    let strict = kind
        .decode(body.as_bytes(), Media::Json, FieldValidation::Strict)
        .unwrap_err();
    assert_eq!(
        strict.to_string(),
        r#"strict decoding error: unknown field "metadata.nope", unknown field "spec.b""#
    );
    let mut decoded = kind
        .decode(body.as_bytes(), Media::Json, FieldValidation::Warn)
        .unwrap();
    assert_eq!(
        decoded.warnings,
        [
            r#"unknown field "metadata.nope""#,
            r#"unknown field "spec.b""#
        ]
    );
    kind.default(&mut decoded.object);
    assert_eq!(decoded.object["spec"], json!({"a": "x", "free": {"c": 1}}));
}

#[test]
fn definitions_are_refused_in_the_servers_words() {
    let check = |schema: Value, expect: &[&str]| {
        assert_eq!(texts(Schema::parse(&schema).check("s")), expect)
    };
    check(
        json!({}),
        &["s.type: Required value: must not be empty at the root"],
    );
    check(
        json!({"type": "object", "properties": {"a": {"type": "array"}}}),
        &["s.properties[a].items: Required value: must be specified"],
    );
    check(
        json!({"type": "object", "properties": {"a": {"description": "no type"}}}),
        &["s.properties[a].type: Required value: must not be empty for specified object fields"],
    );
    check(
        json!({"type": "object", "properties": {"a": {"type": "string", "default": 1}}}),
        &[
            r#"s.properties[a].default: Invalid value: "integer":  in body must be of type string: "integer""#,
        ],
    );
    check(
        json!({"type": "object", "anyOf": [{"properties": {"b": {"minLength": 1}}}]}),
        &["s.properties[b]: Required value: because it is defined in s.anyOf[0].properties[b]"],
    );
}
