//! Something that answers requests as a Kubernetes API does.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::TryFutureExt;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use tower::{Service, ServiceExt};

/// A body as it crosses a [`Target`].
pub type Body = UnsyncBoxBody<Bytes, BoxError>;
/// Whatever a transport fails with.
pub type BoxError = Box<dyn Error + Send + Sync>;
/// The answer that is to come.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send + 'a>>;

/// Who sends, before any impersonation or token in the headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// `kubernetes-admin` of `system:masters`.
    Administrator,
    /// A connection without a client certificate.
    Nobody,
}

/// A Kubernetes API.
pub trait Target: Send + Sync {
    /// Sends one request; the body of the answer may go on for as long as a watch does.
    fn send(&self, who: Who, request: Request<Bytes>) -> Answer<'_>;
}

/// A `tower` service as a target: called with who sends, it gives the service to ask.
pub struct InProcess<F>(pub F);

impl<F, S> Target for InProcess<F>
where
    F: Fn(Who) -> S + Send + Sync,
    S: Service<Request<Body>, Response = Response<Body>> + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    fn send(&self, who: Who, request: Request<Bytes>) -> Answer<'_> {
        let service = (self.0)(who);
        let request: Request<Body> = request.map(|bytes| {
            Full::new(bytes)
                .map_err(|never| match never {})
                .boxed_unsync()
        });
        Box::pin(service.oneshot(request).map_err(Into::into))
    }
}

/// Reads a body to its end.
///
/// # Errors
/// When the transport breaks before the end.
pub async fn collect(body: Body) -> Result<Bytes, BoxError> {
    Ok(body.collect().await?.to_bytes())
}
