//! Reading resources as kyaml reads them: documents, lists of objects, anchors.

use std::collections::VecDeque;

use krm::yaml::{self, Dialect, Kind, Node};

use crate::edit;
use crate::error::{Error, Place};
use crate::resource::Resource;

/// Every object of a text; `file` is only for messages.
pub(crate) fn resources(file: &str, text: &str) -> Result<Vec<Resource>, Error> {
    let nodes = nodes(text).map_err(|error| Error::yaml(file, &error))?;
    let mut result = Vec::new();
    let mut queue: VecDeque<Node> = nodes.into();
    while let Some(node) = queue.pop_front() {
        if edit::is_nothing(Some(&node)) {
            continue;
        }
        check(&node).map_err(|message| {
            Error::new(message).placed(Place {
                file: file.into(),
                at: (node.mark.line > 0).then_some((node.mark.line, node.mark.column)),
                field: String::new(),
            })
        })?;
        let is_list = text_of(&node, "kind").is_some_and(|kind| kind.ends_with("List"));
        match is_list.then(|| node.get("items")).flatten() {
            None => result.push(Resource::new(node)),
            Some(items) => queue.extend(embedded(file, items)?),
        }
    }
    Ok(result)
}

/// The items of a `FooList`, which kustomize takes through JSON.
fn embedded(file: &str, items: &Node) -> Result<Vec<Node>, Error> {
    let Kind::List(list) = &items.kind else {
        if items.is_null() {
            return Ok(Vec::new());
        }
        return Err(Error::in_file(file, "expected array in items of a list"));
    };
    let through_json = |item: &Node| {
        let value = item.to_value(Dialect::Kyaml);
        let value = value.map_err(|error| Error::yaml(file, &error))?;
        Ok(Node::from_value(&value))
    };
    list.iter().map(through_json).collect()
}

/// kyaml splits a text before it parses: each piece is one document, whatever follows it there.
fn nodes(text: &str) -> Result<Vec<Node>, yaml::Error> {
    let limits = yaml::Limits::default();
    let unified;
    let text = if text.contains("\r\n") {
        unified = text.replace("\r\n", "\n");
        &unified
    } else {
        text
    };
    let mut nodes = Vec::new();
    let pieces = pieces(text)?;
    let alone = pieces.len() == 1;
    for (line, piece) in pieces {
        let parsed = yaml::parse_first(piece, &limits);
        let Some(document) = parsed.map_err(|error| error.moved_down(line))? else {
            continue;
        };
        let mut root = document.root;
        if root.is_null() {
            continue;
        }
        root.move_down(line);
        let wraps = matches!(text_of(&root, "kind"), Some("List" | "ResourceList"));
        match root.get_mut("items") {
            Some(items) if alone && wraps => {
                if let Kind::List(items) = &mut items.kind {
                    nodes.append(items);
                }
            }
            _ => nodes.push(root),
        }
    }
    Ok(nodes)
}

/// The pieces between lines that start with `---`, with the number of lines before each.
fn pieces(text: &str) -> Result<Vec<(usize, &str)>, yaml::Error> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut pieces = Vec::new();
    let (mut start, mut first_line) = (0, 0);
    let mut at = 0;
    // A separator right after one is none: it needs a line break before it, and that was taken.
    let mut fresh = true;
    for (line, whole) in text.split_inclusive('\n').enumerate() {
        let separates = whole.starts_with("---") && whole.ends_with('\n') && !fresh;
        fresh = separates;
        if separates {
            let rest = whole[3..].trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                return Err(yaml::Error {
                    line: line + 1,
                    column: 1,
                    message: format!("invalid document separator: {}", whole.trim()),
                });
            }
            pieces.push((first_line, &text[start..at]));
            (start, first_line) = (at + whole.len(), line + 1);
        }
        at += whole.len();
    }
    pieces.push((first_line, &text[start..]));
    Ok(pieces)
}

/// Whether a node is an object: it has a kind, and a name unless it is a list.
fn check(node: &Node) -> Result<(), String> {
    let metadata = node
        .get("metadata")
        .filter(|meta| !edit::is_nothing(Some(meta)));
    let has = |name| text_of(node, name).is_some();
    if !has("apiVersion") && !has("kind") && metadata.is_none() {
        return Err("missing Resource metadata".into());
    }
    let kind = text_of(node, "kind").unwrap_or_default();
    if kind.is_empty() {
        return Err("missing kind in object".into());
    }
    let name = metadata.and_then(|meta| text_of(meta, "name"));
    if name.unwrap_or_default().is_empty() && !kind.ends_with("List") {
        return Err(format!("missing metadata.name in object of kind {kind}"));
    }
    Ok(())
}

fn text_of<'a>(node: &'a Node, name: &str) -> Option<&'a str> {
    node.get(name).filter(|value| !value.is_null())?.text()
}
