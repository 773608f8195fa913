//! The objects of a build, in order, and who is who among them.

use std::collections::HashMap;

use crate::error::Error;
use crate::id::{Id, Key};
use crate::resource::{Behavior, Resource};

/// Objects in the order they were accumulated; no two have the same id when they are added.
#[derive(Debug, Default)]
pub(crate) struct ResMap {
    pub(crate) list: Vec<Resource>,
    /// How often each current id occurs; `None` after something may have changed it.
    ids: Option<HashMap<Key, usize>>,
}

impl ResMap {
    /// The objects, to change; ids are looked up anew afterwards.
    pub(crate) fn list_mut(&mut self) -> &mut Vec<Resource> {
        self.ids = None;
        &mut self.list
    }

    /// Adds an object.
    pub(crate) fn append(&mut self, resource: Resource) -> Result<(), Error> {
        let id = resource.id();
        let ids = self.ids.get_or_insert_with(|| count(&self.list));
        let times = ids.entry(id.key()).or_default();
        if *times > 0 {
            return Err(already_registered(&id));
        }
        *times += 1;
        self.list.push(resource);
        Ok(())
    }

    /// Adds all objects of another map.
    pub(crate) fn append_all(&mut self, other: Self) -> Result<(), Error> {
        other.list.into_iter().try_for_each(|one| self.append(one))
    }

    /// Adds a generated object, or puts it in the place of the one it replaces or merges with.
    pub(crate) fn absorb(&mut self, mut new: Resource) -> Result<(), Error> {
        let id = new.id();
        let behavior = new.behavior;
        let takes_over = matches!(behavior, Behavior::Merge | Behavior::Replace);
        let at = match (self.find(&id).as_slice(), takes_over) {
            ([], true) => {
                let message = format!("id {id} does not exist; cannot merge or replace");
                return Err(Error::new(message));
            }
            ([], false) => return self.append(new),
            ([at], true) => *at,
            ([_], false) => {
                return Err(Error::new(format!(
                    "id {id} exists; can not use behavior: '{}', behavior must be merge or replace",
                    behavior.word()
                )));
            }
            _ => {
                let message = format!("found multiple objects that could accept merge of {id}");
                return Err(Error::new(message));
            }
        };
        new.take_over(&self.list[at])?;
        self.list_mut()[at] = new;
        Ok(())
    }

    /// The objects that have or had an id.
    pub(crate) fn find(&self, id: &Id) -> Vec<usize> {
        let key = id.key();
        let has = |resource: &Resource| {
            let mut ids = resource.previous_ids().chain([resource.id()]);
            ids.any(|one| one.key() == key)
        };
        let known = |resource: &Resource| {
            let mut names = resource.previous.iter().map(|one| one.name.as_str());
            resource.name() == id.name || names.any(|name| name == id.name)
        };
        let all = self.list.iter().enumerate();
        all.filter(|(_, one)| known(one) && has(one))
            .map(|(at, _)| at)
            .collect()
    }

    /// The one object that has or had an id.
    pub(crate) fn find_one(&self, id: &Id) -> Result<usize, Error> {
        let words = match self.find(id).as_slice() {
            [at] => return Ok(*at),
            [] => "no matches",
            _ => "multiple matches",
        };
        Err(Error::new(format!(
            "{words} for Id {id}; failed to find unique target for patch {id}"
        )))
    }

    /// Refuses two objects with one id.
    pub(crate) fn check_unique(&self) -> Result<(), Error> {
        let ids = count(&self.list);
        if ids.len() == self.list.len() {
            return Ok(());
        }
        let mut all = self.list.iter().map(Resource::id);
        let twice = all.find(|id| ids.get(&id.key()) > Some(&1));
        twice.map_or(Ok(()), |id| Err(already_registered(&id)))
    }
}

impl Behavior {
    /// The word for it in a generator's `behavior`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Merge => "merge",
        }
    }
}

fn already_registered(id: &Id) -> Error {
    Error::new(format!(
        "may not add resource with an already registered id: {id}"
    ))
}

fn count(list: &[Resource]) -> HashMap<Key, usize> {
    let mut ids = HashMap::with_capacity(list.len());
    for resource in list {
        *ids.entry(resource.id().key()).or_default() += 1;
    }
    ids
}
