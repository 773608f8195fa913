//! One declaration, two things: a Rust type and the OpenAPI schema that its CRD carries.
//!
//! [`object!`] declares a struct, [`choice!`] an enum of fixed strings. The struct's serde form and its schema come from
//! the same lines, so they cannot disagree; `crates/api/contract` holds what the schemas must come out as.

use std::collections::BTreeMap;

use krm::{Map, Value, json};

/// A type that knows its OpenAPI v3 schema.
pub trait Schema {
    /// The schema, with our own descriptions.
    fn schema() -> Shape;
}

/// Whether a value is what Go's `omitempty` leaves out.
pub(crate) trait Absent {
    /// True for what is not written.
    fn absent(&self) -> bool;
}

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

impl Schema for String {
    fn schema() -> Shape {
        Shape::of("string")
    }
}

impl Schema for bool {
    fn schema() -> Shape {
        Shape::of("boolean")
    }
}

impl Schema for i64 {
    fn schema() -> Shape {
        Shape::of("integer").with("format", "int64")
    }
}

impl Schema for Value {
    fn schema() -> Shape {
        Shape::anything()
    }
}

impl<T: Schema> Schema for Option<T> {
    fn schema() -> Shape {
        T::schema()
    }
}

impl<T: Schema> Schema for Vec<T> {
    fn schema() -> Shape {
        Shape::of("array").with("items", T::schema().into_value())
    }
}

impl<T: Schema> Schema for BTreeMap<String, T> {
    fn schema() -> Shape {
        Shape::object().with("additionalProperties", T::schema().into_value())
    }
}

impl<T> Absent for Option<T> {
    fn absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Absent for Vec<T> {
    fn absent(&self) -> bool {
        self.is_empty()
    }
}

impl<T> Absent for BTreeMap<String, T> {
    fn absent(&self) -> bool {
        self.is_empty()
    }
}

impl Absent for String {
    fn absent(&self) -> bool {
        self.is_empty()
    }
}

impl Absent for bool {
    fn absent(&self) -> bool {
        !self
    }
}

impl Absent for i64 {
    fn absent(&self) -> bool {
        *self == 0
    }
}

/// A Rust field's name in JSON: `last_applied_revision` → `lastAppliedRevision`; serde's `camelCase`.
pub(crate) fn json_name(field: &str) -> String {
    let mut name = String::with_capacity(field.len());
    let mut upper = false;
    for letter in field.trim_start_matches("r#").chars() {
        if letter == '_' {
            upper = true;
        } else if upper {
            name.push(letter.to_ascii_uppercase());
            upper = false;
        } else {
            name.push(letter);
        }
    }
    name
}

/// Declares structs whose serde form and OpenAPI schema are one.
///
/// `required` fields must be there; `optional` ones are left out when empty, as Go's `omitempty` does, so an empty text
/// and an absent one are the same unless the field is an `Option`. `as "name"` gives a name that camelCase does not.
/// `=> pattern(…).default(…)` adds keywords of [`Shape`](crate::schema::Shape). `rules` are CEL, message first.
macro_rules! object {
    ($(
        $(#[$meta:meta])*
        $name:ident {
            $(required { $(
                $(#[doc = $rdoc:literal])*
                $rfield:ident $(as $rjson:literal)? : $rty:ty $(=> $($rword:ident($($rarg:expr),*)).+)? ;
            )* })?
            $(optional { $(
                $(#[doc = $odoc:literal])*
                $ofield:ident $(as $ojson:literal)? : $oty:ty $(=> $($oword:ident($($oarg:expr),*)).+)? ;
            )* })?
            $(rules { $( $message:expr => $rule:expr ; )* })?
        }
    )*) => {$(
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        $(#[$meta])*
        pub struct $name {
            $($(
                $(#[doc = $rdoc])*
                $(#[serde(rename = $rjson)])?
                pub $rfield: $rty,
            )*)?
            $($(
                $(#[doc = $odoc])*
                $(#[serde(rename = $ojson)])?
                #[serde(default, skip_serializing_if = "crate::schema::Absent::absent")]
                pub $ofield: $oty,
            )*)?
        }

        impl crate::schema::Schema for $name {
            fn schema() -> crate::schema::Shape {
                crate::schema::Shape::object()
                $($(
                    .required(
                        crate::schema::field_name!($rfield $($rjson)?),
                        <$rty as crate::schema::Schema>::schema() $($(.$rword($($rarg),*))+)?
                            .described(&[$($rdoc),*]),
                    )
                )*)?
                $($(
                    .property(
                        crate::schema::field_name!($ofield $($ojson)?),
                        <$oty as crate::schema::Schema>::schema() $($(.$oword($($oarg),*))+)?
                            .described(&[$($odoc),*]),
                    )
                )*)?
                $($(.rule($message, $rule))*)?
            }
        }
    )*};
}

/// A field's name in JSON: as given, else by [`json_name`].
macro_rules! field_name {
    ($field:ident) => {
        &crate::schema::json_name(stringify!($field))
    };
    ($field:ident $json:literal) => {
        $json
    };
}

/// Declares enums that are fixed strings in JSON and in the schema, in the order given; the first is the `Default`.
macro_rules! choice {
    ($(
        $(#[$meta:meta])*
        $name:ident {
            $(#[$first_meta:meta])* $first:ident = $first_text:literal,
            $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $(#[$first_meta])*
            #[default]
            #[serde(rename = $first_text)]
            $first,
            $(
                $(#[$variant_meta])*
                #[serde(rename = $text)]
                $variant,
            )*
        }

        impl $name {
            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self {
                    Self::$first => $first_text,
                    $( Self::$variant => $text, )*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl crate::schema::Schema for $name {
            fn schema() -> crate::schema::Shape {
                crate::schema::Shape::of("string")
                    .with("enum", krm::json!([$first_text $(, $text)*]))
            }
        }
    )*};
}

pub(crate) use {choice, field_name, object};

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macros declare what others use")]
mod tests {
    use super::*;

    object! {
        /// A sample.
        Sample {
            required {
                /// How many.
                how_many: i64 => minimum(1);
                /// Which issuer.
                issuer_url as "issuerURL": String => pattern("^https?://");
            }
            optional {
                /// Switch.
                r#type: Option<Way> => default("up");
            }
            rules { "too many" => "self.howMany < 9"; }
        }
    }

    choice! {
        /// Ways.
        Way {
            /// Up.
            Up = "up",
            /// Down.
            Down = "down",
        }
    }

    #[test]
    fn type_and_schema_are_one() {
        assert_eq!(
            Sample::schema().into_value()["properties"]["howMany"]["description"],
            "How many."
        );
        assert_eq!(
            Sample::schema().without_descriptions().into_value(),
            json!({
                "type": "object",
                "required": ["howMany", "issuerURL"],
                "properties": {
                    "howMany": {"type": "integer", "format": "int64", "minimum": 1},
                    "issuerURL": {"type": "string", "pattern": "^https?://"},
                    "type": {"type": "string", "enum": ["up", "down"], "default": "up"}
                },
                "x-kubernetes-validations": [{"message": "too many", "rule": "self.howMany < 9"}]
            })
        );
        let value = json!({"howMany": 2, "issuerURL": "https://a", "type": "down"});
        let sample: Sample = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(sample.r#type, Some(Way::Down));
        assert_eq!(serde_json::to_value(&sample).unwrap(), value);
        assert_eq!(
            serde_json::to_value(Sample::default()).unwrap(),
            json!({"howMany": 0, "issuerURL": ""})
        );
    }
}
