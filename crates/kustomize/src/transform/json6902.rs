//! JSON patches with the leniencies of the library that kustomize uses.
//!
//! Replacing a key that an object does not have adds it, negative indices count from the end, and testing for null passes where nothing is.

use krm::Value;

use crate::error::Error;

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    op: String,
    path: Option<String>,
    from: Option<String>,
    value: Option<Value>,
}

/// Reads a patch: a list of mappings. What the operations hold is only looked at when they are applied.
pub(crate) fn decode(value: &Value) -> Option<Vec<Operation>> {
    let items = match value {
        Value::Null => return Some(Vec::new()),
        Value::Array(items) => items,
        _ => return None,
    };
    let read = |item: &Value| {
        let map = item.as_object()?;
        let text = |name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Operation {
            op: text("op").unwrap_or_default(),
            path: text("path"),
            from: text("from"),
            value: map.get("value").cloned(),
        })
    };
    items.iter().map(read).collect()
}

/// Applies a patch.
pub(crate) fn apply(document: &mut Value, patch: &[Operation]) -> Result<(), Error> {
    patch.iter().try_for_each(|operation| {
        let result = match operation.op.as_str() {
            "add" => add(document, operation),
            "remove" => remove(document, operation.path()?, "remove").map(drop),
            "replace" => replace(document, operation),
            "move" => move_value(document, operation),
            "copy" => copy(document, operation),
            "test" => test(document, operation),
            other => Err(format!("Unexpected kind: {other}")),
        };
        result.map_err(Error::new)
    })
}

impl Operation {
    fn path(&self) -> Result<&str, Error> {
        let missing = || Error::new(format!("{} operation failed to decode path", self.op));
        self.path.as_deref().ok_or_else(missing)
    }

    fn text<'a>(&self, field: &'a Option<String>, name: &str) -> Result<&'a str, String> {
        let missing = || {
            format!(
                "{} operation failed to decode {name}: missing value",
                self.op
            )
        };
        field.as_deref().ok_or_else(missing)
    }
}

fn add(document: &mut Value, operation: &Operation) -> Result<(), String> {
    let path = operation.text(&operation.path, "path")?;
    let value = operation.value.clone().unwrap_or(Value::Null);
    insert(document, path, value, "add")
}

fn insert(document: &mut Value, path: &str, value: Value, op: &str) -> Result<(), String> {
    let (container, key) = parent(document, path).ok_or_else(|| {
        format!("{op} operation does not apply: doc is missing path: \"{path}\": missing value")
    })?;
    match container {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let at = index(&key, items.len() + 1)
                .map_err(|error| format!("error in {op} for path: '{path}': {error}"))?;
            items.insert(at, value);
        }
        _ => {}
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str, op: &str) -> Result<Value, String> {
    let (container, key) = parent(document, path).ok_or_else(|| {
        format!("{op} operation does not apply: doc is missing path: \"{path}\": missing value")
    })?;
    let removed = match container {
        Value::Object(map) => map
            .remove(&key)
            .ok_or_else(|| format!("Unable to remove nonexistent key: {key}: missing value")),
        Value::Array(items) => index(&key, items.len()).map(|at| items.remove(at)),
        _ => Ok(Value::Null),
    };
    removed.map_err(|error| format!("error in {op} for path: '{path}': {error}"))
}

fn replace(document: &mut Value, operation: &Operation) -> Result<(), String> {
    let path = operation.text(&operation.path, "path")?;
    let value = operation.value.clone().unwrap_or(Value::Null);
    if path.is_empty() {
        if !value.is_object() && !value.is_array() {
            return Err("replace operation value must be object or array".into());
        }
        *document = value;
        return Ok(());
    }
    let (container, key) = parent(document, path).ok_or_else(|| {
        format!("replace operation does not apply: doc is missing path: {path}: missing value")
    })?;
    match container {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(items) => {
            let at = index(&key, items.len()).map_err(|_| {
                format!(
                    "replace operation does not apply: doc is missing key: {path}: missing value"
                )
            })?;
            items[at] = value;
        }
        _ => {}
    }
    Ok(())
}

fn get(document: &mut Value, path: &str) -> Option<Result<Option<Value>, String>> {
    let (container, key) = parent(document, path)?;
    Some(match container {
        Value::Object(map) => Ok(map.get(&key).cloned()),
        Value::Array(items) => index(&key, items.len()).map(|at| items.get(at).cloned()),
        _ => Ok(None),
    })
}

fn move_value(document: &mut Value, operation: &Operation) -> Result<(), String> {
    let from = operation.text(&operation.from, "from")?;
    let path = operation.text(&operation.path, "path")?;
    let value = remove(document, from, "move")?;
    insert(document, path, value, "move")
}

fn copy(document: &mut Value, operation: &Operation) -> Result<(), String> {
    let from = operation.text(&operation.from, "from")?;
    let path = operation.text(&operation.path, "path")?;
    let missing = || {
        format!("copy operation does not apply: doc is missing from path: {from}: missing value")
    };
    let value = get(document, from).ok_or_else(missing)??;
    insert(document, path, value.unwrap_or(Value::Null), "copy")
}

fn test(document: &mut Value, operation: &Operation) -> Result<(), String> {
    let path = operation.text(&operation.path, "path")?;
    let failed = || format!("testing value {path} failed: test failed");
    let wanted = operation.value.clone().unwrap_or(Value::Null);
    let found = if path.is_empty() {
        Some(document.clone())
    } else {
        let missing =
            || format!("test operation does not apply: is missing path: {path}: missing value");
        get(document, path).ok_or_else(missing)??
    };
    if found.unwrap_or(Value::Null) == wanted {
        Ok(())
    } else {
        Err(failed())
    }
}

/// The container of the last part of a path, and that part.
fn parent<'a>(document: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let mut parts = path
        .split('/')
        .skip(1)
        .map(|part| part.replace("~1", "/").replace("~0", "~"));
    let mut key = parts.next()?;
    let mut node = document;
    for next in parts {
        node = match node {
            Value::Object(map) => map.get_mut(&key)?,
            Value::Array(items) => {
                let at = index(&key, items.len()).ok()?;
                items.get_mut(at)?
            }
            _ => return None,
        };
        key = next;
    }
    (node.is_object() || node.is_array()).then_some((node, key))
}

/// An index below `length`; a negative one counts from the end.
fn index(key: &str, length: usize) -> Result<usize, String> {
    let number: i64 = key
        .parse()
        .map_err(|_| format!("value was not a proper array index: '{key}'"))?;
    let invalid = || format!("Unable to access invalid index: {number}: invalid index referenced");
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let at = if number < 0 { number + length } else { number };
    usize::try_from(at)
        .ok()
        .filter(|_| at < length)
        .ok_or_else(invalid)
}
