//! Values of expressions. What comes from JSON is borrowed and converted field by field, never copied whole.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use krm::Value as Json;
use serde_json::Map as JsonObject;

use crate::error::EvalError;
use crate::functions::ext::Ext;
use crate::types::Type;

/// A value. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `bool`.
    Bool(bool),
    /// `int`.
    Int(i64),
    /// `uint`.
    Uint(u64),
    /// `double`.
    Double(f64),
    /// `string`.
    String(Str<'a>),
    /// `bytes`.
    Bytes(Arc<[u8]>),
    /// `timestamp`.
    Timestamp(Timestamp),
    /// `duration`, in nanoseconds.
    Duration(i64),
    /// `list`.
    List(List<'a>),
    /// `map` or an object.
    Map(Map<'a>),
    /// `type`.
    Type(Type),
    /// `optional_type`.
    Optional(Option<Arc<Value<'a>>>),
    /// A value of one of Kubernetes' libraries.
    Ext(Arc<Ext>),
}

/// A string, borrowed from the input or made by the run.
#[derive(Clone, Debug)]
pub enum Str<'a> {
    /// From the input.
    Borrowed(&'a str),
    /// Made by the run.
    Shared(Arc<str>),
}

impl Deref for Str<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(s) => s,
            Self::Shared(s) => s,
        }
    }
}

/// A list, of values or still of JSON.
#[derive(Clone, Debug)]
pub enum List<'a> {
    /// Made by the run.
    Values(Arc<Vec<Value<'a>>>),
    /// From the input, with the type of its elements.
    Json(&'a [Json], Type),
}

/// A map, of values or still of JSON.
#[derive(Clone, Debug)]
pub enum Map<'a> {
    /// Made by the run.
    Values(Arc<BTreeMap<Key, Value<'a>>>),
    /// From the input, with its map or object type.
    Json(&'a JsonObject<String, Json>, Type),
}

/// A map key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `bool`.
    Bool(bool),
    /// `int`.
    Int(i64),
    /// `uint`.
    Uint(u64),
    /// `string`.
    String(Arc<str>),
}

impl<'a> List<'a> {
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Values(v) => v.len(),
            Self::Json(v, _) => v.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element at an index.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<Value<'a>> {
        match self {
            Self::Values(v) => v.get(i).cloned(),
            Self::Json(v, t) => v.get(i).map(|j| Value::from_json(j, t)),
        }
    }

    /// All elements in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + '_ {
        (0..self.len()).filter_map(|i| self.get(i))
    }
}

impl<'a> Map<'a> {
    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Values(m) => m.len(),
            Self::Json(m, _) => m.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry under a string, or the field of an object.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Values(m) => m.get(&Key::String(name.into())).cloned(),
            Self::Json(m, Type::Object(o)) => {
                let field = o.fields.get(name)?;
                m.get(&field.property)
                    .map(|j| Value::from_json(j, &field.ty))
            }
            Self::Json(m, Type::Map(_, t)) => m.get(name).map(|j| Value::from_json(j, t)),
            Self::Json(m, _) => m.get(name).map(|j| Value::from_json(j, &Type::Dyn)),
        }
    }

    /// The entry under a key; whole numbers find one another whatever their type.
    #[must_use]
    pub fn get(&self, key: &Value<'_>) -> Option<Value<'a>> {
        if let Value::String(s) = key {
            return self.field(s);
        }
        let Self::Values(m) = self else { return None };
        match key {
            Value::Bool(b) => m.get(&Key::Bool(*b)).cloned(),
            Value::Int(_) | Value::Uint(_) | Value::Double(_) => {
                let int = to_i64(key).and_then(|i| m.get(&Key::Int(i)));
                int.or_else(|| to_u64(key).and_then(|u| m.get(&Key::Uint(u))))
                    .cloned()
            }
            _ => None,
        }
    }

    /// All keys.
    #[must_use]
    pub fn keys(&self) -> Vec<Value<'a>> {
        match self {
            Self::Values(m) => m.keys().map(Key::value).collect(),
            Self::Json(m, Type::Object(o)) => o
                .fields
                .iter()
                .filter(|(_, f)| m.contains_key(&f.property))
                .map(|(n, _)| Value::string(n.as_str()))
                .collect(),
            Self::Json(m, _) => m.keys().map(|k| Value::String(Str::Borrowed(k))).collect(),
        }
    }
}

impl Key {
    /// The key as a value.
    #[must_use]
    pub fn value<'a>(&self) -> Value<'a> {
        match self {
            Self::Bool(b) => Value::Bool(*b),
            Self::Int(i) => Value::Int(*i),
            Self::Uint(u) => Value::Uint(*u),
            Self::String(s) => Value::String(Str::Shared(s.clone())),
        }
    }

    pub(crate) fn from_value(v: &Value<'_>) -> Result<Self, EvalError> {
        Ok(match v {
            Value::Bool(b) => Self::Bool(*b),
            Value::Int(i) => Self::Int(*i),
            Value::Uint(u) => Self::Uint(*u),
            Value::String(s) => Self::String(Arc::from(&**s)),
            other => {
                return Err(EvalError::new(format!(
                    "unsupported key type: {}",
                    other.type_name()
                )));
            }
        })
    }
}

fn to_i64(v: &Value<'_>) -> Option<i64> {
    match v {
        Value::Int(i) => Some(*i),
        Value::Uint(u) => i64::try_from(*u).ok(),
        Value::Double(d) if d.fract() == 0.0 && *d >= -9.2e18 && *d <= 9.2e18 => Some(*d as i64),
        _ => None,
    }
}

fn to_u64(v: &Value<'_>) -> Option<u64> {
    match v {
        Value::Int(i) => u64::try_from(*i).ok(),
        Value::Uint(u) => Some(*u),
        Value::Double(d) if d.fract() == 0.0 && *d >= 0.0 && *d <= 1.8e19 => Some(*d as u64),
        _ => None,
    }
}

impl<'a> Value<'a> {
    /// A string made by the run.
    pub fn string(s: impl Into<Arc<str>>) -> Self {
        Self::String(Str::Shared(s.into()))
    }

    pub(crate) fn bytes(b: Vec<u8>) -> Self {
        Self::Bytes(b.into())
    }

    pub(crate) fn list(v: Vec<Self>) -> Self {
        Self::List(List::Values(Arc::new(v)))
    }

    pub(crate) fn some(v: Self) -> Self {
        Self::Optional(Some(Arc::new(v)))
    }

    pub(crate) fn ext(e: Ext) -> Self {
        Self::Ext(Arc::new(e))
    }

    /// The value JSON stands for where a type is expected. Lists and objects are borrowed, not copied.
    #[must_use]
    pub fn from_json(json: &'a Json, ty: &Type) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(b) => Self::Bool(*b),
            Json::Number(n) => match (n.as_i64(), ty) {
                (Some(i), Type::Double) => Self::Double(i as f64),
                (Some(i), _) => Self::Int(i),
                (None, Type::Int) if n.as_f64().is_some_and(|f| f.fract() == 0.0) => {
                    Self::Int(n.as_f64().unwrap_or_default() as i64)
                }
                (None, _) => Self::Double(n.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(s) => {
                let typed = match ty {
                    Type::Timestamp => {
                        crate::functions::time::parse_timestamp(s).map(Self::Timestamp)
                    }
                    Type::Duration => crate::functions::time::parse_duration(s).map(Self::Duration),
                    Type::Bytes => crate::functions::encoders::decode(s).map(Self::bytes),
                    _ => None,
                };
                typed.unwrap_or(Self::String(Str::Borrowed(s)))
            }
            Json::Array(a) => {
                let element = if let Type::List(e) = ty {
                    (**e).clone()
                } else {
                    Type::Dyn
                };
                Self::List(List::Json(a, element))
            }
            Json::Object(o) => Self::Map(Map::Json(o, ty.clone())),
        }
    }

    /// The JSON a value can be written as; `None` for values JSON has no form for.
    #[must_use]
    pub fn to_json(&self) -> Option<Json> {
        Some(match self {
            Self::Null => Json::Null,
            Self::Bool(b) => (*b).into(),
            Self::Int(i) => (*i).into(),
            Self::Uint(u) => (*u).into(),
            Self::Double(d) => serde_json::Number::from_f64(*d).map(Json::Number)?,
            Self::String(s) => Json::String(s.to_string()),
            Self::Bytes(b) => Json::String(crate::functions::encoders::encode(b)),
            Self::Timestamp(t) => Json::String(t.to_string()),
            Self::Duration(d) => Json::String(crate::functions::time::go_seconds(*d)),
            Self::List(l) => Json::Array(l.iter().map(|v| v.to_json()).collect::<Option<_>>()?),
            Self::Map(m) => {
                let entry = |k: Value<'a>| Some((k.plain()?, m.get(&k)?.to_json()?));
                Json::Object(m.keys().into_iter().map(entry).collect::<Option<_>>()?)
            }
            Self::Optional(Some(v)) => v.to_json()?,
            Self::Optional(None) => Json::Null,
            Self::Type(_) | Self::Ext(_) => return None,
        })
    }

    /// A key's text.
    fn plain(&self) -> Option<String> {
        match self {
            Self::String(s) => Some(s.to_string()),
            Self::Bool(b) => Some(b.to_string()),
            Self::Int(i) => Some(i.to_string()),
            Self::Uint(u) => Some(u.to_string()),
            _ => None,
        }
    }

    /// The value's own type; what lists and maps hold is not looked at.
    #[must_use]
    pub fn type_of(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Uint(_) => Type::Uint,
            Self::Double(_) => Type::Double,
            Self::String(_) => Type::String,
            Self::Bytes(_) => Type::Bytes,
            Self::Timestamp(_) => Type::Timestamp,
            Self::Duration(_) => Type::Duration,
            Self::List(_) => Type::list(Type::Dyn),
            Self::Map(Map::Json(_, t @ Type::Object(_))) => t.clone(),
            Self::Map(_) => Type::map(Type::Dyn, Type::Dyn),
            Self::Type(_) => Type::Type(None),
            Self::Optional(_) => Type::optional(Type::Dyn),
            Self::Ext(e) => Type::opaque(e.type_name()),
        }
    }

    /// The name of the value's type.
    #[must_use]
    pub fn type_name(&self) -> String {
        self.type_of().runtime_name().to_owned()
    }

    /// What `size` of the value is in cost rules: 1 where it has none.
    pub(crate) fn cost_size(&self) -> u64 {
        match self {
            Self::String(s) => s.chars().count() as u64,
            Self::Bytes(b) => b.len() as u64,
            Self::List(l) => l.len() as u64,
            Self::Map(m) => m.len() as u64,
            Self::Optional(Some(v)) => v.cost_size(),
            _ => 1,
        }
    }

    /// Whether two values are equal; numbers are compared by what they stand for. Counts its steps down from `work`.
    pub(crate) fn equals(&self, other: &Self, work: &mut u64) -> Result<bool, EvalError> {
        *work = work.checked_sub(1).ok_or_else(EvalError::exhausted)?;
        Ok(match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (
                Self::Int(_) | Self::Uint(_) | Self::Double(_),
                Self::Int(_) | Self::Uint(_) | Self::Double(_),
            ) => self.number_cmp(other) == Some(Ordering::Equal),
            (Self::String(a), Self::String(b)) => **a == **b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Timestamp(a), Self::Timestamp(b)) => a == b,
            (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => a.runtime_name() == b.runtime_name(),
            (Self::Optional(a), Self::Optional(b)) => match (a, b) {
                (None, None) => true,
                (Some(a), Some(b)) => a.equals(b, work)?,
                _ => false,
            },
            (Self::Ext(a), Self::Ext(b)) => a == b,
            (Self::List(a), Self::List(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (x, y) in a.iter().zip(b.iter()) {
                    if !x.equals(&y, work)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Self::Map(a), Self::Map(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for key in a.keys() {
                    match (a.get(&key), b.get(&key)) {
                        (Some(x), Some(y)) if x.equals(&y, work)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            _ => false,
        })
    }

    fn number_cmp(&self, other: &Self) -> Option<Ordering> {
        let wide = |v: &Self| match v {
            Self::Int(i) => Some(i128::from(*i)),
            Self::Uint(u) => Some(i128::from(*u)),
            _ => None,
        };
        let float = |v: &Self| match v {
            Self::Int(i) => *i as f64,
            Self::Uint(u) => *u as f64,
            Self::Double(d) => *d,
            _ => f64::NAN,
        };
        match (wide(self), wide(other)) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => float(self).partial_cmp(&float(other)),
        }
    }

    /// The order of two values, where there is one.
    pub(crate) fn compare(&self, other: &Self) -> Result<Ordering, EvalError> {
        Ok(match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (
                Self::Int(_) | Self::Uint(_) | Self::Double(_),
                Self::Int(_) | Self::Uint(_) | Self::Double(_),
            ) => self
                .number_cmp(other)
                .ok_or_else(|| EvalError::new("NaN values cannot be ordered"))?,
            (Self::String(a), Self::String(b)) => (**a).cmp(&**b),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::Timestamp(a), Self::Timestamp(b)) => a.cmp(b),
            (Self::Duration(a), Self::Duration(b)) => a.cmp(b),
            _ => return Err(EvalError::no_such_overload()),
        })
    }
}
