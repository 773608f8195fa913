//! What to do with a Kustomization, and what to say of what was done.

use std::collections::BTreeMap;
use std::time::Duration;

use api::condition::{self, Mark};
use api::kustomization::{
    DeletionPolicy, KustomizationSourceKind, KustomizationSpec, KustomizationStatus, Snapshot,
};
use api::names::{self, reason};
use api::{Artifact, GoDuration, Kustomization, ResourceInventory, Time};
use jiff::Timestamp;
use krm::GroupKind;

use crate::conclusion::go_duration;
use crate::{Conclusion, Event, Key, Next, Severity, dependency, tenancy};

/// The group that prefixes labels, annotations and event metadata.
pub const GROUP: &str = "kustomize.toolkit.fluxcd.io";

/// Upstream's number of history entries.
const HISTORY: usize = 5;

/// What the operator decided for every Kustomization: the controller's flags and feature gates.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `--no-cross-namespace-refs`.
    pub no_cross_namespace_refs: bool,
    /// `--default-service-account`.
    pub default_service_account: String,
    /// `--requeue-dependency`.
    pub requeue_dependency: Duration,
    /// Gate `StrictPostBuildSubstitutions`.
    pub strict_substitutions: bool,
    /// Gate `ExternalArtifact`.
    pub external_artifact: bool,
    /// Not gate `DisableFailFastBehavior`.
    pub fail_fast: bool,
    /// `--custom-apply-stage-kinds`.
    pub custom_stages: Vec<GroupKind>,
    /// `--override-manager`.
    pub override_managers: Vec<String>,
    /// `--concurrent-ssa`.
    pub concurrent_ssa: usize,
    /// `--no-remote-bases`.
    pub no_remote_bases: bool,
    /// Kinds that no controller here reconciles: health checks count their objects as current.
    pub unserved: Vec<GroupKind>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            no_cross_namespace_refs: false,
            default_service_account: String::new(),
            requeue_dependency: Duration::from_secs(30),
            strict_substitutions: true,
            external_artifact: false,
            fail_fast: true,
            custom_stages: Vec::new(),
            override_managers: Vec::new(),
            concurrent_ssa: 4,
            no_remote_bases: false,
            unserved: Vec::new(),
        }
    }
}

/// A Kustomization and everything the decision about it depends on.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The object.
    pub object: Kustomization,
    /// Its source, as far as there is one.
    pub source: Source,
    /// Its dependencies in their order; `None` for those that do not exist.
    pub dependencies: Vec<(Key, Option<Kustomization>)>,
    /// A dependency cycle the object is part of.
    pub cycle: Option<Vec<Key>>,
}

/// The source of a Kustomization.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// There is no such object.
    Missing,
    /// It has made nothing yet.
    Empty,
    /// It is there.
    Ready(Box<Artifact>),
}

/// What to do.
#[derive(Clone, Debug)]
pub enum Gate {
    /// Fetch, build, apply, prune, wait.
    Go(Box<Job>),
    /// The object is being deleted.
    Clean(Clean),
    /// Nothing, for now or for good.
    Stop(Stop),
    /// Nothing at all: suspended.
    Rest,
}

/// What a pass works from.
#[derive(Clone, Debug)]
pub struct Job {
    /// The artifact to build from.
    pub artifact: Artifact,
    /// The user to act as; `None` acts as the controller.
    pub identity: Option<String>,
    /// How long building, applying and waiting may take.
    pub timeout: Duration,
}

/// What a deletion does.
#[derive(Clone, Debug)]
pub struct Clean {
    /// The objects to delete, with the versions they were applied at.
    pub objects: Vec<(krm::ObjectId, String)>,
    /// The user to act as.
    pub identity: Option<String>,
    /// The ServiceAccount that must exist for anything to be deleted.
    pub account: Option<Key>,
    /// Wait until they are gone, for so long.
    pub wait: Option<Duration>,
}

/// Why nothing goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The Ready condition's reason.
    pub reason: &'static str,
    /// The Ready condition's message.
    pub message: String,
    /// Only a change of the object helps.
    pub stalled: bool,
    /// What to tell besides.
    pub event: Option<(Severity, String)>,
    /// When to look again.
    pub next: Next,
}

/// Decides what to do.
pub fn gate(seen: &Seen, policy: &Policy) -> Gate {
    let object = &seen.object;
    if object.metadata.is_deleting() {
        return Gate::Clean(clean(object, policy));
    }
    if object.spec.suspend {
        return Gate::Rest;
    }
    if let Some(stop) = refused(object, policy) {
        return Gate::Stop(stop);
    }
    let artifact = match &seen.source {
        Source::Ready(artifact) => artifact,
        Source::Missing => return Gate::Stop(missing_source(object)),
        Source::Empty => {
            let wait = policy.requeue_dependency;
            let message = format!(
                "Source artifact not found, retrying in {}",
                go_duration(wait)
            );
            return Gate::Stop(waiting(reason::ARTIFACT_FAILED, message, wait));
        }
    };
    if let Some(stop) = held_up(seen, artifact, policy) {
        return Gate::Stop(stop);
    }
    Gate::Go(Box::new(Job {
        artifact: (**artifact).clone(),
        identity: identity(object, policy),
        timeout: timeout(&object.spec),
    }))
}

/// The user a Kustomization acts as.
pub fn identity(object: &Kustomization, policy: &Policy) -> Option<String> {
    let Kustomization { metadata, spec, .. } = object;
    tenancy::identity(
        &metadata.namespace,
        &spec.service_account_name,
        &policy.default_service_account,
    )
}

/// How long a Kustomization may take: `timeout`, else half a minute less than `interval`, and half a minute at least.
pub fn timeout(spec: &KustomizationSpec) -> Duration {
    const FLOOR: Duration = Duration::from_secs(30);
    let default = || spec.interval.to_std().saturating_sub(FLOOR).max(FLOOR);
    spec.timeout.map_or_else(default, GoDuration::to_std)
}

/// How long after a failure a Kustomization is tried again.
pub fn retry(spec: &KustomizationSpec) -> Duration {
    spec.retry_interval.unwrap_or(spec.interval).to_std()
}

/// What this controller does not do, and what the operator forbids.
fn refused(object: &Kustomization, policy: &Policy) -> Option<Stop> {
    let spec = &object.spec;
    let unbuilt = [
        ("spec.decryption", spec.decryption.is_some()),
        ("spec.kubeConfig", spec.kube_config.is_some()),
        ("spec.ignore", !spec.ignore.is_empty()),
        (
            "spec.dependsOn[].readyExpr",
            spec.depends_on
                .iter()
                .any(|dependency| !dependency.ready_expr.is_empty()),
        ),
    ];
    let unbuilt: Vec<_> = unbuilt
        .into_iter()
        .filter_map(|(field, set)| set.then_some(field))
        .collect();
    if !unbuilt.is_empty() {
        let message = format!(
            "{} is not supported by this version of Weir; nothing was applied or pruned",
            unbuilt.join(", ")
        );
        return Some(stalled(reason::RECONCILIATION_FAILED, message));
    }
    let source = &spec.source_ref;
    let place = source_key(object);
    if policy.no_cross_namespace_refs && place.namespace != object.metadata.namespace {
        let message = format!(
            "can't access '{}/{place}', cross-namespace references have been blocked",
            source.kind
        );
        return Some(stalled(reason::ACCESS_DENIED, message));
    }
    if source.kind == KustomizationSourceKind::ExternalArtifact && !policy.external_artifact {
        let message = format!(
            "can't access '{}/{place}', ExternalArtifact feature gate is disabled",
            source.kind
        );
        return Some(stalled(reason::ACCESS_DENIED, message));
    }
    None
}

/// The source's key, by default in the object's namespace.
pub fn source_key(object: &Kustomization) -> Key {
    let source = &object.spec.source_ref;
    let namespace = if source.namespace.is_empty() {
        &object.metadata.namespace
    } else {
        &source.namespace
    };
    Key::new(namespace, &source.name)
}

fn stalled(reason: &'static str, message: String) -> Stop {
    let event = Some((Severity::Error, message.clone()));
    Stop {
        reason,
        message,
        stalled: true,
        event,
        next: Next::Never,
    }
}

fn waiting(reason: &'static str, message: String, wait: Duration) -> Stop {
    Stop {
        reason,
        message,
        stalled: false,
        event: None,
        next: Next::After(wait),
    }
}

fn missing_source(object: &Kustomization) -> Stop {
    let source = &object.spec.source_ref;
    let plural = match source.kind {
        KustomizationSourceKind::OciRepository => "ocirepositories",
        KustomizationSourceKind::GitRepository => "gitrepositories",
        KustomizationSourceKind::Bucket => "buckets",
        KustomizationSourceKind::ExternalArtifact => "externalartifacts",
    };
    let message = format!(
        "{plural}.source.toolkit.fluxcd.io {:?} not found",
        source.name
    );
    waiting(reason::ARTIFACT_FAILED, message, retry(&object.spec))
}

fn held_up(seen: &Seen, artifact: &Artifact, policy: &Policy) -> Option<Stop> {
    let wait = policy.requeue_dependency;
    let why = seen.dependencies.iter().find_map(|(key, dependency)| {
        dependency::holds_up(&seen.object, artifact, key, dependency.as_ref())
    })?;
    let message = match &seen.cycle {
        Some(cycle) => {
            let path: Vec<_> = cycle.iter().map(ToString::to_string).collect();
            format!(
                "{why}; dependsOn goes round in a circle: {}",
                path.join(" → ")
            )
        }
        None => why,
    };
    let told = format!(
        "Dependencies do not meet ready condition, retrying in {}",
        go_duration(wait)
    );
    let mut stop = waiting(reason::DEPENDENCY_NOT_READY, message, wait);
    stop.event = Some((Severity::Info, told));
    Some(stop)
}

fn clean(object: &Kustomization, policy: &Policy) -> Clean {
    let spec = &object.spec;
    let deletes = match spec.deletion_policy.unwrap_or(DeletionPolicy::MirrorPrune) {
        DeletionPolicy::MirrorPrune => spec.prune,
        DeletionPolicy::Delete | DeletionPolicy::WaitForTermination => true,
        DeletionPolicy::Orphan => false,
    };
    // Another cluster's objects cannot be reached yet: they stay, as upstream leaves them when the kubeconfig is gone.
    let reachable = spec.kube_config.is_none();
    let objects = match &object.status.inventory {
        Some(inventory) if deletes && reachable && !spec.suspend => {
            crate::inventory::objects(inventory)
        }
        _ => Vec::new(),
    };
    let identity = identity(object, policy);
    let account = identity.as_ref().and_then(|user| {
        let (_, account) = user
            .strip_prefix("system:serviceaccount:")?
            .split_once(':')?;
        Some(Key::new(&object.metadata.namespace, account))
    });
    let wait =
        (spec.deletion_policy == Some(DeletionPolicy::WaitForTermination)).then(|| timeout(spec));
    Clean {
        objects,
        identity,
        account,
        wait,
    }
}

/// What came of a pass.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It stopped before it began.
    Stopped(Stop),
    /// It stopped on the way.
    Failed(Failed),
    /// Everything is applied; what it waits for is not healthy yet.
    Waiting(Applied),
    /// Everything is as desired.
    Done(Applied),
}

/// A pass that stopped on the way.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The Ready condition's reason.
    pub reason: &'static str,
    /// The Ready condition's message.
    pub message: String,
    /// How far it got; `None` where the artifact could not be had.
    pub revision: Option<Revision>,
    /// What was built, applied and found, as far as it got.
    pub applied: Option<Applied>,
}

/// Which state of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// The artifact's revision.
    pub revision: String,
    /// The revision at the origin, for OCI artifacts made from Git.
    pub origin: String,
}

/// What a pass built and applied.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// From which state of the source.
    pub revision: Revision,
    /// Digest of what was built: `sha256:<hex>` of the YAML.
    pub digest: String,
    /// What is applied now, including what could not be deleted; `None` when the apply failed, which keeps the old one.
    pub inventory: Option<ResourceInventory>,
    /// The objects the apply changed, a line each.
    pub applied_log: String,
    /// The objects the prune deleted, a line each.
    pub pruned_log: String,
    /// The two logs have been told already: by an earlier pass that ended in waiting.
    pub told: bool,
    /// The health check, where there is one to make.
    pub health: Option<HealthCheck>,
    /// When the pass began.
    pub started: Timestamp,
}

/// How a health check went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// When it began.
    pub started: Timestamp,
    /// Passed, failed (with upstream's message), or still open.
    pub result: Option<Result<(), String>>,
}

/// Turns what came of a pass into status, events and the next wake-up.
pub fn conclude(seen: &Seen, outcome: Outcome, now: Timestamp) -> Conclusion<KustomizationStatus> {
    let object = &seen.object;
    let mut story = Story {
        object,
        status: object.status.clone(),
        events: Vec::new(),
        now,
        was_ready: condition::is_true(&object.status.conditions, names::READY),
    };
    if let Some(request) = object.metadata.reconcile_request() {
        story.status.last_handled_reconcile_at = request.into();
    }
    let next = match outcome {
        Outcome::Stopped(stop) => story.stopped(stop),
        Outcome::Failed(failed) => story.failed(failed),
        Outcome::Waiting(applied) => story.waiting(applied),
        Outcome::Done(applied) => story.done(applied),
    };
    Conclusion {
        status: Some(story.status),
        finalized: false,
        events: story.events,
        next,
    }
}

struct Story<'a> {
    object: &'a Kustomization,
    status: KustomizationStatus,
    events: Vec<Event>,
    now: Timestamp,
    was_ready: bool,
}

impl Story<'_> {
    fn mark(&mut self, mark: Mark) {
        let generation = self.object.metadata.generation;
        condition::set(
            &mut self.status.conditions,
            mark,
            generation,
            self.now.into(),
        );
    }

    fn tell(&mut self, severity: Severity, reason: &str, message: String, revision: &Revision) {
        let mut metadata = BTreeMap::new();
        for (key, value) in [
            ("revision", &revision.revision),
            ("originRevision", &revision.origin),
        ] {
            if !value.is_empty() {
                metadata.insert(format!("{GROUP}/{key}"), value.clone());
            }
        }
        self.events.push(Event {
            severity,
            reason: reason.into(),
            message,
            metadata,
        });
    }

    fn stopped(&mut self, stop: Stop) -> Next {
        self.mark(Mark::no(names::READY, stop.reason, stop.message.clone()));
        if stop.stalled {
            self.mark(Mark::yes(names::STALLED, stop.reason, stop.message));
            condition::remove(&mut self.status.conditions, names::RECONCILING);
            self.status.observed_generation = self.object.metadata.generation;
        } else {
            condition::remove(&mut self.status.conditions, names::STALLED);
            self.retrying();
        }
        if let Some((severity, message)) = stop.event {
            self.tell(severity, stop.reason, message, &Revision::default());
        }
        stop.next
    }

    /// Upstream's mark of a controller that will try again.
    fn retrying(&mut self) {
        let timeout = go_duration(timeout(&self.object.spec));
        let message = format!("Reconciling with a timeout of {timeout}");
        let message = condition::get(&self.status.conditions, names::RECONCILING)
            .map_or(message, |condition| condition.message.clone());
        self.mark(Mark::yes(
            names::RECONCILING,
            reason::PROGRESSING_WITH_RETRY,
            message,
        ));
    }

    fn failed(&mut self, failed: Failed) -> Next {
        let Failed {
            reason,
            message,
            revision,
            applied,
        } = failed;
        let revision = revision.unwrap_or_default();
        if !revision.revision.is_empty() {
            self.status.last_attempted_revision = revision.revision.clone();
        }
        let mut message = message;
        if let Some(applied) = applied {
            self.told_changes(&applied, reason::PROGRESSING);
            self.record(&applied, reason);
            if applied.inventory.is_some() {
                self.status.inventory = applied.inventory;
            }
            if let Some(HealthCheck {
                started,
                result: Some(Err(why)),
            }) = applied.health
            {
                let took = go_duration(elapsed(started, self.now));
                self.mark(Mark::no(names::HEALTHY, reason, why.clone()));
                message = format!("health check failed after {took}: {why}");
            }
        }
        condition::remove(&mut self.status.conditions, names::STALLED);
        self.mark(Mark::no(names::READY, reason, message.clone()));
        self.retrying();
        self.tell(Severity::Error, reason, message, &revision);
        Next::After(retry(&self.object.spec))
    }

    fn waiting(&mut self, applied: Applied) -> Next {
        let timeout = go_duration(timeout(&self.object.spec));
        let Revision { revision, .. } = &applied.revision;
        let message =
            format!("Running health checks for revision {revision} with a timeout of {timeout}");
        self.told_changes(&applied, reason::PROGRESSING);
        self.status.last_attempted_revision = applied.revision.revision.clone();
        self.status.inventory = applied.inventory;
        condition::remove(&mut self.status.conditions, names::STALLED);
        self.mark(Mark::unknown(
            names::READY,
            reason::PROGRESSING,
            "Reconciliation in progress",
        ));
        self.mark(Mark::yes(
            names::RECONCILING,
            reason::PROGRESSING,
            message.clone(),
        ));
        self.mark(Mark::unknown(names::HEALTHY, reason::PROGRESSING, message));
        // Parked: the watch of what it waits for calls it, or else the deadline.
        let waited = applied
            .health
            .map(|health| elapsed(health.started, self.now))
            .unwrap_or_default();
        Next::After(crate::kustomization::timeout(&self.object.spec).saturating_sub(waited))
    }

    fn done(&mut self, applied: Applied) -> Next {
        let spec = &self.object.spec;
        let new_revision = applied.revision.revision != self.status.last_applied_revision;
        let changed = !applied.applied_log.is_empty();
        self.told_changes(&applied, reason::PROGRESSING);
        match &applied.health {
            Some(health) => {
                let message = format!(
                    "Health check passed in {}",
                    go_duration(elapsed(health.started, self.now))
                );
                let was_healthy =
                    condition::is_true(&self.object.status.conditions, names::HEALTHY);
                if !was_healthy || (new_revision && changed) {
                    self.tell(
                        Severity::Info,
                        reason::PROGRESSING,
                        message.clone(),
                        &applied.revision,
                    );
                }
                // A check that passes again says nothing new: its old message stays, and the status equal.
                if !was_healthy || changed || new_revision {
                    self.mark(Mark::yes(names::HEALTHY, reason::SUCCEEDED, message));
                }
            }
            None => condition::remove(&mut self.status.conditions, names::HEALTHY),
        }
        self.record(&applied, reason::RECONCILIATION_SUCCEEDED);
        let Applied {
            revision,
            inventory,
            started,
            pruned_log,
            ..
        } = applied;
        self.status.inventory = inventory;
        self.status.last_attempted_revision = revision.revision.clone();
        self.status.last_applied_revision = revision.revision.clone();
        self.status.last_applied_origin_revision = revision.origin.clone();
        self.status.observed_generation = self.object.metadata.generation;
        condition::remove(&mut self.status.conditions, names::STALLED);
        condition::remove(&mut self.status.conditions, names::RECONCILING);
        let message = format!("Applied revision: {}", revision.revision);
        self.mark(Mark::yes(
            names::READY,
            reason::RECONCILIATION_SUCCEEDED,
            message,
        ));
        if !self.was_ready || new_revision || changed || !pruned_log.is_empty() {
            let took = go_duration(elapsed(started, self.now));
            let next = go_duration(spec.interval.to_std());
            let message = format!("Reconciliation finished in {took}, next run in {next}");
            self.tell(
                Severity::Info,
                reason::RECONCILIATION_SUCCEEDED,
                message,
                &revision,
            );
            if let Some(event) = self.events.last_mut() {
                event
                    .metadata
                    .insert(format!("{GROUP}/commit_status"), "update".into());
            }
        }
        Next::Interval(spec.interval.to_std())
    }

    fn told_changes(&mut self, applied: &Applied, reason: &str) {
        if applied.told {
            return;
        }
        for log in [&applied.applied_log, &applied.pruned_log] {
            if !log.is_empty() {
                self.tell(Severity::Info, reason, log.clone(), &applied.revision);
            }
        }
    }

    /// Counts a result in the history: the newest entry first, equal ones together.
    fn record(&mut self, applied: &Applied, status: &str) {
        let Applied {
            digest,
            revision,
            started,
            ..
        } = applied;
        if digest.is_empty() {
            return;
        }
        let now: Time = self.now.into();
        let mut metadata = BTreeMap::from([("revision".into(), revision.revision.clone())]);
        if !revision.origin.is_empty() {
            metadata.insert("originRevision".into(), revision.origin.clone());
        }
        let history = &mut self.status.history;
        let known = history.iter().position(|snapshot| {
            snapshot.digest == *digest && snapshot.last_reconciled_status == status
        });
        let mut snapshot = match known {
            Some(at) => history.remove(at),
            None => Snapshot {
                digest: digest.clone(),
                first_reconciled: now,
                ..Snapshot::default()
            },
        };
        snapshot.last_reconciled = now;
        snapshot.last_reconciled_duration = elapsed(*started, self.now).into();
        snapshot.last_reconciled_status = status.into();
        snapshot.total_reconciliations += 1;
        snapshot.metadata = metadata;
        history.insert(0, snapshot);
        history.truncate(HISTORY);
    }
}

fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
#[path = "kustomization_tests.rs"]
mod tests;
