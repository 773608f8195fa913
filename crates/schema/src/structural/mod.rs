//! Structural schemas: what a CustomResourceDefinition says of its objects, and everything done with it.
//!
//! A schema is read once ([`Schema::parse`]), checked ([`Schema::check`]) and then prunes, defaults, validates and merges objects.

mod check;
mod format;
mod list;
mod merge;
mod metadata;
mod pattern;
mod prune;
mod rules;
mod validate;

use std::collections::BTreeMap;

use krm::{Map, Value};

pub use list::validate_lists;
pub(crate) use merge::custom_schema;
pub use metadata::coerce_metadata;
pub use pattern::Pattern;
pub use prune::{default, drop_nulls, prune};
pub use rules::{CompiledRules, Rule};
pub use validate::validate;

/// One node of an `openAPIV3Schema`, at any place: under properties, items, or a logical junctor.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// `type`, empty where there is none.
    pub type_: String,
    /// `format`.
    pub format: String,
    /// `nullable`.
    pub nullable: bool,
    /// `default`.
    pub default: Option<Value>,
    /// `properties`.
    pub properties: BTreeMap<String, Schema>,
    /// `additionalProperties`.
    pub additional: Option<Additional>,
    /// `items`.
    pub items: Option<Box<Schema>>,
    /// `required`.
    pub required: Vec<String>,
    /// `enum`.
    pub values: Option<Vec<Value>>,
    /// `pattern`.
    pub pattern: Option<Pattern>,
    /// Limits of numbers.
    pub number: NumberLimits,
    /// `minLength`, `maxLength`.
    pub length: Limits,
    /// `minItems`, `maxItems`.
    pub count: Limits,
    /// `minProperties`, `maxProperties`.
    pub size: Limits,
    /// `allOf`.
    pub all_of: Vec<Schema>,
    /// `anyOf`.
    pub any_of: Vec<Schema>,
    /// `oneOf`.
    pub one_of: Vec<Schema>,
    /// `not`.
    pub not: Option<Box<Schema>>,
    /// `x-kubernetes-preserve-unknown-fields`.
    pub preserve_unknown: bool,
    /// `x-kubernetes-embedded-resource`.
    pub embedded: bool,
    /// `x-kubernetes-int-or-string`.
    pub int_or_string: bool,
    /// `x-kubernetes-list-type`.
    pub list_type: Option<String>,
    /// `x-kubernetes-list-map-keys`.
    pub list_keys: Vec<String>,
    /// `x-kubernetes-map-type`.
    pub map_type: Option<String>,
    /// `x-kubernetes-validations`.
    pub rules: Vec<Rule>,
    /// Names of what a structural schema must not hold, as they stand there.
    pub forbidden: Vec<String>,
}

/// `additionalProperties`: a flag or a schema.
#[derive(Clone, Debug)]
pub enum Additional {
    /// Any value, or none at all.
    Allowed(bool),
    /// Values of this schema.
    Schema(Box<Schema>),
}

/// A lower and an upper bound.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// The least.
    pub min: Option<i64>,
    /// The most.
    pub max: Option<i64>,
}

/// Bounds of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NumberLimits {
    /// `minimum`.
    pub min: Option<f64>,
    /// `exclusiveMinimum`.
    pub above_min: bool,
    /// `maximum`.
    pub max: Option<f64>,
    /// `exclusiveMaximum`.
    pub below_max: bool,
    /// `multipleOf`.
    pub multiple_of: Option<f64>,
}

impl Schema {
    /// Reads a schema as it stands in a decoded CustomResourceDefinition. What does not belong there is noted and
    /// reported by [`Schema::check`].
    pub fn parse(value: &Value) -> Self {
        let Value::Object(map) = value else {
            return Self::default();
        };
        Self {
            type_: text(map, "type"),
            format: text(map, "format"),
            nullable: flag(map, "nullable"),
            default: map.get("default").filter(|d| !d.is_null()).cloned(),
            properties: match map.get("properties") {
                Some(Value::Object(of)) => of
                    .iter()
                    .map(|(name, schema)| (name.clone(), Self::parse(schema)))
                    .collect(),
                _ => BTreeMap::new(),
            },
            additional: match map.get("additionalProperties") {
                Some(Value::Bool(allowed)) => Some(Additional::Allowed(*allowed)),
                Some(schema @ Value::Object(_)) => {
                    Some(Additional::Schema(Box::new(Self::parse(schema))))
                }
                _ => None,
            },
            items: map
                .get("items")
                .filter(|i| i.is_object())
                .map(|i| Box::new(Self::parse(i))),
            required: texts(map, "required"),
            values: map.get("enum").and_then(Value::as_array).cloned(),
            pattern: map
                .get("pattern")
                .and_then(Value::as_str)
                .filter(|p| !p.is_empty())
                .map(Pattern::new),
            number: NumberLimits {
                min: map.get("minimum").and_then(Value::as_f64),
                above_min: flag(map, "exclusiveMinimum"),
                max: map.get("maximum").and_then(Value::as_f64),
                below_max: flag(map, "exclusiveMaximum"),
                multiple_of: map.get("multipleOf").and_then(Value::as_f64),
            },
            length: limits(map, "minLength", "maxLength"),
            count: limits(map, "minItems", "maxItems"),
            size: limits(map, "minProperties", "maxProperties"),
            all_of: schemas(map, "allOf"),
            any_of: schemas(map, "anyOf"),
            one_of: schemas(map, "oneOf"),
            not: map
                .get("not")
                .filter(|n| n.is_object())
                .map(|n| Box::new(Self::parse(n))),
            preserve_unknown: flag(map, "x-kubernetes-preserve-unknown-fields"),
            embedded: flag(map, "x-kubernetes-embedded-resource"),
            int_or_string: flag(map, "x-kubernetes-int-or-string"),
            list_type: map
                .get("x-kubernetes-list-type")
                .and_then(Value::as_str)
                .map(str::to_owned),
            list_keys: texts(map, "x-kubernetes-list-map-keys"),
            map_type: map
                .get("x-kubernetes-map-type")
                .and_then(Value::as_str)
                .map(str::to_owned),
            rules: map
                .get("x-kubernetes-validations")
                .and_then(Value::as_array)
                .map(|rules| rules.iter().map(Rule::parse).collect())
                .unwrap_or_default(),
            forbidden: check::forbidden_keys(map),
        }
    }

    /// The schema of a key that is no named property.
    pub fn additional_schema(&self) -> Option<&Self> {
        match &self.additional {
            Some(Additional::Schema(schema)) => Some(schema),
            _ => None,
        }
    }

    /// Whether any rule stands in the schema or below it.
    pub fn has_rules(&self) -> bool {
        !self.rules.is_empty()
            || self.properties.values().any(Self::has_rules)
            || self.additional_schema().is_some_and(Self::has_rules)
            || self.items.as_deref().is_some_and(Self::has_rules)
            || self.all_of.iter().any(Self::has_rules)
    }
}

fn text(map: &Map<String, Value>, name: &str) -> String {
    map.get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn flag(map: &Map<String, Value>, name: &str) -> bool {
    map.get(name).and_then(Value::as_bool).unwrap_or_default()
}

fn texts(map: &Map<String, Value>, name: &str) -> Vec<String> {
    let list = map.get(name).and_then(Value::as_array);
    list.map(|l| {
        l.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    })
    .unwrap_or_default()
}

fn limits(map: &Map<String, Value>, min: &str, max: &str) -> Limits {
    Limits {
        min: map.get(min).and_then(Value::as_i64),
        max: map.get(max).and_then(Value::as_i64),
    }
}

fn schemas(map: &Map<String, Value>, name: &str) -> Vec<Schema> {
    let list = map.get(name).and_then(Value::as_array);
    list.map(|l| l.iter().map(Schema::parse).collect())
        .unwrap_or_default()
}
