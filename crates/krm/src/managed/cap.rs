//! No more than ten managers by update: the oldest are put together.

use std::collections::BTreeMap;

use super::entries::seconds;
use super::{Entry, ManagedFields, Operation};

const MAX_UPDATE_MANAGERS: usize = 10;
const BUCKET: &str = "ancient-changes";

pub(super) fn cap(managed: &mut ManagedFields) {
    let mut updaters: Vec<(i64, String)> = managed
        .map()
        .iter()
        .filter(|(_, entry)| entry.operation == Operation::Update)
        .map(|(id, entry)| (seconds(entry), id.clone()))
        .collect();
    let mut count = updaters.len();
    if count <= MAX_UPDATE_MANAGERS {
        return;
    }
    updaters.sort();
    // Fields at different versions cannot go together; the first of a version only moves once a second one joins it.
    let mut first_of_version: BTreeMap<String, String> = BTreeMap::new();
    for (_, id) in updaters {
        if count <= MAX_UPDATE_MANAGERS {
            break;
        }
        let Some(entry) = managed.map().get(&id).cloned() else {
            continue;
        };
        let Some(first) = first_of_version.get(&entry.api_version) else {
            first_of_version.insert(entry.api_version, id);
            continue;
        };
        let mut bucket = Entry {
            manager: BUCKET.into(),
            subresource: String::new(),
            ..entry.clone()
        };
        let bucket_id = bucket.id();
        let entries = managed.map_mut();
        if !entries.contains_key(&bucket_id)
            && let Some(first) = entries.remove(first)
        {
            entries.insert(bucket_id.clone(), first);
        }
        let before = entries.get(&bucket_id).map(|bucket| &bucket.fields);
        bucket.fields =
            before.map_or_else(|| entry.fields.clone(), |before| entry.fields.union(before));
        entries.insert(bucket_id.clone(), bucket);
        if bucket_id != id {
            entries.remove(&id);
        }
        count -= 1;
    }
}
