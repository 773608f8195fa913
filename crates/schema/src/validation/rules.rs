//! Rules of built-in types from `data/rules.txt`, run by one engine.

use std::collections::HashMap;
use std::sync::OnceLock;

use krm::Value;

use super::{cross, metadata, names, print};
use crate::error::FieldError;
use crate::table::{Shape, StructId, Types, builtin};

const RULES: &str = include_str!("../../data/rules.txt");

#[derive(Debug)]
struct Rule {
    path: Vec<String>,
    /// Whether every item of the list at the path is judged.
    each: bool,
    /// Whether the Go field is a pointer, so that zero is a value.
    pointer: bool,
    shape: Shape,
    /// Whether zero is judged, too.
    needed: bool,
    check: Check,
    when: Vec<Condition>,
}

#[derive(Debug)]
enum Check {
    Required(String),
    NonEmpty(String),
    OneOf(Vec<String>),
    Name(fn(&str) -> Vec<String>),
    Port,
    PortOrName,
    ConfigKeys,
    Labels,
    Min(i64),
    Positive(String),
    IntOrPercent,
    Unique(String),
    Immutable(String),
}

#[derive(Debug)]
enum Condition {
    Is(Vec<String>, String),
    Set(Vec<String>),
    Unset(Vec<String>),
}

/// Judges an object of a type; with `old`, also what may not change.
pub(crate) fn validate(
    types: &Types,
    id: StructId,
    new: &Value,
    old: Option<&Value>,
) -> Vec<FieldError> {
    let mut judge = Judge {
        types,
        errors: Vec::new(),
    };
    judge.walk(id, "", new, old);
    judge.errors
}

struct Judge<'t> {
    types: &'t Types,
    errors: Vec<FieldError>,
}

impl Judge<'_> {
    fn walk(&mut self, id: StructId, path: &str, new: &Value, old: Option<&Value>) {
        let of = self.types.get(id);
        for rule in rules().get(&id).map_or(&[][..], Vec::as_slice) {
            if rule.when.iter().all(|condition| holds(condition, new)) {
                self.run(rule, path, new, old);
            }
        }
        cross::validate(&of.name, path, new, &mut self.errors);
        if cross::stops(&of.name, new) {
            return;
        }
        for field in &of.fields {
            let skipped = path.is_empty() && matches!(field.name.as_str(), "metadata" | "status");
            let Some(value) = new.get(&field.name).filter(|_| !skipped) else {
                continue;
            };
            self.descend(&field.shape, &join(path, &field.name), value);
        }
    }

    fn descend(&mut self, shape: &Shape, path: &str, value: &Value) {
        match (shape.target(), value) {
            (Shape::Struct(id), Value::Object(_)) => self.walk(*id, path, value, None),
            (Shape::List(item), Value::Array(items)) => {
                for (at, value) in items.iter().enumerate() {
                    self.descend(item, &format!("{path}[{at}]"), value);
                }
            }
            (Shape::Map(item), Value::Object(map)) => {
                for (key, value) in map {
                    self.descend(item, &format!("{path}[{key}]"), value);
                }
            }
            _ => {}
        }
    }

    fn run(&mut self, rule: &Rule, path: &str, new: &Value, old: Option<&Value>) {
        let value = at(new, &rule.path);
        let path = rule
            .path
            .iter()
            .fold(path.to_owned(), |path, name| join(&path, name));
        if let Check::Immutable(detail) = &rule.check {
            if old.is_some_and(|old| at(old, &rule.path) != value) {
                let shown = print::shaped(self.types, &rule.shape, value);
                self.errors
                    .push(FieldError::invalid_printed(path, &shown, detail));
            }
            return;
        }
        if !rule.each {
            return self.judge(rule, &path, value);
        }
        for (at, item) in value.as_array().into_iter().flatten().enumerate() {
            self.judge(rule, &format!("{path}[{at}]"), item);
        }
    }

    fn judge(&mut self, rule: &Rule, path: &str, value: &Value) {
        let unset = unset(value, rule.pointer);
        match &rule.check {
            Check::Required(detail) | Check::NonEmpty(detail) if unset => {
                self.errors.push(FieldError::required(path, detail));
            }
            Check::OneOf(values) if !unset || values.len() == 1 => {
                let found = if value.is_null() {
                    Value::from("")
                } else {
                    value.clone()
                };
                if !values.iter().any(|v| found.as_str() == Some(v)) {
                    self.errors
                        .push(FieldError::not_supported(path, &found, values));
                }
            }
            _ if unset && !rule.needed => {}
            Check::Name(check) => {
                for text in texts(value) {
                    self.invalid(path, &Value::from(text), check(text));
                }
            }
            Check::Port => {
                self.invalid(path, value, names::port_number(value.as_i64().unwrap_or(0)))
            }
            Check::PortOrName => {
                let errors = match value.as_str() {
                    Some(name) => names::port_name(name),
                    None => names::port_number(value.as_i64().unwrap_or(0)),
                };
                self.invalid(path, value, errors);
            }
            Check::ConfigKeys => {
                for key in value.as_object().into_iter().flat_map(|map| map.keys()) {
                    self.invalid(
                        &format!("{path}[{key}]"),
                        &Value::from(key.as_str()),
                        names::config_key(key),
                    );
                }
            }
            Check::Labels => metadata::labels(path, value, &mut self.errors),
            Check::Min(min) if value.as_i64().is_some_and(|n| n < *min) => {
                self.invalid(
                    path,
                    value,
                    vec![format!("must be greater than or equal to {min}")],
                );
            }
            Check::Positive(detail) if value.as_i64().is_some_and(|n| n <= 0) => {
                self.invalid(path, value, vec![detail.clone()]);
            }
            Check::IntOrPercent => self.int_or_percent(path, value),
            Check::Unique(key) => self.unique(path, value, key),
            _ => {}
        }
    }

    fn int_or_percent(&mut self, path: &str, value: &Value) {
        match value.as_str() {
            Some(text) => {
                let digits = text
                    .strip_suffix('%')
                    .filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
                if digits.is_none() {
                    let detail = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
                    self.invalid(path, value, vec![detail.to_owned()]);
                }
            }
            None if value.as_i64().is_some_and(|n| n < 0) => {
                self.invalid(
                    path,
                    value,
                    vec!["must be greater than or equal to 0".to_owned()],
                );
            }
            None => {}
        }
    }

    fn unique(&mut self, path: &str, value: &Value, key: &str) {
        let items = value.as_array().map_or(&[][..], Vec::as_slice);
        for (at, item) in items.iter().enumerate() {
            let name = &item[key];
            if !unset(name, false) && items[..at].iter().any(|other| other[key] == *name) {
                self.errors
                    .push(FieldError::duplicate(format!("{path}[{at}].{key}"), name));
            }
        }
    }

    fn invalid(&mut self, path: &str, value: &Value, messages: Vec<String>) {
        for message in messages {
            self.errors.push(FieldError::invalid(path, value, &message));
        }
    }
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn at<'v>(value: &'v Value, path: &[String]) -> &'v Value {
    path.iter().fold(value, |value, name| &value[name.as_str()])
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether Go sees the field as not set.
pub(super) fn unset(value: &Value, pointer: bool) -> bool {
    match value {
        Value::Null => true,
        _ if pointer => false,
        Value::String(text) => text.is_empty(),
        Value::Number(n) => n.as_f64() == Some(0.0),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(b) => !b,
    }
}

fn holds(condition: &Condition, value: &Value) -> bool {
    match condition {
        Condition::Is(path, expect) => at(value, path).as_str() == Some(expect),
        Condition::Set(path) => !at(value, path).is_null(),
        Condition::Unset(path) => unset(at(value, path), false),
    }
}

fn rules() -> &'static HashMap<StructId, Vec<Rule>> {
    static PARSED: OnceLock<HashMap<StructId, Vec<Rule>>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let mut out: HashMap<StructId, Vec<Rule>> = HashMap::new();
        for line in RULES
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            // Lines that do not parse are found by a test.
            if let Some((id, rule)) = parse(line) {
                out.entry(id).or_default().push(rule);
            }
        }
        out
    })
}

fn parse(line: &str) -> Option<(StructId, Rule)> {
    let types = builtin();
    let (head, when) = line.split_once(" when ").unwrap_or((line, ""));
    let mut words = head.splitn(4, ' ');
    let id = types.named_short(words.next()?)?;
    let path = words.next()?;
    let each = path.ends_with("[]");
    let path = split(path.trim_end_matches("[]"));
    let word = words.next()?;
    let needed = word.ends_with('!');
    let check = check(word.trim_end_matches('!'), words.next().unwrap_or(""))?;
    let shape = types.shape_at(id, &path)?.clone();
    let pointer = matches!(shape, Shape::Pointer(_));
    let when = when.split_whitespace().map(condition).collect();
    Some((
        id,
        Rule {
            path,
            each,
            pointer,
            shape,
            needed,
            check,
            when,
        },
    ))
}

fn check(name: &str, rest: &str) -> Option<Check> {
    Some(match name {
        "required" => Check::Required(rest.to_owned()),
        "nonempty" => Check::NonEmpty(rest.to_owned()),
        "one-of" => Check::OneOf(rest.split('|').map(str::to_owned).collect()),
        "label" => Check::Name(names::dns_label),
        "subdomain" => Check::Name(names::dns_subdomain),
        "dns1035" => Check::Name(names::dns1035_label),
        "path-segment" => Check::Name(names::path_segment),
        "qualified" => Check::Name(names::qualified),
        "port-name" => Check::Name(names::port_name),
        "env" => Check::Name(names::env_name),
        "port" => Check::Port,
        "port-or-name" => Check::PortOrName,
        "config-keys" => Check::ConfigKeys,
        "labels" => Check::Labels,
        "min" => Check::Min(rest.parse().ok()?),
        "positive" => Check::Positive(rest.to_owned()),
        "int-or-percent" => Check::IntOrPercent,
        "unique" => Check::Unique(rest.to_owned()),
        "immutable" if rest.is_empty() => Check::Immutable("field is immutable".to_owned()),
        "immutable" => Check::Immutable(rest.to_owned()),
        _ => return None,
    })
}

fn split(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

fn condition(text: &str) -> Condition {
    if let Some(path) = text.strip_prefix('!') {
        return Condition::Unset(split(path));
    }
    match text.split_once('=') {
        Some((path, value)) => Condition::Is(split(path), value.to_owned()),
        None => Condition::Set(split(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_names_a_field() {
        for line in RULES
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            assert!(parse(line).is_some(), "{line}");
        }
    }
}
