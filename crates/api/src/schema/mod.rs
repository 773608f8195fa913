//! One declaration, two things: a Rust type and the OpenAPI schema that its CRD carries.
//!
//! `object!` declares a struct, `choice!` an enum of fixed strings. The struct's serde form and its schema come from
//! the same lines, so they cannot disagree; `crates/api/contract` holds what the schemas must come out as.

mod declare;
mod shape;

use std::collections::BTreeMap;

use krm::Value;

pub(crate) use declare::{choice, field_name, json_name, object};
pub use shape::Shape;

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

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macros declare what others use")]
mod tests {
    use super::*;
    use krm::json;

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
