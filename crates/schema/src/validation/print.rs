//! Values as Go prints structs in field errors: fields in the order of the type, not of the alphabet.

use krm::Value;

use crate::error;
use crate::table::{Shape, Types, builtin};

/// A label selector.
pub(super) fn selector(value: &Value) -> String {
    let types = builtin();
    match types.named("io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector") {
        Some(id) => shaped(types, &Shape::Struct(id), value),
        None => error::print(value),
    }
}

/// A value of a type.
pub(super) fn shaped(types: &Types, shape: &Shape, value: &Value) -> String {
    match (shape.target(), value) {
        (Shape::Struct(id), Value::Object(map)) => {
            let fields: Vec<String> = types
                .get(*id)
                .fields
                .iter()
                .filter_map(|field| {
                    let value = map.get(&field.name)?;
                    Some(format!(
                        "{}:{}",
                        Value::from(field.name.as_str()),
                        shaped(types, &field.shape, value)
                    ))
                })
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        (Shape::List(item), Value::Array(items)) => {
            let items: Vec<String> = items
                .iter()
                .map(|value| shaped(types, item, value))
                .collect();
            format!("[{}]", items.join(","))
        }
        _ => error::print(value),
    }
}
