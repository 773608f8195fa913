//! Whole rollouts, without a server.

use krm::status::{Status, compute};
use krm::{Value, json};

use crate::controller::Kind;
use crate::object::condition;
use crate::plant::{Plant, deployment};
use crate::{FAIL, FAIL_ANNOTATION, NODE, identity};

#[test]
fn an_account_is_a_service_account_unless_it_is_a_user() {
    let (user, groups) = identity("job-controller");
    assert_eq!(user, "system:serviceaccount:kube-system:job-controller");
    assert_eq!(groups.len(), 3);
    let (user, groups) = identity("system:kube-scheduler");
    assert_eq!((user.as_str(), groups.len()), ("system:kube-scheduler", 1));
}

#[test]
fn the_node_is_ready() {
    let plant = Plant::new();
    let node = plant.view.get(Kind::Node, "", NODE).unwrap();
    assert_eq!(compute(node).status, Status::Current);
    assert_eq!(
        plant.writes,
        ["node creates Node/weir", "node tells Node/weir"]
    );
}

#[track_caller]
fn check_deployment(plant: &Plant, progressing: (&str, &str), message: &str, verdict: Status) {
    let all = plant.list(Kind::Deployment);
    let status = all[0].pointer("/status").unwrap();
    let found = condition(status, "Progressing").unwrap();
    let word = |field: &str| found[field].as_str().unwrap();
    assert_eq!((word("status"), word("reason")), progressing);
    let set = all[0]
        .pointer("/spec/template")
        .map(|template| crate::hash::of(template, 0))
        .unwrap();
    assert_eq!(
        word("message"),
        message.replace("{set}", &format!("{:?}", format!("api-{set}")))
    );
    assert_eq!(compute(&all[0]).status, verdict);
}

#[test]
fn a_deployment_becomes_available() {
    let mut plant = Plant::new();
    plant.apply(deployment(2, "a:1"));
    assert!(plant.settle() < 30, "{:#?}", plant.writes);
    check_deployment(
        &plant,
        ("True", "NewReplicaSetAvailable"),
        "ReplicaSet {set} has successfully progressed.",
        Status::Current,
    );
    assert_eq!(plant.one(Kind::ReplicaSet, "/status/readyReplicas"), 2);
    assert_eq!(
        plant.one(
            Kind::Deployment,
            "/metadata/annotations/deployment.kubernetes.io~1revision"
        ),
        "1"
    );
    assert!(
        plant
            .list(Kind::Pod)
            .iter()
            .all(|pod| compute(pod).status == Status::Current)
    );
    assert_eq!(plant.settle(), 0);
}

#[test]
fn a_pod_takes_its_time() {
    let mut plant = Plant::new();
    plant.held = vec!["start"];
    plant.apply(deployment(1, "a:1"));
    plant.settle();
    assert_eq!(plant.one(Kind::Pod, "/status/phase"), "Pending");
    check_deployment(
        &plant,
        ("True", "ReplicaSetUpdated"),
        "ReplicaSet {set} is progressing.",
        Status::InProgress,
    );
}

#[test]
fn a_new_template_replaces_the_old_one_step_by_step() {
    let mut plant = Plant::new();
    plant.apply(deployment(4, "a:1"));
    plant.settle();
    plant.apply(deployment(4, "a:2"));
    assert!(plant.settle() < 80, "{:#?}", plant.writes);
    check_deployment(
        &plant,
        ("True", "NewReplicaSetAvailable"),
        "ReplicaSet {set} has successfully progressed.",
        Status::Current,
    );
    let sizes: Vec<_> = plant
        .list(Kind::ReplicaSet)
        .iter()
        .map(|set| set.pointer("/spec/replicas").unwrap().as_i64())
        .collect();
    assert_eq!(sizes.iter().flatten().sum::<i64>(), 4);
    assert_eq!(sizes.len(), 2);
    let images: Vec<_> = plant
        .list(Kind::Pod)
        .iter()
        .map(|pod| pod.pointer("/spec/containers/0/image").unwrap().clone())
        .collect();
    assert_eq!(images, vec![json!("a:2"); 4]);
    // And back: the first ReplicaSet is found again.
    plant.apply(deployment(4, "a:1"));
    plant.settle();
    assert_eq!(plant.list(Kind::ReplicaSet).len(), 2);
    let revision = |pointer| plant.one(Kind::Deployment, pointer);
    assert_eq!(
        revision("/metadata/annotations/deployment.kubernetes.io~1revision"),
        "3"
    );
}

#[test]
fn recreate_ends_the_old_before_it_makes_the_new() {
    let mut plant = Plant::new();
    let mut first = deployment(2, "a:1");
    first["spec"]["strategy"] = json!({"type": "Recreate"});
    plant.apply(first.clone());
    plant.settle();
    plant.writes.clear();
    first["spec"]["template"]["spec"]["containers"][0]["image"] = json!("a:2");
    plant.apply(first);
    plant.settle();
    let at = |what: &str| {
        plant
            .writes
            .iter()
            .position(|write| write.starts_with(what))
            .unwrap()
    };
    let last_kill = plant
        .writes
        .iter()
        .rposition(|write| write.starts_with("kubelet kills"))
        .unwrap();
    assert!(
        last_kill < at("deployment creates ReplicaSet"),
        "{:#?}",
        plant.writes
    );
    assert_eq!(
        compute(&plant.list(Kind::Deployment)[0]).status,
        Status::Current
    );
}

#[test]
fn a_failing_template_exceeds_its_deadline_at_once_and_heals() {
    let mut plant = Plant::new();
    let mut bad = deployment(2, "a:1");
    bad["spec"]["template"]["metadata"]["annotations"] = json!({FAIL_ANNOTATION: FAIL});
    plant.apply(bad);
    assert!(plant.settle() < 40, "{:#?}", plant.writes);
    check_deployment(
        &plant,
        ("False", "ProgressDeadlineExceeded"),
        "ReplicaSet {set} has timed out progressing.",
        Status::Failed,
    );
    assert_eq!(
        plant
            .list(Kind::Pod)
            .iter()
            .filter(|pod| compute(pod).status == Status::Failed)
            .count(),
        2
    );
    plant.apply(deployment(2, "a:1"));
    plant.settle();
    assert_eq!(
        compute(&plant.list(Kind::Deployment)[0]).status,
        Status::Current
    );
}

#[test]
fn a_workload_can_be_told_to_fail_and_to_heal_while_it_runs() {
    let mut plant = Plant::new();
    plant.apply(deployment(1, "a:1"));
    plant.settle();
    let mut bad = deployment(1, "a:1");
    bad["metadata"]["annotations"] = json!({FAIL_ANNOTATION: FAIL});
    plant.apply(bad);
    plant.settle();
    assert_eq!(
        compute(&plant.list(Kind::Deployment)[0]).status,
        Status::Failed
    );
    plant.apply(deployment(1, "a:1"));
    plant.settle();
    assert_eq!(
        compute(&plant.list(Kind::Deployment)[0]).status,
        Status::Current
    );
}

#[test]
fn scaling_and_deleting_leave_what_is_asked_for() {
    let mut plant = Plant::new();
    plant.apply(deployment(3, "a:1"));
    plant.settle();
    plant.apply(deployment(1, "a:1"));
    plant.settle();
    assert_eq!(plant.list(Kind::Pod).len(), 1);
    assert_eq!(plant.one(Kind::ReplicaSet, "/status/replicas"), 1);
    let pod = plant.list(Kind::Pod)[0].name().to_owned();
    plant.delete(Kind::Pod, &pod);
    plant.settle();
    assert_ne!(plant.list(Kind::Pod)[0].name(), pod);
    assert_eq!(
        compute(&plant.list(Kind::Deployment)[0]).status,
        Status::Current
    );
    plant.delete(Kind::Deployment, "api");
    plant.settle();
    assert!(plant.list(Kind::ReplicaSet).is_empty() && plant.list(Kind::Pod).is_empty());
}

#[test]
fn a_paused_deployment_scales_but_does_not_roll() {
    let mut plant = Plant::new();
    plant.apply(deployment(1, "a:1"));
    plant.settle();
    let mut paused = deployment(2, "a:2");
    paused["spec"]["paused"] = json!(true);
    plant.apply(paused);
    plant.settle();
    assert_eq!(plant.one(Kind::ReplicaSet, "/spec/replicas"), 2);
    check_deployment(
        &plant,
        ("Unknown", "DeploymentPaused"),
        "Deployment is paused",
        Status::InProgress,
    );
}

#[test]
fn history_is_kept_as_long_as_asked_for() {
    let mut plant = Plant::new();
    for image in ["a:1", "a:2", "a:3", "a:4"] {
        let mut next = deployment(1, image);
        next["spec"]["revisionHistoryLimit"] = json!(1);
        plant.apply(next);
        plant.settle();
    }
    assert_eq!(plant.list(Kind::ReplicaSet).len(), 2);
}

#[test]
fn refused_pods_are_told_all_the_way_up() {
    let mut plant = Plant::new();
    plant.apply(deployment(0, "a:1"));
    plant.settle();
    let uid = plant.one(Kind::ReplicaSet, "/metadata/uid");
    plant
        .view
        .refuse(uid.as_str().unwrap(), "exceeded quota".into());
    plant.apply(deployment(1, "a:1"));
    plant.settle();
    let status = plant.one(Kind::Deployment, "/status");
    assert_eq!(
        condition(&status, "ReplicaFailure").unwrap()["message"],
        "exceeded quota"
    );
    assert!(plant.list(Kind::Pod).is_empty());
}

fn service(kind: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "api"},
        "spec": {"type": kind, "selector": {"app": "api"}, "ports": [{"port": 80, "targetPort": "http"}]},
    })
}

#[test]
fn a_service_is_served_by_its_ready_pods() {
    let mut plant = Plant::new();
    plant.apply(service("ClusterIP"));
    plant.apply(deployment(2, "a:1"));
    plant.settle();
    let addresses: Vec<_> = plant
        .list(Kind::Pod)
        .iter()
        .map(|pod| pod.pointer("/status/podIP").unwrap().clone())
        .collect();
    let endpoints = plant.one(Kind::EndpointSlice, "/endpoints");
    let served: Vec<_> = endpoints
        .as_array()
        .unwrap()
        .iter()
        .map(|endpoint| endpoint["addresses"][0].clone())
        .collect();
    assert_eq!(served, addresses);
    assert_ne!(addresses[0], addresses[1]);
    assert_eq!(plant.one(Kind::EndpointSlice, "/ports/0/port"), 8080);
    assert_eq!(endpoints[0]["conditions"]["ready"], true);
}

#[test]
fn a_load_balancer_gets_its_address() {
    let mut plant = Plant::new();
    plant.apply(service("LoadBalancer"));
    plant.settle();
    assert_eq!(
        plant.one(Kind::Service, "/status/loadBalancer/ingress/0/ip"),
        "127.0.0.1"
    );
    assert_eq!(plant.settle(), 0);
}

fn workload(version: &str, kind: &str, spec: Value) -> Value {
    let template = json!({"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "main", "image": "a:1"}]}});
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "db"}, "spec": {
        "selector": {"matchLabels": {"app": "db"}}, "template": template,
    }});
    for (field, value) in spec.as_object().unwrap() {
        object["spec"][field] = value.clone();
    }
    object
}

#[test]
fn a_stateful_set_goes_one_by_one_and_updates_from_the_top() {
    let mut plant = Plant::new();
    let claims =
        json!([{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]);
    let mut set = workload(
        "apps/v1",
        "StatefulSet",
        json!({"replicas": 2, "serviceName": "db", "volumeClaimTemplates": claims}),
    );
    plant.apply(set.clone());
    plant.settle();
    let names: Vec<_> = plant
        .list(Kind::Pod)
        .iter()
        .map(|pod| pod.name().to_owned())
        .collect();
    assert_eq!(names, ["db-0", "db-1"]);
    let claims = plant.list(Kind::PersistentVolumeClaim);
    assert!(
        claims
            .iter()
            .all(|claim| compute(claim).status == Status::Current)
    );
    assert_eq!(claims[1].name(), "data-db-1");
    assert_eq!(
        compute(&plant.list(Kind::StatefulSet)[0]).status,
        Status::Current
    );
    set["spec"]["template"]["spec"]["containers"][0]["image"] = json!("a:2");
    plant.apply(set.clone());
    plant.writes.clear();
    plant.settle();
    let deletes: Vec<_> = plant
        .writes
        .iter()
        .filter(|write| write.contains(" deletes "))
        .collect();
    assert_eq!(
        deletes,
        [
            "statefulset deletes Pod/db-1",
            "statefulset deletes Pod/db-0"
        ]
    );
    assert_eq!(
        compute(&plant.list(Kind::StatefulSet)[0]).status,
        Status::Current
    );
    set["spec"]["replicas"] = json!(1);
    plant.apply(set);
    plant.settle();
    assert_eq!(plant.one(Kind::Pod, "/metadata/name"), "db-0");
}

#[test]
fn a_daemon_set_has_one_pod_on_the_node() {
    let mut plant = Plant::new();
    let mut set = workload("apps/v1", "DaemonSet", json!({}));
    plant.apply(set.clone());
    plant.settle();
    let first = plant.one(Kind::Pod, "/metadata/uid");
    assert_eq!(
        compute(&plant.list(Kind::DaemonSet)[0]).status,
        Status::Current
    );
    set["spec"]["template"]["spec"]["containers"][0]["image"] = json!("a:2");
    plant.apply(set);
    plant.settle();
    assert_ne!(plant.one(Kind::Pod, "/metadata/uid"), first);
    assert_eq!(
        compute(&plant.list(Kind::DaemonSet)[0]).status,
        Status::Current
    );
}

#[test]
fn a_job_completes_fails_or_waits() {
    for (spec, annotations, verdict, message) in [
        (
            json!({"completions": 3, "parallelism": 2}),
            json!({}),
            Status::Current,
            "Job Completed. succeeded: 3/3",
        ),
        (
            json!({}),
            json!({FAIL_ANNOTATION: FAIL}),
            Status::Failed,
            "Job Failed. failed: 1/1",
        ),
        (
            json!({"suspend": true}),
            json!({}),
            Status::Current,
            "Job is suspended",
        ),
    ] {
        let mut plant = Plant::new();
        let mut job = workload("batch/v1", "Job", spec);
        job["metadata"]["annotations"] = annotations;
        job["spec"]["template"]["spec"]["restartPolicy"] = json!("Never");
        plant.apply(job);
        plant.settle();
        let judged = compute(&plant.list(Kind::Job)[0]);
        assert_eq!((judged.status, judged.message.as_str()), (verdict, message));
    }
}

#[test]
fn what_is_only_told_is_told_once() {
    let mut plant = Plant::new();
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"});
    let selector = json!({"matchLabels": {"app": "api"}});
    for (version, kind, spec) in [
        (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            json!({"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 5}),
        ),
        (
            "policy/v1",
            "PodDisruptionBudget",
            json!({"selector": selector, "maxUnavailable": 1}),
        ),
        ("networking.k8s.io/v1", "Ingress", json!({})),
    ] {
        plant.apply(
            json!({"apiVersion": version, "kind": kind, "metadata": {"name": "api"}, "spec": spec}),
        );
    }
    plant.apply(deployment(3, "a:1"));
    plant.settle();
    let scaler = plant.one(Kind::HorizontalPodAutoscaler, "/status");
    assert_eq!(
        (&scaler["currentReplicas"], &scaler["desiredReplicas"]),
        (&json!(3), &json!(3))
    );
    let budget = plant.one(Kind::PodDisruptionBudget, "/status");
    let number = |field: &str| budget[field].as_i64().unwrap();
    assert_eq!(
        (
            number("expectedPods"),
            number("currentHealthy"),
            number("desiredHealthy"),
            number("disruptionsAllowed")
        ),
        (3, 3, 2, 1)
    );
    assert_eq!(
        plant.one(Kind::Ingress, "/status/loadBalancer/ingress/0/ip"),
        "127.0.0.1"
    );
    assert_eq!(plant.settle(), 0);
}

#[test]
fn what_initializes_a_pod_has_ended_when_it_runs() {
    let mut plant = Plant::new();
    let mut api = deployment(1, "a:1");
    api["spec"]["template"]["spec"]["initContainers"] = json!([
        {"name": "migrate", "image": "a:1"}, {"name": "proxy", "image": "p:1", "restartPolicy": "Always"},
    ]);
    plant.apply(api);
    plant.settle();
    let statuses = plant.one(Kind::Pod, "/status/initContainerStatuses");
    assert_eq!(statuses[0]["state"]["terminated"]["reason"], "Completed");
    assert_eq!(statuses[1]["ready"], true);
}
