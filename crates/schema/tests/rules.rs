//! Defaults and validation of built-in and custom kinds, held against what a real API server answered (see `tools/apitypes`).

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use krm::{Gvk, Value};
use schema::{CustomKind, FieldValidation, Kind, builtin};

/// What strategies and controllers set beside defaults.
const ALLOCATED: [&str; 4] = [
    ".spec.clusterIP",
    ".spec.clusterIPs",
    ".spec.ipFamilies",
    ".spec.ipFamilyPolicy",
];

fn builtin_kind(object: &Value) -> Kind {
    let text = |field: &str| object[field].as_str().unwrap();
    builtin()
        .kind(&Gvk::new(text("apiVersion"), text("kind")))
        .unwrap()
}

fn custom_kind(definition: &Value) -> Kind {
    let spec = &definition["spec"];
    let version = &spec["versions"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Kind::custom(CustomKind {
        gvk: Gvk {
            group: text(&spec["group"]),
            version: text(&version["name"]),
            kind: text(&spec["names"]["kind"]),
        },
        schema: version["schema"]["openAPIV3Schema"].clone(),
        namespaced: spec["scope"] == "Namespaced",
        status: true,
    })
}

/// The object as it is after admission to the server: decoded, placed, completed.
fn admitted(kind: &Kind, case: &Value) -> Value {
    let mut object = kind
        .decode_value(&case["object"], FieldValidation::Strict)
        .unwrap()
        .object;
    if case["path"].as_str().unwrap().contains("/namespaces/") {
        object["metadata"]["namespace"] = "default".into();
    }
    kind.default(&mut object);
    object
}

fn merge(object: &mut Value, change: &Value) {
    let Value::Object(change) = change else {
        *object = change.clone();
        return;
    };
    for (key, value) in change {
        match value {
            Value::Null => drop(object.as_object_mut().unwrap().remove(key)),
            value => merge(&mut object[key.as_str()], value),
        }
    }
}

fn causes(case: &Value) -> Vec<String> {
    let text = |cause: &Value, field: &str| cause[field].as_str().unwrap_or_default().to_owned();
    let mut all: Vec<String> = case["causes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| {
            format!(
                "{}: {} ({})",
                text(c, "field"),
                text(c, "message"),
                text(c, "reason")
            )
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// Where ours differs from the server's.
fn differences(path: &str, ours: &Value, theirs: &Value, out: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let path = format!("{path}.{key}");
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => differences(&path, a, b, out),
                    // The Job strategy labels what it makes.
                    _ if path.ends_with("metadata.labels") || path == ".spec.selector" => {}
                    _ if ALLOCATED.contains(&path.as_str()) || path.starts_with(".status") => {}
                    (None, Some(_)) if path == ".spec.finalizers" => {}
                    (a, b) => out.push(format!("{path}: ours {a:?}, theirs {b:?}")),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{at}]"), a, b, out);
            }
        }
        _ if path.starts_with(".status") => {}
        _ => {
            if ours != theirs {
                out.push(format!("{path}: ours {ours}, theirs {theirs}"));
            }
        }
    }
}

#[test]
fn the_server_says_the_same_of_built_in_kinds() {
    check(include_str!("rules/recorded.json"), |_, object| {
        builtin_kind(object)
    });
}

#[test]
fn the_server_says_the_same_of_custom_kinds() {
    check(include_str!("rules/custom-recorded.json"), |cases, _| {
        custom_kind(&cases[0]["object"])
    });
}

fn check(recorded: &str, kind_of: impl Fn(&[Value], &Value) -> Kind) {
    let cases: Vec<Value> = serde_json::from_str(recorded).unwrap();
    let mut failures = Vec::new();
    for case in cases.iter().filter(|case| case["keep"].is_null()) {
        let name = case["name"].as_str().unwrap();
        let kind = kind_of(&cases, &case["object"]);
        let old = admitted(&kind, case);
        let (object, errors) = if case["update"].is_null() {
            let errors = kind.validate_create(&old);
            (old, errors)
        } else {
            let (mut old, mut new) = (old.clone(), old);
            old["metadata"]["resourceVersion"] = "1".into();
            new["metadata"]["resourceVersion"] = "1".into();
            if kind.gvk().kind == "Service" {
                old["spec"]["clusterIP"] = "10.96.0.9".into();
                old["spec"]["clusterIPs"] = serde_json::json!(["10.96.0.9"]);
            }
            merge(&mut new, &case["update"]);
            let mut new = kind
                .decode_value(&new, FieldValidation::Strict)
                .unwrap()
                .object;
            kind.default(&mut new);
            let errors = kind.validate_update(&new, &old);
            (new, errors)
        };
        let mut ours: Vec<String> = errors
            .iter()
            .map(|e| e.cause())
            .map(|c| format!("{}: {} ({})", c.field, c.message, c.reason))
            .collect();
        ours.sort();
        ours.dedup();
        let theirs = causes(case);
        if ours != theirs {
            let only = |a: &[String], b: &[String]| {
                a.iter()
                    .filter(|x| !b.contains(x))
                    .cloned()
                    .collect::<Vec<_>>()
            };
            let (us, them) = (only(&ours, &theirs), only(&theirs, &ours));
            failures.push(format!(
                "{name}\n  only ours:\n    {}\n  only theirs:\n    {}",
                us.join("\n    "),
                them.join("\n    ")
            ));
        } else if case["message"].is_null() && case["update"].is_null() {
            let mut out = Vec::new();
            let mut theirs = case["stored"].clone();
            merge(
                &mut theirs["metadata"],
                &serde_json::json!({"annotations": null}),
            );
            differences("", &object, &theirs, &mut out);
            failures.extend(out.into_iter().map(|d| format!("{name}: {d}")));
        } else if case["message"].as_str().is_some() && theirs.is_empty() {
            failures.push(format!("{name}: {}", case["message"]));
        }
    }
    assert!(
        failures.is_empty(),
        "{} differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
