//! `DeleteOptions`, from a body or the query.

use krm::{Gvk, Value, json};
use schema::{FieldError, FieldValidation, Media};

use crate::context::Context;
use crate::negotiate;
use crate::status::{ApiError, GroupResource};

/// What becomes of the dependents of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Propagation {
    /// They lose their owner.
    Orphan,
    /// They go after it.
    Background,
    /// They go before it.
    Foreground,
}

/// How to delete.
#[derive(Clone, Debug, Default)]
pub(super) struct DeleteOptions {
    /// Nothing is to be kept.
    pub(super) dry_run: bool,
    /// Seconds a Pod gets to end.
    pub(super) grace: Option<i64>,
    /// The object must have this uid.
    pub(super) uid: Option<String>,
    /// The object must be at this version.
    pub(super) version: Option<String>,
    /// What becomes of dependents, where said.
    pub(super) propagation: Option<Propagation>,
    /// `orphanDependents: false` was said: an answer of 202 is understood.
    pub(super) says_not_to_orphan: bool,
}

/// Reads the options of a deletion.
///
/// # Errors
/// 400, 415 and 422 for what cannot be read or makes no sense.
pub(super) fn delete_options(cx: &Context) -> Result<DeleteOptions, ApiError> {
    let given = if cx.body.is_empty() {
        from_query(cx)
    } else {
        from_body(cx)?
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut errors = Vec::new();
    let mut dry_runs: Vec<String> = cx.query.all("dryRun").map(str::to_owned).collect();
    dry_runs.extend(
        given["dryRun"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(text),
    );
    if let Some(bad) = dry_runs.iter().find(|value| *value != "All") {
        let list = Value::from(vec![bad.as_str()]);
        errors.push(FieldError::not_supported("dryRun", &list, &["All"]));
    }
    let policy = given["propagationPolicy"].as_str().unwrap_or_default();
    let orphan = given["orphanDependents"].as_bool();
    if !policy.is_empty() && orphan.is_some() {
        errors.push(FieldError::invalid(
            "propagationPolicy",
            &policy.into(),
            "orphanDependents and deletionPropagation cannot be both set",
        ));
    }
    let propagation = match (policy, orphan) {
        ("", None) => None,
        ("", Some(true)) | ("Orphan", _) => Some(Propagation::Orphan),
        ("", Some(false)) | ("Background", _) => Some(Propagation::Background),
        ("Foreground", _) => Some(Propagation::Foreground),
        (other, _) => {
            let known = ["Foreground", "Background", "Orphan", "nil"];
            let field = "propagationPolicy";
            errors.push(FieldError::not_supported(field, &other.into(), &known));
            None
        }
    };
    if !errors.is_empty() {
        let of = GroupResource::new("meta.k8s.io", "DeleteOptions");
        return Err(ApiError::invalid(&of, "", &errors));
    }
    Ok(DeleteOptions {
        dry_run: !dry_runs.is_empty(),
        grace: given["gracePeriodSeconds"].as_i64(),
        uid: text(&given["preconditions"]["uid"]),
        version: text(&given["preconditions"]["resourceVersion"]),
        propagation,
        says_not_to_orphan: orphan == Some(false),
    })
}

fn from_query(cx: &Context) -> Value {
    let mut given = json!({});
    if let Ok(grace) = cx.asked("gracePeriodSeconds").parse::<i64>() {
        given["gracePeriodSeconds"] = grace.into();
    }
    if let Some(policy) = cx.query.get("propagationPolicy") {
        given["propagationPolicy"] = policy.into();
    }
    if let Some(orphan) = cx.query.get("orphanDependents") {
        given["orphanDependents"] = (orphan == "true").into();
    }
    given
}

fn from_body(cx: &Context) -> Result<Value, ApiError> {
    let media = negotiate::body_media(&cx.headers)?;
    if media == Media::Json {
        // The options may name any group's version; their fields are the same in all.
        return serde_json::from_slice(&cx.body).map_err(|error| {
            ApiError::bad_request(format!(
                "couldn't get version/kind; json parse error: {error}"
            ))
        });
    }
    let gvk = Gvk::new("meta.k8s.io/v1", "DeleteOptions");
    let kind = schema::builtin()
        .kind(&gvk)
        .ok_or_else(|| ApiError::internal("no kind DeleteOptions"))?;
    let decoded = kind.decode(&cx.body, media, FieldValidation::Ignore);
    let decoded = decoded.map_err(|error| crate::write::undecodable(&kind, &error))?;
    Ok(decoded.object)
}
