//! One step of a path.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::Value;
use crate::golang;

/// How to get from a value to one inside it. Ordered as upstream orders them: fields, keys, values, indices.
#[derive(Clone, Debug)]
pub enum PathElement {
    /// A map's or struct's field.
    Field(Arc<str>),
    /// The list item whose fields have these values; sorted by name.
    Key(Arc<[KeyField]>),
    /// The set's item that is this scalar.
    Value(Arc<Value>),
    /// A list's item by its place.
    Index(i64),
}

/// A field that tells a list's items apart, and its value.
pub type KeyField = (Arc<str>, Value);

impl PathElement {
    /// A field.
    pub fn field(name: &str) -> Self {
        Self::Field(name.into())
    }

    /// A list item by the values of its key fields.
    pub fn key(mut fields: Vec<KeyField>) -> Self {
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        Self::Key(fields.into())
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

impl Ord for PathElement {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(a), Self::Field(b)) => a.cmp(b),
            (Self::Key(a), Self::Key(b)) => compare_keys(a, b),
            (Self::Value(a), Self::Value(b)) => compare_values(a, b),
            (Self::Index(a), Self::Index(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Field(a), Self::Field(b)) => a == b,
            _ => self.cmp(other) == Ordering::Equal,
        }
    }
}

impl Eq for PathElement {}

impl Hash for PathElement {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Field(name) => name.hash(state),
            Self::Key(fields) => fields.iter().for_each(|(name, value)| {
                name.hash(state);
                hash_value(value, state);
            }),
            Self::Value(value) => hash_value(value, state),
            Self::Index(at) => at.hash(state),
        }
    }
}

impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                f.write_str("[")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(f, "{comma}{name}={}", text(value))?;
                }
                f.write_str("]")
            }
            Self::Value(value) => write!(f, "[={}]", text(value)),
            Self::Index(at) => write!(f, "[{at}]"),
        }
    }
}

/// A total order of values: numbers by value, then strings, booleans, lists, maps, null.
pub fn compare_values(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => golang::compare_numbers(a, b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => compare_lists(a, b),
        (Value::Object(a), Value::Object(b)) => {
            let fields = |map: &crate::Map<_, _>| map.len();
            a.iter()
                .zip(b)
                .map(|((k1, v1), (k2, v2))| k1.cmp(k2).then_with(|| compare_values(v1, v2)))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| fields(a).cmp(&fields(b)))
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

/// Whether two values are the same, where `1` and `1.0` are.
pub fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || golang::compare_numbers(a, b) == Ordering::Equal
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|((k1, v1), (k2, v2))| k1 == k2 && same_value(v1, v2))
        }
        _ => a == b,
    }
}

fn compare_lists(a: &[Value], b: &[Value]) -> Ordering {
    a.iter()
        .zip(b)
        .map(|(a, b)| compare_values(a, b))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn compare_keys(a: &[KeyField], b: &[KeyField]) -> Ordering {
    a.iter()
        .zip(b)
        .map(|((k1, v1), (k2, v2))| k1.cmp(k2).then_with(|| compare_values(v1, v2)))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

/// Equal values hash alike; of lists and maps only the kind counts, for they are hardly ever keys.
fn hash_value<H: Hasher>(value: &Value, state: &mut H) {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().unwrap_or_default();
            (if float == 0.0 { 0.0 } else { float })
                .to_bits()
                .hash(state);
        }
        Value::String(text) => text.hash(state),
        Value::Bool(flag) => flag.hash(state),
        _ => rank(value).hash(state),
    }
}

/// How upstream prints a value inside a path.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => golang::plain_number(number),
        Value::String(text) => golang::quote(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(text).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(map) => map
            .iter()
            .map(|(k, v)| format!("{k}={}", text(v)))
            .collect(),
    }
}
