//! Strategic merge patch: lists merge by their keys, and directives in the patch say more.
//!
//! The rules are those of k8s.io/apimachinery's `strategicpatch`. Which lists merge, and by which key, comes from a [`Schema`].

mod list;
mod table;

use crate::{Map, Value, golang};
use list::MergedList;

pub use table::{Table, TypeId, TypeRef};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList";
const ELEMENT_ORDER: &str = "$setElementOrder";

/// How Go sees a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A struct: has fields.
    Struct,
    /// A slice: has elements.
    List,
    /// A map.
    Map,
    /// Anything else.
    Scalar,
}

/// How a field is patched: Go's `patchStrategy` tag without `retainKeys`, which only clients heed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// No tag: maps merge, lists are replaced.
    #[default]
    Default,
    /// Lists merge.
    Merge,
    /// Maps are replaced.
    Replace,
}

/// A field of a struct.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a, S> {
    /// The field's type.
    pub of: S,
    /// How it is patched.
    pub strategy: Strategy,
    /// The field of its elements that tells them apart, `""` for a list of scalars.
    pub merge_key: &'a str,
}

/// A type, as far as patches must know it; built-in kinds only have one.
pub trait Schema<'a>: Copy {
    /// How Go sees it.
    fn kind(self) -> Kind;
    /// The Go name of a struct, for errors.
    fn name(self) -> &'a str;
    /// A field of a struct by its JSON name.
    fn field(self, name: &str) -> Option<Field<'a, Self>>;
    /// A list's element.
    fn element(self) -> Option<Self>;
}

/// Why a patch does not apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A directive is malformed: 400.
    #[error("{0}")]
    Format(&'static str),
    /// 422.
    #[error("lists of lists are not supported")]
    ListOfLists,
    /// Anything else: 500.
    #[error("{0}")]
    Other(String),
}

impl Strategy {
    /// From Go's tag, such as `merge,retainKeys`.
    pub fn parse(tag: &str) -> Self {
        match tag.split(',').find(|one| *one != "retainKeys") {
            Some("merge") => Self::Merge,
            Some("replace") => Self::Replace,
            _ => Self::Default,
        }
    }
}

impl Error {
    const PRIMITIVE_LIST: Self = Self::Format("invalid patch format of primitive list");
    const RETAIN_KEYS: Self = Self::Format("invalid patch format of retainKeys");
    const ELEMENT_ORDER: Self = Self::Format("invalid patch format of setElementOrder list");

    fn no_merge_key(item: &Map<String, Value>, key: &str) -> Self {
        let item = golang::plain(&Value::Object(item.clone()));
        Self::Other(format!(
            "map: {item} does not contain declared merge key: {key}"
        ))
    }

    fn no_list(value: &Value) -> Self {
        Self::expected("[]interface {}", value)
    }

    fn expected(expected: &str, value: &Value) -> Self {
        let received = match value {
            Value::Null => "%!s(<nil>)",
            value => golang::type_name(value),
        };
        Self::Other(format!("expected a {expected}, but received a {received}"))
    }
}

/// Lays a patch over an object of this type.
///
/// # Errors
/// [`Error`], of the first thing that does not apply.
pub fn apply<'a, S: Schema<'a>>(
    object: Map<String, Value>,
    patch: Map<String, Value>,
    of: S,
) -> Result<Map<String, Value>, Error> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return whole(directive.clone(), patch);
    }
    let (mut object, mut patch) = (object, patch);
    retain_keys(&mut object, &mut patch)?;
    order_elements(&mut object, &mut patch, of)?;
    for (key, value) in patch {
        let deletes = key.starts_with(DELETE_FROM_LIST);
        let key = if deletes {
            suffix(&key, DELETE_FROM_LIST)
                .ok_or(Error::PRIMITIVE_LIST)?
                .to_owned()
        } else {
            key
        };
        if value.is_null() {
            object.remove(&key);
            continue;
        }
        let merged = match (object.remove(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                let field = field(of, &key)?;
                Some(if field.strategy == Strategy::Replace {
                    Value::Object(new)
                } else {
                    Value::Object(apply(old, new, field.of)?)
                })
            }
            (Some(Value::Array(old)), Value::Array(new)) => {
                let list = MergedList::of(of, &key)?;
                Some(Value::Array(list.merge(old, new, deletes)?))
            }
            (old, _) if deletes => old,
            (old, new) => {
                if old.as_ref().is_none_or(|old| !is_same_type(old, &new)) {
                    without_directives(without_nulls(new))
                } else {
                    without_directives(new)
                }
            }
        };
        if let Some(merged) = merged {
            object.insert(key, merged);
        }
    }
    Ok(object)
}

/// `$patch` in a map: the patch stands in for the object, or nothing does.
fn whole(directive: Value, mut patch: Map<String, Value>) -> Result<Map<String, Value>, Error> {
    match directive.as_str() {
        Some("replace") => {
            patch.remove(DIRECTIVE);
            Ok(patch)
        }
        Some("delete") => Ok(Map::new()),
        _ => Err(unknown_directive(&directive, patch)),
    }
}

fn unknown_directive(directive: &Value, patch: Map<String, Value>) -> Error {
    let (directive, patch) = (
        golang::plain(directive),
        golang::plain(&Value::Object(patch)),
    );
    Error::Other(format!("unknown patch type: {directive} in map: {patch}"))
}

/// `$retainKeys`: the object keeps no other keys, and the patch may have no other.
fn retain_keys(
    object: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
) -> Result<(), Error> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let keys = keys.as_array().ok_or(Error::RETAIN_KEYS)?;
    let keys: std::collections::HashSet<&str> = keys.iter().filter_map(Value::as_str).collect();
    let is_directive =
        |key: &str| key.starts_with(DELETE_FROM_LIST) || key.starts_with(ELEMENT_ORDER);
    let stranger = patch
        .iter()
        .any(|(key, value)| !value.is_null() && !is_directive(key) && !keys.contains(key.as_str()));
    if stranger {
        return Err(Error::RETAIN_KEYS);
    }
    object.retain(|key, _| keys.contains(key.as_str()));
    Ok(())
}

/// `$setElementOrder`: merges the lists it is about and puts their items in its order.
fn order_elements<'a, S: Schema<'a>>(
    object: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    of: S,
) -> Result<(), Error> {
    let directives: Vec<String> = patch
        .keys()
        .filter(|key| key.starts_with(ELEMENT_ORDER))
        .cloned()
        .collect();
    for directive in directives {
        let order = match patch.remove(&directive) {
            Some(Value::Array(order)) => order,
            other => return Err(Error::no_list(&other.unwrap_or_default())),
        };
        let key = suffix(&directive, ELEMENT_ORDER).ok_or(Error::ELEMENT_ORDER)?;
        let as_list = |value: Option<&Value>| match value {
            None | Some(Value::Array(_)) => Ok(()),
            Some(other) => Err(Error::no_list(other)),
        };
        as_list(object.get(key))?;
        as_list(patch.get(key))?;
        let list = MergedList::of(of, key)?;
        let take = |value: Option<Value>| match value {
            Some(Value::Array(items)) => Some(items),
            _ => None,
        };
        let (old, new) = (take(object.remove(key)), take(patch.remove(key)));
        if let Some(merged) = list.ordered(old, new, &order)? {
            object.insert(key.into(), Value::Array(merged));
        }
    }
    Ok(())
}

fn suffix<'k>(key: &'k str, directive: &str) -> Option<&'k str> {
    key.strip_prefix(directive)?.strip_prefix('/')
}

fn field<'a, S: Schema<'a>>(of: S, name: &str) -> Result<Field<'a, S>, Error> {
    let kind = match of.kind() {
        Kind::Struct => {
            return of.field(name).ok_or_else(|| {
                Error::Other(format!(
                    "unable to find api field in struct {} for the json field {}",
                    of.name(),
                    golang::quote(name)
                ))
            });
        }
        Kind::List => "slice",
        Kind::Map => "map",
        Kind::Scalar => of.name(),
    };
    Err(Error::Other(format!(
        "merging an object in json but data type is not struct, instead is: {kind}"
    )))
}

/// Whether Go decodes both into the same type.
fn is_same_type(a: &Value, b: &Value) -> bool {
    golang::type_name(a) == golang::type_name(b)
}

/// What is taken from a patch as it is carries no directives: a map or item with `$patch` is left out.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => {
            let fields = map.into_iter();
            let fields = fields.filter_map(|(key, value)| Some((key, without_directives(value)?)));
            Some(Value::Object(fields.collect()))
        }
        Value::Array(items) => {
            let items = items.into_iter().filter_map(without_directives);
            Some(Value::Array(items.collect()))
        }
        other => Some(other),
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let fields = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                fields
                    .map(|(key, value)| (key, without_nulls(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
