//! What to do with a GitRepository, and what to say of what was done.

use std::collections::BTreeMap;
use std::time::Duration;

use api::condition::{self, Mark};
use api::git_reference::Reference;
use api::git_repository::{GitProvider, GitRepositoryStatus};
use api::names::{self, reason};
use api::{Artifact, GitRepository, GoDuration};
use jiff::Timestamp;

use crate::{Conclusion, Event, Next, Severity};

const GROUP: &str = "source.toolkit.fluxcd.io";

/// A GitRepository and everything the decision about it depends on.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The object.
    pub object: GitRepository,
    /// Whether the artifact its status names lies in storage, whole.
    pub stored: bool,
    /// Whether the URL is mapped onto a local directory.
    pub mapped: bool,
}

/// What to do.
#[derive(Clone, Debug)]
pub enum Gate {
    /// Resolve the reference and fetch what is new.
    Go(Job),
    /// The object is being deleted: its artifacts go.
    Clean,
    /// Nothing, until the object changes.
    Stop {
        /// The conditions' reason.
        reason: &'static str,
        /// The conditions' message.
        message: String,
    },
    /// Nothing at all: suspended.
    Rest,
}

/// What a pass works from.
#[derive(Clone, Debug)]
pub struct Job {
    /// What to fetch.
    pub reference: Reference,
    /// The artifact that is already there and still describes the same content.
    pub current: Option<Artifact>,
    /// How long fetching may take.
    pub timeout: Duration,
}

/// Decides what to do.
pub fn gate(seen: &Seen) -> Gate {
    let object = &seen.object;
    let spec = &object.spec;
    if object.metadata.is_deleting() {
        return Gate::Clean;
    }
    if spec.suspend {
        return Gate::Rest;
    }
    let provider = spec.provider.unwrap_or(GitProvider::Generic);
    let unbuilt = [
        ("spec.verify", spec.verify.is_some()),
        ("spec.include", !spec.include.is_empty()),
        ("spec.recurseSubmodules", spec.recurse_submodules),
        ("spec.sparseCheckout", !spec.sparse_checkout.is_empty()),
        (
            "spec.proxySecretRef",
            spec.proxy_secret_ref.is_some() && !seen.mapped,
        ),
        (
            "spec.provider",
            provider != GitProvider::Generic && !seen.mapped,
        ),
        (
            "spec.url with the scheme ssh",
            spec.url.starts_with("ssh://") && !seen.mapped,
        ),
    ];
    let unbuilt: Vec<_> = unbuilt
        .into_iter()
        .filter_map(|(field, set)| set.then_some(field))
        .collect();
    if !unbuilt.is_empty() {
        let message = format!(
            "{} is not supported by this version of Weir",
            unbuilt.join(", ")
        );
        return Gate::Stop {
            reason: reason::GIT_OPERATION_FAILED,
            message,
        };
    }
    let same_content = object.status.observed_ignore == spec.ignore;
    let current = object
        .status
        .artifact
        .clone()
        .filter(|_| seen.stored && same_content);
    let timeout = spec
        .timeout
        .map_or(Duration::from_secs(60), GoDuration::to_std);
    Gate::Go(Job {
        reference: Reference::of(spec.r#ref.as_ref()),
        current,
        timeout,
    })
}

/// What came of a pass.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It stopped before it began.
    Stopped {
        /// The conditions' reason.
        reason: &'static str,
        /// The conditions' message.
        message: String,
    },
    /// Fetching or storing failed.
    Failed {
        /// The condition that says so: `FetchFailed` or `StorageOperationFailed`.
        condition: &'static str,
        /// The conditions' reason.
        reason: &'static str,
        /// The conditions' message.
        message: String,
    },
    /// The remote is where it was.
    Unchanged,
    /// A new artifact lies in storage.
    Stored {
        /// The artifact.
        artifact: Artifact,
        /// What to call the commit in the event: its first line, or the revision.
        commit: String,
    },
}

/// Turns what came of a pass into status, events and the next wake-up.
pub fn conclude(seen: &Seen, outcome: Outcome, now: Timestamp) -> Conclusion<GitRepositoryStatus> {
    let object = &seen.object;
    let generation = object.metadata.generation;
    let mut status = object.status.clone();
    let mut events = Vec::new();
    let mut mark = |status: &mut GitRepositoryStatus, mark: Mark| {
        condition::set(&mut status.conditions, mark, generation, now.into());
    };
    if let Some(request) = object.metadata.reconcile_request() {
        status.last_handled_reconcile_at = request.into();
    }
    let failed_before = [names::FETCH_FAILED, names::STORAGE_OPERATION_FAILED]
        .iter()
        .any(|kind| condition::is_true(&status.conditions, kind));
    let interval = Next::Interval(object.spec.interval.to_std());
    let next = match outcome {
        Outcome::Stopped { reason, message } => {
            condition::remove(&mut status.conditions, names::RECONCILING);
            mark(
                &mut status,
                Mark::yes(names::STALLED, reason, message.clone()),
            );
            mark(
                &mut status,
                Mark::yes(names::FETCH_FAILED, reason, message.clone()),
            );
            mark(&mut status, Mark::no(names::READY, reason, message.clone()));
            status.observed_generation = generation;
            events.push(event(Severity::Error, reason, message, None));
            Next::Never
        }
        Outcome::Failed {
            condition: kind,
            reason,
            message,
        } => {
            condition::remove(&mut status.conditions, names::STALLED);
            mark(&mut status, Mark::yes(kind, reason, message.clone()));
            mark(&mut status, Mark::no(names::READY, reason, message.clone()));
            let retrying = match &status.artifact {
                None => "building artifact".to_owned(),
                Some(_) => message.clone(),
            };
            mark(
                &mut status,
                Mark::yes(names::RECONCILING, reason::PROGRESSING_WITH_RETRY, retrying),
            );
            events.push(event(Severity::Error, reason, message, None));
            Next::Backoff
        }
        Outcome::Unchanged => {
            succeed(&mut status, &mut mark, generation);
            if failed_before && let Some(artifact) = &status.artifact {
                let message = format!("stored artifact for commit '{}'", artifact.revision);
                events.push(event(
                    Severity::Info,
                    reason::SUCCEEDED,
                    message,
                    Some(artifact),
                ));
            }
            interval
        }
        Outcome::Stored { artifact, commit } => {
            let known = status
                .artifact
                .as_ref()
                .is_some_and(|old| old.digest == artifact.digest);
            let message = format!("stored artifact for commit '{commit}'");
            if !known {
                events.push(event(
                    Severity::Info,
                    reason::NEW_ARTIFACT,
                    message,
                    Some(&artifact),
                ));
            } else if failed_before {
                events.push(event(
                    Severity::Info,
                    reason::SUCCEEDED,
                    message,
                    Some(&artifact),
                ));
            }
            status.artifact = Some(artifact);
            status.observed_ignore = object.spec.ignore.clone();
            succeed(&mut status, &mut mark, generation);
            interval
        }
    };
    Conclusion {
        status: Some(status),
        finalized: false,
        events,
        next,
    }
}

fn succeed(
    status: &mut GitRepositoryStatus,
    mark: &mut impl FnMut(&mut GitRepositoryStatus, Mark),
    generation: i64,
) {
    for gone in [
        names::STALLED,
        names::RECONCILING,
        names::FETCH_FAILED,
        names::STORAGE_OPERATION_FAILED,
        names::ARTIFACT_OUTDATED,
    ] {
        condition::remove(&mut status.conditions, gone);
    }
    let revision = status
        .artifact
        .as_ref()
        .map(|artifact| artifact.revision.clone())
        .unwrap_or_default();
    let message = format!("stored artifact for revision '{revision}'");
    mark(
        status,
        Mark::yes(names::READY, reason::SUCCEEDED, message.clone()),
    );
    mark(
        status,
        Mark::yes(names::ARTIFACT_IN_STORAGE, reason::SUCCEEDED, message),
    );
    status.observed_generation = generation;
}

fn event(severity: Severity, reason: &str, message: String, artifact: Option<&Artifact>) -> Event {
    let mut metadata = BTreeMap::new();
    if let Some(artifact) = artifact {
        metadata.insert(format!("{GROUP}/revision"), artifact.revision.clone());
        metadata.insert(format!("{GROUP}/digest"), artifact.digest.clone());
    }
    Event {
        severity,
        reason: reason.into(),
        message,
        metadata,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use krm::{Object, Value, json};

    fn seen(spec: Value, status: Value) -> Seen {
        let mut object = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "fleet", "namespace": "flux-system", "generation": 2},
            "spec": {"interval": "1m", "url": "https://example.com/fleet"}, "status": status});
        for (key, value) in spec.as_object().unwrap() {
            object["spec"][key] = value.clone();
        }
        let object = api::parse(&Object::try_from(object).unwrap()).unwrap();
        Seen {
            object,
            stored: true,
            mapped: false,
        }
    }

    fn artifact(revision: &str, digest: &str) -> Artifact {
        serde_json::from_value(json!({"digest": digest, "lastUpdateTime": "2026-01-01T00:00:00Z", "path": "p", "url": "u", "revision": revision})).unwrap()
    }

    #[test]
    fn a_new_artifact_is_told_and_an_old_one_is_not() {
        let seen = seen(json!({}), json!({}));
        let stored = Outcome::Stored {
            artifact: artifact("main@sha1:1", "sha256:a"),
            commit: "fix".into(),
        };
        let first = conclude(&seen, stored.clone(), Timestamp::UNIX_EPOCH);
        let status = first.status.unwrap();
        assert_eq!(first.events[0].message, "stored artifact for commit 'fix'");
        assert_eq!(
            condition::get(&status.conditions, "Ready").unwrap().message,
            "stored artifact for revision 'main@sha1:1'"
        );
        let again = Seen {
            object: GitRepository {
                status: status.clone(),
                ..seen.object.clone()
            },
            ..seen
        };
        let second = conclude(&again, stored, Timestamp::UNIX_EPOCH);
        assert!(second.events.is_empty());
        assert_eq!(second.status.unwrap(), status);
    }

    #[test]
    fn a_failed_fetch_keeps_the_artifact() {
        let mut seen = seen(json!({}), json!({}));
        seen.object.status.artifact = Some(artifact("main@sha1:1", "sha256:a"));
        let failed = Outcome::Failed {
            condition: names::FETCH_FAILED,
            reason: reason::GIT_OPERATION_FAILED,
            message: "failed to checkout".into(),
        };
        let conclusion = conclude(&seen, failed, Timestamp::UNIX_EPOCH);
        let status = conclusion.status.unwrap();
        assert!(status.artifact.is_some());
        assert!(
            condition::is_true(&status.conditions, "FetchFailed")
                && condition::is_false(&status.conditions, "Ready")
        );
        assert_eq!(conclusion.next, Next::Backoff);
    }

    #[test]
    fn what_is_not_built_yet_stalls() {
        let Gate::Stop { message, .. } = gate(&seen(
            json!({"verify": {"secretRef": {"name": "keys"}}}),
            json!({}),
        )) else {
            panic!("expected to stop")
        };
        assert_eq!(
            message,
            "spec.verify is not supported by this version of Weir"
        );
    }
}
