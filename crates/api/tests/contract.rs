//! Our CRDs are upstream's: `contract/` holds those, without descriptions.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads its fixtures"
)]

use std::collections::BTreeMap;
use std::path::Path;

use krm::Value;

/// Versions that only we serve.
const OURS: [(&str, &str); 3] = [
    ("imagepolicies.image.toolkit.fluxcd.io", "v1beta2"),
    ("imagerepositories.image.toolkit.fluxcd.io", "v1beta2"),
    ("imageupdateautomations.image.toolkit.fluxcd.io", "v1beta1"),
];

fn contract(folder: &str) -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .map(|path| {
            let crd: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            (crd["metadata"]["name"].as_str().unwrap().into(), crd)
        })
        .collect()
}

/// Splits off the versions that only we serve.
fn without_ours(mut crd: Value) -> (Value, Vec<Value>) {
    let name = crd["metadata"]["name"].as_str().unwrap().to_owned();
    let versions = crd["spec"]["versions"].as_array_mut().unwrap();
    let is_ours = |version: &Value| OURS.contains(&(&name, version["name"].as_str().unwrap()));
    let ours = versions.iter().filter(|v| is_ours(v)).cloned().collect();
    versions.retain(|version| !is_ours(version));
    (crd, ours)
}

/// Every place where two values differ.
fn differences(path: &str, ours: &Value, theirs: &Value, out: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let path = format!("{path}.{key}");
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => differences(&path, a, b, out),
                    (a, b) => out.push(format!("{path}: ours {a:?}, upstream's {b:?}")),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{at}]"), a, b, out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{path}: ours {a}, upstream's {b}")),
    }
}

#[test]
fn crds_equal_upstreams() {
    let theirs = contract("contract");
    let mut ours: BTreeMap<String, Value> = api::crds()
        .into_iter()
        .map(|crd| (crd["metadata"]["name"].as_str().unwrap().into(), crd))
        .collect();
    let mut out = Vec::new();
    for (name, theirs) in &theirs {
        match ours.remove(name) {
            Some(crd) => differences(name, &without_ours(crd).0, theirs, &mut out),
            None => out.push(format!("{name} is missing")),
        }
    }
    out.extend(ours.keys().map(|name| format!("{name} is not upstream's")));
    assert!(out.is_empty(), "{}", out.join("\n"));
    assert_eq!(theirs.len(), 15);
}

/// Every property of a schema, as `.spec.git.commit`.
fn properties(path: &str, schema: &Value, out: &mut Vec<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        out.push(path.clone());
        properties(&path, property, out);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            properties(&format!("{path}[]"), &schema[inner], out);
        }
    }
}

fn all_properties(version: &Value) -> Vec<String> {
    let mut out = Vec::new();
    properties("", &version["schema"]["openAPIV3Schema"], &mut out);
    out
}

#[test]
fn old_versions_lose_no_field() {
    let legacy = contract("contract/legacy");
    let mut seen = Vec::new();
    for crd in api::crds() {
        let name = crd["metadata"]["name"].as_str().unwrap().to_owned();
        for version in without_ours(crd).1 {
            let theirs = &legacy[&name]["spec"]["versions"][0];
            assert_eq!(version["name"], theirs["name"]);
            assert_eq!(version["storage"], false);
            let ours = all_properties(&version);
            for path in all_properties(theirs) {
                assert!(ours.contains(&path), "{name}: {path} would be pruned");
            }
            seen.push((name.clone(), version["name"].as_str().unwrap().to_owned()));
        }
    }
    assert_eq!(
        seen,
        OURS.map(|(name, version)| (name.into(), version.into()))
    );
}
