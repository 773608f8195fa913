//! `patch`: JSON patch, merge patch, strategic merge patch, server-side apply.

use http::StatusCode;
use krm::Value;
use krm::patch::{json6902, merge, strategic};
use schema::{FieldError, FieldValidation};

use super::{created_or_ok, written};
use crate::context::{Context, WriteOptions};
use crate::reply::Reply;
use crate::status::{ApiError, GroupResource};
use crate::write::{self, Change, IfAbsent};
use crate::{meta, negotiate, owners};

const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// The patch types of custom resources, as the refusal of a strategic one lists them.
const ACCEPTED: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
];
/// What a patch's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Json,
    Merge,
    Strategic,
    Apply,
}

pub(super) fn patch(cx: &mut Context) -> Result<Reply, ApiError> {
    let kind = patch_type(cx)?;
    let options = cx.write_options("PatchOptions")?;
    check_options(cx, kind, &options)?;
    if kind == Type::Apply {
        return apply(cx, &options);
    }
    let body = parse(cx)?;
    let (outcome, _) = write::update(cx, IfAbsent::Refuse, &options, &mut |cx, old| {
        let old = old.cloned().unwrap_or_default();
        let patched = patched(cx.resource.kind(), kind, &body, old)?;
        let printed = if kind == Type::Strategic {
            krm::Value::from(krm::golang::plain(&body))
        } else {
            krm::Value::from(patched.to_string())
        };
        let object = write::decode_patched(cx, &patched, options.validation, &printed)?;
        check_identity(cx, &object)?;
        Ok(Change {
            object,
            is_owned: false,
        })
    })?;
    Ok(written(cx, StatusCode::OK, &outcome))
}

/// The type of a patch, by its media type.
pub(super) fn patch_type(cx: &Context) -> Result<Type, ApiError> {
    let is_custom = cx.resource.custom().is_some();
    match negotiate::content_type(&cx.headers).as_str() {
        "application/json-patch+json" => Ok(Type::Json),
        "application/merge-patch+json" => Ok(Type::Merge),
        STRATEGIC if !is_custom => Ok(Type::Strategic),
        "application/apply-patch+yaml" => Ok(Type::Apply),
        STRATEGIC => Err(ApiError::unsupported_media(ACCEPTED)),
        _ => Err(ApiError::unknown_media()),
    }
}

fn check_options(cx: &Context, kind: Type, options: &WriteOptions) -> Result<(), ApiError> {
    let mut errors = Vec::new();
    if kind == Type::Apply && !options.manager_named {
        let why = "is required for apply patch";
        errors.push(FieldError::required("fieldManager", why));
    }
    if kind != Type::Apply && cx.query.get("force").is_some() {
        let why = "may not be specified for non-apply patch";
        errors.push(FieldError::forbidden("force", why));
    }
    if errors.is_empty() {
        return Ok(());
    }
    let of = GroupResource::new("meta.k8s.io", "PatchOptions");
    Err(ApiError::invalid(&of, "", &errors))
}

/// The patch as a value.
pub(super) fn parse(cx: &Context) -> Result<Value, ApiError> {
    serde_json::from_slice(&cx.body)
        .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))
}

/// The object with the patch applied.
pub(super) fn patched(
    of: &schema::Kind,
    kind: Type,
    patch: &Value,
    object: Value,
) -> Result<Value, ApiError> {
    match kind {
        Type::Json => json6902::apply(object, patch).map_err(|error| match error {
            json6902::Error::Decode(why) => ApiError::bad_request(format!(
                "error decoding patch: {}",
                why.replace("jsonpatch.Patch", "[]handlers.jsonPatchOp")
            )),
            json6902::Error::TooManyOperations(_) => ApiError::too_large(&error.to_string()),
            json6902::Error::Apply(_) => ApiError::unprocessable(),
        }),
        Type::Merge | Type::Apply => merge::apply(object, patch.clone())
            .map_err(|error| ApiError::bad_request(error.to_string())),
        Type::Strategic => {
            let (Some(of), Value::Object(object), Value::Object(patch)) =
                (of.strategic_schema(), object, patch.clone())
            else {
                return Err(ApiError::bad_request(
                    "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
                ));
            };
            strategic::apply(object, patch, of)
                .map(Value::Object)
                .map_err(|error| match error {
                    strategic::Error::Format(why) => ApiError::bad_request(why),
                    strategic::Error::ListOfLists => ApiError::unprocessable(),
                    strategic::Error::Other(why) => ApiError::storage(&why),
                })
        }
    }
}

/// Holds the patched object's name and namespace against the URL's.
fn check_identity(cx: &Context, object: &Value) -> Result<(), ApiError> {
    let name = meta::text(object, "name");
    if name != cx.info.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            cx.info.name
        )));
    }
    meta::place(cx, &mut object.clone())
}

/// Server-side apply.
fn apply(cx: &mut Context, options: &WriteOptions) -> Result<Reply, ApiError> {
    let applied = applied(cx)?;
    let if_absent = if cx.info.subresource.is_empty() {
        IfAbsent::Create
    } else {
        IfAbsent::Refuse
    };
    let (outcome, is_new) = write::update(cx, if_absent, options, &mut |cx, live| {
        checked_version(cx, live, &applied)?;
        let merged = owners::apply(cx, options, live, &applied)?;
        let mut object = write::decode_value(cx, &merged, FieldValidation::Ignore)?;
        if meta::text(&object, "name").is_empty() {
            meta::set(&mut object, "name", &cx.info.name);
        }
        check_identity(cx, &object)?;
        Ok(Change {
            object,
            is_owned: true,
        })
    })?;
    Ok(written(cx, created_or_ok(is_new), &outcome))
}

/// The applied object: YAML, and JSON as part of it.
pub(super) fn applied(cx: &Context) -> Result<Value, ApiError> {
    let object = match serde_json::from_slice(&cx.body) {
        Ok(object) => object,
        Err(_) => from_yaml(&cx.body)?,
    };
    if !object.is_object() {
        return Err(ApiError::bad_request(
            "error decoding YAML: json: cannot unmarshal into Go value of type map[string]interface {}",
        ));
    }
    Ok(object)
}

fn from_yaml(body: &[u8]) -> Result<Value, ApiError> {
    let bad = |why: String| ApiError::bad_request(format!("error decoding YAML: {why}"));
    let text = std::str::from_utf8(body).map_err(|error| bad(error.to_string()))?;
    let limits = krm::yaml::Limits::default();
    let document = krm::yaml::parse_first(text, &limits).map_err(|error| bad(error.to_string()))?;
    let Some(document) = document else {
        return Ok(Value::Null);
    };
    let value = document.to_value(krm::yaml::Dialect::Sigs);
    value.map_err(|error| bad(error.to_string()))
}

/// A resourceVersion in the applied object must be the live one's.
fn checked_version(cx: &Context, live: Option<&Value>, applied: &Value) -> Result<(), ApiError> {
    let asked = meta::text(applied, "resourceVersion");
    let Some(live) = live.filter(|_| !asked.is_empty()) else {
        return Ok(());
    };
    if asked == meta::text(live, "resourceVersion") {
        return Ok(());
    }
    let of = cx.resource.group_resource();
    Err(ApiError::modified(&of, &cx.info.name))
}
