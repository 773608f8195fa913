//! Every file of `tests/cases`, held against what the real kustomize and the real Flux package made of it.
//!
//! A case is a head of `key: value` lines, files behind `-- path --` lines, and the expected YAML behind `-- expect --`; a case that
//! must fail names a phrase of the error instead. `tools/kustomize-oracle derive tests/cases/*.txt` writes the expectations.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads its cases and may panic"
)]

use krm::{Object, Tree, Value};
use kustomize::flux::{Overrides, Substitution, Undefined, When};
use kustomize::{Image, Options, Order, Patch, Selector, Step};

#[derive(Default)]
struct Case {
    cli: bool,
    path: String,
    spec: Value,
    strict: bool,
    always: bool,
    error: Option<String>,
    files: Vec<(String, String)>,
    expect: String,
}

fn read(text: &str) -> Case {
    let mut case = Case::default();
    let (head, _) = text.split_once("\n-- ").unwrap_or((text, ""));
    for line in head.lines() {
        let (key, value) = line.split_once(": ").unwrap_or((line, ""));
        match key {
            "mode" => case.cli = value == "cli",
            "path" => case.path = value.into(),
            "spec" => case.spec = serde_json::from_str(value).unwrap(),
            "strict" => case.strict = value == "true",
            "always" => case.always = value == "true",
            "error" => case.error = Some(value.into()),
            _ => {}
        }
    }
    for part in text.split("\n-- ").skip(1) {
        let (name, content) = part
            .split_once(" --\n")
            .unwrap_or((part.trim_end_matches(" --\n"), ""));
        let mut content = content.to_owned();
        if !content.is_empty() && !content.ends_with('\n') {
            content.push('\n');
        }
        if name == "expect" {
            case.expect = content;
        } else {
            case.files.push((name.into(), content));
        }
    }
    case
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn strings(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

fn overrides(spec: &Value) -> Overrides {
    let optional = |key: &str| spec[key].as_str().map(str::to_owned);
    let selector = |target: &Value| Selector {
        group: text(target, "group"),
        version: text(target, "version"),
        kind: text(target, "kind"),
        name: text(target, "name"),
        namespace: text(target, "namespace"),
        label_selector: text(target, "labelSelector"),
        annotation_selector: text(target, "annotationSelector"),
    };
    let patch = |patch: &Value| Patch {
        patch: text(patch, "patch"),
        target: patch.get("target").map(selector),
        ..Patch::default()
    };
    let image = |image: &Value| Image {
        name: text(image, "name"),
        new_name: text(image, "newName"),
        new_tag: text(image, "newTag"),
        digest: text(image, "digest"),
        ..Image::default()
    };
    let list = |key: &str| spec[key].as_array().cloned().unwrap_or_default();
    Overrides {
        target_namespace: optional("targetNamespace"),
        name_prefix: optional("namePrefix"),
        name_suffix: optional("nameSuffix"),
        patches: list("patches").iter().map(patch).collect(),
        images: list("images").iter().map(image).collect(),
        components: strings(&spec["components"]),
        ignore_missing_components: spec["ignoreMissingComponents"] == Value::Bool(true),
        build_metadata: strings(&spec["buildMetadata"]),
    }
}

fn build(case: &Case) -> Result<Vec<Object>, String> {
    let tree = Tree::from_texts(
        case.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str())),
    )
    .unwrap();
    let order = if case.cli { Order::Legacy } else { Order::Fifo };
    let options = Options {
        order,
        ..Options::default()
    };
    let step = if case.cli {
        kustomize::build(&tree, &case.path, &options)
    } else {
        kustomize::flux::build(&tree, &case.path, &overrides(&case.spec), &options)
    };
    let objects = match step.map_err(|error| error.to_string())? {
        Step::Done(objects) => objects,
        Step::Fetch(urls) => return Err(format!("wants {urls:?}")),
    };
    let vars = case.spec["postBuild"]["substitute"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let vars: Vec<(&str, &str)> = vars
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str().unwrap()))
        .collect();
    let undefined = if case.strict {
        Undefined::Refused
    } else {
        Undefined::Empty
    };
    let when = if case.always {
        When::Always
    } else {
        When::WithVariables
    };
    let substitution = Substitution::new(vars.iter().copied(), undefined, when)?;
    let apply = |object| {
        substitution
            .apply(object)
            .map_err(|error| error.to_string())
    };
    objects.into_iter().map(apply).collect()
}

fn check(case: &Case) -> Result<(), String> {
    let got = build(case).map(|objects| {
        let texts: Vec<String> = objects
            .iter()
            .map(|object| krm::yaml::emit(&object.to_value()))
            .collect();
        texts.join("---\n")
    });
    match (got, &case.error) {
        (Ok(text), None) if text == case.expect => Ok(()),
        (Ok(text), None) => Err(format!("expected:\n{}\ngot:\n{text}", case.expect)),
        (Ok(text), Some(phrase)) => Err(format!("expected an error with {phrase:?}, got:\n{text}")),
        (Err(error), Some(phrase)) if error.contains(phrase.as_str()) => Ok(()),
        (Err(error), _) => Err(format!("error: {error}")),
    }
}

#[test]
fn every_case_is_as_the_real_one_has_it() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");
    let mut paths: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut wrong = Vec::new();
    for path in &paths {
        let case = read(&std::fs::read_to_string(path).unwrap());
        if let Err(problem) = check(&case) {
            let name = path.file_name().unwrap().to_string_lossy();
            wrong.push(format!("==== {name}\n{problem}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        paths.len(),
        wrong.join("\n")
    );
}
