//! The decisions about a Kustomization, as tables.

use krm::{Object, Value, json};

use super::*;

fn kustomization(spec: &Value, status: &Value) -> Kustomization {
    let mut object = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "team", "generation": 3},
        "spec": {"interval": "10m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "fleet"}},
        "status": status,
    });
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    api::parse(&Object::try_from(object).unwrap()).unwrap()
}

fn artifact(revision: &str) -> Artifact {
    serde_json::from_value(json!({
        "digest": "sha256:00", "lastUpdateTime": "2026-01-01T00:00:00Z", "path": "p", "url": "u", "revision": revision
    }))
    .unwrap()
}

fn seen(spec: Value) -> Seen {
    Seen {
        object: kustomization(&spec, &json!({})),
        source: Source::Ready(Box::new(artifact("main@sha1:1"))),
        dependencies: Vec::new(),
        cycle: None,
    }
}

fn stop(seen: &Seen, policy: &Policy) -> Stop {
    match gate(seen, policy) {
        Gate::Stop(stop) => stop,
        other => panic!("expected a stop, got {other:?}"),
    }
}

#[test]
fn t01_another_namespace_s_source_is_refused_for_good() {
    let policy = Policy {
        no_cross_namespace_refs: true,
        ..Policy::default()
    };
    let foreign = seen(
        json!({"sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": "flux-system"}}),
    );
    let stop = stop(&foreign, &policy);
    assert_eq!(
        stop.message,
        "can't access 'GitRepository/flux-system/fleet', cross-namespace references have been blocked"
    );
    assert_eq!(
        (stop.reason, stop.stalled, stop.next),
        ("AccessDenied", true, Next::Never)
    );
    assert!(matches!(gate(&foreign, &Policy::default()), Gate::Go(_)));
}

#[test]
fn a_field_that_is_not_built_yet_stalls_and_touches_nothing() {
    let stop = stop(
        &seen(json!({"decryption": {"provider": "sops"}})),
        &Policy::default(),
    );
    assert!(stop.message.starts_with("spec.decryption is not supported"));
    assert!(stop.stalled);
}

#[test]
fn t03_the_default_account_is_impersonated_by_apply_and_by_cleaning_up() {
    let policy = Policy {
        default_service_account: "default".into(),
        ..Policy::default()
    };
    let mut plain = seen(json!({}));
    let Gate::Go(job) = gate(&plain, &policy) else {
        panic!("expected to go")
    };
    assert_eq!(
        job.identity.as_deref(),
        Some("system:serviceaccount:team:default")
    );
    assert_eq!(job.timeout, Duration::from_secs(570));
    plain.object.metadata.deletion_timestamp = Some(Timestamp::UNIX_EPOCH.into());
    plain.object.status.inventory = Some(
        serde_json::from_value(json!({"entries": [{"id": "team_a__ConfigMap", "v": "v1"}]}))
            .unwrap(),
    );
    let Gate::Clean(clean) = gate(&plain, &policy) else {
        panic!("expected to clean")
    };
    assert_eq!(
        clean.identity.as_deref(),
        Some("system:serviceaccount:team:default")
    );
    assert_eq!(clean.objects.len(), 1);
}

#[test]
fn who_is_suspended_or_does_not_prune_deletes_nothing() {
    for spec in [
        json!({"suspend": true}),
        json!({"prune": false}),
        json!({"deletionPolicy": "Orphan"}),
    ] {
        let mut seen = seen(spec);
        seen.object.metadata.deletion_timestamp = Some(Timestamp::UNIX_EPOCH.into());
        seen.object.status.inventory = Some(
            serde_json::from_value(json!({"entries": [{"id": "team_a__ConfigMap", "v": "v1"}]}))
                .unwrap(),
        );
        let Gate::Clean(clean) = gate(&seen, &Policy::default()) else {
            panic!("expected to clean")
        };
        assert!(clean.objects.is_empty());
    }
}

#[test]
fn a_dependency_must_be_ready_at_the_same_revision() {
    let ready = json!({"observedGeneration": 3, "lastAppliedRevision": "main@sha1:0", "conditions": [
        {"type": "Ready", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
    let key = Key::new("team", "base");
    let mut seen = seen(json!({"dependsOn": [{"name": "base"}]}));
    seen.dependencies = vec![(key.clone(), None)];
    let told = stop(&seen, &Policy::default());
    assert_eq!(
        told.message,
        "dependency 'team/base' not found: kustomizations.kustomize.toolkit.fluxcd.io \"base\" not found"
    );
    seen.dependencies = vec![(key.clone(), Some(kustomization(&json!({}), &json!({}))))];
    assert_eq!(
        stop(&seen, &Policy::default()).message,
        "dependency 'team/base' is not ready"
    );
    seen.dependencies = vec![(key.clone(), Some(kustomization(&json!({}), &ready)))];
    assert_eq!(
        stop(&seen, &Policy::default()).message,
        "dependency 'team/base' revision is not up to date"
    );
    let other = json!({"sourceRef": {"kind": "GitRepository", "name": "other"}});
    seen.dependencies = vec![(key, Some(kustomization(&other, &ready)))];
    assert!(matches!(gate(&seen, &Policy::default()), Gate::Go(_)));
}

fn applied(log: &str) -> Applied {
    Applied {
        revision: Revision {
            revision: "main@sha1:1".into(),
            origin: String::new(),
        },
        digest: "sha256:aa".into(),
        inventory: Some(ResourceInventory::default()),
        applied_log: log.into(),
        started: Timestamp::UNIX_EPOCH,
        ..Applied::default()
    }
}

#[test]
fn success_is_told_once_and_counted_always() {
    let now = Timestamp::from_second(2).unwrap();
    let mut seen = seen(json!({}));
    let first = conclude(
        &seen,
        Outcome::Done(applied("ConfigMap/team/a created")),
        now,
    );
    let status = first.status.unwrap();
    assert_eq!(
        condition::get(&status.conditions, "Ready").unwrap().message,
        "Applied revision: main@sha1:1"
    );
    assert_eq!(status.observed_generation, 3);
    let told: Vec<_> = first
        .events
        .iter()
        .map(|event| event.message.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "ConfigMap/team/a created",
            "Reconciliation finished in 2s, next run in 10m0s"
        ]
    );
    assert_eq!(
        first.events[1].metadata["kustomize.toolkit.fluxcd.io/commit_status"],
        "update"
    );
    assert_eq!(first.next, Next::Interval(Duration::from_secs(600)));
    seen.object.status = status;
    let second = conclude(&seen, Outcome::Done(applied("")), now);
    assert!(second.events.is_empty());
    assert_eq!(second.status.unwrap().history[0].total_reconciliations, 2);
}

#[test]
fn a_failed_apply_keeps_the_old_inventory() {
    let mut seen = seen(json!({"retryInterval": "1m"}));
    let old: ResourceInventory =
        serde_json::from_value(json!({"entries": [{"id": "team_a__ConfigMap", "v": "v1"}]}))
            .unwrap();
    seen.object.status.inventory = Some(old.clone());
    let failed = Failed {
        reason: reason::RECONCILIATION_FAILED,
        message: "refused".into(),
        revision: Some(applied("").revision),
        applied: Some(Applied {
            inventory: None,
            ..applied("")
        }),
    };
    let conclusion = conclude(&seen, Outcome::Failed(failed), Timestamp::UNIX_EPOCH);
    let status = conclusion.status.unwrap();
    assert_eq!(status.inventory, Some(old));
    assert_eq!(status.last_attempted_revision, "main@sha1:1");
    assert_eq!(status.last_applied_revision, "");
    assert_eq!(
        condition::get(&status.conditions, "Reconciling")
            .unwrap()
            .reason,
        "ProgressingWithRetry"
    );
    assert_eq!(conclusion.next, Next::After(Duration::from_secs(60)));
    assert_eq!(
        status.history[0].last_reconciled_status,
        "ReconciliationFailed"
    );
}

#[test]
fn health_that_fails_says_so_in_both_conditions() {
    let health = HealthCheck {
        started: Timestamp::UNIX_EPOCH,
        result: Some(Err("timeout waiting for: [x]".into())),
    };
    let failed = Failed {
        reason: reason::HEALTH_CHECK_FAILED,
        message: String::new(),
        revision: Some(applied("").revision),
        applied: Some(Applied {
            health: Some(health),
            ..applied("")
        }),
    };
    let conclusion = conclude(
        &seen(json!({"wait": true})),
        Outcome::Failed(failed),
        Timestamp::from_second(30).unwrap(),
    );
    let status = conclusion.status.unwrap();
    assert_eq!(
        condition::get(&status.conditions, "Ready").unwrap().message,
        "health check failed after 30s: timeout waiting for: [x]"
    );
    assert_eq!(
        condition::get(&status.conditions, "Healthy")
            .unwrap()
            .message,
        "timeout waiting for: [x]"
    );
    assert!(status.inventory.is_some());
}
