//! Whether a value is of a type, in upstream's words where it is not.

use std::collections::HashSet;
use std::fmt;

use super::item::element;
use super::{List, ListRelation, Map, Scalar, Shape, TypeRef};
use crate::Value;
use crate::fields::PathElement;
use crate::golang;

/// Whether a set or keyed list may hold an item twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// Stored objects may.
    Allowed,
    /// Applied ones may not.
    Refused,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field, such as `.spec.replicas`; empty for the whole value.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// Everything that is wrong with a value; at least one error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub Vec<FieldError>);

impl std::error::Error for Invalid {}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [error] = self.0.as_slice() {
            return error.fmt(f);
        }
        f.write_str("errors:")?;
        self.0.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

pub(super) fn validate(
    at: TypeRef<'_>,
    value: &Value,
    duplicates: Duplicates,
) -> Result<(), Invalid> {
    let mut errors = Vec::new();
    Walk { duplicates }.value(at, value, &mut errors);
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Invalid(errors))
    }
}

type Errors = Vec<FieldError>;

struct Walk {
    duplicates: Duplicates,
}

impl Walk {
    fn value(&self, at: TypeRef<'_>, value: &Value, errors: &mut Errors) {
        match at.get().shape_of(value) {
            Some(Shape::Map(map)) => self.map(at, map, value, errors),
            Some(Shape::Scalar(of)) => errors.extend(scalar(of, value).map(here)),
            Some(Shape::List(list)) => self.list(at, list, value, errors),
            None => errors.push(here("schema error: invalid atom: inlined".into())),
        }
    }

    fn map(&self, at: TypeRef<'_>, of: &Map, value: &Value, errors: &mut Errors) {
        let map = match value {
            Value::Object(map) => map,
            Value::Null => return,
            other => return errors.push(unexpected("map", other)),
        };
        for (key, value) in map {
            let before = errors.len();
            match of.at(key) {
                Some(id) => self.value(at.to(id), value, errors),
                None => errors.push(here("field not declared in schema".into())),
            }
            prefix(&mut errors[before..], || PathElement::field(key));
            if of.at(key).is_none() {
                return;
            }
        }
    }

    fn list(&self, at: TypeRef<'_>, of: &List, value: &Value, errors: &mut Errors) {
        let items = match value {
            Value::Array(items) => items,
            Value::Null => return,
            other => return errors.push(unexpected("list", other)),
        };
        let mut seen = HashSet::new();
        for (index, item) in items.iter().enumerate() {
            let place = if of.relation == ListRelation::Atomic {
                PathElement::Index(index.try_into().unwrap_or(i64::MAX))
            } else {
                match element(at, of, item) {
                    Ok(place) => {
                        if !seen.insert(place.clone()) && self.duplicates == Duplicates::Refused {
                            errors.push(here(format!("duplicate entries for key {place}")));
                        }
                        place
                    }
                    Err(reason) => {
                        return errors.push(here(format!("element {index}: {reason}")));
                    }
                }
            };
            let before = errors.len();
            self.value(at.to(of.element), item, errors);
            prefix(&mut errors[before..], || place.clone());
        }
    }
}

fn scalar(of: Scalar, value: &Value) -> Option<String> {
    match (of, value) {
        (_, Value::Null)
        | (Scalar::Numeric, Value::Number(_))
        | (Scalar::String, Value::String(_))
        | (Scalar::Boolean, Value::Bool(_))
        | (Scalar::Untyped, Value::Number(_) | Value::String(_) | Value::Bool(_)) => None,
        (Scalar::Numeric, other) => Some(format!(
            "expected numeric (int or float), got {}",
            golang::type_name(other)
        )),
        (Scalar::String, other) => Some(format!(
            "expected string, got &value.valueUnstructured{{Value:{}}}",
            golang::syntax(other)
        )),
        (Scalar::Boolean, other) => Some(got("boolean", other)),
        (Scalar::Untyped, other) => Some(got("any scalar", other)),
    }
}

fn got(expected: &str, value: &Value) -> String {
    format!("expected {expected}, got &{{{}}}", golang::plain(value))
}

fn unexpected(expected: &str, value: &Value) -> FieldError {
    here(got(expected, value))
}

fn here(message: String) -> FieldError {
    FieldError {
        path: String::new(),
        message,
    }
}

fn prefix(errors: &mut [FieldError], place: impl Fn() -> PathElement) {
    if errors.is_empty() {
        return;
    }
    let place = place().to_string();
    for error in errors {
        error.path.insert_str(0, &place);
    }
}
