//! The document's lockdown snippet, verbatim, on a running fleet that lacks the platform's own account lines.

use fleet::State;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn t03_without_their_account_the_platform_s_kustomizations_fail_loudly_and_nothing_is_deleted()
 {
    let mut world = World::up("prod-eu").await;
    let before = deployments(&world).await;
    for file in ["infrastructure.yaml", "tenants.yaml", "vars.yaml"] {
        world.replace(
            &format!("fleet-infra/clusters/prod-eu/{file}"),
            "  serviceAccountName: kustomize-controller\n",
            "",
        );
    }
    let vars = ("Kustomization", "flux-system", "vars");
    let failing = world
        .until(vars, |row| {
            row.state == State::Failing && row.message.contains("forbidden")
        })
        .await;
    assert!(
        failing
            .message
            .contains("system:serviceaccount:flux-system:default"),
        "{}",
        failing.message
    );
    assert!(
        failing
            .message
            .contains("add to its spec: serviceAccountName: kustomize-controller"),
        "{}",
        failing.message
    );
    world.settle().await;
    assert_eq!(deployments(&world).await, before, "no object is deleted");
}

/// The uids of every Deployment.
async fn deployments(world: &World) -> Vec<String> {
    let resource = cluster::Resource::new("apps/v1", "Deployment", "deployments", true);
    let list = world
        .admin()
        .list(&resource, "", cluster::Query::new())
        .await
        .unwrap();
    list.items
        .iter()
        .map(|object| object.uid().to_owned())
        .collect()
}
