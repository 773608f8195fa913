//! Values of Kubernetes' libraries, and the functions on quantities, versions, URLs and named formats.

use std::fmt;
use std::net::IpAddr;

use super::Out;
use super::net::Cidr;
use super::quantity::Quantity;
use super::url::Url;
use crate::error::EvalError;
use crate::eval::Run;
use crate::value::{Key, Map, Value};

/// A value of one of Kubernetes' libraries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ext {
    /// `kubernetes.Quantity`.
    Quantity(Quantity),
    /// `kubernetes.Semver`.
    Semver(Semver),
    /// `net.IP`.
    Ip(IpAddr),
    /// `net.CIDR`.
    Cidr(Cidr),
    /// `kubernetes.URL`.
    Url(Url),
    /// `kubernetes.NamedFormat`.
    Format(&'static str),
}

impl Ext {
    /// The name of the type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Quantity(_) => "kubernetes.Quantity",
            Self::Semver(_) => "kubernetes.Semver",
            Self::Ip(_) => "net.IP",
            Self::Cidr(_) => "net.CIDR",
            Self::Url(_) => "kubernetes.URL",
            Self::Format(_) => "kubernetes.NamedFormat",
        }
    }

    /// How long the regular expression of a named format is taken to be.
    pub(crate) fn max_regex_size(&self) -> Option<u64> {
        let Self::Format(name) = self else {
            return None;
        };
        Some(match *name {
            "dns1123Label" | "dns1123LabelPrefix" | "dns1035Label" | "dns1035LabelPrefix" => 30,
            "dns1123Subdomain" | "dns1123SubdomainPrefix" | "qualifiedName" => 60,
            "labelValue" => 40,
            "uri" => 1104,
            "uuid" => 71,
            "byte" => 84,
            "date" | "datetime" => 69,
            _ => 0,
        })
    }
}

impl fmt::Display for Ext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantity(q) => q.fmt(f),
            Self::Semver(v) => v.fmt(f),
            Self::Ip(ip) => ip.fmt(f),
            Self::Cidr(c) => c.fmt(f),
            Self::Url(u) => u.fmt(f),
            Self::Format(name) => f.write_str(name),
        }
    }
}

/// A semantic version, ordered by precedence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Semver {
    numbers: [u64; 3],
    pre: Vec<String>,
    build: String,
}

impl Semver {
    /// Reads a version; `normalize` takes a `v`, missing numbers and leading zeros too.
    #[must_use]
    pub fn parse(text: &str, normalize: bool) -> Option<Self> {
        let mut text = text.to_owned();
        if normalize {
            text = text.strip_prefix('v').unwrap_or(&text).to_owned();
        }
        let (rest, build) = text.split_once('+').unwrap_or((&text, ""));
        let (core, pre) = rest.split_once('-').unwrap_or((rest, ""));
        let mut parts: Vec<&str> = core.split('.').collect();
        while normalize && parts.len() < 3 {
            parts.push("0");
        }
        let [major, minor, patch] = parts[..] else {
            return None;
        };
        let number = |s: &str| {
            let s = if normalize && s.len() > 1 {
                s.trim_start_matches('0')
            } else {
                s
            };
            let s = if s.is_empty() && normalize { "0" } else { s };
            (!s.is_empty()
                && s.bytes().all(|b| b.is_ascii_digit())
                && (s.len() == 1 || !s.starts_with('0')))
            .then(|| s.parse().ok())?
        };
        let word =
            |s: &&str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let pre_parts: Vec<&str> = if rest.contains('-') {
            pre.split('.').collect()
        } else {
            vec![]
        };
        let zero =
            |s: &&str| s.len() > 1 && s.starts_with('0') && s.bytes().all(|b| b.is_ascii_digit());
        let build_ok = !text.contains('+') || build.split('.').all(|p| word(&p));
        if !pre_parts.iter().all(word) || pre_parts.iter().any(zero) || !build_ok {
            return None;
        }
        let numbers = [number(major)?, number(minor)?, number(patch)?];
        Some(Self {
            numbers,
            pre: pre_parts.into_iter().map(String::from).collect(),
            build: build.to_owned(),
        })
    }

    fn precedence(&self, other: &Self) -> std::cmp::Ordering {
        let pre = |a: &[String], b: &[String]| match (a.is_empty(), b.is_empty()) {
            (true, false) => std::cmp::Ordering::Greater,
            (false, true) => std::cmp::Ordering::Less,
            _ => {
                let each =
                    a.iter()
                        .zip(b)
                        .map(|(x, y)| match (x.parse::<u64>(), y.parse::<u64>()) {
                            (Ok(x), Ok(y)) => x.cmp(&y),
                            (Ok(_), Err(_)) => std::cmp::Ordering::Less,
                            (Err(_), Ok(_)) => std::cmp::Ordering::Greater,
                            _ => x.cmp(y),
                        });
                each.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
                    .then(a.len().cmp(&b.len()))
            }
        };
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| pre(&self.pre, &other.pre))
    }
}

impl fmt::Display for Semver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre.join("."))?;
        }
        if !self.build.is_empty() {
            write!(f, "+{}", self.build)?;
        }
        Ok(())
    }
}

pub(super) fn call<'a>(run: &mut Run<'_, 'a>, name: &str, args: &[Value<'a>]) -> Option<Out<'a>> {
    if let Some(format) = name.strip_prefix("format.") {
        return named(format, args);
    }
    let made = |v: Option<Ext>, what: &str| v.map(Value::ext).ok_or_else(|| EvalError::new(what));
    Some(match (name, args) {
        ("quantity", [Value::String(s)]) => made(Quantity::parse(s).map(Ext::Quantity), QUANTITY),
        ("isQuantity", [Value::String(s)]) => Ok(Value::Bool(Quantity::parse(s).is_some())),
        ("semver", [Value::String(s)]) => {
            made(Semver::parse(s, false).map(Ext::Semver), &bad_semver(s))
        }
        ("semver", [Value::String(s), Value::Bool(n)]) => {
            made(Semver::parse(s, *n).map(Ext::Semver), &bad_semver(s))
        }
        ("isSemver", [Value::String(s)]) => Ok(Value::Bool(Semver::parse(s, false).is_some())),
        ("isSemver", [Value::String(s), Value::Bool(n)]) => {
            Ok(Value::Bool(Semver::parse(s, *n).is_some()))
        }
        ("url", [Value::String(s)]) => {
            let failed = |why| {
                EvalError::new(format!(
                    "URL parse error during conversion from string: {why}"
                ))
            };
            Url::parse(s)
                .map(|u| Value::ext(Ext::Url(u)))
                .map_err(failed)
        }
        ("isURL", [Value::String(s)]) => Ok(Value::Bool(Url::parse(s).is_ok())),
        (_, [Value::Ext(e), rest @ ..]) => match (&**e, rest) {
            (Ext::Quantity(q), rest) => quantity(name, q, rest)?,
            (Ext::Semver(v), rest) => semver(name, v, rest)?,
            (Ext::Url(u), []) => url(name, u)?,
            (Ext::Format(f), [Value::String(s)]) if name == "validate" => {
                super::url::validate(run, f, s)
            }
            _ => return None,
        },
        _ => return None,
    })
}

const QUANTITY: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

fn bad_semver(s: &str) -> String {
    let parts: Vec<&str> = s.splitn(3, '.').collect();
    if parts.len() < 3 {
        return "No Major.Minor.Patch elements found".into();
    }
    for (part, name) in parts.iter().zip(["major", "minor", "patch"]) {
        let number = part.split(['-', '+']).next().unwrap_or_default();
        let number = if name == "patch" { number } else { part };
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return format!("Invalid character(s) found in {name} number \"{number}\"");
        }
        if number.len() > 1 && number.starts_with('0') {
            let name = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
            return format!("{name} number must not contain leading zeroes \"{number}\"");
        }
    }
    format!("Invalid character(s) found in version \"{s}\"")
}

fn quantity<'a>(name: &str, q: &Quantity, rest: &[Value<'a>]) -> Option<Out<'a>> {
    let other = match rest {
        [Value::Ext(e)] => match &**e {
            Ext::Quantity(o) => Some(o.clone()),
            _ => return None,
        },
        [Value::Int(i)] => Some(Quantity::from_int(*i)),
        [] => None,
        _ => return None,
    };
    let sum = |o: &Quantity, sign| {
        q.plus(o, sign)
            .map(|s| Value::ext(Ext::Quantity(s)))
            .ok_or_else(|| EvalError::new("integer overflow"))
    };
    Some(match (name, other) {
        ("sign", None) => Ok(Value::Int(q.sign())),
        ("isInteger", None) => Ok(Value::Bool(q.as_int().is_some())),
        ("asInteger", None) => q
            .as_int()
            .map(Value::Int)
            .ok_or_else(|| EvalError::new("cannot convert value to integer")),
        ("asApproximateFloat", None) => Ok(Value::Double(q.as_float())),
        ("add", Some(o)) => sum(&o, 1),
        ("sub", Some(o)) => sum(&o, -1),
        ("isGreaterThan", Some(o)) => Ok(Value::Bool(*q > o)),
        ("isLessThan", Some(o)) => Ok(Value::Bool(*q < o)),
        ("compareTo", Some(o)) => Ok(Value::Int(q.cmp(&o) as i64)),
        _ => return None,
    })
}

fn semver<'a>(name: &str, v: &Semver, rest: &[Value<'a>]) -> Option<Out<'a>> {
    let other = match rest {
        [Value::Ext(e)] => match &**e {
            Ext::Semver(o) => Some(v.precedence(o)),
            _ => return None,
        },
        [] => None,
        _ => return None,
    };
    let number = |i: usize| Ok(Value::Int(v.numbers[i] as i64));
    Some(match (name, other) {
        ("major", None) => number(0),
        ("minor", None) => number(1),
        ("patch", None) => number(2),
        ("isGreaterThan", Some(o)) => Ok(Value::Bool(o.is_gt())),
        ("isLessThan", Some(o)) => Ok(Value::Bool(o.is_lt())),
        ("compareTo", Some(o)) => Ok(Value::Int(o as i64)),
        _ => return None,
    })
}

fn url<'a>(name: &str, u: &Url) -> Option<Out<'a>> {
    Some(Ok(match name {
        "getScheme" => Value::string(u.scheme.as_str()),
        "getHost" => Value::string(u.host.as_str()),
        "getHostname" => Value::string(u.hostname()),
        "getPort" => Value::string(u.port()),
        "getEscapedPath" => Value::string(u.escaped_path()),
        "getQuery" => {
            let entry = |(k, v): (String, Vec<String>)| {
                (
                    Key::String(k.into()),
                    Value::list(v.into_iter().map(Value::string).collect()),
                )
            };
            Value::Map(Map::Values(std::sync::Arc::new(
                u.query().into_iter().map(entry).collect(),
            )))
        }
        _ => return None,
    }))
}

const FORMATS: [&str; 13] = [
    "dns1123Label",
    "dns1123Subdomain",
    "dns1035Label",
    "qualifiedName",
    "dns1123LabelPrefix",
    "dns1123SubdomainPrefix",
    "dns1035LabelPrefix",
    "labelValue",
    "uri",
    "uuid",
    "byte",
    "date",
    "datetime",
];

fn named<'a>(name: &str, args: &[Value<'a>]) -> Option<Out<'a>> {
    let find = |name: &str| {
        FORMATS
            .iter()
            .find(|f| **f == name)
            .map(|f| Value::ext(Ext::Format(f)))
    };
    Some(Ok(match (name, args) {
        ("named", [Value::String(s)]) => Value::Optional(find(s).map(Into::into)),
        (name, []) => find(name)?,
        _ => return None,
    }))
}
