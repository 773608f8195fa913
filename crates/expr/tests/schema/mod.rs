//! The object type of an OpenAPI schema, as the API server derives it.

use std::sync::Arc;

use expr::{Field, ObjectType, Type};
use serde_json::Value as Json;

pub(crate) fn type_of(schema: &Json, name: &str) -> Type {
    let flag = |key: &str| schema.get(key).and_then(Json::as_bool).unwrap_or(false);
    if flag("x-kubernetes-int-or-string") {
        return Type::Dyn;
    }
    match schema["type"].as_str().unwrap_or_default() {
        "string" => match schema["format"].as_str().unwrap_or_default() {
            "date-time" | "date" => Type::Timestamp,
            "duration" => Type::Duration,
            "byte" => Type::Bytes,
            _ => Type::String,
        },
        "integer" => Type::Int,
        "number" => Type::Double,
        "boolean" => Type::Bool,
        "array" => Type::list(type_of(&schema["items"], &format!("{name}.@idx"))),
        "object" if schema.get("additionalProperties").is_some() => Type::map(
            Type::String,
            type_of(&schema["additionalProperties"], &format!("{name}.@elem")),
        ),
        "object" => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let field = |(p, s): (&String, &Json)| {
                (
                    p.clone(),
                    Field {
                        property: p.clone(),
                        ty: type_of(s, &format!("{name}.{p}")),
                    },
                )
            };
            Type::Object(Arc::new(ObjectType {
                name: name.into(),
                fields: fields.map(field).collect(),
            }))
        }
        _ => Type::Dyn,
    }
}
