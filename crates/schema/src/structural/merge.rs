//! A custom kind's schema for structured merges.

use krm::merge::{List, ListKey, Map, MapRelation, Scalar, Schema as Merge, Type, TypeId};

use super::{Additional, Schema};
use crate::merge::add_object_meta;

/// The merge schema of objects of a structural schema, and its root.
pub(crate) fn custom_schema(root: &Schema) -> (Merge, TypeId) {
    let mut merge = Merge::new();
    let text = merge.add(Type::from(Scalar::String));
    let meta = add_object_meta(&mut merge);
    let mut fields: Vec<(String, TypeId)> = root
        .properties
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "apiVersion" | "kind" | "metadata"))
        .map(|(name, property)| {
            (
                name.clone(),
                node(&mut merge, property, root.preserve_unknown),
            )
        })
        .collect();
    fields.extend([
        ("apiVersion".to_owned(), text),
        ("kind".to_owned(), text),
        ("metadata".to_owned(), meta),
    ]);
    let mut map = Map::of_fields(fields);
    if root.preserve_unknown {
        map = map.with_element(Merge::DEDUCED);
    }
    let root = merge.add(map);
    (merge, root)
}

fn node(merge: &mut Merge, schema: &Schema, preserve: bool) -> TypeId {
    let preserve = preserve || schema.preserve_unknown;
    if schema.int_or_string {
        return merge.add(Type::from(Scalar::Untyped));
    }
    match schema.type_.as_str() {
        "integer" | "number" => merge.add(Type::from(Scalar::Numeric)),
        "boolean" => merge.add(Type::from(Scalar::Boolean)),
        "string" if schema.format.is_empty() => merge.add(Type::from(Scalar::String)),
        "string" => merge.add(Type::from(Scalar::Untyped)),
        "array" => {
            let list = list(merge, schema, preserve);
            merge.add(list)
        }
        "object" => {
            let map = map(merge, schema, preserve);
            merge.add(map)
        }
        _ => {
            let of = Type {
                scalar: Some(Scalar::Untyped),
                list: Some(list(merge, schema, preserve)),
                map: Some(map(merge, schema, preserve)),
            };
            merge.add(of)
        }
    }
}

fn list(merge: &mut Merge, schema: &Schema, preserve: bool) -> List {
    let Some(items) = schema.items.as_deref() else {
        return List::atomic(Merge::UNTYPED_ATOMIC);
    };
    let element = node(merge, items, preserve);
    match schema.list_type.as_deref() {
        Some("set") => List::set(element),
        Some("map") => List::map(
            element,
            schema.list_keys.iter().map(|key| {
                match items.properties.get(key).and_then(|p| p.default.clone()) {
                    Some(default) => ListKey::new(key).with_default(default),
                    None => ListKey::new(key),
                }
            }),
        ),
        _ => List::atomic(element),
    }
}

fn map(merge: &mut Merge, schema: &Schema, preserve: bool) -> Map {
    let mut fields: Vec<(String, TypeId)> = Vec::new();
    for (name, property) in &schema.properties {
        if schema.embedded && name == "metadata" {
            continue;
        }
        fields.push((name.clone(), node(merge, property, preserve)));
    }
    if schema.embedded {
        let text = merge.add(Type::from(Scalar::String));
        let meta = add_object_meta(merge);
        fields.retain(|(name, _)| name != "apiVersion" && name != "kind");
        fields.extend([
            ("apiVersion".to_owned(), text),
            ("kind".to_owned(), text),
            ("metadata".to_owned(), meta),
        ]);
    }
    let free = fields.is_empty() || preserve;
    let mut map = Map::of_fields(fields);
    match &schema.additional {
        Some(Additional::Schema(schema)) => {
            let element = node(merge, schema, preserve);
            map = map.with_element(element);
        }
        Some(Additional::Allowed(true)) => map = map.with_element(Merge::DEDUCED),
        Some(Additional::Allowed(false)) => {}
        None if free => map = map.with_element(Merge::DEDUCED),
        None => {}
    }
    if schema.map_type.as_deref() == Some("atomic") {
        map = map.with_relation(MapRelation::Atomic);
    }
    map
}
