//! `buildMetadata`, and the annotations that a build leaves or takes away.

use krm::Object;

use crate::error::Error;
use crate::resmap::ResMap;
use crate::resource::{Origin, Resource};

const ORIGIN: &str = "config.kubernetes.io/origin";
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// Annotations that kustomize uses while it builds and removes wherever they came from.
const INTERNAL: [&str; 19] = [
    "internal.config.kubernetes.io/previousKinds",
    "internal.config.kubernetes.io/previousNames",
    "internal.config.kubernetes.io/prefixes",
    "internal.config.kubernetes.io/suffixes",
    "internal.config.kubernetes.io/previousNamespaces",
    "internal.config.kubernetes.io/allowNameChange",
    "internal.config.kubernetes.io/allowKindChange",
    "internal.config.kubernetes.io/refBy",
    "internal.config.kubernetes.io/generatorBehavior",
    "internal.config.kubernetes.io/needsHashSuffix",
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
    "internal.config.kubernetes.io/helm-generated",
];

/// Remembers that a plugin changed the objects; one without an origin was made by it.
pub(crate) fn record(map: &mut ResMap, plugin: &Origin) {
    for resource in map.list_mut() {
        if resource.origin.is_some() {
            resource.transformations.push(plugin.clone());
        } else {
            resource.origin = Some(plugin.clone());
        }
    }
}

/// The finished objects: annotations are strings, internal ones gone, origins there where they were asked for.
pub(crate) fn finish(map: ResMap, metadata: &[String]) -> Result<Vec<Object>, Error> {
    let asked = |option: &str| metadata.iter().any(|one| one == option);
    if asked("managedByLabel") {
        return Err(Error::new(
            "buildMetadata: managedByLabel is not supported yet",
        ));
    }
    let (origins, transformations) = (asked("originAnnotations"), asked("transformerAnnotations"));
    let finish = |mut resource: Resource| {
        let mut pairs = resource.meta_pairs("annotations");
        pairs.retain(|(key, _)| {
            !INTERNAL.contains(&key.as_str())
                && (origins || key != ORIGIN)
                && (transformations || key != TRANSFORMATIONS)
        });
        if let Some(origin) = resource.origin.as_ref().filter(|_| origins) {
            pairs.retain(|(key, _)| key != ORIGIN);
            pairs.push((ORIGIN.into(), origin.text("")));
        }
        if transformations && !resource.transformations.is_empty() {
            let list = resource.transformations.iter();
            let text: String = list
                .map(|one| format!("- {}", one.text("  ").trim_start()))
                .collect();
            pairs.retain(|(key, _)| key != TRANSFORMATIONS);
            pairs.push((TRANSFORMATIONS.into(), text));
        }
        resource.set_meta_pairs("annotations", pairs)?;
        resource.into_object()
    };
    map.list.into_iter().map(finish).collect()
}

impl Origin {
    /// YAML as kyaml writes it, each line indented.
    fn text(&self, indent: &str) -> String {
        let mut text = String::new();
        let mut line = |line: String| {
            text.push_str(indent);
            text.push_str(&line);
            text.push('\n');
        };
        let scalar = |text: &str| {
            krm::yaml::emit(&krm::Value::String(text.into()))
                .trim_end()
                .to_owned()
        };
        if !self.path.is_empty() {
            line(format!("path: {}", scalar(&self.path)));
        }
        if !self.configured_in.is_empty() {
            line(format!("configuredIn: {}", scalar(&self.configured_in)));
        }
        if !self.configured_by.is_empty() {
            line("configuredBy:".into());
            line("  apiVersion: builtin".into());
            line(format!("  kind: {}", self.configured_by));
        }
        text
    }
}
