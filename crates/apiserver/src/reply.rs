//! Answers.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use krm::Value;

use crate::BoxBody;
use crate::status::ApiError;

/// An answer before it is put into a form.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A JSON document.
    Json(StatusCode, Bytes),
    /// Plain text.
    Text(StatusCode, String),
    /// A response that is ready as it is: a stream.
    Ready(Response<BoxBody>),
}

impl Reply {
    /// A document.
    pub(crate) fn value(code: StatusCode, value: &Value) -> Self {
        Self::Json(code, value.to_string().into())
    }

    /// 200 with a document.
    pub(crate) fn ok(value: &Value) -> Self {
        Self::value(StatusCode::OK, value)
    }

    /// Go's answer where no handler is.
    pub(crate) fn no_page() -> Self {
        Self::Text(StatusCode::NOT_FOUND, "404 page not found\n".to_owned())
    }

    /// The HTTP status.
    pub(crate) fn code(&self) -> StatusCode {
        match self {
            Self::Json(code, _) | Self::Text(code, _) => *code,
            Self::Ready(response) => response.status(),
        }
    }

    /// The response, its document in YAML where asked for.
    pub(crate) fn into_response(self, yaml: bool) -> Response<BoxBody> {
        match self {
            Self::Ready(response) => response,
            Self::Text(code, text) => respond(code, "text/plain; charset=utf-8", text.into()),
            Self::Json(code, bytes) if yaml => {
                let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                respond(code, "application/yaml", krm::yaml::emit(&value).into())
            }
            Self::Json(code, bytes) => respond(code, "application/json", bytes),
        }
    }
}

impl From<&ApiError> for Reply {
    fn from(error: &ApiError) -> Self {
        Self::value(error.code(), &error.to_value())
    }
}

fn respond(code: StatusCode, media: &'static str, bytes: Bytes) -> Response<BoxBody> {
    let mut response = Response::new(full(bytes));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, private"),
    );
    response
}

/// A body that is there at once.
pub(crate) fn full(bytes: Bytes) -> BoxBody {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}
