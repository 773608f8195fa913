//! The built-in types as strategic merge patches see them.

use krm::patch::strategic::{Field as PatchField, Kind, Schema, Strategy};

use crate::table::{Shape, StructId, Types};

/// A built-in type for [`krm::patch::strategic::apply`].
#[derive(Clone, Copy, Debug)]
pub struct StrategicType {
    types: &'static Types,
    of: Of,
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Struct(StructId),
    Shape(&'static Shape),
}

impl StrategicType {
    pub(crate) fn of_struct(types: &'static Types, id: StructId) -> Self {
        Self {
            types,
            of: Of::Struct(id),
        }
    }

    fn of_shape(types: &'static Types, shape: &'static Shape) -> Self {
        match shape.target() {
            Shape::Struct(id) => Self::of_struct(types, *id),
            shape => Self {
                types,
                of: Of::Shape(shape),
            },
        }
    }
}

impl Schema<'static> for StrategicType {
    fn kind(self) -> Kind {
        match self.of {
            Of::Struct(_) => Kind::Struct,
            // Go sees structs where these types write their own JSON.
            Of::Shape(
                Shape::Quantity
                | Shape::Time
                | Shape::MicroTime
                | Shape::Duration
                | Shape::IntOrString
                | Shape::Raw
                | Shape::FieldsV1
                | Shape::Json
                | Shape::SchemaOrBool
                | Shape::SchemaOrArray
                | Shape::SchemaOrStrings,
            ) => Kind::Struct,
            Of::Shape(Shape::List(_) | Shape::Wrapped(_) | Shape::Bytes) => Kind::List,
            Of::Shape(Shape::Map(_)) => Kind::Map,
            Of::Shape(_) => Kind::Scalar,
        }
    }

    fn name(self) -> &'static str {
        match self.of {
            Of::Struct(id) => self.types.get(id).go_name(),
            Of::Shape(Shape::String) => "string",
            Of::Shape(Shape::Bool) => "bool",
            Of::Shape(Shape::Int32) => "int32",
            Of::Shape(Shape::Int64) => "int64",
            Of::Shape(Shape::Float) => "float64",
            Of::Shape(_) => "",
        }
    }

    fn field(self, name: &str) -> Option<PatchField<'static, Self>> {
        let Of::Struct(id) = self.of else { return None };
        let of = self.types.get(id);
        let field = of
            .field(name)
            .or_else(|| of.fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)))?;
        Some(PatchField {
            of: Self::of_shape(self.types, &field.shape),
            strategy: field
                .strategy
                .as_deref()
                .map_or(Strategy::Default, Strategy::parse),
            merge_key: field.merge_key.as_deref().unwrap_or(""),
        })
    }

    fn element(self) -> Option<Self> {
        match self.of {
            Of::Shape(Shape::List(item) | Shape::Wrapped(item) | Shape::Map(item)) => {
                Some(Self::of_shape(self.types, item))
            }
            _ => None,
        }
    }
}
