//! Tables: what `kubectl get` shows.

use clock::Timestamp;
use krm::{Value, json};

use crate::registry::Resource;
use crate::transform::partial;

mod cells;
mod jsonpath;
mod pods;
mod rows;
mod show;

/// What a row carries of its object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Include {
    /// Its metadata.
    #[default]
    Metadata,
    /// All of it.
    Object,
    /// Nothing.
    None,
}

impl Include {
    /// Reads `includeObject`.
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "Object" => Self::Object,
            "None" => Self::None,
            _ => Self::Metadata,
        }
    }
}

/// A `meta.k8s.io/v1` Table of objects.
pub(crate) fn table(
    resource: &Resource,
    include: Include,
    now: Timestamp,
    values: &[&Value],
    meta: Value,
) -> Value {
    let columns = cells::columns(resource);
    let definitions = columns.iter().map(|column| {
        json!({
            "name": column.name, "type": column.type_, "format": column.format,
            "description": "", "priority": column.priority,
        })
    });
    let rows = values.iter().map(|value| {
        let mut row = json!({"cells": cells::cells(resource, &columns, value, now)});
        if let Some(conditions) = cells::conditions(resource, value) {
            row["conditions"] = conditions;
        }
        row["object"] = match include {
            Include::Metadata => partial(value),
            Include::Object => (*value).clone(),
            Include::None => Value::Null,
        };
        row
    });
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta,
        "columnDefinitions": definitions.collect::<Vec<_>>(), "rows": rows.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;
