//! The built-in types as the schema of structured merges, as upstream derives it from OpenAPI v3.

use std::sync::OnceLock;

use krm::merge::{List, ListKey, Map, MapRelation, Scalar, Schema, Type, TypeId};

use crate::table::{Field, Shape, StructId, Types, builtin};

/// The schema of all built-in types, and where each struct stands in it.
#[derive(Debug)]
pub(crate) struct BuiltinSchema {
    pub(crate) schema: Schema,
    structs: Vec<TypeId>,
}

/// The one schema of the built-in types.
pub(crate) fn builtin_schema() -> &'static BuiltinSchema {
    static SCHEMA: OnceLock<BuiltinSchema> = OnceLock::new();
    SCHEMA.get_or_init(|| BuiltinSchema::new(builtin()))
}

impl BuiltinSchema {
    fn new(types: &Types) -> Self {
        let mut schema = Schema::new();
        let structs = types.structs().iter().map(|_| schema.reserve()).collect();
        let mut this = Self { schema, structs };
        for at in 0..types.structs().len() {
            this.define(types, StructId(at));
        }
        this
    }

    pub(crate) fn of(&self, id: StructId) -> TypeId {
        self.structs[id.0]
    }

    fn define(&mut self, types: &Types, id: StructId) {
        let of = types.get(id);
        let fields: Vec<(String, TypeId)> = of
            .fields
            .iter()
            .map(|field| (field.name.clone(), self.field(types, field)))
            .collect();
        let free = fields.is_empty();
        let mut map = Map::of_fields(fields);
        if free {
            map = map.with_element(Schema::DEDUCED);
        }
        if of.atomic {
            map = map.with_relation(MapRelation::Atomic);
        }
        self.schema.define(self.structs[id.0], map);
    }

    fn field(&mut self, types: &Types, field: &Field) -> TypeId {
        let relation = match field.map_type.as_deref() {
            Some("atomic") => Some(MapRelation::Atomic),
            Some(_) => Some(MapRelation::Granular),
            None => None,
        };
        match field.shape.target() {
            Shape::List(item) | Shape::Wrapped(item) => {
                let element = self.shape(item);
                let list = match field.list_type.as_deref() {
                    Some("set") => List::set(element),
                    Some("map") => List::map(element, keys(types, field, item)),
                    _ => List::atomic(element),
                };
                self.schema.add(list)
            }
            Shape::Map(item) => {
                let element = self.shape(item);
                let map = Map::of_elements(element)
                    .with_relation(relation.unwrap_or(MapRelation::Granular));
                self.schema.add(map)
            }
            Shape::Struct(id) => match relation {
                // What the struct itself says is overridden beside the reference to it.
                Some(relation) => self.related(types, *id, relation),
                None => self.structs[id.0],
            },
            _ => self.shape(&field.shape),
        }
    }

    fn related(&mut self, types: &Types, id: StructId, relation: MapRelation) -> TypeId {
        let fields: Vec<(String, TypeId)> = types
            .get(id)
            .fields
            .iter()
            .map(|field| (field.name.clone(), self.field(types, field)))
            .collect();
        self.schema
            .add(Map::of_fields(fields).with_relation(relation))
    }

    fn shape(&mut self, shape: &Shape) -> TypeId {
        let scalar = match shape.target() {
            Shape::String | Shape::Duration => Scalar::String,
            Shape::Bool => Scalar::Boolean,
            Shape::Int32 | Shape::Int64 | Shape::Float => Scalar::Numeric,
            Shape::Bytes | Shape::Quantity | Shape::Time | Shape::MicroTime => Scalar::Untyped,
            Shape::Raw => return Schema::UNTYPED_ATOMIC,
            Shape::FieldsV1 => return self.schema.add(Map::of_elements(Schema::DEDUCED)),
            Shape::Struct(id) => return self.structs[id.0],
            Shape::List(item) | Shape::Wrapped(item) => {
                let element = self.shape(item);
                return self.schema.add(List::atomic(element));
            }
            Shape::Map(item) => {
                let element = self.shape(item);
                return self.schema.add(Map::of_elements(element));
            }
            _ => return Schema::DEDUCED,
        };
        self.schema.add(Type::from(scalar))
    }
}

/// The keys of a list map, with what OpenAPI says an item without them has.
fn keys(types: &Types, field: &Field, item: &Shape) -> Vec<ListKey> {
    let default = |key: &str| match item.target() {
        Shape::Struct(id) => types.get(*id).field(key).and_then(|f| f.default.clone()),
        _ => None,
    };
    field
        .list_keys
        .iter()
        .map(|key| match default(key) {
            Some(default) => ListKey::new(key).with_default(default),
            None => ListKey::new(key),
        })
        .collect()
}

/// Adds the type of `metadata` to another schema, for custom kinds.
pub(crate) fn add_object_meta(schema: &mut Schema) -> TypeId {
    let types = builtin();
    let Some(id) = types.named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta") else {
        return Schema::DEDUCED;
    };
    copy(types, id, schema)
}

/// Copies a struct and what it refers to. ObjectMeta does not refer to itself.
fn copy(types: &Types, id: StructId, into: &mut Schema) -> TypeId {
    let mut copied = BuiltinSchema {
        schema: std::mem::take(into),
        structs: vec![Schema::DEDUCED; types.structs().len()],
    };
    for field in &types.get(id).fields {
        let item = match field.shape.target() {
            Shape::List(item) | Shape::Map(item) => item.target().clone(),
            shape => shape.clone(),
        };
        if let Shape::Struct(inner) = item
            && inner != id
        {
            copied.structs[inner.0] = copy(types, inner, &mut copied.schema);
        }
    }
    copied.structs[id.0] = copied.schema.reserve();
    copied.define(types, id);
    let root = copied.structs[id.0];
    *into = copied.schema;
    root
}
