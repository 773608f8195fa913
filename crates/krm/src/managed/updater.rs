//! Ownership through a change: sigs.k8s.io/structured-merge-diff's `Updater`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::{ApplyError, Conflicts, Entry, ManagedFields, OnConflict, Write, gvk_text};
use crate::fields::{FieldSet, Filter, same_value};
use crate::merge::{Comparison, TypeRef};
use crate::{Gvk, Value};

pub(super) struct Updater<'a> {
    by: &'a Write<'a>,
    /// The kind's type at the request's version.
    pub(super) of: TypeRef<'a>,
}

/// How an object changed, in the terms of one version.
struct Change {
    comparison: Comparison,
    /// Modified or added.
    set: FieldSet,
}

impl Change {
    fn new(comparison: Comparison) -> Self {
        let set = comparison.modified.union(&comparison.added);
        Self { comparison, set }
    }
}

impl<'a> Updater<'a> {
    pub(super) fn new(by: &'a Write<'a>) -> Result<Self, ApplyError> {
        let Some(of) = by.kind.type_at(by.api_version) else {
            let gvk = Gvk::new(by.api_version, by.kind.name());
            return Err(ApplyError::NoType(gvk_text(&gvk)));
        };
        Ok(Self { by, of })
    }

    /// Takes what changed from its owners and returns it.
    pub(super) fn update(
        &self,
        live: &Value,
        new: &Value,
        managed: &mut ManagedFields,
    ) -> Result<FieldSet, ApplyError> {
        self.reconcile(live, managed)?;
        let change = self.change(live, new, self.by.api_version);
        self.release(live, new, (managed, None, &change), OnConflict::Force)?;
        Ok(change.set.filtered(self.filter()).into_owned())
    }

    /// The object with `applied` laid over `live`, `None` where that changes nothing. The manager's entry becomes `entry` with its fields.
    pub(super) fn apply(
        &self,
        live: &Value,
        applied: &Value,
        (managed, mut entry): (&mut ManagedFields, Entry),
        on_conflict: OnConflict,
    ) -> Result<Option<Value>, ApplyError> {
        self.reconcile(live, managed)?;
        let merged = self.of.merge(live, applied);
        let id = entry.id();
        let last = managed.map_mut().remove(&id);
        entry.time = last.as_ref().and_then(|last| last.time);
        entry.fields = self
            .of
            .field_set(applied)
            .filtered(self.filter())
            .into_owned();
        managed.insert(entry);
        let new = match last {
            Some(last) if !last.fields.is_empty() => self.prune(merged, managed, (&id, &last))?,
            _ => merged,
        };
        let change = self.change(live, &new, self.by.api_version);
        self.release(live, &new, (managed, Some(&id), &change), on_conflict)?;
        Ok((!same_value(live, &new)).then_some(new))
    }

    fn filter(&self) -> Option<&Filter> {
        self.by.kind.reset_fields(self.by.api_version)
    }

    /// Entries in the terms of today's schema; those of versions that are gone are dropped.
    fn reconcile(&self, live: &Value, managed: &mut ManagedFields) -> Result<(), ApplyError> {
        let versions: BTreeSet<&str> = managed
            .map()
            .values()
            .map(|entry| entry.api_version.as_str())
            .collect();
        for version in versions {
            let converted = self.by.converted(live, self.by.api_version, version);
            converted.map_err(|invalid| ApplyError::Convert(invalid.to_string()))?;
        }
        managed.map_mut().retain(|_, entry| {
            let Some(of) = self.by.kind.type_at(&entry.api_version) else {
                return false;
            };
            if let Some(fields) = of.reconcile(&entry.fields) {
                entry.fields = fields;
            }
            true
        });
        Ok(())
    }

    fn change(&self, old: &Value, new: &Value, version: &str) -> Change {
        let kind = self.by.kind;
        let of = kind.type_at(version).unwrap_or(self.of);
        Change::new(of.compare(old, new).filtered(kind.reset_fields(version)))
    }

    fn change_at(
        &self,
        old: &Value,
        new: &Value,
        version: &str,
    ) -> Result<Option<Change>, ApplyError> {
        let converted = |object, which: &str| {
            let converted = self.by.converted(object, self.by.api_version, version);
            converted.map_err(|invalid| {
                ApplyError::Convert(format!("failed to convert {which} object: {invalid}"))
            })
        };
        let (old, new) = (converted(old, "old")?, converted(new, "new")?);
        let both = old.zip(new);
        Ok(both.map(|(old, new)| self.change(&old, &new, version)))
    }

    /// Takes what changed from everybody but the writer.
    fn release(
        &self,
        old: &Value,
        new: &Value,
        (managed, writer, change): (&mut ManagedFields, Option<&str>, &Change),
        on_conflict: OnConflict,
    ) -> Result<(), ApplyError> {
        let version = self.by.api_version;
        let mut others: BTreeMap<String, Change> = BTreeMap::new();
        for entry in managed.map().values() {
            if entry.api_version != version
                && !others.contains_key(&entry.api_version)
                && let Some(change) = self.change_at(old, new, &entry.api_version)?
            {
                others.insert(entry.api_version.clone(), change);
            }
        }
        let change_of = |entry: &Entry| {
            if entry.api_version == version {
                return Some(change);
            }
            others.get(&entry.api_version)
        };
        let not_writer = |id: &str| writer != Some(id);
        if on_conflict == OnConflict::Fail {
            let conflicts = managed
                .map()
                .iter()
                .filter(|(id, _)| not_writer(id))
                .filter_map(|(_, entry)| {
                    let conflict = entry.fields.intersection(&change_of(entry)?.set);
                    (!conflict.is_empty()).then_some((entry, conflict))
                });
            let conflicts = Conflicts::new(conflicts);
            if conflicts.iter().next().is_some() {
                return Err(conflicts.into());
            }
        }
        for (id, entry) in managed.map_mut() {
            if !not_writer(id) {
                continue;
            }
            if let Some(Change { comparison, set }) = change_of(entry) {
                // Only what the entry has can be taken: a difference with the whole change comes to the same.
                if !set.is_empty() {
                    entry.fields = entry.fields.difference(set);
                }
                if !comparison.removed.is_empty() {
                    entry.fields = entry.fields.difference(&comparison.removed);
                }
            }
        }
        managed.drop_empty();
        Ok(())
    }

    /// Removes what the manager applied last time, does not apply now, and nobody else owns.
    fn prune(
        &self,
        merged: Value,
        managed: &ManagedFields,
        (id, last): (&str, &Entry),
    ) -> Result<Value, ApplyError> {
        let version = last.api_version.as_str();
        let now = managed.map().get(id).map(|entry| &entry.fields);
        // The same as before and perhaps more: nothing to remove.
        if version == self.by.api_version && now.is_some_and(|now| last.fields.is_subset(now)) {
            return Ok(merged);
        }
        let Some(of) = self.by.kind.type_at(version) else {
            return Ok(merged);
        };
        let at_version = match self.converted_to_prune(&merged, self.by.api_version, version)? {
            Some(Cow::Owned(converted)) => converted,
            Some(Cow::Borrowed(_)) => merged,
            None => return Ok(merged),
        };
        let last = named(of, &last.fields);
        let pruned = of.remove(&at_version, &last);
        let pruned = self.add_back_owned(&at_version, pruned, managed, version);
        // What is left to remove must have been the manager's own.
        let removed = named(of, &of.field_set(&at_version))
            .difference(&named(of, &of.field_set(&pruned)))
            .intersection(&last);
        let pruned = of.remove(&at_version, &removed);
        Ok(
            match self.converted_to_prune(&pruned, version, self.by.api_version)? {
                Some(Cow::Owned(converted)) => converted,
                _ => pruned,
            },
        )
    }

    fn converted_to_prune<'v>(
        &self,
        object: &'v Value,
        from: &str,
        to: &str,
    ) -> Result<Option<Cow<'v, Value>>, ApplyError> {
        self.by
            .converted(object, from, to)
            .map_err(|invalid| ApplyError::Convert(format!("failed to prune fields: {invalid}")))
    }

    /// What was pruned and somebody owns, the manager's new fields included, is put back.
    fn add_back_owned(
        &self,
        merged: &Value,
        pruned: Value,
        managed: &ManagedFields,
        version: &str,
    ) -> Value {
        let mut owned: BTreeMap<&str, FieldSet> = BTreeMap::new();
        for entry in managed.map().values() {
            let fields = owned.entry(&entry.api_version).or_default();
            *fields = fields.union(&entry.fields);
        }
        let mut merged = Cow::Borrowed(merged);
        let mut pruned = pruned;
        let mut at = version;
        // The pruned version first: what is missing there might be needed to convert.
        let first = owned.remove_entry(version);
        for (version, owned) in first.into_iter().chain(owned) {
            let Some(of) = self.by.kind.type_at(version) else {
                continue;
            };
            if at != version {
                merged = Cow::Owned(self.by.kind.convert(&merged, version));
                pruned = self.by.kind.convert(&pruned, version);
                at = version;
            }
            let kept = named(of, &of.field_set(&pruned)).union(&named(of, &owned));
            let gone = named(of, &of.field_set(&merged)).difference(&kept);
            pruned = of.remove(&merged, &gone);
        }
        if at == version {
            pruned
        } else {
            self.by.kind.convert(&pruned, version)
        }
    }
}

fn named(of: TypeRef<'_>, fields: &FieldSet) -> FieldSet {
    fields.with_named_fields(of.schema, Some(of.id))
}
