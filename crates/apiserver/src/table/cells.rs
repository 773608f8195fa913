//! What stands in the cells of a row.

use clock::Timestamp;
use krm::{Value, json};
use schema::Column;

use super::jsonpath::Path;
use super::rows;
use super::show::{age, elapsed};
use crate::meta;
use crate::registry::Resource;

fn column(name: &str, type_: &str, format: &str) -> Column {
    Column {
        name: name.to_owned(),
        type_: type_.to_owned(),
        format: format.to_owned(),
        priority: 0,
    }
}

/// The columns of a resource's tables.
pub(super) fn columns(resource: &Resource) -> Vec<Column> {
    if let Some(custom) = resource
        .custom()
        .filter(|custom| !custom.columns.is_empty())
    {
        let own = custom.columns.iter().map(|(column, _)| column.clone());
        return std::iter::once(column("Name", "string", "name"))
            .chain(own)
            .collect();
    }
    let columns = &resource.facts().columns;
    if !columns.is_empty() {
        return columns.clone();
    }
    let age = if resource.custom().is_some() {
        column("Age", "date", "")
    } else {
        column("Created At", "date", "")
    };
    vec![column("Name", "string", "name"), age]
}

/// The cells of one object.
pub(super) fn cells(
    resource: &Resource,
    columns: &[Column],
    object: &Value,
    now: Timestamp,
) -> Vec<Value> {
    let name = Value::from(meta::text(object, "name"));
    if let Some(custom) = resource
        .custom()
        .filter(|custom| !custom.columns.is_empty())
    {
        let own = custom
            .columns
            .iter()
            .map(|(column, path)| custom_cell(column, path, object, now));
        return std::iter::once(name).chain(own).collect();
    }
    let facts = resource.facts();
    if resource.custom().is_none()
        && let Some(row) = rows::row(&facts.plural, object, now)
    {
        return row;
    }
    let created = meta::text(object, "creationTimestamp");
    columns
        .iter()
        .map(|column| match column.name.as_str() {
            "Name" => name.clone(),
            "Age" => age(created, now).into(),
            "Created At" => created.into(),
            _ => "<none>".into(),
        })
        .collect()
}

/// A cell that a definition's printer column fills.
fn custom_cell(column: &Column, path: &str, object: &Value, now: Timestamp) -> Value {
    let Some(value) = Path::parse(path).first(object) else {
        return Value::Null;
    };
    match column.type_.as_str() {
        "string" => match value {
            Value::String(_) | Value::Null => value.clone(),
            other => other.to_string().into(),
        },
        "integer" => match value.as_i64() {
            Some(number) => number.into(),
            None => value.as_f64().map_or(Value::Null, |number| {
                #[expect(clippy::cast_possible_truncation, reason = "as upstream does it")]
                let whole = number as i64;
                whole.into()
            }),
        },
        "number" if value.is_number() => value.clone(),
        "boolean" if value.is_boolean() => value.clone(),
        "date" => match value.as_str() {
            Some(text) => elapsed(text, now).into(),
            None => Value::Null,
        },
        _ => Value::Null,
    }
}

/// What a row says of itself: a Pod that has ended is `Completed`.
pub(super) fn conditions(resource: &Resource, object: &Value) -> Option<Value> {
    if resource.facts().plural != "pods" || resource.custom().is_some() {
        return None;
    }
    let phase = object.pointer("/status/phase").and_then(Value::as_str);
    let (reason, message) = match phase? {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([{"type": "Completed", "status": "True", "reason": reason, "message": message}]))
}
