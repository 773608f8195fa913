//! Nobody grants more than they hold: the check on writing roles and bindings.

use std::collections::{BTreeMap, BTreeSet};

use super::User;
use super::rbac::Rbac;
use super::rule::{Rule, quoted_list};

/// Checks that `user` holds, in `namespace`, everything that `rules` would grant.
///
/// # Errors
/// The grants that the user does not hold, in the words a client reads.
pub(crate) fn confirm_no_escalation(
    rbac: &Rbac,
    user: &User,
    namespace: &str,
    rules: &[Rule],
) -> Result<(), String> {
    let (held, unresolved) = rbac.rules_for(user, namespace);
    let missing = uncovered(&held, rules);
    if missing.is_empty() {
        return Ok(());
    }
    let shown: BTreeSet<String> = compact(missing).iter().map(Rule::to_string).collect();
    let mut message = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        quoted_list(&user.groups),
        shown.into_iter().collect::<Vec<_>>().join("\n"),
    );
    if let Some(unresolved) = unresolved {
        message.push_str(&format!("; resolution errors: [{unresolved}]"));
    }
    Err(message)
}

/// The single grants of `asked` that no rule of `held` covers.
fn uncovered(held: &[Rule], asked: &[Rule]) -> Vec<Rule> {
    asked
        .iter()
        .flat_map(Rule::broken_down)
        .filter(|grant| !held.iter().any(|own| own.covers(grant)))
        .collect()
}

/// What a grant is about: groups, resources, names.
type Target = (Vec<String>, Vec<String>, Vec<String>);

/// Grants that differ only by verb as one rule each.
fn compact(grants: Vec<Rule>) -> Vec<Rule> {
    let mut rest = Vec::new();
    let mut merged: BTreeMap<Target, Vec<String>> = BTreeMap::new();
    for grant in grants {
        if grant.resources.is_empty() {
            rest.push(grant);
        } else {
            merged
                .entry((grant.api_groups, grant.resources, grant.resource_names))
                .or_default()
                .extend(grant.verbs);
        }
    }
    rest.extend(
        merged
            .into_iter()
            .map(|((api_groups, resources, resource_names), verbs)| Rule {
                api_groups,
                resources,
                resource_names,
                verbs,
                ..Rule::default()
            }),
    );
    rest
}
