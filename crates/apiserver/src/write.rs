//! How a write comes about: owners, admission, defaults, validation, then the store; again where somebody else was faster.

use std::sync::Arc;

use krm::Value;
use schema::{DecodeError, FieldError, FieldValidation};

use crate::admission::{self, Operation, Review};
use crate::context::{Context, WriteOptions};
use crate::registry::Resource;
use crate::status::{ApiError, GroupResource};
use crate::store::{Draft, Expect, Key, Mismatch, Stored, Write};
use crate::transform::Writer;
use crate::{RequestInfo, convert, crd, meta, owners, strategy};

/// What a write leads to.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The object as stored.
    Stored(Arc<Stored>),
    /// The object as it would have been stored.
    Dry(Value),
}

/// What an update makes of an object.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The object as it is to be.
    pub(crate) object: Value,
    /// Whether the owners of its fields are settled already, as after an apply.
    pub(crate) is_owned: bool,
}

/// Bytes an object may have: etcd's limit on a request.
const OBJECT: usize = 3 << 19;

/// How often an update is computed anew because somebody else was faster.
const ATTEMPTS: usize = 32;

/// Reads the request's body as an object of the resource's kind (or the subresource's).
pub(crate) fn decode(cx: &mut Context, options: &WriteOptions) -> Result<Value, ApiError> {
    let media = crate::negotiate::body_media(&cx.headers)?;
    let kind = body_kind(cx)?;
    let decoded = kind.decode(&cx.body, media, options.validation);
    let decoded = decoded.map_err(|error| undecodable(&kind, &error))?;
    warn(cx, decoded.warnings);
    Ok(decoded.object)
}

fn warn(cx: &mut Context, warnings: Vec<String>) {
    for warning in warnings {
        if !cx.warnings.contains(&warning) {
            cx.warnings.push(warning);
        }
    }
}

/// The kind of a request's body: that of the subresource where it has its own.
fn body_kind(cx: &Context) -> Result<schema::Kind, ApiError> {
    let sub = cx.resource.facts().subresource(&cx.info.subresource);
    match sub.filter(|sub| sub.kind != cx.resource.gvk()) {
        None => Ok(cx.resource.kind().clone()),
        Some(sub) => schema::builtin()
            .kind(&sub.kind)
            .ok_or_else(|| ApiError::internal(format!("no kind {}", sub.kind.kind))),
    }
}

/// The refusal of a body that cannot be read.
pub(crate) fn undecodable(kind: &schema::Kind, error: &DecodeError) -> ApiError {
    match error {
        DecodeError::UnsupportedMedia(_) => ApiError::unsupported_media(crate::negotiate::ACCEPTED),
        _ => ApiError::bad_request(error.message(kind.gvk())),
    }
}

/// Reads an object that a patch made, as a body is read.
pub(crate) fn decode_value(
    cx: &mut Context,
    object: &Value,
    validation: FieldValidation,
) -> Result<Value, ApiError> {
    let kind = cx.resource.kind().clone();
    let decoded = kind.decode_value(object, validation);
    let decoded = decoded.map_err(|error| undecodable(&kind, &error))?;
    warn(cx, decoded.warnings);
    Ok(decoded.object)
}

/// Reads what a patch made; `printed` stands for it in the refusal.
pub(crate) fn decode_patched(
    cx: &mut Context,
    object: &Value,
    validation: FieldValidation,
    printed: &Value,
) -> Result<Value, ApiError> {
    let kind = cx.resource.kind().clone();
    let decoded = kind.decode_value(object, validation).map_err(|error| {
        let error = FieldError::invalid("patch", printed, &error.to_string());
        ApiError::invalid(&GroupResource::default(), "", &[error])
    })?;
    warn(cx, decoded.warnings);
    Ok(decoded.object)
}

/// Creates an object.
///
/// # Errors
/// What admission and validation refuse; 409 where it exists.
pub(crate) fn create(
    cx: &mut Context,
    change: Change,
    options: &WriteOptions,
) -> Result<Outcome, ApiError> {
    let prefix = meta::text(&change.object, "generateName").to_owned();
    let is_generated = meta::text(&change.object, "name").is_empty() && !prefix.is_empty();
    if !is_generated {
        return create_once(cx, change, options);
    }
    for _ in 0..8 {
        let mut change = change.clone();
        // Upstream's generated names are at most 63 characters long, five of them random.
        let end = prefix.char_indices().nth(58);
        let end = end.map_or(prefix.len(), |(at, _)| at);
        let name = format!("{}{}", &prefix[..end], cx.server.seed().suffix(5));
        meta::set(&mut change.object, "name", &name);
        match create_once(cx, change, options) {
            Err(error) if error.reason() == "AlreadyExists" => {}
            other => return other,
        }
    }
    let of = cx.resource.group_resource();
    Err(ApiError::generate_name_conflict(&of, &prefix))
}

fn create_once(
    cx: &mut Context,
    change: Change,
    options: &WriteOptions,
) -> Result<Outcome, ApiError> {
    let resource = cx.resource.clone();
    let mut object = change.object;
    meta::place(cx, &mut object)?;
    // An apply that creates does not ask for a version.
    if !change.is_owned && !matches!(meta::text(&object, "resourceVersion"), "" | "0") {
        let why = "resourceVersion should not be set on objects to be created";
        return Err(ApiError::storage(why));
    }
    meta::wipe(&mut object, &resource);
    meta::reset(&mut object, None, &resource.reset_fields(""));
    resource.kind().default(&mut object);
    if !change.is_owned {
        object = owners::update(cx, options, None, object);
    }
    let name = meta::text(&object, "name").to_owned();
    let info = RequestInfo {
        name: name.clone(),
        ..cx.info.clone()
    };
    let (server, user) = (cx.server.clone(), cx.user.clone());
    let mut review = Review {
        server: &server,
        operation: Operation::Create,
        info: &info,
        resource: &resource,
        user: &user,
        dry_run: options.dry_run,
        old: None,
        warnings: Vec::new(),
    };
    admission::mutate(&mut review, &mut object)?;
    meta::fill(cx, &mut object);
    strategy::begin(&resource, &mut object);
    complete(&resource, &mut object, None);
    let mut errors = Vec::new();
    if name.is_empty() {
        errors.push(FieldError::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else {
        errors.extend(resource.kind().validate_create(&object));
    }
    refuse(cx, &name, &errors)?;
    admission::validate(&mut review, Some(&object))?;
    let warnings = std::mem::take(&mut review.warnings);
    warn(cx, warnings);
    fits(&object)?;
    let key = cx.key_of(&name);
    let taken = || ApiError::already_exists(&resource.group_resource(), &name);
    if options.dry_run {
        return match cx.server.store().get(resource.stored_as(), &key) {
            Some(_) => Err(taken()),
            None => Ok(Outcome::Dry(object)),
        };
    }
    let stored = commit(cx, key, Expect::Absent, Some(object)).map_err(|Mismatch| taken())?;
    Ok(Outcome::Stored(stored))
}

/// Defaults and canonical form, and what a definition gets from the server.
fn complete(resource: &Resource, object: &mut Value, old: Option<&Value>) {
    resource.kind().default(object);
    resource.kind().normalize(object);
    if crd::is_definition(resource) {
        crd::prepare(object, old);
    }
}

/// Refuses an object whose fields are wrong.
fn refuse(cx: &Context, name: &str, errors: &[FieldError]) -> Result<(), ApiError> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(&cx.resource.group_kind(), name, errors))
}

/// Refuses what etcd would not take.
fn fits(object: &Value) -> Result<(), ApiError> {
    if object.to_string().len() > OBJECT {
        return Err(ApiError::storage("etcdserver: request is too large"));
    }
    Ok(())
}

/// What an update does where the object is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfAbsent {
    /// 404.
    Refuse,
    /// It is created.
    Create,
}

/// How an update computes the object from the one there is.
pub(crate) type Compute<'a> =
    &'a mut dyn FnMut(&mut Context, Option<&Value>) -> Result<Change, ApiError>;

/// Changes an object: computes what it is to be from what it is, until nobody else was faster. The flag says whether it was
/// created.
///
/// # Errors
/// What `compute`, admission and validation refuse; 404, 409.
pub(crate) fn update(
    cx: &mut Context,
    if_absent: IfAbsent,
    options: &WriteOptions,
    compute: Compute<'_>,
) -> Result<(Outcome, bool), ApiError> {
    let key = cx.key();
    let of = cx.resource.group_resource();
    let writer = Writer::plain(&cx.resource);
    for _ in 0..ATTEMPTS {
        let current = cx.server.store().get(cx.resource.stored_as(), &key);
        let Some(current) = current else {
            if if_absent == IfAbsent::Refuse {
                return Err(ApiError::not_found(&of, &cx.info.name));
            }
            let change = compute(cx, None)?;
            may_create(cx, &change.object)?;
            match create(cx, change, options) {
                Err(error) if error.reason() == "AlreadyExists" => continue,
                created => return Ok((created?, true)),
            }
        };
        let old = writer.value(&current);
        let change = compute(cx, Some(&old))?;
        if let Some(outcome) = update_once(cx, change, (&current, &old), options)? {
            return Ok((outcome, false));
        }
    }
    Err(ApiError::modified(&of, &cx.info.name))
}

/// A write that creates where it might have updated needs the right to create, too.
fn may_create(cx: &Context, object: &Value) -> Result<(), ApiError> {
    let uid = meta::text(object, "uid");
    if !uid.is_empty() {
        let why = format!(
            "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        );
        let of = cx.resource.group_resource();
        return Err(ApiError::conflict(&of, &cx.info.name, &why));
    }
    let mut asked = crate::auth::Attributes::of(&cx.user, &cx.info);
    "create".clone_into(&mut asked.verb);
    let decision = crate::auth::authorize(&cx.server, &asked);
    if decision.allowed {
        return Ok(());
    }
    Err(ApiError::denied(&asked, &decision.reason))
}

/// One attempt; `None` where somebody else was faster.
fn update_once(
    cx: &mut Context,
    change: Change,
    (current, old): (&Arc<Stored>, &Value),
    options: &WriteOptions,
) -> Result<Option<Outcome>, ApiError> {
    let resource = cx.resource.clone();
    let mut new = change.object;
    check_version(cx, &new, old)?;
    check_uid(cx, &new, &current.header().uid)?;
    let subresource = cx.info.subresource.clone();
    if subresource == "status" && resource.custom().is_some() {
        new = with_status_of(old, &new);
    } else {
        meta::reset(&mut new, Some(old), &resource.reset_fields(&subresource));
    }
    resource.kind().default(&mut new);
    if !change.is_owned {
        new = owners::update(cx, options, Some(old), new);
    }
    let (server, user, info) = (cx.server.clone(), cx.user.clone(), cx.info.clone());
    let mut review = Review {
        server: &server,
        operation: Operation::Update,
        info: &info,
        resource: &resource,
        user: &user,
        dry_run: options.dry_run,
        old: Some(old),
        warnings: Vec::new(),
    };
    admission::mutate(&mut review, &mut new)?;
    let mut errors = meta::keep(&mut new, old);
    complete(&resource, &mut new, Some(old));
    meta::count_generation(&resource, &mut new, old);
    meta::set(&mut new, "resourceVersion", &current.version().to_string());
    errors.extend(resource.kind().validate_update(&new, old));
    refuse(cx, &info.name, &errors)?;
    admission::validate(&mut review, Some(&new))?;
    let warnings = std::mem::take(&mut review.warnings);
    warn(cx, warnings);
    fits(&new)?;
    if options.dry_run {
        return Ok(Some(Outcome::Dry(new)));
    }
    Ok(settle(cx, current, new))
}

/// Stores an updated object, or removes it where that was the last thing it waited for; `None` where somebody else was faster.
fn settle(cx: &Context, current: &Arc<Stored>, new: Value) -> Option<Outcome> {
    let (key, expect) = (current.key().clone(), Expect::Version(current.version()));
    if is_finished(&cx.resource, &new) {
        // The answer shows the object as the client wrote it, at its last version.
        return commit(cx, key, expect, None)
            .ok()
            .map(|_| Outcome::Dry(new));
    }
    if current.is_same(&draft(&cx.resource, new.clone())) {
        return Some(Outcome::Stored(current.clone()));
    }
    let stored = commit(cx, key, expect, Some(new));
    stored.ok().map(Outcome::Stored)
}

/// Of a custom resource, the status endpoint takes nothing but the status and who owns it.
fn with_status_of(old: &Value, new: &Value) -> Value {
    let mut out = old.clone();
    match new.pointer("/metadata/managedFields") {
        Some(managed) => {
            meta::of(&mut out).insert("managedFields".to_owned(), managed.clone());
        }
        None => {
            meta::of(&mut out).remove("managedFields");
        }
    }
    if let Value::Object(map) = &mut out {
        match new.get("status") {
            Some(status) => map.insert("status".to_owned(), status.clone()),
            None => map.remove("status"),
        };
    }
    out
}

/// Whether an update took the last thing that kept a deleted object alive.
fn is_finished(resource: &Resource, new: &Value) -> bool {
    let grace = new.pointer("/metadata/deletionGracePeriodSeconds");
    let held = new.pointer("/spec/finalizers").and_then(Value::as_array);
    let is_namespace = *resource.stored_as() == GroupResource::new("", "namespaces");
    new.pointer("/metadata/deletionTimestamp").is_some()
        && meta::finalizers(new).is_empty()
        && grace.and_then(Value::as_i64).unwrap_or_default() == 0
        && (!is_namespace || held.is_none_or(Vec::is_empty))
}

/// Holds the resourceVersion that the client sent against the object.
fn check_version(cx: &Context, new: &Value, old: &Value) -> Result<(), ApiError> {
    let asked = meta::text(new, "resourceVersion");
    if matches!(asked, "" | "0") {
        if strategy::allows_unconditional_update(&cx.resource) {
            return Ok(());
        }
        let error = FieldError::invalid_printed(
            "metadata.resourceVersion",
            "0",
            "must be specified for an update",
        );
        let of = cx.resource.group_resource();
        return Err(ApiError::invalid(&of, &cx.info.name, &[error]));
    }
    if asked.parse::<u64>().is_err() {
        let asked = schema::error::go_quote(asked);
        return Err(ApiError::storage(&format!(
            "strconv.ParseUint: parsing {asked}: invalid syntax"
        )));
    }
    if asked == meta::text(old, "resourceVersion") {
        return Ok(());
    }
    let of = cx.resource.group_resource();
    Err(ApiError::modified(&of, &cx.info.name))
}

/// Holds the uid that the client sent against the object.
fn check_uid(cx: &Context, new: &Value, have: &str) -> Result<(), ApiError> {
    let asked = meta::text(new, "uid");
    // A patch that changes the uid is told so by validation.
    if asked.is_empty() || asked == have || cx.info.verb == "patch" {
        return Ok(());
    }
    let (of, key) = (cx.resource.group_resource(), cx.key());
    let group = match cx.resource.custom() {
        Some(_) => format!("{}/", of.group),
        None => String::new(),
    };
    let namespace = match key.namespace.as_str() {
        "" => String::new(),
        namespace => format!("{namespace}/"),
    };
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: /registry/{group}{}/{namespace}{}, ResourceVersion: 0, \
         AdditionalErrorMsg: Precondition failed: UID in precondition: {asked}, UID in object meta: {have}",
        of.resource, key.name
    );
    Err(ApiError::conflict(&of, &key.name, &why))
}

/// The object as the store takes it.
pub(crate) fn draft(resource: &Resource, mut object: Value) -> Draft {
    convert::convert(&mut object, &resource.stored_version());
    let fields = strategy::fields(resource, &object);
    Draft::new(object, fields)
}

/// Hands a change to the store; a definition's resources follow it before the answer goes out.
pub(crate) fn commit(
    cx: &Context,
    key: Key,
    expect: Expect,
    object: Option<Value>,
) -> Result<Arc<Stored>, Mismatch> {
    let is_removal = object.is_none();
    let stored = cx.server.store().commit(Write {
        of: cx.resource.stored_as().clone(),
        key: key.clone(),
        expect,
        put: object.map(|object| draft(&cx.resource, object)),
    })?;
    if is_removal && let Some(custom) = cx.resource.custom() {
        crd::after_removal(&cx.server, &custom.definition);
    }
    if crd::is_definition(&cx.resource) {
        crd::follow(&cx.server, &key);
    }
    Ok(stored)
}
