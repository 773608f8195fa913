//! The simulation on the embedded API server, with the recorded roles.

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
        let config = Config::real();
        let (clock, activity) = (Clock::real(), config.activity.clone());
        let server = Server::new(config);
        let admin = Client::new(transport(&server, User::admin()), clock.clone(), "test");
        let of = server.clone();
        let options = simulate::Options {
            clock,
            activity: activity.clone(),
            delay: Duration::ZERO,
            transport: Arc::new(move |account: &str| {
                let (name, groups) = simulate::identity(account);
                let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
                transport(&of, User::new(&name, &groups))
            }),
        };
        let simulation = tokio::spawn(simulate::run(options));
        let cluster = Self { server, admin, activity, simulation };
        cluster.create("v1", "Namespace", "namespaces", json!({"metadata": {"name": "team"}})).await;
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
        self.admin.create(&Self::resource(version, kind, plural), &object, Query::new()).await.unwrap();
    }

    async fn list(&self, version: &str, kind: &str, plural: &str) -> Vec<Object> {
        let namespace = if kind == "Node" { "" } else { "team" };
        self.admin.list(&Self::resource(version, kind, plural), namespace, Query::new()).await.unwrap().items
    }

    /// Every request that was refused.
    fn refused(&self) -> Vec<String> {
        let entries = self.server.requests(0);
        entries.iter().filter(|entry| entry.code >= 400).map(|entry| format!("{entry:?}")).collect()
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
    assert_eq!(compute(&cluster.list("v1", "Node", "nodes").await[0]).status, Status::Current);
    cluster.create("apps/v1", "Deployment", "deployments", deployment(3)).await;
    let ports = json!([{"port": 80, "targetPort": "http"}]);
    let service = json!({"metadata": {"name": "api"}, "spec": {"selector": {"app": "api"}, "ports": ports}});
    cluster.create("v1", "Service", "services", service).await;
    cluster.settled().await;
    let deployments = cluster.list("apps/v1", "Deployment", "deployments").await;
    assert_eq!(compute(&deployments[0]).status, Status::Current, "{:?}\n{:#?}", deployments[0], cluster.refused());
    let pods = cluster.list("v1", "Pod", "pods").await;
    assert_eq!(pods.len(), 3);
    for pod in &pods {
        assert_eq!(compute(pod).status, Status::Current, "{pod:?}");
    }
    let slices = cluster.list("discovery.k8s.io/v1", "EndpointSlice", "endpointslices").await;
    assert_eq!(slices[0].pointer("/endpoints").and_then(Value::as_array).map(Vec::len), Some(3));
    let refused: Vec<_> = cluster.refused().into_iter().filter(|entry| !entry.contains("binding")).collect();
    assert!(refused.is_empty(), "{refused:#?}");

    let before = cluster.server.request_count();
    cluster.settled().await;
    assert_eq!(cluster.server.request_count(), before, "nothing is written at rest");

    let Some(pod) = pods.first() else { return };
    let resource = Cluster::resource("v1", "Pod", "pods");
    cluster.admin.delete(&resource, "team", pod.name(), cluster::Delete::default()).await.unwrap();
    cluster.settled().await;
    let now = cluster.list("v1", "Pod", "pods").await;
    assert_eq!(now.len(), 3);
    assert!(now.iter().all(|other| other.uid() != pod.uid() && compute(other).status == Status::Current));
}
