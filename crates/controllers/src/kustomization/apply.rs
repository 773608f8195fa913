//! Applies what was built, and prunes what is built no longer.

use std::collections::HashMap;

use api::names::reason;
use api::reference::ResourceInventory;
use cluster::apply::{self, Failure, Options};
use cluster::prune::{self, Owner, Pruned};
use krm::changeset::{Action, Change, ChangeSet};
use krm::{Gvk, Object};
use plan::kustomization::{Applied, Outcome, Seen};
use plan::tenancy::{self, Denial};
use plan::{Key, inventory};

use super::build::Built;
use super::view::Clean;
use super::{Kustomizations, Work, failed, key};

/// Upstream's bound on how long definitions may take.
const DEFINITIONS: std::time::Duration = std::time::Duration::from_secs(60);

impl Kustomizations {
    /// Applies and prunes; where nothing has moved since the last time, neither. Returns what was applied and each object's change.
    pub(super) async fn apply(
        &self,
        work: &Work<'_>,
        built: Built,
        base: Applied,
    ) -> Result<(Applied, ChangeSet), Box<Outcome>> {
        let seen = work.seen;
        if let Some(known) = self.known_clean(seen, &base) {
            return Ok(known);
        }
        let rights = self.view.lock().rights;
        if built.objects.is_empty() && self.would_prune_all(seen) {
            return Err(refuse_empty(seen, &base));
        }
        let done = self.write(work, built.objects, &base).await?;
        self.watch_kinds(&done.changes).await;
        let mut inventory = inventory::of(&done.changes);
        let pruned = self.prune(work, &inventory).await;
        let survivors: Vec<_> = pruned
            .survivors
            .iter()
            .map(|(target, _)| target.clone())
            .collect();
        inventory::retain(&mut inventory, &survivors);
        let applied = Applied {
            inventory: Some(inventory),
            applied_log: done.changes.log(),
            pruned_log: pruned.changes.to_string(),
            ..base
        };
        if !pruned.survivors.is_empty() {
            self.forget_clean(seen);
            let message = prune_refusal(&pruned.survivors);
            return Err(gave_up(reason::PRUNE_FAILED, message, applied));
        }
        self.remember(work, rights, &applied, done.marks);
        Ok((applied, done.changes))
    }

    /// Applies every object within the pass's timeout.
    async fn write(
        &self,
        work: &Work<'_>,
        objects: Vec<Object>,
        base: &Applied,
    ) -> Result<apply::Applied, Box<Outcome>> {
        let options = Options {
            manager: self.manager.clone(),
            force: work.seen.object.spec.force,
            custom_stages: self.policy.custom_stages.clone(),
            concurrency: self.policy.concurrent_ssa,
            definitions_timeout: DEFINITIONS,
        };
        let deadline = self.cx.clock.after(work.job.timeout);
        let applying = apply::apply_all(&work.client, objects, &options);
        match self.cx.clock.timeout_at(deadline, applying).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(failure)) => {
                self.forget_clean(work.seen);
                let applied = Applied {
                    applied_log: failure.done.changes.log(),
                    ..base.clone()
                };
                let message = refusal(&failure, work.seen);
                Err(gave_up(reason::RECONCILIATION_FAILED, message, applied))
            }
            Err(elapsed) => Err(gave_up(
                reason::RECONCILIATION_FAILED,
                elapsed.to_string(),
                base.clone(),
            )),
        }
    }

    /// Deletes what is in the old inventory and not in the new one, where the Kustomization prunes.
    async fn prune(&self, work: &Work<'_>, inventory: &ResourceInventory) -> Pruned {
        let object = &work.seen.object;
        let old = object.status.inventory.clone().unwrap_or_default();
        let stale = if object.spec.prune {
            inventory::stale(&old, inventory)
        } else {
            Vec::new()
        };
        let owner = Owner {
            manager: &self.manager,
            name: &object.metadata.name,
            namespace: &object.metadata.namespace,
        };
        prune::delete_all(&work.client, stale, owner).await
    }

    /// The last clean apply, where neither the artifact nor anything else a build reads has moved since: not even a build is needed.
    pub(super) fn unmoved(&self, work: &Work<'_>, base: &Applied) -> Option<(Applied, ChangeSet)> {
        let digest = {
            let view = self.view.lock();
            let key = key(work.seen);
            let clean = view.memories.get(&key)?.clean.as_ref()?;
            let same = clean.artifact == work.job.artifact.digest && view.inputs_stand(&key);
            same.then(|| clean.digest.clone())?
        };
        let base = Applied {
            digest,
            ..base.clone()
        };
        self.known_clean(work.seen, &base)
    }

    /// The last clean apply, where this one would be the same and the watches vouch for every object.
    fn known_clean(&self, seen: &Seen, base: &Applied) -> Option<(Applied, ChangeSet)> {
        let view = self.view.lock();
        let clean = view.memories.get(&key(seen))?.clean.as_ref()?;
        let object = &seen.object;
        let same = clean.digest == base.digest
            && clean.generation == object.metadata.generation
            && clean.request == object.metadata.reconcile_request().unwrap_or_default()
            && clean.applied.inventory == object.status.inventory;
        if !same || !view.vouches(clean, &self.manager) {
            return None;
        }
        let applied = Applied {
            inventory: clean.applied.inventory.clone(),
            ..base.clone()
        };
        let objects = inventory::objects(applied.inventory.as_ref()?);
        let unchanged = |(id, version)| {
            let action = if clean.marks.contains_key(&id) {
                Action::Unchanged
            } else {
                Action::Skipped
            };
            Change {
                id,
                version,
                action,
            }
        };
        Some((
            applied,
            ChangeSet {
                entries: objects.into_iter().map(unchanged).collect(),
            },
        ))
    }

    fn remember(
        &self,
        work: &Work<'_>,
        rights: u64,
        applied: &Applied,
        marks: HashMap<krm::ObjectId, cluster::apply::Mark>,
    ) {
        let seen = work.seen;
        let object = &seen.object;
        let mut view = self.view.lock();
        let memory = view.memories.entry(key(seen)).or_default();
        let healthy = memory
            .clean
            .take()
            .map(|clean| clean.healthy)
            .unwrap_or_default();
        memory.clean = Some(Clean {
            artifact: work.job.artifact.digest.clone(),
            digest: applied.digest.clone(),
            generation: object.metadata.generation,
            request: object
                .metadata
                .reconcile_request()
                .unwrap_or_default()
                .into(),
            rights,
            applied: applied.clone(),
            marks,
            healthy,
        });
    }

    fn forget_clean(&self, seen: &Seen) {
        if let Some(memory) = self.view.lock().memories.get_mut(&key(seen)) {
            memory.clean = None;
        }
    }

    /// Notes which kinds have been applied, so that their objects are watched.
    async fn watch_kinds(&self, changes: &ChangeSet) {
        for change in &changes.entries {
            let gvk = Gvk {
                group: change.id.group.clone(),
                version: change.version.clone(),
                kind: change.id.kind.clone(),
            };
            if self.view.lock().applied_kinds.contains_key(&gvk) {
                continue;
            }
            if let Ok(resource) = self.client.resource(&gvk).await {
                self.view.lock().applied_kinds.insert(gvk, resource);
            }
        }
    }

    fn would_prune_all(&self, seen: &Seen) -> bool {
        let inventory = seen.object.status.inventory.as_ref();
        seen.object.spec.prune && inventory.is_some_and(|inventory| !inventory.entries.is_empty())
    }
}

/// A pass that ends here, with what it has done so far.
fn gave_up(reason: &'static str, message: String, applied: Applied) -> Box<Outcome> {
    let revision = Some(applied.revision.clone());
    Box::new(failed(reason, message, revision, Some(applied)))
}

/// An empty build never means "prune everything".
fn refuse_empty(seen: &Seen, base: &Applied) -> Box<Outcome> {
    let count = seen
        .object
        .status
        .inventory
        .as_ref()
        .map_or(0, |inventory| inventory.entries.len());
    let message = format!(
        "the build of path {:?} is empty, and pruning would delete all {count} objects of the inventory; nothing was pruned. To delete them, delete the Kustomization",
        seen.object.spec.path
    );
    Box::new(failed(
        reason::BUILD_FAILED,
        message,
        Some(base.revision.clone()),
        None,
    ))
}

/// Every refused object, upstream's text first; then who lacks what, and the line that may be missing; then what was applied before.
fn refusal(failure: &Failure, seen: &Seen) -> String {
    let texts = failure
        .refused
        .iter()
        .map(|refused| refused.message.clone());
    let errors = failure
        .refused
        .iter()
        .filter_map(|refused| refused.error.as_ref());
    let denials: Vec<_> = errors
        .filter(|error| error.is_forbidden())
        .filter_map(|error| Denial::parse(&error.to_string()))
        .collect();
    let mut parts: Vec<_> = texts.collect();
    parts.push(tenancy::explain(&denials));
    if !denials.is_empty() && seen.object.spec.service_account_name.is_empty() {
        parts.push(tenancy::FALLBACK.into());
    }
    parts.push(failure.done.changes.log());
    parts.retain(|text| !text.is_empty());
    parts.join("\n")
}

fn prune_refusal(survivors: &[(prune::Target, String)]) -> String {
    let texts: String = survivors
        .iter()
        .map(|(_, message)| format!("{message};"))
        .collect();
    let denials: Vec<_> = survivors
        .iter()
        .filter_map(|(_, message)| Denial::parse(message))
        .collect();
    let mut parts = vec![format!("delete failed, errors: {texts}")];
    parts.extend(Some(tenancy::explain(&denials)).filter(|text| !text.is_empty()));
    parts.join("\n")
}

/// Marks objects as applied by a Kustomization.
pub(super) fn set_owner(objects: &mut [Object], key: &Key, group: &str) {
    for object in objects {
        object.set_label(&format!("{group}/name"), &key.name);
        object.set_label(&format!("{group}/namespace"), &key.namespace);
    }
}
