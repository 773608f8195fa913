//! The ways to ask for impersonation, and what each asks.

use super::super::name::{is_dns_subdomain, split_service_account};
use super::super::{AUTHENTICATED, MASTERS, UNAUTHENTICATED, service_account_groups};
use super::{ApiError, Attributes, Authorizer, User};

/// From how many values on one wildcard question is asked before the single ones.
const MANY: usize = 4;

/// The extra that says on which node a ServiceAccount's Pod runs.
const NODE_NAME: &str = "authentication.kubernetes.io/node-name";

/// How impersonation is asked for and granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// A ServiceAccount as the node its Pod runs on.
    AssociatedNode,
    /// Any node.
    ArbitraryNode,
    /// A ServiceAccount.
    ServiceAccount,
    /// Anybody else, with groups and extras.
    UserInfo,
    /// Whoever the verb `impersonate` alone allows.
    Legacy,
}

/// Every mode, in the order they are tried.
pub(super) const MODES: [Mode; 5] = [
    Mode::AssociatedNode,
    Mode::ArbitraryNode,
    Mode::ServiceAccount,
    Mode::UserInfo,
    Mode::Legacy,
];

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::AssociatedNode => "associated-node",
            Self::ArbitraryNode => "arbitrary-node",
            Self::ServiceAccount => "serviceaccount",
            Self::UserInfo => "user-info",
            Self::Legacy => "",
        }
    }

    /// The verb that allows impersonating somebody.
    fn verb(self) -> String {
        match self {
            Self::Legacy => "impersonate".to_owned(),
            constrained => format!("impersonate:{}", constrained.name()),
        }
    }

    /// Whether the mode is for such a user at all.
    pub(super) fn suits(self, wanted: &User, requester: &User) -> bool {
        let name_only =
            wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty();
        let node = node_name(&wanted.name);
        let service_account = split_service_account(&wanted.name).is_some();
        match self {
            Self::AssociatedNode => {
                let own = requester.extra.get(NODE_NAME).map(Vec::as_slice);
                name_only
                    && split_service_account(&requester.name).is_some()
                    && node.is_some_and(|node| own == Some(&[node.to_owned()]))
            }
            Self::ArbitraryNode => name_only && node.is_some(),
            Self::ServiceAccount => name_only && service_account,
            Self::UserInfo => node.is_none() && !service_account,
            Self::Legacy => true,
        }
    }

    /// The user to act as, once every question is answered with yes.
    ///
    /// # Errors
    /// The first refusal.
    pub(super) fn check(
        self,
        wanted: &User,
        asked: &Attributes,
        authorizer: Authorizer<'_>,
    ) -> Result<User, ApiError> {
        if self != Self::Legacy {
            let on = format!("impersonate-on:{}:{}", self.name(), asked.verb);
            ask(
                authorizer,
                &Attributes {
                    verb: on,
                    ..asked.clone()
                },
            )?;
        }
        let mut user = wanted.clone();
        self.check_name(&mut user, &asked.user, authorizer)?;
        if !wanted.uid.is_empty() {
            ask(authorizer, &self.question(&asked.user, "uids", &wanted.uid))?;
        }
        self.check_groups(wanted, &asked.user, authorizer)?;
        self.check_extra(wanted, &asked.user, authorizer)?;
        let group = if user.name == User::ANONYMOUS {
            UNAUTHENTICATED
        } else {
            AUTHENTICATED
        };
        if !user.in_group(group) && !user.in_group(UNAUTHENTICATED) {
            user.groups.push(group.to_owned());
        }
        Ok(user)
    }

    fn check_name(
        self,
        user: &mut User,
        requester: &User,
        authorizer: Authorizer<'_>,
    ) -> Result<(), ApiError> {
        let mut question = self.question(requester, "users", &user.name);
        if self != Self::Legacy
            && let Some(node) = node_name(&user.name)
        {
            "nodes".clone_into(&mut question.resource);
            question.name = if self == Self::AssociatedNode {
                "*"
            } else {
                node
            }
            .to_owned();
            user.groups = vec!["system:nodes".to_owned()];
        }
        if let Some((namespace, name)) = split_service_account(&user.name) {
            "serviceaccounts".clone_into(&mut question.resource);
            namespace.clone_into(&mut question.namespace);
            name.clone_into(&mut question.name);
            if user.groups.is_empty() {
                user.groups = service_account_groups(namespace);
            }
        }
        ask(authorizer, &question)
    }

    fn check_groups(
        self,
        wanted: &User,
        requester: &User,
        authorizer: Authorizer<'_>,
    ) -> Result<(), ApiError> {
        let question = |name: &str| self.question(requester, "groups", name);
        if self != Self::Legacy {
            if wanted.in_group("") {
                let why = "impersonating the empty string group is not allowed";
                return Err(ApiError::denied(&question(""), why));
            }
            if wanted.in_group(MASTERS) {
                let why = "impersonating the system:masters group is not allowed";
                return Err(ApiError::denied(&question(MASTERS), why));
            }
            if wanted.groups.len() >= MANY && authorizer(&question("*")).allowed {
                return Ok(());
            }
        }
        wanted
            .groups
            .iter()
            .try_for_each(|group| ask(authorizer, &question(group)))
    }

    fn check_extra(
        self,
        wanted: &User,
        requester: &User,
        authorizer: Authorizer<'_>,
    ) -> Result<(), ApiError> {
        let question = |key: &str, value: &str| Attributes {
            subresource: key.to_owned(),
            ..self.question(requester, "userextras", value)
        };
        if self != Self::Legacy {
            for (key, values) in &wanted.extra {
                if let Some(why) = bad_extra(key, values) {
                    return Err(ApiError::denied(&question("", ""), &why));
                }
            }
            let values: usize = wanted.extra.values().map(Vec::len).sum();
            if values >= MANY && authorizer(&question("*", "*")).allowed {
                return Ok(());
            }
        }
        for (key, values) in &wanted.extra {
            for value in values {
                ask(authorizer, &question(key, value))?;
            }
        }
        Ok(())
    }

    fn question(self, requester: &User, resource: &str, name: &str) -> Attributes {
        let own_group = self != Self::Legacy || matches!(resource, "uids" | "userextras");
        Attributes {
            user: requester.clone(),
            verb: self.verb(),
            group: if own_group {
                "authentication.k8s.io"
            } else {
                ""
            }
            .to_owned(),
            version: "v1".to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            is_resource: true,
            ..Attributes::default()
        }
    }
}

fn ask(authorizer: Authorizer<'_>, question: &Attributes) -> Result<(), ApiError> {
    let decision = authorizer(question);
    if decision.allowed {
        Ok(())
    } else {
        Err(ApiError::denied(question, &decision.reason))
    }
}

/// What is wrong with an extra that a constrained mode is asked for.
fn bad_extra(key: &str, values: &[String]) -> Option<String> {
    let domain = key
        .split_once('/')
        .filter(|(host, path)| is_dns_subdomain(host) && !path.is_empty());
    if key.is_empty() {
        Some("impersonating the empty string key in extra is not allowed".to_owned())
    } else if domain.is_none() {
        Some(format!(
            "impersonating an invalid key in extra is not allowed: extra.key: Invalid value: {key:?}: must be a domain-prefixed path (such as \"acme.io/foo\")"
        ))
    } else if key != key.to_lowercase() {
        Some(format!(
            "impersonating a non-lowercase key in extra is not allowed: {key:?}"
        ))
    } else if values.iter().any(String::is_empty) {
        Some("impersonating the empty string value in extra is not allowed".to_owned())
    } else {
        None
    }
}

fn node_name(user: &str) -> Option<&str> {
    user.strip_prefix("system:node:")
        .filter(|name| is_dns_subdomain(name))
}
