//! `FieldsV1`: a field set as JSON, byte for byte as upstream writes it.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Number;

use super::{FieldSet, KeyField, PathElement};
use crate::Value;
use crate::golang::{Html, write_json, write_json_string};

/// Why a text is no path element.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidElement {
    /// It has fewer than two characters.
    #[error("key must be 2 characters long:")]
    TooShort,
    /// Its second character is no colon.
    #[error("missing colon: {0}")]
    NoColon(String),
    /// What follows the colon does not parse.
    #[error("{0}")]
    Content(String),
}

/// Reads a path element such as `f:spec` or `k:{"name":"a"}`: `None` for a kind that is not known, which readers drop.
///
/// # Errors
/// [`InvalidElement`] where the text is no path element.
pub fn parse_element(text: &str) -> Result<Option<PathElement>, InvalidElement> {
    let Some((kind, content)) = text.split_at_checked(2) else {
        return Err(match text.len() {
            0 | 1 => InvalidElement::TooShort,
            _ => InvalidElement::NoColon(text.into()),
        });
    };
    let bad = |error: serde_json::Error| InvalidElement::Content(error.to_string());
    Ok(Some(match kind {
        "f:" => PathElement::field(content),
        "v:" => PathElement::Value(Arc::new(with_floats(
            serde_json::from_str(content).map_err(bad)?,
        ))),
        "k:" => {
            let fields: crate::Map<String, Value> = serde_json::from_str(content).map_err(bad)?;
            let fields: Vec<KeyField> = fields
                .into_iter()
                .map(|(name, value)| (name.into(), with_floats(value)))
                .collect();
            PathElement::key(fields)
        }
        "i:" => PathElement::Index(content.parse().map_err(|_| {
            InvalidElement::Content(format!("strconv.Atoi: parsing {content:?}: invalid syntax"))
        })?),
        _ if kind.ends_with(':') => return Ok(None),
        _ => return Err(InvalidElement::NoColon(text.into())),
    }))
}

/// Upstream reads every number of a path element as a float, which shows where it prints one.
fn with_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => number
            .as_f64()
            .and_then(Number::from_f64)
            .map_or(Value::Null, Value::Number),
        other => other,
    }
}

impl PathElement {
    /// `f:spec`, `k:{"name":"a"}`, `v:"a"` or `i:0`.
    pub fn to_fields_v1(&self) -> String {
        let mut out = String::new();
        match self {
            Self::Field(name) => {
                out.push_str("f:");
                out.push_str(name);
            }
            Self::Key(fields) => {
                out.push_str("k:{");
                for (at, (name, value)) in fields.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    write_json_string(&mut out, name, Html::Kept);
                    out.push(':');
                    write_json(&mut out, value);
                }
                out.push('}');
            }
            Self::Value(value) => {
                out.push_str("v:");
                write_json(&mut out, value);
            }
            Self::Index(at) => {
                out.push_str("i:");
                out.push_str(&at.to_string());
            }
        }
        out
    }
}

impl FieldSet {
    /// The set as `FieldsV1`, in upstream's order.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// The same, written behind what stands in `out`.
    pub(crate) fn write_json(&self, out: &mut String) {
        out.push('{');
        self.write_contents(out, false);
        out.push('}');
    }

    fn write_contents(&self, out: &mut String, is_member: bool) {
        let mut first = true;
        let mut begin = |out: &mut String, name: &str| {
            if !std::mem::take(&mut first) {
                out.push(',');
            }
            write_json_string(out, name, Html::Kept);
            out.push_str(":{");
        };
        if is_member && !(self.members.is_empty() && self.children.is_empty()) {
            begin(out, ".");
            out.push('}');
        }
        self.each(|element, is_member, child| {
            begin(out, &element.to_fields_v1());
            if let Some(child) = child {
                child.write_contents(out, is_member);
            }
            out.push('}');
        });
    }

    /// Calls `visit` with each element of the first level, in order.
    fn each(&self, mut visit: impl FnMut(&PathElement, bool, Option<&FieldSet>)) {
        let order = |member: &PathElement, child: &(PathElement, _)| member.cmp(&child.0);
        super::zip(&self.members, &self.children, order, |step| match step {
            super::Step::Left(at) => visit(&self.members[at], true, None),
            super::Step::Right(at) => {
                visit(&self.children[at].0, false, Some(&self.children[at].1));
            }
            super::Step::Both(_, at) => {
                visit(&self.children[at].0, true, Some(&self.children[at].1));
            }
        });
    }
}

/// A node of the tree as it is written: below, and whether it is a member itself.
struct Node<'a>(Option<&'a FieldSet>, bool);

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(set) = self.0 {
            if self.1 && !(set.members.is_empty() && set.children.is_empty()) {
                map.serialize_entry(".", &Node(None, false))?;
            }
            let mut result = Ok(());
            set.each(|element, is_member, child| {
                if result.is_ok() {
                    let node = Node(child, is_member);
                    result = map.serialize_entry(&element.to_fields_v1(), &node);
                }
            });
            result?;
        }
        map.end()
    }
}

impl Serialize for FieldSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Node(Some(self), false).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FieldSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Read::deserialize(deserializer)?.below.unwrap_or_default())
    }
}

/// What was read of a node; `below` is `None` where nothing lies below it, which makes it a member.
struct Read {
    below: Option<FieldSet>,
    is_member: bool,
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadVisitor)
    }
}

struct ReadVisitor;

impl<'de> Visitor<'de> for ReadVisitor {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of fields")
    }

    fn visit_unit<E>(self) -> Result<Read, E> {
        Ok(Read {
            below: None,
            is_member: true,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
        let mut below: Option<FieldSet> = None;
        let mut is_member = false;
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if name == "." {
                is_member = true;
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let Some(element) = parse_element(&name).map_err(de::Error::custom)? else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let child: Read = map.next_value()?;
            let set = below.get_or_insert_default();
            if let Some(grandchildren) = child.below {
                set.insert_node(element.clone(), Arc::new(grandchildren));
            }
            if child.is_member {
                set.insert_member(element);
            }
        }
        Ok(Read {
            is_member: is_member || below.is_none(),
            below,
        })
    }
}
