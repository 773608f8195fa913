//! Impersonation: acting as somebody else, for those who may.
//!
//! Kubernetes knows several modes. The constrained ones ask two questions — may the requester impersonate this user, and may it
//! do this very thing while impersonating — and are tried first; the old one asks for the verb `impersonate` alone. Whichever
//! succeeds counts; where none does, the refusal of the first is the answer.

use std::collections::{BTreeMap, HashMap};

use http::HeaderMap;
use parking_lot::Mutex;

use super::name::{is_dns_subdomain, split_service_account};
use super::rule::quoted_list;
use super::{AUTHENTICATED, Attributes, Decision, MASTERS, UNAUTHENTICATED, User};
use crate::request::percent_decode;
use crate::status::ApiError;

const USER: &str = "impersonate-user";
const UID: &str = "impersonate-uid";
const GROUP: &str = "impersonate-group";
const EXTRA: &str = "impersonate-extra-";

/// From how many values on one wildcard question is asked before the single ones.
const MANY: usize = 4;

/// The extra that says on which node a ServiceAccount's Pod runs.
const NODE_NAME: &str = "authentication.kubernetes.io/node-name";

/// Answers whether somebody may do something.
type Authorizer<'a> = &'a dyn Fn(&Attributes) -> Decision;

/// How impersonation is asked for and granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    AssociatedNode,
    ArbitraryNode,
    ServiceAccount,
    UserInfo,
    Legacy,
}

const MODES: [Mode; 5] = [
    Mode::AssociatedNode,
    Mode::ArbitraryNode,
    Mode::ServiceAccount,
    Mode::UserInfo,
    Mode::Legacy,
];

/// Which mode last worked for whom: it is tried first, and its refusal is the one that shows.
#[derive(Debug, Default)]
pub(crate) struct LastModes(Mutex<HashMap<String, Mode>>);

/// Whether any header asks for somebody.
pub(crate) fn asked(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with("impersonate-"))
}

/// The user that `headers` ask to act as, once `asked.user` may; `None` where they ask for nobody.
///
/// # Errors
/// 400 for headers without a user name, 403 where no mode allows it.
pub(crate) fn impersonate(
    headers: &HeaderMap,
    asked: &Attributes,
    last: &LastModes,
    authorizer: Authorizer<'_>,
) -> Result<Option<User>, ApiError> {
    let Some(wanted) = wanted(headers)? else {
        return Ok(None);
    };
    let recent = last.0.lock().get(&asked.user.name).copied();
    let others = MODES.into_iter().filter(|mode| Some(*mode) != recent);
    let mut refusal = None;
    for mode in recent.into_iter().chain(others) {
        if !mode.suits(&wanted, &asked.user) {
            continue;
        }
        match mode.check(&wanted, asked, authorizer) {
            Ok(user) => {
                let mut last = last.0.lock();
                if last.len() >= 10_000 {
                    last.clear();
                }
                last.insert(asked.user.name.clone(), mode);
                return Ok(Some(user));
            }
            Err(error) => {
                refusal.get_or_insert(error);
            }
        }
    }
    Err(refusal.unwrap_or_else(|| ApiError::internal("all impersonation modes failed")))
}

/// The user as the headers describe it, nothing added.
fn wanted(headers: &HeaderMap) -> Result<Option<User>, ApiError> {
    let first = |name: &str| headers.get(name).map(text).unwrap_or_default();
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut has_extra = false;
    for (name, value) in headers {
        if let Some(key) = name.as_str().strip_prefix(EXTRA) {
            has_extra = true;
            extra.entry(percent_decode(key, false)).or_default().push(text(value));
        }
    }
    let user = User {
        name: first(USER),
        uid: first(UID),
        groups: headers.get_all(GROUP).iter().map(text).collect(),
        extra,
    };
    if !user.name.is_empty() {
        return Ok(Some(user));
    }
    if user.uid.is_empty() && user.groups.is_empty() && !has_extra {
        return Ok(None);
    }
    Err(ApiError::bad_request(format!(
        "requested {} without impersonating a user name",
        go_syntax(&user)
    )))
}

fn text(value: &http::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

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
    fn suits(self, wanted: &User, requester: &User) -> bool {
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

    fn check(
        self,
        wanted: &User,
        asked: &Attributes,
        authorizer: Authorizer<'_>,
    ) -> Result<User, ApiError> {
        if self != Self::Legacy {
            let on = format!("impersonate-on:{}:{}", self.name(), asked.verb);
            ask(authorizer, &Attributes { verb: on, ..asked.clone() })?;
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
            question.name = if self == Self::AssociatedNode { "*" } else { node }.to_owned();
            user.groups = vec!["system:nodes".to_owned()];
        }
        if let Some((namespace, name)) = split_service_account(&user.name) {
            "serviceaccounts".clone_into(&mut question.resource);
            namespace.clone_into(&mut question.namespace);
            name.clone_into(&mut question.name);
            if user.groups.is_empty() {
                user.groups = super::service_account_groups(namespace);
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
        wanted.groups.iter().try_for_each(|group| ask(authorizer, &question(group)))
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
            group: if own_group { "authentication.k8s.io" } else { "" }.to_owned(),
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
    let domain = key.split_once('/').filter(|(host, path)| {
        is_dns_subdomain(host) && !path.is_empty()
    });
    if key.is_empty() {
        Some("impersonating the empty string key in extra is not allowed".to_owned())
    } else if domain.is_none() {
        Some(format!(
            "impersonating an invalid key in extra is not allowed: extra.key: Invalid value: {key:?}: must be a domain-prefixed path (such as \"acme.io/foo\")"
        ))
    } else if key != key.to_lowercase() {
        Some(format!("impersonating a non-lowercase key in extra is not allowed: {key:?}"))
    } else if values.iter().any(String::is_empty) {
        Some("impersonating the empty string value in extra is not allowed".to_owned())
    } else {
        None
    }
}

fn node_name(user: &str) -> Option<&str> {
    user.strip_prefix("system:node:").filter(|name| is_dns_subdomain(name))
}

/// A user as Go's `%#v` prints one.
fn go_syntax(user: &User) -> String {
    let list = |items: &[String]| {
        format!("[]string{{{}}}", quoted_list(items).trim_matches(['[', ']']).replace("\" \"", "\", \""))
    };
    let groups = if user.groups.is_empty() {
        "[]string(nil)".to_owned()
    } else {
        list(&user.groups)
    };
    let extra = if user.extra.is_empty() {
        "map[string][]string(nil)".to_owned()
    } else {
        let pairs: Vec<String> =
            user.extra.iter().map(|(key, values)| format!("{key:?}:{}", list(values))).collect();
        format!("map[string][]string{{{}}}", pairs.join(", "))
    };
    format!(
        "&user.DefaultInfo{{Name:{:?}, UID:{:?}, Groups:{groups}, Extra:{extra}}}",
        user.name, user.uid
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `header: value` lines, and what the requester `c` may do (as [`Attributes::parse`] reads it) → the user, or the refusal.
    fn check(headers: &[(&'static str, &'static str)], may: &[&str], expect: &str) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let asked = Attributes {
            user: User::new("c", &[]),
            ..Attributes::parse("get configmaps a -n team")
        };
        let may: Vec<Attributes> = may
            .iter()
            .map(|what| Attributes { version: String::new(), user: asked.user.clone(), ..Attributes::parse(what) })
            .collect();
        let authorizer = |asked: &Attributes| {
            let asked = Attributes { version: String::new(), ..asked.clone() };
            Decision { allowed: may.contains(&asked), reason: String::new() }
        };
        let got = match impersonate(&map, &asked, &LastModes::default(), &authorizer) {
            Ok(None) => "nobody".to_owned(),
            Ok(Some(user)) => format!("{} {}", user.name, user.groups.join(",")),
            Err(error) => error.message().to_owned(),
        };
        assert_eq!(got, expect);
    }

    const RECONCILER: (&str, &str) = ("Impersonate-User", "system:serviceaccount:team:reconciler");

    #[test]
    fn a_service_account_comes_with_its_groups() {
        check(&[], &[], "nobody");
        let groups = "system:serviceaccounts,system:serviceaccounts:team,system:authenticated";
        let expect = format!("system:serviceaccount:team:reconciler {groups}");
        check(&[RECONCILER], &["impersonate serviceaccounts reconciler -n team"], &expect);
        check(
            &[RECONCILER],
            &[
                "impersonate-on:serviceaccount:get configmaps a -n team",
                "impersonate:serviceaccount serviceaccounts.authentication.k8s.io reconciler -n team",
            ],
            &expect,
        );
    }

    #[test]
    fn the_first_refusal_is_the_answer() {
        check(
            &[RECONCILER],
            &[],
            "configmaps \"a\" is forbidden: User \"c\" cannot impersonate-on:serviceaccount:get resource \"configmaps\" in API \
             group \"\" in the namespace \"team\"",
        );
        check(
            &[("Impersonate-User", "jane"), ("Impersonate-Group", "system:masters")],
            &["impersonate-on:user-info:get configmaps a -n team",
              "impersonate:user-info users.authentication.k8s.io jane"],
            "groups.authentication.k8s.io \"system:masters\" is forbidden: User \"c\" cannot impersonate:user-info resource \
             \"groups\" in API group \"authentication.k8s.io\" at the cluster scope: impersonating the system:masters group is \
             not allowed",
        );
    }

    #[test]
    fn groups_given_replace_those_that_are_known() {
        check(
            &[RECONCILER, ("Impersonate-Group", "g")],
            &["impersonate serviceaccounts reconciler -n team", "impersonate groups g"],
            "system:serviceaccount:team:reconciler g,system:authenticated",
        );
        check(
            &[("Impersonate-User", "system:anonymous")],
            &["impersonate users system:anonymous"],
            "system:anonymous system:unauthenticated",
        );
    }

    #[test]
    fn a_group_alone_is_a_bad_request() {
        check(
            &[("Impersonate-Group", "a"), ("Impersonate-Group", "b")],
            &[],
            "requested &user.DefaultInfo{Name:\"\", UID:\"\", Groups:[]string{\"a\", \"b\"}, \
             Extra:map[string][]string(nil)} without impersonating a user name",
        );
    }
}
