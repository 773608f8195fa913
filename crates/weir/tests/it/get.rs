//! `get`, on objects that a controller has judged.

use insta::assert_snapshot;
use krm::json;

use crate::world::{World, ready};

const HASH: &str = "0123456789abcdef0123456789abcdef01234567";

fn acme() -> World {
    let world = World::new();
    let git = json!({"interval": "1m", "url": "https://example.com/acme"});
    let mut status = ready(
        "True",
        "Succeeded",
        &format!("stored artifact for revision 'main@sha1:{HASH}'"),
    );
    status["artifact"] = json!({"path": "p", "url": "http://s/p", "revision": format!("main@sha1:{HASH}"), "digest": format!("sha256:{HASH}{}", &HASH[..24]), "lastUpdateTime": "2026-01-01T00:00:00Z"});
    world.object("GitRepository", "acme", git, status);
    let spec = || json!({"interval": "10m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "acme"}});
    let mut status = ready(
        "True",
        "ReconciliationSucceeded",
        &format!("Applied revision: main@sha1:{HASH}"),
    );
    status["lastAppliedRevision"] = format!("main@sha1:{HASH}").into();
    world.object("Kustomization", "apps", spec(), status);
    world.object(
        "Kustomization",
        "infra",
        spec(),
        ready("False", "BuildFailed", "no such file\nsecond line"),
    );
    world.object("Kustomization", "new", spec(), json!(null));
    world.object("Alert", "slack", json!({"eventSources": [{"kind": "Kustomization", "name": "*"}], "providerRef": {"name": "slack"}}), json!(null));
    world
}

#[test]
fn tables_are_upstreams() {
    let world = acme();
    assert_snapshot!(world.run("get kustomizations"), @r#"
    NAME |REVISION          |SUSPENDED|READY|MESSAGE                             |
    apps |main@sha1:01234567|False    |True |Applied revision: main@sha1:01234567|
    infra|                  |False    |False|no such file                        |
         |                  |         |     |second line                         |
    new  |                  |False    |False|waiting to be reconciled            |
    --- exit 0
    "#);
    assert_snapshot!(world.run("get ks apps --show-source --no-header"), @r#"
    apps|GitRepository/flux-system/acme|main@sha1:01234567|False|True|Applied revision: main@sha1:01234567|
    --- exit 0
    "#);
    assert_snapshot!(world.run("get all -A"), @r#"
    NAMESPACE  |NAME              |REVISION          |SUSPENDED|READY|MESSAGE                                          |
    flux-system|gitrepository/acme|main@sha1:01234567|False    |True |stored artifact for revision 'main@sha1:01234567'|

    NAMESPACE  |NAME               |REVISION          |SUSPENDED|READY|MESSAGE                             |
    flux-system|kustomization/apps |main@sha1:01234567|False    |True |Applied revision: main@sha1:01234567|
    flux-system|kustomization/infra|                  |False    |False|no such file                        |
               |                   |                  |         |     |second line                         |
    flux-system|kustomization/new  |                  |False    |False|waiting to be reconciled            |

    NAMESPACE  |NAME       |SUSPENDED|READY|MESSAGE       |
    flux-system|alert/slack|False    |True |Alert is Ready|

    --- exit 0
    "#);
    assert_snapshot!(world.run("get image policy -A"), @r#"
    --- stderr
    ✗ no ImagePolicy objects found in any namespace
    --- exit 1
    "#);
    assert_snapshot!(world.run("get kustomization absent"), @r#"
    --- stderr
    ✗ Kustomization object 'absent' not found in "flux-system" namespace
    --- exit 1
    "#);
    assert_snapshot!(world.run("get ks -o name"), @r#"
    kustomization.kustomize.toolkit.fluxcd.io/apps
    kustomization.kustomize.toolkit.fluxcd.io/infra
    kustomization.kustomize.toolkit.fluxcd.io/new
    --- exit 0
    "#);
}

#[test]
fn selectors_choose() {
    let world = acme();
    assert_snapshot!(world.run("get ks --status-selector ready=false"), @r#"
    NAME |REVISION|SUSPENDED|READY|MESSAGE     |
    infra|        |False    |False|no such file|
         |        |         |     |second line |
    --- exit 0
    "#);
    assert_snapshot!(world.run("get ks --status-selector ready!=true --no-header"), @r#"
    infra||False|False|no such file            |
         ||     |     |second line             |
    new  ||False|False|waiting to be reconciled|
    --- exit 0
    "#);
    assert_snapshot!(world.run("get alerts --status-selector ready=false"), @r#"
    NAME|SUSPENDED|READY|MESSAGE|
    --- exit 0
    "#);
    assert_snapshot!(world.run("get ks --status-selector ready"), @r#"
    --- stderr
    ✗ expected status selector in type=status or type!=status format, but found: ready
    --- exit 1
    "#);
    assert_snapshot!(world.run("get ks -l team=payments"), @r#"
    --- stderr
    ✗ no Kustomization objects found in "flux-system" namespace
    --- exit 1
    "#);
    assert_snapshot!(world.run("get all -w"), @r#"
    --- stderr
    ✗ expected a single resource type, but found all
    --- exit 1
    "#);
    assert_snapshot!(world.run("get ks new -w --timeout 1s"), @r#"
    NAME|REVISION|SUSPENDED|READY|MESSAGE                 |
    new |        |False    |False|waiting to be reconciled|
    --- stderr
    ✗ timed out waiting for the condition
    --- exit 1
    "#);
}

#[test]
fn c03_what_a_cluster_says_cannot_steer_a_terminal() {
    let world = World::new();
    let spec = json!({"interval": "10m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "acme"}});
    world.object(
        "Kustomization",
        "evil",
        spec,
        ready(
            "False",
            "BuildFailed",
            "a\u{1b}]0;title\u{7}b\u{9b}2J\u{202e}c",
        ),
    );
    assert_snapshot!(world.run("get ks"), @r#"
    NAME|REVISION|SUSPENDED|READY|MESSAGE                          |
    evil|        |False    |False|a\x1b]0;title\x07b\x9b2J\u{202e}c|
    --- exit 0
    "#);
    let objects = world.run("get ks evil -o json");
    assert!(
        !objects.chars().any(|c| c.is_control() && c != '\n'),
        "{objects}"
    );
    let objects = world.run("get ks evil -o yaml");
    assert!(
        !objects.chars().any(|c| c.is_control() && c != '\n'),
        "{objects}"
    );
}

#[test]
fn objects_are_printed_without_their_bookkeeping() {
    let world = acme();
    let one = world.run("get ks apps -o json");
    assert!(one.starts_with("{\n  \"apiVersion\": \"kustomize.toolkit.fluxcd.io/v1\",\n  \"kind\": \"Kustomization\""), "{one}");
    assert!(!one.contains("managedFields"));
    let several = world.run("get all -o yaml");
    assert!(
        several.starts_with("apiVersion: v1\nitems:\n- apiVersion: source.toolkit.fluxcd.io/v1\n"),
        "{several}"
    );
}
