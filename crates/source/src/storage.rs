//! The artifact store: what every source has made last, addressed by content.

use std::collections::HashMap;
use std::sync::Arc;

use api::{Artifact, Time};
use bytes::Bytes;
use clock::Timestamp;
use krm::Tree;
use parking_lot::RwLock;
use sha2::{Digest, Sha256};

use crate::archive;

/// How many artifacts of one source are kept, the current one included (`--artifact-retention-records`).
const RECORDS: usize = 2;

/// Whose artifact it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// The source's kind, such as `GitRepository`.
    pub kind: String,
    /// The source's namespace.
    pub namespace: String,
    /// The source's name.
    pub name: String,
}

/// The artifact store of one process. Cheap to clone; clones are the same store.
#[derive(Clone, Debug)]
pub struct Storage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    address: String,
    slots: RwLock<HashMap<Slot, Vec<Kept>>>,
}

#[derive(Debug)]
struct Kept {
    digest: String,
    path: String,
    tree: Tree,
    packed: Bytes,
}

impl Storage {
    /// A store in memory that advertises itself under `address` (host, and port where it is not 80).
    pub fn in_memory(address: &str) -> Self {
        Self(Arc::new(Inner {
            address: address.into(),
            slots: RwLock::default(),
        }))
    }

    /// Stores a tree as a source's newest artifact; `file` is its file name, such as `<hash>.tar.gz`.
    ///
    /// # Errors
    /// Paths that cannot be packed.
    pub fn store(
        &self,
        slot: &Slot,
        resolved: (&str, &str),
        tree: Tree,
        now: Timestamp,
    ) -> std::io::Result<Artifact> {
        let (revision, file) = resolved;
        let packed = archive::pack(&tree)?;
        let digest = format!("sha256:{}", hex(&Sha256::digest(&packed)));
        let path = format!(
            "{}/{}/{}/{file}",
            slot.kind.to_lowercase(),
            slot.namespace,
            slot.name
        );
        let size = i64::try_from(packed.len()).ok();
        let kept = Kept {
            digest: digest.clone(),
            path: path.clone(),
            tree,
            packed: packed.into(),
        };
        {
            let mut slots = self.0.slots.write();
            let records = slots.entry(slot.clone()).or_default();
            records.retain(|record| record.path != path);
            records.insert(0, kept);
            records.truncate(RECORDS);
        }
        Ok(Artifact {
            digest,
            last_update_time: Time::from(now),
            url: format!("http://{}/{path}", self.0.address),
            path,
            revision: revision.into(),
            size,
            ..Artifact::default()
        })
    }

    /// The files of an artifact; `None` where it is not (or no longer) in the store under this very digest.
    pub fn tree(&self, artifact: &Artifact) -> Option<Tree> {
        self.find(artifact, |kept| kept.tree.clone())
    }

    /// The packed bytes of the artifact at `path`, as the file server hands them out.
    pub fn file(&self, path: &str) -> Option<Bytes> {
        let slots = self.0.slots.read();
        slots
            .values()
            .flatten()
            .find(|kept| kept.path == path)
            .map(|kept| kept.packed.clone())
    }

    /// Whether an artifact is in the store under this very digest.
    pub fn holds(&self, artifact: &Artifact) -> bool {
        self.find(artifact, |_| ()).is_some()
    }

    /// Forgets everything a source has made.
    pub fn remove(&self, slot: &Slot) {
        self.0.slots.write().remove(slot);
    }

    fn find<T>(&self, artifact: &Artifact, take: impl Fn(&Kept) -> T) -> Option<T> {
        let slots = self.0.slots.read();
        let found = slots
            .values()
            .flatten()
            .find(|kept| kept.path == artifact.path && kept.digest == artifact.digest);
        found.map(take)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p09_an_artifact_is_found_by_its_digest_only() {
        let storage = Storage::in_memory("source-controller.flux-system.svc.cluster.local.");
        let slot = Slot {
            kind: "GitRepository".into(),
            namespace: "team".into(),
            name: "apps".into(),
        };
        let tree = Tree::from_texts([("a.yaml", "a")]).unwrap();
        let artifact = storage
            .store(
                &slot,
                ("main@sha1:1", "1.tar.gz"),
                tree.clone(),
                Timestamp::UNIX_EPOCH,
            )
            .unwrap();
        assert_eq!(artifact.path, "gitrepository/team/apps/1.tar.gz");
        assert_eq!(
            artifact.url,
            "http://source-controller.flux-system.svc.cluster.local./gitrepository/team/apps/1.tar.gz"
        );
        assert_eq!(storage.tree(&artifact), Some(tree));
        let forged = Artifact {
            digest: "sha256:00".into(),
            ..artifact.clone()
        };
        assert_eq!(storage.tree(&forged), None);
        storage.remove(&slot);
        assert!(!storage.holds(&artifact));
    }

    #[test]
    fn two_records_are_kept() {
        let storage = Storage::in_memory("h");
        let slot = Slot {
            kind: "GitRepository".into(),
            namespace: "team".into(),
            name: "apps".into(),
        };
        let made: Vec<_> = (0..3)
            .map(|n| {
                let text = n.to_string();
                let tree = Tree::from_texts([("a.yaml", text.as_str())]).unwrap();
                storage
                    .store(
                        &slot,
                        (&text, &format!("{n}.tar.gz")),
                        tree,
                        Timestamp::UNIX_EPOCH,
                    )
                    .unwrap()
            })
            .collect();
        assert_eq!(
            made.iter()
                .map(|artifact| storage.holds(artifact))
                .collect::<Vec<_>>(),
            [false, true, true]
        );
    }
}
