//! The client: one identity on one server.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use clock::Clock;
use http::{Method, Response};
use http_body_util::BodyExt;
use krm::{Gvk, Object, Value};
use serde_json::json;
use tower::ServiceExt;

use crate::request::{Call, JSON, PARTIAL, Patch, Query};
use crate::{Body, BoxError, Error, Mapper, Resource, Status, Transport};

/// The largest answer that is read whole; an API server's largest object is 1.5 MiB, a LIST is paged.
const ANSWER_LIMIT: usize = 256 << 20;

/// How long a request may take that is no watch.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Objects per page of a LIST.
const PAGE: usize = 500;

/// One identity on one server. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
    clock: Clock,
    mapper: Arc<Mapper>,
    user_agent: Arc<str>,
    impersonate: Option<Arc<str>>,
}

/// A page-joined LIST.
#[derive(Clone, Debug)]
pub struct List {
    /// The objects, in the server's order.
    pub items: Vec<Object>,
    /// The version the list was read at.
    pub resource_version: String,
}

/// How to delete.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delete<'a> {
    /// Only the object with this uid; `""` for whichever is there.
    pub uid: &'a str,
    /// `Background`, `Foreground`, `Orphan`, or `""` for the kind's default.
    pub propagation: &'a str,
}

impl Client {
    /// A client that sends through `transport` and calls itself `user_agent`.
    pub fn new(transport: Transport, clock: Clock, user_agent: &str) -> Self {
        Self {
            transport,
            clock,
            mapper: Arc::default(),
            user_agent: user_agent.into(),
            impersonate: None,
        }
    }

    /// The same server, asked as `user` (`system:serviceaccount:<namespace>:<name>`); the server adds the groups.
    #[must_use]
    pub fn impersonating(&self, user: &str) -> Self {
        Self {
            impersonate: Some(user.into()),
            ..self.clone()
        }
    }

    /// The clock this client's deadlines are told by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The user this client impersonates.
    pub fn impersonated(&self) -> Option<&str> {
        self.impersonate.as_deref()
    }

    /// How the server serves a kind.
    ///
    /// # Errors
    /// [`Error::NoKind`], or whatever discovery gave.
    pub async fn resource(&self, gvk: &Gvk) -> Result<Resource, Error> {
        self.mapper.resource(&self.unimpersonated(), gvk).await
    }

    /// Every kind the server serves.
    ///
    /// # Errors
    /// Whatever discovery gave.
    pub async fn resources(&self) -> Result<Vec<Resource>, Error> {
        self.mapper.all(&self.unimpersonated()).await
    }

    /// Forgets what the server serves: a CustomResourceDefinition has changed.
    pub fn forget_resources(&self) {
        self.mapper.forget();
    }

    fn unimpersonated(&self) -> Self {
        Self {
            impersonate: None,
            ..self.clone()
        }
    }

    /// Reads an object.
    ///
    /// # Errors
    /// See [`Error`]; not found is one ([`Error::is_not_found`]).
    pub async fn get(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Object, Error> {
        object(&self.call(Call::get(resource.path(namespace, name))).await?)
    }

    /// Reads an object's metadata alone.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn get_metadata(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Object, Error> {
        object(
            &self
                .call(Call {
                    accept: PARTIAL,
                    ..Call::get(resource.path(namespace, name))
                })
                .await?,
        )
    }

    /// Reads an object that may not exist.
    ///
    /// # Errors
    /// As [`Client::get`], but for not found.
    pub async fn find(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Object>, Error> {
        match self.get(resource, namespace, name).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists a collection whole, page by page; `namespace` is `""` for all.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn list(
        &self,
        resource: &Resource,
        namespace: &str,
        query: Query,
    ) -> Result<List, Error> {
        let mut list = List {
            items: Vec::new(),
            resource_version: String::new(),
        };
        let mut more = String::new();
        loop {
            let query = query
                .clone()
                .with("limit", &PAGE.to_string())
                .with_some("continue", &more);
            let bytes = self
                .call(Call::get(query.on(&resource.path(namespace, ""))))
                .await?;
            let mut page: Value = serde_json::from_slice(&bytes)
                .map_err(|error| Error::Answer(format!("list: {error}")))?;
            let meta = |key: &str| {
                page.pointer(key)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            more = meta("/metadata/continue");
            list.resource_version = meta("/metadata/resourceVersion");
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                list.items.extend(
                    items
                        .into_iter()
                        .filter_map(|item| typed(item, &resource.gvk)),
                );
            }
            if more.is_empty() {
                return Ok(list);
            }
        }
    }

    /// Creates an object.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn create(
        &self,
        resource: &Resource,
        object: &Object,
        query: Query,
    ) -> Result<Object, Error> {
        let uri = query.on(&resource.path(object.namespace().unwrap_or_default(), ""));
        self.write(Method::POST, uri, JSON, object.fields()).await
    }

    /// Replaces an object.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn update(
        &self,
        resource: &Resource,
        object: &Object,
        query: Query,
    ) -> Result<Object, Error> {
        let uri = query.on(&resource.path(object.namespace().unwrap_or_default(), object.name()));
        self.write(Method::PUT, uri, JSON, object.fields()).await
    }

    /// Patches an object or, with `name` = `x/status`, its subresource.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn patch(
        &self,
        target: Target<'_>,
        patch: Patch,
        body: &Value,
        query: Query,
    ) -> Result<Object, Error> {
        let uri = query.on(&target.resource.path(target.namespace, target.name));
        self.write(Method::PATCH, uri, patch.media_type(), body)
            .await
    }

    /// Deletes an object. It may live on until its finalizers are done.
    ///
    /// # Errors
    /// See [`Error`]; not found is one.
    pub async fn delete(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        how: Delete<'_>,
    ) -> Result<(), Error> {
        let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions"});
        if !how.propagation.is_empty() {
            options["propagationPolicy"] = how.propagation.into();
        }
        if !how.uid.is_empty() {
            options["preconditions"] = json!({"uid": how.uid});
        }
        let body = Bytes::from(options.to_string());
        self.call(Call::send(
            Method::DELETE,
            resource.path(namespace, name),
            JSON,
            body,
        ))
        .await
        .map(drop)
    }

    /// Sends `body` about an object or, with `name` = `x/binding`, about its subresource, by any method.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn send(
        &self,
        method: Method,
        target: Target<'_>,
        body: &Value,
    ) -> Result<Object, Error> {
        let uri = target.resource.path(target.namespace, target.name);
        self.write(method, uri, JSON, body).await
    }

    /// Any GET whose answer is read whole, such as `/version`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn raw(&self, uri: &str) -> Result<Bytes, Error> {
        self.call(Call::get(uri.into())).await
    }

    async fn write(
        &self,
        method: Method,
        uri: String,
        media_type: &'static str,
        body: &impl serde::Serialize,
    ) -> Result<Object, Error> {
        let body = serde_json::to_vec(body).map_err(|error| Error::Answer(error.to_string()))?;
        object(
            &self
                .call(Call::send(method, uri, media_type, body.into()))
                .await?,
        )
    }

    pub(crate) async fn call(&self, call: Call) -> Result<Bytes, Error> {
        let deadline = self.clock.after(REQUEST_TIMEOUT);
        let answer = async {
            let response = self.open(call).await?;
            read(response).await
        };
        self.clock
            .timeout_at(deadline, answer)
            .await
            .map_err(|_| Error::Deadline)?
    }

    /// Sends and returns once the head of a good answer is there; its body is the caller's. (Boxed: the compiler cannot show a future over a boxed
    /// service to be `Send` from afar.)
    pub(crate) fn open(
        &self,
        call: Call,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>> {
        let request = call.into_request(&self.user_agent, self.impersonate.as_deref());
        let request = match request {
            Ok(request) => request,
            Err(error) => {
                return Box::pin(std::future::ready(Err(Error::Answer(error.to_string()))));
            }
        };
        let answer: Answer = Box::pin(self.transport.clone().oneshot(request));
        Box::pin(async move {
            let response = answer
                .await
                .map_err(|error| Error::Transport(error.to_string()))?;
            if response.status().is_success() {
                return Ok(response);
            }
            let code = response.status().as_u16();
            let bytes = read(response).await?;
            let mut status: Status = serde_json::from_slice(&bytes).unwrap_or_default();
            status.code = code;
            if status.message.is_empty() {
                status.message = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)])
                    .trim()
                    .to_owned();
            }
            Err(Error::Status(Box::new(status)))
        })
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

/// Which object a patch goes to.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its kind.
    pub resource: &'a Resource,
    /// Its namespace, `""` for cluster-scoped kinds.
    pub namespace: &'a str,
    /// Its name, with `/status` or another subresource appended.
    pub name: &'a str,
}

async fn read(response: Response<Body>) -> Result<Bytes, Error> {
    let mut body = response.into_body();
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Error::Transport(error.to_string()))?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > ANSWER_LIMIT {
                return Err(Error::Answer(format!("over {ANSWER_LIMIT} bytes")));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.freeze())
}

fn object(bytes: &[u8]) -> Result<Object, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::Answer(error.to_string()))
}

/// List items come without apiVersion and kind for built-in kinds.
pub(crate) fn typed(mut item: Value, gvk: &Gvk) -> Option<Object> {
    let map = item.as_object_mut()?;
    map.entry("apiVersion")
        .or_insert_with(|| gvk.api_version().into());
    map.entry("kind").or_insert_with(|| gvk.kind.clone().into());
    Object::try_from(item).ok()
}
