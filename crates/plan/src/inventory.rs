//! What a Kustomization has applied, and what of it is to go.

use std::collections::HashSet;

use api::{ResourceInventory, ResourceRef};
use krm::changeset::ChangeSet;
use krm::{Gvk, ObjectId};

/// An inventory of everything that was applied or deliberately skipped.
pub fn of(changes: &ChangeSet) -> ResourceInventory {
    let entries = changes
        .entries
        .iter()
        .map(|change| entry(&change.id, &change.version))
        .collect();
    ResourceInventory { entries }
}

/// One entry.
pub fn entry(id: &ObjectId, version: &str) -> ResourceRef {
    let gvk = Gvk {
        group: id.group.clone(),
        version: version.into(),
        kind: id.kind.clone(),
    };
    ResourceRef::of(&gvk, &id.namespace, &id.name)
}

/// Which objects stand in `old` and no longer in `new`, each with the version it was applied at.
///
/// An entry that cannot be read names no object and is passed over: it never makes anything else go.
pub fn stale(old: &ResourceInventory, new: &ResourceInventory) -> Vec<(ObjectId, String)> {
    let kept: HashSet<&str> = new.entries.iter().map(|entry| entry.id.as_str()).collect();
    let gone = old
        .entries
        .iter()
        .filter(|entry| !kept.contains(entry.id.as_str()));
    gone.filter_map(|entry| Some((entry.object_id()?, entry.v.clone())))
        .collect()
}

/// Puts objects whose deletion was refused back into an inventory.
pub fn retain(inventory: &mut ResourceInventory, survivors: &[(ObjectId, String)]) {
    let mut known: HashSet<String> = inventory
        .entries
        .iter()
        .map(|entry| entry.id.clone())
        .collect();
    for (id, version) in survivors {
        let entry = entry(id, version);
        if known.insert(entry.id.clone()) {
            inventory.entries.push(entry);
        }
    }
}

/// Every object of an inventory with its version.
pub fn objects(inventory: &ResourceInventory) -> Vec<(ObjectId, String)> {
    inventory
        .entries
        .iter()
        .filter_map(|entry| Some((entry.object_id()?, entry.v.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(ids: &[&str]) -> ResourceInventory {
        let entries = ids
            .iter()
            .map(|id| ResourceRef {
                id: (*id).into(),
                v: "v1".into(),
            })
            .collect();
        ResourceInventory { entries }
    }

    #[test]
    fn what_left_the_build_is_stale_and_survivors_stay_known() {
        let old = inventory(&["a_x__ConfigMap", "a_y__ConfigMap", "nonsense"]);
        let mut new = inventory(&["a_y__ConfigMap", "a_z__ConfigMap"]);
        let stale = stale(&old, &new);
        assert_eq!(stale.len(), 1);
        assert_eq!(stale[0].0.to_string(), "ConfigMap/a/x");
        retain(&mut new, &stale);
        retain(&mut new, &stale);
        assert_eq!(
            new,
            inventory(&["a_y__ConfigMap", "a_z__ConfigMap", "a_x__ConfigMap"])
        );
    }
}
