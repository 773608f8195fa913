//! Impersonation: acting as somebody else, for those who may.
//!
//! Kubernetes knows several modes. The constrained ones ask two questions — may the requester impersonate this user, and may it
//! do this very thing while impersonating — and are tried first; the old one asks for the verb `impersonate` alone. Whichever
//! succeeds counts; where none does, the refusal of the first is the answer.

use std::collections::{BTreeMap, HashMap};

use http::HeaderMap;
use parking_lot::Mutex;

mod mode;

use mode::{MODES, Mode};

use super::rule::quoted_list;
use super::{Attributes, Decision, User};
use crate::request::percent_decode;
use crate::status::ApiError;

const USER: &str = "impersonate-user";
const UID: &str = "impersonate-uid";
const GROUP: &str = "impersonate-group";
const EXTRA: &str = "impersonate-extra-";

/// Answers whether somebody may do something.
type Authorizer<'a> = &'a dyn Fn(&Attributes) -> Decision;

/// Which mode last worked for whom: it is tried first, and its refusal is the one that shows.
#[derive(Debug, Default)]
pub(crate) struct LastModes(Mutex<HashMap<String, Mode>>);

/// Whether any header asks for somebody.
pub(crate) fn asked(headers: &HeaderMap) -> bool {
    headers
        .keys()
        .any(|name| name.as_str().starts_with("impersonate-"))
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
            extra
                .entry(percent_decode(key, false))
                .or_default()
                .push(text(value));
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

/// A user as Go's `%#v` prints one.
fn go_syntax(user: &User) -> String {
    let list = |items: &[String]| {
        format!(
            "[]string{{{}}}",
            quoted_list(items)
                .trim_matches(['[', ']'])
                .replace("\" \"", "\", \"")
        )
    };
    let groups = if user.groups.is_empty() {
        "[]string(nil)".to_owned()
    } else {
        list(&user.groups)
    };
    let extra = if user.extra.is_empty() {
        "map[string][]string(nil)".to_owned()
    } else {
        let pairs: Vec<String> = user
            .extra
            .iter()
            .map(|(key, values)| format!("{key:?}:{}", list(values)))
            .collect();
        format!("map[string][]string{{{}}}", pairs.join(", "))
    };
    format!(
        "&user.DefaultInfo{{Name:{:?}, UID:{:?}, Groups:{groups}, Extra:{extra}}}",
        user.name, user.uid
    )
}

#[cfg(test)]
mod tests;
