//! `patches`, `patchesStrategicMerge` and `patchesJson6902`.

use krm::Value;
use krm::yaml::{self, Dialect, Duplicates, Node, go_number};

use super::{Transformer, json6902, merge};
use crate::edit;
use crate::error::Error;
use crate::file;
use crate::load;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::selector::Matcher;
use crate::target::{Build, Loader};

/// Strategic merge patches, and what they apply to.
pub(crate) struct Patches {
    list: Vec<Resource>,
    target: How,
}

/// How a strategic merge patch finds its target.
enum How {
    /// By its own name, as `patches` does.
    ByName,
    /// By its own name, as `patchesStrategicMerge` does: the patch is normalised first.
    ByNameNormalised,
    /// By a selector.
    Selected(Box<Matcher>),
}

/// A JSON patch and what it applies to.
pub(crate) struct JsonPatch {
    operations: Vec<json6902::Operation>,
    target: Box<Matcher>,
}

/// Whether an object remembers its name before a JSON patch. It is visible: what remembers has annotations.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum History {
    Stored,
    AsItIs,
}

/// One of `patches`.
pub(super) fn patch<'a>(
    patch: &file::Patch,
    loader: &Loader<'a>,
    build: &mut Build<'a>,
) -> Result<Transformer, Error> {
    let inline = patch.patch.trim();
    let (text, source) = match (inline, patch.path.as_str()) {
        ("", "") => return Err(Error::new("must specify one of patch and path")),
        (text, "") => (text.to_owned(), format!("[patch: {text:?}]")),
        ("", path) => {
            let text = build.read_text(loader, path).map_err(|error| {
                error.prefixed(&format!("failed to get the patch file from path({path})"))
            })?;
            (text, format!("[path: {path:?}]"))
        }
        _ => return Err(Error::new("patch and path can't be set at the same time")),
    };
    let strategic = load::resources(crate::id::or(&patch.path, "patch"), &text);
    let json = operations(&text);
    match (&strategic, &json) {
        (Ok(list), Some(operations)) if !list.is_empty() && !operations.is_empty() => {
            return Err(Error::new(format!(
                "illegally qualifies as both an SM and JSON patch: {source}"
            )));
        }
        (Err(error), None) => {
            let mut error = error.clone();
            error.message = format!(
                "unable to parse SM or JSON patch from {source}: {}",
                error.message
            );
            return Err(error);
        }
        _ => {}
    }
    let target = patch
        .target
        .as_ref()
        .map(Matcher::new)
        .transpose()?
        .map(Box::new);
    match (strategic, json) {
        (Ok(mut list), _) => {
            for one in &mut list {
                one.allow_name_change = patch.allow_name_change;
                one.allow_kind_change = patch.allow_kind_change;
            }
            if target.is_some() && list.len() > 1 {
                return Err(Error::new(format!(
                    "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field: {source}"
                )));
            }
            let target = target.map_or(How::ByName, How::Selected);
            Ok(Transformer::Patches(Patches { list, target }))
        }
        (Err(_), operations) => {
            let missing = || Error::new(format!("must specify a target for JSON patch {source}"));
            Ok(Transformer::PatchJson(JsonPatch {
                operations: operations.unwrap_or_default(),
                target: target.ok_or_else(missing)?,
            }))
        }
    }
}

/// `patchesStrategicMerge`: each is a patch, or else the path of one.
pub(super) fn strategic<'a>(
    paths: &[String],
    loader: &Loader<'a>,
    build: &mut Build<'a>,
) -> Result<Patches, Error> {
    let mut list = Vec::new();
    for path in paths {
        match load::resources("patchesStrategicMerge", path) {
            Ok(inline) => list.extend(inline),
            Err(_) => list.extend(load::resources(path, &build.read_text(loader, path)?)?),
        }
    }
    if list.is_empty() {
        return Err(Error::new(format!(
            "patch appears to be empty; files={paths:?}"
        )));
    }
    let target = How::ByNameNormalised;
    Ok(Patches { list, target })
}

/// One of `patchesJson6902`.
pub(super) fn json<'a>(
    patch: &file::Patch,
    loader: &Loader<'a>,
    build: &mut Build<'a>,
) -> Result<JsonPatch, Error> {
    let target = patch
        .target
        .as_ref()
        .filter(|target| !target.name.is_empty());
    let target = target.ok_or_else(|| Error::new("must specify the target name"))?;
    let text = match (patch.path.as_str(), patch.patch.as_str()) {
        ("", "") => return Err(Error::new("empty file path and empty jsonOp")),
        ("", text) => text.to_owned(),
        (path, "") => build.read_text(loader, path)?,
        _ => return Err(Error::new("must specify a file path or jsonOp, not both")),
    };
    let operations =
        operations(&text).ok_or_else(|| Error::new(format!("decoding {text}: no JSON patch")))?;
    if operations.is_empty() {
        return Err(Error::new(format!(
            "patch appears to be empty; file={}",
            patch.path
        )));
    }
    Ok(JsonPatch {
        operations,
        target: Box::new(Matcher::new(target)?),
    })
}

/// The operations of a JSON patch written as JSON or YAML; `None` where it is no such patch.
fn operations(text: &str) -> Option<Vec<json6902::Operation>> {
    let value = if text.starts_with('[') {
        serde_json::from_str(text).ok()?
    } else {
        let limits = yaml::Limits {
            duplicates: Duplicates::LastWins,
            ..yaml::Limits::default()
        };
        match yaml::parse_first(text, &limits).ok()? {
            Some(document) => document.to_value(Dialect::Sigs).ok()?,
            None => Value::Null,
        }
    };
    json6902::decode(&value)
}

impl Patches {
    pub(super) fn apply(self, map: &mut ResMap) -> Result<(), Error> {
        if let How::Selected(matcher) = &self.target {
            let Some(patch) = self.list.first() else {
                return Ok(());
            };
            for at in matcher.select(map) {
                let target = &mut map.list_mut()[at];
                merge::apply(target, normalised(patch, Some(target))?)?;
            }
            return settle(map);
        }
        for patch in self.list {
            let id = patch.original_id();
            let normalise = matches!(self.target, How::ByNameNormalised);
            let at = map.find_one(&id).map_err(|error| match normalise {
                true => error,
                false => error.prefixed(&format!(
                    "no resource matches strategic merge patch {:?}",
                    id.to_string()
                )),
            })?;
            let target = &mut map.list_mut()[at];
            let patch = if normalise {
                normalised(&patch, Some(target))?
            } else {
                patch
            };
            merge::apply(target, patch)?;
            settle(map)?;
        }
        Ok(())
    }
}

/// Drops what a patch deleted and refuses two objects of one id.
fn settle(map: &mut ResMap) -> Result<(), Error> {
    map.list_mut()
        .retain(|resource| !edit::is_nothing(Some(&resource.node)));
    map.check_unique()
}

/// A copy of a patch as kustomize makes one for each target: labels and annotations are strings, the version is the target's.
fn normalised(patch: &Resource, target: Option<&Resource>) -> Result<Resource, Error> {
    let mut copy = patch.clone();
    for field in ["labels", "annotations"] {
        let pairs = copy.meta_pairs(field);
        copy.set_meta_pairs(field, pairs)?;
    }
    let (name, namespace, kind) = (
        patch.name().to_owned(),
        patch.namespace().to_owned(),
        patch.kind().to_owned(),
    );
    copy.set_name(&name)?;
    copy.set_namespace(&namespace)?;
    if let Some(target) = target {
        let version = Node::plain(target.api_version());
        edit::set_field(&mut copy.node, "apiVersion", version)?;
    }
    copy.set_kind(&kind)?;
    Ok(copy)
}

impl JsonPatch {
    pub(super) fn apply(self, map: &mut ResMap, history: History) -> Result<(), Error> {
        for at in self.target.select(map) {
            let resource = &mut map.list_mut()[at];
            if history == History::Stored {
                resource.store_previous_id();
            }
            if resource.has_history() {
                // kustomize keeps its notes in annotations, so there are some to add to.
                let meta = edit::child_map(&mut resource.node, "metadata")?;
                edit::child_map(meta, "annotations")?;
            }
            let mut value = resource.to_value()?;
            json6902::apply(&mut value, &self.operations)
                .map_err(|error| error.prefixed(&resource.id().to_string()))?;
            through_floats(&mut value);
            if !value.is_object() {
                return Err(Error::new(format!(
                    "{}: the patched object is no mapping",
                    resource.id()
                )));
            }
            resource.node = Node::from_value(&value);
        }
        Ok(())
    }
}

/// Go reads the patched JSON with every number as a float.
fn through_floats(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().and_then(go_number);
            if let Some(float) = float {
                *number = float;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(through_floats),
        Value::Object(map) => map.values_mut().for_each(through_floats),
        _ => {}
    }
}
