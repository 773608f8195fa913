//! Kubernetes' types as data: one table drives decoding, normalisation, defaults, validation and merging.
//!
//! [`builtin`] holds every kind that the API server compiles in; [`Kind`] is the one handle on a kind, built in or
//! defined by a CustomResourceDefinition, with the same methods for both.
//!
//! Pure: no I/O, clock, randomness or async.

pub mod error;
mod kind;
pub mod resource;

pub use error::{DecodeError, FieldError, FieldErrorKind, StatusCause};
pub use kind::{Decoded, FieldValidation, Kind, Media};
pub use resource::{Column, Resource, Subresource};
