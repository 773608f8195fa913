//! The simulation on the embedded API server, with the recorded roles.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::Duration;

use apiserver::{Caller, Config, Server, User};
use clock::{Activity, Clock};
use cluster::{Client, Query, Resource, Transport};
use krm::status::{Status, compute};
use krm::{Object, Value, json};
use tower::ServiceExt;

struct Cluster {
    server: Server,
    admin: Client,
    activity: Activity,
    simulation: tokio::task::JoinHandle<()>,
}

fn transport(server: &Server, user: User) -> Transport {
    let service = server.service(Caller::InProcess(user));
    Transport::new(service.map_err(|never| match never {}))
}

impl Cluster {
    async fn new() -> Self {
        Self::at(Clock::real(), Duration::ZERO).await
    }

    async fn at(clock: Clock, delay: Duration) -> Self {
        let config = Config {
            clock: clock.clone(),
            ..Config::real()
        };
        let activity = config.activity.clone();
        let server = Server::new(config);
        let admin = Client::new(transport(&server, User::admin()), clock.clone(), "test");
        let of = server.clone();
        let options = simulate::Options {
            clock,
            activity: activity.clone(),
            delay,
            transport: Arc::new(move |account: &str| {
                let (name, groups) = simulate::identity(account);
                let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
                transport(&of, User::new(&name, &groups))
            }),
        };
        let simulation = tokio::spawn(simulate::run(options));
        let cluster = Self {
            server,
            admin,
            activity,
            simulation,
        };
        cluster
            .create(
                "v1",
                "Namespace",
                "namespaces",
                json!({"metadata": {"name": "team"}}),
            )
            .await;
        cluster.settled().await;
        cluster
    }

    async fn settled(&self) {
        tokio::task::yield_now().await;
        self.activity.idle().await;
    }

    fn resource(version: &str, kind: &str, plural: &str) -> Resource {
        Resource::new(version, kind, plural, kind != "Namespace" && kind != "Node")
    }

    async fn create(&self, version: &str, kind: &str, plural: &str, mut value: Value) {
        value["apiVersion"] = version.into();
        value["kind"] = kind.into();
        if kind != "Namespace" {
            value["metadata"]["namespace"] = "team".into();
        }
        let object = Object::try_from(value).unwrap();
        self.admin
            .create(
                &Self::resource(version, kind, plural),
                &object,
                Query::new(),
            )
            .await
            .unwrap();
    }

    async fn list(&self, version: &str, kind: &str, plural: &str) -> Vec<Object> {
        let namespace = if kind == "Node" { "" } else { "team" };
        self.admin
            .list(
                &Self::resource(version, kind, plural),
                namespace,
                Query::new(),
            )
            .await
            .unwrap()
            .items
    }

    /// Every request that was refused.
    fn refused(&self) -> Vec<String> {
        let entries = self.server.requests(0);
        entries
            .iter()
            .filter(|entry| entry.code >= 400)
            .map(|entry| format!("{entry:?}"))
            .collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.simulation.abort();
        self.server.stop();
    }
}

fn deployment(replicas: u8) -> Value {
    json!({"metadata": {"name": "api"}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": "api"}},
        "template": {"metadata": {"labels": {"app": "api"}}, "spec": {"containers": [{
            "name": "main", "image": "example.com/api:1", "ports": [{"name": "http", "containerPort": 8080}],
        }]}},
    }})
}

#[tokio::test]
async fn an_application_becomes_ready() {
    let cluster = Cluster::new().await;
    assert_eq!(
        compute(&cluster.list("v1", "Node", "nodes").await[0]).status,
        Status::Current
    );
    cluster
        .create("apps/v1", "Deployment", "deployments", deployment(3))
        .await;
    let ports = json!([{"port": 80, "targetPort": "http"}]);
    let service =
        json!({"metadata": {"name": "api"}, "spec": {"selector": {"app": "api"}, "ports": ports}});
    cluster.create("v1", "Service", "services", service).await;
    cluster.settled().await;
    let deployments = cluster.list("apps/v1", "Deployment", "deployments").await;
    assert_eq!(
        compute(&deployments[0]).status,
        Status::Current,
        "{:?}\n{:#?}",
        deployments[0],
        cluster.refused()
    );
    let pods = cluster.list("v1", "Pod", "pods").await;
    assert_eq!(pods.len(), 3);
    for pod in &pods {
        assert_eq!(compute(pod).status, Status::Current, "{pod:?}");
    }
    let slices = cluster
        .list("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
        .await;
    assert_eq!(
        slices[0]
            .pointer("/endpoints")
            .and_then(Value::as_array)
            .map(Vec::len),
        Some(3)
    );
    cluster.must_be_clean();

    cluster.must_rest().await;

    let Some(pod) = pods.first() else { return };
    let resource = Cluster::resource("v1", "Pod", "pods");
    cluster
        .admin
        .delete(&resource, "team", pod.name(), cluster::Delete::default())
        .await
        .unwrap();
    cluster.settled().await;
    let now = cluster.list("v1", "Pod", "pods").await;
    assert_eq!(now.len(), 3);
    assert!(
        now.iter()
            .all(|other| other.uid() != pod.uid() && compute(other).status == Status::Current)
    );
}

impl Cluster {
    #[track_caller]
    fn must_be_clean(&self) {
        let refused = self.refused();
        assert!(refused.is_empty(), "{refused:#?}");
    }

    async fn must_rest(&self) {
        let before = self.server.request_count();
        self.settled().await;
        let after = self.server.request_count();
        assert_eq!(after, before, "something is written at rest");
    }

    async fn update(&self, version: &str, kind: &str, plural: &str, patch: Value) {
        let resource = Self::resource(version, kind, plural);
        let target = cluster::Target {
            resource: &resource,
            namespace: "team",
            name: "api",
        };
        self.admin
            .patch(target, cluster::Patch::Merge, &patch, Query::new())
            .await
            .unwrap();
    }
}

fn template(labels: Value) -> Value {
    json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "example.com/db:1"}]}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_workload_becomes_current() {
    let cluster = Cluster::new().await;
    let selector = json!({"matchLabels": {"app": "api"}});
    let labels = json!({"app": "api"});
    let claim =
        json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    let set = json!({"metadata": {"name": "db"}, "spec": {
        "replicas": 2, "serviceName": "db", "selector": selector, "template": template(labels.clone()),
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
    }});
    let daemon = json!({"metadata": {"name": "agent"}, "spec": {"selector": selector, "template": template(labels.clone())}});
    let mut task = template(json!({}));
    task["spec"]["restartPolicy"] = json!("Never");
    let job = json!({"metadata": {"name": "migrate"}, "spec": {"template": task}});
    let backend = json!({"service": {"name": "db", "port": {"number": 80}}});
    let rows = [
        ("apps/v1", "StatefulSet", "statefulsets", set),
        ("apps/v1", "DaemonSet", "daemonsets", daemon),
        ("batch/v1", "Job", "jobs", job),
        (
            "v1",
            "Service",
            "services",
            json!({"metadata": {"name": "lb"}, "spec": {
                "type": "LoadBalancer", "selector": labels, "ports": [{"port": 80}],
            }}),
        ),
        (
            "networking.k8s.io/v1",
            "Ingress",
            "ingresses",
            json!({"metadata": {"name": "web"}, "spec": {"defaultBackend": backend}}),
        ),
        (
            "policy/v1",
            "PodDisruptionBudget",
            "poddisruptionbudgets",
            json!({"metadata": {"name": "db"}, "spec": {
                "selector": selector, "minAvailable": 1,
            }}),
        ),
        (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            "horizontalpodautoscalers",
            json!({"metadata": {"name": "db"}, "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"}, "minReplicas": 2, "maxReplicas": 4,
            }}),
        ),
    ];
    for (version, kind, plural, value) in &rows {
        cluster.create(version, kind, plural, value.clone()).await;
    }
    cluster.settled().await;
    for (version, kind, plural, _) in &rows {
        let object = &cluster.list(version, kind, plural).await[0];
        assert_eq!(
            compute(object).status,
            Status::Current,
            "{object:?}\n{:#?}",
            cluster.refused()
        );
        assert!(object.pointer("/status").is_some(), "{object:?}");
    }
    let claims = cluster
        .list("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
        .await;
    assert_eq!(
        claims
            .iter()
            .filter(|claim| compute(claim).status == Status::Current)
            .count(),
        2
    );
    cluster.must_be_clean();
    cluster.must_rest().await;
}

#[tokio::test]
async fn a_rollout_fails_and_heals() {
    let cluster = Cluster::new().await;
    cluster
        .create("apps/v1", "Deployment", "deployments", deployment(2))
        .await;
    cluster.settled().await;
    let fail = json!({"spec": {"template": {"metadata": {"annotations": {simulate::FAIL_ANNOTATION: simulate::FAIL}}}}});
    cluster
        .update("apps/v1", "Deployment", "deployments", fail)
        .await;
    cluster.settled().await;
    let judged = compute(&cluster.list("apps/v1", "Deployment", "deployments").await[0]);
    assert_eq!(
        (judged.status, judged.message.as_str()),
        (Status::Failed, "Progress deadline exceeded")
    );
    let heal = json!({"spec": {"replicas": 3, "template": {"metadata": {"annotations": null}}}});
    cluster
        .update("apps/v1", "Deployment", "deployments", heal)
        .await;
    cluster.settled().await;
    let healed = &cluster.list("apps/v1", "Deployment", "deployments").await[0];
    assert_eq!(compute(healed).status, Status::Current, "{healed:?}");
    assert_eq!(cluster.list("v1", "Pod", "pods").await.len(), 3);
    let refused: Vec<_> = cluster
        .refused()
        .into_iter()
        .filter(|entry| !entry.contains("code: 409"))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");

    let resource = Cluster::resource("apps/v1", "Deployment", "deployments");
    cluster
        .admin
        .delete(&resource, "team", "api", cluster::Delete::default())
        .await
        .unwrap();
    cluster.settled().await;
    assert!(cluster.list("v1", "Pod", "pods").await.is_empty());
    assert!(
        cluster
            .list("apps/v1", "ReplicaSet", "replicasets")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn what_a_quota_refuses_shows_in_the_deployment() {
    let cluster = Cluster::new().await;
    let quota = json!({"metadata": {"name": "small"}, "spec": {"hard": {"pods": "1"}}});
    cluster
        .create("v1", "ResourceQuota", "resourcequotas", quota)
        .await;
    cluster.settled().await;
    cluster
        .create("apps/v1", "Deployment", "deployments", deployment(2))
        .await;
    cluster.settled().await;
    let object = &cluster.list("apps/v1", "Deployment", "deployments").await[0];
    let conditions = object
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .unwrap();
    let failure = conditions
        .iter()
        .find(|condition| condition["type"] == "ReplicaFailure")
        .unwrap();
    assert_eq!(failure["reason"], "FailedCreate");
    assert!(cluster.refused().len() < 5, "{:#?}", cluster.refused());
    assert!(
        failure["message"]
            .as_str()
            .unwrap()
            .contains("exceeded quota: small"),
        "{failure}"
    );
    assert_eq!(compute(object).status, Status::InProgress);
}

#[tokio::test]
async fn a_delay_is_a_deadline_of_a_virtual_clock() {
    let clock = Clock::manual(clock::Timestamp::UNIX_EPOCH);
    let cluster = Cluster::at(clock.clone(), Duration::from_millis(300)).await;
    cluster
        .create("apps/v1", "Deployment", "deployments", deployment(1))
        .await;
    cluster.settled().await;
    let reason = |pods: &[Object]| {
        pods[0]
            .pointer("/status/containerStatuses/0/state/waiting/reason")
            .cloned()
    };
    assert_eq!(
        reason(&cluster.list("v1", "Pod", "pods").await),
        Some(json!("ContainerCreating"))
    );
    clock.advance_to(clock.after(Duration::from_millis(300)));
    // The sleeper has to be woken before it counts as busy again.
    for _ in 0..1000 {
        cluster.settled().await;
    }
    let pods = cluster.list("v1", "Pod", "pods").await;
    assert_eq!(compute(&pods[0]).status, Status::Current);
}
