//! How a controller speaks to the API: through the service, as its ServiceAccount.

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use krm::Value;
use tower::Service as _;

use crate::registry::Resource;
use crate::store::Key;
use crate::{BoxBody, Caller, Server, Service, User};

/// A controller's client.
#[derive(Clone, Debug)]
pub(super) struct Client {
    server: Server,
    service: Service,
}

/// The API refused.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) code: StatusCode,
    /// The message.
    pub(super) message: String,
}

impl Refusal {
    /// Whether the object does not exist (any more).
    pub(super) fn is_not_found(&self) -> bool {
        self.code == StatusCode::NOT_FOUND
    }

    /// Whether the object changed, or exists already.
    pub(super) fn is_conflict(&self) -> bool {
        self.code == StatusCode::CONFLICT
    }
}

/// A body and how it is to be read.
pub(super) enum Body<'a> {
    /// An object.
    Json(&'a Value),
    /// A merge patch.
    Merge(&'a Value),
    /// What a server-side apply applies.
    Apply(&'a Value),
}

impl Client {
    /// The client of the controller that runs as the ServiceAccount `name` in `kube-system`.
    pub(super) fn new(server: &Server, name: &str) -> Self {
        let user = User::service_account("kube-system", name);
        Self {
            server: server.clone(),
            service: server.service(Caller::InProcess(user)),
        }
    }

    /// The server.
    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Sends a request; `path` may carry a query.
    ///
    /// # Errors
    /// The API's refusal.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Body<'_>>,
    ) -> Result<Value, Refusal> {
        let (media, bytes) = match &body {
            None => ("application/json", Vec::new()),
            Some(Body::Json(value)) => ("application/json", value.to_string().into_bytes()),
            Some(Body::Merge(value)) => (
                "application/merge-patch+json",
                value.to_string().into_bytes(),
            ),
            Some(Body::Apply(value)) => (
                "application/apply-patch+yaml",
                value.to_string().into_bytes(),
            ),
        };
        let body: BoxBody = Full::from(bytes)
            .map_err(|never| match never {})
            .boxed_unsync();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", media)
            .header("accept", "application/json")
            .header("user-agent", "kube-controller-manager/v1.36.3")
            .body(body);
        let failed = |message: String| Refusal {
            code: StatusCode::INTERNAL_SERVER_ERROR,
            message,
        };
        let request = request.map_err(|error| failed(error.to_string()))?;
        let response = match self.service.clone().call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let code = response.status();
        let bytes = response.into_body().collect().await;
        let bytes = bytes.map_err(|error| failed(error.to_string()))?.to_bytes();
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if code.is_success() {
            return Ok(answer);
        }
        let message = answer["message"].as_str().unwrap_or_default().to_owned();
        Err(Refusal { code, message })
    }
}

/// The path of a resource's collection in a namespace (or of all, for cluster-scoped ones).
pub(super) fn collection(resource: &Resource, namespace: &str) -> String {
    let facts = resource.facts();
    let root = if facts.group.is_empty() {
        format!("/api/{}", facts.version)
    } else {
        format!("/apis/{}/{}", facts.group, facts.version)
    };
    if namespace.is_empty() {
        format!("{root}/{}", facts.plural)
    } else {
        format!("{root}/namespaces/{namespace}/{}", facts.plural)
    }
}

/// The path of one object.
pub(super) fn object(resource: &Resource, key: &Key) -> String {
    format!("{}/{}", collection(resource, &key.namespace), key.name)
}
