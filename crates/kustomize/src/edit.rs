//! Setting fields of a tree as kyaml sets them, which keeps quotes: what is written in a quoted place stays text.

use krm::yaml::{Kind, Node, Scalar, Style, Tag};

use crate::error::Error;

/// Overwrites a scalar: the content and type change, quotes and place stay.
pub(crate) fn set_scalar(node: &mut Node, new: Scalar) -> Result<(), Error> {
    match &mut node.kind {
        Kind::Scalar(old) => {
            *old = Scalar {
                style: old.style,
                tagged: old.tagged,
                link: old.link,
                ..new
            };
            Ok(())
        }
        _ => Err(wrong_kind("ScalarNode", node)),
    }
}

/// Sets a mapping's field; an existing scalar keeps its quotes.
pub(crate) fn set_field(map: &mut Node, name: &str, mut value: Node) -> Result<(), Error> {
    if let Some(old) = map.get_mut(name) {
        overwrite(old, value);
        return Ok(());
    }
    match &mut map.kind {
        Kind::Map(entries) => {
            if let Kind::Scalar(scalar) = &mut value.kind
                && scalar.style == Style::Plain
                && matches!(scalar.tag, Tag::Unset | Tag::Str)
                && krm::yaml::looks_like_non_string(&scalar.text)
            {
                scalar.style = Style::Double;
            }
            entries.push((Node::plain(name), value));
            Ok(())
        }
        _ => Err(wrong_kind("MappingNode", map)),
    }
}

/// Puts `new` where `old` stands, as a pointer's target is overwritten: style and links stay.
pub(crate) fn overwrite(old: &mut Node, new: Node) {
    let mut kind = new.kind;
    if let (Kind::Scalar(old), Kind::Scalar(new)) = (&old.kind, &mut kind) {
        (new.style, new.tagged, new.link) = (old.style, old.tagged, old.link);
    }
    old.kind = kind;
}

/// The field of a mapping, made as an empty mapping where it is absent or null.
pub(crate) fn child_map<'a>(map: &'a mut Node, name: &str) -> Result<&'a mut Node, Error> {
    if map.get(name).is_none_or(Node::is_null) {
        map.remove(name);
        match &mut map.kind {
            Kind::Map(entries) => entries.push((Node::plain(name), Node::map())),
            _ => return Err(wrong_kind("MappingNode", map)),
        }
    }
    map.get_mut(name)
        .ok_or_else(|| Error::new(format!("no field named '{name}'")))
}

/// kyaml's complaint about a node of another kind.
pub(crate) fn wrong_kind(expected: &str, node: &Node) -> Error {
    let actual = match node.kind {
        Kind::Scalar(_) => "ScalarNode",
        Kind::List(_) => "SequenceNode",
        Kind::Map(_) => "MappingNode",
    };
    Error::new(format!(
        "wrong node kind: expected {expected} but got {actual}"
    ))
}

/// Whether a node is missing, null or an empty collection.
pub(crate) fn is_nothing(node: Option<&Node>) -> bool {
    match node.map(|node| &node.kind) {
        None => true,
        Some(Kind::Scalar(scalar)) => scalar.tag == Tag::Null,
        Some(Kind::List(items)) => items.is_empty(),
        Some(Kind::Map(entries)) => entries.is_empty(),
    }
}
