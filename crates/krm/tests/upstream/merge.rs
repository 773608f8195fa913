//! Questions about values, their fields and their sets.

use krm::fields::FieldSet;
use krm::merge::{Duplicates, Invalid, TypeRef};
use krm::{Value, json};

use crate::error;
use crate::types::Types;

pub(crate) fn answer(context: &Value, question: &Value) -> Value {
    let types = Types::of(context);
    let of = TypeRef {
        schema: &types.schema,
        id: types.named(context["type"].as_str().unwrap()),
    };
    match asked(of, question) {
        Ok(answer) => answer,
        Err(refused) => error(refused),
    }
}

fn asked(of: TypeRef<'_>, question: &Value) -> Result<Value, Invalid> {
    let stored = |name: &str| {
        let value = &question[name];
        of.validate(value, Duplicates::Allowed).map(|()| value)
    };
    let set = |name: &str| {
        let fields = question.get(name).cloned().unwrap_or_else(|| json!({}));
        serde_json::from_value::<FieldSet>(fields).unwrap()
    };
    let text = |set: FieldSet| Value::from(set.to_json());
    Ok(match question["do"].as_str().unwrap() {
        "validate" => {
            of.validate(&question["value"], Duplicates::Refused)?;
            "valid".into()
        }
        "validate stored" => {
            stored("value")?;
            "valid".into()
        }
        "field set" => text(of.field_set(stored("value")?)),
        "merge" => {
            let live = stored("live")?;
            of.validate(&question["applied"], Duplicates::Refused)?;
            of.merge(live, &question["applied"])
        }
        "compare" => {
            let comparison = of.compare(stored("old")?, stored("new")?);
            json!({
                "removed": comparison.removed.to_json(),
                "modified": comparison.modified.to_json(),
                "added": comparison.added.to_json(),
            })
        }
        "remove" => of.remove(stored("value")?, &set("fields")),
        "extract" => of.extract(stored("value")?, &set("fields")),
        "reconcile" => {
            stored("value")?;
            of.reconcile(&set("fields")).map(text).unwrap_or_default()
        }
        "path" => {
            let paths = set("fields").paths();
            let paths: Vec<_> = paths.iter().map(ToString::to_string).collect();
            paths.join("\n").into()
        }
        "union" => text(set("a").union(&set("b"))),
        "intersection" => text(set("a").intersection(&set("b"))),
        "difference" => text(set("a").difference(&set("b"))),
        "recursive difference" => text(set("a").recursive_difference(&set("b"))),
        "leaves" => text(set("a").leaves()),
        "named fields" => text(set("a").with_named_fields(of.schema, Some(of.id))),
        "read" => text(set("a")),
        other => panic!("unknown question {other}"),
    })
}
