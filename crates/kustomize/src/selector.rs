//! Which objects a patch or replacement means: anchored regular expressions and label selectors.

use regex::Regex;

use crate::error::Error;
use crate::file::Selector;
use crate::id::{Gvk, effective_namespace};
use crate::resmap::ResMap;
use crate::resource::Resource;

/// A selector ready to match.
pub(crate) struct Matcher {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    labels: Vec<Requirement>,
    annotations: Vec<Requirement>,
}

impl Matcher {
    pub(crate) fn new(selector: &Selector) -> Result<Self, Error> {
        Ok(Self {
            group: anchored(&selector.group)?,
            version: anchored(&selector.version)?,
            kind: anchored(&selector.kind)?,
            name: anchored(&selector.name)?,
            namespace: anchored(&selector.namespace)?,
            labels: requirements(&selector.label_selector)?,
            annotations: requirements(&selector.annotation_selector)?,
        })
    }

    /// The objects selected: by their name and namespace now or as they were read.
    pub(crate) fn select(&self, map: &ResMap) -> Vec<usize> {
        let selected = map.list.iter().enumerate();
        selected
            .filter(|(_, resource)| self.matches(resource))
            .map(|(at, _)| at)
            .collect()
    }

    fn matches(&self, resource: &Resource) -> bool {
        let gvk = resource.gvk();
        if !self.matches_gvk(&gvk) {
            return false;
        }
        let original = resource.original_id();
        let now = effective_namespace(&gvk, resource.namespace());
        let fits = |regex: &Option<Regex>, a: &str, b: &str| {
            regex
                .as_ref()
                .is_none_or(|regex| regex.is_match(a) || regex.is_match(b))
        };
        fits(&self.namespace, original.effective_namespace(), now)
            && fits(&self.name, &original.name, resource.name())
            && self.matches_meta(resource)
    }

    pub(crate) fn matches_gvk(&self, gvk: &Gvk) -> bool {
        let fits = |regex: &Option<Regex>, text: &str| {
            regex.as_ref().is_none_or(|regex| regex.is_match(text))
        };
        fits(&self.kind, &gvk.kind)
            && fits(&self.group, &gvk.group)
            && fits(&self.version, &gvk.version)
    }

    /// Whether the plain namespace and name fit.
    pub(crate) fn matches_name(&self, name: &str, namespace: &str) -> bool {
        let fits = |regex: &Option<Regex>, text: &str| {
            regex.as_ref().is_none_or(|regex| regex.is_match(text))
        };
        fits(&self.name, name) && fits(&self.namespace, namespace)
    }

    /// Whether labels and annotations fit.
    pub(crate) fn matches_meta(&self, resource: &Resource) -> bool {
        let fits = |requirements: &[Requirement], field: &str| {
            requirements.is_empty() || {
                let pairs = resource.meta_pairs(field);
                requirements.iter().all(|one| one.holds(&pairs))
            }
        };
        fits(&self.labels, "labels") && fits(&self.annotations, "annotations")
    }

    /// Whether it asks for labels or annotations at all.
    pub(crate) fn asks_for_meta(&self) -> bool {
        !self.labels.is_empty() || !self.annotations.is_empty()
    }

    /// Whether it asks for an identity at all.
    pub(crate) fn asks_for_identity(&self) -> bool {
        let all = [
            &self.group,
            &self.version,
            &self.kind,
            &self.name,
            &self.namespace,
        ];
        all.into_iter().any(Option::is_some)
    }
}

fn anchored(pattern: &str) -> Result<Option<Regex>, Error> {
    if pattern.is_empty() {
        return Ok(None);
    }
    let regex = Regex::new(&format!("^(?:{pattern})$"));
    regex.map(Some).map_err(|error| {
        let detail = error.to_string();
        let detail = detail.lines().last().unwrap_or_default();
        Error::new(format!("error parsing regexp: {pattern:?}: {detail}"))
    })
}

/// One condition of a label selector.
#[derive(Debug, PartialEq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Debug, PartialEq)]
enum Operator {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

impl Requirement {
    fn holds(&self, pairs: &[(String, String)]) -> bool {
        let value = pairs
            .iter()
            .find(|(key, _)| *key == self.key)
            .map(|(_, value)| value);
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.operator {
            Operator::Exists => value.is_some(),
            Operator::Missing => value.is_none(),
            Operator::In(values) => value.is_some_and(|value| values.contains(value)),
            Operator::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Operator::Greater(limit) => number().is_some_and(|number| number > *limit),
            Operator::Less(limit) => number().is_some_and(|number| number < *limit),
        }
    }
}

/// Reads a Kubernetes label selector.
fn requirements(text: &str) -> Result<Vec<Requirement>, Error> {
    let mut result = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = end_of_requirement(rest);
        let (one, more) = rest.split_at(end);
        result.push(requirement(one.trim(), text)?);
        rest = match more.strip_prefix(',') {
            Some(more) if more.trim().is_empty() => return Err(unreadable(text)),
            Some(more) => more.trim(),
            None => "",
        };
    }
    Ok(result)
}

/// Where the first comma outside of parentheses is.
fn end_of_requirement(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

fn requirement(text: &str, whole: &str) -> Result<Requirement, Error> {
    let made = |key: &str, operator| {
        let key = key.trim();
        if key.is_empty() || key.contains(|c: char| c.is_whitespace() || "=!<>()".contains(c)) {
            return Err(unreadable(whole));
        }
        Ok(Requirement {
            key: key.into(),
            operator,
        })
    };
    if let Some(key) = text.strip_prefix('!') {
        return made(key, Operator::Missing);
    }
    if let Some((head, list)) = text.split_once('(') {
        let list = list.strip_suffix(')').ok_or_else(|| unreadable(whole))?;
        let values = list
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect();
        let mut words = head.split_whitespace();
        return match (words.next(), words.next(), words.next()) {
            (Some(key), Some("in"), None) => made(key, Operator::In(values)),
            (Some(key), Some("notin"), None) => made(key, Operator::NotIn(values)),
            _ => Err(unreadable(whole)),
        };
    }
    let one = |value: &str| vec![value.trim().to_owned()];
    if let Some((key, value)) = text.split_once("!=") {
        return made(key, Operator::NotIn(one(value)));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return made(key, Operator::In(one(value)));
    }
    for (sign, operator) in [
        ('>', Operator::Greater as fn(i64) -> Operator),
        ('<', Operator::Less),
    ] {
        if let Some((key, value)) = text.split_once(sign) {
            let limit = value.trim().parse().map_err(|_| unreadable(whole))?;
            return made(key, operator(limit));
        }
    }
    made(text, Operator::Exists)
}

fn unreadable(text: &str) -> Error {
    Error::new(format!("unable to parse requirement: {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(selector: &str, labels: &[(&str, &str)], expect: bool) {
        let labels: Vec<_> = labels
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect();
        let all = requirements(selector).unwrap();
        assert_eq!(
            all.iter().all(|one| one.holds(&labels)),
            expect,
            "{selector}"
        );
    }

    #[test]
    fn label_selectors() {
        let labels = [("app", "a"), ("tier", "3")];
        check("app=a", &labels, true);
        check("app == a, tier!=4", &labels, true);
        check("app in (a, b),!gone", &labels, true);
        check("app notin (a)", &labels, false);
        check("tier>2,tier<4", &labels, true);
        check("gone", &labels, false);
        check("gone!=x", &labels, true);
        assert!(requirements("a in b").is_err() && requirements("a=b,").is_err());
    }
}
