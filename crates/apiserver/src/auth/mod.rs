//! Who asks, and whether they may.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::HeaderMap;

mod authenticate;
mod cache;
mod cover;
mod impersonate;
mod name;
pub mod rbac;
pub(crate) mod review;
pub mod rule;
pub mod token;
mod token_request;

pub use authenticate::add_static_token;
pub(crate) use authenticate::token_key;
pub(crate) use cover::confirm_no_escalation;
pub use name::{service_account_groups, service_account_name, split_service_account};
pub use rbac::Rbac;
pub(crate) use review::Asking;

use crate::{ApiError, RequestInfo, Server};

/// Who makes a request, once authenticated (and impersonated).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// User name, such as `system:serviceaccount:team:reconciler`.
    pub name: String,
    /// Uid, `""` where the authenticator knows none.
    pub uid: String,
    /// Groups, `system:authenticated` among them for everybody known.
    pub groups: Vec<String>,
    /// What else the authenticator said.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// The group that may do everything.
pub const MASTERS: &str = "system:masters";
/// The group of everybody known.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The group of everybody else.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";

impl User {
    /// A user in `groups` and in `system:authenticated`.
    pub fn new(name: &str, groups: &[&str]) -> Self {
        let mut groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        if !groups.iter().any(|group| group == AUTHENTICATED) {
            groups.push(AUTHENTICATED.to_owned());
        }
        Self {
            name: name.to_owned(),
            groups,
            ..Self::default()
        }
    }

    /// The cluster's administrator, as the admin kubeconfig names it.
    pub fn admin() -> Self {
        Self::new("kubernetes-admin", &[MASTERS])
    }

    /// A ServiceAccount, with the groups that come with it.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self::new(
            &format!("system:serviceaccount:{namespace}:{name}"),
            &[
                "system:serviceaccounts",
                &format!("system:serviceaccounts:{namespace}"),
            ],
        )
    }

    /// The name of who shows no credentials.
    pub const ANONYMOUS: &'static str = "system:anonymous";

    /// Who shows no credentials.
    pub fn anonymous() -> Self {
        Self {
            name: Self::ANONYMOUS.to_owned(),
            groups: vec![UNAUTHENTICATED.to_owned()],
            ..Self::default()
        }
    }

    /// Whether the user is in `group`.
    pub fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }
}

/// What somebody wants to do: the question to an authoriser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Who.
    pub user: User,
    /// `get`, `list`, …, or the lower-case method for plain paths.
    pub verb: String,
    /// API group, `""` for core.
    pub group: String,
    /// API version.
    pub version: String,
    /// Plural resource name.
    pub resource: String,
    /// Subresource, `""` for the object itself.
    pub subresource: String,
    /// Namespace, `""` for cluster scope and for all namespaces.
    pub namespace: String,
    /// Object name, `""` where none is named.
    pub name: String,
    /// The path as requested.
    pub path: String,
    /// Whether this is about a resource and not a plain path.
    pub is_resource: bool,
}

impl Attributes {
    /// What `user` asks for with a request.
    pub fn of(user: &User, info: &crate::RequestInfo) -> Self {
        Self {
            user: user.clone(),
            verb: info.verb.clone(),
            group: info.group.clone(),
            version: info.version.clone(),
            resource: info.resource.clone(),
            subresource: info.subresource.clone(),
            namespace: info.namespace.clone(),
            name: info.name.clone(),
            path: info.path.clone(),
            is_resource: info.is_resource,
        }
    }
}

/// An authoriser's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request may go on.
    pub allowed: bool,
    /// Why; part of the message of a refusal, and of a review's status.
    pub reason: String,
}

/// The identity in a verified client certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The subject's common name: the user.
    pub common_name: String,
    /// The subject's organisations: the groups.
    pub organizations: Vec<String>,
    /// The certificate's SHA-256 in hexadecimal digits, `""` where none was shown.
    pub fingerprint: String,
}

/// Says who a request from the network comes from: a client certificate, else a bearer token, else nobody in particular.
///
/// # Errors
/// 401 when it carries credentials that do not hold.
pub(crate) fn authenticate(
    server: &Server,
    headers: &HeaderMap,
    certificate: Option<&ClientCertificate>,
) -> Result<User, ApiError> {
    authenticate::authenticate(server, headers, certificate)
}

/// Says who the request is to be treated as coming from, where its `Impersonate-*` headers name somebody else.
///
/// # Errors
/// 403 when `user` may not impersonate that identity, 400 for headers that make no sense.
pub(crate) fn impersonate(
    server: &Server,
    user: &User,
    info: &RequestInfo,
    headers: &HeaderMap,
) -> Result<Option<User>, ApiError> {
    if !impersonate::asked(headers) {
        return Ok(None);
    }
    let last = server.extension("impersonation", impersonate::LastModes::default);
    let asked = Attributes::of(user, info);
    impersonate::impersonate(headers, &asked, &last, &|asked| authorize(server, asked))
}

/// Answers a create that stores nothing: a review, or a request for a token.
///
/// # Errors
/// What is wrong with the question; 405 for a create of anything else.
pub(crate) fn create_virtual(
    server: &Server,
    info: &RequestInfo,
    user: &User,
    object: krm::Value,
) -> Result<krm::Value, ApiError> {
    let asking = review::Asking { server, user, info };
    review::answer(&asking, object).unwrap_or_else(|| Err(ApiError::method_not_allowed()))
}

/// Decides whether a request may go on.
pub(crate) fn authorize(server: &Server, asked: &Attributes) -> Decision {
    rbac(server).authorize(asked)
}

/// What the stored Roles, ClusterRoles and bindings say now.
pub(crate) fn rbac(server: &Server) -> Arc<Rbac> {
    server
        .extension("rbac", cache::Cache::default)
        .current(server.store())
}

#[cfg(test)]
impl Attributes {
    /// Reads `verb resource.group/subresource name -n namespace` or `verb /path`.
    pub(crate) fn parse(text: &str) -> Self {
        let (text, namespace) = text.split_once(" -n ").unwrap_or((text, ""));
        let mut words = text.split(' ').map(str::to_owned);
        let mut next = || words.next().unwrap_or_default();
        let (verb, what, name) = (next(), next(), next());
        if what.starts_with('/') {
            return Self {
                verb,
                path: what,
                ..Self::default()
            };
        }
        let (resource, group, subresource) = match what.split_once('.') {
            Some((resource, rest)) => {
                let (group, sub) = rest.split_once('/').unwrap_or((rest, ""));
                (resource, group, sub)
            }
            None => {
                let (resource, sub) = what.split_once('/').unwrap_or((&what, ""));
                (resource, "", sub)
            }
        };
        Self {
            verb,
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            namespace: namespace.to_owned(),
            name,
            is_resource: true,
            ..Self::default()
        }
    }
}
