//! Questions about who owns what, step after step.

use jiff::Timestamp;
use krm::fields::{Filter, PathElement};
use krm::managed::{
    self, ApplyError, Kind, ManagedFields, OnConflict, Outcome, ScaleFields, Write,
};
use krm::merge::TypeRef;
use krm::{Value, json};

use crate::error;
use crate::types::Types;

const BASE: i64 = 978_307_200;

struct World<'a> {
    types: Types,
    context: &'a Value,
    reset: Option<Filter>,
}

impl Kind for World<'_> {
    fn name(&self) -> &str {
        self.context["kind"].as_str().unwrap()
    }

    fn type_at(&self, api_version: &str) -> Option<TypeRef<'_>> {
        let name = self.context["versions"].get(api_version)?.as_str()?;
        Some(TypeRef {
            schema: &self.types.schema,
            id: self.types.named(name),
        })
    }

    fn reset_fields(&self, _: &str) -> Option<&Filter> {
        self.reset.as_ref()
    }
}

pub(crate) fn answer(context: &Value, question: &Value) -> Value {
    if question["do"] == "scale" {
        return scale(question);
    }
    let mut live = question.get("live").cloned();
    let steps = question["steps"].as_array().unwrap().iter().enumerate();
    let answers = steps.map(|(at, step)| {
        let subresource = step["subresource"].as_str().unwrap_or_default();
        let reset = context["reset"].get(subresource);
        let world = World {
            types: Types::of(context),
            context,
            reset: reset.map(|set| Filter::Exclude(serde_json::from_value(set.clone()).unwrap())),
        };
        match take(&world, live.as_ref(), (at, step)) {
            Ok(outcome) => {
                let told =
                    json!({"object": outcome.object, "managedFields": managed_text(&outcome)});
                let mut next = outcome.into_value();
                next["metadata"]["uid"] = "u".into();
                live = Some(next);
                told
            }
            Err(refused) => refusal(&refused),
        }
    });
    answers.collect()
}

fn managed_text(outcome: &Outcome) -> String {
    if outcome.managed.is_empty() {
        return "null".into();
    }
    outcome.managed.to_json()
}

fn take(
    world: &World<'_>,
    live: Option<&Value>,
    (at, step): (usize, &Value),
) -> Result<Outcome, ApplyError> {
    let object = &step["object"];
    let version = step["version"]
        .as_str()
        .or(object["apiVersion"].as_str())
        .unwrap_or_default();
    let mut empty = world
        .context
        .get("empty")
        .cloned()
        .unwrap_or_else(|| json!({}));
    empty["apiVersion"] = version.into();
    empty["kind"] = world.name().into();
    let live = live.cloned().map(|mut live| {
        live["apiVersion"] = version.into();
        live
    });
    let by = Write {
        kind: world,
        api_version: version,
        manager: step["manager"].as_str().unwrap_or_default(),
        subresource: step["subresource"].as_str().unwrap_or_default(),
        time: Timestamp::from_second(BASE + 60 * i64::try_from(at).unwrap()).unwrap(),
        empty: &empty,
    };
    if step["do"] == "apply" {
        let on_conflict = match step["force"] == true {
            true => OnConflict::Force,
            false => OnConflict::Fail,
        };
        managed::apply(&by, live.as_ref(), object, on_conflict)
    } else {
        Ok(managed::update(&by, live.as_ref(), object.clone()))
    }
}

fn refusal(refused: &ApplyError) -> Value {
    let mut out = error(refused);
    match refused {
        ApplyError::Conflicts(conflicts) => {
            let mut causes = conflicts.causes();
            causes.sort_by(|a, b| a.message.cmp(&b.message));
            let causes = causes
                .iter()
                .map(|cause| json!(["FieldManagerConflict", cause.message, cause.field]));
            out["causes"] = causes.collect();
            out["code"] = 409.into();
        }
        ApplyError::ObjectType(_) | ApplyError::ManagedFields => {
            out["causes"] = json!([]);
            out["code"] = 400.into();
        }
        _ => {}
    }
    out
}

fn scale(question: &Value) -> Value {
    let path = |names: &Value| {
        let names = names.as_array()?.iter().filter_map(Value::as_str);
        Some(names.map(PathElement::field).collect())
    };
    let replicas = question["replicas"].as_object().unwrap().iter();
    let replicas = replicas.map(|(version, names)| (version.clone(), path(names)));
    let fields = ScaleFields(replicas.collect());
    let entries = |name: &str| ManagedFields::from_value(&question[name]).unwrap();
    let (parent, after) = (entries("parent"), entries("scale"));
    let version = question["version"].as_str().unwrap();
    let value = |managed: ManagedFields| match managed.is_empty() {
        true => Value::Null,
        false => managed.to_value(),
    };
    json!({
        "scale": value(fields.to_scale(&parent)),
        "parent": value(fields.to_parent(&parent, &after, version)),
    })
}
