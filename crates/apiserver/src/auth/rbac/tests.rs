//! Decisions on the recorded default roles and on bindings of a tenant.

use krm::json;

use super::*;
use crate::auth::confirm_no_escalation;

/// The recorded roles and bindings, and a tenant's.
fn rbac(more: &[(&str, Value)]) -> Rbac {
    let recorded = crate::bootstrap::recorded();
    let recorded = recorded.iter().flat_map(|group| {
        group
            .items
            .iter()
            .map(|item| (group.resource.as_str(), item))
    });
    let more = more.iter().map(|(resource, object)| (*resource, object));
    let entries = recorded.chain(more);
    Rbac::new(entries.filter_map(|(resource, object)| Entry::read(resource, object)))
}

fn binding(namespace: &str, role: (&str, &str), subject: Value) -> Value {
    json!({
        "metadata": {"name": "reconciler", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1},
        "subjects": [subject],
    })
}

fn tenant() -> (&'static str, Value) {
    let subject = json!({"kind": "ServiceAccount", "name": "reconciler"});
    (
        "rolebindings",
        binding("team-payments", ("ClusterRole", "admin"), subject),
    )
}

/// What a user asks for → `no`, `yes`, or the reason.
fn check(rbac: &Rbac, user: &User, asked: &str, expect: &str) {
    let attributes = Attributes {
        user: user.clone(),
        ..Attributes::parse(asked)
    };
    let decision = rbac.authorize(&attributes);
    let got = match (decision.allowed, expect) {
        (true, "yes") => "yes",
        (false, "no") if decision.reason.is_empty() => "no",
        _ => &decision.reason,
    };
    assert_eq!(got, expect, "{} {asked}", user.name);
}

#[test]
fn a_tenant_bound_to_admin_rules_its_namespace_and_nothing_else() {
    let rbac = rbac(&[tenant()]);
    let user = User::service_account("team-payments", "reconciler");
    check(
        &rbac,
        &user,
        "create deployments.apps -n team-payments",
        "RBAC: allowed by RoleBinding \"reconciler/team-payments\" of ClusterRole \"admin\" to ServiceAccount \
         \"reconciler/team-payments\"",
    );
    for (asked, expect) in [
        ("create clusterrolebindings.rbac.authorization.k8s.io", "no"),
        (
            "patch clusterrolebindings.rbac.authorization.k8s.io rogue",
            "no",
        ),
        ("get secrets s -n team-search", "no"),
        ("get secrets s", "no"),
        ("get secrets s -n team-payments", "yes"),
        (
            "create rolebindings.rbac.authorization.k8s.io -n team-payments",
            "yes",
        ),
        ("create resourcequotas -n team-payments", "no"),
        ("get namespaces team-payments -n team-payments", "yes"),
        ("delete namespaces team-payments -n team-payments", "no"),
        ("update deployments.apps/scale d -n team-payments", "yes"),
        (
            "create serviceaccounts/token reconciler -n team-payments",
            "yes",
        ),
        (
            "impersonate serviceaccounts default -n team-payments",
            "yes",
        ),
        ("impersonate serviceaccounts default -n team-search", "no"),
        ("get /version", "yes"),
        ("get /metrics", "no"),
    ] {
        check(&rbac, &user, asked, expect);
    }
    let stranger = User::service_account("team-search", "reconciler");
    check(&rbac, &stranger, "get secrets s -n team-payments", "no");
}

#[test]
fn the_recorded_bindings_decide_as_upstreams() {
    let rbac = rbac(&[]);
    let admin = User::new("jane", &["system:masters"]);
    check(&rbac, &admin, "delete nodes n", "yes");
    let anonymous = User::anonymous();
    check(&rbac, &anonymous, "get /healthz", "yes");
    check(&rbac, &anonymous, "get /apis", "no");
    check(&rbac, &anonymous, "list pods", "no");
    let known = User::new("jane", &[]);
    check(&rbac, &known, "get /apis/apps", "yes");
    check(
        &rbac,
        &known,
        "create selfsubjectaccessreviews.authorization.k8s.io",
        "RBAC: allowed by ClusterRoleBinding \"system:basic-user\" of ClusterRole \"system:basic-user\" to Group \
         \"system:authenticated\"",
    );
    check(&rbac, &known, "list namespaces", "no");
    let controller = |name: &str| User::service_account("kube-system", name);
    let namespaces = controller("namespace-controller");
    check(
        &rbac,
        &namespaces,
        "update namespaces/finalize x -n x",
        "yes",
    );
    check(
        &rbac,
        &namespaces,
        "deletecollection widgets.example.com -n x",
        "yes",
    );
    check(&rbac, &namespaces, "create configmaps -n x", "no");
    let collector = controller("generic-garbage-collector");
    check(&rbac, &collector, "patch widgets.example.com w -n x", "yes");
    check(&rbac, &collector, "create pods -n x", "no");
    let publisher = controller("root-ca-cert-publisher");
    check(&rbac, &publisher, "create configmaps -n x", "yes");
    check(&rbac, &publisher, "get configmaps c -n x", "no");
    let manager = User::new("system:kube-controller-manager", &[]);
    check(
        &rbac,
        &manager,
        "create serviceaccounts/token t -n kube-system",
        "yes",
    );
}

#[test]
fn whoever_holds_a_recorded_role_may_do_all_it_says() {
    let recorded = crate::bootstrap::recorded();
    let roles = recorded
        .iter()
        .filter(|group| group.resource == "clusterroles");
    for role in roles.flat_map(|group| &group.items) {
        let name = role["metadata"]["name"].as_str().unwrap();
        let subject = json!({"kind": "User", "name": "jane"});
        let bound = binding("", ("ClusterRole", name), subject);
        let rbac = Rbac::new([
            Entry::read("clusterroles", role).unwrap(),
            Entry::read("clusterrolebindings", &bound).unwrap(),
        ]);
        let user = User {
            name: "jane".into(),
            ..User::default()
        };
        for grant in rules_of(role).iter().flat_map(Rule::broken_down) {
            let one = |list: &[String]| list.first().cloned().unwrap_or_default();
            let resource = one(&grant.resources);
            let (resource, subresource) = resource.split_once('/').unwrap_or((&resource, ""));
            let asked = Attributes {
                user: user.clone(),
                verb: one(&grant.verbs),
                group: one(&grant.api_groups),
                resource: resource.to_owned(),
                subresource: subresource.to_owned(),
                name: one(&grant.resource_names),
                path: one(&grant.non_resource_urls),
                is_resource: grant.non_resource_urls.is_empty(),
                ..Attributes::default()
            };
            assert!(rbac.authorize(&asked).allowed, "{name} {grant}");
        }
        confirm_no_escalation(&rbac, &user, "", &rules_of(role)).unwrap();
    }
}

#[test]
fn a_binding_to_a_role_that_is_gone_says_so() {
    let subject = json!({"kind": "Group", "name": "system:authenticated"});
    let of = |kind| ("ClusterRole", kind);
    let rbac = rbac(&[
        (
            "clusterrolebindings",
            binding("", of("gone"), subject.clone()),
        ),
        ("rolebindings", binding("x", ("Role", "gone"), subject)),
    ]);
    let user = User::new("jane", &[]);
    let cluster = "clusterrole.rbac.authorization.k8s.io \"gone\" not found";
    check(&rbac, &user, "list pods", &format!("RBAC: {cluster}"));
    check(
        &rbac,
        &user,
        "list pods -n x",
        &format!("RBAC: [{cluster}, role.rbac.authorization.k8s.io \"gone\" not found]"),
    );
}

#[test]
fn nobody_grants_more_than_they_hold() {
    let rbac = rbac(&[tenant()]);
    let user = User::service_account("team-payments", "reconciler");
    let role = json!({"rules": [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]},
        {"apiGroups": ["", "apps"], "resources": ["nodes"], "verbs": ["get", "watch"]},
        {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
    ]});
    let message = confirm_no_escalation(&rbac, &user, "team-payments", &rules_of(&role));
    assert_eq!(
        message.unwrap_err(),
        "user \"system:serviceaccount:team-payments:reconciler\" (groups=[\"system:serviceaccounts\" \
         \"system:serviceaccounts:team-payments\" \"system:authenticated\"]) is attempting to grant RBAC permissions not \
         currently held:\n\
         {APIGroups:[\"\"], Resources:[\"nodes\"], Verbs:[\"get\" \"watch\"]}\n\
         {APIGroups:[\"apps\"], Resources:[\"nodes\"], Verbs:[\"get\" \"watch\"]}\n\
         {NonResourceURLs:[\"/metrics\"], Verbs:[\"get\"]}"
    );
    assert!(confirm_no_escalation(&rbac, &user, "team-search", &rules_of(&role)).is_err());
}
