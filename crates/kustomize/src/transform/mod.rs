//! The transformers, one file each, and the order they run in.

mod affix;
mod annotations;
pub(crate) mod generators;
pub(crate) mod hash;
mod images;
mod json6902;
mod labels;
pub(crate) mod local;
mod merge;
mod merge_list;
pub(crate) mod metadata;
mod namespace;
mod patches;
pub(crate) mod references;
mod replacements;
mod replicas;

use crate::error::Error;
use crate::file::Kustomization;
use crate::resmap::ResMap;
use crate::target::{Build, Loader};

/// A transformer with what it was told.
pub(crate) enum Transformer {
    Patches(patches::Patches),
    Namespace(String),
    Prefix(String),
    Suffix(String),
    Labels(labels::Labels),
    Annotations(std::collections::BTreeMap<String, String>),
    PatchJson(patches::JsonPatch),
    Json(patches::JsonPatch),
    Replicas(String, i64),
    Image(images::Image),
    Replacements(Vec<crate::file::Replacement>),
}

impl Transformer {
    pub(crate) fn apply(self, map: &mut ResMap) -> Result<(), Error> {
        match self {
            Self::Patches(patches) => patches.apply(map),
            Self::Namespace(namespace) => namespace::apply(map, &namespace),
            Self::Prefix(prefix) => affix::prefix(map, &prefix),
            Self::Suffix(suffix) => affix::suffix(map, &suffix),
            Self::Labels(labels) => labels.apply(map),
            Self::Annotations(pairs) => annotations::apply(map, &pairs),
            Self::PatchJson(patch) => patch.apply(map, patches::History::Stored),
            Self::Json(patch) => patch.apply(map, patches::History::AsItIs),
            Self::Replicas(name, count) => replicas::apply(map, &name, count),
            Self::Image(image) => image.apply(map),
            Self::Replacements(list) => replacements::apply(map, &list),
        }
    }
}

/// A kustomization's transformers under their plugins' names, in kustomize's order; files are read and patches parsed here.
pub(crate) fn configure<'a>(
    kustomization: &Kustomization,
    loader: &Loader<'a>,
    build: &mut Build<'a>,
) -> Result<Vec<(&'static str, Transformer)>, Error> {
    let k = kustomization;
    let mut all = Vec::new();
    if !k.patches_strategic_merge.is_empty() {
        let patches = patches::strategic(&k.patches_strategic_merge, loader, build)?;
        all.push((
            "PatchStrategicMergeTransformer",
            Transformer::Patches(patches),
        ));
    }
    for patch in &k.patches {
        all.push(("PatchTransformer", patches::patch(patch, loader, build)?));
    }
    if !k.namespace.is_empty() {
        all.push((
            "NamespaceTransformer",
            Transformer::Namespace(k.namespace.clone()),
        ));
    }
    if !k.name_prefix.is_empty() {
        all.push((
            "PrefixTransformer",
            Transformer::Prefix(k.name_prefix.clone()),
        ));
    }
    if !k.name_suffix.is_empty() {
        all.push((
            "SuffixTransformer",
            Transformer::Suffix(k.name_suffix.clone()),
        ));
    }
    if !k.labels.is_empty() || !k.common_labels.is_empty() {
        for label in &k.labels {
            all.push((
                "LabelTransformer",
                Transformer::Labels(labels::Labels::new(label)?),
            ));
        }
        let common = labels::Labels::common(&k.common_labels);
        all.push(("LabelTransformer", Transformer::Labels(common)));
    }
    if !k.common_annotations.is_empty() {
        let pairs = k.common_annotations.clone();
        all.push(("AnnotationsTransformer", Transformer::Annotations(pairs)));
    }
    for patch in &k.patches_json6902 {
        let patch = patches::json(patch, loader, build)?;
        all.push(("PatchJson6902Transformer", Transformer::Json(patch)));
    }
    for (name, count) in &k.replicas {
        all.push((
            "ReplicaCountTransformer",
            Transformer::Replicas(name.clone(), *count),
        ));
    }
    for image in &k.images {
        all.push((
            "ImageTagTransformer",
            Transformer::Image(images::Image::new(image)?),
        ));
    }
    if !k.replacements.is_empty() {
        let list = replacements::load(&k.replacements, loader, build)?;
        all.push(("ReplacementTransformer", Transformer::Replacements(list)));
    }
    Ok(all)
}
