//! Who shows which credentials: client certificates and bearer tokens.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use clock::Timestamp;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use parking_lot::Mutex;

use super::rule::quoted_list;
use super::token::{Claims, ISSUER, KeyError, TokenError, TokenKey};
use super::{AUTHENTICATED, ClientCertificate, User};
use crate::status::GroupResource;
use crate::store::{Key, Stored};
use crate::{ApiError, Server};

/// How long after its deletion an object that a token is bound to still vouches for it.
const LEEWAY_SECONDS: i64 = 60;

/// The extra that says which credential was shown.
const CREDENTIAL: &str = "authentication.kubernetes.io/credential-id";

/// The key this server signs ServiceAccount tokens with. It is made when the server starts.
pub(crate) fn token_key(server: &Server) -> Arc<Result<TokenKey, KeyError>> {
    server.extension("token key", TokenKey::generate)
}

/// Tokens that stand for a user as long as the server runs.
#[derive(Debug, Default)]
struct StaticTokens(Mutex<HashMap<String, User>>);

/// Lets `token` stand for `user` as long as the server runs.
pub fn add_static_token(server: &Server, token: &str, user: User) {
    let tokens = server.extension("static tokens", StaticTokens::default);
    tokens.0.lock().insert(token.to_owned(), user);
}

/// Says who a request comes from.
///
/// # Errors
/// 401 when its credentials do not hold.
pub(super) fn authenticate(
    server: &Server,
    headers: &HeaderMap,
    certificate: Option<&ClientCertificate>,
) -> Result<User, ApiError> {
    if let Some(certificate) = certificate.filter(|own| !own.common_name.is_empty()) {
        let groups: Vec<&str> = certificate
            .organizations
            .iter()
            .map(String::as_str)
            .collect();
        let mut user = User::new(&certificate.common_name, &groups);
        if !certificate.fingerprint.is_empty() {
            let id = format!("X509SHA256={}", certificate.fingerprint);
            user.extra.insert(CREDENTIAL.to_owned(), vec![id]);
        }
        return Ok(user);
    }
    let Some(token) = bearer(headers) else {
        return Ok(User::anonymous());
    };
    by_token(server, token, &[ISSUER.to_owned()])
        .map(|(user, _)| user)
        .map_err(|_| ApiError::unauthorized())
}

/// The token of an `Authorization: Bearer` header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Who a token stands for, and for which of the `audiences` asked about.
///
/// # Errors
/// Why it does not hold.
pub(super) fn by_token(
    server: &Server,
    token: &str,
    audiences: &[String],
) -> Result<(User, Vec<String>), TokenError> {
    let known = server.extension("static tokens", StaticTokens::default);
    if let Some(user) = known.0.lock().get(token) {
        return Ok((user.clone(), audiences.to_vec()));
    }
    let key = token_key(server);
    let claims = key
        .as_ref()
        .as_ref()
        .map_err(|_| TokenError::Foreign)?
        .verify(token)?;
    let now = server.clock().now();
    claims.check_time(now)?;
    let shared: Vec<String> = claims
        .audiences
        .iter()
        .filter(|one| audiences.contains(one))
        .cloned()
        .collect();
    if shared.is_empty() {
        return Err(TokenError::Invalid(format!(
            "token audiences {} is invalid for the target audiences {}",
            quoted_list(&claims.audiences),
            quoted_list(audiences),
        )));
    }
    check_bound(server, &claims, now)?;
    Ok((user_of(&claims), shared))
}

/// Checks that everything the token is bound to still exists.
fn check_bound(server: &Server, claims: &Claims, now: Timestamp) -> Result<(), TokenError> {
    let invalid = |why: String| Err(TokenError::Invalid(why));
    let get = |resource: &str, namespace: &str, name: &str| {
        let of = GroupResource::new("", resource);
        server.store().get(&of, &Key::new(namespace, name))
    };
    let (namespace, name) = (&claims.namespace, &claims.name);
    let Some(account) = get("serviceaccounts", namespace, name) else {
        return invalid(format!("serviceaccounts {name:?} not found"));
    };
    let uid = &account.header().uid;
    if *uid != claims.uid {
        return invalid(format!(
            "service account UID ({uid}) does not match claim ({})",
            claims.uid
        ));
    }
    if is_gone(&account, now) {
        return invalid(format!(
            "service account {namespace}/{name} has been deleted"
        ));
    }
    let bound = &claims.bound;
    // Of a token bound to a Pod, the node is only information.
    let node = bound.node.as_ref().filter(|_| bound.pod.is_none());
    for (kind, resource, namespace, object) in [
        (
            "secret",
            "secrets",
            namespace.as_str(),
            bound.secret.as_ref(),
        ),
        ("pod", "pods", namespace.as_str(), bound.pod.as_ref()),
        ("node", "nodes", "", node),
    ] {
        let Some((name, uid)) = object else { continue };
        let Some(live) = get(resource, namespace, name).filter(|live| !is_gone(live, now)) else {
            return invalid("service account token has been invalidated".to_owned());
        };
        let live = &live.header().uid;
        if live != uid {
            let title = kind[..1].to_uppercase() + &kind[1..];
            let title = if kind == "secret" {
                kind
            } else {
                title.as_str()
            };
            return invalid(format!(
                "{title} UID ({live}) does not match service account {kind} ref claim ({uid})"
            ));
        }
    }
    Ok(())
}

/// Whether an object has been going for longer than clocks may differ.
fn is_gone(object: &Stored, now: Timestamp) -> bool {
    let since = object.header().deleting.as_deref();
    let since = since.and_then(|time| time.parse::<Timestamp>().ok());
    since.is_some_and(|since| since.as_second() < now.as_second() - LEEWAY_SECONDS)
}

/// The user that a valid token stands for.
fn user_of(claims: &Claims) -> User {
    let mut extra = BTreeMap::new();
    let mut add = |key: &str, value: String| {
        extra.insert(format!("authentication.kubernetes.io/{key}"), vec![value]);
    };
    add("credential-id", format!("JTI={}", claims.id));
    if let Some((name, uid)) = &claims.bound.pod {
        add("pod-name", name.clone());
        add("pod-uid", uid.clone());
    }
    if let Some((name, uid)) = &claims.bound.node {
        add("node-name", name.clone());
        if !uid.is_empty() {
            add("node-uid", uid.clone());
        }
    }
    let mut groups = super::service_account_groups(&claims.namespace);
    groups.push(AUTHENTICATED.to_owned());
    User {
        name: super::service_account_name(&claims.namespace, &claims.name),
        uid: claims.uid.clone(),
        groups,
        extra,
    }
}
