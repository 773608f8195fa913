//! Judges an object by a schema, in the words of upstream's validator.

use krm::Value;

use super::{Additional, Schema, format};
use crate::error::{FieldError, go_quote, print};

/// Judges a value. With `old`, what has not changed is left alone (ratcheting).
///
/// `path` is where the value stands in the object, empty for the object itself.
pub fn validate(
    path: &str,
    value: &Value,
    old: Option<&Value>,
    schema: &Schema,
) -> Vec<FieldError> {
    node(
        schema,
        At {
            path: String::new(),
            prefix: path,
        },
        value,
        old,
    )
    .errors
}

/// What a node came to: errors, and how many checks held (which decides whose errors of several are shown).
#[derive(Default)]
struct Outcome {
    errors: Vec<FieldError>,
    matched: usize,
}

impl Outcome {
    fn merge(&mut self, other: Self) {
        self.errors.extend(other.errors);
        self.matched += other.matched;
    }
}

/// Where a value stands: upstream's messages know the path below the validated value, its errors the whole one.
#[derive(Clone)]
struct At<'p> {
    path: String,
    prefix: &'p str,
}

impl At<'_> {
    fn child(&self, key: &str) -> Self {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        Self {
            path,
            prefix: self.prefix,
        }
    }

    /// Below `additionalProperties`, where upstream always writes the dot.
    fn dotted(&self, key: &str) -> Self {
        Self {
            path: format!("{}.{key}", self.path),
            prefix: self.prefix,
        }
    }

    fn item(&self, index: usize) -> Self {
        Self {
            path: format!("{}[{index}]", self.path),
            prefix: self.prefix,
        }
    }

    /// The path of a field error.
    fn field(&self) -> String {
        let below = self.path.strip_prefix('.').unwrap_or(&self.path);
        match (self.prefix, below) {
            ("", "") => "<nil>".to_owned(),
            ("", below) => below.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, below) => format!("{prefix}.{below}"),
        }
    }

    /// `path in body should …`.
    fn says(&self, what: &str) -> String {
        format!("{} in body {what}", self.path)
    }
}

fn node(schema: &Schema, at: At<'_>, value: &Value, old: Option<&Value>) -> Outcome {
    if old == Some(value) {
        return Outcome {
            errors: Vec::new(),
            matched: 1,
        };
    }
    let mut out = Outcome::default();
    if value.is_null() {
        out.merge(type_of(schema, &at, value));
        out.merge(one_of_values(schema, &at, value));
        return out;
    }
    if !schema.type_.is_empty() || schema.int_or_string || !known_format(schema).is_empty() {
        out.merge(type_of(schema, &at, value));
        out.matched += 1;
    }
    out.merge(junctors(schema, &at, value, old));
    out.matched += 1;
    match value {
        Value::String(text) => {
            out.errors.extend(string(schema, &at, text));
            out.matched += 1;
            let format = known_format(schema);
            if let Some(holds) = format::holds(format, text) {
                if !holds {
                    let detail = at.says(&format!("must be of type {format}: {}", go_quote(text)));
                    out.errors
                        .push(FieldError::type_invalid(at.field(), value, &detail));
                }
                out.matched += 1;
            }
        }
        Value::Number(_) => {
            out.errors.extend(number(schema, &at, value));
            out.matched += 2;
        }
        Value::Array(items) => {
            out.merge(array(schema, &at, items, old));
            out.matched += 2;
        }
        _ => {}
    }
    out.merge(one_of_values(schema, &at, value));
    out.matched += 1;
    if let Value::Object(_) = value {
        out.merge(object(schema, &at, value, old));
        out.matched += 1;
    }
    out.matched += 1;
    out
}

/// The format, where the server knows it for this type.
fn known_format(schema: &Schema) -> &str {
    let format = schema.format.as_str();
    let known = match schema.type_.as_str() {
        "" | "string" => format::holds(format, "").is_some(),
        "integer" => matches!(format, "int32" | "int64"),
        "number" => matches!(format, "float" | "double"),
        _ => false,
    };
    if known { format } else { "" }
}

fn type_of(schema: &Schema, at: &At<'_>, value: &Value) -> Outcome {
    let wanted = if schema.int_or_string {
        "integer,string"
    } else {
        schema.type_.as_str()
    };
    let fail = |wanted: &str, found: &str| {
        let detail = at.says(&format!("must be of type {wanted}: {}", go_quote(found)));
        Outcome {
            errors: vec![FieldError::type_invalid(
                at.field(),
                &Value::from(found),
                &detail,
            )],
            matched: 0,
        }
    };
    let held = Outcome {
        errors: Vec::new(),
        matched: 1,
    };
    let (found, found_format) = match value {
        Value::Null if !wanted.is_empty() && !schema.nullable => return fail(wanted, "null"),
        Value::Null => return held,
        Value::Bool(_) => ("boolean", ""),
        Value::Number(n) if n.is_f64() => ("number", "float64"),
        Value::Number(_) => ("integer", "int64"),
        Value::String(_) => ("string", ""),
        Value::Array(_) => ("array", ""),
        Value::Object(_) => ("object", ""),
    };
    let whole = value.as_f64().is_some_and(|f| f.fract() == 0.0);
    let contains = |name: &str| wanted.split(',').any(|w| w == name);
    let fits = contains(found)
        || (found == "number" && whole && contains("integer"))
        || (found == "integer" && contains("number"));
    let format = known_format(schema);
    let plain = matches!(value, Value::String(_) | Value::Array(_));
    if !plain && !format.is_empty() && !fits && format != found_format {
        return fail(format, found_format);
    }
    if !contains("number") && !contains("integer") && !format.is_empty() && plain {
        return held;
    }
    if wanted.is_empty() || fits {
        held
    } else {
        fail(wanted, found)
    }
}

fn one_of_values(schema: &Schema, at: &At<'_>, value: &Value) -> Outcome {
    let mut out = Outcome::default();
    if let Some(values) = schema.values.as_ref().filter(|v| !v.is_empty()) {
        let same =
            |allowed: &Value| allowed == value && !value.is_null() || numbers_equal(allowed, value);
        if !values.iter().any(same) {
            let names: Vec<String> = values
                .iter()
                .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
                .collect();
            out.errors
                .push(FieldError::not_supported(at.field(), value, &names));
        }
    }
    out
}

fn numbers_equal(a: &Value, b: &Value) -> bool {
    a.is_number() && b.is_number() && a.as_f64() == b.as_f64()
}

/// `anyOf`, `oneOf`, `allOf`, `not`.
fn junctors(schema: &Schema, at: &At<'_>, value: &Value, old: Option<&Value>) -> Outcome {
    let mut out = Outcome {
        errors: Vec::new(),
        matched: 1,
    };
    let plain = |text: String| FieldError::invalid(at.prefix_or_nil(), &Value::from(""), &text);
    let results = |schemas: &[Schema]| -> Vec<Outcome> {
        schemas
            .iter()
            .map(|s| node(s, at.clone(), value, old))
            .collect()
    };
    let path = go_quote(&at.path);
    if !schema.any_of.is_empty() {
        let (mut valid, failed): (Vec<_>, Vec<_>) = results(&schema.any_of)
            .into_iter()
            .partition(|r| r.errors.is_empty());
        if valid.is_empty() {
            out.errors.push(plain(format!(
                "{path} must validate at least one schema (anyOf)"
            )));
            out.merge(best(failed));
        } else {
            out.merge(valid.swap_remove(0));
        }
    }
    if !schema.one_of.is_empty() {
        let all = results(&schema.one_of);
        let valid = all.iter().filter(|r| r.errors.is_empty()).count();
        match valid {
            1 => out.merge(
                all.into_iter()
                    .find(|r| r.errors.is_empty())
                    .unwrap_or_default(),
            ),
            0 => {
                out.errors.push(plain(format!(
                    "{path} must validate one and only one schema (oneOf). Found none valid"
                )));
                out.merge(best(all));
            }
            n => out.errors.push(plain(format!(
                "{path} must validate one and only one schema (oneOf). Found {n} valid alternatives"
            ))),
        }
    }
    if !schema.all_of.is_empty() {
        let all = results(&schema.all_of);
        let valid = all.iter().filter(|r| r.errors.is_empty()).count();
        let complete = valid == all.len();
        for result in all {
            out.merge(result);
        }
        if !complete {
            let none = if valid == 0 { ". None validated" } else { "" };
            out.errors.push(plain(format!(
                "{path} must validate all the schemas (allOf){none}"
            )));
        }
    }
    if let Some(not) = &schema.not
        && node(not, at.clone(), value, old).errors.is_empty()
    {
        out.errors
            .push(plain(format!("{path} must not validate the schema (not)")));
    }
    out
}

impl At<'_> {
    /// The path of errors that upstream's validator gives no name.
    fn prefix_or_nil(&self) -> String {
        if self.prefix.is_empty() {
            "<nil>".to_owned()
        } else {
            self.prefix.to_owned()
        }
    }
}

/// The failure with the most checks that held, the first of equals.
fn best(failed: Vec<Outcome>) -> Outcome {
    let mut best: Option<Outcome> = None;
    for outcome in failed {
        if best.as_ref().is_none_or(|b| outcome.matched > b.matched) {
            best = Some(outcome);
        }
    }
    best.unwrap_or_default()
}

fn string(schema: &Schema, at: &At<'_>, text: &str) -> Option<FieldError> {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let value = Value::from(text);
    if let Some(max) = schema.length.max.filter(|max| length > *max) {
        return Some(FieldError::too_long(
            at.field(),
            usize::try_from(max).unwrap_or_default(),
        ));
    }
    if let Some(min) = schema.length.min.filter(|min| length < *min) {
        let detail = at.says(&format!("should be at least {min} chars long"));
        return Some(FieldError::invalid(at.field(), &value, &detail));
    }
    let pattern = schema.pattern.as_ref().filter(|p| !p.matches(text))?;
    let detail = at.says(&format!("should match '{}'", pattern.source));
    Some(FieldError::invalid(at.field(), &value, &detail))
}

fn number(schema: &Schema, at: &At<'_>, value: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let n = value.as_f64().unwrap_or_default();
    let limits = &schema.number;
    if let Some(detail) = out_of_range(schema, at, value) {
        errors.push(FieldError::invalid(
            at.prefix_or_nil(),
            &Value::from(""),
            &detail,
        ));
    }
    let mut fail =
        |what: String| errors.push(FieldError::invalid(at.field(), value, &at.says(&what)));
    if let Some(factor) = limits.multiple_of {
        let times = if factor < 1.0 {
            n * (1.0 / factor)
        } else {
            n / factor
        };
        if times.fract() != 0.0 {
            fail(format!("should be a multiple of {factor}"));
        }
    }
    if let Some(min) = limits.min {
        match limits.above_min {
            true if n <= min => fail(format!("should be greater than {min}")),
            false if n < min => fail(format!("should be greater than or equal to {min}")),
            _ => {}
        }
    }
    if let Some(max) = limits.max {
        match limits.below_max {
            true if n >= max => fail(format!("should be less than {max}")),
            false if n > max => fail(format!("should be less than or equal to {max}")),
            _ => {}
        }
    }
    errors
}

/// What upstream says of a number that its integer type cannot hold.
fn out_of_range(schema: &Schema, at: &At<'_>, value: &Value) -> Option<String> {
    if schema.type_ != "integer" || schema.int_or_string {
        return None;
    }
    let format = known_format(schema);
    let whole = value.as_i64().or_else(|| {
        let whole = value
            .as_f64()
            .filter(|f| f.fract() == 0.0 && f.abs() < 9e15)?;
        format!("{whole}").parse().ok()
    });
    let holds = whole.is_some_and(|n| format != "int32" || i32::try_from(n).is_ok());
    let kind = if format.is_empty() {
        "(default format)".to_owned()
    } else {
        format!("with format {format}")
    };
    (!holds).then(|| {
        format!(
            "Checked value must be of type integer {kind} in {}",
            at.path
        )
    })
}

fn array(schema: &Schema, at: &At<'_>, items: &[Value], old: Option<&Value>) -> Outcome {
    let mut out = Outcome {
        errors: Vec::new(),
        matched: 1,
    };
    if let Some(of) = schema.items.as_deref() {
        for (index, item) in items.iter().enumerate() {
            out.merge(node(of, at.item(index), item, same_item(schema, item, old)));
        }
    }
    let size = i64::try_from(items.len()).unwrap_or(i64::MAX);
    if let Some(min) = schema.count.min.filter(|min| size < *min) {
        let detail = at.says(&format!("should have at least {min} items"));
        out.errors
            .push(FieldError::invalid(at.field(), &Value::from(size), &detail));
    }
    if let Some(max) = schema.count.max.filter(|max| size > *max) {
        out.errors.push(FieldError::too_many(
            at.field(),
            items.len(),
            usize::try_from(max).unwrap_or_default(),
        ));
    }
    out
}

/// What stood in the old list under the same keys.
fn same_item<'v>(schema: &Schema, item: &Value, old: Option<&'v Value>) -> Option<&'v Value> {
    if schema.list_type.as_deref() != Some("map") {
        return None;
    }
    let keys = &schema.list_keys;
    old?.as_array()?
        .iter()
        .find(|other| keys.iter().all(|key| other.get(key) == item.get(key)))
}

fn object(schema: &Schema, at: &At<'_>, value: &Value, old: Option<&Value>) -> Outcome {
    let mut out = Outcome::default();
    let Value::Object(map) = value else {
        return out;
    };
    let size = i64::try_from(map.len()).unwrap_or(i64::MAX);
    if let Some(min) = schema.size.min.filter(|min| size < *min) {
        let detail = at.says(&format!("should have at least {min} properties"));
        out.errors
            .push(FieldError::invalid(at.field(), &Value::from(size), &detail));
    }
    if let Some(max) = schema.size.max.filter(|max| size > *max) {
        out.errors.push(FieldError::too_many(
            at.field(),
            map.len(),
            usize::try_from(max).unwrap_or_default(),
        ));
    }
    let before = |key: &str| old.and_then(|old| old.get(key));
    for (key, value) in map
        .iter()
        .filter(|(key, _)| !schema.properties.contains_key(*key))
    {
        match &schema.additional {
            Some(Additional::Schema(of)) => out.merge(node(of, at.dotted(key), value, before(key))),
            Some(Additional::Allowed(false)) => {
                let detail = format!("{}.{key} in body is a forbidden property", at.path);
                out.errors.push(FieldError::invalid_printed(
                    at.field(),
                    &print(&Value::from(key.as_str())),
                    &detail,
                ));
            }
            _ => {}
        }
    }
    for (name, property) in &schema.properties {
        if let Some(value) = map.get(name) {
            out.merge(node(property, at.child(name), value, before(name)));
        }
    }
    for name in schema
        .required
        .iter()
        .filter(|name| !map.contains_key(*name))
    {
        out.errors
            .push(FieldError::required(at.dotted(name).field(), ""));
    }
    out
}
