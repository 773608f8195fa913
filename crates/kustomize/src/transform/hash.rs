//! The hash at the end of a generated name.

use krm::Value;
use krm::yaml::{Kind, Node};
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::resmap::ResMap;
use crate::resource::Resource;

pub(crate) fn apply(map: &mut ResMap) -> Result<(), Error> {
    for resource in map.list_mut().iter_mut().filter(|one| one.needs_hash) {
        let name = format!("{}-{}", resource.name(), hash(resource)?);
        resource.store_previous_id();
        resource.set_name(&name)?;
    }
    Ok(())
}

fn hash(resource: &Resource) -> Result<String, Error> {
    let node = &resource.node;
    let mut fields = krm::Map::new();
    fields.insert("kind".into(), resource.kind().into());
    // kustomize looks for a field that is called "metadata/name": the name is never part of it.
    fields.insert("name".into(), "".into());
    fields.insert("data".into(), field(node, "data")?);
    let more = match resource.kind() {
        "Secret" => {
            fields.insert("type".into(), field(node, "type")?);
            "stringData"
        }
        _ => "binaryData",
    };
    if let value @ Value::Object(_) = field(node, more)? {
        fields.insert(more.into(), value);
    }
    let json = go_json(&Value::Object(fields));
    Ok(encode(&Sha256::digest(json.as_bytes())))
}

/// A field's value; text where it is a scalar, empty text where it is absent.
fn field(node: &Node, name: &str) -> Result<Value, Error> {
    match node.get(name) {
        None => Ok(Value::String(String::new())),
        Some(value) => match &value.kind {
            Kind::Scalar(scalar) => Ok(Value::String(scalar.text.clone())),
            _ => value
                .to_value(krm::yaml::Dialect::Kyaml)
                .map_err(|error| Error::new(error.message)),
        },
    }
}

/// JSON as Go writes it: safe to stand in HTML.
fn go_json(value: &Value) -> String {
    let json = value.to_string();
    if !json.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

/// Ten hexadecimal digits, with those replaced that could make words.
fn encode(digest: &[u8]) -> String {
    let digits = digest
        .iter()
        .take(5)
        .flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(b"gh2k456789mbcdtf"[usize::from(digit)]))
        .collect()
}
