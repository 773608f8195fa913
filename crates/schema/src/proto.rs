//! Reads Kubernetes' protobuf: the `k8s\0` envelope, and bodies by the table of types.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use krm::{Map, Value};

use crate::json;
use crate::table::{Shape, Struct, StructId, Types};
use crate::time;

/// What an envelope holds.
#[derive(Debug, PartialEq)]
pub(crate) struct Envelope<'b> {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) body: &'b [u8],
}

/// The four bytes every body begins with.
const MAGIC: &[u8] = b"k8s\0";
const MAX_DEPTH: usize = 200;

const SCHEMA: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

/// Opens the envelope.
pub(crate) fn open(bytes: &[u8]) -> Result<Envelope<'_>, String> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return Err("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]".to_owned());
    };
    let mut envelope = Envelope {
        api_version: String::new(),
        kind: String::new(),
        body: &[],
    };
    let mut reader = Reader(rest);
    while let Some((number, wire)) = reader.next()? {
        match (number, wire) {
            (1, Wire::Bytes(meta)) => {
                let mut meta = Reader(meta);
                while let Some((number, wire)) = meta.next()? {
                    match (number, wire) {
                        (1, Wire::Bytes(text)) => envelope.api_version = string(text),
                        (2, Wire::Bytes(text)) => envelope.kind = string(text),
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(body)) => envelope.body = body,
            (3, Wire::Bytes(encoding)) if !encoding.is_empty() => {
                return Err("unsupported content encoding in protobuf envelope".to_owned());
            }
            _ => {}
        }
    }
    Ok(envelope)
}

/// Reads a message of that type as JSON. What is unset is left out; [`crate::decode`] completes it.
pub(crate) fn message(
    types: &Types,
    id: StructId,
    bytes: &[u8],
) -> Result<Map<String, Value>, String> {
    let mut out = Map::new();
    Decoder { types, depth: 0 }.fields(types.get(id), bytes, &mut out)?;
    Ok(out)
}

/// One value on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wire<'b> {
    Varint(u64),
    Fixed(u64),
    Bytes(&'b [u8]),
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let Some((&byte, rest)) = self.0.split_first() else {
                return Err("unexpected EOF".to_owned());
            };
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err("proto: integer overflow".to_owned())
    }

    fn take(&mut self, length: u64) -> Result<&'b [u8], String> {
        let length = usize::try_from(length)
            .map_err(|_| "proto: negative length found during unmarshaling")?;
        if length > self.0.len() {
            return Err("unexpected EOF".to_owned());
        }
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        Ok(taken)
    }

    fn next(&mut self) -> Result<Option<(u32, Wire<'b>)>, String> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).ok().filter(|n| *n > 0);
        let Some(number) = number else {
            return Err(format!(
                "proto: illegal tag {} (wire type {})",
                tag >> 3,
                tag & 7
            ));
        };
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed(little_endian(self.take(8)?)),
            2 => {
                let length = self.varint()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Fixed(little_endian(self.take(4)?)),
            other => return Err(format!("proto: illegal wireType {other}")),
        };
        Ok(Some((number, wire)))
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, b| (n << 8) | u64::from(*b))
}

fn string(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

struct Decoder<'t> {
    types: &'t Types,
    depth: usize,
}

impl Decoder<'_> {
    fn fields(
        &mut self,
        of: &Struct,
        bytes: &[u8],
        out: &mut Map<String, Value>,
    ) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("proto: message nests too deeply".to_owned());
        }
        let types = self.types;
        let mut reader = Reader(bytes);
        while let Some((number, wire)) = reader.next()? {
            if let Some((_, inner)) = of.inlined.iter().find(|(n, _)| *n == number) {
                let Wire::Bytes(bytes) = wire else {
                    return Err(wrong_wire(&of.name));
                };
                self.fields(types.get(*inner), bytes, out)?;
                continue;
            }
            let field = of
                .own
                .iter()
                .map(|&at| &of.fields[at])
                .find(|f| f.number == number);
            // Fields of newer versions are skipped.
            let Some(field) = field else { continue };
            self.put(
                &field.shape,
                wire,
                out.entry(field.name.clone()).or_insert(Value::Null),
            )?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Repeated fields and maps grow, everything else is replaced.
    fn put(&mut self, shape: &Shape, wire: Wire<'_>, slot: &mut Value) -> Result<(), String> {
        match shape.target() {
            Shape::List(item) => {
                let items = match slot {
                    Value::Array(items) => items,
                    _ => {
                        *slot = Value::Array(Vec::new());
                        return self.put(shape, wire, slot);
                    }
                };
                match (item.target(), wire) {
                    (Shape::Int32 | Shape::Int64 | Shape::Bool, Wire::Bytes(packed)) => {
                        let mut reader = Reader(packed);
                        while !reader.0.is_empty() {
                            let n = reader.varint()?;
                            items.push(self.value(item, Wire::Varint(n))?);
                        }
                    }
                    _ => items.push(self.value(item, wire)?),
                }
            }
            Shape::Map(item) => {
                let Wire::Bytes(bytes) = wire else {
                    return Err(wrong_wire("map"));
                };
                let (mut key, mut value) = (String::new(), Value::Null);
                let mut reader = Reader(bytes);
                while let Some((number, wire)) = reader.next()? {
                    match (number, wire) {
                        (1, Wire::Bytes(text)) => key = string(text),
                        (2, _) => value = self.value(item, wire)?,
                        _ => {}
                    }
                }
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Value::Object(map) = slot {
                    map.insert(key, value);
                }
            }
            _ => *slot = self.value(shape, wire)?,
        }
        Ok(())
    }

    #[expect(
        clippy::cast_possible_wrap,
        clippy::cast_possible_truncation,
        reason = "varints are two's complement"
    )]
    fn value(&mut self, shape: &Shape, wire: Wire<'_>) -> Result<Value, String> {
        let types = self.types;
        Ok(match (shape.target(), wire) {
            (Shape::Bool, Wire::Varint(n)) => Value::Bool(n != 0),
            (Shape::Int32, Wire::Varint(n)) => Value::from(n as i32),
            (Shape::Int64, Wire::Varint(n)) => Value::from(n as i64),
            (Shape::Float, Wire::Fixed(bits)) => json::float(f64::from_bits(bits)),
            (Shape::String, Wire::Bytes(text)) => Value::String(string(text)),
            (Shape::Bytes, Wire::Bytes(bytes)) => Value::String(BASE64.encode(bytes)),
            (Shape::Struct(id), Wire::Bytes(bytes)) => {
                let mut out = Map::new();
                self.fields(types.get(*id), bytes, &mut out)?;
                Value::Object(out)
            }
            (Shape::Wrapped(item), Wire::Bytes(bytes)) => {
                let mut list = Value::Array(Vec::new());
                for wire in numbered(bytes, 1)? {
                    self.put(&Shape::List(item.clone()), wire, &mut list)?;
                }
                list
            }
            (special, Wire::Bytes(bytes)) => return self.special(special, bytes),
            _ => return Err(wrong_wire("scalar")),
        })
    }

    /// Types that write their own JSON.
    #[expect(
        clippy::cast_possible_wrap,
        clippy::cast_possible_truncation,
        reason = "varints are two's complement"
    )]
    fn special(&mut self, shape: &Shape, bytes: &[u8]) -> Result<Value, String> {
        let text = |number| {
            Ok::<_, String>(numbered(bytes, number)?.iter().rev().find_map(|w| match w {
                Wire::Bytes(text) => Some(*text),
                _ => None,
            }))
        };
        let integer = |number| {
            Ok::<_, String>(numbered(bytes, number)?.iter().rev().find_map(|w| match w {
                Wire::Varint(n) => Some(*n),
                _ => None,
            }))
        };
        Ok(match shape {
            Shape::Quantity => text(1)?
                .filter(|t| !t.is_empty())
                .map_or(Value::Null, |t| Value::String(string(t))),
            Shape::Time | Shape::MicroTime => {
                let (seconds, nanos) = (
                    integer(1)?.unwrap_or(0) as i64,
                    integer(2)?.unwrap_or(0) as i32,
                );
                if seconds == 0 && nanos == 0 {
                    return Ok(Value::Null);
                }
                let time = Timestamp::new(seconds, nanos).map_err(|e| e.to_string())?;
                let text = if *shape == Shape::Time {
                    time::format(time)
                } else {
                    time::format_micro(time)
                };
                text.map_or(Value::Null, Value::String)
            }
            Shape::Duration => {
                Value::String(time::format_duration(integer(1)?.unwrap_or(0) as i64))
            }
            Shape::IntOrString => match integer(1)? {
                Some(1) => Value::String(text(3)?.map(string).unwrap_or_default()),
                _ => Value::from(integer(2)?.unwrap_or(0) as i32),
            },
            Shape::Raw | Shape::FieldsV1 | Shape::Json => match text(1)? {
                None | Some([]) => Value::Null,
                Some(raw) => json::parse(raw)?.to_value(),
            },
            Shape::SchemaOrBool => match text(2)? {
                Some(schema) => self.schema(schema)?,
                None => Value::Bool(integer(1)?.unwrap_or(0) != 0),
            },
            Shape::SchemaOrArray | Shape::SchemaOrStrings => {
                let mut items = Vec::new();
                for wire in numbered(bytes, 2)? {
                    if let Wire::Bytes(item) = wire {
                        items.push(if *shape == Shape::SchemaOrArray {
                            self.schema(item)?
                        } else {
                            Value::String(string(item))
                        });
                    }
                }
                match text(1)? {
                    Some(schema) if items.is_empty() => self.schema(schema)?,
                    _ => Value::Array(items),
                }
            }
            _ => return Err(wrong_wire("message")),
        })
    }

    fn schema(&mut self, bytes: &[u8]) -> Result<Value, String> {
        let types = self.types;
        let Some(id) = types.named(SCHEMA) else {
            return Ok(Value::Null);
        };
        self.value(&Shape::Struct(id), Wire::Bytes(bytes))
    }
}

/// All values of a field in a message.
fn numbered(bytes: &[u8], number: u32) -> Result<Vec<Wire<'_>>, String> {
    let mut reader = Reader(bytes);
    let mut found = Vec::new();
    while let Some((n, wire)) = reader.next()? {
        if n == number {
            found.push(wire);
        }
    }
    Ok(found)
}

fn wrong_wire(of: &str) -> String {
    format!("proto: wrong wireType for field of {of}")
}
