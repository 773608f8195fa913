//! Commands that change something and wait for what becomes of it.

use insta::assert_snapshot;
use krm::{Value, json};

use crate::world::{World, ready};

fn world() -> World {
    let world = World::new();
    let git = json!({"interval": "1m", "url": "https://example.com/acme"});
    world.object("GitRepository", "acme", git, json!(null));
    let spec = json!({"interval": "10m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "acme"}});
    world.object("Kustomization", "apps", spec, json!(null));
    world
}

fn applied() -> Value {
    let mut status = ready(
        "True",
        "ReconciliationSucceeded",
        "Applied revision: main@sha1:1",
    );
    status["lastAppliedRevision"] = "main@sha1:1".into();
    status
}

#[test]
fn a_source_is_reconciled_before_what_is_made_of_it() {
    let world = world();
    let mut fetched = ready(
        "True",
        "Succeeded",
        "stored artifact for revision 'main@sha1:1'",
    );
    fetched["artifact"] = json!({"path": "p", "url": "http://s/p", "revision": "main@sha1:1", "digest": format!("sha256:{}", "0".repeat(64)), "lastUpdateTime": "2026-01-01T00:00:00Z"});
    world.reconciling("GitRepository", "acme", fetched);
    world.reconciling("Kustomization", "apps", applied());
    assert_snapshot!(world.run("reconcile kustomization apps --with-source"), @r#"
    --- stderr
    ► context weir-test ($SERVER)
    ► annotating GitRepository acme in flux-system namespace
    ✔ GitRepository annotated
    ◎ waiting for GitRepository reconciliation
    ✔ fetched revision main@sha1:1
    ► annotating Kustomization apps in flux-system namespace
    ✔ Kustomization annotated
    ◎ waiting for Kustomization reconciliation
    ✔ applied revision main@sha1:1
    --- exit 0
    "#);
    assert_snapshot!(world.run("reconcile ks absent"), @r#"
    --- stderr
    ► context weir-test ($SERVER)
    ✗ kustomizations.kustomize.toolkit.fluxcd.io "absent" not found
    --- exit 1
    "#);
    assert_snapshot!(world.run("reconcile helmrelease podinfo"), @r#"
    --- stderr
    ► context weir-test ($SERVER)
    ✗ HelmRelease is not reconciled by this version of Weir: it has no helm-controller yet
    --- exit 1
    "#);
    assert_snapshot!(world.run("reconcile alert slack"), @r#"
    --- stderr
    ✗ flux reconcile has no "alert": objects of kind Alert are not reconciled on request
    --- exit 1
    "#);
}

#[test]
fn a_failure_is_told_at_once() {
    let world = world();
    world.reconciling(
        "Kustomization",
        "apps",
        ready("False", "BuildFailed", "no such file"),
    );
    assert_snapshot!(world.run("reconcile kustomization apps"), @r#"
    --- stderr
    ► context weir-test ($SERVER)
    ► annotating Kustomization apps in flux-system namespace
    ✔ Kustomization annotated
    ◎ waiting for Kustomization reconciliation
    ✗ Kustomization reconciliation failed: no such file
    --- exit 1
    "#);
}

#[test]
fn what_is_suspended_waits_until_it_is_resumed() {
    let world = world();
    world.reconciling("Kustomization", "apps", applied());
    assert_snapshot!(world.run("suspend kustomization apps apps absent"), @r#"
    --- stderr
    ► context weir-test ($SERVER)
    ► suspending kustomization apps in flux-system namespace
    ✔ kustomization suspended
    ✗ Kustomization absent not found in flux-system namespace
    --- exit 0
    "#);
    assert_eq!(
        world.get("Kustomization", "apps").pointer("/spec/suspend"),
        Some(&Value::Bool(true))
    );
    assert_snapshot!(world.run("reconcile kustomization apps"), @r#"
    --- stderr
    ► context weir-test ($SERVER)
    ✗ resource is suspended
    --- exit 1
    "#);
    assert_snapshot!(world.run("resume kustomization apps"), @r#"
    --- stderr
    ► context weir-test ($SERVER)
    ► resuming kustomization apps in flux-system namespace
    ✔ kustomization resumed
    ◎ waiting for Kustomization reconciliation
    ✔ Kustomization apps reconciliation completed
    ✔ applied revision main@sha1:1
    --- exit 0
    "#);
    assert_eq!(
        world.get("Kustomization", "apps").pointer("/spec/suspend"),
        None
    );
    assert_snapshot!(world.run("suspend alert --all"), @r#"
    --- stderr
    ► context weir-test ($SERVER)
    ✗ no objects found
    --- exit 1
    "#);
    assert_snapshot!(world.run("resume kustomization"), @r#"
    --- stderr
    ✗ kustomization name is required
    --- exit 1
    "#);
}

#[test]
fn nobody_answers_until_the_time_is_over() {
    let world = world();
    assert_snapshot!(world.run("reconcile kustomization apps --timeout 1s"), @r#"
    --- stderr
    ► context weir-test ($SERVER)
    ► annotating Kustomization apps in flux-system namespace
    ✔ Kustomization annotated
    ◎ waiting for Kustomization reconciliation
    ✗ context deadline exceeded
    --- exit 1
    "#);
    assert_snapshot!(world.run("wait --timeout 1s"), @r#"
    --- stderr
    ◎ waiting until everything is ready
    ✗ GitRepository/flux-system/acme: waiting to be reconciled
    ✗ Kustomization/flux-system/apps: waiting to be reconciled
    --- exit 1
    "#);
}

#[test]
fn an_impersonated_user_is_refused_in_the_servers_words() {
    let world = world();
    assert_snapshot!(world.run("suspend kustomization apps --as system:serviceaccount:team:reconciler"), @r#"
    --- stderr
    ► context weir-test ($SERVER)
    ✗ failed suspending Kustomization apps in flux-system namespace: kustomizations.kustomize.toolkit.fluxcd.io "apps" is forbidden: User "system:serviceaccount:team:reconciler" cannot list resource "kustomizations" in API group "kustomize.toolkit.fluxcd.io" in the namespace "flux-system"
    --- exit 0
    "#);
}

#[test]
fn a_cluster_without_the_toolkit_is_not_well() {
    let world = world();
    assert_snapshot!(world.run("check --pre"), @r#"
    --- stderr
    ► checking prerequisites
    ✔ Kubernetes 1.36.3 >=1.33.0-0
    ✔ prerequisites checks passed
    --- exit 0
    "#);
    assert_snapshot!(world.run("check -n apps"), @r#"
    --- stderr
    ► checking prerequisites
    ✔ Kubernetes 1.36.3 >=1.33.0-0
    ► checking version in cluster
    ✔ bootstrapped: false
    ► checking controllers
    ✗ no controllers found in the 'apps' namespace with the label selector 'app.kubernetes.io/part-of=flux'
    ► checking crds
    ✗ no crds found with the label selector 'app.kubernetes.io/part-of=flux'
    ✗ check failed
    --- exit 1
    "#);
    assert_snapshot!(world.run("version"), @r#"
    --- stderr
    ✗ no deployments found in flux-system namespace
    --- exit 1
    "#);
}

#[test]
fn a_dependency_is_waited_for_and_named_in_the_end() {
    let world = world();
    let waiting = ready(
        "False",
        "DependencyNotReady",
        "dependency 'flux-system/infra' is not ready",
    );
    world.reconciling("Kustomization", "apps", waiting);
    assert_snapshot!(world.run("reconcile ks apps --timeout 2s"), @r#"
    --- stderr
    ► context weir-test ($SERVER)
    ► annotating Kustomization apps in flux-system namespace
    ✔ Kustomization annotated
    ◎ waiting for Kustomization reconciliation
    ⚠️ Kustomization apps: dependency 'flux-system/infra' is not ready
    ✗ context deadline exceeded
    --- exit 1
    "#);
}

#[test]
fn everything_is_ready() {
    let world = World::new();
    let spec = json!({"interval": "10m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "acme"}});
    world.object("Kustomization", "apps", spec.clone(), applied());
    let mut suspended = spec;
    suspended["suspend"] = true.into();
    world.object("Kustomization", "old", suspended, json!(null));
    assert_snapshot!(world.run("wait --timeout 10s"), @r#"
    --- stderr
    ◎ waiting until everything is ready
    ✔ 2 objects ready
    --- exit 0
    "#);
}

#[test]
fn upstreams_controllers_reconcile_what_weirs_do_not() {
    let world = World::new();
    world.upstreams_controller("helm-controller");
    assert_snapshot!(world.run("reconcile helmrelease podinfo"), @r#"
    --- stderr
    ► context weir-test ($SERVER)
    ✗ helmreleases.helm.toolkit.fluxcd.io "podinfo" not found
    --- exit 1
    "#);
    assert_snapshot!(world.run("version"), @r#"
    flux: v2.9.4
    helm-controller: v1.0.0
    --- exit 0
    "#);
    assert_snapshot!(world.run("check --timeout 1s"), @r#"
    --- stderr
    ► checking prerequisites
    ✔ Kubernetes 1.36.3 >=1.33.0-0
    ► checking version in cluster
    ✔ bootstrapped: false
    ► checking controllers
    ✗ helm-controller: deployment not ready
    ► ghcr.io/fluxcd/helm-controller:v1.0.0
    ► checking crds
    ✗ no crds found with the label selector 'app.kubernetes.io/part-of=flux'
    ✗ check failed
    --- exit 1
    "#);
}
