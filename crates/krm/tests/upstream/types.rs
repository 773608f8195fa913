//! Schemas in upstream's own form, which the oracle reads too.

use std::collections::BTreeMap;

use krm::Value;
use krm::merge::{List, ListKey, Map, MapRelation, Scalar, Schema, Type, TypeId};

pub(crate) struct Types {
    pub(crate) schema: Schema,
    names: BTreeMap<String, TypeId>,
}

impl Types {
    pub(crate) fn of(context: &Value) -> Self {
        let mut types = Self {
            schema: Schema::new(),
            names: BTreeMap::from([
                ("__untyped_atomic_".to_owned(), Schema::UNTYPED_ATOMIC),
                ("__untyped_deduced_".to_owned(), Schema::DEDUCED),
            ]),
        };
        let all = context["types"].as_array().cloned().unwrap_or_default();
        for one in &all {
            let id = types.schema.reserve();
            types.names.insert(one["name"].as_str().unwrap().into(), id);
        }
        for one in &all {
            let of = types.atom(one, &all);
            let id = types.named(one["name"].as_str().unwrap());
            types.schema.define(id, of);
        }
        types
    }

    pub(crate) fn named(&self, name: &str) -> TypeId {
        self.names[name]
    }

    fn atom(&mut self, atom: &Value, all: &[Value]) -> Type {
        let scalar = atom["scalar"].as_str().map(|scalar| match scalar {
            "numeric" => Scalar::Numeric,
            "string" => Scalar::String,
            "boolean" => Scalar::Boolean,
            _ => Scalar::Untyped,
        });
        let list = atom.get("list").map(|list| self.list(list, all));
        let map = atom.get("map").map(|map| self.map(map, all));
        Type { scalar, list, map }
    }

    fn list(&mut self, list: &Value, all: &[Value]) -> List {
        let element = self.reference(&list["elementType"], all);
        if list["elementRelationship"] != "associative" {
            return List::atomic(element);
        }
        let fields = of_element(&list["elementType"], all)["map"]["fields"].clone();
        let default = |name: &str| {
            let fields = fields.as_array()?;
            let field = fields.iter().find(|field| field["name"] == name)?;
            Some(field["default"].clone())
        };
        let keys = list["keys"].as_array().cloned().unwrap_or_default();
        let keys = keys
            .iter()
            .filter_map(Value::as_str)
            .map(|name| ListKey::new(name).with_default(default(name).unwrap_or_default()));
        List::map(element, keys)
    }

    fn map(&mut self, map: &Value, all: &[Value]) -> Map {
        let fields = map["fields"].as_array().cloned().unwrap_or_default();
        let fields: Vec<(String, TypeId)> = fields
            .iter()
            .map(|field| {
                let name = field["name"].as_str().unwrap().to_owned();
                (name, self.reference(&field["type"], all))
            })
            .collect();
        let mut out = Map::of_fields(fields);
        if let Some(element) = map.get("elementType") {
            out = out.with_element(self.reference(element, all));
        }
        if map["elementRelationship"] == "atomic" {
            out = out.with_relation(MapRelation::Atomic);
        }
        out
    }

    fn reference(&mut self, reference: &Value, all: &[Value]) -> TypeId {
        match reference["namedType"].as_str() {
            Some(name) => self.named(name),
            None => {
                let of = self.atom(reference, all);
                self.schema.add(of)
            }
        }
    }
}

fn of_element(reference: &Value, all: &[Value]) -> Value {
    match reference["namedType"].as_str() {
        Some(name) => all
            .iter()
            .find(|one| one["name"] == name)
            .cloned()
            .unwrap_or_default(),
        None => reference.clone(),
    }
}
