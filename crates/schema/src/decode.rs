//! Reads a JSON tree into a built-in type as Go would decode it, store it and encode it again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use krm::{Map, Value};

use crate::error::go_quote;
use crate::json::{self, Node};
use crate::quantity::Quantity;
use crate::table::{Field, Shape, StructId, Types};
use crate::time;

const SCHEMA: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

/// One reading of one body.
pub(crate) struct Walk<'t> {
    types: &'t Types,
    /// Unknown and duplicate fields in the order of the text.
    pub(crate) strict: Vec<String>,
    /// The first value that does not fit its type.
    pub(crate) error: Option<String>,
    /// Path of the value at hand, as strict errors write it.
    path: String,
    /// The struct and field of the value at hand, outermost first, as type errors write them.
    stack: Vec<(StructId, String)>,
    /// Within a type that decodes itself, where upstream looks for no unknown fields.
    muted: usize,
}

impl<'t> Walk<'t> {
    pub(crate) fn new(types: &'t Types) -> Self {
        Self {
            types,
            strict: Vec::new(),
            error: None,
            path: String::new(),
            stack: Vec::new(),
            muted: 0,
        }
    }

    /// The object, normalised. Errors are left in `self`.
    pub(crate) fn object(&mut self, id: StructId, node: &Node) -> Value {
        self.value(&Shape::Struct(id), node)
    }

    fn value(&mut self, shape: &Shape, node: &Node) -> Value {
        if matches!(node, Node::Null) {
            return self.zero(shape);
        }
        match (shape.bare(), node) {
            (Shape::Pointer(inner), _) => self.value(inner, node),
            (Shape::String, Node::String(text)) => Value::String(text.clone()),
            (Shape::Bool, Node::Bool(b)) => Value::Bool(*b),
            (Shape::Int32, Node::Number(n)) => {
                self.integer(shape, n, |n| n.parse::<i32>().ok().map(i64::from))
            }
            (Shape::Int64, Node::Number(n)) => self.integer(shape, n, |n| n.parse::<i64>().ok()),
            (Shape::Float, Node::Number(n)) => n.parse().map_or(Value::Null, json::float),
            (Shape::Bytes, Node::String(text)) => self.bytes(text),
            (Shape::Quantity, _) => self.quantity(node),
            (Shape::Time, Node::String(text)) => self.time(text, time::canonical),
            (Shape::MicroTime, Node::String(text)) => self.time(text, time::canonical_micro),
            (Shape::Duration, Node::String(text)) => {
                let duration = time::canonical_duration(text);
                self.or_fail(duration.map(Value::String))
            }
            (Shape::IntOrString, Node::String(text)) => Value::String(text.clone()),
            (Shape::IntOrString, _) => self.value(&Shape::Int32, node),
            (Shape::Raw | Shape::FieldsV1 | Shape::Json, _) => node.to_value(),
            (Shape::SchemaOrBool | Shape::SchemaOrArray | Shape::SchemaOrStrings, _) => {
                self.schema_or(shape.bare(), node)
            }
            (Shape::List(item) | Shape::Wrapped(item), Node::Array(items)) => {
                self.list(shape.bare(), item, items)
            }
            (Shape::Map(item), Node::Object(members)) => self.map(item, members),
            (Shape::Struct(id), Node::Object(members)) => self.structure(*id, members),
            (Shape::Time | Shape::MicroTime | Shape::Duration, _) => {
                self.mismatch(node.word(), &Shape::String)
            }
            _ => self.mismatch(node.word(), shape),
        }
    }

    /// What a Go value that nobody set is encoded as, after it went through protobuf.
    pub(crate) fn zero(&mut self, shape: &Shape) -> Value {
        match shape.bare() {
            Shape::String => Value::String(String::new()),
            Shape::Bool | Shape::SchemaOrBool => Value::Bool(false),
            Shape::Int32 | Shape::Int64 | Shape::Float | Shape::IntOrString => Value::from(0),
            Shape::Quantity => Value::from("0"),
            Shape::Duration => Value::from("0s"),
            Shape::Struct(id) => self.structure(*id, &[]),
            _ => Value::Null,
        }
    }

    fn structure(&mut self, id: StructId, members: &[(String, Node)]) -> Value {
        let types = self.types;
        let of = types.get(id);
        let mut found: Vec<Option<Value>> = vec![None; of.fields.len()];
        for (key, node) in members {
            let Some(&at) = of.index.get(key) else {
                self.note("unknown", key);
                continue;
            };
            if found[at].is_some() {
                self.note("duplicate", key);
            }
            let length = self.push(key);
            self.stack.push((id, key.clone()));
            found[at] = Some(self.value(&of.fields[at].shape, node));
            self.stack.pop();
            self.path.truncate(length);
        }
        let mut out = Map::new();
        for (field, value) in of.fields.iter().zip(found) {
            let value = match value {
                Some(value) => value,
                None if field.omit_empty && is_omitted_when_unset(field) => continue,
                None => self.zero(&field.shape),
            };
            if !is_omitted(field, &value) {
                out.insert(field.name.clone(), value);
            }
        }
        Value::Object(out)
    }

    fn list(&mut self, shape: &Shape, item: &Shape, items: &[Node]) -> Value {
        let mut out = Vec::with_capacity(items.len());
        for (at, node) in items.iter().enumerate() {
            let length = self.path.len();
            self.path.push_str(&format!("[{at}]"));
            out.push(self.value(item, node));
            self.path.truncate(length);
        }
        if out.is_empty() && !matches!(shape, Shape::Wrapped(_)) {
            return Value::Null;
        }
        Value::Array(out)
    }

    fn map(&mut self, item: &Shape, members: &[(String, Node)]) -> Value {
        let mut out = Map::new();
        for (key, node) in members {
            if out.contains_key(key) {
                self.note("duplicate", key);
            }
            let length = self.push(key);
            let mut value = self.value(item, node);
            if value.is_null() {
                // Protobuf knows no absent map values.
                match item.bare() {
                    Shape::Bytes => value = Value::from(""),
                    Shape::Wrapped(_) => value = Value::Array(Vec::new()),
                    _ => {}
                }
            }
            self.path.truncate(length);
            out.insert(key.clone(), value);
        }
        if out.is_empty() {
            Value::Null
        } else {
            Value::Object(out)
        }
    }

    /// The types of a CRD's schema that are this or that.
    fn schema_or(&mut self, shape: &Shape, node: &Node) -> Value {
        let Some(schema) = self.types.named(SCHEMA).map(Shape::Struct) else {
            return node.to_value();
        };
        self.muted += 1;
        let value = match (shape, node) {
            (Shape::SchemaOrBool, Node::Bool(b)) => Value::Bool(*b),
            (Shape::SchemaOrArray, Node::Array(items)) => self.list(&Shape::Json, &schema, items),
            (Shape::SchemaOrStrings, Node::Array(items)) => {
                self.list(&Shape::Json, &Shape::String, items)
            }
            (_, Node::Object(_)) => self.value(&schema, node),
            (Shape::SchemaOrBool, _) => self.fail("boolean or JSON schema expected".to_owned()),
            _ => Value::Null,
        };
        self.muted -= 1;
        value
    }

    fn integer(
        &mut self,
        shape: &Shape,
        literal: &str,
        read: impl Fn(&str) -> Option<i64>,
    ) -> Value {
        match read(literal) {
            Some(n) => Value::from(n),
            None => self.mismatch(&format!("number {literal}"), shape),
        }
    }

    fn bytes(&mut self, text: &str) -> Value {
        // Go skips line breaks; positions in its error count them.
        let plain: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        match BASE64.decode(&plain) {
            Ok(bytes) => Value::String(BASE64.encode(bytes)),
            Err(_) => {
                let at = base64_error(text.as_bytes());
                self.fail(format!("illegal base64 data at input byte {at}"))
            }
        }
    }

    fn quantity(&mut self, node: &Node) -> Value {
        let text = match node {
            Node::String(text) | Node::Number(text) => text.trim(),
            Node::Bool(true) => "true",
            Node::Bool(false) => "false",
            _ => "{",
        };
        let parsed = Quantity::parse(text).map(|q| Value::String(q.canonical()));
        self.or_fail(parsed.map_err(str::to_owned))
    }

    fn time(&mut self, text: &str, read: fn(&str) -> Result<Option<String>, String>) -> Value {
        let time = read(text).map(|time| time.map_or(Value::Null, Value::String));
        self.or_fail(time)
    }

    fn or_fail(&mut self, value: Result<Value, String>) -> Value {
        value.unwrap_or_else(|error| self.fail(error))
    }

    fn fail(&mut self, error: String) -> Value {
        self.error.get_or_insert(error);
        Value::Null
    }

    fn mismatch(&mut self, what: &str, shape: &Shape) -> Value {
        let wanted = go_type(self.types, shape);
        let error = match self.stack.last() {
            None => format!("json: cannot unmarshal {what} into Go value of type {wanted}"),
            Some((id, _)) => {
                let fields: Vec<&str> = self.stack.iter().map(|(_, f)| f.as_str()).collect();
                format!(
                    "json: cannot unmarshal {what} into Go struct field {}.{} of type {wanted}",
                    self.types.get(*id).short_name(),
                    fields.join(".")
                )
            }
        };
        self.fail(error)
    }

    fn note(&mut self, what: &str, key: &str) {
        if self.muted > 0 {
            return;
        }
        let length = self.push(key);
        let text = format!("{what} field {}", go_quote(&self.path));
        self.path.truncate(length);
        if !self.strict.contains(&text) {
            self.strict.push(text);
        }
    }

    /// Appends a key to the path; the length before it comes back.
    fn push(&mut self, key: &str) -> usize {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        length
    }
}

/// Whether an unset field with omitempty is left out; Go never leaves out structs for it.
fn is_omitted_when_unset(field: &Field) -> bool {
    !matches!(
        field.shape.bare(),
        Shape::Struct(_)
            | Shape::Time
            | Shape::MicroTime
            | Shape::Duration
            | Shape::Quantity
            | Shape::IntOrString
            | Shape::Raw
            | Shape::FieldsV1
            | Shape::Json
            | Shape::SchemaOrBool
            | Shape::SchemaOrArray
            | Shape::SchemaOrStrings
    )
}

fn is_omitted(field: &Field, value: &Value) -> bool {
    if field.omit_zero && value.is_null() {
        return true;
    }
    if !field.omit_empty {
        return false;
    }
    match (field.shape.bare(), value) {
        (Shape::String | Shape::Bytes, Value::String(text)) => text.is_empty(),
        (Shape::Bool, Value::Bool(b)) => !b,
        (Shape::Int32 | Shape::Int64 | Shape::Float, Value::Number(n)) => n.as_f64() == Some(0.0),
        (Shape::List(_) | Shape::Wrapped(_), Value::Array(items)) => items.is_empty(),
        (_, Value::Null) => is_omitted_when_unset(field),
        _ => false,
    }
}

/// The byte at which Go's base64 decoder gives up.
fn base64_error(text: &[u8]) -> usize {
    let legal = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'\r' | b'\n');
    match text.iter().position(|c| !legal(c)) {
        Some(at) if text[at] != b'=' => at,
        // A bad end: Go names the start of the last, incomplete group of four.
        Some(at) => at,
        None => text.len() / 4 * 4,
    }
}

/// A type as Go prints it.
fn go_type(types: &Types, shape: &Shape) -> String {
    match shape {
        Shape::Named(name, _) => name.clone(),
        Shape::String => "string".to_owned(),
        Shape::Bool => "bool".to_owned(),
        Shape::Int32 => "int32".to_owned(),
        Shape::Int64 => "int64".to_owned(),
        Shape::Float => "float64".to_owned(),
        Shape::Bytes => "[]uint8".to_owned(),
        Shape::Quantity => "resource.Quantity".to_owned(),
        Shape::Time => "v1.Time".to_owned(),
        Shape::MicroTime => "v1.MicroTime".to_owned(),
        Shape::Duration => "v1.Duration".to_owned(),
        Shape::IntOrString => "intstr.IntOrString".to_owned(),
        Shape::Raw => "runtime.RawExtension".to_owned(),
        Shape::FieldsV1 => "v1.FieldsV1".to_owned(),
        Shape::Json => "v1.JSON".to_owned(),
        Shape::SchemaOrBool => "v1.JSONSchemaPropsOrBool".to_owned(),
        Shape::SchemaOrArray => "v1.JSONSchemaPropsOrArray".to_owned(),
        Shape::SchemaOrStrings => "v1.JSONSchemaPropsOrStringArray".to_owned(),
        Shape::Pointer(inner) => format!("*{}", go_type(types, inner)),
        Shape::List(item) | Shape::Wrapped(item) => format!("[]{}", go_type(types, item)),
        Shape::Map(item) => format!("map[string]{}", go_type(types, item)),
        Shape::Struct(id) => types.get(*id).go_name().to_owned(),
    }
}
