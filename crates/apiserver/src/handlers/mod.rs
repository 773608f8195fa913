//! What each verb does.

use http::StatusCode;
use krm::Value;

use crate::context::Context;
use crate::reply::Reply;
use crate::status::ApiError;
use crate::table::Include;
use crate::transform::Writer;
use crate::write::Outcome;

mod create;
mod delete;
mod list;
mod options;
mod patch;
mod read;
mod scale;
mod update;

/// A request about a resource.
pub(crate) fn resource(cx: &mut Context) -> Result<Reply, ApiError> {
    check_place(cx)?;
    if let Some(purpose) = container_purpose(cx) {
        return Err(no_container(cx, purpose));
    }
    if !serves(cx) {
        return Err(unserved(cx));
    }
    check_transform(cx)?;
    let verb = cx.info.verb.clone();
    match (verb.as_str(), cx.info.subresource.as_str()) {
        (verb, "scale") => scale::scale(cx, verb),
        ("get", _) => read::get(cx),
        ("list", _) => list::list(cx),
        ("watch", _) => read::watch(cx),
        ("create", _) => create::create(cx),
        ("update", _) => update::update(cx),
        ("patch", _) => patch::patch(cx),
        ("delete", _) => delete::delete(cx),
        ("deletecollection", _) => delete::collection(cx),
        _ => Err(ApiError::method_not_allowed()),
    }
}

/// What a request wants of a running container, if it wants one.
fn container_purpose(cx: &Context) -> Option<&'static str> {
    let info = &cx.info;
    if !info.group.is_empty() {
        return None;
    }
    match (info.resource.as_str(), info.subresource.as_str()) {
        ("pods", "log") => Some("there are no logs"),
        ("pods", "exec") => Some("no command can be run"),
        ("pods", "attach") => Some("there is nothing to attach to"),
        ("pods", "portforward") => Some("no port can be forwarded"),
        ("pods" | "services" | "nodes", "proxy") => Some("nothing answers behind the proxy"),
        _ => None,
    }
}

fn no_container(cx: &Context, purpose: &str) -> ApiError {
    let of = cx.resource.group_resource();
    if cx
        .server
        .store()
        .get(cx.resource.stored_as(), &cx.key())
        .is_none()
    {
        return ApiError::not_found(&of, &cx.info.name);
    }
    ApiError::bad_request(format!("no container runs here, so {purpose}"))
}

/// Whether such a path exists and takes the verb: scope and name must fit.
fn check_place(cx: &Context) -> Result<(), ApiError> {
    let (info, is_namespaced) = (&cx.info, cx.resource.namespaced());
    let is_nowhere = info.namespace.is_empty();
    // A path names an object by its second segment; a list may be pinned to a name by a selector.
    let is_named = info.parts.len() > 1;
    if is_namespaced == is_nowhere && (is_named || !is_nowhere) {
        let is_namespace = info.resource == "namespaces" && info.group.is_empty();
        let is_review = cx.resource.facts().list_kind.is_empty();
        if !(is_namespace || is_review && is_nowhere) {
            return Err(ApiError::no_such_path());
        }
    }
    let is_fitting = match info.verb.as_str() {
        "create" => (is_named != info.subresource.is_empty()) && !(is_namespaced && is_nowhere),
        "update" | "patch" => is_named,
        "deletecollection" => !(is_namespaced && is_nowhere),
        _ => true,
    };
    if is_fitting {
        Ok(())
    } else {
        Err(ApiError::method_not_allowed())
    }
}

/// Whether the transform asked for fits what is answered: one object or a list.
fn check_transform(cx: &Context) -> Result<(), ApiError> {
    let is_list = cx.info.verb == "list";
    let group = cx.info.group.split('.').next().unwrap_or_default();
    let package = if group.is_empty() { "core" } else { group };
    let facts = cx.resource.facts();
    match cx.form.of_list {
        Some(true) if cx.info.verb == "get" => Err(ApiError::wrong_transform(&format!(
            "you requested PartialObjectMetadataList, but the requested object is not a list (*{package}.{})",
            facts.kind
        ))),
        Some(false) if is_list => Err(ApiError::wrong_transform(&format!(
            "you requested PartialObjectMetadata, but the requested object is a list (*{package}.{})",
            facts.list_kind
        ))),
        _ => Ok(()),
    }
}

/// Whether the resource (or its subresource) has the verb.
fn serves(cx: &Context) -> bool {
    let facts = cx.resource.facts();
    let verb = cx.info.verb.as_str();
    match cx.info.subresource.as_str() {
        "" => facts.serves(verb),
        name => facts
            .subresource(name)
            .is_some_and(|sub| sub.verbs.iter().any(|own| own == verb)),
    }
}

fn unserved(cx: &Context) -> ApiError {
    let name = &cx.info.subresource;
    if !name.is_empty() && cx.resource.facts().subresource(name).is_none() {
        if cx.resource.custom().is_some() {
            return ApiError::not_found(&cx.resource.group_resource(), &cx.info.name);
        }
        return ApiError::no_such_path();
    }
    ApiError::method_not_allowed()
}

/// How this request's answers are written.
fn writer(cx: &Context) -> Writer {
    Writer::new(
        &cx.resource,
        cx.form.shape,
        Include::parse(cx.asked("includeObject")),
        cx.server.clock().now(),
    )
}

/// The answer to a write.
fn written(cx: &Context, code: StatusCode, outcome: &Outcome) -> Reply {
    match outcome {
        Outcome::Stored(stored) => Reply::Json(code, writer(cx).one(stored)),
        Outcome::Dry(value) => Reply::value(code, &writer(cx).shaped(value)),
    }
}

/// 201 or 200.
fn created_or_ok(is_new: bool) -> StatusCode {
    if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    }
}

/// An answer that is no object of the resource: a review, a token, a Scale.
fn other(code: StatusCode, value: &Value) -> Reply {
    Reply::value(code, value)
}
