//! Requests, built without being sent.

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};

use crate::Body;

/// How a PATCH body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patch {
    /// Server-side apply.
    Apply,
    /// RFC 7396.
    Merge,
    /// RFC 6902.
    Json,
}

impl Patch {
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Apply => "application/apply-patch+yaml",
            Self::Merge => "application/merge-patch+json",
            Self::Json => "application/json-patch+json",
        }
    }
}

/// A query string under construction.
#[derive(Clone, Debug, Default)]
pub struct Query(String);

impl Query {
    /// An empty query.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `key=value`, percent-encoded.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(key);
        self.0.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                self.0.push(char::from(byte));
            } else {
                self.0.push_str(&format!("%{byte:02X}"));
            }
        }
        self
    }

    /// Adds `key=value` where there is a value.
    #[must_use]
    pub fn with_some(self, key: &str, value: &str) -> Self {
        if value.is_empty() {
            self
        } else {
            self.with(key, value)
        }
    }

    pub(crate) fn on(&self, path: &str) -> String {
        if self.0.is_empty() {
            path.into()
        } else {
            format!("{path}?{}", self.0)
        }
    }
}

/// What to send; [`crate::Client`] adds who sends it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) uri: String,
    pub(crate) accept: &'static str,
    pub(crate) content: Option<(&'static str, Bytes)>,
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const PARTIAL: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

impl Call {
    pub(crate) fn get(uri: String) -> Self {
        Self {
            method: Method::GET,
            uri,
            accept: JSON,
            content: None,
        }
    }

    pub(crate) fn send(method: Method, uri: String, media_type: &'static str, body: Bytes) -> Self {
        Self {
            method,
            uri,
            accept: JSON,
            content: Some((media_type, body)),
        }
    }

    pub(crate) fn into_request(
        self,
        user_agent: &str,
        impersonate: Option<&str>,
    ) -> http::Result<Request<Body>> {
        let mut builder = Request::builder()
            .method(self.method)
            .uri(self.uri)
            .header(header::ACCEPT, self.accept)
            .header(header::USER_AGENT, user_agent);
        if let Some(user) = impersonate {
            builder = builder.header("Impersonate-User", user);
        }
        let bytes = match self.content {
            Some((media_type, bytes)) => {
                builder = builder.header(header::CONTENT_TYPE, media_type);
                bytes
            }
            None => Bytes::new(),
        };
        builder.body(
            Full::new(bytes)
                .map_err(|never| match never {})
                .boxed_unsync(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_percent_encoded() {
        let query = Query::new()
            .with("labelSelector", "a=b,c in (d)")
            .with_some("continue", "");
        assert_eq!(
            query.on("/api/v1/pods"),
            "/api/v1/pods?labelSelector=a%3Db%2Cc%20in%20%28d%29"
        );
    }
}
