//! Small questions to objects, and how their statuses are compared.

use clock::Timestamp;
use krm::{Map, Object, Value, json};

/// A number, `default` where there is none.
pub(crate) fn int(object: &Object, pointer: &str, default: i64) -> i64 {
    object
        .pointer(pointer)
        .and_then(Value::as_i64)
        .unwrap_or(default)
}

/// A text, `""` where there is none.
pub(crate) fn text<'a>(object: &'a Object, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// `metav1.Time`.
pub(crate) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The uid and kind of the controller that owns an object.
pub(crate) fn controller_of(object: &Object) -> Option<&Map<String, Value>> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    owners
        .iter()
        .filter_map(Value::as_object)
        .find(|owner| owner.get("controller") == Some(&Value::Bool(true)))
}

/// Whether `owner` controls `object`.
pub(crate) fn is_controlled_by(object: &Object, owner: &Object) -> bool {
    controller_of(object)
        .and_then(|reference| reference.get("uid")?.as_str())
        .is_some_and(|uid| uid == owner.uid())
}

/// The name of an object's controller, where it is of `kind`.
pub(crate) fn owner_name<'a>(object: &'a Object, kind: &str) -> Option<&'a str> {
    let owner = controller_of(object)?;
    (owner.get("kind")?.as_str()? == kind).then(|| owner.get("name")?.as_str())?
}

/// A reference to the controller `owner`.
pub(crate) fn reference(owner: &Object) -> Value {
    json!({
        "apiVersion": owner.api_version(), "kind": owner.kind(), "name": owner.name(), "uid": owner.uid(),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// A condition of `status`.
pub(crate) fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    status
        .get("conditions")?
        .as_array()?
        .iter()
        .find(|condition| condition["type"] == kind)
}

/// Whether a Pod's condition is true.
pub(crate) fn is_true(object: &Object, kind: &str) -> bool {
    object
        .pointer("/status")
        .and_then(|status| condition(status, kind))
        .is_some_and(|found| found["status"] == "True")
}

/// Whether a label selector (`matchLabels`, `matchExpressions`) selects `labels`; an absent or empty one selects nothing.
pub(crate) fn selects(selector: Option<&Value>, object: &Object) -> bool {
    let Some(selector) = selector else {
        return false;
    };
    let labels = selector.get("matchLabels").and_then(Value::as_object);
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    if labels.is_none_or(Map::is_empty) && expressions.is_none_or(Vec::is_empty) {
        return false;
    }
    let plain = labels
        .into_iter()
        .flatten()
        .all(|(key, value)| object.label(key) == value.as_str());
    plain
        && expressions
            .into_iter()
            .flatten()
            .all(|expression| holds(expression, object))
}

fn holds(expression: &Value, object: &Object) -> bool {
    let own = object.label(expression["key"].as_str().unwrap_or_default());
    let among = || {
        let values = expression["values"].as_array();
        values
            .into_iter()
            .flatten()
            .any(|value| value.as_str() == own)
    };
    match expression["operator"].as_str().unwrap_or_default() {
        "In" => own.is_some() && among(),
        "NotIn" => own.is_none() || !among(),
        "Exists" => own.is_some(),
        "DoesNotExist" => own.is_none(),
        _ => false,
    }
}

/// Sets a condition: nothing changes while it says the same, and the transition time only with the status.
pub(crate) fn set_condition(status: &mut Value, mut new: Value, now: Timestamp) {
    if !status.is_object() {
        *status = json!({});
    }
    let kind = new["type"].as_str().unwrap_or_default().to_owned();
    let old = condition(status, &kind).cloned();
    let says = |old: &Value| {
        ["status", "reason", "message"]
            .iter()
            .all(|field| old[*field] == new[*field])
    };
    if old.as_ref().is_some_and(says) {
        return;
    }
    let kept = old
        .as_ref()
        .filter(|old| old["status"] == new["status"])
        .and_then(|old| old.get("lastTransitionTime"));
    new["lastTransitionTime"] = kept.cloned().unwrap_or_else(|| stamp(now).into());
    let Some(list) = conditions_mut(status) else {
        return;
    };
    match list
        .iter_mut()
        .find(|condition| condition["type"] == kind.as_str())
    {
        Some(slot) => *slot = new,
        None => list.push(new),
    }
}

/// Removes a condition.
pub(crate) fn remove_condition(status: &mut Value, kind: &str) {
    if let Some(Value::Array(list)) = status.get_mut("conditions") {
        list.retain(|condition| condition["type"] != kind);
    }
}

fn conditions_mut(status: &mut Value) -> Option<&mut Vec<Value>> {
    let slot = status
        .as_object_mut()?
        .entry("conditions")
        .or_insert(Value::Null);
    if !slot.is_array() {
        *slot = Value::Array(Vec::new());
    }
    slot.as_array_mut()
}

/// Whether two values say the same: what is empty, zero or false may as well be absent, which is how a server stores it.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    pruned(a) == pruned(b)
}

fn pruned(value: &Value) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Number(number) if number.as_f64() == Some(0.0) => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(
            items
                .iter()
                .map(|item| pruned(item).unwrap_or_default())
                .collect(),
        ),
        Value::Object(fields) => {
            let kept: Map<_, _> = fields
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), pruned(value)?)))
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        other => Some(other.clone()),
    }
}

/// `object` with another status, where that says something else.
pub(crate) fn with_status(object: &Object, status: Value) -> Option<Object> {
    let old = object.fields().get("status").unwrap_or(&Value::Null);
    if same(old, &status) {
        return None;
    }
    let mut changed = object.clone();
    changed.fields_mut().insert("status".into(), status);
    Some(changed)
}

/// The status as it is.
pub(crate) fn status(object: &Object) -> Value {
    object
        .fields()
        .get("status")
        .filter(|status| status.is_object())
        .cloned()
        .unwrap_or_else(|| json!({}))
}

/// Makes an object of what is known to be one.
pub(crate) fn made(value: Value) -> Option<Object> {
    Object::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_would_not_store_makes_no_difference() {
        assert!(same(&json!({"replicas": 0, "conditions": []}), &json!({})));
        assert!(!same(&json!({"replicas": 1}), &json!({})));
    }

    #[test]
    fn a_condition_keeps_its_time_while_its_status_stays() {
        let at = Timestamp::UNIX_EPOCH;
        let mut status = json!({"conditions": [{"type": "Ready", "status": "True", "reason": "A", "lastTransitionTime": "x"}]});
        set_condition(
            &mut status,
            json!({"type": "Ready", "status": "True", "reason": "B"}),
            at,
        );
        assert_eq!(status["conditions"][0]["lastTransitionTime"], "x");
        assert_eq!(status["conditions"][0]["reason"], "B");
        set_condition(
            &mut status,
            json!({"type": "Ready", "status": "False", "reason": "B"}),
            at,
        );
        assert_eq!(
            status["conditions"][0]["lastTransitionTime"],
            "1970-01-01T00:00:00Z"
        );
    }
}
