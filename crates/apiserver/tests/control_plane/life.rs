//! What the control plane does by itself.

use krm::{Value, json};

use crate::harness::Api;

const MAPS: &str = "/api/v1/namespaces/team/configmaps";

fn owned(name: &str, owners: &[&Value], blocks: bool) -> Value {
    let references: Vec<Value> = owners
        .iter()
        .map(|owner| {
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "blockOwnerDeletion": blocks,
                "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
            })
        })
        .collect();
    json!({"metadata": {"name": name, "ownerReferences": references}})
}

/// A server with namespace `team` and ConfigMap `owner` in it.
async fn owner() -> (Api, Value) {
    let api = Api::new().await;
    api.namespace("team").await;
    let map = json!({"metadata": {"name": "owner"}});
    let owner = api.must(&format!("POST {MAPS}"), map).await;
    (api, owner)
}

#[tokio::test]
async fn a_namespace_comes_with_an_account_and_the_root_certificate() {
    let api = Api::new().await;
    api.namespace("team").await;
    assert!(
        api.exists("/api/v1/namespaces/team/serviceaccounts/default")
            .await
    );
    assert!(api.exists(&format!("{MAPS}/kube-root-ca.crt")).await);
    let account = "/api/v1/namespaces/team/serviceaccounts/default";
    api.must(&format!("DELETE {account}"), Value::Null).await;
    api.must(
        &format!("PATCH {MAPS}/kube-root-ca.crt"),
        json!({"data": {"ca.crt": "forged"}}),
    )
    .await;
    api.settled().await;
    assert!(api.exists(account).await);
    assert_ne!(
        api.get(&format!("{MAPS}/kube-root-ca.crt")).await["data"]["ca.crt"],
        "forged"
    );
}

#[tokio::test]
async fn a_deleted_namespace_takes_everything_along() {
    let api = Api::new().await;
    api.namespace("team").await;
    api.must(&format!("POST {MAPS}"), json!({"metadata": {"name": "a"}}))
        .await;
    let held = json!({"metadata": {"name": "held", "finalizers": ["example.com/hold"]}});
    api.must(&format!("POST {MAPS}"), held).await;
    api.must("DELETE /api/v1/namespaces/team", Value::Null)
        .await;
    api.settled().await;
    let namespace = api.get("/api/v1/namespaces/team").await;
    assert_eq!(namespace["status"]["phase"], "Terminating");
    let conditions = namespace["status"]["conditions"].as_array().unwrap();
    let message = |kind: &str| {
        let found = conditions
            .iter()
            .find(|condition| condition["type"] == kind);
        found.unwrap()["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        message("NamespaceContentRemaining"),
        "Some resources are remaining: configmaps. has 1 resource instances"
    );
    assert_eq!(
        message("NamespaceFinalizersRemaining"),
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    );
    assert!(!api.exists(&format!("{MAPS}/a")).await);
    let (code, answer) = api
        .send(&format!("POST {MAPS}"), json!({"metadata": {"name": "b"}}))
        .await;
    assert_eq!(code, 403);
    assert_eq!(
        answer["message"],
        "configmaps \"b\" is forbidden: unable to create new content in namespace team because it is being terminated"
    );
    api.must(
        &format!("PATCH {MAPS}/held"),
        json!({"metadata": {"finalizers": null}}),
    )
    .await;
    api.settled().await;
    assert!(!api.exists("/api/v1/namespaces/team").await);
}

#[tokio::test]
async fn dependents_go_with_their_owner() {
    let (api, owner) = owner().await;
    api.must(&format!("POST {MAPS}"), owned("child", &[&owner], false))
        .await;
    let child = api.get(&format!("{MAPS}/child")).await;
    api.must(
        &format!("POST {MAPS}"),
        owned("grandchild", &[&child], false),
    )
    .await;
    api.must(&format!("DELETE {MAPS}/owner"), Value::Null).await;
    api.settled().await;
    assert!(!api.exists(&format!("{MAPS}/child")).await);
    assert!(!api.exists(&format!("{MAPS}/grandchild")).await);
}

#[tokio::test]
async fn an_object_with_one_owner_left_stays() {
    let (api, owner) = owner().await;
    let other = api
        .must(
            &format!("POST {MAPS}"),
            json!({"metadata": {"name": "other"}}),
        )
        .await;
    api.must(
        &format!("POST {MAPS}"),
        owned("child", &[&owner, &other], false),
    )
    .await;
    api.must(&format!("DELETE {MAPS}/owner"), Value::Null).await;
    api.settled().await;
    let child = api.get(&format!("{MAPS}/child")).await;
    let owners = child["metadata"]["ownerReferences"].as_array().unwrap();
    assert_eq!(owners.len(), 1);
    assert_eq!(owners[0]["name"], "other");
}

#[tokio::test]
async fn an_owner_that_never_was_is_gone() {
    let (api, mut owner) = owner().await;
    owner["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000".into();
    api.must(&format!("POST {MAPS}"), owned("child", &[&owner], false))
        .await;
    api.settled().await;
    assert!(!api.exists(&format!("{MAPS}/child")).await);
}

#[tokio::test]
async fn a_foreground_deletion_waits_for_what_blocks_it() {
    let (api, owner) = owner().await;
    let mut child = owned("child", &[&owner], true);
    child["metadata"]["finalizers"] = json!(["example.com/hold"]);
    api.must(&format!("POST {MAPS}"), child).await;
    let options = json!({"propagationPolicy": "Foreground"});
    api.must(&format!("DELETE {MAPS}/owner"), options).await;
    api.settled().await;
    let waiting = api.get(&format!("{MAPS}/owner")).await;
    assert_eq!(
        waiting["metadata"]["finalizers"],
        json!(["foregroundDeletion"])
    );
    let child = api.get(&format!("{MAPS}/child")).await;
    assert!(child["metadata"]["deletionTimestamp"].is_string());
    api.must(
        &format!("PATCH {MAPS}/child"),
        json!({"metadata": {"finalizers": null}}),
    )
    .await;
    api.settled().await;
    assert!(!api.exists(&format!("{MAPS}/child")).await);
    assert!(!api.exists(&format!("{MAPS}/owner")).await);
}

#[tokio::test]
async fn orphans_stay_without_their_owner() {
    let (api, owner) = owner().await;
    api.must(&format!("POST {MAPS}"), owned("child", &[&owner], false))
        .await;
    let options = json!({"propagationPolicy": "Orphan"});
    api.must(&format!("DELETE {MAPS}/owner"), options).await;
    api.settled().await;
    assert!(!api.exists(&format!("{MAPS}/owner")).await);
    let child = api.get(&format!("{MAPS}/child")).await;
    assert!(child["metadata"]["ownerReferences"].is_null());
}

#[tokio::test]
async fn a_pod_is_bound_once() {
    let api = Api::new().await;
    api.namespace("team").await;
    let pod = json!({
        "metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "a"}]},
    });
    let pods = "/api/v1/namespaces/team/pods";
    api.must(&format!("POST {pods}"), pod).await;
    let line = format!("POST {pods}/p/binding");
    let binding = json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}});
    api.must(&line, binding.clone()).await;
    let bound = api.get(&format!("{pods}/p")).await;
    assert_eq!(bound["spec"]["nodeName"], "n1");
    assert_eq!(bound["status"]["conditions"][0]["type"], "PodScheduled");
    let (code, answer) = api.send(&line, binding).await;
    assert_eq!(code, 409);
    assert_eq!(
        answer["message"],
        "Operation cannot be fulfilled on pods/binding \"p\": pod p is already assigned to node \"n1\""
    );
}

#[tokio::test]
async fn an_aggregated_role_holds_what_it_selects() {
    let api = Api::new().await;
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let rule = json!({"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["get"]});
    api.must(
        &format!("POST {roles}"),
        json!({
            "metadata": {"name": "widgets", "labels": {"rbac.authorization.k8s.io/aggregate-to-admin": "true"}},
            "rules": [rule],
        }),
    )
    .await;
    api.settled().await;
    let admin = api.get(&format!("{roles}/admin")).await;
    assert!(admin["rules"].as_array().unwrap().contains(&rule));
    api.must(&format!("DELETE {roles}/widgets"), Value::Null)
        .await;
    api.settled().await;
    let admin = api.get(&format!("{roles}/admin")).await;
    assert!(!admin["rules"].as_array().unwrap().contains(&rule));
}
