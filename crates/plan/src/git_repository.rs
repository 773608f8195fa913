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
    let mut status = object.status.clone();
    if let Some(request) = object.metadata.reconcile_request() {
        status.last_handled_reconcile_at = request.into();
    }
    let mut story = Story {
        object,
        status,
        events: Vec::new(),
        now,
    };
    let next = match outcome {
        Outcome::Stopped { reason, message } => story.stopped(reason, message),
        Outcome::Failed {
            condition,
            reason,
            message,
        } => story.failed(condition, reason, message),
        Outcome::Unchanged => story.unchanged(),
        Outcome::Stored { artifact, commit } => story.stored(artifact, &commit),
    };
    Conclusion {
        status: Some(story.status),
        finalized: false,
        events: story.events,
        next,
    }
}

struct Story<'a> {
    object: &'a GitRepository,
    status: GitRepositoryStatus,
    events: Vec<Event>,
    now: Timestamp,
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

    fn stopped(&mut self, reason: &'static str, message: String) -> Next {
        condition::remove(&mut self.status.conditions, names::RECONCILING);
        self.mark(Mark::yes(names::STALLED, reason, message.clone()));
        self.mark(Mark::yes(names::FETCH_FAILED, reason, message.clone()));
        self.mark(Mark::no(names::READY, reason, message.clone()));
        self.status.observed_generation = self.object.metadata.generation;
        self.events
            .push(event(Severity::Error, reason, message, None));
        Next::Never
    }

    fn failed(&mut self, kind: &'static str, reason: &'static str, message: String) -> Next {
        condition::remove(&mut self.status.conditions, names::STALLED);
        self.mark(Mark::yes(kind, reason, message.clone()));
        self.mark(Mark::no(names::READY, reason, message.clone()));
        let retrying = match &self.status.artifact {
            None => "building artifact".to_owned(),
            Some(_) => message.clone(),
        };
        self.mark(Mark::yes(
            names::RECONCILING,
            reason::PROGRESSING_WITH_RETRY,
            retrying,
        ));
        self.events
            .push(event(Severity::Error, reason, message, None));
        Next::Backoff
    }

    fn unchanged(&mut self) -> Next {
        if self.failed_before()
            && let Some(artifact) = &self.status.artifact
        {
            let message = format!("stored artifact for commit '{}'", artifact.revision);
            self.events.push(event(
                Severity::Info,
                reason::SUCCEEDED,
                message,
                Some(artifact),
            ));
        }
        self.succeeded()
    }

    /// A new artifact is told as such, a known one only where something was wrong before.
    fn stored(&mut self, artifact: Artifact, commit: &str) -> Next {
        let known = self
            .status
            .artifact
            .as_ref()
            .is_some_and(|old| old.digest == artifact.digest);
        let told = match (known, self.failed_before()) {
            (false, _) => Some(reason::NEW_ARTIFACT),
            (true, true) => Some(reason::SUCCEEDED),
            (true, false) => None,
        };
        if let Some(reason) = told {
            let message = format!("stored artifact for commit '{commit}'");
            self.events
                .push(event(Severity::Info, reason, message, Some(&artifact)));
        }
        self.status.artifact = Some(artifact);
        self.status.observed_ignore = self.object.spec.ignore.clone();
        self.succeeded()
    }

    fn failed_before(&self) -> bool {
        [names::FETCH_FAILED, names::STORAGE_OPERATION_FAILED]
            .iter()
            .any(|kind| condition::is_true(&self.status.conditions, kind))
    }

    fn succeeded(&mut self) -> Next {
        for gone in [
            names::STALLED,
            names::RECONCILING,
            names::FETCH_FAILED,
            names::STORAGE_OPERATION_FAILED,
            names::ARTIFACT_OUTDATED,
        ] {
            condition::remove(&mut self.status.conditions, gone);
        }
        let revision = self
            .status
            .artifact
            .as_ref()
            .map(|artifact| artifact.revision.clone())
            .unwrap_or_default();
        let message = format!("stored artifact for revision '{revision}'");
        self.mark(Mark::yes(names::READY, reason::SUCCEEDED, message.clone()));
        self.mark(Mark::yes(
            names::ARTIFACT_IN_STORAGE,
            reason::SUCCEEDED,
            message,
        ));
        self.status.observed_generation = self.object.metadata.generation;
        Next::Interval(self.object.spec.interval.to_std())
    }
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
