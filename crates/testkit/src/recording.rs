//! What a server answered to a script, and how two of them differ.

use std::fmt;

use krm::{Map, Value};
use thiserror::Error;

use crate::script::Script;

/// The answers to a script, normalised, in the order of its steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording(pub Vec<Answer>);

/// One answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The step it belongs to.
    pub step: String,
    /// The status code.
    pub code: u16,
    /// Media type, when it is not JSON.
    pub media_type: String,
    /// `Warning` headers.
    pub warnings: Vec<String>,
    /// The body: a document, a text, or the documents of a stream; null for none.
    pub body: Value,
}

/// A place where two servers did not behave alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The step.
    pub step: String,
    /// Where in its answer, and both sides.
    pub place: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.place)
    }
}

/// A recording that cannot be read.
#[derive(Debug, Error)]
#[error("a recording is a list of answers: {0}")]
pub struct NotARecording(String);

impl Recording {
    /// The committed form: JSON with a line per answer.
    pub fn to_text(&self) -> String {
        let lines: Vec<String> = self
            .0
            .iter()
            .map(|answer| answer.to_value().to_string())
            .collect();
        format!("[\n{}\n]\n", lines.join(",\n"))
    }

    /// Reads the committed form.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(text: &str) -> Result<Self, NotARecording> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| NotARecording(error.to_string()))?;
        let answers = value
            .as_array()
            .ok_or_else(|| NotARecording("not a list".to_owned()))?;
        Ok(Self(answers.iter().map(Answer::from_value).collect()))
    }

    /// Steps whose code is not the one the script expects.
    pub fn unexpected(&self, script: &Script) -> Vec<String> {
        let steps = script.steps.iter().zip(&self.0);
        steps
            .filter(|(step, answer)| step.code != answer.code)
            .map(|(step, answer)| {
                format!(
                    "line {} ({}): expected {}, got {} {}",
                    step.line, step.title, step.code, answer.code, answer.body
                )
            })
            .collect()
    }

    /// Every place where `actual` is not as recorded here; empty when they are equal.
    pub fn differences(&self, actual: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        for expected in &self.0 {
            let mut places = Vec::new();
            match actual.0.iter().find(|answer| answer.step == expected.step) {
                Some(actual) => compare("", &expected.to_value(), &actual.to_value(), &mut places),
                None => places.push("not played".to_owned()),
            }
            let step = &expected.step;
            found.extend(places.into_iter().map(|place| Difference {
                step: step.clone(),
                place,
            }));
        }
        for actual in &actual.0 {
            if !self.0.iter().any(|answer| answer.step == actual.step) {
                let step = actual.step.clone();
                found.push(Difference {
                    step,
                    place: "not recorded".to_owned(),
                });
            }
        }
        found
    }
}

impl Answer {
    fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("step".to_owned(), self.step.as_str().into());
        map.insert("code".to_owned(), self.code.into());
        if !self.media_type.is_empty() {
            map.insert("mediaType".to_owned(), self.media_type.as_str().into());
        }
        if !self.warnings.is_empty() {
            map.insert("warnings".to_owned(), self.warnings.clone().into());
        }
        if !self.body.is_null() {
            map.insert("body".to_owned(), self.body.clone());
        }
        Value::Object(map)
    }

    fn from_value(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let warnings = value["warnings"].as_array().into_iter().flatten();
        Self {
            step: text("step"),
            code: value["code"]
                .as_u64()
                .and_then(|code| code.try_into().ok())
                .unwrap_or_default(),
            media_type: text("mediaType"),
            warnings: warnings
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            body: value["body"].clone(),
        }
    }
}

/// Collects the places where two documents differ, as JSON pointers with both sides.
fn compare(place: &str, expected: &Value, actual: &Value, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(left), Value::Object(right)) => {
            for (key, expected) in left {
                let place = format!("{place}/{key}");
                match right.get(key) {
                    Some(actual) => compare(&place, expected, actual, found),
                    None => found.push(format!("{place} is missing, expected {}", short(expected))),
                }
            }
            for (key, actual) in right.iter().filter(|(key, _)| !left.contains_key(*key)) {
                found.push(format!(
                    "{place}/{key} is {}, expected nothing",
                    short(actual)
                ));
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (expected, actual)) in left.iter().zip(right).enumerate() {
                compare(&format!("{place}/{index}"), expected, actual, found);
            }
        }
        _ if expected != actual => {
            found.push(format!(
                "{place} is {}, expected {}",
                short(actual),
                short(expected)
            ));
        }
        _ => {}
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(600) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use krm::json;

    fn recording(body: Value) -> Recording {
        Recording(vec![Answer {
            step: "a".to_owned(),
            code: 200,
            body,
            ..Answer::default()
        }])
    }

    fn check(expected: Value, actual: Value, places: &[&str]) {
        let found = recording(expected).differences(&recording(actual));
        let found: Vec<String> = found.iter().map(Difference::to_string).collect();
        assert_eq!(found, places);
    }

    #[test]
    fn survives_being_written() {
        let mut one = recording(json!({"x": [1, "é"]}));
        one.0[0].warnings = vec!["299 - \"w\"".to_owned()];
        assert_eq!(Recording::parse(&one.to_text()).unwrap(), one);
    }

    #[test]
    fn names_the_places() {
        check(json!({"x": 1}), json!({"x": 1}), &[]);
        check(
            json!({"x": [1, 2]}),
            json!({"x": [1, 3]}),
            &["a: /body/x/1 is 3, expected 2"],
        );
        check(
            json!({"x": 1}),
            json!({"y": 1}),
            &[
                "a: /body/x is missing, expected 1",
                "a: /body/y is 1, expected nothing",
            ],
        );
    }
}
