//! Anchors and merge keys: what an alias stands for, and what it costs.

use std::collections::HashMap;

use super::{Duplicates, Error, Kind, Mark, Node, Tag};

/// Finished anchors of a document by their number.
#[derive(Default)]
pub(super) struct Anchors(HashMap<usize, Anchor>);

struct Anchor {
    node: Node,
    size: Size,
}

/// How large a tree is.
#[derive(Clone, Copy)]
pub(super) struct Size {
    /// Nodes, itself included.
    pub(super) nodes: usize,
    /// Collections inside collections, 0 for a scalar.
    pub(super) depth: usize,
}

impl Anchors {
    /// Remembers a finished node under its anchor's number; 0 is no anchor.
    pub(super) fn define(&mut self, id: usize, node: &Node) {
        if id != 0 {
            let size = size(node);
            let node = node.clone();
            self.0.insert(id, Anchor { node, size });
        }
    }

    /// What an alias stands for. `None` while the anchored node is not finished: it would contain itself.
    pub(super) fn get(&self, id: usize) -> Option<(&Node, Size)> {
        self.0.get(&id).map(|anchor| (&anchor.node, anchor.size))
    }

    /// Forgets everything: anchors do not cross documents.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Measures a tree. The reader bounds depth, so recursion is bounded too.
pub(super) fn size(node: &Node) -> Size {
    let mut sum = Size { nodes: 1, depth: 0 };
    let mut add = |child: &Node| {
        let child = size(child);
        sum.nodes += child.nodes;
        sum.depth = sum.depth.max(child.depth);
    };
    match &node.kind {
        Kind::Scalar(_) => return sum,
        Kind::List(items) => items.iter().for_each(&mut add),
        Kind::Map(entries) => entries.iter().for_each(|(key, value)| {
            add(key);
            add(value);
        }),
    }
    sum.depth += 1;
    sum
}

/// Whether a key is a merge key.
pub(super) fn is_merge(key: &Node) -> bool {
    key.as_scalar()
        .is_some_and(|scalar| scalar.tag == Tag::Merge)
}

/// Replaces a mapping's merge key by what it brings: own keys win, then earlier mappings of the list. Where the last key counts, a merge key
/// counts where it stands: own keys before it lose.
pub(super) fn merge(entries: &mut Vec<(Node, Node)>, rule: Duplicates) -> Result<(), Error> {
    let Some(at) = entries.iter().position(|(key, _)| is_merge(key)) else {
        return Ok(());
    };
    let (key, value) = entries.remove(at);
    if entries.iter().any(|(key, _)| is_merge(key)) {
        return Err(Error::at(key.mark, "duplicate merge key"));
    }
    let losers = if rule == Duplicates::LastWins { at } else { 0 };
    let before: Vec<(Node, Node)> = entries.drain(..losers).collect();
    let mut taken: std::collections::HashSet<String> = entries
        .iter()
        .filter_map(|(key, _)| key.text().map(str::to_owned))
        .collect();
    for source in sources(value)?.into_iter().chain([before]) {
        for (key, value) in source {
            if taken.insert(key.text().unwrap_or_default().to_owned()) {
                entries.push((key, value));
            }
        }
    }
    Ok(())
}

/// The mappings that a merge key names.
fn sources(value: Node) -> Result<Vec<Vec<(Node, Node)>>, Error> {
    let refuse = |mark: Mark| {
        Error::at(
            mark,
            "map merge requires map or sequence of maps as the value",
        )
    };
    let list = match value.kind {
        Kind::Map(entries) => return Ok(vec![entries]),
        Kind::List(list) => list,
        Kind::Scalar(_) => return Err(refuse(value.mark)),
    };
    list.into_iter()
        .map(|item| match item.kind {
            Kind::Map(entries) => Ok(entries),
            _ => Err(refuse(item.mark)),
        })
        .collect()
}
