//! Builds a Kustomization's objects: overrides, kustomize, substitution, ownership.

use std::collections::HashMap;

use api::kustomization::{KustomizationSpec, PostBuild, SubstituteStrategy};
use api::reference::ValuesSource;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cluster::Resource;
use krm::yaml;
use krm::{Object, Tree, Value};
use kustomize::flux::{self, Overrides, Substitution, Undefined, When};
use kustomize::{Options, RemoteBases, Step};
use plan::Key;
use plan::kustomization::Seen;
use sha2::{Digest, Sha256};

use super::apply::set_owner;
use super::view::Named;
use super::{Kustomizations, key};
use crate::store::version;

/// What was built.
pub(super) struct Built {
    /// `sha256:<hex>` of the YAML, before ownership is marked on it: what upstream's history records.
    pub(super) digest: String,
    /// The objects, marked as this Kustomization's.
    pub(super) objects: Vec<Object>,
}

/// Why nothing was built.
pub(super) enum Stop {
    /// `spec.path` is not in the artifact.
    Path(String),
    /// The build failed.
    Build(String),
}

impl Kustomizations {
    pub(super) async fn build(&self, seen: &Seen, tree: &Tree) -> Result<Built, Stop> {
        let spec = &seen.object.spec;
        let path = krm::tree::join("", spec.path.trim_start_matches('/'));
        let path = path.filter(|path| tree.is_dir(path)).ok_or_else(|| {
            let path = spec.path.trim_start_matches("./");
            Stop::Path(format!(
                "kustomization path not found: stat {path}: no such file or directory"
            ))
        })?;
        let variables = self.variables(seen).await?;
        let (tree, overrides) = (tree.clone(), overrides(&seen.object.spec));
        // A build is work for the processor: it does not hold up the loop.
        let objects = tokio::task::spawn_blocking(move || build_objects(&tree, &path, &overrides))
            .await
            .map_err(|error| Stop::Build(format!("kustomize build failed: {error}")))??;
        let mut objects = substitute(objects, variables.as_ref())?;
        let digest = digest(&objects);
        let key = key(seen);
        set_owner(&mut objects, &key, &self.manager.group);
        if let Some(common) = &spec.common_metadata {
            flux::set_common_metadata(&mut objects, &common.labels, &common.annotations);
        }
        Ok(Built { digest, objects })
    }

    /// The variables of `postBuild`, and a note of which versions they were read from.
    async fn variables(&self, seen: &Seen) -> Result<Option<Substitution>, Stop> {
        let namespace = &seen.object.metadata.namespace;
        let mut inputs: HashMap<Named, u64> = HashMap::new();
        let Some(post_build) = &seen.object.spec.post_build else {
            self.note_inputs(seen, inputs);
            return Ok(None);
        };
        let mut variables = Vec::new();
        let mut missing = None;
        for reference in &post_build.substitute_from {
            let (kind, plural) = match reference.kind {
                ValuesSource::ConfigMap => ("ConfigMap", "configmaps"),
                ValuesSource::Secret => ("Secret", "secrets"),
            };
            let resource = Resource::new("v1", kind, plural, true);
            let found = self
                .client
                .find(&resource, namespace, &reference.name)
                .await;
            let found = found.map_err(|error| {
                Stop::Build(format!(
                    "substitute from '{kind}/{}' error: {error}",
                    reference.name
                ))
            })?;
            let named = (kind.to_owned(), Key::new(namespace, &reference.name));
            inputs.insert(named, found.as_ref().map_or(0, version));
            match found {
                Some(object) => variables.extend(values(&object)),
                None if reference.optional => {}
                None => {
                    missing.get_or_insert_with(|| {
                        format!(
                            "substitute from '{kind}/{name}' error: {plural} \"{name}\" not found",
                            name = reference.name
                        )
                    });
                }
            }
        }
        self.note_inputs(seen, inputs);
        if let Some(message) = missing {
            return Err(Stop::Build(message));
        }
        variables.extend(post_build.substitute.clone());
        let pairs = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let undefined = if self.policy.strict_substitutions {
            Undefined::Refused
        } else {
            Undefined::Empty
        };
        Substitution::new(pairs, undefined, when(post_build))
            .map(Some)
            .map_err(Stop::Build)
    }

    fn note_inputs(&self, seen: &Seen, inputs: HashMap<Named, u64>) {
        let mut view = self.view.lock();
        for (named, version) in &inputs {
            view.inputs.entry(named.clone()).or_insert(*version);
        }
        view.memories.entry(key(seen)).or_default().inputs = inputs;
    }
}

/// When `postBuild` substitutes.
pub fn when(post_build: &PostBuild) -> When {
    match post_build.substitute_strategy {
        Some(SubstituteStrategy::Always) => When::Always,
        Some(SubstituteStrategy::WithVariables) | None => When::WithVariables,
    }
}

/// The entries of a ConfigMap, or of a Secret, decoded. Bytes that are no text are left out.
pub fn values(object: &Object) -> Vec<(String, String)> {
    let data = object.fields().get("data").and_then(Value::as_object);
    let decode = |text: &str| -> Option<String> {
        if object.kind() != "Secret" {
            return Some(text.to_owned());
        }
        String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok()
    };
    data.into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), decode(value.as_str()?)?)))
        .collect()
}

/// What a spec says about the root of its build.
pub fn overrides(spec: &KustomizationSpec) -> Overrides {
    let filled = |text: &String| (!text.is_empty()).then(|| text.clone());
    let patches = spec.patches.iter().map(|patch| kustomize::Patch {
        patch: patch.patch.clone(),
        target: patch.target.as_ref().map(|target| kustomize::Selector {
            group: target.group.clone(),
            version: target.version.clone(),
            kind: target.kind.clone(),
            name: target.name.clone(),
            namespace: target.namespace.clone(),
            label_selector: target.label_selector.clone(),
            annotation_selector: target.annotation_selector.clone(),
        }),
        ..kustomize::Patch::default()
    });
    let images = spec.images.iter().map(|image| kustomize::Image {
        name: image.name.clone(),
        new_name: image.new_name.clone(),
        new_tag: image.new_tag.clone(),
        digest: image.digest.clone(),
        ..kustomize::Image::default()
    });
    Overrides {
        target_namespace: filled(&spec.target_namespace),
        name_prefix: filled(&spec.name_prefix),
        name_suffix: filled(&spec.name_suffix),
        patches: patches.collect(),
        images: images.collect(),
        components: spec.components.clone(),
        ignore_missing_components: spec.ignore_missing_components,
        build_metadata: spec
            .build_metadata
            .iter()
            .map(ToString::to_string)
            .collect(),
    }
}

fn build_objects(tree: &Tree, path: &str, overrides: &Overrides) -> Result<Vec<Object>, Stop> {
    let options = Options {
        remote_bases: RemoteBases::Refused,
        ..Options::default()
    };
    let failed = |message: String| Stop::Build(format!("kustomize build failed: {message}"));
    let objects = match flux::build(tree, path, overrides, &options) {
        Ok(Step::Done(objects)) => objects,
        Ok(Step::Fetch(urls)) => {
            return Err(failed(format!(
                "remote resources are not fetched: {}",
                urls.join(", ")
            )));
        }
        Err(error) => return Err(failed(error.to_string())),
    };
    for object in &objects {
        if object.name().is_empty() {
            let message = format!(
                "failed to decode Kubernetes apiVersion, kind and name from: {}",
                object.id()
            );
            return Err(Stop::Build(message));
        }
        if flux::is_sops_encrypted(object) {
            let message = format!(
                "{} is SOPS encrypted, configuring decryption is required for this secret to be reconciled",
                object.id()
            );
            return Err(Stop::Build(message));
        }
    }
    Ok(objects)
}

fn substitute(objects: Vec<Object>, variables: Option<&Substitution>) -> Result<Vec<Object>, Stop> {
    let Some(variables) = variables else {
        return Ok(objects);
    };
    let substituted = objects.into_iter().map(|object| {
        let id = object.id();
        variables.apply(object).map_err(|error| {
            let hint = error
                .hint()
                .map(|hint| format!(" ({id}: {hint})"))
                .unwrap_or_default();
            Stop::Build(format!("{error}{hint}"))
        })
    });
    substituted.collect()
}

/// Digest of the objects as kustomize writes them: documents parted by `---`.
fn digest(objects: &[Object]) -> String {
    let documents: Vec<_> = objects
        .iter()
        .map(|object| yaml::emit(&object.to_value()))
        .collect();
    let hash = Sha256::digest(documents.join("---\n"));
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
