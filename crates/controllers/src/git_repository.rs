//! `GitRepository`: look where the reference points, and store what is new.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use api::names::{self, reason};
use api::{GitRepository, git_repository::GIT_REPOSITORY};
use cluster::Client;
use cluster::watch::{Change, Scope};
use krm::Object;
use parking_lot::Mutex;
use plan::git_repository::{Gate, Job, Outcome, Seen, conclude, gate};
use plan::{Conclusion, Key, Next};
use source::{Mapping, Mappings, Slot, Storage};

use crate::commit;
use crate::runtime::{self, Context, Controller, Event, Inbox, Pass, resource_of};
use crate::store::{self, key_of};

/// How soon a directory is read again that somebody was writing to.
const UNSETTLED: Duration = Duration::from_millis(20);

/// Runs until dropped: reconciles every GitRepository, as source-controller does.
pub async fn run(cx: Context, storage: Storage, mappings: Arc<Mappings>, inbox: Inbox) {
    let controller = GitRepositories {
        client: cx.client.clone(),
        cx: cx.clone(),
        storage,
        mappings,
        objects: Mutex::default(),
    };
    runtime::run(cx, Arc::new(controller), inbox).await;
}

struct GitRepositories {
    cx: Context,
    client: Client,
    storage: Storage,
    mappings: Arc<Mappings>,
    objects: Mutex<HashMap<Key, Arc<Object>>>,
}

impl Controller for GitRepositories {
    fn kind(&self) -> &'static api::Kind {
        &GIT_REPOSITORY
    }

    fn status_manager(&self) -> &'static str {
        names::SOURCE_MANAGER
    }

    fn watches(&self) -> Vec<Scope> {
        vec![Scope::all(resource_of(&GIT_REPOSITORY))]
    }

    fn observe(&self, event: &Event) -> Vec<Key> {
        let mut objects = self.objects.lock();
        match event {
            Event::Watched {
                change: Change::Applied(object),
                ..
            } => {
                let called = store::insert(&mut objects, object)
                    .is_some_and(|old| store::calls(old.as_deref(), object));
                if called {
                    vec![key_of(object)]
                } else {
                    Vec::new()
                }
            }
            Event::Watched {
                change: Change::Deleted(object),
                ..
            } => {
                objects.remove(&key_of(object));
                self.storage.remove(&slot(object));
                Vec::new()
            }
            Event::Watched { .. } => Vec::new(),
            Event::Mapped(url) => {
                let Some(mapping) = self.mappings.find(url) else {
                    return Vec::new();
                };
                let uses = |object: &Object| {
                    let url = object.pointer("/spec/url").and_then(krm::Value::as_str);
                    url.and_then(|url| self.mappings.find(url)) == Some(mapping)
                };
                objects
                    .iter()
                    .filter(|(_, object)| uses(object))
                    .map(|(key, _)| key.clone())
                    .collect()
            }
        }
    }

    async fn reconcile(&self, key: &Key) -> Result<Pass, cluster::Error> {
        let Some(mut object) = self.objects.lock().get(key).cloned() else {
            return Ok(Pass::gone());
        };
        let seen = match api::parse::<GitRepository>(&object) {
            Ok(parsed) => self.see(parsed),
            Err(error) => {
                tracing::error!(object = %key, %error, "this object cannot be read; the others go on");
                return Ok(Pass {
                    object: Some(object),
                    conclusion: Conclusion::nothing(),
                });
            }
        };
        let outcome = match gate(&seen) {
            Gate::Rest => {
                return Ok(Pass {
                    object: Some(object),
                    conclusion: Conclusion::nothing(),
                });
            }
            Gate::Clean => {
                self.storage.remove(&slot(&object));
                return Ok(Pass {
                    object: Some(object),
                    conclusion: Conclusion::finalized(Vec::new()),
                });
            }
            Gate::Stop { reason, message } => Outcome::Stopped { reason, message },
            Gate::Go(job) => {
                object = self.with_finalizer(object).await?;
                match self.fetch(&seen, &job).await {
                    Fetched::Outcome(outcome) => *outcome,
                    Fetched::Unsettled => {
                        let conclusion = Conclusion {
                            next: Next::After(UNSETTLED),
                            ..Conclusion::nothing()
                        };
                        return Ok(Pass {
                            object: Some(object),
                            conclusion,
                        });
                    }
                }
            }
        };
        let conclusion = conclude(&seen, outcome, self.cx.clock.now());
        Ok(Pass {
            object: Some(object),
            conclusion: conclusion.map(|status| store::to_value(&status)),
        })
    }
}

enum Fetched {
    Outcome(Box<Outcome>),
    /// Somebody writes to the directory just now.
    Unsettled,
}

impl GitRepositories {
    fn see(&self, object: GitRepository) -> Seen {
        let stored = object
            .status
            .artifact
            .as_ref()
            .is_some_and(|artifact| self.storage.holds(artifact));
        let mapped = self.mappings.find(&object.spec.url).is_some();
        Seen {
            object,
            stored,
            mapped,
        }
    }

    async fn with_finalizer(&self, object: Arc<Object>) -> Result<Arc<Object>, cluster::Error> {
        if object.finalizers().any(|name| name == names::FINALIZER) {
            return Ok(object);
        }
        let resource = resource_of(&GIT_REPOSITORY);
        let written =
            commit::add_finalizer(&self.client, &resource, self.status_manager(), &object).await?;
        Ok(Arc::new(written))
    }

    async fn fetch(&self, seen: &Seen, job: &Job) -> Fetched {
        let url = &seen.object.spec.url;
        let resolved = match self.mappings.find(url) {
            Some(mapping) => {
                read_mapped(mapping.clone(), job, seen.object.spec.ignore.clone()).await
            }
            None => Err(source::Error::Reference(format!(
                "failed to checkout and determine revision: unable to clone '{url}': this version of Weir reads Git repositories only where a fleet file maps them onto a local directory; add under spec.sources: - {{url: {url:?}, path: ./directory}}"
            ))),
        };
        let failed = |condition, reason, message| {
            Fetched::Outcome(Box::new(Outcome::Failed {
                condition,
                reason,
                message,
            }))
        };
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(source::Error::Unsettled(_)) => return Fetched::Unsettled,
            Err(error) => {
                return failed(
                    names::FETCH_FAILED,
                    reason::GIT_OPERATION_FAILED,
                    error.to_string(),
                );
            }
        };
        if job
            .current
            .as_ref()
            .is_some_and(|current| current.revision == resolved.revision)
        {
            return Fetched::Outcome(Box::new(Outcome::Unchanged));
        }
        let metadata = &seen.object.metadata;
        let slot = Slot {
            kind: GIT_REPOSITORY.kind.into(),
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone(),
        };
        let file = format!("{}.tar.gz", resolved.hash);
        let stored = self.storage.store(
            &slot,
            (&resolved.revision, &file),
            resolved.tree,
            self.cx.clock.now(),
        );
        match stored {
            Ok(artifact) => Fetched::Outcome(Box::new(Outcome::Stored {
                artifact,
                commit: resolved.subject,
            })),
            Err(error) => failed(
                names::STORAGE_OPERATION_FAILED,
                reason::ARCHIVE_OPERATION_FAILED,
                format!("unable to archive artifact to storage: {error}"),
            ),
        }
    }
}

/// Reads a directory on a thread that may block.
async fn read_mapped(
    mapping: Mapping,
    job: &Job,
    ignore: Option<String>,
) -> Result<source::Resolved, source::Error> {
    let reference = job.reference.clone();
    let reading = tokio::task::spawn_blocking(move || {
        source::mapped::resolve(&mapping, &reference, ignore.as_deref())
    });
    reading
        .await
        .unwrap_or_else(|error| Err(source::Error::Reference(error.to_string())))
}

fn slot(object: &Object) -> Slot {
    Slot {
        kind: GIT_REPOSITORY.kind.into(),
        namespace: object.namespace().unwrap_or_default().into(),
        name: object.name().into(),
    }
}
