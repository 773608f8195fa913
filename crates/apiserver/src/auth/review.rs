//! Reviews: asking the server who somebody is and what they may do. Created, answered, never stored.

use std::collections::BTreeMap;

use krm::{Map, Value, json};
use schema::FieldError;

use super::token::ISSUER;
use super::{Attributes, User, authenticate, authorize, rbac, token_request};
use crate::status::GroupResource;
use crate::{ApiError, RequestInfo, Server};

/// Somebody's create of a review, decoded and defaulted.
pub(crate) struct Asking<'a> {
    /// The server asked.
    pub(crate) server: &'a Server,
    /// Who asks.
    pub(crate) user: &'a User,
    /// The request.
    pub(crate) info: &'a RequestInfo,
}

/// What answers a review.
type Answer = fn(&Asking<'_>, Value) -> Result<Value, ApiError>;

const REVIEWS: [(&str, &str, Answer); 9] = [
    ("authentication.k8s.io", "selfsubjectreviews", self_subject),
    ("authentication.k8s.io", "tokenreviews", token),
    (
        "authorization.k8s.io",
        "localsubjectaccessreviews",
        local_access,
    ),
    (
        "authorization.k8s.io",
        "selfsubjectaccessreviews",
        own_access,
    ),
    ("authorization.k8s.io", "selfsubjectrulesreviews", own_rules),
    ("authorization.k8s.io", "subjectaccessreviews", access),
    ("", "serviceaccounts/token", token_request::issue),
    ("", "pods/binding", crate::life::binding::bind),
    ("", "bindings", crate::life::binding::bind),
];

/// Answers a review (or another create that stores nothing); `None` where the resource is none.
pub(crate) fn answer(asking: &Asking<'_>, review: Value) -> Option<Result<Value, ApiError>> {
    let path = asking.info.resource_path();
    let (_, _, answer) = REVIEWS
        .iter()
        .find(|(group, resource, _)| *group == asking.info.group && *resource == path)?;
    Some(answer(asking, review))
}

fn access(asking: &Asking<'_>, mut review: Value) -> Result<Value, ApiError> {
    let mut errors = check_target(&review["spec"]);
    errors.extend(check_subject(&review["spec"]));
    errors.extend(check_metadata(&review, false));
    refuse(&errors)?;
    let subject = subject(&review["spec"]);
    review["status"] = status(asking.server, subject, &review["spec"]);
    Ok(review)
}

fn own_access(asking: &Asking<'_>, mut review: Value) -> Result<Value, ApiError> {
    let mut errors = check_target(&review["spec"]);
    errors.extend(check_metadata(&review, false));
    refuse(&errors)?;
    review["status"] = status(asking.server, asking.user.clone(), &review["spec"]);
    Ok(review)
}

fn local_access(asking: &Asking<'_>, mut review: Value) -> Result<Value, ApiError> {
    let own = review["metadata"]["namespace"].clone();
    let spec = &review["spec"];
    let mut errors = check_target(spec);
    errors.extend(check_subject(spec));
    errors.extend(check_metadata(&review, true));
    let target = &spec["resourceAttributes"];
    if target.is_object() && text(&target["namespace"]) != text(&own) {
        errors.push(FieldError::invalid(
            "spec.resourceAttributes.namespace",
            &text(&target["namespace"]).into(),
            "must match metadata.namespace",
        ));
    }
    if !spec["nonResourceAttributes"].is_null() {
        errors.push(FieldError::invalid(
            "spec.nonResourceAttributes",
            &internal(&spec["nonResourceAttributes"]),
            "disallowed on this kind of request",
        ));
    }
    refuse(&errors)?;
    let namespace = &asking.info.namespace;
    if *namespace != text(&own) {
        return Err(ApiError::bad_request(format!(
            "spec.resourceAttributes.namespace must match namespace: {namespace}"
        )));
    }
    let subject = subject(spec);
    review["status"] = status(asking.server, subject, &review["spec"]);
    Ok(review)
}

fn own_rules(asking: &Asking<'_>, review: Value) -> Result<Value, ApiError> {
    let namespace = text(&review["spec"]["namespace"]);
    if namespace.is_empty() {
        return Err(ApiError::bad_request("no namespace on request"));
    }
    let (rules, unresolved) = rbac(asking.server).rules_for(asking.user, &namespace);
    let mut resources = Vec::new();
    let mut paths = Vec::new();
    for rule in &rules {
        if !rule.resources.is_empty() {
            let mut shown = json!({
                "verbs": rule.verbs, "apiGroups": rule.api_groups, "resources": rule.resources,
            });
            if !rule.resource_names.is_empty() {
                shown["resourceNames"] = rule.resource_names.clone().into();
            }
            resources.push(shown);
        }
        if !rule.non_resource_urls.is_empty() {
            paths.push(json!({"verbs": rule.verbs, "nonResourceURLs": rule.non_resource_urls}));
        }
    }
    let mut status =
        json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false});
    if let Some(unresolved) = unresolved {
        status["evaluationError"] = unresolved.into();
    }
    Ok(json!({
        "apiVersion": review["apiVersion"], "kind": review["kind"], "metadata": {}, "spec": {},
        "status": status,
    }))
}

fn self_subject(asking: &Asking<'_>, mut review: Value) -> Result<Value, ApiError> {
    let now = crate::context::seconds(asking.server.clock().now());
    review["metadata"]["creationTimestamp"] = now.into();
    review["status"] = json!({"userInfo": user_info(asking.user)});
    Ok(review)
}

fn token(asking: &Asking<'_>, mut review: Value) -> Result<Value, ApiError> {
    let spec = &review["spec"];
    let token = text(&spec["token"]);
    if token.is_empty() {
        return Err(ApiError::bad_request(
            "token is required for TokenReview in authentication",
        ));
    }
    let mut audiences = strings(&spec["audiences"]);
    if audiences.is_empty() {
        audiences.push(ISSUER.to_owned());
    }
    review["status"] = match authenticate::by_token(asking.server, &token, &audiences) {
        Ok((user, audiences)) => json!({
            "authenticated": true, "user": user_info(&user), "audiences": audiences,
        }),
        Err(error) => json!({"user": {}, "error": error.to_string()}),
    };
    Ok(review)
}

/// A user as `authentication.k8s.io` writes one.
fn user_info(user: &User) -> Value {
    let mut info = Map::new();
    if !user.name.is_empty() {
        info.insert("username".into(), user.name.as_str().into());
    }
    if !user.uid.is_empty() {
        info.insert("uid".into(), user.uid.as_str().into());
    }
    if !user.groups.is_empty() {
        info.insert("groups".into(), user.groups.clone().into());
    }
    if !user.extra.is_empty() {
        info.insert("extra".into(), json!(user.extra));
    }
    Value::Object(info)
}

/// The user that a review's spec asks about.
fn subject(spec: &Value) -> User {
    let extra = spec["extra"].as_object().into_iter().flatten();
    User {
        name: text(&spec["user"]),
        uid: text(&spec["uid"]),
        groups: strings(&spec["groups"]),
        extra: extra
            .map(|(key, values)| (key.clone(), strings(values)))
            .collect::<BTreeMap<_, _>>(),
    }
}

/// The `status` of an access review.
fn status(server: &Server, user: User, spec: &Value) -> Value {
    let decision = authorize(server, &attributes(user, spec));
    let mut status = json!({"allowed": decision.allowed});
    if !decision.reason.is_empty() {
        status["reason"] = decision.reason.into();
    }
    status
}

fn attributes(user: User, spec: &Value) -> Attributes {
    let path = &spec["nonResourceAttributes"];
    if path.is_object() {
        return Attributes {
            user,
            verb: text(&path["verb"]),
            path: text(&path["path"]),
            ..Attributes::default()
        };
    }
    let target = &spec["resourceAttributes"];
    Attributes {
        user,
        verb: text(&target["verb"]),
        group: text(&target["group"]),
        version: match text(&target["version"]) {
            version if version.is_empty() => "*".to_owned(),
            version => version,
        },
        resource: text(&target["resource"]),
        subresource: text(&target["subresource"]),
        namespace: text(&target["namespace"]),
        name: text(&target["name"]),
        path: String::new(),
        is_resource: true,
    }
}

fn check_target(spec: &Value) -> Vec<FieldError> {
    let (resource, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    match (resource.is_object(), path.is_object()) {
        (true, true) => vec![FieldError::invalid(
            "spec.nonResourceAttributes",
            &internal(path),
            "cannot be specified in combination with resourceAttributes",
        )],
        (false, false) => vec![FieldError::invalid(
            "spec.resourceAttributes",
            &Value::Null,
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )],
        _ => Vec::new(),
    }
}

/// A path's attributes under the names of upstream's internal type, which its errors show.
fn internal(path: &Value) -> Value {
    json!({"Path": text(&path["path"]), "Verb": text(&path["verb"])})
}

fn check_subject(spec: &Value) -> Option<FieldError> {
    let nobody = text(&spec["user"]).is_empty() && strings(&spec["groups"]).is_empty();
    nobody.then(|| {
        FieldError::invalid(
            "spec.user",
            &"".into(),
            "at least one of user or group must be specified",
        )
    })
}

fn check_metadata(review: &Value, namespaced: bool) -> Option<FieldError> {
    let metadata = review["metadata"].as_object();
    let said = |(key, value): (&String, &Value)| {
        let ours = key == "managedFields" || (namespaced && key == "namespace");
        !ours && !value.is_null() && value != &json!({})
    };
    let detail = if namespaced {
        "must be empty except for namespace"
    } else {
        "must be empty"
    };
    metadata
        .is_some_and(|metadata| metadata.iter().any(said))
        .then(|| FieldError::invalid("metadata", &review["metadata"], detail))
}

/// Refuses a review. Upstream names the group and forgets the kind.
fn refuse(errors: &[FieldError]) -> Result<(), ApiError> {
    if errors.is_empty() {
        return Ok(());
    }
    let of = GroupResource::new("authorization.k8s.io", "");
    Err(ApiError::invalid(&of, "", errors))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}
