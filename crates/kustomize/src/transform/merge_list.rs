//! Merging lists by keys.

use std::collections::HashSet;

use krm::yaml::{Kind, Node, Scalar};

use super::merge::{Walked, is_null_or_empty_map, walk};
use crate::edit;
use crate::error::Error;
use crate::schema::List;

/// Elements by number: lists of them are what is shuffled, the elements stay where they are.
struct Elements(Vec<Node>);

/// Merges the elements of `patch` into `target`; new ones come first.
pub(super) fn merge(target: &mut Node, patch: Option<&mut Node>, list: &List) -> Result<(), Error> {
    let Kind::List(items) = &mut target.kind else {
        return Ok(());
    };
    let mut none = Vec::new();
    let theirs = match patch.map(|patch| &mut patch.kind) {
        Some(Kind::List(theirs)) => theirs,
        _ => &mut none,
    };
    let keys: Vec<&str> = if list.keys.is_empty() {
        vec![""]
    } else {
        list.keys.clone()
    };
    let wanted = all_values(theirs, items, &list.keys);
    if wanted.is_empty() {
        return Ok(());
    }
    let mut elements = Elements(std::mem::take(items));
    let mut order: Vec<usize> = (0..elements.0.len()).collect();
    let mut added: Vec<usize> = Vec::new();
    let used = used_keys(&wanted, &keys);
    for values in &wanted {
        let (keys, values) = narrowed(&used, &keys, values);
        let (own_keys, own_values) = narrowed(&own_use(&keys, &values), &keys, &values);
        let mine = elements.matching(&order, &own_keys, &own_values);
        let other = theirs
            .iter_mut()
            .find(|item| matches_all(item, &own_keys, &own_values));
        let walked = walk(mine.map(|at| &mut elements.0[at]), other, list.element())?;
        let at = match (walked, mine) {
            (Walked::Kept, Some(at)) => Some(at),
            (Walked::New(new), _) => {
                elements.0.push(new);
                Some(elements.0.len() - 1)
            }
            _ => None,
        };
        let Some(at) = at.filter(|at| !is_null_or_empty_map(&elements.0[*at])) else {
            order = elements.set(&order, None, &keys, &values)?;
            continue;
        };
        for (key, value) in keys.iter().zip(&values) {
            if !value.is_empty() {
                name_element(&mut elements.0[at], key, value)?;
            }
        }
        added = elements.set(&added, Some(at), &keys, &values)?;
    }
    let (keys, _) = narrowed(&used, &keys, wanted.last().map_or(&[], Vec::as_slice));
    let result = elements.append(added, &order, &keys)?;
    *items = elements.take(&result);
    Ok(())
}

/// The key values of every element, the patch's first, each once. Without keys, elements are their own key.
fn all_values(theirs: &[Node], mine: &[Node], keys: &[&str]) -> Vec<Vec<String>> {
    let mut seen = HashSet::new();
    let mut result = Vec::new();
    for item in theirs.iter().chain(mine) {
        let values: Vec<String> = if keys.is_empty() {
            vec![item.text().unwrap_or_default().to_owned()]
        } else {
            keys.iter().map(|key| value_of(item, key)).collect()
        };
        if seen.insert(values.clone()) {
            result.push(values);
        }
    }
    if keys.len() > 1 {
        fill_gaps(&mut result);
    }
    result
}

fn value_of(item: &Node, key: &str) -> String {
    let value = item.get(key).filter(|value| !edit::is_nothing(Some(value)));
    value.and_then(Node::text).unwrap_or_default().to_owned()
}

/// Elements that agree where both say something are taken for one; what one leaves out, the other fills in.
fn fill_gaps(list: &mut [Vec<String>]) {
    if list.iter().flatten().all(|value| !value.is_empty()) {
        return;
    }
    for i in 0..list.len() {
        for j in 0..list.len() {
            if let Some(both) = agreed(&list[i], &list[j]) {
                list[i].clone_from(&both);
                list[j] = both;
            }
        }
    }
}

fn agreed(a: &[String], b: &[String]) -> Option<Vec<String>> {
    let mut common = false;
    let mut both = Vec::with_capacity(a.len());
    for (x, y) in a.iter().zip(b) {
        match (x, y) {
            (x, y) if x == y => {
                common = true;
                both.push(x.clone());
            }
            (x, y) if !x.is_empty() && !y.is_empty() => return None,
            (x, y) => both.push(if x.is_empty() { y.clone() } else { x.clone() }),
        }
    }
    common.then_some(both)
}

/// Which keys anything has a value for; all of them where nothing has any.
fn used_keys(list: &[Vec<String>], keys: &[&str]) -> Vec<bool> {
    let used = |at: usize| {
        list.iter()
            .any(|values| values.get(at).is_some_and(|value| !value.is_empty()))
    };
    let used: Vec<bool> = (0..keys.len()).map(used).collect();
    if used.contains(&true) {
        used
    } else {
        vec![true; keys.len()]
    }
}

fn own_use(keys: &[&str], values: &[String]) -> Vec<bool> {
    used_keys(std::slice::from_ref(&values.to_vec()), keys)
}

fn narrowed<'a>(used: &[bool], keys: &[&'a str], values: &[String]) -> (Vec<&'a str>, Vec<String>) {
    let kept = |at: &usize| used.get(*at).copied().unwrap_or(true);
    let keys_kept = (0..keys.len()).filter(kept).map(|at| keys[at]).collect();
    let values_kept = (0..values.len())
        .filter(kept)
        .map(|at| values[at].clone())
        .collect();
    (keys_kept, values_kept)
}

/// Whether an element has these values at these keys, to the letter.
fn matches_all(item: &Node, keys: &[&str], values: &[String]) -> bool {
    if keys.first().is_none_or(|key| key.is_empty()) {
        return item.text().unwrap_or_default() == values.first().map_or("", String::as_str);
    }
    item.as_map().is_some()
        && keys.iter().zip(values).all(|(key, value)| {
            let field = item.get(key);
            field.is_some_and(|field| field.text().unwrap_or_default() == value)
        })
}

/// Writes an element's key where it lacks it; a primitive element is its own key.
fn name_element(element: &mut Node, key: &str, value: &str) -> Result<(), Error> {
    match &element.kind {
        Kind::Scalar(_) => edit::set_scalar(element, Scalar::plain(value)),
        Kind::Map(_) if element.get(key).is_none() => {
            edit::set_field(element, key, Node::plain(value))
        }
        _ => Ok(()),
    }
}

impl Elements {
    fn matching(&self, order: &[usize], keys: &[&str], values: &[String]) -> Option<usize> {
        let mut all = order.iter().copied();
        all.find(|at| matches_all(&self.0[*at], keys, values))
    }

    /// kyaml's `ElementSetter`: puts `element` where the keys match, at the end where none does; takes them out where it is `None`.
    fn set(
        &self,
        order: &[usize],
        element: Option<usize>,
        keys: &[&str],
        values: &[String],
    ) -> Result<Vec<usize>, Error> {
        let by_key = keys.first().is_some_and(|key| !key.is_empty())
            && values.first().is_some_and(|value| !value.is_empty());
        let mut result = Vec::with_capacity(order.len() + 1);
        let mut found_any = false;
        for at in order {
            let item = &self.0[*at];
            if is_null_or_empty_map(item) {
                continue;
            }
            if by_key && item.as_map().is_none() {
                result.push(*at);
                continue;
            }
            if has_values(item, keys, values)? {
                found_any = true;
                result.extend(element);
            } else if !values.is_empty() {
                result.push(*at);
            }
        }
        if let Some(at) = element.filter(|at| !found_any && !self.0[*at].is_null()) {
            result.push(at);
        }
        Ok(result)
    }

    /// Adds the elements of the target behind the patch's, each in the place of its merged self where there is one.
    fn append(
        &self,
        mut result: Vec<usize>,
        order: &[usize],
        keys: &[&str],
    ) -> Result<Vec<usize>, Error> {
        for at in order {
            let item = &self.0[*at];
            if keys.first().is_none_or(|key| key.is_empty()) {
                let value = vec![item.text().unwrap_or_default().to_owned()];
                result = self.set(&result, Some(*at), &[""], &value)?;
                continue;
            }
            let mut values = Vec::new();
            for key in keys {
                if item.as_map().is_none() && !item.is_null() {
                    return Err(edit::wrong_kind("MappingNode", item));
                }
                match item.get(key) {
                    None => result.push(*at),
                    Some(value) => values.push(value.text().unwrap_or_default().to_owned()),
                }
            }
            if keys.len() > 1 {
                result = self.set(&result, None, keys, &values)?;
            }
            result = self.set(&result, Some(*at), keys, &values)?;
        }
        Ok(result)
    }

    /// The elements in an order; one that stands there twice is copied.
    fn take(self, order: &[usize]) -> Vec<Node> {
        let mut left: Vec<Option<Node>> = self.0.into_iter().map(Some).collect();
        let mut uses = vec![0_usize; left.len()];
        for at in order {
            uses[*at] += 1;
        }
        let mut give = |at: &usize| {
            uses[*at] -= 1;
            if uses[*at] == 0 {
                left[*at].take()
            } else {
                left[*at].clone()
            }
        };
        order.iter().filter_map(&mut give).collect()
    }
}

/// `FieldMatcher` over all keys: an empty value matches whatever is there.
fn has_values(item: &Node, keys: &[&str], values: &[String]) -> Result<bool, Error> {
    let mut found = true;
    for (at, key) in keys.iter().enumerate() {
        if let Some(value) = values.get(at) {
            found = if key.is_empty() {
                item.text().is_some_and(|text| text == value)
            } else if item.as_map().is_none() {
                return Err(edit::wrong_kind("MappingNode", item));
            } else {
                let field = item.get(key);
                field.is_some_and(|field| value.is_empty() || field.text() == Some(value.as_str()))
            };
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(found)
}
