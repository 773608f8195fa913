//! TokenRequest: a token for a ServiceAccount, as kubelets and clients ask for one.

use std::sync::Arc;

use krm::{Value, json};
use schema::FieldError;

use super::review::Asking;
use super::token::{Bound, Claims, ISSUER};
use crate::ApiError;
use crate::status::GroupResource;
use crate::store::{Key, Stored};

/// The lifetime that Pods ask for: such a token lives a year, and its user is warned after the hour it asked for.
const POD_LIFETIME: i64 = 60 * 60 + 7;
const EXTENDED_LIFETIME: i64 = 365 * 24 * 60 * 60;

/// Answers a create of `serviceaccounts/token`.
///
/// # Errors
/// The ServiceAccount or what the token is to be bound to does not exist or does not fit; the lifetime is out of range.
pub(super) fn issue(asking: &Asking<'_>, mut request: Value) -> Result<Value, ApiError> {
    let (namespace, name) = (&asking.info.namespace, &asking.info.name);
    check_place(&request, namespace, name)?;
    let account = get(asking, "serviceaccounts", namespace, name)?;
    let uid = account.header().uid.clone();
    let asked = request["metadata"]["uid"].as_str().unwrap_or_default();
    if !asked.is_empty() && asked != uid {
        return Err(ApiError::conflict(
            &kind(),
            name,
            &format!(
                "the UID in the token request ({asked}) does not match the UID of the service account ({uid})"
            ),
        ));
    }
    let now = asking.server.clock().now();
    if !request["metadata"].is_object() {
        request["metadata"] = json!({});
    }
    request["metadata"]["name"] = name.as_str().into();
    request["metadata"]["namespace"] = namespace.as_str().into();
    request["metadata"]["uid"] = uid.as_str().into();
    request["metadata"]["creationTimestamp"] = seconds(now.as_second()).into();
    if request["spec"]["audiences"]
        .as_array()
        .is_none_or(Vec::is_empty)
    {
        request["spec"]["audiences"] = json!([ISSUER]);
    }
    let lifetime = request["spec"]["expirationSeconds"]
        .as_i64()
        .unwrap_or(3600);
    check_lifetime(lifetime)?;
    request["spec"]["expirationSeconds"] = lifetime.into();
    let bound = bound(asking, &request["spec"]["boundObjectRef"])?;
    let audiences: Vec<String> = request["spec"]["audiences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one.as_str().map(str::to_owned))
        .collect();
    let extend = bound.pod.is_some()
        && lifetime == POD_LIFETIME
        && audiences.iter().all(|audience| audience == ISSUER);
    let issued = now.as_second();
    let claims = Claims {
        namespace: namespace.clone(),
        name: name.clone(),
        uid,
        audiences,
        issued,
        expires: issued + if extend { EXTENDED_LIFETIME } else { lifetime },
        warn_after: extend.then_some(issued + lifetime),
        id: asking.server.seed().uid(),
        bound,
    };
    let token = match super::token_key(asking.server).as_ref() {
        Ok(key) => key.sign(&claims),
        Err(error) => Err(*error),
    }
    .map_err(|error| ApiError::internal(format!("failed to generate token: {error}")))?;
    if request["spec"]["boundObjectRef"].is_null() {
        request["spec"]["boundObjectRef"] = Value::Null;
    }
    request["status"] = json!({
        "token": token, "expirationTimestamp": seconds(issued + lifetime),
    });
    Ok(request)
}

fn check_place(request: &Value, namespace: &str, name: &str) -> Result<(), ApiError> {
    for (field, expected, what) in [
        ("name", name, "name"),
        ("namespace", namespace, "namespace"),
    ] {
        let said = &request["metadata"][field];
        if said
            .as_str()
            .is_some_and(|said| !said.is_empty() && said != expected)
        {
            let error = FieldError::invalid(
                format!("metadata.{field}"),
                said,
                &format!("must match the service account {what} if specified"),
            );
            return Err(ApiError::invalid(&kind(), name, &[error]));
        }
    }
    Ok(())
}

fn check_lifetime(lifetime: i64) -> Result<(), ApiError> {
    let detail = if lifetime < 600 {
        "may not specify a duration less than 10 minutes"
    } else if lifetime > 1 << 32 {
        "may not specify a duration larger than 2^32 seconds"
    } else {
        return Ok(());
    };
    let error = FieldError::invalid("spec.expirationSeconds", &lifetime.into(), detail);
    Err(ApiError::invalid(&kind(), "", &[error]))
}

/// What the token is bound to, as it exists now.
fn bound(asking: &Asking<'_>, reference: &Value) -> Result<Bound, ApiError> {
    if !reference.is_object() {
        return Ok(Bound::default());
    }
    let text = |field: &str| reference[field].as_str().unwrap_or_default();
    let (api_version, of_kind, name) = (text("apiVersion"), text("kind"), text("name"));
    let namespace = &asking.info.namespace;
    let mut bound = Bound::default();
    let mut node = None;
    let (resource, live) = match (api_version, of_kind) {
        ("v1", "Pod") => {
            let pod = get(asking, "pods", namespace, name)?;
            let spec = &pod.value()["spec"];
            let account = &asking.info.name;
            if spec["serviceAccountName"] != account.as_str() {
                return Err(ApiError::bad_request(format!(
                    "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
                )));
            }
            node = spec["nodeName"]
                .as_str()
                .filter(|node| !node.is_empty())
                .map(str::to_owned);
            ("Pod", pod)
        }
        ("v1", "Node") => ("Node", get(asking, "nodes", "", name)?),
        ("v1", "Secret") => ("Secret", get(asking, "secrets", namespace, name)?),
        _ => {
            let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
            return Err(ApiError::bad_request(format!(
                "cannot bind token to object of type {group}/{version}, Kind={of_kind}"
            )));
        }
    };
    let uid = live.header().uid.clone();
    if !text("uid").is_empty() && text("uid") != uid {
        let of = GroupResource::new("", of_kind);
        return Err(ApiError::conflict(
            &of,
            name,
            &format!(
                "the UID in the bound object reference ({}) does not match the UID in record. The object might have been deleted and then recreated",
                text("uid")
            ),
        ));
    }
    let object = Some((name.to_owned(), uid));
    match resource {
        "Pod" => bound.pod = object,
        "Node" => bound.node = object,
        _ => bound.secret = object,
    }
    if let Some(node) = node {
        let of = GroupResource::new("", "nodes");
        let live = asking.server.store().get(&of, &Key::new("", &node));
        let uid = live
            .map(|live| live.header().uid.clone())
            .unwrap_or_default();
        bound.node = Some((node, uid));
    }
    Ok(bound)
}

fn get(
    asking: &Asking<'_>,
    resource: &str,
    namespace: &str,
    name: &str,
) -> Result<Arc<Stored>, ApiError> {
    let of = GroupResource::new("", resource);
    let found = asking.server.store().get(&of, &Key::new(namespace, name));
    found.ok_or_else(|| ApiError::not_found(&of, name))
}

fn kind() -> GroupResource {
    GroupResource::new("authentication.k8s.io", "TokenRequest")
}

/// A time as `metav1.Time` writes it.
fn seconds(second: i64) -> String {
    crate::context::seconds(clock::Timestamp::from_second(second).unwrap_or_default())
}
