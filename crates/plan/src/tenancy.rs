//! Who a reconciliation acts as, and how a refusal is explained to the tenant.

use std::collections::BTreeSet;

/// The user an object's reconciliation impersonates: its own ServiceAccount, else the controller's default, in its own namespace.
/// `None` means the controller acts as itself.
pub fn identity(namespace: &str, own: &str, default: &str) -> Option<String> {
    let account = if own.is_empty() { default } else { own };
    (!account.is_empty()).then(|| format!("system:serviceaccount:{namespace}:{account}"))
}

/// What to say besides when the refused account was the controller's default.
pub const FALLBACK: &str = "The Kustomization sets no serviceAccountName, so the controller's --default-service-account is used. \
    If it is the platform's own, add to its spec: serviceAccountName: kustomize-controller";

/// A refused request as the API server's text tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denial {
    /// The user.
    pub user: String,
    /// The verb.
    pub verb: String,
    /// The resource, with its subresource.
    pub resource: String,
    /// The API group, `""` for core.
    pub group: String,
    /// The namespace; `None` at the cluster scope.
    pub namespace: Option<String>,
}

impl Denial {
    /// Reads `… is forbidden: User "u" cannot patch resource "r" in API group "g" in the namespace "n"`; `None` for other texts, such as
    /// those of admission.
    pub fn parse(message: &str) -> Option<Self> {
        let (_, rest) = message.split_once("User \"")?;
        let (user, rest) = rest.split_once("\" cannot ")?;
        let (verb, rest) = rest.split_once(" resource \"")?;
        let (resource, rest) = rest.split_once("\" in API group \"")?;
        let (group, rest) = rest.split_once('"')?;
        let namespace = match rest.split_once("in the namespace \"") {
            Some((_, rest)) => Some(rest.split_once('"')?.0.to_owned()),
            None => {
                rest.contains("at the cluster scope").then_some(())?;
                None
            }
        };
        Some(Self {
            user: user.into(),
            verb: verb.into(),
            resource: resource.into(),
            group: group.into(),
            namespace,
        })
    }
}

/// What to say under upstream's text when requests were refused: who lacks what, and either that this is the isolation at work or the
/// smallest Role that would allow it. Empty where no refusal could be read.
pub fn explain(denials: &[Denial]) -> String {
    let Some(first) = denials.first() else {
        return String::new();
    };
    let mut parts = Vec::new();
    let outside: BTreeSet<String> = denials
        .iter()
        .filter(|denial| !is_home(denial))
        .map(|denial| {
            let place = denial
                .namespace
                .as_ref()
                .map_or("at the cluster scope".into(), |n| {
                    format!("in namespace {n}")
                });
            format!("{} {} {place}", verbs(&denial.verb), qualified(denial))
        })
        .collect();
    if !outside.is_empty() {
        let list = outside.into_iter().collect::<Vec<_>>().join("; ");
        parts.push(format!(
            "{} may not: {list}. This is the tenant's isolation at work: the change reaches outside what its ServiceAccount is bound to.",
            first.user
        ));
    }
    let home: Vec<_> = denials.iter().filter(|denial| is_home(denial)).collect();
    if let Some(namespace) = home.first().and_then(|denial| denial.namespace.clone()) {
        let rules: BTreeSet<String> = home.iter().map(|denial| rule(denial)).collect();
        parts.push(format!(
            "{} lacks rights in its own namespace; the smallest Role that grants them: {{namespace: {namespace}, rules: [{}]}}",
            first.user,
            rules.into_iter().collect::<Vec<_>>().join(", ")
        ));
    }
    parts.join("\n")
}

/// Whether the refusal lies in the ServiceAccount's own namespace.
fn is_home(denial: &Denial) -> bool {
    let mut parts = denial
        .user
        .strip_prefix("system:serviceaccount:")
        .unwrap_or_default()
        .split(':');
    denial
        .namespace
        .as_deref()
        .is_some_and(|namespace| parts.next() == Some(namespace))
}

/// Server-side apply is a patch, and a create where the object is absent; reading comes before it.
fn verbs(verb: &str) -> &str {
    match verb {
        "patch" | "create" => "create, patch",
        other => other,
    }
}

fn qualified(denial: &Denial) -> String {
    if denial.group.is_empty() {
        denial.resource.clone()
    } else {
        format!("{}.{}", denial.resource, denial.group)
    }
}

fn rule(denial: &Denial) -> String {
    let verbs = match denial.verb.as_str() {
        "patch" | "create" => "get, create, patch",
        "delete" => "get, delete",
        other => other,
    };
    format!(
        "{{apiGroups: [{:?}], resources: [{}], verbs: [{verbs}]}}",
        denial.group, denial.resource
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t03_without_an_account_the_default_is_impersonated() {
        assert_eq!(
            identity("team", "", "default").as_deref(),
            Some("system:serviceaccount:team:default")
        );
        assert_eq!(
            identity("team", "reconciler", "default").as_deref(),
            Some("system:serviceaccount:team:reconciler")
        );
        assert_eq!(identity("team", "", ""), None);
    }

    #[test]
    fn a_refusal_at_the_cluster_scope_is_isolation() {
        let text = "clusterrolebindings.rbac.authorization.k8s.io \"rogue\" is forbidden: User \"system:serviceaccount:team-payments:reconciler\" cannot patch resource \"clusterrolebindings\" in API group \"rbac.authorization.k8s.io\" at the cluster scope";
        let denial = Denial::parse(text).unwrap();
        assert_eq!(denial.namespace, None);
        assert_eq!(
            explain(&[denial]),
            "system:serviceaccount:team-payments:reconciler may not: create, patch clusterrolebindings.rbac.authorization.k8s.io at the cluster scope. \
             This is the tenant's isolation at work: the change reaches outside what its ServiceAccount is bound to."
        );
    }

    #[test]
    fn a_refusal_at_home_comes_with_the_role_that_is_missing() {
        let text = "configmaps \"a\" is forbidden: User \"system:serviceaccount:team:default\" cannot patch resource \"configmaps\" in API group \"\" in the namespace \"team\"";
        assert_eq!(
            explain(&[Denial::parse(text).unwrap()]),
            "system:serviceaccount:team:default lacks rights in its own namespace; the smallest Role that grants them: \
             {namespace: team, rules: [{apiGroups: [\"\"], resources: [configmaps], verbs: [get, create, patch]}]}"
        );
        assert_eq!(
            Denial::parse("pods \"x\" is forbidden: exceeded quota: q"),
            None
        );
    }
}
