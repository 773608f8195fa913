//! What the server itself writes into `metadata`, and what it keeps a client from changing there.

use krm::{Map, Value};
use schema::FieldError;

use crate::context::Context;
use crate::registry::Resource;
use crate::status::ApiError;
use crate::strategy;

/// A string of `metadata`, `""` where absent.
pub(crate) fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    let found = object.get("metadata").and_then(|meta| meta.get(key));
    found.and_then(Value::as_str).unwrap_or_default()
}

/// `metadata`, made where it is absent.
pub(crate) fn of(object: &mut Value) -> &mut Map<String, Value> {
    field(object, "metadata")
}

/// The mapping at a key, made where it is absent or something else.
pub(crate) fn field<'a>(object: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    if !object[key].is_object() {
        object[key] = Value::Object(Map::new());
    }
    match &mut object[key] {
        Value::Object(map) => map,
        _ => unreachable!("made a mapping just above"),
    }
}

/// Sets a string of `metadata`.
pub(crate) fn set(object: &mut Value, key: &str, value: &str) {
    of(object).insert(key.to_owned(), value.into());
}

/// `metadata.finalizers`.
pub(crate) fn finalizers(object: &Value) -> Vec<String> {
    let list = object.pointer("/metadata/finalizers");
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

/// Puts the object into the request's namespace.
///
/// # Errors
/// 400 where it says it is in another.
pub(crate) fn place(cx: &Context, object: &mut Value) -> Result<(), ApiError> {
    let own = text(object, "namespace").to_owned();
    if !cx.resource.namespaced() {
        of(object).remove("namespace");
    } else if own.is_empty() {
        set(object, "namespace", &cx.info.namespace);
    } else if own != cx.info.namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// What only the server sets.
const SYSTEM: &[&str] = &[
    "uid",
    "creationTimestamp",
    "selfLink",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// Empties what only the server sets, of an object about to be created.
pub(crate) fn wipe(object: &mut Value, resource: &Resource) {
    let meta = of(object);
    for key in SYSTEM {
        // Kinds that count no generations keep what the client says.
        if *key != "generation" || strategy::has_generation(resource) {
            meta.remove(*key);
        }
    }
    meta.remove("resourceVersion");
}

/// Fills what the server sets, of an object about to be created.
pub(crate) fn fill(cx: &Context, object: &mut Value) {
    let (now, uid) = (cx.now(), cx.server.seed().uid());
    wipe(object, &cx.resource);
    let meta = of(object);
    meta.insert("creationTimestamp".to_owned(), now.into());
    meta.insert("uid".to_owned(), uid.into());
    if strategy::has_generation(&cx.resource) {
        meta.insert("generation".to_owned(), 1.into());
    }
}

/// Puts what a write may not touch back to what it is in `old` (or away, where there is no `old`). Paths are dotted.
pub(crate) fn reset(object: &mut Value, old: Option<&Value>, paths: &[String]) {
    for path in paths {
        let parts: Vec<&str> = path.split('.').filter(|part| !part.is_empty()).collect();
        reset_one(object, old, &parts);
    }
}

fn reset_one(object: &mut Value, old: Option<&Value>, parts: &[&str]) {
    let Value::Object(map) = object else { return };
    match parts {
        [] => {}
        [last] => match old.and_then(|old| old.get(last)) {
            Some(value) => {
                map.insert((*last).to_owned(), value.clone());
            }
            None => {
                map.remove(*last);
            }
        },
        [first, rest @ ..] => {
            let old = old.and_then(|old| old.get(first));
            if old.is_some() && !map.get(*first).is_some_and(Value::is_object) {
                map.insert((*first).to_owned(), Value::Object(Map::new()));
            }
            if let Some(inner) = map.get_mut(*first) {
                reset_one(inner, old, rest);
            }
        }
    }
}

/// Keeps what an update cannot change, and says what it tried to change nevertheless.
pub(crate) fn keep(new: &mut Value, old: &Value) -> Vec<FieldError> {
    let before = old.get("metadata").and_then(Value::as_object);
    let before = |key: &str| before.and_then(|before| before.get(key));
    let added = added_finalizers(new, old);
    let meta = of(new);
    let mut errors = Vec::new();
    for key in SYSTEM {
        match before(key) {
            Some(value) => {
                let given = meta.insert((*key).to_owned(), value.clone());
                if let Some(given) = given.filter(|given| *key == "uid" && given != value) {
                    // Upstream validates twice.
                    let error = FieldError::invalid("metadata.uid", &given, "field is immutable");
                    errors.extend([error.clone(), error]);
                }
            }
            None => {
                let given = meta.remove(*key).filter(|_| *key == "deletionTimestamp");
                if let Some(value) = given {
                    errors.push(FieldError::invalid(
                        "metadata.deletionTimestamp",
                        &value,
                        "field is immutable",
                    ));
                }
            }
        }
    }
    if before("deletionTimestamp").is_some() && !added.is_empty() {
        errors.push(FieldError::forbidden(
            "metadata.finalizers",
            &format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            ),
        ));
    }
    errors
}

/// The finalizers that `new` has and `old` has not, quoted.
fn added_finalizers(new: &Value, old: &Value) -> Vec<String> {
    let before = finalizers(old);
    let added = finalizers(new).into_iter();
    let added = added.filter(|name| !before.contains(name));
    added.map(|name| schema::error::go_quote(&name)).collect()
}

/// Counts the generation up where the update changes what it counts.
pub(crate) fn count_generation(resource: &Resource, new: &mut Value, old: &Value) {
    if strategy::has_generation(resource) && counted(resource, new) != counted(resource, old) {
        bump_generation(new, old);
    }
}

/// The fields whose changes count.
fn counted<'a>(resource: &Resource, object: &'a Value) -> Vec<(&'a String, &'a Value)> {
    let has_status =
        resource.custom().is_none() || resource.facts().subresource("status").is_some();
    let fields = object.as_object().into_iter().flatten();
    let fields = fields.filter(|(key, _)| match key.as_str() {
        "metadata" | "apiVersion" | "kind" => false,
        "status" => !has_status,
        _ => true,
    });
    let mut out: Vec<_> = fields.collect();
    if resource.facts().plural == "deployments" && resource.custom().is_none() {
        // Of a Deployment, annotations count as well.
        let metadata = object.get("metadata").and_then(Value::as_object);
        out.extend(metadata.and_then(|metadata| metadata.get_key_value("annotations")));
    }
    out
}

/// Counts the generation up.
pub(crate) fn bump_generation(new: &mut Value, old: &Value) {
    let before = old.pointer("/metadata/generation").and_then(Value::as_i64);
    let next = before.unwrap_or_default() + 1;
    of(new).insert("generation".to_owned(), next.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use krm::json;

    #[test]
    fn a_reset_path_is_put_back_or_away() {
        let check = |object: Value, old: Option<Value>, path: &str, expect: Value| {
            let mut object = object;
            reset(&mut object, old.as_ref(), &[path.to_owned()]);
            assert_eq!(object, expect);
        };
        check(
            json!({"spec": 1, "status": 2}),
            None,
            "status",
            json!({"spec": 1}),
        );
        check(
            json!({"status": 2}),
            Some(json!({"status": 3})),
            "status",
            json!({"status": 3}),
        );
        check(
            json!({"metadata": {"name": "a", "labels": {"b": "c"}}}),
            Some(json!({"metadata": {"name": "a"}})),
            "metadata.labels",
            json!({"metadata": {"name": "a"}}),
        );
    }
}
