//! Who owns which fields of an object: server-side apply, and what any other write does to `metadata.managedFields`.
//!
//! Pure: the time, the live object and what a kind is are arguments. [`apply`] and [`update`] follow k8s.io/apimachinery's field manager step by
//! step, down to the bytes and texts.

mod cap;
mod conflict;
mod entries;
mod last_applied;
mod scale;
mod updater;

use std::borrow::Cow;

use jiff::Timestamp;

pub use conflict::{Cause, Conflict, Conflicts};
pub use entries::{Entry, InvalidEntries, ManagedFields, Operation};
pub use scale::ScaleFields;

use crate::fields::{FieldSet, Filter};
use crate::merge::{Duplicates, Invalid, TypeRef};
use crate::{Gvk, Value};
use updater::Updater;

/// What must be known of a kind.
pub trait Kind {
    /// The kind's name.
    fn name(&self) -> &str;

    /// The kind's type at an API version; `None` where that version does not exist, whose entries are dropped.
    fn type_at(&self, api_version: &str) -> Option<TypeRef<'_>>;

    /// What a writer through this subresource at this version may not own.
    fn reset_fields(&self, api_version: &str) -> Option<&Filter> {
        let _ = api_version;
        None
    }

    /// An object at another version of the kind; by default the same fields under another `apiVersion`.
    fn convert(&self, object: &Value, api_version: &str) -> Value {
        let mut object = object.clone();
        object["apiVersion"] = api_version.into();
        object
    }
}

/// Who writes, where and when.
#[derive(Clone, Copy)]
pub struct Write<'a> {
    /// The kind.
    pub kind: &'a dyn Kind,
    /// The version of the request, in which all objects are given.
    pub api_version: &'a str,
    /// The field manager; `""` is written as `unknown`.
    pub manager: &'a str,
    /// The subresource, `""` for the object itself.
    pub subresource: &'a str,
    /// Now.
    pub time: Timestamp,
    /// The kind's zero value at `api_version`, which a create starts from.
    ///
    /// For custom resources it holds `apiVersion` and `kind` only. For built-in kinds it is what Go's zero struct encodes to: structs that are
    /// never omitted as `{}`, lists and maps that are never omitted as null. What stands here is not owned again as "." by who fills it.
    pub empty: &'a Value,
}

/// What to do where another manager owns a field with another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// Refuse the request.
    Fail,
    /// Take the field over.
    Force,
}

/// An object and who owns its fields.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The object, without `metadata.managedFields`.
    pub object: Value,
    /// Who owns what.
    pub managed: ManagedFields,
    /// Whether the object differs from the live one; [`update`] does not look and says so always.
    pub is_changed: bool,
}

/// Why an apply is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Others own fields with other values: 409.
    #[error(transparent)]
    Conflicts(#[from] Conflicts),
    /// The object is of another kind or version than the request: 400.
    #[error("invalid object type: {0}")]
    ObjectType(String),
    /// The applied object says who owns its fields: 400.
    #[error("metadata.managedFields must be nil")]
    ManagedFields,
    /// The live object's `managedFields` cannot be read: 500.
    #[error("failed to decode managed fields: {0}")]
    Decode(#[from] InvalidEntries),
    /// The applied object is not of its type: 500.
    #[error("failed to create typed patch object ({object}): {source}")]
    Applied {
        /// Which object.
        object: String,
        /// What is wrong with it.
        source: Invalid,
    },
    /// The live object is not of its type: 500.
    #[error("failed to create typed live object ({object}): {source}")]
    Live {
        /// Which object.
        object: String,
        /// What is wrong with it.
        source: Invalid,
    },
    /// An object does not survive the conversion to another version in which somebody owns fields: 500.
    #[error("{0}")]
    Convert(String),
    /// The request's version is not one of the kind: 500.
    #[error("no corresponding type for {0}")]
    NoType(String),
}

impl Outcome {
    /// The object with `metadata.managedFields`.
    pub fn into_value(self) -> Value {
        let mut object = self.object;
        if !self.managed.is_empty()
            && let Some(metadata) = metadata_mut(&mut object)
        {
            metadata.insert("managedFields".into(), self.managed.to_value());
        }
        object
    }
}

/// Server-side apply: `applied` laid over `live`, `None` where the object is to be created.
///
/// # Guarantees
/// Fields that the manager applied before and no longer does are removed, unless somebody else owns them. The manager's entry gets the time only
/// where the object changes. `live`'s owners are read from its `metadata.managedFields`; the result is not defaulted.
///
/// # Errors
/// [`ApplyError`]; on a conflict nothing is taken over.
pub fn apply(
    by: &Write<'_>,
    live: Option<&Value>,
    applied: &Value,
    on_conflict: OnConflict,
) -> Result<Outcome, ApplyError> {
    let managed = match live.and_then(managed_fields) {
        Some(entries) => ManagedFields::from_value(entries)?,
        None => ManagedFields::default(),
    };
    apply_with(by, (live, managed), applied, on_conflict)
}

/// As [`apply`], for a caller that keeps the live object's `managedFields` beside it.
///
/// # Errors
/// As [`apply`].
pub fn apply_with(
    by: &Write<'_>,
    (live, managed): (Option<&Value>, ManagedFields),
    applied: &Value,
    on_conflict: OnConflict,
) -> Result<Outcome, ApplyError> {
    let live = live.unwrap_or(by.empty);
    let gvk = gvk(applied);
    if gvk.kind != by.kind.name() || gvk.api_version() != by.api_version {
        return Err(ApplyError::ObjectType(gvk_text(&gvk)));
    }
    let mut outcome = match apply_once(by, (live, managed.clone()), applied, on_conflict) {
        Err(ApplyError::Conflicts(conflicts)) if by.manager == last_applied::MANAGER => {
            match last_applied::still_conflicting(by, live, conflicts) {
                Some(conflicts) => return Err(conflicts.into()),
                None => apply_once(by, (live, managed), applied, OnConflict::Force)?,
            }
        }
        other => other?,
    };
    if by.manager == last_applied::MANAGER {
        last_applied::keep_up(&mut outcome.object, applied);
    }
    Ok(outcome)
}

/// What any write but an apply does: `new` is the object as it is to be stored, `live` the one before, `None` where it is created.
///
/// # Guarantees
/// `new` stays as it is but for `metadata.managedFields`. It may carry entries of its own, which then count instead of `live`'s; an empty list, or
/// one empty entry, drops them all; where they cannot be read `live`'s count; through a subresource `live`'s always count. An object that has no
/// entries gets none. Where an object is not of its type it loses its entries, as upstream does it.
pub fn update(by: &Write<'_>, live: Option<&Value>, new: Value) -> Outcome {
    let of_live = live.and_then(managed_fields);
    let managed = ManagedFields::of_update(of_live, managed_fields(&new), by.subresource);
    update_with(by, (live, managed), new)
}

/// As [`update`], for a caller that has settled which entries count, with [`ManagedFields::of_update`].
pub fn update_with(
    by: &Write<'_>,
    (live, managed): (Option<&Value>, ManagedFields),
    mut new: Value,
) -> Outcome {
    remove_managed_fields(&mut new);
    let live = live.unwrap_or(by.empty);
    let exists = metadata_text(live, "uid").is_some_and(|uid| !uid.is_empty());
    let managed = if managed.is_empty() && exists {
        managed
    } else {
        track(by, (live, managed), &new, by.manager).unwrap_or_default()
    };
    Outcome {
        object: new,
        managed,
        is_changed: true,
    }
}

/// The entries after a manager has turned `live` into `new`.
fn track(
    by: &Write<'_>,
    (live, mut managed): (&Value, ManagedFields),
    new: &Value,
    manager: &str,
) -> Result<ManagedFields, ApplyError> {
    let updater = Updater::new(by)?;
    for (object, which) in [(new, "new"), (live, "live")] {
        let valid = updater.of.validate(object, Duplicates::Allowed);
        valid.map_err(|invalid| {
            let object = object_text(object);
            ApplyError::Convert(format!(
                "failed to convert {which} object ({object}) to smd typed: {invalid}"
            ))
        })?;
    }
    let taken = updater.update(live, new, &mut managed);
    let taken = taken.map_err(|error| {
        let object = object_text(new);
        ApplyError::Convert(format!(
            "failed to update ManagedFields ({object}): {error}"
        ))
    })?;
    let taken = taken.difference(never_owned());
    if !taken.is_empty() {
        let entry = managed.entry(by.entry(Operation::Update, manager));
        entry.fields = taken.union(&entry.fields);
        entry.time = Some(by.second());
    }
    cap::cap(&mut managed);
    Ok(managed)
}

fn apply_once(
    by: &Write<'_>,
    (live, mut managed): (&Value, ManagedFields),
    applied: &Value,
    on_conflict: OnConflict,
) -> Result<Outcome, ApplyError> {
    if managed.is_empty() {
        let tracked = track(by, (by.empty, managed), live, "before-first-apply");
        managed = tracked.map_err(|error| {
            ApplyError::Convert(format!(
                "failed to create manager for existing fields: {error}"
            ))
        })?;
    }
    if managed_fields(applied).is_some_and(Value::is_array) {
        return Err(ApplyError::ManagedFields);
    }
    let updater = Updater::new(by)?;
    let valid = updater.of.validate(applied, Duplicates::Refused);
    valid.map_err(|source| ApplyError::Applied {
        object: object_text(applied),
        source,
    })?;
    let valid = updater.of.validate(live, Duplicates::Allowed);
    valid.map_err(|source| ApplyError::Live {
        object: object_text(live),
        source,
    })?;
    let new = by.entry(Operation::Apply, by.manager);
    let id = new.id();
    let changed = updater.apply(live, applied, (&mut managed, new), on_conflict)?;
    if let Some(entry) = managed.get_mut(&id) {
        entry.fields = entry.fields.difference(never_owned());
        if changed.is_some() {
            entry.time = Some(by.second());
        }
    }
    managed.drop_empty();
    let is_changed = changed.is_some();
    let mut object = changed.unwrap_or_else(|| live.clone());
    remove_managed_fields(&mut object);
    Ok(Outcome {
        object,
        managed,
        is_changed,
    })
}

impl Write<'_> {
    /// An entry of this write that owns nothing yet.
    fn entry(&self, operation: Operation, manager: &str) -> Entry {
        Entry {
            manager: if manager.is_empty() {
                "unknown"
            } else {
                manager
            }
            .into(),
            operation,
            api_version: self.api_version.into(),
            subresource: self.subresource.into(),
            time: None,
            fields: FieldSet::new(),
        }
    }

    fn second(&self) -> Timestamp {
        Timestamp::from_second(self.time.as_second()).unwrap_or(self.time)
    }

    /// The object at another version; `None` where there is no such version. There it may have no duplicates, even where it had them before.
    fn converted<'v>(
        &self,
        object: &'v Value,
        from: &str,
        to: &str,
    ) -> Result<Option<Cow<'v, Value>>, Invalid> {
        if from == to {
            return Ok(Some(Cow::Borrowed(object)));
        }
        let Some(of) = self.kind.type_at(to) else {
            return Ok(None);
        };
        let object = self.kind.convert(object, to);
        of.validate(&object, Duplicates::Refused)?;
        Ok(Some(Cow::Owned(object)))
    }
}

/// What nobody owns: identity, and what the server sets.
fn never_owned() -> &'static FieldSet {
    static SET: std::sync::LazyLock<FieldSet> = std::sync::LazyLock::new(|| {
        let metadata = [
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        ];
        let metadata = metadata.map(|name| ["metadata", name]);
        let tops: [&[&str]; 3] = [&["apiVersion"], &["kind"], &["metadata"]];
        FieldSet::of_names(
            tops.into_iter()
                .chain(metadata.iter().map(<[_; 2]>::as_slice)),
        )
    });
    &SET
}

fn managed_fields(object: &Value) -> Option<&Value> {
    object.get("metadata")?.get("managedFields")
}

fn metadata_mut(object: &mut Value) -> Option<&mut crate::Map<String, Value>> {
    object.get_mut("metadata")?.as_object_mut()
}

fn metadata_text<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object.get("metadata")?.get(name)?.as_str()
}

fn remove_managed_fields(object: &mut Value) {
    if let Some(metadata) = metadata_mut(object) {
        metadata.remove("managedFields");
    }
}

fn gvk(object: &Value) -> Gvk {
    let text = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
    Gvk::new(text("apiVersion"), text("kind"))
}

/// `apps/v1, Kind=Deployment`, as Go prints it; the core group leaves an empty place.
fn gvk_text(gvk: &Gvk) -> String {
    format!("{}/{}, Kind={}", gvk.group, gvk.version, gvk.kind)
}

/// `namespace/name; apps/v1, Kind=Deployment`.
fn object_text(object: &Value) -> String {
    let text = |name| metadata_text(object, name).unwrap_or_default();
    format!(
        "{}/{}; {}",
        text("namespace"),
        text("name"),
        gvk_text(&gvk(object))
    )
}

#[cfg(test)]
mod tests;
