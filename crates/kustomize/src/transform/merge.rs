//! Strategic merge as kyaml's `merge2` does it, with all that follows from how it shares nodes.
//!
//! Two trees are walked together: the target and the patch. What the target has is changed in place; where it has nothing, the patch's part
//! is walked against itself, so that directives in it are obeyed. New elements of a merged list come first.

use krm::yaml::{Kind, Node, Scalar, Tag};

use super::merge_list;
use crate::edit;
use crate::error::Error;
use crate::resource::Resource;
use crate::schema::{self, Type};

/// What became of a part of the target.
pub(super) enum Walked {
    /// It goes.
    Nothing,
    /// It stays, changed in place.
    Kept,
    /// This takes its place.
    New(Node),
}

/// What a patch says about a part as a whole.
#[derive(Clone, Copy, PartialEq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

/// Applies a patch to an object: name, kind and namespace stay, unless the patch may change them. A deleted object becomes empty.
pub(super) fn apply(target: &mut Resource, mut patch: Resource) -> Result<(), Error> {
    let name = target.name().to_owned();
    let kind = target.kind().to_owned();
    let namespace = target.namespace().to_owned();
    if patch.allow_name_change || patch.allow_kind_change {
        target.store_previous_id();
    }
    let before = target.links_now();
    let id = target.id();
    let walked = walk(Some(&mut target.node), Some(&mut patch.node), Type::Unknown)
        .map_err(|error| error.prefixed(&format!("patching {id}")))?;
    if matches!(walked, Walked::Nothing) {
        target.node = Node::map();
        return Ok(());
    }
    target.settle_links(&before);
    if edit::is_nothing(Some(&target.node)) {
        return Ok(());
    }
    if !patch.allow_kind_change {
        target.set_kind(&kind)?;
    }
    if !patch.allow_name_change {
        target.set_name(&name)?;
    }
    target.set_namespace(&namespace)
}

/// Merges `patch` into `target`.
pub(super) fn walk(
    target: Option<&mut Node>,
    patch: Option<&mut Node>,
    known: Type,
) -> Result<Walked, Error> {
    let known = type_of(target.as_deref(), patch.as_deref(), known);
    let there = |node: &Option<&mut Node>| node.as_ref().is_some_and(|node| !node.is_null());
    let first = match (there(&target), there(&patch)) {
        (true, _) => target.as_deref(),
        (false, true) => patch.as_deref(),
        (false, false) => None,
    };
    let expected = match first.map(|node| &node.kind) {
        None | Some(Kind::Map(_)) => "MappingNode",
        Some(Kind::List(_)) => "SequenceNode",
        Some(Kind::Scalar(_)) => "ScalarNode",
    };
    for node in [target.as_deref(), patch.as_deref()].into_iter().flatten() {
        let fits = matches!(
            (&node.kind, expected),
            (Kind::Map(_), "MappingNode")
                | (Kind::List(_), "SequenceNode")
                | (Kind::Scalar(_), "ScalarNode")
        );
        if !fits && !node.is_null() {
            return Err(edit::wrong_kind(expected, node));
        }
    }
    match (expected, known) {
        ("MappingNode", _) => walk_map(target, patch, known),
        ("SequenceNode", Type::List(list)) => walk_list(target, patch, list),
        _ => Ok(patch.map_or(Walked::Kept, |patch| Walked::New(patch.clone()))),
    }
}

/// The type of a part: what its parent's schema says, else what it says itself.
fn type_of(target: Option<&Node>, patch: Option<&Node>, known: Type) -> Type {
    if known != Type::Unknown {
        return known;
    }
    for node in [target, patch].into_iter().flatten() {
        let text = |name: &str| node.get(name).and_then(Node::text).unwrap_or_default();
        let (version, kind) = (text("apiVersion"), text("kind"));
        if !version.is_empty() && !kind.is_empty() {
            let found = schema::of(version, kind);
            if found != Type::Unknown {
                return found;
            }
        }
    }
    Type::Unknown
}

fn walk_map(
    target: Option<&mut Node>,
    patch: Option<&mut Node>,
    known: Type,
) -> Result<Walked, Error> {
    let target = match target {
        Some(target) if !target.is_null() => target,
        missing => return walk_new_map(missing, patch, known),
    };
    let Some(patch) = patch else {
        return fields(target, None, known).map(|()| Walked::Kept);
    };
    if patch.is_null() {
        return Ok(Walked::Nothing);
    }
    match map_directive(patch)? {
        Directive::Delete => Ok(Walked::Nothing),
        Directive::Merge => fields(target, Some(patch), known).map(|()| Walked::Kept),
        Directive::Replace => alone(patch, known),
    }
}

/// The target has nothing here, or null.
fn walk_new_map(
    target: Option<&mut Node>,
    patch: Option<&mut Node>,
    known: Type,
) -> Result<Walked, Error> {
    let Some(patch) = patch else {
        // A null that is written out stays; one that is not goes.
        let written = target.and_then(|node| node.text().map(str::to_owned));
        return Ok(match written.filter(|text| !text.is_empty()) {
            Some(_) => Walked::Kept,
            None => Walked::Nothing,
        });
    };
    if patch.is_null() {
        return Ok(Walked::Nothing);
    }
    if map_directive(patch).is_ok_and(|directive| directive == Directive::Delete) {
        return Ok(Walked::Nothing);
    }
    alone(patch, known)
}

/// A part of the patch that takes its place whole: walked against itself.
fn alone(patch: &mut Node, known: Type) -> Result<Walked, Error> {
    let mut new = patch.clone();
    fields(&mut new, Some(patch), known)?;
    Ok(Walked::New(new))
}

/// Merges field by field, in the order of their names.
fn fields(target: &mut Node, patch: Option<&mut Node>, known: Type) -> Result<(), Error> {
    let names = |node: &Node| -> Vec<String> {
        let entries = node.as_map().unwrap_or_default();
        let names = entries.iter().filter_map(|(key, _)| key.text());
        names.map(str::to_owned).collect()
    };
    let mut all = names(target);
    all.extend(patch.as_deref().map(names).unwrap_or_default());
    all.sort();
    all.dedup();
    let mut patch = patch;
    for name in all {
        let theirs = patch.as_deref_mut().and_then(|patch| patch.get_mut(&name));
        let walked = walk(target.get_mut(&name), theirs, known.field(&name))
            .map_err(|error| error.prefixed(&name))?;
        match walked {
            Walked::Kept => {}
            Walked::Nothing => {
                target.remove(&name);
            }
            Walked::New(new) if new.is_null() => {
                target.remove(&name);
            }
            Walked::New(new) => set(target, patch.as_deref(), &name, new)?,
        }
    }
    Ok(())
}

/// Sets a field; a new one keeps the quotes of the patch's key.
fn set(target: &mut Node, patch: Option<&Node>, name: &str, new: Node) -> Result<(), Error> {
    if target.get(name).is_some() {
        return edit::set_field(target, name, new);
    }
    edit::set_field(target, name, new)?;
    let entries = patch.and_then(Node::as_map).unwrap_or_default();
    let key = entries.iter().find(|(key, _)| key.text() == Some(name));
    if let (Some((key, _)), Kind::Map(entries)) = (key, &mut target.kind)
        && let (Kind::Scalar(theirs), Some((ours, _))) = (&key.kind, entries.last_mut())
    {
        ours.kind = Kind::Scalar(Scalar {
            style: theirs.style,
            ..Scalar::plain(name)
        });
    }
    Ok(())
}

fn walk_list(
    target: Option<&mut Node>,
    patch: Option<&mut Node>,
    list: &'static schema::List,
) -> Result<Walked, Error> {
    let target = match target {
        Some(target) if !target.is_null() => target,
        _ => {
            let Some(patch) = patch.filter(|patch| !patch.is_null()) else {
                return Ok(Walked::Nothing);
            };
            return list_alone(patch, list);
        }
    };
    let Some(patch) = patch else {
        merge_list::merge(target, None, list)?;
        return Ok(Walked::Kept);
    };
    if patch.is_null() {
        return Ok(Walked::Nothing);
    }
    match list_directive(patch)? {
        Directive::Delete => Ok(Walked::Nothing),
        Directive::Replace => list_alone(patch, list),
        Directive::Merge => {
            merge_list::merge(target, Some(patch), list)?;
            Ok(Walked::Kept)
        }
    }
}

fn list_alone(patch: &mut Node, list: &'static schema::List) -> Result<Walked, Error> {
    let mut new = patch.clone();
    merge_list::merge(&mut new, Some(patch), list)?;
    Ok(Walked::New(new))
}

/// The `$patch` of a mapping, taken out of it.
fn map_directive(patch: &mut Node) -> Result<Directive, Error> {
    let Some(word) = patch.get("$patch").and_then(Node::text) else {
        return Ok(Directive::Merge);
    };
    let directive = directive(word)?;
    patch.remove("$patch");
    Ok(directive)
}

/// The `$patch` of a list: an element that says nothing else, taken out of it.
fn list_directive(patch: &mut Node) -> Result<Directive, Error> {
    let Kind::List(items) = &mut patch.kind else {
        return Ok(Directive::Merge);
    };
    let found = items
        .iter()
        .find_map(|item| Some((item, item.get("$patch")?)));
    let word = match found {
        Some((item, word)) if item.as_map().is_some_and(|entries| entries.len() == 1) => word,
        _ => return Ok(Directive::Merge),
    };
    let word = word.text().unwrap_or_default().to_owned();
    let directive = directive(&word)?;
    items.retain(|item| {
        let says = item.get("$patch").and_then(Node::text) == Some(word.as_str());
        !says && !is_null_or_empty_map(item)
    });
    Ok(directive)
}

fn directive(word: &str) -> Result<Directive, Error> {
    match word {
        "delete" => Ok(Directive::Delete),
        "replace" => Ok(Directive::Replace),
        "merge" => Ok(Directive::Merge),
        other => Err(Error::new(format!("unknown patch strategy '{other}'"))),
    }
}

pub(super) fn is_null_or_empty_map(node: &Node) -> bool {
    match &node.kind {
        Kind::Scalar(scalar) => scalar.tag == Tag::Null,
        Kind::Map(entries) => entries.is_empty(),
        Kind::List(_) => false,
    }
}
