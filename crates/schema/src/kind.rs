//! The one handle on a kind, built in or custom.

use std::sync::Arc;

use krm::{Gvk, Value};

use crate::error::{DecodeError, FieldError};

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`.
    Json,
    /// `application/yaml`.
    Yaml,
    /// `application/vnd.kubernetes.protobuf`.
    Protobuf,
}

/// What unknown and duplicate fields lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldValidation {
    /// They are errors.
    Strict,
    /// They are dropped, with a warning each.
    Warn,
    /// They are dropped.
    Ignore,
}

/// A decoded body.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The object, normalised as a Go server would read and write it.
    pub object: Value,
    /// Texts for the `Warning` header.
    pub warnings: Vec<String>,
}

/// A kind: how its bodies are read, completed, judged and merged. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Kind(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    gvk: Gvk,
}

impl Kind {
    /// Its group, version and kind.
    pub fn gvk(&self) -> &Gvk {
        &self.0.gvk
    }

    /// Reads a body: parses, checks types, drops or refuses unknown fields, normalises. Sets nothing.
    ///
    /// An absent `apiVersion` or `kind` is filled in; another one is [`DecodeError::WrongKind`].
    pub fn decode(
        &self,
        bytes: &[u8],
        _media: Media,
        _validation: FieldValidation,
    ) -> Result<Decoded, DecodeError> {
        let object =
            serde_json::from_slice(bytes).map_err(|e| DecodeError::Malformed(e.to_string()))?;
        Ok(Decoded {
            object,
            warnings: Vec::new(),
        })
    }

    /// Brings an object into the form in which the server stores it: unknown fields and empties dropped, quantities
    /// and times canonical. For objects made by patches; [`Kind::decode`] has done it already.
    pub fn normalize(&self, _object: &mut Value) {}

    /// Sets defaults.
    pub fn default(&self, _object: &mut Value) {}

    /// Judges a new object.
    pub fn validate_create(&self, _object: &Value) -> Vec<FieldError> {
        Vec::new()
    }

    /// Judges a changed object.
    pub fn validate_update(&self, _new: &Value, _old: &Value) -> Vec<FieldError> {
        Vec::new()
    }
}
