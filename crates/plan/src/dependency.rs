//! `dependsOn`: whether the others are ready, and whether anybody waits for himself.

use std::collections::{HashMap, HashSet};

use api::condition;
use api::kustomization::CrossNamespaceSourceReference;
use api::{Artifact, Kustomization};

use crate::Key;

/// The key a `dependsOn` entry means, by default in the dependant's namespace.
pub fn key(namespace: &str, reference: &api::reference::DependencyReference) -> Key {
    let in_namespace = if reference.namespace.is_empty() {
        namespace
    } else {
        &reference.namespace
    };
    Key::new(in_namespace, &reference.name)
}

/// Why a dependency holds an object up; `None` when it does not. The texts are upstream's.
pub fn holds_up(
    object: &Kustomization,
    artifact: &Artifact,
    key: &Key,
    dependency: Option<&Kustomization>,
) -> Option<String> {
    let Some(dependency) = dependency else {
        let message = format!(
            "kustomizations.kustomize.toolkit.fluxcd.io {:?} not found",
            key.name
        );
        return Some(format!("dependency '{key}' not found: {message}"));
    };
    let status = &dependency.status;
    let observed = dependency.metadata.generation == status.observed_generation;
    if status.conditions.is_empty()
        || !observed
        || !condition::is_true(&status.conditions, api::names::READY)
    {
        return Some(format!("dependency '{key}' is not ready"));
    }
    let same_source = source_of(object) == source_of(dependency);
    if same_source && status.last_applied_revision != artifact.revision {
        return Some(format!("dependency '{key}' revision is not up to date"));
    }
    None
}

fn source_of(object: &Kustomization) -> (&str, &str, String) {
    let CrossNamespaceSourceReference {
        kind,
        name,
        namespace,
        ..
    } = &object.spec.source_ref;
    let namespace = if namespace.is_empty() {
        &object.metadata.namespace
    } else {
        namespace
    };
    (namespace, name, kind.to_string())
}

/// A cycle that goes through `start`, as the keys on the way round; `edges` tells who depends on whom.
pub fn cycle<'a>(start: &Key, edges: impl Fn(&Key) -> Vec<Key> + 'a) -> Option<Vec<Key>> {
    let mut came_from: HashMap<Key, Key> = HashMap::new();
    let mut seen = HashSet::from([start.clone()]);
    let mut open = vec![start.clone()];
    while let Some(at) = open.pop() {
        for next in edges(&at) {
            if next == *start {
                let mut path = vec![start.clone(), at.clone()];
                let mut step = &at;
                while let Some(previous) = came_from.get(step) {
                    path.push(previous.clone());
                    step = previous;
                }
                path.dedup();
                path.reverse();
                if path.first() != Some(start) {
                    path.insert(0, start.clone());
                }
                return Some(path);
            }
            if seen.insert(next.clone()) {
                came_from.insert(next.clone(), at.clone());
                open.push(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_told_as_the_way_round() {
        let edges = |key: &Key| match key.name.as_str() {
            "a" => vec![Key::new("n", "b")],
            "b" => vec![Key::new("n", "x"), Key::new("m", "c")],
            "c" => vec![Key::new("n", "a")],
            _ => vec![],
        };
        let path = cycle(&Key::new("n", "a"), edges).unwrap();
        let path: Vec<_> = path.iter().map(ToString::to_string).collect();
        assert_eq!(path, ["n/a", "n/b", "m/c", "n/a"]);
        assert_eq!(cycle(&Key::new("n", "x"), edges), None);
    }
}
