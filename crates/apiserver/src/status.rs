//! Refusals: `metav1.Status` with upstream's texts, codes, reasons and causes.

use http::StatusCode;
use krm::{Value, json};
use schema::FieldError;
use schema::error::{aggregate, go_quote};

use crate::auth::Attributes;

/// A resource without its version, as messages name it: `deployments.apps`, `pods`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupResource {
    /// API group, `""` for core.
    pub group: String,
    /// Plural name (or, in messages about kinds, the kind).
    pub resource: String,
}

impl GroupResource {
    /// From group and plural name.
    pub fn new(group: &str, resource: &str) -> Self {
        Self {
            group: group.to_owned(),
            resource: resource.to_owned(),
        }
    }
}

impl std::fmt::Display for GroupResource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.resource)?;
        if self.group.is_empty() {
            Ok(())
        } else {
            write!(f, ".{}", self.group)
        }
    }
}

/// One cause in a Status' details.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// Machine-readable reason, such as `FieldValueInvalid`.
    pub reason: String,
    /// Text.
    pub message: String,
    /// Path of the field.
    pub field: String,
}

/// Why a request is refused; its JSON is a `metav1.Status`.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError(Box<Inner>);

#[derive(Clone, Debug, PartialEq)]
struct Inner {
    code: StatusCode,
    reason: &'static str,
    message: String,
    details: Option<Details>,
    /// `metadata.continue`, for an expired list that may go on.
    next: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Details {
    of: GroupResource,
    name: String,
    uid: String,
    causes: Vec<Cause>,
    retry_after: u32,
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for ApiError {}

impl ApiError {
    fn new(code: StatusCode, reason: &'static str, message: String) -> Self {
        Self(Box::new(Inner {
            code,
            reason,
            message,
            details: None,
            next: String::new(),
        }))
    }

    fn about(mut self, of: &GroupResource, name: &str) -> Self {
        let details = self.0.details.get_or_insert_default();
        details.of = of.clone();
        name.clone_into(&mut details.name);
        self
    }

    /// With `details.retryAfterSeconds`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.details.get_or_insert_default().retry_after = seconds;
        self
    }

    /// With `details.uid`.
    #[must_use]
    pub fn with_uid(mut self, uid: &str) -> Self {
        uid.clone_into(&mut self.0.details.get_or_insert_default().uid);
        self
    }

    /// With `details.causes`.
    #[must_use]
    pub fn with_causes(mut self, causes: Vec<Cause>) -> Self {
        self.0.details.get_or_insert_default().causes = causes;
        self
    }

    /// With `metadata.continue`.
    #[must_use]
    pub fn with_continue(mut self, token: String) -> Self {
        self.0.next = token;
        self
    }

    /// 404: the object does not exist.
    pub fn not_found(of: &GroupResource, name: &str) -> Self {
        let message = format!("{of} {} not found", go_quote(name));
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(of, name)
    }

    /// 409: the object exists already.
    pub fn already_exists(of: &GroupResource, name: &str) -> Self {
        let message = format!("{of} {} already exists", go_quote(name));
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).about(of, name)
    }

    /// 409: every generated name was taken.
    pub fn generate_name_conflict(of: &GroupResource, name: &str) -> Self {
        let message = format!(
            "{of} {} already exists, the server was not able to generate a unique name for the object",
            go_quote(name)
        );
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message)
            .about(of, name)
            .retry_after(1)
    }

    /// 401.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            "Unauthorized".to_owned(),
        )
    }

    /// 403, by admission or by a handler: `why` follows "is forbidden: ".
    pub fn forbidden(of: &GroupResource, name: &str, why: &str) -> Self {
        let message = if *of == GroupResource::default() {
            format!("forbidden: {why}")
        } else if name.is_empty() {
            format!("{of} is forbidden: {why}")
        } else {
            format!("{of} {} is forbidden: {why}", go_quote(name))
        };
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).about(of, name)
    }

    /// 403, by the authoriser.
    pub fn denied(attributes: &Attributes, reason: &str) -> Self {
        let mut why = denial(attributes)
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        if !reason.is_empty() {
            why = format!("{why}: {reason}");
        }
        let of = GroupResource::new(&attributes.group, &attributes.resource);
        Self::forbidden(&of, &attributes.name, &why)
    }

    /// 409: the write does not fit the object as it is.
    pub fn conflict(of: &GroupResource, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {of} {}: {why}",
            go_quote(name)
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(of, name)
    }

    /// 409: the object changed since it was read.
    pub fn modified(of: &GroupResource, name: &str) -> Self {
        Self::conflict(
            of,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 409: fields belong to other managers.
    pub fn apply_conflict(message: String, causes: Vec<Cause>) -> Self {
        Self::new(StatusCode::CONFLICT, "Conflict", message).with_causes(causes)
    }

    /// 410: what was asked for is compacted away.
    pub fn expired(message: &str) -> Self {
        Self::new(StatusCode::GONE, "Expired", message.to_owned())
    }

    /// 422: fields are wrong; `of` names the kind.
    pub fn invalid(of: &GroupResource, name: &str, errors: &[FieldError]) -> Self {
        let mut message = format!("{of} {} is invalid", go_quote(name));
        if !errors.is_empty() {
            message = format!("{message}: {}", aggregate(errors));
        }
        let causes = errors.iter().map(|error| {
            let cause = error.cause();
            Cause {
                reason: cause.reason.to_owned(),
                message: cause.message,
                field: cause.field,
            }
        });
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
            .about(of, name)
            .with_causes(causes.collect())
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message.into())
    }

    /// 405: the resource does not serve the verb.
    pub fn method_not_supported(of: &GroupResource, action: &str) -> Self {
        let message = format!(
            "{action} is not supported on resources of kind {}",
            go_quote(&of.to_string())
        );
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message).about(of, "")
    }

    /// 405 of the router, which knows no verb for the path.
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource".to_owned(),
        )
        .about(&GroupResource::default(), "")
    }

    /// 406 of the router.
    pub fn none_acceptable(available: &[&str]) -> Self {
        let message = format!(
            "406: Not Acceptable\n\nAvailable representations: {}",
            available.join(", ")
        );
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message)
            .about(&GroupResource::default(), "")
    }

    /// 406 of a transform that does not fit the answer.
    pub fn wrong_transform(message: &str) -> Self {
        let code = StatusCode::NOT_ACCEPTABLE;
        Self::new(code, "NotAcceptable", message.to_owned())
    }

    /// 415 of the router.
    pub fn unknown_media() -> Self {
        let message = "415: Unsupported Media Type".to_owned();
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            message,
        )
        .about(&GroupResource::default(), "")
    }

    /// 422 of a patch that does not apply.
    pub fn unprocessable() -> Self {
        let message = "the server rejected our request due to an error in our request".to_owned();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
            .about(&GroupResource::default(), "")
    }

    /// 404 of a router that answers with a Status.
    pub fn no_such_path() -> Self {
        let message = "the server could not find the requested resource".to_owned();
        let mut error = Self::new(StatusCode::NOT_FOUND, "NotFound", message);
        error.0.details = Some(Details::default());
        error
    }

    /// 406.
    pub fn not_acceptable(accepted: &[&str]) -> Self {
        let message = format!(
            "only the following media types are accepted: {}",
            accepted.join(", ")
        );
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message)
    }

    /// 415.
    pub fn unsupported_media(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            message,
        )
    }

    /// 413.
    pub fn too_large(message: &str) -> Self {
        let message = format!("Request entity too large: {message}");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            message,
        )
    }

    /// 429.
    pub fn too_many_requests(message: &str, retry_after: u32) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            message.to_owned(),
        )
        .retry_after(retry_after)
    }

    /// 500.
    pub fn internal(why: impl std::fmt::Display) -> Self {
        let why = why.to_string();
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            format!("Internal error occurred: {why}"),
        )
        .with_causes(vec![Cause {
            message: why,
            ..Cause::default()
        }])
    }

    /// 500 of the storage, whose text stands alone.
    pub fn storage(message: &str) -> Self {
        let code = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(code, "", message.to_owned())
    }

    /// 503.
    pub fn unavailable(message: &str) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            message.to_owned(),
        )
    }

    /// 500 of an operation that should be tried again.
    pub fn server_timeout(of: &GroupResource, operation: &str, retry_after: u32) -> Self {
        let message = format!(
            "The {operation} operation against {of} could not be completed at this time, please try again."
        );
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "ServerTimeout", message)
            .about(of, operation)
            .retry_after(retry_after)
    }

    /// 504.
    pub fn timeout(message: &str, retry_after: u32) -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "Timeout",
            format!("Timeout: {message}"),
        )
        .retry_after(retry_after)
    }

    /// 504: a resourceVersion that is yet to come.
    pub fn future_version(asked: u64, current: u64) -> Self {
        let message = format!("Too large resource version: {asked}, current: {current}");
        Self::timeout(&message, 1).with_causes(vec![Cause {
            reason: "ResourceVersionTooLarge".to_owned(),
            message: "Too large resource version".to_owned(),
            field: String::new(),
        }])
    }

    /// The HTTP status.
    pub fn code(&self) -> StatusCode {
        self.0.code
    }

    /// The reason, such as `NotFound`.
    pub fn reason(&self) -> &'static str {
        self.0.reason
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Seconds after which to try again, 0 where none were said.
    pub fn retry_after_seconds(&self) -> u32 {
        self.0
            .details
            .as_ref()
            .map_or(0, |details| details.retry_after)
    }

    /// The `metav1.Status`.
    pub fn to_value(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.0.message, "code": self.0.code.as_u16(),
        });
        if !self.0.reason.is_empty() {
            status["reason"] = self.0.reason.into();
        }
        if !self.0.next.is_empty() {
            status["metadata"]["continue"] = self.0.next.as_str().into();
        }
        if let Some(details) = &self.0.details {
            status["details"] = details.to_value();
        }
        status
    }
}

impl Details {
    fn to_value(&self) -> Value {
        let mut out = krm::Map::new();
        let mut text = |key: &str, value: &str| {
            if !value.is_empty() {
                out.insert(key.to_owned(), value.into());
            }
        };
        text("name", &self.name);
        text("group", &self.of.group);
        text("kind", &self.of.resource);
        text("uid", &self.uid);
        if self.retry_after > 0 {
            out.insert("retryAfterSeconds".to_owned(), self.retry_after.into());
        }
        if !self.causes.is_empty() {
            out.insert(
                "causes".to_owned(),
                self.causes.iter().map(Cause::to_value).collect(),
            );
        }
        Value::Object(out)
    }
}

impl Cause {
    fn to_value(&self) -> Value {
        let fields = [
            ("reason", &self.reason),
            ("message", &self.message),
            ("field", &self.field),
        ];
        let filled = fields.into_iter().filter(|(_, value)| !value.is_empty());
        Value::Object(
            filled
                .map(|(key, value)| (key.to_owned(), value.as_str().into()))
                .collect(),
        )
    }
}

/// The sentence that says what somebody may not do.
fn denial(asked: &Attributes) -> String {
    let (user, verb) = (go_quote(&asked.user.name), &asked.verb);
    if !asked.is_resource {
        return format!("User {user} cannot {verb} path {}", go_quote(&asked.path));
    }
    let resource = match asked.subresource.as_str() {
        "" => asked.resource.clone(),
        subresource => format!("{}/{subresource}", asked.resource),
    };
    let place = match asked.namespace.as_str() {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace {}", go_quote(namespace)),
    };
    format!(
        "User {user} cannot {verb} resource {} in API group {} {place}",
        go_quote(&resource),
        go_quote(&asked.group)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::User;

    #[test]
    fn a_denial_reads_as_upstream_writes_it() {
        let asked = Attributes {
            user: User::service_account("team-payments", "reconciler"),
            verb: "patch".to_owned(),
            group: "rbac.authorization.k8s.io".to_owned(),
            version: "v1".to_owned(),
            resource: "clusterrolebindings".to_owned(),
            name: "rogue".to_owned(),
            is_resource: true,
            ..Attributes::default()
        };
        assert_eq!(
            ApiError::denied(&asked, "").message(),
            "clusterrolebindings.rbac.authorization.k8s.io \"rogue\" is forbidden: User \
             \"system:serviceaccount:team-payments:reconciler\" cannot patch resource \"clusterrolebindings\" in API group \
             \"rbac.authorization.k8s.io\" at the cluster scope"
        );
    }

    #[test]
    fn details_leave_empties_out() {
        let error = ApiError::not_found(&GroupResource::new("", "pods"), "a");
        assert_eq!(
            error.to_value(),
            json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 404, "reason": "NotFound",
                "message": "pods \"a\" not found", "details": {"kind": "pods", "name": "a"}
            })
        );
    }
}
