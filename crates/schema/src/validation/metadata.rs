//! Metadata of every object: names, labels, annotations, owners, finalizers, and what an update may not change.

use krm::Value;

use super::names;
use crate::error::FieldError;

pub(crate) use super::names::dns_subdomain;

/// What an annotations map may hold.
const ANNOTATIONS_MAX: usize = 256 * 1024;

/// Judges the metadata of a new object. `name` judges its name.
pub(crate) fn validate(
    object: &Value,
    namespaced: bool,
    name: fn(&str) -> Vec<String>,
) -> Vec<FieldError> {
    let meta = &object["metadata"];
    let mut errors = Vec::new();
    if let Some(prefix) = text(meta, "generateName") {
        // What follows the prefix makes a trailing dash legal.
        let whole = match prefix.strip_suffix('-') {
            Some(stem) => format!("{stem}a"),
            None => prefix.to_owned(),
        };
        push(&mut errors, "metadata.generateName", prefix, name(&whole));
    }
    match text(meta, "name") {
        None => errors.push(FieldError::required(
            "metadata.name",
            "name or generateName is required",
        )),
        Some(found) => push(&mut errors, "metadata.name", found, name(found)),
    }
    match text(meta, "namespace") {
        None if namespaced => errors.push(FieldError::required("metadata.namespace", "")),
        Some(found) if namespaced => push(
            &mut errors,
            "metadata.namespace",
            found,
            names::dns_label(found),
        ),
        Some(_) => errors.push(FieldError::forbidden(
            "metadata.namespace",
            "not allowed on this type",
        )),
        None => {}
    }
    if meta["generation"].as_i64().is_some_and(|g| g < 0) {
        errors.push(FieldError::invalid(
            "metadata.generation",
            &meta["generation"],
            "must be greater than or equal to 0",
        ));
    }
    common(meta, &mut errors);
    finalizers(meta, &mut errors);
    errors
}

/// Judges the metadata of a changed object.
pub(crate) fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let (new, old) = (&new["metadata"], &old["metadata"]);
    let mut errors = Vec::new();
    if !old["deletionTimestamp"].is_null() {
        no_new_finalizers(new, old, &mut errors);
    }
    if text(new, "resourceVersion").is_none() {
        errors.push(FieldError::invalid(
            "metadata.resourceVersion",
            &Value::from(""),
            "must be specified for an update",
        ));
    }
    if new["generation"].as_i64().unwrap_or(0) < old["generation"].as_i64().unwrap_or(0) {
        let found = Value::from(new["generation"].as_i64().unwrap_or(0));
        errors.push(FieldError::invalid(
            "metadata.generation",
            &found,
            "must not be decremented",
        ));
    }
    for field in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        if new[field] != old[field] {
            let found = match (&new[field], field) {
                (Value::Null, "name" | "namespace" | "uid") => Value::from(""),
                (found, _) => found.clone(),
            };
            errors.push(FieldError::invalid(
                format!("metadata.{field}"),
                &found,
                "field is immutable",
            ));
        }
    }
    common(new, &mut errors);
    errors
}

/// Judges labels at a path, as pod templates have them too.
pub(crate) fn labels(path: &str, labels: &Value, errors: &mut Vec<FieldError>) {
    let Value::Object(map) = labels else { return };
    for (key, value) in map {
        push(errors, path, key, names::qualified(key));
        let value = value.as_str().unwrap_or_default();
        push(errors, path, value, names::label_value(value));
    }
}

/// Judges annotations at a path.
pub(crate) fn annotations(path: &str, annotations: &Value, errors: &mut Vec<FieldError>) {
    let Value::Object(map) = annotations else {
        return;
    };
    let mut size = 0;
    for (key, value) in map {
        push(errors, path, key, names::qualified(&key.to_lowercase()));
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > ANNOTATIONS_MAX {
        errors.push(FieldError::too_long(path, ANNOTATIONS_MAX));
    }
}

fn common(meta: &Value, errors: &mut Vec<FieldError>) {
    labels("metadata.labels", &meta["labels"], errors);
    annotations("metadata.annotations", &meta["annotations"], errors);
    owners(meta, errors);
}

fn owners(meta: &Value, errors: &mut Vec<FieldError>) {
    let path = "metadata.ownerReferences";
    let Value::Array(owners) = &meta["ownerReferences"] else {
        return;
    };
    let mut controller: Option<String> = None;
    for owner in owners {
        let field = |name: &str| owner[name].as_str().unwrap_or_default();
        let api_version = field("apiVersion");
        if api_version.is_empty() || api_version.ends_with('/') {
            errors.push(FieldError::invalid(
                format!("{path}.apiVersion"),
                &Value::from(api_version),
                "version must not be empty",
            ));
        }
        for name in ["kind", "name", "uid"] {
            if field(name).is_empty() {
                errors.push(FieldError::invalid(
                    format!("{path}.{name}"),
                    &Value::from(""),
                    "must not be empty",
                ));
            }
        }
        if (api_version, field("kind")) == ("v1", "Event") {
            errors.push(FieldError::invalid(
                path,
                owner,
                "/v1, Kind=Event is disallowed from being an owner",
            ));
        }
        if owner["controller"] == Value::Bool(true) {
            let name = format!("{}/{}", field("kind"), field("name"));
            if let Some(first) = &controller {
                let detail = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {name}"
                );
                errors.push(FieldError::invalid(path, &meta["ownerReferences"], &detail));
            } else {
                controller = Some(name);
            }
        }
    }
}

fn finalizers(meta: &Value, errors: &mut Vec<FieldError>) {
    let path = "metadata.finalizers";
    let names: Vec<&str> = strings(meta, "finalizers");
    for name in &names {
        push(errors, path, name, names::qualified(name));
    }
    if names.contains(&"orphan") && names.contains(&"foregroundDeletion") {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.push(FieldError::invalid(path, &meta["finalizers"], detail));
    }
}

/// The groups whose new objects may have unqualified finalizers only where Kubernetes has defined them.
pub(super) const KNOWN_FINALIZERS: [&str; 6] = [
    "",
    "apps",
    "autoscaling",
    "batch",
    "networking.k8s.io",
    "policy",
];

/// Refuses finalizers without a domain that are not Kubernetes' own.
pub(super) fn known_finalizers(object: &Value, errors: &mut Vec<FieldError>) {
    for (at, name) in strings(&object["metadata"], "finalizers")
        .iter()
        .enumerate()
    {
        let is_known = matches!(*name, "kubernetes" | "orphan" | "foregroundDeletion");
        if !is_known && !name.contains('/') {
            let path = format!("metadata.finalizers[{at}]");
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid(&path, &(*name).into(), detail));
        }
    }
}

fn no_new_finalizers(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let before = strings(old, "finalizers");
    let mut added: Vec<&str> = strings(new, "finalizers")
        .into_iter()
        .filter(|f| !before.contains(f))
        .collect();
    added.sort_unstable();
    if !added.is_empty() {
        let list: Vec<String> = added.iter().map(|f| crate::error::go_quote(f)).collect();
        let detail = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            list.join(", ")
        );
        errors.push(FieldError::forbidden("metadata.finalizers", &detail));
    }
}

fn strings<'v>(of: &'v Value, field: &str) -> Vec<&'v str> {
    of[field]
        .as_array()
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

fn text<'v>(of: &'v Value, field: &str) -> Option<&'v str> {
    of[field].as_str().filter(|text| !text.is_empty())
}

fn push(errors: &mut Vec<FieldError>, path: &str, found: &str, messages: Vec<String>) {
    for message in messages {
        errors.push(FieldError::invalid(path, &Value::from(found), &message));
    }
}
