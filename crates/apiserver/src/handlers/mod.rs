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
    if !serves(cx) {
        return Err(unserved(cx));
    }
    let verb = cx.info.verb.clone();
    let is_everywhere = cx.resource.namespaced() && cx.info.namespace.is_empty();
    if is_everywhere && !matches!(verb.as_str(), "list" | "watch") {
        return Err(ApiError::method_not_allowed());
    }
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
