//! `build kustomization`.

use std::fs;

use insta::assert_snapshot;

use crate::world::Shell;

const KUSTOMIZATION: &str = "
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps}
spec:
  interval: 10m
  prune: true
  targetNamespace: apps
  sourceRef: {kind: GitRepository, name: acme}
  commonMetadata: {labels: {team: payments}}
  postBuild: {substitute: {region: eu-west-1}}
";

fn shell() -> Shell {
    let shell = Shell::new();
    let write = |path: &str, text: &str| {
        let path = shell.home().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("apps.yaml", KUSTOMIZATION);
    write("base/kustomization.yaml", "resources:\n- map.yaml\n");
    write(
        "base/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n  region: ${region}\n  zone: ${zone:=a}\n",
    );
    write(
        "prod/kustomization.yaml",
        "resources:\n- ../base\nnamePrefix: prod-\n",
    );
    write(
        "broken/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n  zone: ${zone}\n",
    );
    shell
}

#[test]
fn an_overlay_is_built_as_the_controller_builds_it() {
    let weir = shell();
    assert_snapshot!(weir.run("build kustomization apps --path ./prod --kustomization-file apps.yaml --dry-run"), @r#"
    apiVersion: v1
    data:
      region: eu-west-1
      zone: a
    kind: ConfigMap
    metadata:
      labels:
        kustomize.toolkit.fluxcd.io/name: apps
        kustomize.toolkit.fluxcd.io/namespace: flux-system
        team: payments
      name: prod-m
      namespace: apps
    ---
    --- exit 0
    "#);
}

#[test]
fn a_variable_without_value_is_refused_when_strict() {
    let weir = shell();
    assert_snapshot!(weir.run("build ks apps --path broken --kustomization-file apps.yaml --dry-run --strict-substitute"), @r#"
    --- stderr
    ✗ post build failed for 'm': envsubst error: variable substitution failed: variable not set (strict mode): "zone" (ConfigMap/apps/m: set zone in postBuild, give it a default with ${zone:=value}, or keep the text as it is with $${zone})
    --- exit 1
    "#);
    assert_snapshot!(weir.run("build ks apps --path broken --kustomization-file apps.yaml --dry-run"), @r#"
    apiVersion: v1
    data:
      zone: null
    kind: ConfigMap
    metadata:
      labels:
        kustomize.toolkit.fluxcd.io/name: apps
        kustomize.toolkit.fluxcd.io/namespace: flux-system
        team: payments
      name: m
      namespace: apps
    ---
    --- exit 0
    "#);
}

#[test]
fn what_is_not_given_is_asked_for() {
    let weir = shell();
    assert_snapshot!(weir.run("build kustomization"), @r#"
    --- stderr
    ✗ kustomization name is required
    --- exit 1
    "#);
    assert_snapshot!(weir.run("build ks apps"), @r#"
    --- stderr
    ✗ invalid resource path ""
    --- exit 1
    "#);
    assert_snapshot!(weir.run("build ks apps --path prod --dry-run"), @r#"
    --- stderr
    ✗ dry-run mode requires a kustomization file
    --- exit 1
    "#);
    assert_snapshot!(weir.run("build ks other --path prod --dry-run --kustomization-file apps.yaml"), @r#"
    --- stderr
    ✗ failed find kustomization with name 'other' and namespace 'flux-system' in file 'apps.yaml'
    --- exit 1
    "#);
}
