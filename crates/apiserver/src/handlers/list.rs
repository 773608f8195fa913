//! `list`: a snapshot, whole or in chunks.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::StatusCode;
use krm::{Value, json};
use schema::FieldError;

use super::read::{MATCH, check_options, namespace, not_in_the_future, number, selector};
use super::{read, writer};
use crate::context::Context;
use crate::negotiate::Shape;
use crate::reply::Reply;
use crate::status::ApiError;
use crate::store::{Key, OutOfReach, State, Stored};
use crate::transform::Writer;

/// What a list's options forbid together.
fn check(cx: &Context) -> Result<(), ApiError> {
    let (version, matching) = (cx.asked("resourceVersion"), cx.asked(MATCH));
    let mut errors = Vec::new();
    let mut forbid = |why: &str| errors.push(FieldError::forbidden(MATCH, why));
    if !matching.is_empty() {
        if version.is_empty() {
            forbid("resourceVersionMatch is forbidden unless resourceVersion is provided");
        }
        if !cx.asked("continue").is_empty() {
            forbid("resourceVersionMatch is forbidden when continue is provided");
        }
        if matching == "Exact" && version == "0" {
            forbid("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
        }
        if !matches!(matching, "Exact" | "NotOlderThan") {
            let known = ["Exact", "NotOlderThan", ""];
            errors.push(FieldError::not_supported(MATCH, &matching.into(), &known));
        }
    }
    if !cx.asked("sendInitialEvents").is_empty() {
        let why = "sendInitialEvents is forbidden for list";
        errors.push(FieldError::forbidden("sendInitialEvents", why));
    }
    check_options(&errors)
}

/// Where a list goes on.
struct Continue {
    version: Option<u64>,
    start: Key,
}

/// The token that goes on behind `last` at a version; -1 stands for whatever version there is.
fn encode_continue(version: i64, last: &Key) -> String {
    let start = match last.namespace.as_str() {
        "" => format!("{}\0", last.name),
        namespace => format!("{namespace}/{}\0", last.name),
    };
    let token = json!({"v": "meta.k8s.io/v1", "rv": version, "start": start});
    URL_SAFE_NO_PAD.encode(token.to_string())
}

fn decode_continue(token: &str) -> Result<Continue, ApiError> {
    let bad = |why: &str| {
        ApiError::bad_request(format!(
            "invalid continue token: continue key is not valid: {why}"
        ))
    };
    let bytes = URL_SAFE_NO_PAD.decode(token.trim_end_matches('='));
    let bytes = bytes.map_err(|error| bad(&error.to_string()))?;
    let token: Value = serde_json::from_slice(&bytes).map_err(|error| bad(&error.to_string()))?;
    if token["v"] != "meta.k8s.io/v1" {
        return Err(bad("server does not recognize this encoded version"));
    }
    let start = token["start"].as_str().unwrap_or_default();
    if start.is_empty() {
        return Err(bad("encoded start key empty (version meta.k8s.io/v1)"));
    }
    let (namespace, name) = start.split_once('/').unwrap_or(("", start));
    Ok(Continue {
        version: token["rv"].as_u64(),
        start: Key::new(namespace, name),
    })
}

const CONTINUE_EXPIRED: &str = "The provided continue parameter is too old to display a consistent list result. You can start a \
    new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. \
    Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between \
    the time the first chunk was returned and now may show up in the list.";

/// The state a list reads, and where in it.
fn reading(cx: &Context) -> Result<(State, Key), ApiError> {
    let store = cx.server.store();
    let version = cx.asked("resourceVersion");
    let token = cx.asked("continue");
    if !token.is_empty() {
        if !matches!(version, "" | "0") {
            return Err(ApiError::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        return continued(cx, decode_continue(token)?);
    }
    not_in_the_future(cx, version)?;
    let is_limited = !matches!(cx.asked("limit"), "" | "0");
    let is_exact = match cx.asked(MATCH) {
        "Exact" => true,
        "" => is_limited && !matches!(version, "" | "0"),
        _ => false,
    };
    if !is_exact {
        return Ok((store.state(), Key::default()));
    }
    let state = store.state_at(read::version(version)?).map_err(|_| {
        ApiError::expired(&format!(
            "The resourceVersion for the provided list is too old: {version}"
        ))
    })?;
    Ok((state, Key::default()))
}

fn continued(cx: &Context, token: Continue) -> Result<(State, Key), ApiError> {
    let store = cx.server.store();
    let Some(version) = token.version.filter(|version| *version > 0) else {
        return Ok((store.state(), token.start));
    };
    match store.state_at(version) {
        Ok(state) => Ok((state, token.start)),
        Err(OutOfReach::TooOld { .. }) => {
            let mut last = token.start;
            last.name = last.name.trim_end_matches('\0').to_owned();
            let again = encode_continue(-1, &last);
            Err(ApiError::expired(CONTINUE_EXPIRED).with_continue(again))
        }
        Err(OutOfReach::Future { asked, current }) => Err(ApiError::future_version(asked, current)),
    }
}

/// Many objects.
pub(super) fn list(cx: &mut Context) -> Result<Reply, ApiError> {
    check(cx)?;
    let selector = selector(cx)?;
    let (state, start) = reading(cx)?;
    let limit = match cx.asked("limit") {
        // As from upstream's watch cache, "any version" comes whole.
        _ if cx.asked("resourceVersion") == "0" => 0,
        "" => 0,
        text => usize::try_from(number(text)?).unwrap_or_default(),
    };
    let limit = if limit == 0 { usize::MAX } else { limit };
    let namespace = namespace(cx, &selector);
    let mut matching = state
        .list(cx.resource.stored_as(), namespace.as_deref(), start)
        .filter(|stored| selector.matches(stored))
        .map(AsRef::as_ref);
    let items: Vec<&Stored> = matching.by_ref().take(limit).collect();
    let rest = matching.count();
    let mut meta = json!({"resourceVersion": state.version().to_string()});
    if rest > 0
        && let Some(last) = items.last()
    {
        let version = i64::try_from(state.version()).unwrap_or_default();
        meta["continue"] = encode_continue(version, last.key()).into();
        if selector.is_empty() {
            meta["remainingItemCount"] = rest.into();
        }
    }
    let is_plain = cx.form.shape == Shape::Object;
    if is_plain && cx.resource.custom().is_some() && meta.get("continue").is_none() {
        // Upstream's lists of custom resources always carry it.
        meta["continue"] = "".into();
    }
    let document = document(cx, &writer(cx), &items, meta);
    Ok(Reply::Json(StatusCode::OK, document))
}

/// A list document around objects.
pub(super) fn document(cx: &Context, writer: &Writer, items: &[&Stored], meta: Value) -> Bytes {
    if writer.shape() == Shape::Table {
        let values: Vec<Value> = items.iter().map(|stored| writer.value(stored)).collect();
        let values: Vec<&Value> = values.iter().collect();
        return writer.table(&values, meta).to_string().into();
    }
    let (kind, api_version) = match writer.shape() {
        Shape::Metadata => (
            "PartialObjectMetadataList".to_owned(),
            "meta.k8s.io/v1".to_owned(),
        ),
        _ => (
            cx.resource.facts().list_kind.clone(),
            cx.resource.api_version(),
        ),
    };
    let size: usize = items.iter().map(|stored| stored.size() + 96).sum();
    let mut out = Vec::with_capacity(size + 256);
    let lead = format!(
        "{{\"kind\":\"{kind}\",\"apiVersion\":\"{api_version}\",\"metadata\":{meta},\"items\":["
    );
    out.extend_from_slice(lead.as_bytes());
    for (at, stored) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        writer.write_item(stored, &mut out);
    }
    out.extend_from_slice(b"]}");
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_continue_token_reads_back_behind_the_last_object() {
        let last = Key::new("a", "b");
        let token = decode_continue(&encode_continue(7, &last)).unwrap();
        assert_eq!(token.version, Some(7));
        assert!(token.start > last);
        assert!(token.start < Key::new("a", "b0"));
        assert!(decode_continue("%%").is_err());
    }
}
