//! Kubernetes' types as data: one table drives decoding, normalisation, defaults, validation and merging.
//!
//! [`builtin`] holds every kind that the API server compiles in; [`Kind`] is the one handle on a kind, built in or
//! defined by a CustomResourceDefinition, with the same methods for both.
//!
//! Pure: no I/O, clock, randomness or async.

mod custom;
mod decode;
mod defaults;
pub mod error;
mod json;
mod kind;
mod merge;
mod openapi;
mod proto;
pub mod quantity;
pub mod resource;
mod strategic;
pub mod structural;
mod table;
mod time;
mod validation;
mod yaml;

pub use error::{DecodeError, FieldError, FieldErrorKind, StatusCause};
pub use kind::{CustomKind, Decoded, FieldValidation, Kind, Media};
pub use resource::{Column, Resource, Subresource};
pub use strategic::StrategicType;
pub use table::{Types, builtin};
