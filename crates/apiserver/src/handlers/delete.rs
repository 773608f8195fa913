//! `delete` and `deletecollection`: finalizers, grace, preconditions.

use std::sync::Arc;

use http::StatusCode;
use jiff::SignedDuration;
use krm::{Value, json};

use super::list::document;
use super::options::{DeleteOptions, Propagation, delete_options};
use super::{other, read, writer, written};
use crate::RequestInfo;
use crate::admission::{self, Operation, Review};
use crate::context::{Context, seconds};
use crate::reply::Reply;
use crate::status::{ApiError, GroupResource};
use crate::store::{Expect, Key, Stored};
use crate::transform::Writer;
use crate::write::{self, Outcome};
use crate::{crd, meta, strategy};

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// What a deletion led to.
enum Deleted {
    /// The object is gone (or would be).
    Gone(Outcome),
    /// It waits for its finalizers or its end.
    Waits(Outcome),
}

pub(super) fn delete(cx: &mut Context) -> Result<Reply, ApiError> {
    let options = delete_options(cx)?;
    let key = cx.key();
    match delete_one(cx, &key, &options)? {
        Deleted::Waits(outcome) => {
            let code = if options.says_not_to_orphan {
                StatusCode::ACCEPTED
            } else {
                StatusCode::OK
            };
            Ok(written(cx, code, &outcome))
        }
        Deleted::Gone(outcome) if strategy::returns_deleted(&cx.resource) => {
            Ok(written(cx, StatusCode::OK, &outcome))
        }
        Deleted::Gone(outcome) => {
            let success = success(cx, &key, &outcome);
            Ok(other(StatusCode::OK, &success))
        }
    }
}

/// The Status that stands for a deleted object.
fn success(cx: &Context, key: &Key, outcome: &Outcome) -> Value {
    let uid = match outcome {
        Outcome::Stored(stored) => stored.header().uid.clone(),
        Outcome::Dry(value) => meta::text(value, "uid").to_owned(),
    };
    let of = cx.resource.group_resource();
    let mut details = json!({"name": key.name, "kind": of.resource, "uid": uid});
    if !of.group.is_empty() {
        details["group"] = of.group.into();
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

fn delete_one(cx: &mut Context, key: &Key, options: &DeleteOptions) -> Result<Deleted, ApiError> {
    let of = cx.resource.group_resource();
    let writer = Writer::plain(&cx.resource);
    for _ in 0..32 {
        let current = cx.server.store().get(cx.resource.stored_as(), key);
        let current = current.ok_or_else(|| ApiError::not_found(&of, &key.name))?;
        let old = writer.value(&current);
        check_preconditions(cx, &current, options)?;
        admit(cx, key, &old, options)?;
        if let Some(deleted) = attempt(cx, &current, old, options) {
            return Ok(deleted);
        }
    }
    Err(ApiError::modified(&of, &key.name))
}

fn admit(
    cx: &mut Context,
    key: &Key,
    old: &Value,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    let info = RequestInfo {
        name: key.name.clone(),
        namespace: match key.namespace.as_str() {
            "" => cx.info.namespace.clone(),
            namespace => namespace.to_owned(),
        },
        ..cx.info.clone()
    };
    let (server, user, resource) = (cx.server.clone(), cx.user.clone(), cx.resource.clone());
    let mut review = Review {
        server: &server,
        operation: Operation::Delete,
        info: &info,
        resource: &resource,
        user: &user,
        dry_run: options.dry_run,
        old: Some(old),
        warnings: Vec::new(),
    };
    admission::validate(&mut review, None)?;
    cx.warnings.append(&mut review.warnings);
    Ok(())
}

fn check_preconditions(
    cx: &Context,
    current: &Stored,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    let of = cx.resource.group_kind();
    let name = &current.key().name;
    let uid = &current.header().uid;
    if let Some(asked) = options.uid.as_ref().filter(|asked| *asked != uid) {
        let why = format!(
            "the UID in the precondition ({asked}) does not match the UID in record ({uid}). \
             The object might have been deleted and then recreated"
        );
        return Err(ApiError::conflict(&of, name, &why));
    }
    let have = current.version().to_string();
    if let Some(asked) = options.version.as_ref().filter(|asked| **asked != have) {
        let why = format!(
            "the ResourceVersion in the precondition ({asked}) does not match the ResourceVersion in record ({have}). \
             The object might have been modified"
        );
        return Err(ApiError::conflict(&of, name, &why));
    }
    Ok(())
}

fn is_namespace(cx: &Context) -> bool {
    *cx.resource.stored_as() == GroupResource::new("", "namespaces")
}

/// One attempt; `None` where somebody else was faster.
fn attempt(
    cx: &Context,
    current: &Arc<Stored>,
    old: Value,
    options: &DeleteOptions,
) -> Option<Deleted> {
    let finalizers = finalizers(cx, &meta::finalizers(&old), options);
    let grace = grace(cx, &old, options);
    let held = old.pointer("/spec/finalizers").and_then(Value::as_array);
    let is_held = is_namespace(cx) && held.is_some_and(|held| !held.is_empty());
    let (key, expect) = (current.key().clone(), Expect::Version(current.version()));
    if finalizers.is_empty() && grace == 0 && !is_held {
        if options.dry_run {
            return Some(Deleted::Gone(Outcome::Dry(old)));
        }
        let gone = write::commit(cx, key, expect, None).ok()?;
        return Some(Deleted::Gone(Outcome::Stored(gone)));
    }
    let new = marked(cx, &old, &finalizers, grace);
    if options.dry_run {
        return Some(Deleted::Waits(Outcome::Dry(new)));
    }
    if new == old {
        return Some(Deleted::Waits(Outcome::Stored(current.clone())));
    }
    let stored = write::commit(cx, key, expect, Some(new)).ok()?;
    Some(Deleted::Waits(Outcome::Stored(stored)))
}

/// The finalizers an object has once its deletion is asked for.
fn finalizers(cx: &Context, before: &[String], options: &DeleteOptions) -> Vec<String> {
    let mut out = before.to_vec();
    let has = |list: &[String], name: &str| list.iter().any(|own| own == name);
    if crd::is_definition(&cx.resource) && !has(&out, crd::FINALIZER) {
        out.push(crd::FINALIZER.to_owned());
    }
    if !strategy::collects_garbage(&cx.resource) {
        return out;
    }
    let wanted = match options.propagation {
        None => return out,
        Some(Propagation::Orphan) => Some(ORPHAN),
        Some(Propagation::Foreground) => Some(FOREGROUND),
        Some(Propagation::Background) => None,
    };
    out.retain(|name| (name != ORPHAN && name != FOREGROUND) || Some(name.as_str()) == wanted);
    if let Some(wanted) = wanted.filter(|wanted| !has(&out, wanted)) {
        out.push(wanted.to_owned());
    }
    out
}

fn running_grace(object: &Value) -> Option<i64> {
    let grace = object.pointer("/metadata/deletionGracePeriodSeconds");
    grace.and_then(Value::as_i64)
}

/// Seconds until the object may go: only Pods on a node get any.
fn grace(cx: &Context, old: &Value, options: &DeleteOptions) -> i64 {
    if *cx.resource.stored_as() != GroupResource::new("", "pods") {
        return 0;
    }
    let text = |pointer: &str| old.pointer(pointer).and_then(Value::as_str);
    let is_idle = text("/spec/nodeName").unwrap_or_default().is_empty()
        || matches!(text("/status/phase"), Some("Succeeded" | "Failed"));
    let own = old.pointer("/spec/terminationGracePeriodSeconds");
    let wanted = options.grace.or(own.and_then(Value::as_i64));
    let wanted = wanted.unwrap_or(30).max(0);
    match running_grace(old) {
        Some(running) => wanted.min(running),
        None if is_idle => 0,
        None => wanted,
    }
}

/// The object, on its way out.
fn marked(cx: &Context, old: &Value, finalizers: &[String], grace: i64) -> Value {
    let mut new = old.clone();
    let now = cx.server.clock().now();
    let is_first = meta::text(old, "deletionTimestamp").is_empty();
    if is_first || running_grace(old).is_some_and(|running| grace < running) {
        let end = now.checked_add(SignedDuration::from_secs(grace));
        meta::set(&mut new, "deletionTimestamp", &seconds(end.unwrap_or(now)));
        if !is_namespace(cx) {
            meta::of(&mut new).insert("deletionGracePeriodSeconds".to_owned(), grace.into());
        }
        if old.pointer("/metadata/generation").is_some() {
            meta::bump_generation(&mut new, old);
        }
    }
    if finalizers.is_empty() {
        meta::of(&mut new).remove("finalizers");
    } else {
        meta::of(&mut new).insert("finalizers".to_owned(), finalizers.into());
    }
    if is_namespace(cx) {
        meta::field(&mut new, "status").insert("phase".to_owned(), "Terminating".into());
    } else if crd::is_definition(&cx.resource) && is_first {
        crd::mark_terminating(&mut new, &cx.now());
    }
    new
}

/// Every object that a selector selects; the answer is the list of them.
pub(super) fn collection(cx: &mut Context) -> Result<Reply, ApiError> {
    let options = delete_options(cx)?;
    let selector = read::selector(cx)?;
    let namespace = read::namespace(cx, &selector);
    let state = cx.server.store().state();
    let items: Vec<Arc<Stored>> = state
        .list(
            cx.resource.stored_as(),
            namespace.as_deref(),
            Key::default(),
        )
        .filter(|stored| selector.matches(stored))
        .cloned()
        .collect();
    for stored in &items {
        match delete_one(cx, stored.key(), &options) {
            Err(error) if error.reason() == "NotFound" => {}
            other => {
                other?;
            }
        }
    }
    let items: Vec<&Stored> = items.iter().map(AsRef::as_ref).collect();
    let meta = json!({"resourceVersion": state.version().to_string()});
    let list = document(cx, &writer(cx), &items, meta);
    Ok(Reply::Json(StatusCode::OK, list))
}
