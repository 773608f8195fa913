//! Types of expressions, as the checker knows them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A type. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Anything; checked when run.
    Dyn,
    /// The type of `null`.
    Null,
    /// `bool`.
    Bool,
    /// 64-bit signed.
    Int,
    /// 64-bit unsigned.
    Uint,
    /// IEEE 754 double.
    Double,
    /// `string`.
    String,
    /// `bytes`.
    Bytes,
    /// `google.protobuf.Timestamp`.
    Timestamp,
    /// `google.protobuf.Duration`.
    Duration,
    /// `list(element)`.
    List(Arc<Type>),
    /// `map(key, value)`.
    Map(Arc<Type>, Arc<Type>),
    /// `type(of)`; without parameter, `type` itself.
    Type(Option<Arc<Type>>),
    /// A named type with parameters, such as `optional_type(V)` or `kubernetes.Quantity`.
    Opaque(Arc<str>, Arc<[Type]>),
    /// An object with known fields.
    Object(Arc<ObjectType>),
    /// A parameter in a declaration.
    Param(char),
    /// A type variable while checking.
    #[doc(hidden)]
    Var(usize),
    /// The type of what was already complained about.
    #[doc(hidden)]
    Error,
}

/// An object type: its name and its fields, under the names expressions use for them.
#[derive(Debug)]
pub struct ObjectType {
    /// Name, as error texts show it.
    pub name: String,
    /// Field by expression name: the JSON property it stands for and its type.
    pub fields: BTreeMap<String, Field>,
}

/// One field of an object type.
#[derive(Clone, Debug)]
pub struct Field {
    /// The JSON property.
    pub property: String,
    /// Its type.
    pub ty: Type,
}

impl PartialEq for ObjectType {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for ObjectType {}

impl Type {
    /// `list(element)`.
    #[must_use]
    pub fn list(element: Self) -> Self {
        Self::List(Arc::new(element))
    }

    /// `map(key, value)`.
    #[must_use]
    pub fn map(key: Self, value: Self) -> Self {
        Self::Map(Arc::new(key), Arc::new(value))
    }

    /// `optional_type(of)`.
    #[must_use]
    pub fn optional(of: Self) -> Self {
        Self::Opaque("optional_type".into(), [of].into())
    }

    pub(crate) fn opaque(name: &str) -> Self {
        Self::Opaque(name.into(), [].into())
    }

    /// What an optional holds.
    pub(crate) fn unwrapped(&self) -> Option<&Self> {
        match self {
            Self::Opaque(name, params) if &**name == "optional_type" => params.first(),
            _ => None,
        }
    }

    pub(crate) fn is_dyn(&self) -> bool {
        matches!(self, Self::Dyn)
    }

    pub(crate) fn params(&self) -> Vec<&Self> {
        match self {
            Self::List(e) | Self::Type(Some(e)) => vec![&**e],
            Self::Map(k, v) => vec![&**k, &**v],
            Self::Opaque(_, params) => params.iter().collect(),
            _ => vec![],
        }
    }

    /// The same type with `f` applied to its parameters.
    pub(crate) fn rebuild(&self, f: &mut impl FnMut(&Self) -> Self) -> Self {
        match self {
            Self::List(e) => Self::list(f(e)),
            Self::Map(k, v) => Self::map(f(k), f(v)),
            Self::Type(Some(t)) => Self::Type(Some(Arc::new(f(t)))),
            Self::Opaque(name, params) => {
                Self::Opaque(name.clone(), params.iter().map(f).collect())
            }
            other => other.clone(),
        }
    }

    /// The name values of the type answer `type(v)` with.
    pub(crate) fn runtime_name(&self) -> &str {
        match self {
            Self::Dyn => "dyn",
            Self::Null => "null_type",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "google.protobuf.Timestamp",
            Self::Duration => "google.protobuf.Duration",
            Self::List(_) => "list",
            Self::Map(..) => "map",
            Self::Type(_) => "type",
            Self::Opaque(name, _) => name,
            Self::Object(o) => &o.name,
            Self::Param(_) | Self::Var(_) | Self::Error => "*error*",
        }
    }

    /// Reads the notation [`Type`] prints, as the tables of declarations have it.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.trim();
        if let Some((head, rest)) = text.split_once('(') {
            let mut parts = split_top(rest.strip_suffix(')').unwrap_or(rest))
                .into_iter()
                .map(Self::parse);
            let mut next = || parts.next().unwrap_or(Self::Dyn);
            return match head {
                "list" => Self::list(next()),
                "map" => {
                    let key = next();
                    Self::map(key, next())
                }
                "type" => Self::Type(Some(Arc::new(next()))),
                _ => Self::Opaque(head.into(), [next()].into()),
            };
        }
        match text {
            "dyn" | "any" => Self::Dyn,
            "null" | "null_type" => Self::Null,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "uint" => Self::Uint,
            "double" => Self::Double,
            "string" => Self::String,
            "bytes" => Self::Bytes,
            "timestamp" => Self::Timestamp,
            "duration" => Self::Duration,
            "type" => Self::Type(None),
            _ if text.len() == 1 => Self::Param(text.chars().next().unwrap_or('A')),
            _ => Self::opaque(text),
        }
    }
}

fn split_top(text: &str) -> Vec<&str> {
    let (mut out, mut depth, mut from) = (Vec::new(), 0, 0);
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                out.push(&text[from..i]);
                from = i + 1;
            }
            _ => {}
        }
    }
    out.push(&text[from..]);
    out
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::Param(c) => write!(f, "{c}"),
            Self::Var(n) => write!(f, "_var{n}"),
            Self::Error => f.write_str("!error!"),
            other => {
                f.write_str(other.runtime_name())?;
                let params = other.params();
                if params.is_empty() {
                    return Ok(());
                }
                f.write_str("(")?;
                for (i, p) in params.iter().enumerate() {
                    write!(f, "{}{p}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
        }
    }
}
