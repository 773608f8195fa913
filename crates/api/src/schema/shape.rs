//! A schema under construction.

use krm::{Map, Value, json};

/// A schema under construction; each method adds one keyword.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape(Map<String, Value>);

impl Shape {
    /// A schema of a type without further constraints.
    pub(crate) fn of(type_name: &str) -> Self {
        Self(Map::new()).with("type", type_name)
    }

    /// A mapping without properties yet.
    pub(crate) fn object() -> Self {
        Self::of("object")
    }

    /// Anything at all, kept as it is.
    pub(crate) fn anything() -> Self {
        Self(Map::new()).with("x-kubernetes-preserve-unknown-fields", true)
    }

    /// The finished schema.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// Sets any keyword.
    pub(crate) fn with(mut self, keyword: &str, value: impl Into<Value>) -> Self {
        self.0.insert(keyword.into(), value.into());
        self
    }

    /// A property that may be absent.
    pub(crate) fn property(mut self, name: &str, schema: Self) -> Self {
        let properties = self.0.entry("properties").or_insert_with(|| json!({}));
        if let Value::Object(properties) = properties {
            properties.insert(name.into(), schema.into_value());
        }
        self
    }

    /// A property that must be there. `required` stays sorted.
    pub(crate) fn required(mut self, name: &str, schema: Self) -> Self {
        let required = self.0.entry("required").or_insert_with(|| json!([]));
        if let Value::Array(required) = required {
            let at = required.partition_point(|other| other.as_str() < Some(name));
            required.insert(at, name.into());
        }
        self.property(name, schema)
    }

    /// The lines of the field's doc comment as its description.
    pub(crate) fn described(self, lines: &[&str]) -> Self {
        let lines: Vec<_> = lines.iter().map(|line| line.trim()).collect();
        self.with("description", lines.join(" "))
    }

    /// Without any description, here and below.
    pub(crate) fn without_descriptions(self) -> Self {
        let mut schema = self.into_value();
        strip(&mut schema);
        match schema {
            Value::Object(schema) => Self(schema),
            _ => Self(Map::new()),
        }
    }

    /// A CEL rule and what it says when it does not hold.
    pub(crate) fn rule(mut self, message: &str, rule: &str) -> Self {
        let rules = self
            .0
            .entry("x-kubernetes-validations")
            .or_insert_with(|| json!([]));
        if let Value::Array(rules) = rules {
            rules.push(json!({"message": message, "rule": rule}));
        }
        self
    }

    /// A regular expression that the text must match.
    pub(crate) fn pattern(self, pattern: &str) -> Self {
        self.with("pattern", pattern)
    }

    /// The shortest text.
    pub(crate) fn min_length(self, length: u64) -> Self {
        self.with("minLength", length)
    }

    /// The longest text.
    pub(crate) fn max_length(self, length: u64) -> Self {
        self.with("maxLength", length)
    }

    /// The shortest and the longest text.
    pub(crate) fn length(self, min: u64, max: u64) -> Self {
        self.min_length(min).max_length(max)
    }

    /// The fewest items.
    pub(crate) fn min_items(self, items: u64) -> Self {
        self.with("minItems", items)
    }

    /// The most items.
    pub(crate) fn max_items(self, items: u64) -> Self {
        self.with("maxItems", items)
    }

    /// The least number.
    pub(crate) fn minimum(self, minimum: i64) -> Self {
        self.with("minimum", minimum)
    }

    /// The value where none is given.
    pub(crate) fn default(self, value: impl Into<Value>) -> Self {
        self.with("default", value)
    }

    /// An integer as Go's `int`, whose width is not told.
    pub(crate) fn any_width(mut self) -> Self {
        self.0.remove("format");
        self
    }

    /// A list or map that is owned as a whole.
    pub(crate) fn atomic(self) -> Self {
        let is_list = self.0.get("type").and_then(Value::as_str) == Some("array");
        self.with(
            if is_list {
                "x-kubernetes-list-type"
            } else {
                "x-kubernetes-map-type"
            },
            "atomic",
        )
    }

    /// A list whose items are told apart by one field.
    pub(crate) fn keyed_by(self, key: &str) -> Self {
        self.with("x-kubernetes-list-type", "map")
            .with("x-kubernetes-list-map-keys", json!([key]))
    }
}

/// Removes the descriptions of a schema and of those within it; a property may still be called so.
fn strip(schema: &mut Value) {
    let Value::Object(keywords) = schema else {
        return;
    };
    keywords.remove("description");
    for inner in ["items", "additionalProperties"] {
        if let Some(schema) = keywords.get_mut(inner) {
            strip(schema);
        }
    }
    let properties = keywords.get_mut("properties");
    for property in properties
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(Map::values_mut)
    {
        strip(property);
    }
}
