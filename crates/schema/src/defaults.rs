//! Defaults of built-in kinds: rules from `data/defaults.txt`, run by one engine; code for what looks across fields.

mod special;

use std::collections::HashMap;
use std::sync::OnceLock;

use krm::{Map, Value};

use crate::table::{Shape, StructId, Types, builtin};

const RULES: &str = include_str!("../data/defaults.txt");

/// One rule of a type.
#[derive(Debug)]
struct Rule {
    path: Vec<String>,
    /// Whether the Go field is a pointer, so that zero is a value.
    pointer: bool,
    value: Value,
    when: Vec<Condition>,
}

#[derive(Debug)]
enum Condition {
    Is(Vec<String>, Value),
    Set(Vec<String>),
    Unset(Vec<String>),
}

/// Sets what the server sets on a new or changed object of a type.
pub(crate) fn apply(types: &Types, id: StructId, object: &mut Value) {
    special::legacy(types.get(id).short_name(), object);
    walk(types, id, object);
}

fn walk(types: &Types, id: StructId, value: &mut Value) {
    if !value.is_object() {
        return;
    }
    let of = types.get(id);
    for rule in rules().get(&id).map_or(&[][..], Vec::as_slice) {
        if rule.when.iter().all(|condition| holds(condition, value))
            && unset(at(value, &rule.path), rule.pointer)
        {
            set(value, &rule.path, rule.value.clone());
        }
    }
    special::apply(&of.name, value);
    let Value::Object(map) = value else { return };
    for field in &of.fields {
        if let Some(inner) = map.get_mut(&field.name) {
            descend(types, &field.shape, inner);
        }
    }
}

fn descend(types: &Types, shape: &Shape, value: &mut Value) {
    match (shape.target(), value) {
        (Shape::Struct(id), value) => walk(types, *id, value),
        (Shape::List(item), Value::Array(items)) => {
            for value in items {
                descend(types, item, value);
            }
        }
        (Shape::Map(item), Value::Object(map)) => {
            for value in map.values_mut() {
                descend(types, item, value);
            }
        }
        _ => {}
    }
}

fn at<'v>(value: &'v Value, path: &[String]) -> &'v Value {
    path.iter().fold(value, |value, name| &value[name.as_str()])
}

fn unset(value: &Value, pointer: bool) -> bool {
    match value {
        Value::Null => true,
        _ if pointer => false,
        Value::String(text) => text.is_empty(),
        Value::Number(n) => n.as_f64() == Some(0.0),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(b) => !b,
    }
}

fn holds(condition: &Condition, value: &Value) -> bool {
    match condition {
        Condition::Is(path, expect) => at(value, path) == expect,
        Condition::Set(path) => !at(value, path).is_null(),
        Condition::Unset(path) => unset(at(value, path), false),
    }
}

/// Sets a value, making the objects on the way to it.
fn set(value: &mut Value, path: &[String], new: Value) {
    let Some((name, rest)) = path.split_first() else {
        *value = new;
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Value::Object(map) = value {
        set(map.entry(name.clone()).or_insert(Value::Null), rest, new);
    }
}

fn rules() -> &'static HashMap<StructId, Vec<Rule>> {
    static PARSED: OnceLock<HashMap<StructId, Vec<Rule>>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let mut out: HashMap<StructId, Vec<Rule>> = HashMap::new();
        for line in RULES
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            // Lines that do not parse are found by a test.
            if let Some((id, rule)) = parse(line) {
                out.entry(id).or_default().push(rule);
            }
        }
        out
    })
}

fn parse(line: &str) -> Option<(StructId, Rule)> {
    let types = builtin();
    let (head, when) = line.split_once(" when ").unwrap_or((line, ""));
    let (name, rest) = head.split_once(' ')?;
    let (path, value) = rest.split_once(' ')?;
    let id = types.named_short(name)?;
    let path = split(path);
    let pointer = matches!(types.shape_at(id, &path)?, Shape::Pointer(_));
    let when = when.split_whitespace().map(condition).collect();
    Some((
        id,
        Rule {
            path,
            pointer,
            value: serde_json::from_str(value).ok()?,
            when,
        },
    ))
}

fn split(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

fn condition(text: &str) -> Condition {
    if let Some(path) = text.strip_prefix('!') {
        return Condition::Unset(split(path));
    }
    match text.split_once('=') {
        Some((path, value)) => Condition::Is(split(path), Value::from(value)),
        None => Condition::Set(split(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_names_a_field() {
        for line in RULES
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            assert!(parse(line).is_some(), "{line}");
        }
    }
}
