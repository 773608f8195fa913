//! From nodes to JSON, and back.

use base64::Engine as _;
use serde_json::{Map, Number, Value};

use super::resolve::{self, Meaning};
use super::{Dialect, Error, Kind, Mark, Node, Scalar, Style, Tag, float};

impl Node {
    /// The node as JSON.
    ///
    /// # Errors
    /// What JSON or the dialect cannot hold: infinities, keys that are no scalars, tags that do not fit.
    pub fn to_value(&self, dialect: Dialect) -> Result<Value, Error> {
        match &self.kind {
            Kind::Scalar(scalar) => meaning(scalar, self.mark, dialect),
            Kind::List(items) => items.iter().map(|item| item.to_value(dialect)).collect(),
            Kind::Map(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    map.insert(name(key, dialect)?, value.to_value(dialect)?);
                }
                Ok(Value::Object(map))
            }
        }
    }

    /// A node that reads as `value` in every dialect.
    pub fn from_value(value: &Value) -> Self {
        let typed = |tag, text: String| {
            Self::new(Kind::Scalar(Scalar {
                tag,
                ..Scalar::plain(text)
            }))
        };
        match value {
            Value::Null => typed(Tag::Null, "null".into()),
            Value::Bool(flag) => typed(Tag::Bool, flag.to_string()),
            Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
                Some(float) => typed(Tag::Float, float::shortest(float)),
                None => typed(Tag::Int, number.to_string()),
            },
            Value::String(text) => Self::string(text.as_str()),
            Value::Array(items) => {
                Self::new(Kind::List(items.iter().map(Self::from_value).collect()))
            }
            Value::Object(map) => {
                let entries = map.iter();
                let entries = entries
                    .map(|(key, value)| (Self::string(key.as_str()), Self::from_value(value)));
                Self::new(Kind::Map(entries.collect()))
            }
        }
    }
}

fn meaning(scalar: &Scalar, mark: Mark, dialect: Dialect) -> Result<Value, Error> {
    match dialect {
        Dialect::Kyaml => kyaml(scalar, mark),
        Dialect::Sigs => sigs(scalar, mark),
    }
}

/// What kyaml reads back after it wrote the scalar: a tag is written only where the content would not resolve to it.
fn kyaml(scalar: &Scalar, mark: Mark) -> Result<Value, Error> {
    let text = || Value::String(scalar.text.clone());
    let plain = scalar.style == Style::Plain && !scalar.text.contains('\n');
    match scalar.tag {
        Tag::Str | Tag::Other => Ok(text()),
        Tag::Unset if plain => json(resolve::kyaml(&scalar.text), scalar, mark),
        Tag::Unset => Ok(text()),
        tag => {
            let meaning = resolve::kyaml(&scalar.text);
            if meaning.tag() != tag {
                tagged(tag, meaning, scalar, mark)
            } else if plain || scalar.tagged {
                json(meaning, scalar, mark)
            } else {
                Ok(text())
            }
        }
    }
}

fn sigs(scalar: &Scalar, mark: Mark) -> Result<Value, Error> {
    let text = || Value::String(scalar.text.clone());
    if scalar.tagged {
        return match scalar.tag {
            Tag::Str | Tag::Other => Ok(text()),
            tag => {
                let meaning = resolve::sigs(&scalar.text);
                if meaning.tag() == tag {
                    json_sigs(meaning, scalar, mark)
                } else {
                    tagged(tag, meaning, scalar, mark)
                }
            }
        };
    }
    if scalar.style != Style::Plain || scalar.tag == Tag::Str && scalar.text.is_empty() {
        return Ok(text());
    }
    json_sigs(resolve::sigs(&scalar.text), scalar, mark)
}

fn json_sigs(meaning: Meaning, scalar: &Scalar, mark: Mark) -> Result<Value, Error> {
    match meaning {
        Meaning::Timestamp(_) => Ok(Value::String(scalar.text.clone())),
        meaning => json(meaning, scalar, mark),
    }
}

/// A scalar whose written tag is not what its content resolves to.
fn tagged(tag: Tag, meaning: Meaning, scalar: &Scalar, mark: Mark) -> Result<Value, Error> {
    match (tag, &meaning) {
        #[expect(clippy::cast_precision_loss, reason = "go-yaml converts the same way")]
        (Tag::Float, Meaning::Int(value)) => json(Meaning::Float(*value as f64), scalar, mark),
        (Tag::Binary, _) => {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(scalar.text.replace(['\n', '\r'], ""))
                .map_err(|_| Error::at(mark, "!!binary value contains invalid base64 data"))?;
            Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned()))
        }
        _ => Err(Error::at(
            mark,
            format!(
                "cannot decode {} `{}` as a {}",
                short(meaning.tag()),
                scalar.text,
                short(tag)
            ),
        )),
    }
}

fn short(tag: Tag) -> &'static str {
    match tag {
        Tag::Null => "!!null",
        Tag::Bool => "!!bool",
        Tag::Int => "!!int",
        Tag::Float => "!!float",
        Tag::Timestamp => "!!timestamp",
        Tag::Binary => "!!binary",
        Tag::Merge => "!!merge",
        Tag::Unset | Tag::Str | Tag::Other => "!!str",
    }
}

fn json(meaning: Meaning, scalar: &Scalar, mark: Mark) -> Result<Value, Error> {
    Ok(match meaning {
        Meaning::Null => Value::Null,
        Meaning::Bool(flag) => Value::Bool(flag),
        Meaning::Int(value) => Value::Number(Number::from(value)),
        Meaning::Unsigned(value) => Value::Number(Number::from(value)),
        Meaning::Float(value) => match float::number(value) {
            Some(number) => Value::Number(number),
            None => {
                let message = format!("json: unsupported value: {}", scalar.text);
                return Err(Error::at(mark, message));
            }
        },
        Meaning::Timestamp(time) => Value::String(time),
        Meaning::Merge | Meaning::Text => Value::String(scalar.text.clone()),
    })
}

/// A key's name. kyaml takes strings only; `sigs.k8s.io/yaml` writes numbers and booleans as text.
fn name(key: &Node, dialect: Dialect) -> Result<String, Error> {
    let refuse = || {
        let text = key.text().unwrap_or("a collection");
        let message = format!("unsupported map key {text}: keys must be strings");
        Error::at(key.mark, message)
    };
    let scalar = key.as_scalar().ok_or_else(refuse)?;
    let value = meaning(scalar, key.mark, dialect)?;
    match (dialect, value) {
        (_, Value::String(text)) if scalar.tag != Tag::Timestamp || dialect == Dialect::Sigs => {
            Ok(text)
        }
        (Dialect::Sigs, Value::Bool(flag)) => Ok(flag.to_string()),
        (Dialect::Sigs, Value::Number(number)) => {
            // A float that is whole was made an integer above; what counts is how it was written.
            match resolve::sigs(&scalar.text) {
                Meaning::Float(value) => Ok(float::shortest32(value)),
                Meaning::Unsigned(_) => Err(refuse()),
                _ => Ok(number.to_string()),
            }
        }
        _ => Err(refuse()),
    }
}
