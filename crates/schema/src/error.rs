//! What can be wrong with an object, in the words and the shape of Kubernetes' own errors.

use std::fmt;

use krm::{Gvk, Value};

/// Why a body could not be read as an object of a kind.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are no JSON, YAML or protobuf, or a value has the wrong type; Go's words.
    #[error("{0}")]
    Malformed(String),
    /// Unknown or duplicate fields under [`crate::FieldValidation::Strict`], each as one text.
    #[error("strict decoding error: {}", .0.join(", "))]
    Strict(Vec<String>),
    /// The body shows no kind: it is no JSON, YAML or protobuf of ours.
    #[error("the object provided is unrecognized (must be of type {kind}): {error} ({summary})")]
    Unrecognized {
        /// The kind expected.
        kind: String,
        /// What the parser says.
        error: String,
        /// The beginning of the body.
        summary: String,
    },
    /// The body names another kind or version than the one expected.
    #[error("{0}")]
    WrongKind(String),
    /// The media type is not served for this kind.
    #[error("the body of the request was in an unknown format - accepted media types include: {0}")]
    UnsupportedMedia(String),
}

impl DecodeError {
    /// The message of the 400 that the API server answers with.
    pub fn message(&self, gvk: &Gvk) -> String {
        match self {
            Self::Malformed(_) | Self::Strict(_) => format!(
                "{kind} in version {version:?} cannot be handled as a {kind}: {self}",
                kind = gvk.kind,
                version = gvk.version
            ),
            Self::WrongKind(_) | Self::UnsupportedMedia(_) | Self::Unrecognized { .. } => {
                self.to_string()
            }
        }
    }
}

/// Which kind of wrong a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldErrorKind {
    /// Something the field points at does not exist.
    NotFound,
    /// A value that has to be there is not.
    Required,
    /// The same value stands there twice.
    Duplicate,
    /// The value breaks a rule.
    Invalid,
    /// The value is none of the supported ones.
    NotSupported,
    /// The value is fine but not allowed here and now.
    Forbidden,
    /// The value is longer than allowed.
    TooLong,
    /// The list or map has more members than allowed.
    TooMany,
    /// The value has the wrong type.
    TypeInvalid,
    /// Something that is not the user's fault.
    Internal,
}

impl FieldErrorKind {
    /// The word the printed error carries.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotFound => "Not found",
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::Internal => "Internal error",
        }
    }

    /// The `reason` of the cause in a Status.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotFound => "FieldValueNotFound",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::Internal => "InternalError",
        }
    }
}

/// One wrong field. Prints as Kubernetes prints it: `spec.x: Invalid value: "y": detail`.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// Path of the field, as Kubernetes writes it: `spec.containers[0].name`, `<nil>` for no field.
    pub path: String,
    /// What kind of wrong.
    pub kind: FieldErrorKind,
    /// The value and the detail: what follows the path.
    pub message: String,
}

impl FieldError {
    /// `path: Required value: detail`.
    pub fn required(path: impl Into<String>, detail: &str) -> Self {
        Self::bare(path, FieldErrorKind::Required, detail)
    }

    /// `path: Forbidden: detail`.
    pub fn forbidden(path: impl Into<String>, detail: &str) -> Self {
        Self::bare(path, FieldErrorKind::Forbidden, detail)
    }

    /// `path: Invalid value: value: detail`.
    pub fn invalid(path: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::valued(path, FieldErrorKind::Invalid, &print(value), detail)
    }

    /// `path: Invalid value: detail`, of the wrong type.
    pub fn type_invalid(path: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::valued(path, FieldErrorKind::TypeInvalid, &print(value), detail)
    }

    /// `path: Invalid value: printed: detail`, for values whose print is not JSON's.
    pub fn invalid_printed(path: impl Into<String>, printed: &str, detail: &str) -> Self {
        Self::valued(path, FieldErrorKind::Invalid, printed, detail)
    }

    /// `path: Duplicate value: value`.
    pub fn duplicate(path: impl Into<String>, value: &Value) -> Self {
        Self::valued(path, FieldErrorKind::Duplicate, &print(value), "")
    }

    /// `path: Duplicate value: printed`, for values whose print is not JSON's.
    pub fn duplicate_printed(path: impl Into<String>, printed: &str) -> Self {
        Self::valued(path, FieldErrorKind::Duplicate, printed, "")
    }

    /// `path: Unsupported value: printed: supported values: …`, for values whose print is not JSON's.
    pub fn not_supported_printed<S: AsRef<str>>(
        path: impl Into<String>,
        printed: &str,
        valid: &[S],
    ) -> Self {
        let quoted: Vec<String> = valid.iter().map(|v| go_quote(v.as_ref())).collect();
        let detail = format!("supported values: {}", quoted.join(", "));
        Self::valued(path, FieldErrorKind::NotSupported, printed, &detail)
    }

    /// `path: Not found: value`.
    pub fn not_found(path: impl Into<String>, value: &Value) -> Self {
        Self::valued(path, FieldErrorKind::NotFound, &print(value), "")
    }

    /// `path: Unsupported value: value: supported values: "a", "b"`.
    pub fn not_supported<S: AsRef<str>>(
        path: impl Into<String>,
        value: &Value,
        valid: &[S],
    ) -> Self {
        let detail = if valid.is_empty() {
            String::new()
        } else {
            let quoted: Vec<String> = valid.iter().map(|v| format!("{:?}", v.as_ref())).collect();
            format!("supported values: {}", quoted.join(", "))
        };
        Self::valued(path, FieldErrorKind::NotSupported, &print(value), &detail)
    }

    /// `path: Too long: may not be more than N bytes`.
    pub fn too_long(path: impl Into<String>, max: usize) -> Self {
        let detail = format!("may not be more than {max} bytes");
        Self::bare(path, FieldErrorKind::TooLong, &detail)
    }

    /// `path: Too many: N: must have at most M items`.
    pub fn too_many(path: impl Into<String>, actual: usize, max: usize) -> Self {
        let unit = if max == 1 { "item" } else { "items" };
        Self::valued(
            path,
            FieldErrorKind::TooMany,
            &actual.to_string(),
            &format!("must have at most {max} {unit}"),
        )
    }

    /// `path: word: detail`, without the value.
    pub fn bare(path: impl Into<String>, kind: FieldErrorKind, detail: &str) -> Self {
        let message = match detail {
            "" => kind.word().to_owned(),
            _ => format!("{}: {detail}", kind.word()),
        };
        Self {
            path: path.into(),
            kind,
            message,
        }
    }

    fn valued(path: impl Into<String>, kind: FieldErrorKind, value: &str, detail: &str) -> Self {
        let message = match detail {
            "" => format!("{}: {value}", kind.word()),
            _ => format!("{}: {value}: {detail}", kind.word()),
        };
        Self {
            path: path.into(),
            kind,
            message,
        }
    }

    /// The cause a Status carries for it.
    pub fn cause(&self) -> StatusCause {
        StatusCause {
            reason: self.kind.reason(),
            field: self.path.clone(),
            message: self.message.clone(),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// One entry of `details.causes` in a Status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCause {
    /// Machine-readable reason, `FieldValueInvalid` and its like.
    pub reason: &'static str,
    /// Path of the field.
    pub field: String,
    /// Printed error without the path.
    pub message: String,
}

/// Several errors as the API server joins them: one bare, many in brackets, each text once.
pub fn aggregate(errors: &[FieldError]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for error in errors {
        let text = error.to_string();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    match texts.as_slice() {
        [one] => one.clone(),
        _ => format!("[{}]", texts.join(", ")),
    }
}

/// A value as Go prints it in a field error: strings quoted, the rest as JSON with `<`, `>` and `&` escaped.
pub fn print(value: &Value) -> String {
    match value {
        Value::String(text) => go_quote(text),
        Value::Array(_) | Value::Object(_) => {
            let json = value.to_string();
            json.replace('<', "\\u003c")
                .replace('>', "\\u003e")
                .replace('&', "\\u0026")
        }
        _ => value.to_string(),
    }
}

/// A string as Go's `%q` prints it.
pub fn go_quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use krm::json;

    use super::*;

    #[test]
    fn prints_as_upstream_does() {
        let check = |error: FieldError, expect: &str| assert_eq!(error.to_string(), expect);
        check(
            FieldError::required("metadata.name", ""),
            "metadata.name: Required value",
        );
        check(
            FieldError::invalid("spec.x", &json!("a\"b"), "must be c"),
            r#"spec.x: Invalid value: "a\"b": must be c"#,
        );
        check(
            FieldError::not_supported("spec.type", &json!("X"), &["A", "B"]),
            r#"spec.type: Unsupported value: "X": supported values: "A", "B""#,
        );
        check(
            FieldError::duplicate("a[1].name", &json!("x")),
            r#"a[1].name: Duplicate value: "x""#,
        );
        check(
            FieldError::too_long("data", 3),
            "data: Too long: may not be more than 3 bytes",
        );
        check(
            FieldError::too_many("l", 3, 1),
            "l: Too many: 3: must have at most 1 item",
        );
    }
}
