//! What a plain scalar means: go-yaml's resolution tables, version 3 and version 2.

use super::{Tag, timestamp};

/// A plain scalar's meaning.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    Null,
    Bool(bool),
    Int(i64),
    Unsigned(u64),
    Float(f64),
    /// In RFC 3339, as Go writes it.
    Timestamp(String),
    Merge,
    Text,
}

impl Meaning {
    pub(super) fn tag(&self) -> Tag {
        match self {
            Self::Null => Tag::Null,
            Self::Bool(_) => Tag::Bool,
            Self::Int(_) | Self::Unsigned(_) => Tag::Int,
            Self::Float(_) => Tag::Float,
            Self::Timestamp(_) => Tag::Timestamp,
            Self::Merge => Tag::Merge,
            Self::Text => Tag::Str,
        }
    }
}

/// Resolves as go-yaml v3.
pub(super) fn kyaml(text: &str) -> Meaning {
    resolve(text, false)
}

/// Resolves as go-yaml v2, where YAML 1.1's words for true and false count.
pub(super) fn sigs(text: &str) -> Meaning {
    resolve(text, true)
}

/// Whether YAML 1.1 would read a plain scalar as anything but a string. Empty text and text of several lines do not count.
pub fn looks_like_non_string(text: &str) -> bool {
    let texts = |meaning| {
        matches!(
            meaning,
            Meaning::Text | Meaning::Timestamp(_) | Meaning::Merge
        )
    };
    !text.is_empty() && !text.contains('\n') && !texts(sigs(text))
}

fn resolve(text: &str, words: bool) -> Meaning {
    let Some(first) = text.bytes().next() else {
        return Meaning::Null;
    };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => {
            word(text, words)
        }
        b'<' if text == "<<" => Meaning::Merge,
        b'.' => dotted(text),
        b'+' | b'-' | b'0'..=b'9' => number(text),
        _ => Meaning::Text,
    }
}

fn word(text: &str, words: bool) -> Meaning {
    match text {
        "true" | "True" | "TRUE" => Meaning::Bool(true),
        "false" | "False" | "FALSE" => Meaning::Bool(false),
        "~" | "null" | "Null" | "NULL" => Meaning::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" if words => Meaning::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" if words => Meaning::Bool(false),
        _ => Meaning::Text,
    }
}

fn dotted(text: &str) -> Meaning {
    match text {
        ".nan" | ".NaN" | ".NAN" => Meaning::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" => Meaning::Float(f64::INFINITY),
        _ => float(text),
    }
}

fn number(text: &str) -> Meaning {
    match text {
        "+.inf" | "+.Inf" | "+.INF" => return Meaning::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Meaning::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if let Some(time) = timestamp::parse(text) {
        return Meaning::Timestamp(time);
    }
    let stripped;
    let plain = if text.contains('_') {
        stripped = text.replace('_', "");
        &stripped
    } else {
        text
    };
    integer(plain).unwrap_or_else(|| float(plain))
}

/// Go's `ParseInt` and then `ParseUint` with base 0: the prefix says the base, a leading zero is octal.
fn integer(text: &str) -> Option<Meaning> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let signed = digits.len() != text.len();
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let value = u64::from_str_radix(digits, base).ok()?;
    match (negative, i64::try_from(value)) {
        (false, Ok(value)) => Some(Meaning::Int(value)),
        (true, Ok(value)) => Some(Meaning::Int(-value)),
        (true, Err(_)) if value == i64::MIN.unsigned_abs() => Some(Meaning::Int(i64::MIN)),
        (false, Err(_)) if !signed => Some(Meaning::Unsigned(value)),
        _ => None,
    }
}

/// Digits with a dot and an exponent, and nothing else that Go's or Rust's parser would take.
fn float(text: &str) -> Meaning {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = digits(rest);
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = digits(fraction);
        if whole == 0 && length == 0 {
            return Meaning::Text;
        }
        rest = &fraction[length..];
    } else if whole == 0 {
        return Meaning::Text;
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let length = digits(exponent);
        if length == 0 {
            return Meaning::Text;
        }
        rest = &exponent[length..];
    }
    match text.parse::<f64>() {
        Ok(value) if rest.is_empty() && value.is_finite() => Meaning::Float(value),
        _ => Meaning::Text,
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}
