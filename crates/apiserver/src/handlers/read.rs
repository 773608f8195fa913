//! `get` and `watch`.

use std::time::Duration;

use http::StatusCode;
use schema::FieldError;

use super::writer;
use crate::context::Context;
use crate::reply::Reply;
use crate::selector::Selector;
use crate::status::{ApiError, GroupResource};
use crate::store::Scope;
use crate::watch::{Start, Watch};

/// The option that says how a resourceVersion is meant.
pub(super) const MATCH: &str = "resourceVersionMatch";

/// One object. A resourceVersion asks for one that is not older.
pub(super) fn get(cx: &mut Context) -> Result<Reply, ApiError> {
    not_in_the_future(cx, cx.asked("resourceVersion"))?;
    let stored = cx.server.store().get(cx.resource.stored_as(), &cx.key());
    let stored =
        stored.ok_or_else(|| ApiError::not_found(&cx.resource.group_resource(), &cx.info.name))?;
    Ok(Reply::Json(StatusCode::OK, writer(cx).one(&stored)))
}

/// A number out of the query.
pub(super) fn number(text: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| {
        let text = schema::error::go_quote(text);
        ApiError::bad_request(format!("strconv.ParseInt: parsing {text}: invalid syntax"))
    })
}

/// A resourceVersion out of the query.
pub(super) fn version(text: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| {
        let text = schema::error::go_quote(text);
        ApiError::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: {text}: strconv.ParseUint: parsing {text}: invalid syntax"
        ))
    })
}

/// Refuses a resourceVersion that is yet to come.
pub(super) fn not_in_the_future(cx: &Context, text: &str) -> Result<(), ApiError> {
    if text.is_empty() {
        return Ok(());
    }
    let (asked, current) = (version(text)?, cx.server.store().version());
    if asked > current {
        return Err(ApiError::future_version(asked, current));
    }
    Ok(())
}

/// The selector of a request about many objects.
pub(super) fn selector(cx: &Context) -> Result<Selector, ApiError> {
    let (labels, fields) = (cx.asked("labelSelector"), cx.asked("fieldSelector"));
    Selector::parse(&cx.resource, labels, fields)
}

/// The namespace a request about many objects is limited to.
pub(super) fn namespace(cx: &Context, selector: &Selector) -> Option<String> {
    if !cx.resource.namespaced() {
        return None;
    }
    match cx.info.namespace.as_str() {
        "" => selector.pinned("metadata.namespace").map(str::to_owned),
        namespace => Some(namespace.to_owned()),
    }
}

/// Refuses options that make no sense together.
pub(super) fn check_options(errors: &[FieldError]) -> Result<(), ApiError> {
    if errors.is_empty() {
        return Ok(());
    }
    let of = GroupResource::new("meta.k8s.io", "ListOptions");
    Err(ApiError::invalid(&of, "", errors))
}

/// What a watch's options forbid together, and where it starts.
fn start(cx: &Context) -> Result<Start, ApiError> {
    let (from, matching) = (cx.asked("resourceVersion"), cx.asked(MATCH));
    let initial = cx.query.get("sendInitialEvents").filter(|v| !v.is_empty());
    let mut errors = Vec::new();
    let mut forbid = |why: &str| errors.push(FieldError::forbidden(MATCH, why));
    match initial {
        None if !matching.is_empty() => {
            forbid(
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            );
        }
        Some(_) if matching.is_empty() => {
            forbid("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        }
        Some(_) if !cx.asked("continue").is_empty() => {
            forbid("resourceVersionMatch is forbidden when continue is provided");
        }
        Some(_) if matching != "NotOlderThan" => {
            let known = ["NotOlderThan"];
            errors.push(FieldError::not_supported(MATCH, &matching.into(), &known));
        }
        _ => {}
    }
    check_options(&errors)?;
    if matches!(initial, Some("true" | "1")) {
        not_in_the_future(cx, from)?;
        return Ok(Start::Everything { marked: true });
    }
    match from {
        "" | "0" if initial.is_some() => Ok(Start::Now),
        "" | "0" => Ok(Start::Everything { marked: false }),
        from => Ok(Start::After(version(from)?)),
    }
}

/// What happens from now on (or from a version on).
pub(super) fn watch(cx: &mut Context) -> Result<Reply, ApiError> {
    let selector = selector(cx)?;
    let timeout = match cx.asked("timeoutSeconds") {
        "" | "0" => None,
        text => Some(Duration::from_secs(number(text)?)),
    };
    let name = match cx.info.name.as_str() {
        "" => selector.pinned("metadata.name").map(str::to_owned),
        name => Some(name.to_owned()),
    };
    let watch = Watch {
        scope: Scope {
            namespace: namespace(cx, &selector),
            name,
        },
        resource: cx.resource.clone(),
        selector,
        start: start(cx)?,
        bookmarks: cx.query.flag("allowWatchBookmarks"),
        timeout,
        writer: writer(cx),
    };
    crate::watch::watch(&cx.server, watch)
}
