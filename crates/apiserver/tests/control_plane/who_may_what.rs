//! Authentication, impersonation, RBAC, reviews and tokens.

use apiserver::{Caller, User};
use krm::{Value, json};

use crate::harness::{Api, certified};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// A server with a tenant: namespace, ServiceAccount, and `admin` bound in the namespace.
async fn tenancy() -> Api {
    let api = Api::new().await;
    api.namespace("team-payments").await;
    api.namespace("team-search").await;
    let accounts = "/api/v1/namespaces/team-payments/serviceaccounts";
    api.must(
        &format!("POST {accounts}"),
        json!({"metadata": {"name": "reconciler"}}),
    )
    .await;
    let bindings = format!("POST {RBAC}/namespaces/team-payments/rolebindings");
    api.must(
        &bindings,
        json!({
            "metadata": {"name": "reconciler"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "reconciler", "namespace": "team-payments"}],
        }),
    )
    .await;
    api
}

fn reconciler() -> User {
    User::service_account("team-payments", "reconciler")
}

fn rogue() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "rogue"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "reconciler", "namespace": "team-payments"}],
    })
}

#[tokio::test]
async fn a_rogue_binding_is_refused_by_name() {
    let api = tenancy().await;
    let line = format!("PATCH {RBAC}/clusterrolebindings/rogue?fieldManager=kustomize-controller");
    assert_eq!(
        api.refusal(&reconciler(), &line, rogue()).await,
        "clusterrolebindings.rbac.authorization.k8s.io \"rogue\" is forbidden: User \
         \"system:serviceaccount:team-payments:reconciler\" cannot patch resource \"clusterrolebindings\" in API group \
         \"rbac.authorization.k8s.io\" at the cluster scope"
    );
}

#[tokio::test]
async fn the_documents_questions_get_its_answers() {
    let api = tenancy().await;
    let may = async |attributes: Value| {
        let line = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let headers = [(
            "Impersonate-User",
            "system:serviceaccount:team-payments:reconciler",
        )];
        let review = json!({"spec": {"resourceAttributes": attributes}});
        let (code, answer) = api
            .call(Caller::InProcess(User::admin()), line, &headers, &review)
            .await;
        assert_eq!(code, 201, "{answer}");
        answer["status"]["allowed"].as_bool().unwrap()
    };
    let group = "rbac.authorization.k8s.io";
    assert!(
        !may(json!({"verb": "create", "group": group, "resource": "clusterrolebindings"})).await
    );
    assert!(!may(json!({"verb": "get", "resource": "secrets", "namespace": "team-search"})).await);
    assert!(may(json!({"verb": "get", "resource": "secrets", "namespace": "team-payments"})).await);
}

#[tokio::test]
async fn only_who_may_impersonates() {
    let api = tenancy().await;
    let line = "GET /api/v1/namespaces/team-payments/configmaps";
    let headers = [(
        "Impersonate-User",
        "system:serviceaccount:team-payments:reconciler",
    )];
    let jane = Caller::InProcess(User::new("jane", &[]));
    let (code, answer) = api.call(jane, line, &headers, &Value::Null).await;
    assert_eq!(code, 403);
    assert_eq!(
        answer["message"],
        "configmaps is forbidden: User \"jane\" cannot impersonate-on:serviceaccount:list resource \"configmaps\" in API group \
         \"\" in the namespace \"team-payments\""
    );
    // A tenant's admin may impersonate its namespace's accounts.
    let tenant = Caller::InProcess(reconciler());
    let (code, _) = api.call(tenant, line, &headers, &Value::Null).await;
    assert_eq!(code, 200);
}

#[tokio::test]
async fn a_tenant_grants_no_more_than_it_holds() {
    let api = tenancy().await;
    let roles = format!("POST {RBAC}/namespaces/team-payments/roles");
    let role = json!({
        "metadata": {"name": "nodes"},
        "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]}],
    });
    assert_eq!(
        api.refusal(&reconciler(), &roles, role).await,
        "roles.rbac.authorization.k8s.io \"nodes\" is forbidden: user \"system:serviceaccount:team-payments:reconciler\" \
         (groups=[\"system:serviceaccounts\" \"system:serviceaccounts:team-payments\" \"system:authenticated\"]) is attempting to \
         grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"nodes\"], Verbs:[\"get\" \"list\"]}"
    );
    let bindings = format!("POST {RBAC}/namespaces/team-payments/rolebindings");
    let to = |role: &str| {
        json!({
            "metadata": {"name": role},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "User", "name": "jane"}],
        })
    };
    let refusal = api
        .refusal(&reconciler(), &bindings, to("cluster-admin"))
        .await;
    assert!(
        refusal.contains(
            "is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"*\"]"
        ),
        "{refusal}"
    );
    let (code, answer) = api.send_as(&reconciler(), &bindings, to("view")).await;
    assert_eq!(code, 201, "{answer}");
    let refusal = api.refusal(&reconciler(), &bindings, to("gone")).await;
    assert_eq!(
        refusal,
        "rolebindings.rbac.authorization.k8s.io \"gone\" not found"
    );
}

#[tokio::test]
async fn a_token_speaks_for_its_account_until_that_is_gone() {
    let api = tenancy().await;
    let account = "/api/v1/namespaces/team-payments/serviceaccounts/reconciler";
    let request = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"expirationSeconds": 600},
    });
    let answer = api.must(&format!("POST {account}/token"), request).await;
    let token = answer["status"]["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    let who = "POST /apis/authentication.k8s.io/v1/selfsubjectreviews";
    let network = || Caller::Network(None);
    let (code, answer) = api.call(network(), who, &headers, &json!({})).await;
    assert_eq!(code, 201, "{answer}");
    let info = &answer["status"]["userInfo"];
    assert_eq!(
        info["username"],
        "system:serviceaccount:team-payments:reconciler"
    );
    assert_eq!(
        info["groups"],
        json!([
            "system:serviceaccounts",
            "system:serviceaccounts:team-payments",
            "system:authenticated"
        ])
    );
    let review = json!({"spec": {"token": token}});
    let line = "POST /apis/authentication.k8s.io/v1/tokenreviews";
    let reviewed = api.must(line, review.clone()).await;
    assert_eq!(reviewed["status"]["authenticated"], true);
    api.must(&format!("DELETE {account}"), Value::Null).await;
    let (code, answer) = api.call(network(), who, &headers, &json!({})).await;
    assert_eq!(
        (code, answer["message"].as_str()),
        (401, Some("Unauthorized"))
    );
    let reviewed = api.must(line, review).await;
    assert_eq!(reviewed["status"]["user"], json!({}));
}

#[tokio::test]
async fn certificates_and_nobody() {
    let api = Api::new().await;
    let line = "GET /api/v1/nodes";
    let admin = certified("kubernetes-admin", &["system:masters"]);
    assert_eq!(api.call(admin, line, &[], &Value::Null).await.0, 200);
    let jane = certified("jane", &[]);
    let (code, answer) = api.call(jane, line, &[], &Value::Null).await;
    assert_eq!(code, 403);
    assert_eq!(
        answer["message"],
        "nodes is forbidden: User \"jane\" cannot list resource \"nodes\" in API group \"\" at the cluster scope"
    );
    let (code, answer) = api
        .call(Caller::Network(None), line, &[], &Value::Null)
        .await;
    assert_eq!(code, 403);
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .contains("User \"system:anonymous\" cannot list")
    );
    let wrong = [("Authorization", "Bearer nonsense")];
    let (code, _) = api
        .call(Caller::Network(None), line, &wrong, &Value::Null)
        .await;
    assert_eq!(code, 401);
}
