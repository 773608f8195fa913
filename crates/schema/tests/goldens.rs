//! The built-in types against Go: goldens written by `tools/apitypes`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Read;

use base64::Engine;
use flate2::read::GzDecoder;
use schema::quantity::Quantity;
use schema::{DecodeError, FieldValidation, Kind, Media, builtin};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Goldens {
    bodies: Vec<Body>,
    quantities: Vec<(String, String)>,
    times: Vec<(String, String, String)>,
    decodes: Vec<Decode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    api_version: String,
    kind: String,
    proto: String,
    json: Value,
    hollow: Value,
    round: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Decode {
    api_version: String,
    kind: String,
    body: String,
    error: String,
    strict: String,
    object: Value,
}

fn goldens() -> Goldens {
    let mut text = String::new();
    GzDecoder::new(&include_bytes!("goldens.json.gz")[..])
        .read_to_string(&mut text)
        .unwrap();
    serde_json::from_str(&text).unwrap()
}

fn kind(api_version: &str, kind: &str) -> Kind {
    builtin()
        .kind(&krm::Gvk::new(api_version, kind))
        .unwrap_or_else(|| panic!("{api_version} {kind}"))
}

/// The first place where two values differ.
fn difference(path: &str, ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            keys.into_iter()
                .find_map(|key| match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => difference(&format!("{path}.{key}"), a, b),
                    (a, b) => Some(format!("{path}.{key}: {a:?} but Go says {b:?}")),
                })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(at, (a, b))| difference(&format!("{path}[{at}]"), a, b)),
        _ => (ours != theirs).then(|| format!("{path}: {ours} but Go says {theirs}")),
    }
}

#[test]
fn protobuf_bodies_of_every_kind() {
    let mut failures = Vec::new();
    for body in goldens().bodies {
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(&body.proto)
            .unwrap();
        match kind(&body.api_version, &body.kind).decode(
            &bytes,
            Media::Protobuf,
            FieldValidation::Strict,
        ) {
            Ok(decoded) => failures.extend(difference(&body.kind, &decoded.object, &body.json)),
            Err(error) => failures.push(format!("{}: {error}", body.kind)),
        }
    }
    assert!(
        failures.is_empty(),
        "{} differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn json_of_every_kind_stays_as_it_is() {
    let mut failures = Vec::new();
    for body in goldens().bodies {
        match kind(&body.api_version, &body.kind).decode(
            body.json.to_string().as_bytes(),
            Media::Json,
            FieldValidation::Strict,
        ) {
            Ok(decoded) => failures.extend(difference(&body.kind, &decoded.object, &body.json)),
            Err(error) => failures.push(format!("{}: {error}", body.kind)),
        }
    }
    assert!(
        failures.is_empty(),
        "{} differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn empties_of_every_kind_are_dropped_as_go_drops_them() {
    let mut failures = Vec::new();
    for body in goldens().bodies {
        match kind(&body.api_version, &body.kind).decode(
            body.hollow.to_string().as_bytes(),
            Media::Json,
            FieldValidation::Strict,
        ) {
            Ok(decoded) => failures.extend(difference(&body.kind, &decoded.object, &body.round)),
            Err(error) => failures.push(format!("{}: {error}", body.kind)),
        }
    }
    assert!(
        failures.is_empty(),
        "{} differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn quantities_are_canonical() {
    let mut failures = Vec::new();
    for (text, expect) in goldens().quantities {
        let ours = match Quantity::parse(text.trim()) {
            Ok(quantity) => quantity.canonical(),
            Err(error) => format!("error: {error}"),
        };
        if ours != expect {
            failures.push(format!("{text:?}: {ours:?} but Go says {expect:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn times_are_canonical() {
    let mut failures = Vec::new();
    for (text, time, micro) in goldens().times {
        let mut check = |kind: Kind, pointer: &str, object: Value, expect: &str| {
            let ours = kind
                .decode(
                    object.to_string().as_bytes(),
                    Media::Json,
                    FieldValidation::Strict,
                )
                .ok()
                .and_then(|decoded| {
                    decoded
                        .object
                        .pointer(pointer)
                        .and_then(Value::as_str)
                        .map(str::to_owned)
                })
                .unwrap_or_default();
            let expect = expect.trim_start_matches("null");
            if ours != expect {
                failures.push(format!("{text:?}: {ours:?} but Go says {expect:?}"));
            }
        };
        check(
            kind("v1", "ConfigMap"),
            "/metadata/deletionTimestamp",
            serde_json::json!({"metadata": {"deletionTimestamp": text}}),
            &time,
        );
        check(
            kind("coordination.k8s.io/v1", "Lease"),
            "/spec/renewTime",
            serde_json::json!({"spec": {"renewTime": text}}),
            &micro,
        );
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn decoding_errors_are_in_gos_words() {
    let mut failures = Vec::new();
    for case in goldens().decodes {
        let whole = kind(
            if case.api_version.is_empty() {
                "v1"
            } else {
                &case.api_version
            },
            if case.kind.is_empty() {
                "ConfigMap"
            } else {
                &case.kind
            },
        );
        let text = |validation| match whole.decode(case.body.as_bytes(), Media::Json, validation) {
            Ok(decoded) => (String::new(), decoded.object),
            Err(DecodeError::Unrecognized { error, .. }) => (error, Value::Null),
            Err(error) => (error.to_string(), Value::Null),
        };
        // Without a kind, the server takes the one of the request's path.
        let (error, object) = text(FieldValidation::Ignore);
        if !case.error.starts_with("Object '") {
            if error != case.error {
                failures.push(format!("{}\n  {error}\n  {}", case.body, case.error));
            } else if let Some(difference) = difference("", &object, &case.object) {
                failures.push(format!("{}\n  {difference}", case.body));
            }
            let (strict, _) = text(FieldValidation::Strict);
            if strict != case.strict {
                failures.push(format!("{}\n  {strict}\n  {}", case.body, case.strict));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn every_resource_has_its_kind() {
    let types = builtin();
    assert!(types.resources().len() > 60, "{}", types.resources().len());
    for resource in types.resources() {
        assert!(types.kind(&resource.gvk()).is_some(), "{}", resource.plural);
        for sub in &resource.subresources {
            // Proxies and streams have options of their own that no body holds.
            assert!(
                types.kind(&sub.kind).is_some(),
                "{}/{}",
                resource.plural,
                sub.name
            );
        }
    }
}
