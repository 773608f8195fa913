//! One value laid over another.

use std::collections::{HashMap, HashSet, VecDeque};

use super::item::elements;
use super::{List, ListRelation, Map, MapRelation, Shape, TypeRef};
use crate::Value;
use crate::fields::PathElement;

pub(super) fn merge(at: TypeRef<'_>, live: &Value, applied: &Value) -> Value {
    match at.get().shape_of(applied) {
        Some(Shape::Map(of)) => map(at, of, live, applied),
        Some(Shape::List(of)) => list(at, of, live, applied),
        Some(Shape::Scalar(_)) | None => applied.clone(),
    }
}

/// Both values or the one there is.
fn merge_some(at: TypeRef<'_>, live: Option<&Value>, applied: Option<&Value>) -> Option<Value> {
    match (live, applied) {
        (Some(live), Some(applied)) => Some(merge(at, live, applied)),
        (one, other) => one.or(other).cloned(),
    }
}

fn map(at: TypeRef<'_>, of: &Map, live: &Value, applied: &Value) -> Value {
    let empty = crate::Map::new();
    let old = live.as_object().unwrap_or(&empty);
    let new = applied.as_object().unwrap_or(&empty);
    // Where there is nothing on either side, null and empty stay what they are.
    if of.relation == MapRelation::Atomic || (old.is_empty() && new.is_empty()) {
        return applied.clone();
    }
    let mut out = crate::Map::new();
    for (key, value) in old {
        let merged = match (new.get(key), of.at(key)) {
            (Some(applied), Some(id)) => merge(at.to(id), value, applied),
            (Some(applied), None) => applied.clone(),
            (None, _) => value.clone(),
        };
        out.insert(key.clone(), merged);
    }
    for (key, value) in new {
        if !old.contains_key(key) {
            out.insert(key.clone(), value.clone());
        }
    }
    Value::Object(out)
}

fn list(at: TypeRef<'_>, of: &List, live: &Value, applied: &Value) -> Value {
    let old = live.as_array().map(Vec::as_slice).unwrap_or_default();
    let new = applied.as_array().map(Vec::as_slice).unwrap_or_default();
    if of.relation == ListRelation::Atomic || (old.is_empty() && new.is_empty()) {
        return applied.clone();
    }
    Value::Array(Interleave::new(at, of, old, new).run())
}

/// Two lists of items merged into one: those that `new` names in its order, the others of `old` where they stood between them.
struct Interleave<'a, 'v> {
    item: TypeRef<'a>,
    old: Vec<(PathElement, &'v Value)>,
    new: Vec<(PathElement, &'v Value)>,
    /// Items of the old list by their path element; null for one that is there twice, so that the new one replaces it.
    old_by_element: HashMap<PathElement, &'v Value>,
    new_elements: HashSet<PathElement>,
    /// Items of both lists, in the new one's order, that are still to come.
    shared: VecDeque<PathElement>,
    next_shared: Option<PathElement>,
    merged: HashSet<PathElement>,
    out: Vec<Value>,
}

impl<'a, 'v> Interleave<'a, 'v> {
    fn new(at: TypeRef<'a>, of: &List, old: &'v [Value], new: &'v [Value]) -> Self {
        let old = elements(at, of, old);
        let new = elements(at, of, new);
        let mut old_by_element = HashMap::with_capacity(old.len());
        for (element, item) in &old {
            old_by_element
                .entry(element.clone())
                .and_modify(|item| *item = &Value::Null)
                .or_insert(*item);
        }
        let mut shared: VecDeque<_> = new
            .iter()
            .filter(|(element, _)| old_by_element.contains_key(element))
            .map(|(element, _)| element.clone())
            .collect();
        Self {
            item: at.to(of.element),
            next_shared: shared.pop_front(),
            shared,
            new_elements: new.iter().map(|(element, _)| element.clone()).collect(),
            merged: HashSet::with_capacity(new.len()),
            out: Vec::with_capacity(old.len().max(new.len())),
            old_by_element,
            old,
            new,
        }
    }

    fn run(mut self) -> Vec<Value> {
        let (mut left, mut right) = (0, 0);
        while left < self.old.len() || right < self.new.len() {
            if let (Some((old, _)), Some((new, _))) = (self.old.get(left), self.new.get(right)) {
                if old == new {
                    self.take_new(right);
                    self.next_shared = self.shared.pop_front();
                    left += 1;
                    right += 1;
                    continue;
                }
                let is_other = self.next_shared.as_ref().is_some_and(|next| next != old);
                if is_other && self.new_elements.contains(old) {
                    // Its turn comes where the new list has it.
                    left += 1;
                    continue;
                }
            }
            if let Some((old, item)) = self.old.get(left) {
                if !self.new_elements.contains(old) {
                    self.out.push((*item).clone());
                    left += 1;
                    continue;
                } else if self.merged.contains(old) {
                    left += 1;
                }
            }
            if let Some((new, _)) = self.new.get(right) {
                let is_next = self.next_shared.as_ref() == Some(new);
                self.take_new(right);
                right += 1;
                if is_next {
                    self.next_shared = self.shared.pop_front();
                }
            }
        }
        self.out
    }

    fn take_new(&mut self, at: usize) {
        let (element, new) = &self.new[at];
        let old = self.old_by_element.get(element).copied();
        self.out.extend(merge_some(self.item, old, Some(new)));
        self.merged.insert(element.clone());
    }
}
