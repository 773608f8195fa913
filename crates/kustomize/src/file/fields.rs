//! The fields of a kustomization and of what stands in it.

use krm::Value;

use super::read::Complaint;
use super::{
    FieldOptions, Generator, GeneratorOptions, Image, Kustomization, Label, Mode, Patch, Reader,
    Replacement, Selector, Sort, Source, Target,
};
use crate::fieldspec::FieldSpec;
use crate::id::Gvk;

/// Fields that kustomize has and this crate does not build yet, or never will.
const REFUSED: [&str; 10] = [
    "openapi",
    "vars",
    "crds",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
    "configurations",
    "generators",
    "transformers",
    "validators",
];

pub(super) fn kustomization(value: &Value, mode: Mode) -> Result<Kustomization, Complaint> {
    let Some(mut reader) = Reader::new(value, String::new(), mode)? else {
        return Ok(Kustomization::default());
    };
    let is_component = kind(&mut reader)?;
    refuse(&mut reader)?;
    reader.get("metadata");
    let mut images = reader.objects("images", image)?;
    images.extend(reader.objects("imageTags", image)?);
    let mut resources = reader.strings("resources")?;
    let has_resources = !resources.is_empty();
    resources.extend(reader.strings("bases")?);
    let result = Kustomization {
        is_component,
        resources,
        components: reader.strings("components")?,
        namespace: reader.string("namespace")?,
        name_prefix: reader.string("namePrefix")?,
        name_suffix: reader.string("nameSuffix")?,
        common_labels: reader.pairs("commonLabels")?,
        labels: reader.objects("labels", label)?,
        common_annotations: reader.pairs("commonAnnotations")?,
        patches: reader.objects("patches", patch)?,
        patches_strategic_merge: reader.strings("patchesStrategicMerge")?,
        patches_json6902: reader.objects("patchesJson6902", patch)?,
        images,
        replicas: reader.objects("replicas", replica)?,
        replacements: reader.objects("replacements", replacement)?,
        config_maps: reader.objects("configMapGenerator", generator)?,
        secrets: reader.objects("secretGenerator", generator)?,
        generator_options: reader.object("generatorOptions", generator_options)?,
        build_metadata: reader.strings("buildMetadata")?,
        sort: reader.object("sortOptions", sort)?,
        has_resources,
        says_something: says_something(value),
    };
    reader.finish(result)
}

/// The replacements of a file that `replacements[].path` names: one, or a list of them.
pub(crate) fn replacements(value: &Value) -> Result<Vec<Replacement>, Complaint> {
    let one = |value, pointer| {
        let reader = Reader::new(value, pointer, Mode::Lenient)?;
        reader.map_or_else(|| Ok(Replacement::default()), replacement)
    };
    match value {
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(at, item)| one(item, format!("/{at}")))
                .collect()
        }
        item => Ok(vec![one(item, String::new())?]),
    }
}

fn kind(reader: &mut Reader<'_>) -> Result<bool, Complaint> {
    let kind = reader.string("kind")?;
    let version = reader.string("apiVersion")?;
    let wrong = |at: &str, message: &str| Err((at.to_owned(), message.to_owned()));
    let is_component = kind == "Component";
    if !matches!(kind.as_str(), "" | "Kustomization" | "Component") {
        return wrong("/kind", "kind should be Kustomization or Component");
    }
    match (is_component, version.as_str()) {
        (_, "")
        | (true, "kustomize.config.k8s.io/v1alpha1")
        | (false, "kustomize.config.k8s.io/v1beta1") => Ok(is_component),
        (true, _) => wrong(
            "/apiVersion",
            "apiVersion for Component should be kustomize.config.k8s.io/v1alpha1",
        ),
        (false, _) => wrong(
            "/apiVersion",
            "apiVersion for Kustomization should be kustomize.config.k8s.io/v1beta1",
        ),
    }
}

fn refuse(reader: &mut Reader<'_>) -> Result<(), Complaint> {
    for name in REFUSED {
        let says = match reader.get(name) {
            None => false,
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(map)) => !map.is_empty(),
            Some(_) => true,
        };
        if says {
            let message = format!("the field {name:?} of a kustomization is not supported yet");
            return Err((reader.at(name), message));
        }
    }
    Ok(())
}

/// Go compares with the zero value: an empty list that is written is something.
fn says_something(value: &Value) -> bool {
    let fields = value.as_object().into_iter().flatten();
    let mut told = fields.filter(|(key, _)| !matches!(key.as_str(), "apiVersion" | "kind"));
    told.any(|(_, value)| !value.is_null() && value.as_str() != Some(""))
}

fn label(mut reader: Reader<'_>) -> Result<Label, Complaint> {
    let result = Label {
        pairs: reader.pairs("pairs")?,
        include_selectors: reader.boolean("includeSelectors")?,
        include_templates: reader.boolean("includeTemplates")?,
        fields: reader
            .objects("fields", field_spec)?
            .into_iter()
            .flatten()
            .collect(),
    };
    reader.finish(result)
}

fn field_spec(mut reader: Reader<'_>) -> Result<Option<FieldSpec>, Complaint> {
    let gvk = gvk(&mut reader)?;
    let path = reader.string("path")?;
    let create = reader.boolean("create")?;
    reader.finish(Some(FieldSpec::new(gvk, &path, create)))
}

fn gvk(reader: &mut Reader<'_>) -> Result<Gvk, Complaint> {
    Ok(Gvk {
        group: reader.string("group")?,
        version: reader.string("version")?,
        kind: reader.string("kind")?,
    })
}

fn patch(mut reader: Reader<'_>) -> Result<Patch, Complaint> {
    let options = reader.object("options", |mut reader| {
        let both = (
            reader.boolean("allowNameChange")?,
            reader.boolean("allowKindChange")?,
        );
        reader.finish(both)
    })?;
    let (allow_name_change, allow_kind_change) = options.unwrap_or_default();
    let result = Patch {
        path: reader.string("path")?,
        patch: reader.string("patch")?,
        target: reader.object("target", selector)?,
        allow_name_change,
        allow_kind_change,
    };
    reader.finish(result)
}

fn selector(mut reader: Reader<'_>) -> Result<Selector, Complaint> {
    let result = Selector {
        group: reader.string("group")?,
        version: reader.string("version")?,
        kind: reader.string("kind")?,
        name: reader.string("name")?,
        namespace: reader.string("namespace")?,
        label_selector: reader.string("labelSelector")?,
        annotation_selector: reader.string("annotationSelector")?,
    };
    reader.finish(result)
}

fn image(mut reader: Reader<'_>) -> Result<Image, Complaint> {
    let result = Image {
        name: reader.string("name")?,
        new_name: reader.string("newName")?,
        tag_suffix: reader.string("tagSuffix")?,
        new_tag: reader.string("newTag")?,
        digest: reader.string("digest")?,
    };
    reader.finish(result)
}

fn replica(mut reader: Reader<'_>) -> Result<(String, i64), Complaint> {
    let result = (reader.string("name")?, reader.integer("count")?);
    reader.finish(result)
}

fn generator(mut reader: Reader<'_>) -> Result<Generator, Complaint> {
    let mut envs = reader.strings("envs")?;
    envs.extend(reader.optional_string("env")?.filter(|env| !env.is_empty()));
    let result = Generator {
        name: reader.string("name")?,
        namespace: reader.string("namespace")?,
        behavior: reader.string("behavior")?,
        secret_type: reader.string("type")?,
        literals: reader.strings("literals")?,
        files: reader.strings("files")?,
        envs,
        options: reader.object("options", generator_options)?,
    };
    reader.finish(result)
}

fn generator_options(mut reader: Reader<'_>) -> Result<GeneratorOptions, Complaint> {
    let result = GeneratorOptions {
        labels: reader.pairs("labels")?,
        annotations: reader.pairs("annotations")?,
        disable_name_suffix_hash: reader.boolean("disableNameSuffixHash")?,
        immutable: reader.boolean("immutable")?,
    };
    reader.finish(result)
}

fn sort(mut reader: Reader<'_>) -> Result<Sort, Complaint> {
    let order = match reader.string("order")?.as_str() {
        "legacy" => crate::Order::Legacy,
        "fifo" => crate::Order::Fifo,
        _ => {
            let message = "the field 'sortOptions.order' must be one of [fifo, legacy]";
            return Err((reader.at("order"), message.into()));
        }
    };
    let kinds = reader.object("legacySortOptions", |mut reader| {
        let kinds = (reader.strings("orderFirst")?, reader.strings("orderLast")?);
        reader.finish(kinds)
    })?;
    if order == crate::Order::Fifo && kinds.is_some() {
        let message = "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'";
        return Err((reader.at("legacySortOptions"), message.into()));
    }
    reader.finish(Sort { order, kinds })
}

fn replacement(mut reader: Reader<'_>) -> Result<Replacement, Complaint> {
    let has_targets = reader.get("targets").is_some();
    let targets = reader.objects("targets", target)?;
    let result = Replacement {
        path: reader.string("path")?,
        source: reader.object("source", source)?,
        source_value: reader.optional_string("sourceValue")?,
        targets: has_targets.then_some(targets),
    };
    reader.finish(result)
}

fn source(mut reader: Reader<'_>) -> Result<Source, Complaint> {
    let result = Source {
        gvk: gvk(&mut reader)?,
        name: reader.string("name")?,
        namespace: reader.string("namespace")?,
        field_path: reader.string("fieldPath")?,
        options: reader.object("options", field_options)?.unwrap_or_default(),
    };
    reader.finish(result)
}

fn target(mut reader: Reader<'_>) -> Result<Target, Complaint> {
    let result = Target {
        select: reader.object("select", selector)?,
        reject: reader.objects("reject", selector)?,
        field_paths: reader.strings("fieldPaths")?,
        options: reader.object("options", field_options)?.unwrap_or_default(),
    };
    reader.finish(result)
}

fn field_options(mut reader: Reader<'_>) -> Result<FieldOptions, Complaint> {
    reader.get("encoding");
    let result = FieldOptions {
        delimiter: reader.string("delimiter")?,
        index: reader.integer("index")?,
        create: reader.boolean("create")?,
    };
    reader.finish(result)
}
