//! What must differ between two servers, replaced by stable words.
//!
//! A uid becomes `<uid:1>`, a resourceVersion `<rv:1>`, an allocated address `<ip:1>`, a generated name `prefix-<name:1>`,
//! numbered in the order in which they are first seen: equal things stay equal and different ones different. Times, ages,
//! tokens, certificates and continue tokens become one word each, and so does prose that explains columns and objects.

use std::sync::LazyLock;

use krm::{Map, Value};
use regex::{Captures, Regex};

/// Times a script writes itself lie before 2025 and stay.
static PATTERNS: LazyLock<Vec<(Regex, Word)>> = LazyLock::new(|| {
    let patterns = [
        (
            r"-----BEGIN [^-]+-----[^-]*-----END [^-]+-----\n?",
            Word::Fixed("<pem>"),
        ),
        (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", Word::Fixed("<token>")),
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            Word::Numbered("uid"),
        ),
        (
            r"20(2[5-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",
            Word::Fixed("<microtime>"),
        ),
        (
            r"20(2[5-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\dZ",
            Word::Fixed("<time>"),
        ),
        (r"\b10\.(96|0)\.\d{1,3}\.\d{1,3}\b", Word::Numbered("ip")),
        (
            r"too old resource version: \d+ \(\d+\)",
            Word::Fixed("too old resource version: <rv> (<rv>)"),
        ),
        (r", current: \d+", Word::Fixed(", current: <rv>")),
        (r#"resourceVersion\\*":\\*"(\d+)"#, Word::Inner("rv")),
        // An object quoted in a message, in the order of Go's fields, is not compared.
        (r#""\{\\"apiVersion\\".*\}""#, Word::Fixed("<object>")),
    ];
    patterns
        .into_iter()
        .filter_map(|(pattern, word)| Some((Regex::new(pattern).ok()?, word)))
        .collect()
});

#[derive(Clone, Copy)]
enum Word {
    Fixed(&'static str),
    Numbered(&'static str),
    /// The first group is numbered, the rest stays.
    Inner(&'static str),
}

/// Replaces the same things by the same words for as long as it lives: one per playing of a script.
#[derive(Debug, Default)]
pub struct Normal {
    seen: Vec<(&'static str, String)>,
    /// What is replaced literally: the run's namespace, generated names.
    literal: Vec<(String, String)>,
    /// Which column is the age; a watch of a table says its columns once.
    age: Option<usize>,
}

impl Normal {
    /// For a run in `namespace`, which becomes `${ns}`.
    pub fn new(namespace: &str) -> Self {
        Self {
            seen: Vec::new(),
            literal: vec![(namespace.to_owned(), "${ns}".to_owned())],
            age: None,
        }
    }

    /// A text: a message, a header, a key.
    pub fn text(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (pattern, word) in PATTERNS.iter() {
            if pattern.is_match(&text) {
                let replace = |found: &Captures<'_>| match word {
                    Word::Fixed(word) => (*word).to_owned(),
                    Word::Numbered(kind) => self.number(kind, &found[0]),
                    Word::Inner(kind) => found[0].replace(&found[1], &self.number(kind, &found[1])),
                };
                text = pattern.replace_all(&text, replace).into_owned();
            }
        }
        for (literal, word) in &self.literal {
            if text.contains(literal.as_str()) {
                text = text.replace(literal.as_str(), word);
            }
        }
        text
    }

    fn number(&mut self, kind: &'static str, value: &str) -> String {
        let same_kind = || self.seen.iter().filter(|(seen, _)| *seen == kind);
        let position = same_kind().position(|(_, seen)| seen == value);
        let number = position.unwrap_or_else(|| same_kind().count()) + 1;
        if position.is_none() {
            self.seen.push((kind, value.to_owned()));
        }
        format!("<{kind}:{number}>")
    }

    /// A document: an object, a list, a watch event, a table.
    pub fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.value(item)).collect())
            }
            Value::Object(map) => Value::Object(self.object(map)),
            other => other.clone(),
        }
    }

    fn object(&mut self, map: &Map<String, Value>) -> Map<String, Value> {
        if let Some(metadata) = map.get("metadata") {
            self.learn_generated_name(metadata);
        }
        let is_list = map.contains_key("items") || map.contains_key("rows");
        let is_bookmark = map.get("type").is_some_and(|kind| kind == "BOOKMARK");
        let mut out = Map::new();
        for (key, value) in map {
            let value = match (key.as_str(), value) {
                ("metadata", Value::Object(metadata)) if is_list => {
                    Value::Object(self.list_metadata(metadata))
                }
                ("object", object) if is_bookmark => self.value(&without_version(object)),
                ("resourceVersion", Value::String(version)) if is_number(version) => {
                    Value::String(self.number("rv", version))
                }
                ("managedFields", Value::Array(entries)) => Value::Array(self.managers(entries)),
                ("columnDefinitions", Value::Array(columns)) => {
                    Value::Array(columns.iter().map(without_prose).collect())
                }
                ("kubernetes.io/description", Value::String(_)) => "<text>".into(),
                ("storageVersionHash", Value::String(_)) => "<hash>".into(),
                ("rows", Value::Array(rows)) => {
                    Value::Array(self.rows(rows, map.get("columnDefinitions")))
                }
                (_, value) => self.value(value),
            };
            out.insert(self.text(key), value);
        }
        if out.get("kind").is_some_and(|kind| kind == "Status") {
            order_causes(&mut out);
        }
        out
    }

    fn learn_generated_name(&mut self, metadata: &Value) {
        let field = |name: &str| metadata.get(name).and_then(Value::as_str);
        let (Some(prefix), Some(name)) = (field("generateName"), field("name")) else {
            return;
        };
        if name.starts_with(prefix) && !self.literal.iter().any(|(literal, _)| literal == name) {
            let word = format!("{prefix}{}", self.number("name", name));
            // Before the namespace, which may be a part of it.
            let word = self.text(&word);
            self.literal.insert(0, (name.to_owned(), word));
        }
    }

    /// The version of a list is the whole server's.
    fn list_metadata(&mut self, metadata: &Map<String, Value>) -> Map<String, Value> {
        let mut metadata = metadata.clone();
        for (key, word) in [("resourceVersion", "<rv>"), ("continue", "<continue>")] {
            if let Some(value) = metadata.get_mut(key)
                && *value != ""
            {
                *value = word.into();
            }
        }
        self.object(&metadata)
    }

    /// Managers are kept in the order of their times, which depends on when a second ends: here they are ordered by who they are.
    fn managers(&mut self, entries: &[Value]) -> Vec<Value> {
        let mut entries: Vec<Value> = entries.iter().map(|entry| self.value(entry)).collect();
        let rank = |entry: &Value| {
            ["operation", "manager", "subresource", "apiVersion"]
                .map(|key| entry[key].as_str().unwrap_or_default().to_owned())
        };
        entries.sort_by_key(rank);
        entries
    }

    fn rows(&mut self, rows: &[Value], columns: Option<&Value>) -> Vec<Value> {
        if let Some(columns) = columns.and_then(Value::as_array) {
            self.age = columns.iter().position(|column| column["name"] == "Age");
        }
        let age = self.age;
        let mut rows: Vec<Value> = rows.iter().map(|row| self.value(row)).collect();
        for row in &mut rows {
            if let Some(cell) = age.and_then(|age| row.get_mut("cells")?.get_mut(age)) {
                *cell = "<age>".into();
            }
        }
        rows
    }
}

/// Several causes of one refusal come in whatever order Go's maps gave: here they are sorted, in the message too.
fn order_causes(status: &mut Map<String, Value>) {
    let Some(Value::Array(causes)) = status
        .get_mut("details")
        .and_then(|details| details.get_mut("causes"))
    else {
        return;
    };
    let text = |cause: &Value, key: &str| cause[key].as_str().unwrap_or_default().to_owned();
    causes.sort_by_key(|cause| (text(cause, "field"), text(cause, "message")));
    let mut parts: Vec<String> = causes
        .iter()
        .map(|cause| format!("{}: {}", text(cause, "field"), text(cause, "message")))
        .collect();
    parts.dedup();
    let Some(Value::String(message)) = status.get_mut("message") else {
        return;
    };
    if message.contains('\n') {
        let mut lines: Vec<&str> = message.lines().collect();
        lines.sort_unstable();
        *message = lines.join("\n");
    } else if let Some((head, list)) = message.split_once(": [") {
        let ordered = format!("{}]", parts.join(", "));
        if ordered.len() == list.len() {
            *message = format!("{head}: [{ordered}");
        }
    }
}

/// What a column is called and holds; its description is prose.
fn without_prose(column: &Value) -> Value {
    let mut column = column.clone();
    if let Some(description) = column.get_mut("description") {
        *description = "<text>".into();
    }
    column
}

fn without_version(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(version) = object.pointer_mut("/metadata/resourceVersion") {
        *version = "<rv>".into();
    }
    object
}

fn is_number(text: &str) -> bool {
    text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use krm::json;

    fn check(value: Value, expect: Value) {
        assert_eq!(Normal::new("abc-12345").value(&value), expect);
    }

    #[test]
    fn equal_things_stay_equal() {
        let (one, two) = (
            "11111111-1111-1111-1111-111111111111",
            "22222222-2222-2222-2222-222222222222",
        );
        check(
            json!([{"uid": one}, {"uid": two}, format!("UID: {one}"), {"resourceVersion": "17"}, {"resourceVersion": "17"}]),
            json!([{"uid": "<uid:1>"}, {"uid": "<uid:2>"}, "UID: <uid:1>", {"resourceVersion": "<rv:1>"}, {"resourceVersion": "<rv:1>"}]),
        );
    }

    #[test]
    fn times_are_masked_and_literals_kept() {
        check(
            json!([
                "2026-11-22T20:00:00Z",
                "2026-11-22T20:00:00.123456Z",
                "2020-01-01T00:00:00Z",
                "in abc-12345",
                "10.96.3.4"
            ]),
            json!([
                "<time>",
                "<microtime>",
                "2020-01-01T00:00:00Z",
                "in ${ns}",
                "<ip:1>"
            ]),
        );
    }

    #[test]
    fn generated_names_are_followed() {
        check(
            json!({"message": "made web-x7k2p", "metadata": {"generateName": "web-", "name": "web-x7k2p"}}),
            json!({"message": "made web-<name:1>", "metadata": {"generateName": "web-", "name": "web-<name:1>"}}),
        );
    }

    #[test]
    fn a_list_has_the_servers_version() {
        check(
            json!({"items": [{"metadata": {"resourceVersion": "12"}}], "metadata": {"resourceVersion": "99", "continue": "abc"}}),
            json!({"items": [{"metadata": {"resourceVersion": "<rv:1>"}}], "metadata": {"resourceVersion": "<rv>", "continue": "<continue>"}}),
        );
    }

    #[test]
    fn ages_are_masked() {
        check(
            json!({"columnDefinitions": [{"name": "Name"}, {"name": "Age"}], "rows": [{"cells": ["a", "5s"]}]}),
            json!({"columnDefinitions": [{"name": "Name"}, {"name": "Age"}], "rows": [{"cells": ["a", "<age>"]}]}),
        );
    }

    #[test]
    fn causes_are_ordered() {
        let cause = |field: &str| json!({"field": field, "message": "Required value"});
        check(
            json!({"kind": "Status", "details": {"causes": [cause("b"), cause("a")]}, "message": "x is invalid: [b: Required value, a: Required value]"}),
            json!({"kind": "Status", "details": {"causes": [cause("a"), cause("b")]}, "message": "x is invalid: [a: Required value, b: Required value]"}),
        );
    }
}
