//! `fleet.yaml`: what a clone of a fleet's repositories cannot know.
//!
//! [`Fleet::read`] takes the file's value and names every problem by its JSON pointer, so that whoever parsed the text
//! can say line and column. The published schema, `docs/fleet.schema.json`, is [`json_schema`].

use std::collections::BTreeMap;
use std::fmt;

use krm::{Value, json};

use crate::schema::{Schema, choice, object};

/// The file's name.
pub const FILE: &str = "fleet.yaml";

choice! {
    /// The versions of the file.
    FleetVersion {
        /// The first.
        V1Alpha1 = "weir/v1alpha1",
    }

    /// The file's kind.
    FleetKind {
        /// A fleet.
        Fleet = "Fleet",
    }
}

object! {
    /// The file.
    Fleet {
        required {
            /// The file's version.
            api_version: FleetVersion;
            /// The file's kind.
            kind: FleetKind;
            /// What it says.
            spec: FleetSpec;
        }
    }

    /// What the file says. Paths are relative to its directory.
    FleetSpec {
        required {
            /// The platform's repository, in which every cluster's entry lies.
            repository: String => min_length(1);
        }
        optional {
            /// Which remote URL is which local directory.
            sources: Vec<FleetSource>;
            /// The clusters.
            clusters: Vec<FleetCluster>;
        }
    }

    /// A remote URL and the directory that stands for it.
    FleetSource {
        required {
            /// The URL, as a source object has it.
            url: String => min_length(1);
            /// The directory that a branch means.
            path: String => min_length(1);
        }
        optional {
            /// Tags that exist, and the directory that each means.
            refs: BTreeMap<String, String>;
        }
    }

    /// A cluster.
    FleetCluster {
        required {
            /// Its name.
            name: String => length(1, 63).pattern("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$");
            /// Its entry in the platform's repository.
            path: String => min_length(1);
        }
        optional {
            /// Files or directories with objects that are in no repository.
            objects: Vec<String>;
        }
    }
}

/// What is wrong with a fleet file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetProblem {
    /// The place, as a JSON pointer.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for FleetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.pointer.trim_start_matches('/').replace('/', ".");
        if field.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{field}: {}", self.message)
        }
    }
}

impl Fleet {
    /// Reads a file's value.
    ///
    /// # Errors
    /// Every problem, in the order of the schema's fields; there is at least one.
    pub fn read(value: &Value) -> Result<Self, Vec<FleetProblem>> {
        let mut problems = Vec::new();
        check("", value, &Self::schema().into_value(), &mut problems);
        if problems.is_empty() {
            unique_names(value, &mut problems);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        serde_json::from_value(value.clone()).map_err(|error| {
            vec![FleetProblem {
                pointer: String::new(),
                message: error.to_string(),
            }]
        })
    }
}

/// The JSON Schema of the file.
pub fn json_schema() -> Value {
    let mut schema = Fleet::schema().into_value();
    close(&mut schema);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "Weir fleet".into();
    schema
}

/// Allows no other properties than those named.
fn close(schema: &mut Value) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(close);
        schema["additionalProperties"] = json!(false);
    }
    if let Some(items) = schema.get_mut("items") {
        close(items);
    }
}

/// Holds a value against a schema of [`crate::schema`], unknown fields refused.
fn check(pointer: &str, value: &Value, schema: &Value, problems: &mut Vec<FleetProblem>) {
    let mut problem = |pointer: &str, message: String| {
        problems.push(FleetProblem {
            pointer: pointer.into(),
            message,
        });
    };
    match (schema["type"].as_str().unwrap_or_default(), value) {
        ("object", Value::Object(fields)) => {
            for name in schema["required"].as_array().into_iter().flatten() {
                let name = name.as_str().unwrap_or_default();
                if !fields.contains_key(name) {
                    problem(pointer, format!("the field {name:?} is missing"));
                }
            }
            let properties = schema["properties"].as_object();
            for (name, field) in fields {
                let place = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                let known = properties.and_then(|properties| properties.get(name));
                match known.or_else(|| schema.get("additionalProperties")) {
                    Some(schema) => check(&place, field, schema, problems),
                    None => problems.push(FleetProblem {
                        pointer: place,
                        message: format!("unknown field {name:?}{}", known_fields(properties)),
                    }),
                }
            }
        }
        ("array", Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                check(&format!("{pointer}/{at}"), item, &schema["items"], problems);
            }
        }
        ("string", Value::String(text)) => {
            let choices = schema["enum"].as_array();
            if let Some(choices) = choices.filter(|choices| !choices.contains(value)) {
                let choices: Vec<_> = choices.iter().map(Value::to_string).collect();
                problem(
                    pointer,
                    format!("{text:?} is not supported: use {}", choices.join(" or ")),
                );
            }
            let is_name = schema.get("pattern").is_none() || is_dns_label(text);
            if text.is_empty() && schema.get("minLength").is_some() {
                problem(pointer, "must not be empty".into());
            } else if !is_name {
                problem(
                    pointer,
                    format!(
                        "{text:?} is no name: lower-case letters, digits and dashes, at most 63"
                    ),
                );
            }
        }
        (wanted, _) => problem(pointer, format!("expected {}", with_article(wanted))),
    }
}

fn known_fields(properties: Option<&krm::Map<String, Value>>) -> String {
    let names: Vec<_> = properties
        .into_iter()
        .flat_map(krm::Map::keys)
        .map(String::as_str)
        .collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(": there are {}", names.join(", "))
    }
}

fn with_article(type_name: &str) -> &'static str {
    match type_name {
        "object" => "a mapping",
        "array" => "a list",
        _ => "a text",
    }
}

fn is_dns_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 63
        && text.bytes().all(|byte| plain(byte) || byte == b'-')
        && text.bytes().next().is_some_and(plain)
        && text.bytes().last().is_some_and(plain)
}

/// Names are told apart: of clusters by name, of sources by URL.
fn unique_names(value: &Value, problems: &mut Vec<FleetProblem>) {
    for (list, key) in [("sources", "url"), ("clusters", "name")] {
        let mut seen = Vec::new();
        let items = value["spec"][list].as_array().into_iter().flatten();
        for (at, item) in items.enumerate() {
            if seen.contains(&&item[key]) {
                problems.push(FleetProblem {
                    pointer: format!("/spec/{list}/{at}/{key}"),
                    message: format!("{} appears twice", item[key]),
                });
            }
            seen.push(&item[key]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: Value, expect: &[&str]) {
        let problems = Fleet::read(&value).err().unwrap_or_default();
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(texts, expect);
    }

    fn fleet(spec: Value) -> Value {
        json!({"apiVersion": "weir/v1alpha1", "kind": "Fleet", "spec": spec})
    }

    #[test]
    fn a_fleet_is_read() {
        let value = fleet(json!({
            "repository": "./fleet-infra",
            "sources": [{"url": "https://a", "path": "./a", "refs": {"v1/x": "./a"}}],
            "clusters": [{"name": "prod-eu", "path": "clusters/prod-eu", "objects": ["./x"]}],
        }));
        let fleet = Fleet::read(&value).unwrap();
        assert_eq!(fleet.spec.sources[0].refs["v1/x"], "./a");
        assert_eq!(fleet.spec.clusters[0].objects, ["./x"]);
        assert_eq!(serde_json::to_value(fleet).unwrap(), value);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        check(
            fleet(json!({"repository": "a", "clutsers": []})),
            &["spec.clutsers: unknown field \"clutsers\": there are clusters, repository, sources"],
        );
        check(
            json!({"apiVersion": "weir/v2", "kind": "Fleet", "spec": {"repository": ""}}),
            &[
                "apiVersion: \"weir/v2\" is not supported: use \"weir/v1alpha1\"",
                "spec.repository: must not be empty",
            ],
        );
        check(json!([]), &["expected a mapping"]);
        check(
            fleet(json!({"repository": 1, "sources": [{"url": "u"}]})),
            &[
                "spec.repository: expected a text",
                "spec.sources.0: the field \"path\" is missing",
            ],
        );
        check(
            fleet(json!({"repository": "a", "clusters": [
                {"name": "Prod", "path": "p"}]})),
            &[
                "spec.clusters.0.name: \"Prod\" is no name: lower-case letters, digits and dashes, at most 63",
            ],
        );
        check(
            fleet(json!({"repository": "a", "clusters": [
                {"name": "prod", "path": "p"}, {"name": "prod", "path": "q"}]})),
            &["spec.clusters.1.name: \"prod\" appears twice"],
        );
    }
}
