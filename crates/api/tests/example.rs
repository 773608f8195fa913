//! `examples/acme` is the platform it claims to be: every file parses, every toolkit object reads as its type, and the
//! lines that isolation stands on are where they belong.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads its fixtures"
)]

use std::path::{Path, PathBuf};

use api::fleet::{Fleet, json_schema};
use api::install::{SyncOptions, sync_text};
use api::{GitRepository, GoDuration, Kustomization, parse};
use krm::yaml::{Dialect, Limits};
use krm::{Object, Value};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Every YAML file under a directory of the repository, as (path from there, text).
fn files(folder: &str) -> Vec<(String, String)> {
    let top = root().join(folder);
    let mut found = Vec::new();
    let mut folders = vec![top.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "yaml") {
                let name = path.strip_prefix(&top).unwrap().display().to_string();
                found.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn values(name: &str, text: &str) -> Vec<Value> {
    krm::yaml::parse(text, &Limits::default())
        .unwrap_or_else(|error| panic!("{name}:{error}"))
        .iter()
        .map(|document| document.to_value(Dialect::Kyaml).unwrap())
        .filter(|value| !value.is_null())
        .collect()
}

fn objects() -> Vec<(String, Object)> {
    files("examples/acme")
        .iter()
        .flat_map(|(name, text)| {
            values(name, text)
                .into_iter()
                .map(|value| (name.clone(), Object::try_from(value).unwrap()))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_kustomization_and_source_reads_as_its_type() {
    let mut seen = [0, 0];
    for (name, object) in objects() {
        match object.kind() {
            "Kustomization" if object.gvk().group.contains("toolkit") => {
                let kustomization: Kustomization = parse(&object).unwrap();
                let platform = object.namespace() == Some("flux-system");
                let wanted = match object.name() {
                    "flux-system" => "", // patched in flux-system/kustomization.yaml
                    _ if platform => "kustomize-controller",
                    _ => "reconciler",
                };
                assert_eq!(kustomization.spec.service_account_name, wanted, "{name}");
                assert!(kustomization.spec.prune, "{name}");
                seen[0] += 1;
            }
            "GitRepository" => {
                parse::<GitRepository>(&object).unwrap();
                seen[1] += 1;
            }
            _ => {}
        }
    }
    assert_eq!(seen, [10, 4]);
}

#[test]
fn a_cluster_directory_holds_only_kustomizations() {
    for (name, object) in objects() {
        let in_clusters = name.strip_prefix("fleet-infra/clusters/");
        if in_clusters.is_some_and(|rest| rest.matches('/').count() == 1) {
            assert_eq!(object.kind(), "Kustomization", "{name}");
        }
    }
}

#[test]
fn the_isolation_boundary_is_one_line_in_one_file_per_tenant() {
    let line = "serviceAccountName: reconciler # <-- impersonation: the isolation boundary";
    let with_reconciler: Vec<_> = files("examples/acme")
        .into_iter()
        .filter(|(_, text)| text.contains("serviceAccountName: reconciler"))
        .collect();
    let names: Vec<_> = with_reconciler.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        names,
        [
            "fleet-infra/tenants/base/team-payments/sync.yaml",
            "fleet-infra/tenants/base/team-search/sync.yaml"
        ]
    );
    assert!(with_reconciler.iter().all(|(_, text)| text.contains(line)));
}

#[test]
fn a_tenants_resources_are_one_line_each() {
    for team in ["payments", "search"] {
        let path = format!("examples/acme/team-{team}-config/deploy/kustomization.yaml");
        assert!(
            text(&path).contains("\nresources:\n- deployment.yaml\n- service.yaml\n"),
            "{path}"
        );
    }
}

#[test]
fn the_sync_is_what_bootstrap_writes() {
    for cluster in ["prod-eu", "staging"] {
        let expect = sync_text(&SyncOptions {
            name: "flux-system".into(),
            namespace: "flux-system".into(),
            url: "ssh://git@github.com/acme/fleet-infra".into(),
            branch: "main".into(),
            secret: "flux-system".into(),
            path: format!("clusters/{cluster}"),
            interval: GoDuration::from_secs(60),
        })
        .unwrap();
        let path =
            format!("examples/acme/fleet-infra/clusters/{cluster}/flux-system/gotk-sync.yaml");
        assert_eq!(text(&path), expect);
    }
}

#[test]
fn the_fleet_file_is_valid_and_its_paths_exist() {
    let value = values("fleet.yaml", &text("examples/acme/fleet.yaml"))
        .pop()
        .unwrap();
    let fleet = Fleet::read(&value).unwrap();
    let there = |path: &str| root().join("examples/acme").join(path).is_dir();
    assert!(there(&fleet.spec.repository));
    for source in &fleet.spec.sources {
        assert!(there(&source.path) && source.refs.values().all(|path| there(path)));
        assert!(source.refs.contains_key("v1.4.2"));
    }
    let names: Vec<_> = fleet.spec.clusters.iter().map(|c| &*c.name).collect();
    assert_eq!(names, ["prod-eu", "staging"]);
    for cluster in &fleet.spec.clusters {
        assert!(there(&format!(
            "{}/{}",
            fleet.spec.repository, cluster.path
        )));
        assert!(cluster.objects.iter().all(|path| there(path)));
    }
}

/// `UPDATE_EXPECT=1` writes the published schema anew.
#[test]
fn the_published_schema_is_fresh() {
    let path = "docs/fleet.schema.json";
    let expect = format!(
        "{}\n",
        serde_json::to_string_pretty(&json_schema()).unwrap()
    );
    if std::env::var("UPDATE_EXPECT").is_ok() {
        std::fs::write(root().join(path), &expect).unwrap();
    }
    assert!(text(path) == expect, "{path} is stale");
}

#[test]
fn the_documents_lines_stand_as_it_has_them() {
    let infra = "examples/acme/fleet-infra";
    for (path, lines) in [
        (
            "clusters/prod-eu/infrastructure.yaml",
            "  postBuild:
    substituteFrom:
      - kind: ConfigMap
        name: cluster-vars # contains region=eu-west-1, domain=eu.acme.io
",
        ),
        (
            "clusters/prod-eu/tenants.yaml",
            "  dependsOn:
    - name: infrastructure # CRDs + controllers land first
  sourceRef:
    kind: GitRepository
    name: flux-system
  wait: true # block until all applied objects are healthy
  timeout: 5m
",
        ),
        (
            "tenants/prod/kustomization.yaml",
            "  - target:
      kind: Kustomization
      group: kustomize.toolkit.fluxcd.io
    patch: |
      - op: replace
        path: /spec/interval
        value: 5m
",
        ),
        (
            "tenants/base/team-payments/rbac.yaml",
            "  name: admin # namespace-admin, NOT cluster-admin
",
        ),
        (
            "tenants/base/team-payments/sync.yaml",
            "  healthChecks:
    - apiVersion: apps/v1
      kind: Deployment
      name: payments-api
      namespace: team-payments
",
        ),
    ] {
        assert!(text(&format!("{infra}/{path}")).contains(lines), "{path}");
    }
}
