//! The `scale` subresource: a number of replicas, seen through `autoscaling/v1`.

use http::StatusCode;
use krm::managed::ManagedFields;
use krm::{Value, json};
use schema::FieldError;

use super::other;
use super::patch::{Type, applied, parse, patch_type, patched};
use crate::context::{Context, WriteOptions};
use crate::meta;
use crate::owners::Scales;
use crate::reply::Reply;
use crate::status::{ApiError, GroupResource};
use crate::transform::Writer;
use crate::write::{self, Change, IfAbsent, Outcome};

pub(super) fn scale(cx: &mut Context, verb: &str) -> Result<Reply, ApiError> {
    let writer = Writer::plain(&cx.resource);
    if verb == "get" {
        let stored = cx.server.store().get(cx.resource.stored_as(), &cx.key());
        let of = cx.resource.group_resource();
        let stored = stored.ok_or_else(|| ApiError::not_found(&of, &cx.info.name))?;
        return Ok(other(StatusCode::OK, &to_scale(cx, &writer.value(&stored))));
    }
    let (options, body) = if verb == "patch" {
        (cx.write_options("PatchOptions")?, None)
    } else {
        let options = cx.write_options("UpdateOptions")?;
        let body = write::decode(cx, &options)?;
        (options, Some(body))
    };
    let (outcome, _) = write::update(cx, IfAbsent::Refuse, &options, &mut |cx, old| {
        let old = old.cloned().unwrap_or_default();
        let scales = Scales::of(cx, to_scale(cx, &old), &old)?;
        let (scale, managed) = match &body {
            Some(body) => scales.update(cx, &options, body.clone())?,
            None => patched_scale(cx, &options, &scales)?,
        };
        let mut object = scaled(cx, old, &scale)?;
        meta::of(&mut object).insert("managedFields".to_owned(), managed.to_value());
        Ok(Change {
            object,
            is_owned: true,
        })
    })?;
    let object = match outcome {
        Outcome::Stored(stored) => writer.value(&stored),
        Outcome::Dry(value) => value,
    };
    Ok(other(StatusCode::OK, &to_scale(cx, &object)))
}

/// The Scale of an object with the request's patch, and who then owns the object's fields.
fn patched_scale(
    cx: &Context,
    options: &WriteOptions,
    scales: &Scales,
) -> Result<(Value, ManagedFields), ApiError> {
    let kind = patch_type(cx)?;
    if kind == Type::Apply {
        return scales.apply(cx, options, &applied(cx)?);
    }
    let scale = patched(scales.kind(), kind, &parse(cx)?, scales.live().clone())?;
    scales.update(cx, options, scale)
}

/// Where an object of the resource keeps the numbers: JSON pointers for spec, status and selector.
fn pointers(cx: &Context) -> [String; 3] {
    let custom = cx.resource.custom();
    match custom.and_then(|custom| custom.scale.as_ref()) {
        Some(paths) => [&paths.spec, &paths.status, &paths.selector].map(|p| p.replace('.', "/")),
        None => ["/spec/replicas", "/status/replicas", "/spec/selector"].map(str::to_owned),
    }
}

fn to_scale(cx: &Context, object: &Value) -> Value {
    let [spec, status, selector] = pointers(cx);
    let number = |pointer: &str| {
        let number = object.pointer(pointer).and_then(Value::as_i64);
        number.unwrap_or_default()
    };
    let mut meta = json!({});
    for key in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        let text = meta::text(object, key);
        if !text.is_empty() {
            meta[key] = text.into();
        }
    }
    let mut scale = json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta,
        "spec": {}, "status": {"replicas": number(&status)},
    });
    if number(&spec) != 0 {
        scale["spec"]["replicas"] = number(&spec).into();
    }
    let selector = match object.pointer(&selector).filter(|_| !selector.is_empty()) {
        Some(Value::String(text)) => text.clone(),
        Some(selector) if selector.is_object() => selector_text(selector),
        _ => String::new(),
    };
    if !selector.is_empty() {
        scale["status"]["selector"] = selector.into();
    }
    scale
}

/// A label selector as a query writes it.
fn selector_text(selector: &Value) -> String {
    let mut terms = Vec::new();
    let is_structured =
        selector.get("matchLabels").is_some() || selector.get("matchExpressions").is_some();
    let labels = if is_structured {
        selector.get("matchLabels")
    } else {
        Some(selector)
    };
    for (key, value) in labels.and_then(Value::as_object).into_iter().flatten() {
        terms.push(format!("{key}={}", value.as_str().unwrap_or_default()));
    }
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    for expression in expressions.into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or_default();
        let values = expression["values"].as_array().into_iter().flatten();
        let values: Vec<&str> = values.filter_map(Value::as_str).collect();
        terms.push(match expression["operator"].as_str() {
            Some("In") => format!("{key} in ({})", values.join(",")),
            Some("NotIn") => format!("{key} notin ({})", values.join(",")),
            Some("DoesNotExist") => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    terms.join(",")
}

/// The object with the scale's replicas.
fn scaled(cx: &Context, mut object: Value, scale: &Value) -> Result<Value, ApiError> {
    let replicas = scale.pointer("/spec/replicas").and_then(Value::as_i64);
    let replicas = replicas.unwrap_or_default();
    if replicas < 0 {
        let custom = cx.resource.custom();
        let (of, path, why) = match custom.and_then(|custom| custom.scale.as_ref()) {
            Some(paths) => {
                let why = "should be a non-negative integer";
                (cx.resource.group_kind(), paths.spec.as_str(), why)
            }
            None => {
                let of = GroupResource::new("autoscaling", "Scale");
                (of, "spec.replicas", "must be greater than or equal to 0")
            }
        };
        let error = FieldError::invalid(path, &replicas.into(), why);
        return Err(ApiError::invalid(&of, &cx.info.name, &[error]));
    }
    let [spec, ..] = pointers(cx);
    let parts: Vec<&str> = spec.split('/').skip(1).collect();
    let Some((last, path)) = parts.split_last() else {
        return Ok(object);
    };
    let mut at = &mut object;
    for part in path {
        meta::field(at, part);
        at = &mut at[*part];
    }
    at[*last] = replicas.into();
    let version = meta::text(scale, "resourceVersion");
    if !version.is_empty() {
        meta::set(&mut object, "resourceVersion", version);
    }
    Ok(object)
}
