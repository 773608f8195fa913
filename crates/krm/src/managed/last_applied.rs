//! From client-side apply to server-side apply: kubectl's annotation of what it last applied.

use super::{Conflicts, Write};
use crate::fields::FieldSet;
use crate::merge::Duplicates;
use crate::{Value, golang};

/// The one manager for whom the annotation counts.
pub(super) const MANAGER: &str = "kubectl";

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// The conflicts that the annotation does not excuse: kubectl may take over what it applied by the client before and nobody changed since.
pub(super) fn still_conflicting(
    by: &Write<'_>,
    live: &Value,
    conflicts: Conflicts,
) -> Option<Conflicts> {
    match excused(by, live) {
        Some(excused) => conflicts.outside(&excused),
        None => Some(conflicts),
    }
}

fn excused(by: &Write<'_>, live: &Value) -> Option<FieldSet> {
    let text = annotation(live)?;
    let last: Value = serde_json::from_str(text).ok()?;
    last.get("kind")?.as_str().filter(|kind| !kind.is_empty())?;
    if last.get("apiVersion")?.as_str()? != by.api_version {
        return None;
    }
    let of = by.kind.type_at(by.api_version)?;
    of.validate(live, Duplicates::Refused).ok()?;
    of.validate(&last, Duplicates::Refused).ok()?;
    let changed = of.compare(&last, live);
    Some(
        of.field_set(&last)
            .difference(&changed.modified)
            .difference(&changed.added)
            .difference(&changed.removed),
    )
}

/// Where the annotation is there it says what has now been applied, so that client-side apply can take over again.
pub(super) fn keep_up(object: &mut Value, applied: &Value) {
    if annotation(object).is_none() {
        return;
    }
    let mut last = applied.clone();
    if let Some(annotations) = annotations_mut(&mut last) {
        annotations.remove(ANNOTATION);
    }
    let mut text = golang::json(&last);
    text.push('\n');
    if let Some(annotations) = annotations_mut(object) {
        annotations.insert(ANNOTATION.into(), text.into());
        let size = |(key, value): (&String, &Value)| key.len() + value.as_str().map_or(0, str::len);
        if annotations.iter().map(size).sum::<usize>() > MAX_ANNOTATIONS {
            annotations.remove(ANNOTATION);
        }
    }
}

fn annotation(object: &Value) -> Option<&str> {
    let annotations = object.get("metadata")?.get("annotations")?;
    let text = annotations.get(ANNOTATION)?.as_str()?;
    (!text.is_empty()).then_some(text)
}

fn annotations_mut(object: &mut Value) -> Option<&mut crate::Map<String, Value>> {
    object
        .get_mut("metadata")?
        .get_mut("annotations")?
        .as_object_mut()
}
