//! The path of every request: who, whether, what; then the log.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::Body;
use http_body_util::BodyExt;

use crate::auth::{self, Attributes, User};
use crate::context::Context;
use crate::registry::Registry;
use crate::reply::Reply;
use crate::request::{Query, RequestInfo};
use crate::status::ApiError;
use crate::{BoxBody, Caller, Server, handlers, log, negotiate};

/// The API as seen by one caller.
#[derive(Clone, Debug)]
pub struct Service {
    server: Server,
    caller: Caller,
}

/// Bytes a request's body may have.
const BODY: usize = 3 << 20;

impl Service {
    pub(crate) fn new(server: Server, caller: Caller) -> Self {
        Self { server, caller }
    }

    /// Answers one request; it counts as work under way until its answer is there. As [`tower::Service::call`], for who
    /// has no use for a `Result`.
    pub fn send(
        &self,
        request: Request<BoxBody>,
    ) -> Pin<Box<dyn Future<Output = Response<BoxBody>> + Send>> {
        let Self { server, caller } = self.clone();
        let busy = server.activity().begin();
        Box::pin(async move {
            let response = answer(server, caller, request).await;
            drop(busy);
            response
        })
    }
}

impl tower::Service<Request<BoxBody>> for Service {
    type Response = Response<BoxBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<BoxBody>) -> Self::Future {
        let response = self.send(request);
        Box::pin(async move { Ok(response.await) })
    }
}

/// What is known of a request, as far as it has come.
struct Seen {
    info: RequestInfo,
    query: Query,
    headers: HeaderMap,
    user: String,
    impersonator: String,
    received: usize,
    warnings: Vec<String>,
    yaml: bool,
}

async fn answer(server: Server, caller: Caller, request: Request<BoxBody>) -> Response<BoxBody> {
    let (parts, body) = request.into_parts();
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let path = crate::request::percent_decode(parts.uri.path(), false);
    let parsed = RequestInfo::parse(&parts.method, &path, &query);
    let mut seen = Seen {
        info: parsed.clone().unwrap_or_default(),
        query,
        headers: parts.headers,
        user: String::new(),
        impersonator: String::new(),
        received: 0,
        warnings: Vec::new(),
        yaml: false,
    };
    let reply = match parsed {
        Ok(_) => run(&server, &caller, &parts.method, &mut seen, body).await,
        Err(bad) => Err(ApiError::internal(bad)),
    };
    let (reply, retry) = match reply {
        Ok(reply) => (reply, 0),
        Err(error) => (Reply::from(&error), error.retry_after_seconds()),
    };
    finish(&server, seen, reply, retry)
}

/// Puts the answer into its form and logs it.
fn finish(server: &Server, seen: Seen, reply: Reply, retry: u32) -> Response<BoxBody> {
    let code = reply.code().as_u16();
    let mut response = reply.into_response(seen.yaml);
    let headers = response.headers_mut();
    for warning in &seen.warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            headers.append(http::header::WARNING, value);
        }
    }
    if retry > 0 {
        headers.insert(http::header::RETRY_AFTER, retry.into());
    }
    let sent = response.body().size_hint().exact().unwrap_or_default();
    server.log().push(log::Entry {
        number: 0,
        at: server.clock().now(),
        user: seen.user,
        impersonator: seen.impersonator,
        dry_run: seen.query.get("dryRun") == Some("All"),
        manager: seen
            .query
            .get("fieldManager")
            .unwrap_or_default()
            .to_owned(),
        info: seen.info,
        received: seen.received,
        sent: usize::try_from(sent).unwrap_or_default(),
        code,
    });
    response
}

async fn run(
    server: &Server,
    caller: &Caller,
    method: &Method,
    seen: &mut Seen,
    body: BoxBody,
) -> Result<Reply, ApiError> {
    let user = who(server, caller, seen)?;
    let asked = Attributes::of(&user, &seen.info);
    let decision = auth::authorize(server, &asked);
    if !decision.allowed {
        return Err(ApiError::denied(&asked, &decision.reason));
    }
    let body = read(body).await?;
    seen.received = body.len();
    if !seen.info.is_resource {
        return crate::plain::plain(
            server,
            method,
            (&seen.info.path, &seen.query),
            &seen.headers,
        );
    }
    let registry = server.registry();
    let info = &seen.info;
    let Some(resource) = registry.get(&info.group, &info.version, &info.resource) else {
        return not_served(&registry, &info.group);
    };
    let form = negotiate::form(&seen.headers)?;
    seen.yaml = form.yaml;
    let mut context = Context {
        server: server.clone(),
        info: seen.info.clone(),
        user,
        query: seen.query.clone(),
        headers: seen.headers.clone(),
        resource: resource.clone(),
        form,
        body,
        warnings: resource
            .custom()
            .and_then(|custom| custom.deprecation.clone())
            .into_iter()
            .collect(),
    };
    let reply = handlers::resource(&mut context);
    seen.warnings = context.warnings;
    reply
}

/// The answer where a group has no such resource: the router knows built-in groups, and nothing of others.
fn not_served(registry: &Registry, group: &str) -> Result<Reply, ApiError> {
    let is_builtin = registry
        .iter()
        .any(|resource| resource.facts().group == group && resource.custom().is_none());
    if is_builtin {
        Err(ApiError::no_such_path())
    } else {
        Ok(Reply::no_page())
    }
}

/// Authenticates and impersonates.
fn who(server: &Server, caller: &Caller, seen: &mut Seen) -> Result<User, ApiError> {
    let user = match caller {
        Caller::InProcess(user) => user.clone(),
        Caller::Network(certificate) => {
            auth::authenticate(server, &seen.headers, certificate.as_ref())?
        }
    };
    user.name.clone_into(&mut seen.user);
    let Some(other) = auth::impersonate(server, &user, &seen.info, &seen.headers)? else {
        return Ok(user);
    };
    seen.impersonator = std::mem::replace(&mut seen.user, other.name.clone());
    Ok(other)
}

async fn read(mut body: BoxBody) -> Result<Bytes, ApiError> {
    let mut out = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ApiError::bad_request(error.to_string()))?;
        if let Ok(data) = frame.into_data() {
            if out.len() + data.len() > BODY {
                return Err(ApiError::too_large(&format!("limit is {BODY}")));
            }
            out.extend_from_slice(&data);
        }
    }
    Ok(out.freeze())
}
