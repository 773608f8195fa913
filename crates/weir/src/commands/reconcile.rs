//! `reconcile`: asks for a reconciliation and waits for its end.

use std::process::ExitCode;

use anyhow::{Context, bail};
use api::{KINDS, Kind, names};
use cluster::{Error, Patch, Query, Resource, Target};
use krm::status::{self, Status};
use krm::{Object, Value, json};

use super::{Outcome, served};
use crate::follow::{self, Subject};
use crate::global::Global;
use crate::noun;
use crate::row::{self, text};
use crate::session::Session;
use crate::terminal;

/// Reconcile an object now, and wait until that is done
#[derive(clap::Args)]
#[command(after_help = noun::help())]
pub(crate) struct Args {
    /// What to reconcile, such as `kustomization` or `source git`, and which one
    #[arg(value_name = "KIND NAME")]
    words: Vec<String>,
    /// Reconcile the object's source first
    #[arg(long)]
    with_source: bool,
}

pub(crate) async fn run(global: &Global, args: &Args) -> Outcome {
    let (kind, names) = noun::one(&args.words, "reconcile")?;
    if kind.cli.is_static || matches!(kind.kind, "ExternalArtifact" | "ArtifactGenerator") {
        bail!(
            "flux reconcile has no {:?}: objects of kind {} are not reconciled on request",
            kind.cli.noun,
            kind.kind
        );
    }
    let has_source = matches!(kind.kind, "Kustomization" | "HelmRelease" | "HelmChart");
    if args.with_source && !has_source {
        bail!("unknown flag: --with-source");
    }
    let name = names
        .first()
        .with_context(|| format!("{} name is required", kind.kind))?;
    let session = Session::start(global).await?;
    session.announce();
    session
        .within(async { Ok(served::ensure(&session, kind).await) })
        .await??;
    let job = Job {
        kind,
        namespace: session.namespace.clone(),
        name: name.clone(),
        with_source: args.with_source,
    };
    job.run(&session).await?;
    Ok(ExitCode::SUCCESS)
}

/// An object to reconcile.
struct Job {
    kind: &'static Kind,
    namespace: String,
    name: String,
    with_source: bool,
}

impl Job {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let Self {
            kind,
            namespace,
            name,
            ..
        } = self;
        let resource = session.within(session.resource(kind)).await?;
        let object = session
            .within(session.client.get(&resource, namespace, name))
            .await?;
        if row::is_suspended(kind, &object) {
            bail!("resource is suspended");
        }
        if row::is_static(kind, &object) {
            terminal::success("reconciliation not supported by the object");
            return Ok(());
        }
        if self.with_source {
            let source = self.source(&object)?;
            Box::pin(source.run(session)).await?;
        }
        let before = text(&object, "/status/lastHandledReconcileAt").to_owned();
        terminal::action(&format!(
            "annotating {} {name} in {namespace} namespace",
            kind.kind
        ));
        session
            .within(request(session, &resource, namespace, name))
            .await?;
        terminal::success(&format!("{} annotated", kind.kind));
        terminal::waiting(&format!("waiting for {} reconciliation", kind.kind));
        let subject = Subject {
            resource: &resource,
            namespace,
            name,
        };
        let mut last = String::new();
        let judge = |object: &Object| {
            let ready = row::condition(object, names::READY);
            let message = ready.and_then(|ready| ready["message"].as_str());
            message.unwrap_or_default().clone_into(&mut last);
            handled(kind, object, &before)
        };
        let outcome = follow::until(&session.client, &subject, session.deadline, judge).await;
        if matches!(outcome, Err(Error::Deadline)) && !last.is_empty() {
            terminal::warning(&format!("{} {name}: {last}", kind.kind));
        }
        terminal::success(&outcome?.map_err(anyhow::Error::msg)?);
        Ok(())
    }

    /// What the object takes its content from; a chart is always reconciled with what it comes from.
    fn source(&self, object: &Object) -> anyhow::Result<Self> {
        let (place, chart) = match self.kind.kind {
            "HelmRelease" if object.pointer("/spec/chartRef").is_some() => {
                ("/spec/chartRef", false)
            }
            "HelmRelease" => ("/spec/chart/spec/sourceRef", true),
            _ => ("/spec/sourceRef", false),
        };
        let reference = object.pointer(place).context("the object has no source")?;
        let part = |key: &str| {
            reference
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let namespace = match part("namespace") {
            "" => self.namespace.clone(),
            namespace => namespace.to_owned(),
        };
        let (kind, name) = if chart {
            ("HelmChart", format!("{}-{}", self.namespace, self.name))
        } else {
            (part("kind"), part("name").to_owned())
        };
        let reconcilable = [
            "GitRepository",
            "OCIRepository",
            "HelmRepository",
            "HelmChart",
            "Bucket",
        ];
        let row = KINDS
            .into_iter()
            .find(|row| row.kind == kind && reconcilable.contains(&row.kind));
        let row = row.with_context(|| format!("cannot reconcile source of kind {kind}"))?;
        Ok(Self {
            kind: row,
            namespace,
            name,
            with_source: kind == "HelmChart",
        })
    }
}

/// Asks for a reconciliation: the annotation's value is only ever compared.
async fn request(
    session: &Session,
    resource: &Resource,
    namespace: &str,
    name: &str,
) -> Result<(), Error> {
    let now = session.client.clock().now().to_string();
    let patch = json!({"metadata": {"annotations": {names::RECONCILE_REQUESTED_AT: now}}});
    let query = Query::new().with("fieldManager", names::INSTALL_MANAGER);
    session
        .client
        .patch(
            Target {
                resource,
                namespace,
                name,
            },
            Patch::Merge,
            &patch,
            query,
        )
        .await
        .map(drop)
}

/// What became of a request that came after `before` was handled, once something did: the success' text, or the failure's.
///
/// A pass that failed is a failure at once, unless it only waits for a dependency.
fn handled(kind: &Kind, object: &Object, before: &str) -> Option<Result<String, String>> {
    if text(object, "/status/lastHandledReconcileAt") == before {
        return None;
    }
    let verdict = status::compute(object);
    let ready = row::condition(object, names::READY);
    let part = |key: &str| {
        ready
            .and_then(|ready| ready[key].as_str())
            .unwrap_or_default()
    };
    match verdict.status {
        Status::Failed | Status::Terminating => Some(Err(verdict.message)),
        Status::Current if part("status") == "True" => Some(Ok(success(kind, object))),
        _ if part("status") == "False" && part("reason") != names::reason::DEPENDENCY_NOT_READY => {
            let is_quoted = !matches!(kind.kind, "Kustomization" | "HelmRelease" | "HelmChart");
            let quote = if is_quoted { "'" } else { "" };
            Some(Err(format!(
                "{} reconciliation failed: {quote}{}{quote}",
                kind.kind,
                part("message")
            )))
        }
        Status::Current => Some(Err("status can't be determined".into())),
        _ => None,
    }
}

/// What is said of an object that is reconciled.
pub(super) fn success(kind: &Kind, object: &Object) -> String {
    match kind.kind {
        "Kustomization" | "HelmRelease" => {
            format!("applied revision {}", row::revision(kind, object))
        }
        "ImageRepository" => {
            let count = object
                .pointer("/status/lastScanResult/tagCount")
                .and_then(Value::as_i64)
                .unwrap_or_default();
            format!("scan fetched {count} tags")
        }
        "ImagePolicy" => {
            let digest = text(object, "/status/latestRef/digest");
            let at = if digest.is_empty() { "" } else { "@" };
            format!(
                "selected ref {}:{}{at}{digest}",
                text(object, "/status/latestRef/name"),
                text(object, "/status/latestRef/tag")
            )
        }
        "ImageUpdateAutomation" => {
            let ready = row::condition(object, names::READY);
            ready
                .and_then(|ready| ready["message"].as_str())
                .unwrap_or_default()
                .to_owned()
        }
        "Receiver" | "Alert" | "Provider" => format!("{} reconciliation completed", kind.kind),
        _ => format!("fetched revision {}", row::revision(kind, object)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(kind: &str, status: Value) -> Option<Result<String, String>> {
        let kind = KINDS.into_iter().find(|row| row.kind == kind).unwrap();
        let value = json!({"apiVersion": kind.api_version(), "kind": kind.kind, "metadata": {"generation": 2}, "status": status});
        handled(kind, &Object::try_from(value).unwrap(), "before")
    }

    fn status(ready: &str, reason: &str, more: Value) -> Value {
        let mut status = json!({
            "lastHandledReconcileAt": "after",
            "observedGeneration": 2,
            "lastAppliedRevision": "main@sha1:1",
            "artifact": {"revision": "main@sha1:1"},
            "conditions": [{"type": "Ready", "status": ready, "reason": reason, "message": "m"}],
        });
        for (key, value) in more.as_object().unwrap() {
            status[key] = value.clone();
        }
        status
    }

    #[test]
    fn a_request_is_over_when_it_was_handled() {
        let before = json!({"lastHandledReconcileAt": "before"});
        assert_eq!(
            judged("Kustomization", status("True", "Succeeded", before)),
            None
        );
        assert_eq!(
            judged("Kustomization", status("Unknown", "Progressing", json!({}))),
            None
        );
        assert_eq!(
            judged(
                "Kustomization",
                status("True", "Succeeded", json!({"observedGeneration": 1}))
            ),
            None
        );
        let ok = judged("Kustomization", status("True", "Succeeded", json!({})));
        assert_eq!(ok, Some(Ok("applied revision main@sha1:1".into())));
        let ok = judged("GitRepository", status("True", "Succeeded", json!({})));
        assert_eq!(ok, Some(Ok("fetched revision main@sha1:1".into())));
    }

    #[test]
    fn a_failed_pass_is_told_at_once_but_a_dependency_is_waited_for() {
        let failed = |kind| judged(kind, status("False", "BuildFailed", json!({})));
        assert_eq!(
            failed("Kustomization"),
            Some(Err("Kustomization reconciliation failed: m".into()))
        );
        assert_eq!(
            failed("GitRepository"),
            Some(Err("GitRepository reconciliation failed: 'm'".into()))
        );
        assert_eq!(
            judged(
                "Kustomization",
                status("False", "DependencyNotReady", json!({}))
            ),
            None
        );
        let stalled =
            json!({"conditions": [{"type": "Stalled", "status": "True", "message": "bad URL"}]});
        assert_eq!(
            judged("GitRepository", status("False", "URLInvalid", stalled)),
            Some(Err("bad URL".into()))
        );
    }
}
