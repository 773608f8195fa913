//! `kustomization.yaml`, read strictly or as Flux reads a root.

pub(crate) mod fields;
mod read;

use std::collections::BTreeMap;

use krm::Value;
use krm::yaml::{self, Duplicates};

use crate::error::{Error, Place};
use crate::fieldspec::FieldSpec;
use crate::id::Gvk;

pub(crate) use read::Reader;

/// A kustomization as far as it is built here, deprecated spellings already put right.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Kustomization {
    pub(crate) is_component: bool,
    /// `resources`, and `bases` after them.
    pub(crate) resources: Vec<String>,
    pub(crate) components: Vec<String>,
    pub(crate) namespace: String,
    pub(crate) name_prefix: String,
    pub(crate) name_suffix: String,
    pub(crate) common_labels: BTreeMap<String, String>,
    pub(crate) labels: Vec<Label>,
    pub(crate) common_annotations: BTreeMap<String, String>,
    pub(crate) patches: Vec<Patch>,
    /// Paths or patches.
    pub(crate) patches_strategic_merge: Vec<String>,
    pub(crate) patches_json6902: Vec<Patch>,
    /// `images`, and `imageTags` after them.
    pub(crate) images: Vec<Image>,
    /// Names and counts.
    pub(crate) replicas: Vec<(String, i64)>,
    pub(crate) replacements: Vec<Replacement>,
    pub(crate) config_maps: Vec<Generator>,
    pub(crate) secrets: Vec<Generator>,
    pub(crate) generator_options: Option<GeneratorOptions>,
    pub(crate) build_metadata: Vec<String>,
    pub(crate) sort: Option<Sort>,
    /// Whether `resources` holds anything, without `bases`.
    pub(crate) has_resources: bool,
    /// Whether it says anything but what it is.
    pub(crate) says_something: bool,
}

/// One of `labels`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Label {
    pub(crate) pairs: BTreeMap<String, String>,
    pub(crate) include_selectors: bool,
    pub(crate) include_templates: bool,
    pub(crate) fields: Vec<FieldSpec>,
}

/// One of `patches` or `patchesJson6902`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// The patch's file.
    pub path: String,
    /// The patch itself.
    pub patch: String,
    /// What it applies to.
    pub target: Option<Selector>,
    /// `options.allowNameChange`.
    pub allow_name_change: bool,
    /// `options.allowKindChange`.
    pub allow_kind_change: bool,
}

/// What a patch or a replacement applies to; all but the selectors are regular expressions, anchored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    /// API group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Label selector.
    pub label_selector: String,
    /// Annotation selector.
    pub annotation_selector: String,
}

/// One of `images`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// The image's name, a regular expression.
    pub name: String,
    /// The name that replaces it.
    pub new_name: String,
    /// Text put after the tag.
    pub tag_suffix: String,
    /// The tag.
    pub new_tag: String,
    /// The digest.
    pub digest: String,
}

/// One of `configMapGenerator` or `secretGenerator`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Generator {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) behavior: String,
    pub(crate) secret_type: String,
    pub(crate) literals: Vec<String>,
    pub(crate) files: Vec<String>,
    pub(crate) envs: Vec<String>,
    pub(crate) options: Option<GeneratorOptions>,
}

/// `generatorOptions`, or a generator's own `options`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct GeneratorOptions {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) disable_name_suffix_hash: bool,
    pub(crate) immutable: bool,
}

/// One of `replacements`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Replacement {
    /// The file that holds replacements instead.
    pub(crate) path: String,
    pub(crate) source: Option<Source>,
    pub(crate) source_value: Option<String>,
    pub(crate) targets: Option<Vec<Target>>,
}

/// Where a replacement's value comes from; its names are plain, not regular expressions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Source {
    pub(crate) gvk: Gvk,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) field_path: String,
    pub(crate) options: FieldOptions,
}

/// Where a replacement's value goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Target {
    pub(crate) select: Option<Selector>,
    pub(crate) reject: Vec<Selector>,
    pub(crate) field_paths: Vec<String>,
    pub(crate) options: FieldOptions,
}

/// Which part of a field a replacement reads or writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FieldOptions {
    pub(crate) delimiter: String,
    pub(crate) index: i64,
    pub(crate) create: bool,
}

/// `sortOptions`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sort {
    pub(crate) order: crate::Order,
    /// `legacySortOptions`: kinds first and last.
    pub(crate) kinds: Option<(Vec<String>, Vec<String>)>,
}

/// How a kustomization file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Unknown fields are errors and numbers are no strings: kustomize.
    Strict,
    /// Unknown fields are ignored and numbers are taken as strings: Flux on a root.
    Lenient,
}

impl Kustomization {
    /// Reads a file's text.
    ///
    /// # Errors
    /// What is no kustomization, unknown fields in strict mode, and fields that are not built yet.
    pub(crate) fn parse(file: &str, text: &str, mode: Mode) -> Result<Self, Error> {
        let limits = yaml::Limits {
            duplicates: Duplicates::LastWins,
            ..yaml::Limits::default()
        };
        let failed = |error: yaml::Error| {
            let message = format!("invalid Kustomization: yaml: {}", error.message);
            Error::new(message).placed(Place {
                file: file.into(),
                at: Some((error.line, error.column)),
                field: String::new(),
            })
        };
        let document = yaml::parse_first(text, &limits).map_err(failed)?;
        let value = match &document {
            Some(document) => document.to_value(yaml::Dialect::Sigs).map_err(failed)?,
            None => Value::Null,
        };
        fields::kustomization(&value, mode).map_err(|(pointer, message)| {
            let mark = document
                .as_ref()
                .map(|document| document.root.key_mark_of(&pointer));
            Error::new(message).placed(Place {
                file: file.into(),
                at: mark.map(|mark| (mark.line, mark.column)),
                field: pointer,
            })
        })
    }

    /// Refuses one that says nothing, as kustomize does.
    pub(crate) fn check_not_empty(&self, file: &str) -> Result<(), Error> {
        if self.says_something {
            Ok(())
        } else {
            Err(Error::in_file(file, "kustomization.yaml is empty"))
        }
    }
}
