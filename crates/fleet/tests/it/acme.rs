//! The platform comes up, isolates its tenants, corrects drift and prunes.

use fleet::State;
use krm::{Value, json};

use crate::world::{World, all_ready};

const PAYMENTS: (&str, &str, &str) = ("Kustomization", "team-payments", "team-payments");
const SEARCH: (&str, &str, &str) = ("Kustomization", "team-search", "team-search");

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_comes_up_in_order() {
    let world = World::up("prod-eu").await;
    let rows = world.rows().await;
    assert!(all_ready(&rows), "{rows:#?}");
    assert!(
        rows.iter()
            .any(|row| row.name == "team-payments" && row.revision.starts_with("v1.4.2@sha1:")),
        "{rows:#?}"
    );
    let quotas = world
        .admin()
        .resource(&krm::Gvk::new("v1", "ResourceQuota"))
        .await
        .unwrap();
    let quotas = world
        .admin()
        .list(&quotas, "team-payments", cluster::Query::new())
        .await
        .unwrap();
    assert!(
        !quotas.items.is_empty(),
        "the quota component reaches the tenants"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn staging_comes_up_too() {
    let world = World::up("staging").await;
    let rows = world.rows().await;
    assert!(all_ready(&rows), "{rows:#?}");
    let payments = world
        .row("GitRepository", "team-payments", "team-payments")
        .await;
    assert!(payments.revision.starts_with("main@sha1:"), "{payments:#?}");
}

async fn can_i(world: &World, user: &str, attributes: Value) -> bool {
    let reviews = cluster::Resource::new(
        "authorization.k8s.io/v1",
        "SubjectAccessReview",
        "subjectaccessreviews",
        false,
    );
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {},
        "spec": {"user": user, "groups": ["system:serviceaccounts", "system:authenticated"], "resourceAttributes": attributes}});
    let review = krm::Object::try_from(review).unwrap();
    let answer = world
        .admin()
        .create(&reviews, &review, cluster::Query::new())
        .await
        .unwrap();
    answer
        .pointer("/status/allowed")
        .and_then(Value::as_bool)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn t06_the_document_s_checks_answer_no() {
    let world = World::up("prod-eu").await;
    let payments = "system:serviceaccount:team-payments:reconciler";
    let bindings = json!({"verb": "create", "group": "rbac.authorization.k8s.io", "resource": "clusterrolebindings"});
    assert!(!can_i(&world, payments, bindings).await);
    assert!(
        !can_i(
            &world,
            payments,
            json!({"verb": "get", "resource": "secrets", "namespace": "team-search"})
        )
        .await
    );
    assert!(
        can_i(
            &world,
            payments,
            json!({"verb": "get", "resource": "secrets", "namespace": "team-payments"})
        )
        .await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn t06_a_rogue_binding_is_refused_neighbours_are_untouched_and_it_heals() {
    let mut world = World::up("prod-eu").await;
    let rogue = include_str!("../../../../examples/rogue/rogue.yaml");
    world.write("team-payments-config/deploy/rogue.yaml", rogue);
    world.replace(
        "team-payments-config/deploy/kustomization.yaml",
        "resources:\n",
        "resources:\n- rogue.yaml\n",
    );
    let refused = world
        .until(PAYMENTS, |row| row.state == State::Failing)
        .await;
    let wanted = "clusterrolebindings.rbac.authorization.k8s.io \"rogue\" is forbidden: User \
                  \"system:serviceaccount:team-payments:reconciler\" cannot patch resource";
    assert!(
        refused
            .message
            .starts_with("ClusterRoleBinding/rogue dry-run failed (Forbidden): "),
        "{}",
        refused.message
    );
    assert!(refused.message.contains(wanted), "{}", refused.message);
    assert!(refused.message.contains("isolation"), "{}", refused.message);
    world.settle().await;
    let binding = world
        .get(
            "rbac.authorization.k8s.io/v1",
            "ClusterRoleBinding",
            "",
            "rogue",
        )
        .await;
    assert_eq!(binding, None);
    assert_eq!(
        world.row(SEARCH.0, SEARCH.1, SEARCH.2).await.state,
        State::Ready
    );
    let deployment = world
        .get("apps/v1", "Deployment", "team-payments", "payments-api")
        .await;
    assert!(deployment.is_some(), "a refused apply deletes nothing");
    world.replace(
        "team-payments-config/deploy/kustomization.yaml",
        "- rogue.yaml\n",
        "",
    );
    world.until(PAYMENTS, |row| row.state == State::Ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_reverted_and_what_was_deleted_comes_back() {
    let mut world = World::up("prod-eu").await;
    let deployment = ("apps/v1", "Deployment", "team-payments", "payments-api");
    let label = |object: Option<&krm::Object>| {
        object.and_then(|object| {
            object
                .pointer("/spec/template/spec/containers/0/image")
                .cloned()
        })
    };
    let image = label(
        world
            .get(deployment.0, deployment.1, deployment.2, deployment.3)
            .await
            .as_ref(),
    );
    let tampered = json!({"spec": {"template": {"spec": {"containers": [{"name": "api", "image": "evil:1"}]}}}});
    world
        .edit(
            deployment.0,
            deployment.1,
            (deployment.2, deployment.3),
            tampered,
        )
        .await;
    world
        .until_object(deployment, |object| label(object) == image)
        .await;
    let before = world
        .get(deployment.0, deployment.1, deployment.2, deployment.3)
        .await
        .unwrap();
    let resource = world.admin().resource(&before.gvk()).await.unwrap();
    world
        .admin()
        .delete(
            &resource,
            deployment.2,
            deployment.3,
            cluster::Delete::default(),
        )
        .await
        .unwrap();
    let uid = before.uid().to_owned();
    world
        .until_object(deployment, |object| {
            object.is_some_and(|object| object.uid() != uid)
        })
        .await;
    world.settle().await;
    assert!(all_ready(&world.rows().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_the_repository_is_pruned_and_a_broken_build_prunes_nothing() {
    let mut world = World::up("prod-eu").await;
    let ingress = (
        "networking.k8s.io/v1",
        "Ingress",
        "team-payments",
        "payments-api",
    );
    assert!(
        world
            .get(ingress.0, ingress.1, ingress.2, ingress.3)
            .await
            .is_some()
    );
    let text =
        std::fs::read_to_string(world.path("team-payments-config/deploy/kustomization.yaml"))
            .unwrap();
    world.write(
        "team-payments-config/deploy/kustomization.yaml",
        "resources: [nowhere.yaml]\n",
    );
    let broken = world
        .until(PAYMENTS, |row| row.state == State::Failing)
        .await;
    assert!(
        broken.message.contains("kustomize build failed"),
        "{}",
        broken.message
    );
    world.settle().await;
    assert!(
        world
            .get(ingress.0, ingress.1, ingress.2, ingress.3)
            .await
            .is_some(),
        "nothing is pruned"
    );
    world.write(
        "team-payments-config/deploy/kustomization.yaml",
        &text.replace("- ingress.yaml\n", ""),
    );
    world.until(PAYMENTS, |row| row.state == State::Ready).await;
    world.settle().await;
    assert!(
        world
            .get(ingress.0, ingress.1, ingress.2, ingress.3)
            .await
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_an_empty_directory_never_means_prune_everything() {
    let mut world = World::up("prod-eu").await;
    world.write(
        "team-payments-config/deploy/kustomization.yaml",
        "resources: []\n",
    );
    let refused = world
        .until(PAYMENTS, |row| row.state == State::Failing)
        .await;
    assert!(
        refused.message.contains("nothing was pruned"),
        "{}",
        refused.message
    );
    world.settle().await;
    assert!(
        world
            .get("apps/v1", "Deployment", "team-payments", "payments-api")
            .await
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undefined_variable_names_the_object_and_the_way_out() {
    let mut world = World::up("prod-eu").await;
    world.replace(
        "fleet-infra/infrastructure/base/landscape.yaml",
        "${region}",
        "${regoin}",
    );
    let infrastructure = ("Kustomization", "flux-system", "infrastructure");
    let row = world
        .until(infrastructure, |row| row.message.contains("regoin"))
        .await;
    assert!(row.message.contains("regoin"), "{}", row.message);
    assert!(row.message.contains("$${regoin}"), "{}", row.message);
}
