//! Lists that are sets or maps hold nothing twice.

use krm::{Map, Value};

use super::Schema;
use crate::error::FieldError;

/// Judges every list of `x-kubernetes-list-type` set or map.
pub fn validate_lists(path: &str, value: &Value, schema: &Schema) -> Vec<FieldError> {
    let mut errors = Vec::new();
    walk(path, value, schema, &mut errors);
    errors
}

fn walk(path: &str, value: &Value, schema: &Schema, errors: &mut Vec<FieldError>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if let Some(property) = schema.properties.get(key) {
                    let dot = if path.is_empty() { "" } else { "." };
                    walk(&format!("{path}{dot}{key}"), value, property, errors);
                } else if let Some(additional) = schema.additional_schema() {
                    walk(&format!("{path}[{key}]"), value, additional, errors);
                }
            }
        }
        Value::Array(items) => {
            match schema.list_type.as_deref() {
                Some("set") => {
                    for at in repeated(items) {
                        errors.push(FieldError::duplicate(format!("{path}[{at}]"), &items[at]));
                    }
                }
                Some("map") => map_items(path, items, schema, errors),
                _ => {}
            }
            if let Some(schema) = &schema.items {
                for (at, item) in items.iter().enumerate() {
                    walk(&format!("{path}[{at}]"), item, schema, errors);
                }
            }
        }
        _ => {}
    }
}

/// Where a value stands for the second time.
fn repeated(items: &[Value]) -> Vec<usize> {
    let seen_before = |at: usize| {
        items[..at]
            .iter()
            .filter(|item| **item == items[at])
            .count()
    };
    (0..items.len())
        .filter(|&at| seen_before(at) == 1)
        .collect()
}

fn map_items(path: &str, items: &[Value], schema: &Schema, errors: &mut Vec<FieldError>) {
    if let Some((at, item)) = items
        .iter()
        .enumerate()
        .find(|(_, i)| !i.is_null() && !i.is_object())
    {
        let detail = "must be an object for an array of list-type map";
        errors.push(FieldError::invalid(format!("{path}[{at}]"), item, detail));
        return;
    }
    let keys: Vec<Value> = items
        .iter()
        .map(|item| {
            let named = schema
                .list_keys
                .iter()
                .filter_map(|key| Some((key.clone(), item.get(key)?.clone())));
            Value::Object(named.collect::<Map<_, _>>())
        })
        .collect();
    for at in repeated(&keys) {
        errors.push(FieldError::duplicate(format!("{path}[{at}]"), &keys[at]));
    }
}
