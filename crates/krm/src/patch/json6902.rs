//! JSON patch (RFC 6902), as github.com/evanphx/json-patch 4 applies it: a `replace` may add, an index may count from the end.

use crate::{Value, golang};

/// As many operations the API server takes.
pub const MAX_OPERATIONS: usize = 10_000;
/// As many bytes `copy` may add in one patch to the API server.
pub const MAX_COPIED_BYTES: usize = 3 * 1024 * 1024;

/// Why a patch does not apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is no JSON patch: 400.
    #[error("{0}")]
    Decode(String),
    /// It has too many operations: 413.
    #[error("The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {0}")]
    TooManyOperations(usize),
    /// An operation does not apply to the object: 422.
    #[error("{0}")]
    Apply(String),
}

/// Applies a patch, a list of operations, to a map or list.
///
/// # Errors
/// [`Error`], of the first operation that does not apply.
pub fn apply(document: Value, patch: &Value) -> Result<Value, Error> {
    let operations = decode(patch)?;
    if operations.len() > MAX_OPERATIONS {
        return Err(Error::TooManyOperations(operations.len()));
    }
    let mut document = document;
    let mut copied = 0;
    for operation in operations {
        apply_one(&mut document, operation, &mut copied).map_err(Error::Apply)?;
    }
    Ok(document)
}

fn decode(patch: &Value) -> Result<&[Value], Error> {
    let wrong = |value: &Value, of: &str| {
        let kind = match value {
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::String(_) => "string",
            Value::Bool(_) => "bool",
            _ => "number",
        };
        Error::Decode(format!(
            "json: cannot unmarshal {kind} into Go value of type jsonpatch.{of}"
        ))
    };
    match patch {
        Value::Array(operations) => {
            let stranger = operations
                .iter()
                .find(|one| !one.is_object() && !one.is_null());
            stranger.map_or(Ok(operations.as_slice()), |one| {
                Err(wrong(one, "Operation"))
            })
        }
        Value::Null => Ok(&[]),
        other => Err(wrong(other, "Patch")),
    }
}

fn apply_one(document: &mut Value, operation: &Value, copied: &mut usize) -> Result<(), String> {
    let kind = operation.get("op").and_then(Value::as_str);
    match kind.unwrap_or("unknown") {
        "add" => add(document, operation),
        "remove" => remove(document, operation),
        "replace" => replace(document, operation),
        "move" => move_value(document, operation),
        "test" => test(document, operation),
        "copy" => copy(document, operation, copied),
        other => Err(format!("Unexpected kind: {other}")),
    }
}

/// A path of an operation, or why there is none.
fn text<'v>(operation: &'v Value, field: &str) -> Result<&'v str, String> {
    match operation.get(field) {
        Some(Value::String(text)) => Ok(text),
        None | Some(Value::Null) if field == "from" => {
            Err("operation, missing from field: missing value".into())
        }
        None | Some(Value::Null) => Err("operation missing path field: missing value".into()),
        Some(other) => {
            let kind = match other {
                Value::Array(_) => "array",
                Value::Object(_) => "object",
                Value::Bool(_) => "bool",
                _ => "number",
            };
            Err(format!(
                "json: cannot unmarshal {kind} into Go value of type string"
            ))
        }
    }
}

fn add(document: &mut Value, operation: &Value) -> Result<(), String> {
    let path = text(operation, "path")
        .map_err(|_| "add operation failed to decode path: missing value".to_owned())?;
    let Some((container, key)) = find(document, path) else {
        return Err(format!(
            "add operation does not apply: doc is missing path: \"{path}\": missing value"
        ));
    };
    let value = operation.get("value").cloned().unwrap_or_default();
    insert(container, &key, value)
        .map_err(|error| format!("error in add for path: '{path}': {error}"))
}

fn remove(document: &mut Value, operation: &Value) -> Result<(), String> {
    let path = text(operation, "path")
        .map_err(|_| "remove operation failed to decode path: missing value".to_owned())?;
    let Some((container, key)) = find(document, path) else {
        return Err(format!(
            "remove operation does not apply: doc is missing path: \"{path}\": missing value"
        ));
    };
    take(container, &key)
        .map(drop)
        .map_err(|error| format!("error in remove for path: '{path}': {error}"))
}

fn replace(document: &mut Value, operation: &Value) -> Result<(), String> {
    let path = text(operation, "path")
        .map_err(|error| format!("replace operation failed to decode path: {error}"))?;
    let value = operation.get("value").cloned().unwrap_or_default();
    if path.is_empty() {
        if !value.is_object() && !value.is_array() {
            return Err("replace operation value must be object or array: %!w(<nil>)".into());
        }
        *document = value;
        return Ok(());
    }
    let Some((container, key)) = find(document, path) else {
        return Err(format!(
            "replace operation does not apply: doc is missing path: {path}: missing value"
        ));
    };
    match container {
        Value::Array(items) => {
            let at = index(items.len(), &key).map_err(|_| {
                format!(
                    "replace operation does not apply: doc is missing key: {path}: missing value"
                )
            })?;
            items[at] = value;
        }
        container => {
            if let Some(map) = container.as_object_mut() {
                map.insert(key, value);
            }
        }
    }
    Ok(())
}

fn move_value(document: &mut Value, operation: &Value) -> Result<(), String> {
    let from = text(operation, "from")
        .map_err(|error| format!("move operation failed to decode from: {error}"))?;
    let Some((container, key)) = find(document, from) else {
        return Err(format!(
            "move operation does not apply: doc is missing from path: {from}: missing value"
        ));
    };
    let value = take(container, &key)
        .map_err(|error| format!("error in move for path: '{key}': {error}"))?;
    let path = text(operation, "path")
        .map_err(|error| format!("move operation failed to decode path: {error}"))?;
    let Some((container, key)) = find(document, path) else {
        return Err(format!(
            "move operation does not apply: doc is missing destination path: {path}: missing value"
        ));
    };
    insert(container, &key, value)
        .map_err(|error| format!("error in move for path: '{path}': {error}"))
}

fn test(document: &mut Value, operation: &Value) -> Result<(), String> {
    let path = text(operation, "path")
        .map_err(|error| format!("test operation failed to decode path: {error}"))?;
    let expected = operation.get("value").unwrap_or(&Value::Null);
    let is_same = if path.is_empty() {
        document == expected
    } else {
        let Some((container, key)) = find(document, path) else {
            return Err(format!(
                "test operation does not apply: is missing path: {path}: missing value"
            ));
        };
        let found = get(container, &key)
            .map_err(|error| format!("error in test for path: '{path}': {error}"))?;
        found.unwrap_or(&Value::Null) == expected
    };
    if is_same {
        Ok(())
    } else {
        Err(format!("testing value {path} failed: test failed"))
    }
}

fn copy(document: &mut Value, operation: &Value, copied: &mut usize) -> Result<(), String> {
    let from = text(operation, "from")
        .map_err(|error| format!("copy operation failed to decode from: {error}"))?;
    let Some((container, key)) = find(document, from) else {
        return Err(format!(
            "copy operation does not apply: doc is missing from path: {from}: missing value"
        ));
    };
    let value = get(container, &key)
        .map_err(|error| format!("error in copy for from: '{from}': {error}"))?
        .cloned()
        .unwrap_or_default();
    let path = text(operation, "path")
        .map_err(|_| "copy operation failed to decode path: missing value".to_owned())?;
    let Some((container, key)) = find(document, path) else {
        return Err(format!(
            "copy operation does not apply: doc is missing destination path: {path}: missing value"
        ));
    };
    if !value.is_null() {
        *copied += golang::json(&value).len();
    }
    if *copied > MAX_COPIED_BYTES {
        return Err(format!(
            "Unable to complete the copy, the accumulated size increase of copy is {copied}, exceeding the limit {MAX_COPIED_BYTES}"
        ));
    }
    insert(container, &key, value)
        .map_err(|error| format!("error while adding value during copy: {error}"))
}

/// The map or list that holds the last step of a path, and that step.
fn find<'v>(document: &'v mut Value, path: &str) -> Option<(&'v mut Value, String)> {
    // What stands before the first slash does not count, and without a slash there is no path.
    let (_, path) = path.split_once('/')?;
    let mut steps = path.split('/').map(unescape);
    let last = steps.next_back()?;
    let mut container = document;
    for step in steps {
        container = match container {
            Value::Array(items) => {
                let at = index(items.len(), &step).ok()?;
                items.get_mut(at)?
            }
            container => container.as_object_mut()?.get_mut(&step)?,
        };
    }
    (container.is_object() || container.is_array()).then_some((container, last))
}

/// In one go from left to right, so that `~01` is `~1`.
fn unescape(step: &str) -> String {
    let mut out = String::with_capacity(step.len());
    let mut rest = step;
    while let Some(at) = rest.find('~') {
        out.push_str(&rest[..at]);
        let (character, length) = match rest.as_bytes().get(at + 1) {
            Some(b'0') => ('~', 2),
            Some(b'1') => ('/', 2),
            _ => ('~', 1),
        };
        out.push(character);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    out
}

fn number(key: &str) -> Result<i64, String> {
    key.parse::<i64>().map_err(|error| {
        use std::num::IntErrorKind::{NegOverflow, PosOverflow};
        let reason = match error.kind() {
            PosOverflow | NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.Atoi: parsing {}: {reason}", golang::quote(key))
    })
}

/// The place that a key names in a list; negative ones count from the end.
fn index(length: usize, key: &str) -> Result<usize, String> {
    let at = number(key)?;
    let from_end = length.checked_sub(usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX));
    let place = if at < 0 {
        from_end
    } else {
        usize::try_from(at).ok()
    };
    place
        .filter(|place| *place < length)
        .ok_or_else(|| format!("Unable to access invalid index: {at}: invalid index referenced"))
}

fn get<'v>(container: &'v Value, key: &str) -> Result<Option<&'v Value>, String> {
    match container {
        Value::Array(items) => Ok(items.get(index(items.len(), key)?)),
        container => Ok(container.get(key)),
    }
}

fn insert(container: &mut Value, key: &str, value: Value) -> Result<(), String> {
    match container {
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            number(key)
                .map_err(|error| format!("value was not a proper array index: '{key}': {error}"))?;
            let at = index(items.len() + 1, key)?;
            items.insert(at, value);
        }
        container => {
            if let Some(map) = container.as_object_mut() {
                map.insert(key.into(), value);
            }
        }
    }
    Ok(())
}

fn take(container: &mut Value, key: &str) -> Result<Value, String> {
    match container {
        Value::Array(items) => {
            let at = index(items.len(), key)?;
            Ok(items.remove(at))
        }
        container => container
            .as_object_mut()
            .and_then(|map| map.remove(key))
            .ok_or_else(|| format!("Unable to remove nonexistent key: {key}: missing value")),
    }
}
