//! Sets of an object's fields, and `FieldsV1`, the form in which `managedFields` carry them.

mod element;
mod filter;
mod json;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

pub use element::{KeyField, PathElement, compare_values, same_value};
pub use filter::{Filter, Matcher};
pub use json::{InvalidElement, parse_element};

use crate::merge::{Schema, TypeId};

/// A way from an object's root to one of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(pub Vec<PathElement>);

/// A set of fields.
///
/// A field that is a member does not make those below it members, nor those above it. Copies share what lies below the first level.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// Sorted, each once.
    members: Vec<PathElement>,
    /// Sorted, each once.
    children: Vec<(PathElement, Arc<FieldSet>)>,
}

/// One place of two sorted lists walked together.
enum Step {
    Left(usize),
    Right(usize),
    Both(usize, usize),
}

impl FieldSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// A set of paths whose elements are field names.
    pub fn of_names<'a>(paths: impl IntoIterator<Item = &'a [&'a str]>) -> Self {
        let mut set = Self::new();
        for path in paths {
            let path: Vec<_> = path.iter().map(|name| PathElement::field(name)).collect();
            set.insert(&path);
        }
        set
    }

    /// Adds the field at `path`; the empty path, the whole object, is never a member.
    pub fn insert(&mut self, path: &[PathElement]) {
        match path {
            [] => {}
            [last] => self.insert_member(last.clone()),
            [first, rest @ ..] => self.child_mut(first).insert(rest),
        }
    }

    /// Adds a member of the first level.
    pub(crate) fn insert_member(&mut self, element: PathElement) {
        if self.members.last().is_none_or(|last| *last < element) {
            self.members.push(element);
        } else if let Err(at) = self.members.binary_search(&element) {
            self.members.insert(at, element);
        }
    }

    /// Sets what lies below an element of the first level, unless that is nothing.
    pub(crate) fn insert_child(&mut self, element: PathElement, set: FieldSet) {
        if set.members.is_empty() && set.children.is_empty() {
            return;
        }
        self.insert_node(element, Arc::new(set));
    }

    /// Removes what lies below an element of the first level.
    pub(crate) fn remove_child(&mut self, element: &PathElement) {
        if let Ok(at) = self.find(element) {
            self.children.remove(at);
        }
    }

    fn insert_node(&mut self, element: PathElement, set: Arc<FieldSet>) {
        if self.children.last().is_none_or(|(last, _)| *last < element) {
            return self.children.push((element, set));
        }
        match self.find(&element) {
            Ok(at) => self.children[at].1 = set,
            Err(at) => self.children.insert(at, (element, set)),
        }
    }

    fn child_mut(&mut self, element: &PathElement) -> &mut FieldSet {
        let at = self.find(element).unwrap_or_else(|at| {
            self.children.insert(at, (element.clone(), Arc::default()));
            at
        });
        Arc::make_mut(&mut self.children[at].1)
    }

    fn find(&self, element: &PathElement) -> Result<usize, usize> {
        self.children
            .binary_search_by(|(other, _)| other.cmp(element))
    }

    /// What lies below an element of the first level.
    pub fn child(&self, element: &PathElement) -> Option<&FieldSet> {
        self.find(element).ok().map(|at| &*self.children[at].1)
    }

    /// Whether an element of the first level is a member.
    pub fn has_member(&self, element: &PathElement) -> bool {
        self.members.binary_search(element).is_ok()
    }

    /// Whether the field at `path` is a member.
    pub fn has(&self, path: &[PathElement]) -> bool {
        match path {
            [] => false,
            [last] => self.has_member(last),
            [first, rest @ ..] => self.child(first).is_some_and(|child| child.has(rest)),
        }
    }

    /// Whether there is no member at any depth.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.iter().all(|(_, child)| child.is_empty())
    }

    /// The number of members at every depth.
    pub fn len(&self) -> usize {
        let below: usize = self.children.iter().map(|(_, child)| child.len()).sum();
        self.members.len() + below
    }

    /// The members of the first level, in order.
    pub fn members(&self) -> &[PathElement] {
        &self.members
    }

    /// What lies below the first level, in order.
    pub fn children(&self) -> impl Iterator<Item = (&PathElement, &FieldSet)> {
        self.children.iter().map(|(element, set)| (element, &**set))
    }

    /// Every member: those of a level before those below it.
    pub fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        self.collect_paths(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect_paths(&self, above: &mut Vec<PathElement>, paths: &mut Vec<Path>) {
        for member in &self.members {
            let mut path = above.clone();
            path.push(member.clone());
            paths.push(Path(path));
        }
        for (element, child) in &self.children {
            above.push(element.clone());
            child.collect_paths(above, paths);
            above.pop();
        }
    }

    /// What is in this set, in `other`, or in both.
    #[must_use]
    pub fn union(&self, other: &FieldSet) -> FieldSet {
        let mut members = Vec::with_capacity(self.members.len().max(other.members.len()));
        zip(&self.members, &other.members, Ord::cmp, |step| match step {
            Step::Left(at) => members.push(self.members[at].clone()),
            Step::Right(at) | Step::Both(_, at) => members.push(other.members[at].clone()),
        });
        let mut children = Vec::with_capacity(self.children.len().max(other.children.len()));
        zip(
            &self.children,
            &other.children,
            by_element,
            |step| match step {
                Step::Left(at) => children.push(self.children[at].clone()),
                Step::Right(at) => children.push(other.children[at].clone()),
                Step::Both(left, right) => {
                    let (element, left) = &self.children[left];
                    let right = &other.children[right].1;
                    let union = if Arc::ptr_eq(left, right) {
                        left.clone()
                    } else {
                        Arc::new(left.union(right))
                    };
                    children.push((element.clone(), union));
                }
            },
        );
        FieldSet { members, children }
    }

    /// What is in both sets.
    #[must_use]
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        let mut out = FieldSet::new();
        zip(&self.members, &other.members, Ord::cmp, |step| {
            if let Step::Both(at, _) = step {
                out.members.push(self.members[at].clone());
            }
        });
        zip(&self.children, &other.children, by_element, |step| {
            if let Step::Both(left, right) = step {
                let (element, left) = &self.children[left];
                out.push_unless_empty(element, left.intersection(&other.children[right].1));
            }
        });
        out
    }

    /// What is in this set and not in `other`: a member is taken away only by the very same path.
    #[must_use]
    pub fn difference(&self, other: &FieldSet) -> FieldSet {
        let mut out = self.members_without(other);
        zip(
            &self.children,
            &other.children,
            by_element,
            |step| match step {
                Step::Left(at) => out.children.push(self.children[at].clone()),
                Step::Right(_) => {}
                Step::Both(left, right) => {
                    let (element, left) = &self.children[left];
                    out.push_unless_empty(element, left.difference(&other.children[right].1));
                }
            },
        );
        out
    }

    /// What is in this set and neither in `other` nor below a member of it.
    #[must_use]
    pub fn recursive_difference(&self, other: &FieldSet) -> FieldSet {
        let mut out = self.members_without(other);
        zip(&self.children, &other.children, by_element, |step| {
            let (Step::Left(at) | Step::Both(at, _)) = step else {
                return;
            };
            let (element, left) = &self.children[at];
            if other.has_member(element) {
                return;
            }
            match step {
                Step::Both(_, right) => out.push_unless_empty(
                    element,
                    left.recursive_difference(&other.children[right].1),
                ),
                _ => out.children.push((element.clone(), left.clone())),
            }
        });
        out
    }

    fn members_without(&self, other: &FieldSet) -> FieldSet {
        let mut out = FieldSet::new();
        zip(&self.members, &other.members, Ord::cmp, |step| {
            if let Step::Left(at) = step {
                out.members.push(self.members[at].clone());
            }
        });
        out
    }

    fn push_unless_empty(&mut self, element: &PathElement, set: FieldSet) {
        if !set.is_empty() {
            self.children.push((element.clone(), Arc::new(set)));
        }
    }

    /// Whether every member of this set is one of `other`'s.
    pub fn is_subset(&self, other: &FieldSet) -> bool {
        let mut inside = true;
        zip(&self.members, &other.members, Ord::cmp, |step| {
            inside &= !matches!(step, Step::Left(_));
        });
        zip(
            &self.children,
            &other.children,
            by_element,
            |step| match step {
                Step::Left(at) => inside &= self.children[at].1.is_empty(),
                Step::Right(_) => {}
                Step::Both(left, right) => {
                    inside = inside && self.children[left].1.is_subset(&other.children[right].1);
                }
            },
        );
        inside
    }

    /// The members below which there is nothing.
    #[must_use]
    pub fn leaves(&self) -> FieldSet {
        let mut out = FieldSet::new();
        let element = |member: &PathElement, child: &(PathElement, _)| member.cmp(&child.0);
        zip(&self.members, &self.children, element, |step| {
            if let Step::Left(at) = step {
                out.members.push(self.members[at].clone());
            }
        });
        out.children = self
            .children
            .iter()
            .map(|(element, child)| (element.clone(), Arc::new(child.leaves())))
            .collect();
        out
    }

    /// With every named field above a member as a member too: `a.b.c` adds `a` where the schema names that field, but not a map's key `b`.
    #[must_use]
    pub fn with_named_fields(&self, schema: &Schema, of: Option<TypeId>) -> FieldSet {
        let of = of.map(|id| schema.get(id));
        let map = of.and_then(|of| of.map.as_ref());
        let list = of.and_then(|of| of.list.as_ref());
        let mut out = FieldSet {
            members: self.members.clone(),
            children: Vec::with_capacity(self.children.len()),
        };
        for (element, child) in &self.children {
            let below = match element {
                PathElement::Field(name) => {
                    let field = map.and_then(|map| map.field(name));
                    if field.is_some() {
                        out.insert_member(element.clone());
                    }
                    field.or_else(|| map.and_then(|map| map.element))
                }
                PathElement::Key(_) => list.map(|list| list.element),
                PathElement::Value(_) | PathElement::Index(_) => None,
            };
            let child = match below {
                Some(_) => Arc::new(child.with_named_fields(schema, below)),
                None => child.clone(),
            };
            out.children.push((element.clone(), child));
        }
        out
    }

    /// What a filter leaves.
    #[must_use]
    pub fn filtered<'a>(&'a self, filter: Option<&Filter>) -> Cow<'a, FieldSet> {
        match filter {
            None => Cow::Borrowed(self),
            Some(filter) => filter.apply(self),
        }
    }
}

impl fmt::Display for Path {
    /// `.spec.containers[name="a"].image`, as conflicts name fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| element.fmt(f))
    }
}

impl fmt::Debug for FieldSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

fn by_element<T>(a: &(PathElement, T), b: &(PathElement, T)) -> Ordering {
    a.0.cmp(&b.0)
}

/// Walks two sorted slices together, in order.
fn zip<A, B>(a: &[A], b: &[B], order: impl Fn(&A, &B) -> Ordering, mut visit: impl FnMut(Step)) {
    let (mut left, mut right) = (0, 0);
    while left < a.len() && right < b.len() {
        match order(&a[left], &b[right]) {
            Ordering::Less => {
                visit(Step::Left(left));
                left += 1;
            }
            Ordering::Greater => {
                visit(Step::Right(right));
                right += 1;
            }
            Ordering::Equal => {
                visit(Step::Both(left, right));
                left += 1;
                right += 1;
            }
        }
    }
    (left..a.len()).for_each(|at| visit(Step::Left(at)));
    (right..b.len()).for_each(|at| visit(Step::Right(at)));
}

#[cfg(test)]
mod tests;
