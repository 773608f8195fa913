//! What `krm::managed` promises, as cases.

use super::*;
use crate::json;
use crate::merge::Schema;

struct Deduced(Schema);

impl Kind for Deduced {
    fn name(&self) -> &str {
        "Thing"
    }

    fn type_at(&self, _: &str) -> Option<TypeRef<'_>> {
        Some(TypeRef {
            schema: &self.0,
            id: Schema::DEDUCED,
        })
    }
}

fn by<'a>(kind: &'a Deduced, manager: &'a str, empty: &'a Value) -> Write<'a> {
    Write {
        kind,
        api_version: "example.com/v1",
        manager,
        subresource: "",
        time: Timestamp::UNIX_EPOCH,
        empty,
    }
}

fn thing(spec: Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a", "namespace": "n"}, "spec": spec})
}

#[test]
fn an_apply_owns_conflicts_and_lets_go() {
    let kind = Deduced(Schema::new());
    let empty = json!({"apiVersion": "example.com/v1", "kind": "Thing"});
    let first = thing(json!({"a": 1, "b": 2}));
    let made = apply(&by(&kind, "one", &empty), None, &first, OnConflict::Fail).unwrap();
    assert_eq!(
        made.managed.to_json(),
        r#"[{"manager":"one","operation":"Apply","apiVersion":"example.com/v1","time":"1970-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{".":{},"f:a":{},"f:b":{}}}}]"#
    );
    let live = made.into_value();
    let second = thing(json!({"a": 3}));
    let two = by(&kind, "two", &empty);
    let error = apply(&two, Some(&live), &second, OnConflict::Fail).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"one\": .spec.a"
    );
    let forced = apply(&two, Some(&live), &second, OnConflict::Force).unwrap();
    let live = forced.into_value();
    assert_eq!(live["spec"], json!({"a": 3, "b": 2}));
    let less = thing(json!({}));
    let left = apply(
        &by(&kind, "one", &empty),
        Some(&live),
        &less,
        OnConflict::Fail,
    )
    .unwrap();
    assert_eq!(left.object["spec"], json!({"a": 3}));
}

#[test]
fn an_update_takes_what_it_changes() {
    let kind = Deduced(Schema::new());
    let empty = json!({"apiVersion": "example.com/v1", "kind": "Thing"});
    let made = update(&by(&kind, "kubectl", &empty), None, thing(json!({"a": 1}))).into_value();
    let changed = update(
        &by(&kind, "", &empty),
        Some(&made),
        thing(json!({"a": 2, "b": 1})),
    );
    assert_eq!(
        changed.managed.to_json(),
        r#"[{"manager":"kubectl","operation":"Update","apiVersion":"example.com/v1","time":"1970-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{}}},{"manager":"unknown","operation":"Update","apiVersion":"example.com/v1","time":"1970-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:a":{},"f:b":{}}}}]"#
    );
}
