//! How a list's items are told apart.

use super::{List, ListKey, ListRelation, TypeRef};
use crate::Value;
use crate::fields::PathElement;

/// Why an item cannot be told apart from the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Indistinct {
    #[error("invalid indexing of non-associative list")]
    NotAssociative,
    #[error("associative list with keys may not have a null element")]
    NullInMap,
    #[error("associative list with keys may not have non-map elements")]
    NoMapInMap,
    #[error("couldn't find default value for {0}: associative list may not have non-map types")]
    NoDefault(String),
    #[error(
        "associative list with keys has an element that omits all key fields [{0}] (and doesn't have default values for any key fields)"
    )]
    NoKeys(String),
    #[error("associative list without keys has an element that's a map type")]
    MapInSet,
    #[error("not supported: associative list with lists as elements")]
    ListInSet,
    #[error("associative list without keys has an element that's an explicit null")]
    NullInSet,
}

/// The path element of an item.
pub(super) fn element(
    at: TypeRef<'_>,
    list: &List,
    item: &Value,
) -> Result<PathElement, Indistinct> {
    match &list.relation {
        ListRelation::Atomic => Err(Indistinct::NotAssociative),
        ListRelation::Map(keys) => keyed(at, list, keys, item),
        ListRelation::Set => match item {
            Value::Object(_) => Err(Indistinct::MapInSet),
            Value::Array(_) => Err(Indistinct::ListInSet),
            Value::Null => Err(Indistinct::NullInSet),
            _ => Ok(PathElement::Value(item.clone().into())),
        },
    }
}

/// The path elements of those items that can be told apart, with the items.
pub(super) fn elements<'v>(
    at: TypeRef<'_>,
    list: &List,
    items: &'v [Value],
) -> Vec<(PathElement, &'v Value)> {
    items
        .iter()
        .filter_map(|item| Some((element(at, list, item).ok()?, item)))
        .collect()
}

fn keyed(
    at: TypeRef<'_>,
    list: &List,
    keys: &[ListKey],
    item: &Value,
) -> Result<PathElement, Indistinct> {
    let map = match item {
        Value::Object(map) => map,
        Value::Null => return Err(Indistinct::NullInMap),
        _ => return Err(Indistinct::NoMapInMap),
    };
    let mut fields = Vec::with_capacity(keys.len());
    for key in keys {
        match map.get(&*key.name).or(key.default.as_ref()) {
            Some(value) => fields.push((key.name.as_ref().into(), value.clone())),
            None if at.schema.get(list.element).map.is_none() => {
                return Err(Indistinct::NoDefault(key.name.to_string()));
            }
            // An item without the field is another item than one that has it.
            None => {}
        }
    }
    if fields.is_empty() {
        let names: Vec<_> = keys
            .iter()
            .map(|key| crate::golang::quote(&key.name))
            .collect();
        return Err(Indistinct::NoKeys(names.join(" ")));
    }
    Ok(PathElement::key(fields))
}
