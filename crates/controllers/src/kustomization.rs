//! `Kustomization`: fetch, build, apply, prune, wait.

mod apply;
mod build;
mod health;
mod view;

use std::collections::HashSet;
use std::sync::Arc;

use api::kustomization::KUSTOMIZATION;
use api::names::{self, reason};
use api::{Artifact, Kustomization};
use clock::Timestamp;
use cluster::drift::Manager;
use cluster::prune::{self, Owner};
use cluster::watch::Scope;
use cluster::{Client, Resource};
use krm::Object;
use parking_lot::Mutex;
use plan::health::Health;
use plan::kustomization::{
    Applied, Clean, Failed, Gate, HealthCheck, Job, Outcome, Policy, Revision, Seen, Source, Stop,
    conclude, gate,
};
use plan::{Conclusion, Event as Told, Key, Next, Severity};
use source::Storage;

use crate::commit;
use crate::kustomization::health::Waiting;
use crate::kustomization::view::View;
use crate::runtime::{self, Context, Controller, Event, Inbox, Pass, resource_of};
use crate::store;

pub use build::{overrides, values, when};

/// Runs until dropped: reconciles every Kustomization, as kustomize-controller does.
pub async fn run(cx: Context, storage: Storage, policy: Policy, inbox: Inbox) {
    let manager = Manager {
        name: names::KUSTOMIZE_MANAGER.into(),
        group: plan::kustomization::GROUP.into(),
        overridden: policy.override_managers.clone(),
    };
    let client = cx.client.clone();
    let controller = Kustomizations {
        cx: cx.clone(),
        client,
        storage,
        policy,
        manager,
        view: Mutex::default(),
    };
    runtime::run(cx, Arc::new(controller), inbox).await;
}

struct Kustomizations {
    cx: Context,
    client: Client,
    storage: Storage,
    policy: Policy,
    manager: Manager,
    view: Mutex<View>,
}

/// What a pass works on, and with whose rights.
struct Work<'a> {
    seen: &'a Seen,
    job: &'a Job,
    client: Client,
}

impl Controller for Kustomizations {
    fn kind(&self) -> &'static api::Kind {
        &KUSTOMIZATION
    }

    fn status_manager(&self) -> &'static str {
        names::KUSTOMIZE_STATUS_MANAGER
    }

    fn watches(&self) -> Vec<Scope> {
        let metadata = |resource| Scope {
            metadata_only: true,
            ..Scope::all(resource)
        };
        let rbac = |kind, plural, namespaced| {
            metadata(Resource::new(
                "rbac.authorization.k8s.io/v1",
                kind,
                plural,
                namespaced,
            ))
        };
        let crds = Resource::new(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "customresourcedefinitions",
            false,
        );
        let sources = [
            &api::git_repository::GIT_REPOSITORY,
            &api::oci_repository::OCI_REPOSITORY,
            &api::bucket::BUCKET,
            &api::external_artifact::EXTERNAL_ARTIFACT,
        ];
        let mut scopes = vec![
            Scope::all(resource_of(&KUSTOMIZATION)),
            rbac("Role", "roles", true),
            rbac("RoleBinding", "rolebindings", true),
            rbac("ClusterRole", "clusterroles", false),
            rbac("ClusterRoleBinding", "clusterrolebindings", false),
            metadata(Resource::new(
                "v1",
                "ServiceAccount",
                "serviceaccounts",
                true,
            )),
            metadata(crds),
        ];
        scopes.extend(sources.map(|kind| Scope::all(resource_of(kind))));
        scopes
    }

    fn wanted(&self) -> HashSet<Scope> {
        self.view.lock().wanted(&self.manager)
    }

    fn observe(&self, event: &Event) -> Vec<Key> {
        let Event::Watched { scope, change } = event else {
            return Vec::new();
        };
        if scope.resource.gvk.group == "apiextensions.k8s.io" {
            self.client.forget_resources();
        }
        self.view.lock().observe(scope, change, &self.manager)
    }

    fn settle(&self, key: &Key) -> Vec<Key> {
        if self.view.lock().drifted(key) {
            vec![key.clone()]
        } else {
            Vec::new()
        }
    }

    async fn reconcile(&self, key: &Key) -> Result<Pass, cluster::Error> {
        let Some((mut object, seen)) = self.see(key) else {
            return Ok(Pass::gone());
        };
        let outcome = match gate(&seen, &self.policy) {
            Gate::Rest => {
                return Ok(Pass {
                    object: Some(object),
                    conclusion: Conclusion::nothing(),
                });
            }
            Gate::Clean(clean) => {
                let events = self.clean(&seen, clean).await?;
                return Ok(Pass {
                    object: Some(object),
                    conclusion: Conclusion::finalized(events),
                });
            }
            Gate::Stop(stop) => Outcome::Stopped(stop),
            Gate::Go(job) => {
                object = self.with_finalizer(object).await?;
                self.run(&seen, &job).await?
            }
        };
        let conclusion = conclude(&seen, outcome, self.cx.clock.now());
        Ok(Pass {
            object: Some(object),
            conclusion: conclusion.map(|status| store::to_value(&status)),
        })
    }
}

impl Kustomizations {
    /// The object and everything the decision about it depends on.
    fn see(&self, key: &Key) -> Option<(Arc<Object>, Seen)> {
        let view = self.view.lock();
        let object = view.kustomizations.get(key)?.clone();
        let parsed: Kustomization = match api::parse(&object) {
            Ok(parsed) => parsed,
            Err(error) => {
                tracing::error!(object = %key, %error, "this object cannot be read; the others go on");
                return None;
            }
        };
        let named = (
            parsed.spec.source_ref.kind.to_string(),
            plan::kustomization::source_key(&parsed),
        );
        let source = match view.sources.get(&named) {
            None => Source::Missing,
            Some(source) => {
                let artifact = source.pointer("/status/artifact").cloned();
                let artifact =
                    artifact.and_then(|artifact| serde_json::from_value::<Artifact>(artifact).ok());
                artifact.map_or(Source::Empty, |artifact| Source::Ready(Box::new(artifact)))
            }
        };
        let dependencies = view.dependencies(&parsed);
        let cycle = if dependencies.is_empty() {
            None
        } else {
            view.cycle(key)
        };
        Some((
            object,
            Seen {
                object: parsed,
                source,
                dependencies,
                cycle,
            },
        ))
    }

    async fn with_finalizer(&self, object: Arc<Object>) -> Result<Arc<Object>, cluster::Error> {
        if object.finalizers().any(|name| name == names::FINALIZER) {
            return Ok(object);
        }
        let resource = resource_of(&KUSTOMIZATION);
        let written =
            commit::add_finalizer(&self.client, &resource, self.status_manager(), &object).await?;
        Ok(Arc::new(written))
    }

    /// One pass, or the continuation of one that waits for health.
    async fn run(&self, seen: &Seen, job: &Job) -> Result<Outcome, cluster::Error> {
        let started = self.cx.clock.now();
        let evaluators = match health::evaluators(&seen.object) {
            Ok(evaluators) => evaluators,
            Err(message) => return Ok(Outcome::Stopped(invalid_expression(&message))),
        };
        let of = health::Pass {
            generation: seen.object.metadata.generation,
            revision: job.artifact.revision.clone(),
            request: seen
                .object
                .metadata
                .reconcile_request()
                .unwrap_or_default()
                .into(),
        };
        let work = Work {
            seen,
            job,
            client: self.client_for(job.identity.as_deref()),
        };
        if let Some(mut waiting) = self.resume(seen, &of) {
            health::look(&work.client, &mut waiting, &evaluators).await;
            return Ok(self.judge(&work, waiting));
        }
        let base = Applied {
            revision: revision(&job.artifact),
            started,
            ..Applied::default()
        };
        if let Some(known) = self.unmoved(&work, &base) {
            return self.check_health(&work, of, known, &evaluators).await;
        }
        let Some(tree) = self.storage.tree(&job.artifact) else {
            let wait = self.policy.requeue_dependency;
            let wait_text = plan::conclusion::go_duration(wait);
            return Ok(Outcome::Stopped(Stop {
                reason: reason::ARTIFACT_FAILED,
                message: format!(
                    "Source is not ready, artifact not found, retrying in {wait_text}"
                ),
                stalled: false,
                event: None,
                next: Next::After(wait),
            }));
        };
        let built = match self.build(seen, &tree).await {
            Ok(built) => built,
            Err(build::Stop::Path(message)) => {
                return Ok(failed(reason::ARTIFACT_FAILED, message, None, None));
            }
            Err(build::Stop::Build(message)) => {
                return Ok(failed(
                    reason::BUILD_FAILED,
                    message,
                    Some(revision(&job.artifact)),
                    None,
                ));
            }
        };
        let base = Applied {
            digest: built.digest.clone(),
            ..base
        };
        let applied = match self.apply(&work, built, base).await {
            Ok(applied) => applied,
            Err(outcome) => return Ok(*outcome),
        };
        self.check_health(&work, of, applied, &evaluators).await
    }

    /// The open health check of the same pass, unless something has moved that an apply would put right.
    fn resume(&self, seen: &Seen, of: &health::Pass) -> Option<Waiting> {
        let key = key(seen);
        let mut view = self.view.lock();
        let drifted = view.drifted(&key);
        let waiting = view.memories.get_mut(&key)?.waiting.take()?;
        (waiting.of == *of && !drifted).then_some(waiting)
    }

    async fn check_health(
        &self,
        work: &Work<'_>,
        of: health::Pass,
        (applied, changes): (Applied, krm::changeset::ChangeSet),
        evaluators: &health::Evaluators,
    ) -> Result<Outcome, cluster::Error> {
        let object = &work.seen.object;
        if !object.spec.wait && object.spec.health_checks.is_empty() {
            return Ok(Outcome::Done(applied));
        }
        let targets =
            match health::targets(&self.client, object, &changes, &self.policy.unserved).await {
                Ok(targets) => targets,
                Err(error) => {
                    return Ok(failed(
                        reason::HEALTH_CHECK_FAILED,
                        error.to_string(),
                        Some(applied.revision.clone()),
                        Some(applied),
                    ));
                }
            };
        if targets.is_empty() {
            return Ok(Outcome::Done(applied));
        }
        let states = {
            let view = self.view.lock();
            let clean = view
                .memories
                .get(&key(work.seen))
                .and_then(|memory| memory.clean.as_ref());
            health::begin(&targets, clean, |id| view.version_of(id))
        };
        let mut waiting = Waiting {
            of,
            applied,
            states,
            resources: targets.into_iter().collect(),
            stirred: HashSet::new(),
            started: self.cx.clock.now(),
        };
        health::look(&work.client, &mut waiting, evaluators).await;
        Ok(self.judge(work, waiting))
    }

    /// Adds up an open health check: passed, failed, or parked again.
    fn judge(&self, work: &Work<'_>, mut waiting: Waiting) -> Outcome {
        let late = self.cx.clock.now() >= deadline(waiting.started, work.job);
        let verdict = match plan::health::judge(&waiting.states, self.policy.fail_fast) {
            Health::Healthy => Ok(true),
            Health::Waiting(_) if late => Err(plan::health::timed_out(&waiting.states)),
            Health::Waiting(_) => Ok(false),
            Health::Failed(message) => Err(message),
        };
        let started = waiting.started;
        let with = |applied: Applied, result| Applied {
            health: Some(HealthCheck { started, result }),
            ..applied
        };
        let mut view = self.view.lock();
        match verdict {
            Ok(false) => {
                let applied = with(waiting.applied.clone(), None);
                waiting.applied.told = true;
                view.memories.entry(key(work.seen)).or_default().waiting = Some(waiting);
                Outcome::Waiting(applied)
            }
            Ok(true) => {
                let healthy = waiting
                    .states
                    .keys()
                    .filter_map(|id| Some((id.clone(), view.version_of(id)?)))
                    .collect();
                if let Some(clean) = view
                    .memories
                    .entry(key(work.seen))
                    .or_default()
                    .clean
                    .as_mut()
                {
                    clean.healthy = healthy;
                }
                Outcome::Done(with(waiting.applied, Some(Ok(()))))
            }
            Err(message) => {
                let revision = Some(waiting.applied.revision.clone());
                failed(
                    reason::HEALTH_CHECK_FAILED,
                    String::new(),
                    revision,
                    Some(with(waiting.applied, Some(Err(message)))),
                )
            }
        }
    }

    /// Deletes what a deleted Kustomization applied, as its policy says.
    async fn clean(&self, seen: &Seen, clean: Clean) -> Result<Vec<Told>, cluster::Error> {
        self.view.lock().memories.remove(&key(seen));
        if clean.objects.is_empty() {
            return Ok(Vec::new());
        }
        let tell = |severity, message: String| {
            let revision = &seen.object.status.last_applied_revision;
            let metadata = [(
                format!("{}/revision", plan::kustomization::GROUP),
                revision.clone(),
            )]
            .into();
            vec![Told {
                severity,
                reason: reason::PROGRESSING.into(),
                message,
                metadata,
            }]
        };
        if let Some(account) = &clean.account {
            let resource = Resource::new("v1", "ServiceAccount", "serviceaccounts", true);
            if self
                .client
                .find(&resource, &account.namespace, &account.name)
                .await?
                .is_none()
            {
                // T05: never with the controller's own rights instead.
                let list: Vec<_> = clean.objects.iter().map(|(id, _)| id.to_string()).collect();
                return Ok(tell(
                    Severity::Error,
                    format!("unable to prune objects: \n{}", list.join("\n")),
                ));
            }
        }
        let client = self.client_for(clean.identity.as_deref());
        let Seen { object, .. } = seen;
        let owner = Owner {
            manager: &self.manager,
            name: &object.metadata.name,
            namespace: &object.metadata.namespace,
        };
        let targets = clean.objects.clone();
        let pruned = prune::delete_all(&client, targets, owner).await;
        if let Some((_, message)) = pruned.survivors.first() {
            tracing::error!(object = %key(seen), message, "pruning for deleted resource failed");
            return Err(cluster::Error::Answer(format!(
                "delete failed, errors: {message}"
            )));
        }
        if let Some(wait) = clean.wait {
            self.await_gone(&client, &clean.objects, self.cx.clock.after(wait))
                .await;
        }
        Ok(tell(Severity::Info, pruned.changes.to_string()))
    }

    async fn await_gone(
        &self,
        client: &Client,
        objects: &[(krm::ObjectId, String)],
        deadline: Timestamp,
    ) {
        for (id, version) in objects {
            let gvk = krm::Gvk {
                group: id.group.clone(),
                version: version.clone(),
                kind: id.kind.clone(),
            };
            let Ok(resource) = client.resource(&gvk).await else {
                continue;
            };
            let Ok(Some(live)) = client.find(&resource, &id.namespace, &id.name).await else {
                continue;
            };
            if cluster::wait::until_gone(client, &resource, id, live.uid(), deadline)
                .await
                .is_err()
            {
                tracing::error!(object = %id, "failed to wait for resources termination");
            }
        }
    }

    fn client_for(&self, identity: Option<&str>) -> Client {
        identity.map_or_else(
            || self.client.clone(),
            |user| self.client.impersonating(user),
        )
    }
}

fn key(seen: &Seen) -> Key {
    Key::new(&seen.object.metadata.namespace, &seen.object.metadata.name)
}

fn deadline(started: Timestamp, job: &Job) -> Timestamp {
    started + jiff::SignedDuration::try_from(job.timeout).unwrap_or(jiff::SignedDuration::MAX)
}

fn revision(artifact: &Artifact) -> Revision {
    let origin = artifact
        .metadata
        .get("org.opencontainers.image.revision")
        .cloned()
        .unwrap_or_default();
    Revision {
        revision: artifact.revision.clone(),
        origin,
    }
}

fn failed(
    reason: &'static str,
    message: String,
    revision: Option<Revision>,
    applied: Option<Applied>,
) -> Outcome {
    Outcome::Failed(Failed {
        reason,
        message,
        revision,
        applied,
    })
}

fn invalid_expression(message: &str) -> Stop {
    let message = format!("Reconciliation failed terminally due to configuration error: {message}");
    let event = Some((Severity::Error, message.clone()));
    Stop {
        reason: reason::INVALID_CEL_EXPRESSION,
        message,
        stalled: true,
        event,
        next: Next::Never,
    }
}
