//! What can go wrong with a request.

use serde::Deserialize;

use krm::Gvk;

/// Why a request did not do what it should.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused; prints as the server's own message.
    #[error("{0}")]
    Status(Box<Status>),
    /// The server serves no such kind.
    #[error("no matches for kind {:?} in version {:?}", .0.kind, .0.api_version())]
    NoKind(Gvk),
    /// No answer came.
    #[error("{0}")]
    Transport(String),
    /// The answer was not what it should be.
    #[error("unexpected answer from the API server: {0}")]
    Answer(String),
    /// The deadline passed.
    #[error("context deadline exceeded")]
    Deadline,
}

/// `metav1.Status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The HTTP code.
    pub code: u16,
    /// A word for a machine, such as `Forbidden`.
    pub reason: String,
    /// A sentence for a person.
    pub message: String,
    /// More.
    pub details: Option<Details>,
}

/// `metav1.StatusDetails`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Details {
    /// One entry per cause.
    pub causes: Vec<Cause>,
    /// How long to wait, seconds.
    #[serde(rename = "retryAfterSeconds")]
    pub retry_after_seconds: u64,
}

/// `metav1.StatusCause`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cause {
    /// A word for a machine, such as `FieldManagerConflict`.
    pub reason: String,
    /// A sentence for a person.
    pub message: String,
    /// Which field.
    pub field: String,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.message.is_empty() {
            write!(f, "HTTP status {}", self.code)
        } else {
            f.write_str(&self.message)
        }
    }
}

impl Error {
    /// The server's status, where it gave one.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Status(status) => Some(status),
            _ => None,
        }
    }

    /// The HTTP code, where the server gave one.
    pub fn code(&self) -> Option<u16> {
        self.status().map(|status| status.code)
    }

    /// The server's reason, `""` where it gave none.
    pub fn reason(&self) -> &str {
        self.status().map_or("", |status| &status.reason)
    }

    /// The object does not exist.
    pub fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }

    /// The identity may not.
    pub fn is_forbidden(&self) -> bool {
        self.code() == Some(403)
    }

    /// Somebody else was faster, or holds the fields.
    pub fn is_conflict(&self) -> bool {
        self.code() == Some(409) && self.reason() != "AlreadyExists"
    }

    /// The resource version is too old.
    pub fn is_gone(&self) -> bool {
        self.code() == Some(410)
    }

    /// Whether the error says that a field may not be changed: fluxcd/pkg/ssa reads every Conflict and Invalid so, and
    /// whatever says "is immutable" or "immutable field".
    pub fn is_immutable(&self) -> bool {
        matches!(self.reason(), "Conflict" | "Invalid") || {
            let text = self.to_string();
            text.contains("is immutable") || text.contains("immutable field")
        }
    }

    /// Whether a cause carries `reason`.
    pub fn has_cause(&self, reason: &str) -> bool {
        let details = self.status().and_then(|status| status.details.as_ref());
        details.is_some_and(|details| details.causes.iter().any(|cause| cause.reason == reason))
    }
}
