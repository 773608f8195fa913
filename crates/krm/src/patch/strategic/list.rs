//! Two lists merged by a key of their items, and their order.

use std::collections::{HashMap, HashSet};

use super::{
    DIRECTIVE, Error, Kind, Schema, Strategy, apply, field, unknown_directive, without_directives,
};
use crate::{Map, Value, golang};

/// A list field: its items' type, how it is patched and by which key.
pub(super) struct MergedList<'a, S> {
    item: S,
    strategy: Strategy,
    key: &'a str,
}

impl<'a, S: Schema<'a>> MergedList<'a, S> {
    /// The list field of this name of a struct.
    pub(super) fn of(of: S, name: &str) -> Result<Self, Error> {
        let field = field(of, name)?;
        let item = field.of.element().or(match field.of.kind() {
            Kind::Struct => Some(field.of),
            _ => None,
        });
        let Some(item) = item else {
            return Err(Error::Other(
                "expected slice or array type, but got: struct".into(),
            ));
        };
        Ok(Self {
            item,
            strategy: field.strategy,
            key: field.merge_key,
        })
    }

    /// The list with the patch's items; `deletes` where they are to be removed.
    pub(super) fn merge(
        &self,
        old: Vec<Value>,
        new: Vec<Value>,
        deletes: bool,
    ) -> Result<Vec<Value>, Error> {
        if self.strategy != Strategy::Merge && !deletes {
            return Ok(new);
        }
        if old.is_empty() && new.is_empty() {
            return Ok(old);
        }
        if !are_maps(&[&old, &new])? {
            if deletes {
                let gone: HashSet<String> = new.iter().map(ToString::to_string).collect();
                return Ok(old
                    .into_iter()
                    .filter(|item| !gone.contains(&item.to_string()))
                    .collect());
            }
            let orders = Orders {
                patch: &new,
                live: &old,
            };
            let mut seen = HashSet::new();
            let merged: Vec<Value> = old
                .iter()
                .chain(&new)
                .filter(|item| seen.insert(item.to_string()))
                .cloned()
                .collect();
            return self.arranged(merged, &orders, false);
        }
        if self.key.is_empty() {
            let kind = if self.item.kind() == Kind::Struct {
                "struct"
            } else {
                self.item.name()
            };
            return Err(Error::Other(format!(
                "cannot merge lists without merge key for {kind}"
            )));
        }
        let (old, new) = self.without_special(old, new)?;
        let order_of = |items: &[Value]| self.only_keys(items);
        let (live, patch) = (order_of(&old), order_of(&new));
        let merged = self.merge_items(old, new)?;
        self.arranged(
            merged,
            &Orders {
                patch: &patch,
                live: &live,
            },
            true,
        )
    }

    /// The lists merged, in the order that `$setElementOrder` asks for; `None` where there is neither.
    pub(super) fn ordered(
        &self,
        old: Option<Vec<Value>>,
        new: Option<Vec<Value>>,
        order: &[Value],
    ) -> Result<Option<Vec<Value>>, Error> {
        self.check_order(new.as_deref().unwrap_or_default(), order)?;
        let nothing = Vec::new();
        let are_maps = |old: &Option<Vec<Value>>, new: &Option<Vec<Value>>| {
            let lists = [
                old.as_ref().unwrap_or(&nothing),
                new.as_ref().unwrap_or(&nothing),
            ];
            if lists.iter().all(|list| list.is_empty()) {
                return Err(Error::Other(
                    "no elements in any of the given slices".into(),
                ));
            }
            are_maps(&lists.map(Vec::as_slice))
        };
        let kind = are_maps(&old, &new);
        let mut live = self.only_keys(old.as_deref().unwrap_or_default());
        if self.strategy == Strategy::Merge && old.is_some() {
            self.shift(&mut live, new.as_deref().unwrap_or_default());
        }
        let merged = match (old, new) {
            (None, None) => return Ok(None),
            (Some(old), None) => old,
            (None, Some(new)) => new.into_iter().filter_map(without_directives).collect(),
            (Some(old), Some(new)) => self.merge(old, new, false)?,
        };
        let orders = Orders {
            patch: order,
            live: &live,
        };
        self.arranged(merged, &orders, kind?).map(Some)
    }

    /// Items with `$patch`: `delete` removes from the old list, `replace` empties it.
    fn without_special(
        &self,
        mut old: Vec<Value>,
        new: Vec<Value>,
    ) -> Result<(Vec<Value>, Vec<Value>), Error> {
        let mut plain = Vec::with_capacity(new.len());
        let mut gone = HashSet::new();
        let mut replaces = false;
        for item in new {
            let Value::Object(map) = item else { continue };
            match map
                .get(DIRECTIVE)
                .map(|directive| (directive.as_str(), directive))
            {
                None => plain.push(Value::Object(map)),
                Some((Some("delete"), _)) => {
                    let key = map.get(self.key);
                    let key = key.ok_or_else(|| Error::no_merge_key(&map, self.key))?;
                    gone.insert(key.to_string());
                }
                Some((Some("replace"), _)) => replaces = true,
                Some((Some("merge"), _)) => {
                    let text = "merging lists cannot yet be specified in the patch";
                    return Err(Error::Other(text.into()));
                }
                Some((_, directive)) => {
                    let directive = directive.clone();
                    return Err(unknown_directive(&directive, map));
                }
            }
        }
        if replaces {
            return Ok((plain, Vec::new()));
        }
        if !gone.is_empty() {
            old.retain(|item| {
                item.get(self.key)
                    .is_none_or(|key| !gone.contains(&key.to_string()))
            });
        }
        Ok((old, plain))
    }

    /// What is left of the live order when the lists have been merged.
    ///
    /// Upstream merges in place and looks at the list again to order it: what was deleted has moved the others up, and new items have taken the
    /// places that became free at the end.
    fn shift(&self, live: &mut [Value], patch: &[Value]) {
        let mut length = live.len();
        let directive = |item: &Value| item.get(DIRECTIVE).cloned();
        let is = |item: &Value, name: &str| directive(item).is_some_and(|one| one == name);
        for item in patch.iter().filter(|item| is(item, "delete")) {
            let key = item.get(self.key);
            while let Some(at) = live[..length]
                .iter()
                .position(|one| key.is_some() && one.get(self.key) == key)
            {
                live[at..length].rotate_left(1);
                length -= 1;
                if at < length {
                    live[length] = live[length - 1].clone();
                }
            }
        }
        if patch.iter().any(|item| is(item, "replace")) {
            return;
        }
        for item in patch.iter().filter(|item| directive(item).is_none()) {
            let key = item.get(self.key);
            let is_new = !live[..length].iter().any(|one| one.get(self.key) == key);
            if is_new && length < live.len() {
                live[length] = item.clone();
                length += 1;
            }
        }
    }

    fn merge_items(&self, old: Vec<Value>, new: Vec<Value>) -> Result<Vec<Value>, Error> {
        let mut out = old;
        let mut places: HashMap<String, usize> = HashMap::with_capacity(out.len());
        for (at, item) in out.iter().enumerate() {
            if let Some(key) = item.get(self.key) {
                places.entry(key.to_string()).or_insert(at);
            }
        }
        for item in new {
            let Value::Object(map) = item else { continue };
            let key = map.get(self.key).map(ToString::to_string);
            let key = key.ok_or_else(|| Error::no_merge_key(&map, self.key))?;
            match places.get(&key) {
                Some(at) => {
                    if let Value::Object(old) = std::mem::take(&mut out[*at]) {
                        out[*at] = Value::Object(apply(old, map, self.item)?);
                    }
                }
                None => {
                    places.insert(key, out.len());
                    out.push(Value::Object(map));
                }
            }
        }
        Ok(out)
    }

    /// The patch's items must stand in the order that the directive gives.
    fn check_order(&self, patch: &[Value], order: &[Value]) -> Result<(), Error> {
        if patch.is_empty() || order.is_empty() {
            return Ok(());
        }
        let mut expected = order.iter().peekable();
        for item in patch {
            let directive = item.get(DIRECTIVE);
            if !self.key.is_empty() && !item.is_object() {
                return Err(Error::expected("map[string]interface {}", item));
            }
            if !self.key.is_empty() && directive.is_some_and(|one| one == "delete") {
                continue;
            }
            // Behind the last item of the order not even a directive may stand.
            if directive.is_some() && expected.peek().is_some() {
                continue;
            }
            let found = loop {
                match expected.next() {
                    None => break false,
                    Some(one) if self.strict_key(one)? == self.strict_key(item)? => break true,
                    Some(_) => {}
                }
            };
            if !found {
                let [patch, order] = [patch, order].map(|list| golang::plain(&Value::from(list)));
                return Err(Error::Other(format!(
                    "The order in patch list:\n{patch}\n doesn't match $setElementOrder list:\n{order}\n"
                )));
            }
        }
        Ok(())
    }

    /// The items in order: the patch's in its own, the others in the live one's, the two woven by the live one's.
    fn arranged(
        &self,
        items: Vec<Value>,
        orders: &Orders<'_>,
        are_maps: bool,
    ) -> Result<Vec<Value>, Error> {
        let in_patch = self.places(orders.patch);
        let in_live = self.places(orders.live);
        let (mut of_patch, mut of_live) = (Vec::new(), Vec::new());
        for item in items {
            let key = if self.key.is_empty() {
                item.to_string()
            } else {
                self.strict_key(&item)?
            };
            match in_patch.contains_key(&key) {
                true => of_patch.push((key, item)),
                false => of_live.push((key, item)),
            }
        }
        if are_maps {
            for item in orders.patch.iter().chain(orders.live) {
                self.strict_key(item)?;
            }
        }
        let of_patch = sorted(of_patch, &in_patch);
        let of_live = sorted(of_live, &in_live);
        let mut out = Vec::with_capacity(of_patch.len() + of_live.len());
        let (mut left, mut right) = (
            of_live.into_iter().peekable(),
            of_patch.into_iter().peekable(),
        );
        loop {
            let take_left = match (left.peek(), right.peek()) {
                (None, None) => return Ok(out),
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some((l, _)), Some((r, _))) => match (in_live.get(l), in_live.get(r)) {
                    (Some(l), Some(r)) => l < r,
                    _ => false,
                },
            };
            let next = if take_left { left.next() } else { right.next() };
            out.extend(next.map(|(_, item)| item));
        }
    }

    /// Where each item stands first, by its key.
    fn places(&self, items: &[Value]) -> HashMap<String, usize> {
        let mut places = HashMap::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            places.entry(self.key_of(item)).or_insert(at);
        }
        places
    }

    fn key_of(&self, item: &Value) -> String {
        if self.key.is_empty() {
            return item.to_string();
        }
        item.get(self.key).unwrap_or(&Value::Null).to_string()
    }

    /// The same, where an item without a key is an error.
    fn strict_key(&self, item: &Value) -> Result<String, Error> {
        match item {
            _ if self.key.is_empty() => Ok(item.to_string()),
            Value::Object(map) => map
                .get(self.key)
                .map(ToString::to_string)
                .ok_or_else(|| Error::no_merge_key(map, self.key)),
            other => Err(Error::expected("map[string]interface {}", other)),
        }
    }

    /// Copies of the items with nothing but their key, to tell an order later.
    fn only_keys(&self, items: &[Value]) -> Vec<Value> {
        let only_key = |item: &Value| match item {
            Value::Object(map) if !self.key.is_empty() => {
                let key = map.get_key_value(self.key);
                let key = key.map(|(name, value)| (name.clone(), value.clone()));
                Value::Object(key.into_iter().collect::<Map<_, _>>())
            }
            other => other.clone(),
        };
        items.iter().map(only_key).collect()
    }
}

/// The orders that the items of a merged list follow.
struct Orders<'v> {
    patch: &'v [Value],
    live: &'v [Value],
}

fn sorted(
    mut items: Vec<(String, Value)>,
    places: &HashMap<String, usize>,
) -> Vec<(String, Value)> {
    items.sort_by_key(|(key, _)| places.get(key).copied().unwrap_or(usize::MAX));
    items
}

/// Whether the lists hold maps; all items must be of one type, and none a list.
fn are_maps(lists: &[&[Value]]) -> Result<bool, Error> {
    let mut items = lists.iter().copied().flatten();
    let Some(first) = items.next() else {
        return Ok(false);
    };
    if first.is_array() {
        return Err(Error::ListOfLists);
    }
    if items.any(|item| !super::is_same_type(first, item)) {
        let lists = Value::Array(lists.iter().map(|list| Value::from(*list)).collect());
        let lists = golang::plain(&lists);
        return Err(Error::Other(format!(
            "list element types are not identical: {lists}"
        )));
    }
    Ok(first.is_object())
}
