//! Post-build substitution: variables in an object's YAML text.

use std::collections::{BTreeMap, BTreeSet};

use krm::yaml::{self, Dialect, Duplicates, go_number};
use krm::{Object, Value};

use super::expand::{self, Problem};

const SWITCH: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// Variables and how to use them.
#[derive(Clone, Debug)]
pub struct Substitution {
    vars: BTreeMap<String, String>,
    undefined: Undefined,
    when: When,
}

/// What a variable without value and default is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undefined {
    /// An error: the strict mode that Flux has by default since 2.9.
    Refused,
    /// Empty text.
    Empty,
}

/// When to substitute at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Only with at least one variable.
    WithVariables,
    /// Always, so that defaults count.
    Always,
}

/// A substitution that failed. The message is upstream's; [`SubstitutionError::hint`] says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("post build failed for '{object}': {message}")]
pub struct SubstitutionError {
    /// The object's name.
    pub object: String,
    /// The object's kind.
    pub kind: String,
    /// The variable, where it is about one.
    pub variable: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl SubstitutionError {
    /// What somebody can do about an undefined variable.
    pub fn hint(&self) -> Option<String> {
        let name = self.variable.as_deref()?;
        Some(format!(
            "set {name} in postBuild, give it a default with ${{{name}:=value}}, or keep the text as it is with $${{{name}}}"
        ))
    }
}

impl Substitution {
    /// Variables from their sources in order, later ones over earlier ones; line breaks are taken out of the values.
    ///
    /// # Errors
    /// The first name that is none, as a message.
    pub fn new<'a>(
        vars: impl IntoIterator<Item = (&'a str, &'a str)>,
        undefined: Undefined,
        when: When,
    ) -> Result<Self, String> {
        let vars: BTreeMap<String, String> = vars
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.replace('\n', "")))
            .collect();
        if let Some(name) = vars.keys().find(|name| !is_name(name)) {
            return Err(format!(
                "'{name}' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'"
            ));
        }
        Ok(Self {
            vars,
            undefined,
            when,
        })
    }

    /// Substitutes in an object, unless a label or annotation switches it off there.
    ///
    /// The object's YAML is the text: quotes that were only needed before do not survive, so `"${n}"` with 12 becomes a number.
    ///
    /// # Errors
    /// Undefined variables, expressions that are none, and a result that is no YAML or no object.
    pub fn apply(&self, object: Object) -> Result<Object, SubstitutionError> {
        let off = |value: Option<&str>| value == Some("disabled");
        let idle = self.when == When::WithVariables && self.vars.is_empty();
        if idle || off(object.label(SWITCH)) || off(object.annotation(SWITCH)) {
            return Ok(object);
        }
        let failed = |variable: Option<String>, message: String| SubstitutionError {
            object: object.name().into(),
            kind: object.kind().into(),
            variable,
            message,
        };
        let text = yaml::emit(&object.to_value());
        let lookup = |name: &str| match (self.vars.get(name), self.undefined) {
            (Some(value), _) => Some(value.clone()),
            (None, Undefined::Empty) => Some(String::new()),
            (None, Undefined::Refused) => None,
        };
        let text = expand::expand(&text, &lookup).map_err(|problem| {
            let variable = match &problem {
                Problem::NotSet(name) => Some(name.clone()),
                _ => None,
            };
            failed(
                variable,
                format!("envsubst error: variable substitution failed: {problem}"),
            )
        })?;
        let value = read(&text).map_err(|error| {
            let line = text
                .lines()
                .nth(error.line.saturating_sub(1))
                .unwrap_or_default();
            let message = format!(
                "envsubst error: YAMLToJSON: yaml: line {}: {} (in {line:?})",
                error.line, error.message
            );
            failed(None, message)
        })?;
        Object::try_from(value).map_err(|error| failed(None, format!("UnmarshalJSON: {error}")))
    }

    /// The names that are defined.
    pub fn names(&self) -> BTreeSet<&str> {
        self.vars.keys().map(String::as_str).collect()
    }
}

/// Reads the text as `sigs.k8s.io/yaml` does, and its numbers as Go reads JSON: as floats.
fn read(text: &str) -> Result<Value, yaml::Error> {
    let limits = yaml::Limits {
        duplicates: Duplicates::LastWins,
        ..yaml::Limits::default()
    };
    let document = yaml::parse_first(text, &limits)?;
    let mut value =
        document.map_or(Ok(Value::Null), |document| document.to_value(Dialect::Sigs))?;
    through_floats(&mut value);
    Ok(value)
}

fn through_floats(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(float) = number.as_f64().and_then(go_number) {
                *number = float;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(through_floats),
        Value::Object(map) => map.values_mut().for_each(through_floats),
        _ => {}
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|byte| byte == b'_' || byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}
