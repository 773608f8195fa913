//! Places in a document, named by JSON pointers in which `*` stands for any field or item.

use krm::Value;

/// Takes away what the JSON pointer `pattern` names; `*` stands for any field or item.
pub(crate) fn remove(value: &mut Value, pattern: &str) {
    let (parent, last) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let last = unescape(last);
    each(value, parent, &mut |value| match value {
        Value::Object(map) if last == "*" => map.clear(),
        Value::Object(map) => drop(map.remove(&last)),
        Value::Array(items) if last == "*" => items.clear(),
        Value::Array(items) => {
            if let Some(at) = last.parse().ok().filter(|&at: &usize| at < items.len()) {
                items.remove(at);
            }
        }
        _ => {}
    });
}

/// Sorts the lists that the JSON pointer `pattern` names, because their order is nobody's promise.
pub(crate) fn sort(value: &mut Value, pattern: &str) {
    each(value, pattern, &mut |value| {
        if let Value::Array(items) = value {
            items.sort_by_key(Value::to_string);
        }
    });
}

/// Visits every place that the pattern names.
fn each(value: &mut Value, pattern: &str, visit: &mut impl FnMut(&mut Value)) {
    let Some(pattern) = pattern.strip_prefix('/') else {
        visit(value);
        return;
    };
    let end = pattern.find('/').unwrap_or(pattern.len());
    let (first, rest) = (unescape(&pattern[..end]), &pattern[end..]);
    match value {
        Value::Object(map) if first == "*" => {
            map.values_mut().for_each(|value| each(value, rest, visit))
        }
        Value::Array(items) if first == "*" => {
            items.iter_mut().for_each(|value| each(value, rest, visit))
        }
        Value::Object(map) => {
            if let Some(value) = map.get_mut(&first) {
                each(value, rest, visit);
            }
        }
        Value::Array(items) => {
            if let Some(value) = first.parse().ok().and_then(|at: usize| items.get_mut(at)) {
                each(value, rest, visit);
            }
        }
        _ => {}
    }
}

fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;
    use krm::json;

    #[test]
    fn sorts_by_pattern() {
        let mut value = json!({"a": [{"b": [2, 1]}, {"b": ["z", "c"]}]});
        sort(&mut value, "/a/*/b");
        assert_eq!(value, json!({"a": [{"b": [1, 2]}, {"b": ["c", "z"]}]}));
    }

    #[test]
    fn removes_by_pattern() {
        let mut value = json!({"items": [{"a": 1, "b": 2}, {"a": 3}], "x": {"y/z": 1}});
        remove(&mut value, "/items/*/a");
        remove(&mut value, "/x/y~1z");
        assert_eq!(value, json!({"items": [{"b": 2}, {}], "x": {}}));
    }
}
