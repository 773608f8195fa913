//! What admission changes and refuses.

use apiserver::User;
use krm::{Value, json};

use crate::harness::Api;

fn pod(name: &str, resources: &Value) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "app", "image": "app:1", "resources": resources}]},
    })
}

const PODS: &str = "POST /api/v1/namespaces/team/pods";

#[tokio::test]
async fn nothing_comes_to_be_in_a_namespace_that_is_not_there() {
    let api = Api::new().await;
    let line = "POST /api/v1/namespaces/gone/configmaps";
    let map = json!({"metadata": {"name": "a"}});
    assert_eq!(
        api.refusal(&User::admin(), line, map).await,
        "namespaces \"gone\" not found"
    );
    let line = "DELETE /api/v1/namespaces/kube-system";
    assert_eq!(
        api.refusal(&User::admin(), line, Value::Null).await,
        "namespaces \"kube-system\" is forbidden: this namespace may not be deleted"
    );
}

#[tokio::test]
async fn a_pod_gets_its_account_its_token_and_its_priority() {
    let api = Api::new().await;
    api.namespace("team").await;
    let made = api.must(PODS, pod("p", &json!({}))).await;
    let spec = &made["spec"];
    assert_eq!(
        made["status"],
        json!({"phase": "Pending", "qosClass": "BestEffort"})
    );
    assert_eq!(spec["serviceAccountName"], "default");
    assert_eq!(spec["priority"], 0);
    assert_eq!(spec["preemptionPolicy"], "PreemptLowerPriority");
    assert_eq!(spec["tolerations"].as_array().unwrap().len(), 2);
    let volume = &spec["volumes"][0];
    assert!(
        volume["name"]
            .as_str()
            .unwrap()
            .starts_with("kube-api-access-")
    );
    assert_eq!(volume["projected"]["sources"].as_array().unwrap().len(), 3);
    assert_eq!(
        spec["containers"][0]["volumeMounts"][0]["mountPath"],
        "/var/run/secrets/kubernetes.io/serviceaccount"
    );
    let mut stranger = pod("q", &json!({}));
    stranger["spec"]["serviceAccountName"] = "nobody".into();
    assert_eq!(
        api.refusal(&User::admin(), PODS, stranger).await,
        "pods \"q\" is forbidden: error looking up service account team/nobody: serviceaccount \"nobody\" not found"
    );
    let mut urgent = pod("q", &json!({}));
    urgent["spec"]["priorityClassName"] = "urgent".into();
    assert_eq!(
        api.refusal(&User::admin(), PODS, urgent).await,
        "pods \"q\" is forbidden: no PriorityClass with name urgent was found"
    );
}

#[tokio::test]
async fn a_quota_is_charged_and_freed() {
    let api = Api::new().await;
    api.namespace("team").await;
    let quotas = "/api/v1/namespaces/team/resourcequotas";
    api.must(
        &format!("POST {quotas}"),
        json!({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1", "requests.cpu": "500m", "configmaps": "5"}}}),
    )
    .await;
    api.settled().await;
    let used = async || api.get(&format!("{quotas}/q")).await["status"]["used"].clone();
    assert_eq!(
        used().await,
        json!({"pods": "0", "requests.cpu": "0", "configmaps": "1"})
    );
    assert_eq!(
        api.refusal(&User::admin(), PODS, pod("p", &json!({})))
            .await,
        "pods \"p\" is forbidden: failed quota: q: must specify requests.cpu for: app"
    );
    let asks = |cpu: &str| json!({"requests": {"cpu": cpu}});
    assert_eq!(
        api.refusal(&User::admin(), PODS, pod("p", &asks("1")))
            .await,
        "pods \"p\" is forbidden: exceeded quota: q, requested: requests.cpu=1, used: requests.cpu=0, limited: requests.cpu=500m"
    );
    api.must(PODS, pod("p", &asks("200m"))).await;
    assert_eq!(
        used().await,
        json!({"pods": "1", "requests.cpu": "200m", "configmaps": "1"})
    );
    assert_eq!(
        api.refusal(&User::admin(), PODS, pod("r", &asks("200m")))
            .await,
        "pods \"r\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"
    );
    let line = "DELETE /api/v1/namespaces/team/pods/p?gracePeriodSeconds=0";
    api.must(line, Value::Null).await;
    api.settled().await;
    assert_eq!(
        used().await,
        json!({"pods": "0", "requests.cpu": "0", "configmaps": "1"})
    );
}

#[tokio::test]
async fn limits_fill_in_and_refuse() {
    let api = Api::new().await;
    api.namespace("team").await;
    api.must(
        "POST /api/v1/namespaces/team/limitranges",
        json!({"metadata": {"name": "l"}, "spec": {"limits": [{
            "type": "Container", "max": {"cpu": "1"},
            "default": {"cpu": "500m", "memory": "256Mi"}, "defaultRequest": {"cpu": "100m"},
        }]}}),
    )
    .await;
    let made = api.must(PODS, pod("p", &json!({}))).await;
    assert_eq!(
        made["spec"]["containers"][0]["resources"],
        json!({"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}})
    );
    assert_eq!(
        made["metadata"]["annotations"]["kubernetes.io/limit-ranger"],
        "LimitRanger plugin set: cpu, memory request for container app; cpu, memory limit for container app"
    );
    let greedy = json!({"limits": {"cpu": "2"}});
    assert_eq!(
        api.refusal(&User::admin(), PODS, pod("q", &greedy)).await,
        "pods \"q\" is forbidden: maximum cpu usage per Container is 1, but limit is 2"
    );
}

#[tokio::test]
async fn services_get_addresses() {
    let api = Api::new().await;
    api.namespace("team").await;
    let line = "POST /api/v1/namespaces/team/services";
    let service = |name: &str, more: Value| {
        let mut spec = json!({"selector": {"app": "a"}, "ports": [{"port": 80}]});
        for (key, value) in more.as_object().unwrap() {
            spec[key] = value.clone();
        }
        json!({"metadata": {"name": name}, "spec": spec})
    };
    let made = api.must(line, service("a", json!({}))).await;
    let spec = &made["spec"];
    assert!(
        spec["clusterIP"].as_str().unwrap().starts_with("10.0."),
        "{spec}"
    );
    assert_eq!(spec["clusterIPs"], json!([spec["clusterIP"]]));
    assert_eq!(spec["ipFamilies"], json!(["IPv4"]));
    assert_eq!(spec["ipFamilyPolicy"], "SingleStack");
    let patched = api
        .must(
            "PATCH /api/v1/namespaces/team/services/a",
            json!({"metadata": {"labels": {"x": "y"}}}),
        )
        .await;
    assert_eq!(patched["spec"]["clusterIP"], spec["clusterIP"]);
    let headless = api
        .must(line, service("b", json!({"clusterIP": "None"})))
        .await;
    assert_eq!(headless["spec"]["clusterIPs"], json!(["None"]));
    let nodes = api
        .must(line, service("c", json!({"type": "NodePort"})))
        .await;
    assert!(nodes["spec"]["ports"][0]["nodePort"].as_i64().unwrap() >= 30000);
    let taken = service("d", json!({"clusterIP": spec["clusterIP"]}));
    let refusal = api.refusal(&User::admin(), line, taken).await;
    assert!(
        refusal.ends_with("provided IP is already allocated"),
        "{refusal}"
    );
}
