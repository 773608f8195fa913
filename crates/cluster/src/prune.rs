//! Deletes what is no longer desired, and nothing else.

use futures_util::stream::{self, StreamExt};
use krm::changeset::{Action, Change, ChangeSet};
use krm::{Gvk, ObjectId, order};

use crate::drift::Manager;
use crate::{Client, Delete, Error};

/// An object to delete: which, and the API version it was applied at.
pub type Target = (ObjectId, String);

/// Who must own an object for it to be deleted.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The field manager and label group.
    pub manager: &'a Manager,
    /// Value of the label `<group>/name`.
    pub name: &'a str,
    /// Value of the label `<group>/namespace`.
    pub namespace: &'a str,
}

/// What a prune did.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// Deleted and skipped objects.
    pub changes: ChangeSet,
    /// Objects whose deletion was refused: they stay in the inventory.
    pub survivors: Vec<(Target, String)>,
}

/// Deletes `targets`, last in apply order first, in the background. An object goes only while it still carries the owner's labels and
/// is not marked `prune: disabled` or `reconcile: disabled`; the deletion names its uid, so that a namesake created meanwhile lives.
pub async fn delete_all(client: &Client, mut targets: Vec<Target>, owner: Owner<'_>) -> Pruned {
    targets.sort_by(|a, b| order::compare(&b.0, &a.0));
    let mut pruned = Pruned::default();
    // In order, but the reads overlap: a deletion is one GET and one DELETE.
    let deletions: Vec<_> = targets
        .into_iter()
        .map(|target| async {
            let outcome = delete_one(client, &target, owner).await;
            (target, outcome)
        })
        .collect();
    let mut outcomes = stream::iter(deletions).buffered(4);
    while let Some((target, outcome)) = outcomes.next().await {
        match outcome {
            Ok(action) => {
                pruned.changes.entries.push(Change {
                    id: target.0,
                    version: target.1,
                    action,
                });
            }
            Err(message) => pruned.survivors.push((target, message)),
        }
    }
    pruned
}

async fn delete_one(
    client: &Client,
    (id, version): &Target,
    owner: Owner<'_>,
) -> Result<Action, String> {
    let gvk = Gvk {
        group: id.group.clone(),
        version: version.clone(),
        kind: id.kind.clone(),
    };
    let resource = match client.resource(&gvk).await {
        Ok(resource) => resource,
        // The kind is served no longer: its objects went with it.
        Err(Error::NoKind(_)) => return Ok(Action::Deleted),
        Err(error) => return Err(format!("{id} query failed: {error}")),
    };
    let live = match client
        .get_metadata(&resource, &id.namespace, &id.name)
        .await
    {
        Ok(live) => live,
        Err(error) if error.is_not_found() => return Ok(Action::Deleted),
        Err(error) => return Err(format!("{id} query failed: {error}")),
    };
    let group = &owner.manager.group;
    let owned = live.label(&format!("{group}/name")) == Some(owner.name)
        && live.label(&format!("{group}/namespace")) == Some(owner.namespace);
    let marks = |key, value| owner.manager.marks(&live, key, value);
    let excluded =
        marks("prune", "disabled") || marks("reconcile", "disabled") || marks("ssa", "Ignore");
    if !owned || excluded {
        return Ok(Action::Skipped);
    }
    let how = Delete {
        uid: live.uid(),
        propagation: "Background",
    };
    match client.delete(&resource, &id.namespace, &id.name, how).await {
        Ok(()) => Ok(Action::Deleted),
        Err(error) if error.is_not_found() => Ok(Action::Deleted),
        Err(error) => Err(format!("{id} delete failed: {error}")),
    }
}
