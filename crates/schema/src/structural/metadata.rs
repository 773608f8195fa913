//! `apiVersion`, `kind` and `metadata` of custom and embedded objects, read as every object's.

use krm::Value;

use super::Schema;
use crate::decode::Walk;
use crate::error::FieldError;
use crate::json::Node;
use crate::table::builtin;

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// Normalises the metadata of the object and of those embedded in it. The paths of unknown fields come back.
pub fn coerce_metadata(object: &mut Value, schema: &Schema) -> Result<Vec<String>, FieldError> {
    let mut unknown = Vec::new();
    coerce("", object, schema, (true, &mut unknown))?;
    unknown.sort();
    Ok(unknown)
}

fn coerce(
    path: &str,
    value: &mut Value,
    schema: &Schema,
    (resource, unknown): (bool, &mut Vec<String>),
) -> Result<(), FieldError> {
    let child = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = child(key);
                if resource || schema.embedded {
                    match key.as_str() {
                        "apiVersion" | "kind" if !value.is_string() => {
                            return Err(FieldError::invalid(path, value, "must be a string"));
                        }
                        "apiVersion" | "kind" => continue,
                        "metadata" => {
                            *value = metadata(&path, value, unknown)?;
                            continue;
                        }
                        _ => {}
                    }
                }
                if let Some(property) = schema.properties.get(key) {
                    coerce(&path, value, property, (false, unknown))?;
                } else if let Some(additional) = schema.additional_schema() {
                    coerce(&path, value, additional, (false, unknown))?;
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.items.as_deref() else {
                return Ok(());
            };
            for (at, item) in items.iter_mut().enumerate() {
                coerce(&format!("{path}[{at}]"), item, schema, (false, unknown))?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn metadata(path: &str, value: &Value, unknown: &mut Vec<String>) -> Result<Value, FieldError> {
    let types = builtin();
    let Some(id) = types.named(OBJECT_META) else {
        return Ok(value.clone());
    };
    let mut walk = Walk::new(types);
    let out = walk.object(id, &Node::from(value));
    if let Some(error) = walk.error {
        return Err(FieldError::invalid(path, value, &error));
    }
    unknown.extend(walk.strict.iter().filter_map(|text| {
        let name = text.strip_prefix("unknown field \"")?.strip_suffix('"')?;
        Some(format!("{path}.{name}"))
    }));
    Ok(out)
}
