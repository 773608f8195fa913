//! Bodies are written as YAML and sent as JSON.

use granit_parser::{Event, Parser, ScalarStyle};
use krm::{Map, Value};

use crate::target::BoxError;

/// The one document in `text`.
pub(crate) fn to_json(text: &str) -> Result<Value, BoxError> {
    let mut events = Vec::new();
    for next in Parser::new_from_str(text) {
        let (event, _) = next?;
        if matches!(
            event,
            Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd
        ) {
            events.push(event);
        }
    }
    let mut events = events.into_iter();
    let first = events.next().ok_or("an empty body")?;
    node(first, &mut events)
}

fn node<'a>(
    event: Event<'a>,
    rest: &mut impl Iterator<Item = Event<'a>>,
) -> Result<Value, BoxError> {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) => Ok(plain(&text)),
        Event::Scalar(text, ..) => Ok(Value::String(text.into_owned())),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match rest.next().ok_or("a list that does not end")? {
                    Event::SequenceEnd => return Ok(Value::Array(items)),
                    event => items.push(node(event, rest)?),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut map = Map::new();
            loop {
                let key = match rest.next().ok_or("a mapping that does not end")? {
                    Event::MappingEnd => return Ok(Value::Object(map)),
                    Event::Scalar(text, ..) => text.into_owned(),
                    _ => return Err("a key that is not a string".into()),
                };
                let value = rest.next().ok_or("a key without a value")?;
                map.insert(key, node(value, rest)?);
            }
        }
        _ => Err("not a value".into()),
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        other if other.starts_with(|first: char| first.is_ascii_digit() || first == '-') => {
            serde_json::from_str(other).unwrap_or_else(|_| other.into())
        }
        other => other.into(),
    }
}
