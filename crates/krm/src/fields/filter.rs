//! Fields that an operation may not own: what a subresource, or the main resource, resets.

use std::borrow::Cow;

use super::{FieldSet, PathElement};

/// Which fields of an operation count.
#[derive(Clone, Debug)]
pub enum Filter {
    /// All but these and those below them.
    Exclude(FieldSet),
    /// Only those that match.
    Include(Matcher),
}

/// A pattern of fields.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// Every field.
    Any,
    /// Elements that one of these names; `None` names every element, and the first that fits decides what counts below it.
    Of(Vec<(Option<PathElement>, Matcher)>),
}

impl Filter {
    /// What counts of a set.
    pub fn apply<'a>(&self, set: &'a FieldSet) -> Cow<'a, FieldSet> {
        match self {
            Self::Exclude(fields) if fields.is_empty() => Cow::Borrowed(set),
            Self::Exclude(fields) => Cow::Owned(set.recursive_difference(fields)),
            Self::Include(matcher) => matcher.matching(set),
        }
    }
}

impl Matcher {
    /// Every field below a path in which `None` stands for any element.
    pub fn below(
        path: impl IntoIterator<Item = Option<PathElement>, IntoIter: DoubleEndedIterator>,
    ) -> Self {
        path.into_iter()
            .rev()
            .fold(Self::Any, |inner, element| Self::Of(vec![(element, inner)]))
    }

    fn matching<'a>(&self, set: &'a FieldSet) -> Cow<'a, FieldSet> {
        let Self::Of(patterns) = self else {
            return Cow::Borrowed(set);
        };
        let fit = |element: &PathElement| {
            patterns
                .iter()
                .find(|(pattern, _)| pattern.as_ref().is_none_or(|pattern| pattern == element))
        };
        let mut out = FieldSet::new();
        for member in set.members() {
            if fit(member).is_some() {
                out.insert_member(member.clone());
            }
        }
        for (element, child) in set.children() {
            if let Some((_, below)) = fit(element) {
                let child = below.matching(child);
                if !child.is_empty() {
                    out.insert_child(element.clone(), child.into_owned());
                }
            }
        }
        Cow::Owned(out)
    }
}
