//! Reading fields out of JSON with Go's complaints and their place.

use std::collections::BTreeMap;

use krm::{Map, Value};

use super::Mode;

/// A complaint: a JSON pointer and the message.
pub(crate) type Complaint = (String, String);

/// A JSON object being read; knows which of its fields were asked for.
pub(crate) struct Reader<'a> {
    map: &'a Map<String, Value>,
    pointer: String,
    mode: Mode,
    known: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    /// Reads `value`, which must be a mapping; to Go, null is one without fields, so it gives `None`.
    pub(crate) fn new(
        value: &'a Value,
        pointer: String,
        mode: Mode,
    ) -> Result<Option<Self>, Complaint> {
        match value {
            Value::Null => Ok(None),
            Value::Object(map) => Ok(Some(Self {
                map,
                pointer,
                mode,
                known: Vec::new(),
            })),
            other => Err(type_error(pointer, other, "a mapping")),
        }
    }

    /// A field's value, where there is one that is not null.
    pub(crate) fn get(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// A string, `""` where absent.
    pub(crate) fn string(&mut self, name: &'static str) -> Result<String, Complaint> {
        Ok(self.optional_string(name)?.unwrap_or_default())
    }

    /// A string, where there is one.
    pub(crate) fn optional_string(
        &mut self,
        name: &'static str,
    ) -> Result<Option<String>, Complaint> {
        let (pointer, mode) = (self.at(name), self.mode);
        let value = self.get(name);
        value.map(|value| string(value, pointer, mode)).transpose()
    }

    /// A boolean, false where absent.
    pub(crate) fn boolean(&mut self, name: &'static str) -> Result<bool, Complaint> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(type_error(self.at(name), other, "bool")),
        }
    }

    /// An integer, 0 where absent.
    pub(crate) fn integer(&mut self, name: &'static str) -> Result<i64, Complaint> {
        match self.get(name) {
            None => Ok(0),
            Some(value) => {
                let number = value.as_i64();
                number.ok_or_else(|| type_error(self.at(name), value, "int64"))
            }
        }
    }

    /// A list of strings; null elements are empty strings, as in Go.
    pub(crate) fn strings(&mut self, name: &'static str) -> Result<Vec<String>, Complaint> {
        let mode = self.mode;
        self.list(name, |value, pointer| match value {
            Value::Null => Ok(String::new()),
            value => string(value, pointer, mode),
        })
    }

    /// A mapping of strings.
    pub(crate) fn pairs(
        &mut self,
        name: &'static str,
    ) -> Result<BTreeMap<String, String>, Complaint> {
        let (pointer, mode) = (self.at(name), self.mode);
        let map = match self.get(name) {
            None => return Ok(BTreeMap::new()),
            Some(Value::Object(map)) => map,
            Some(other) => return Err(type_error(pointer, other, "map[string]string")),
        };
        let pair = |(key, value): (&String, &Value)| {
            let text = match value {
                Value::Null => String::new(),
                value => string(value, format!("{pointer}/{}", escape(key)), mode)?,
            };
            Ok((key.clone(), text))
        };
        map.iter().map(pair).collect()
    }

    /// A list of anything.
    pub(crate) fn list<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&'a Value, String) -> Result<T, Complaint>,
    ) -> Result<Vec<T>, Complaint> {
        let pointer = self.at(name);
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let items = items.iter().enumerate();
                items
                    .map(|(at, item)| read(item, format!("{pointer}/{at}")))
                    .collect()
            }
            Some(other) => Err(type_error(pointer, other, "a list")),
        }
    }

    /// A list of mappings; null elements are default values.
    pub(crate) fn objects<T: Default>(
        &mut self,
        name: &'static str,
        read: impl Fn(Reader<'a>) -> Result<T, Complaint>,
    ) -> Result<Vec<T>, Complaint> {
        let mode = self.mode;
        self.list(name, |value, pointer| {
            let reader = Reader::new(value, pointer, mode)?;
            reader.map_or_else(|| Ok(T::default()), &read)
        })
    }

    /// A mapping inside, where there is one.
    pub(crate) fn object<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Reader<'a>) -> Result<T, Complaint>,
    ) -> Result<Option<T>, Complaint> {
        let (pointer, mode) = (self.at(name), self.mode);
        match self.get(name) {
            None => Ok(None),
            Some(value) => Reader::new(value, pointer, mode)?.map(read).transpose(),
        }
    }

    /// The pointer of a field.
    pub(crate) fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.pointer)
    }

    /// Ends the reading: a field nobody asked for is an error in strict mode.
    pub(crate) fn finish<T>(self, result: T) -> Result<T, Complaint> {
        if self.mode == Mode::Lenient {
            return Ok(result);
        }
        let known = |key: &&String| self.known.contains(&key.as_str());
        match self.map.keys().find(|key| !known(key)) {
            None => Ok(result),
            Some(key) => Err((
                format!("{}/{}", self.pointer, escape(key)),
                format!("invalid Kustomization: json: unknown field {key:?}"),
            )),
        }
    }
}

fn string(value: &Value, pointer: String, mode: Mode) -> Result<String, Complaint> {
    match (value, mode) {
        (Value::String(text), _) => Ok(text.clone()),
        (Value::Number(_) | Value::Bool(_), Mode::Lenient) => Ok(value.to_string()),
        (other, _) => Err(type_error(pointer, other, "string")),
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn type_error(pointer: String, value: &Value, expected: &str) -> Complaint {
    let actual = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let field = pointer.trim_start_matches('/').replace('/', ".");
    let message = format!(
        "invalid Kustomization: json: cannot unmarshal {actual} into Go struct field {field} of type {expected}"
    );
    (pointer, message)
}
