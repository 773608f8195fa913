//! `wait`: until every object of the toolkit is ready.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use api::{KINDS, Kind, names};
use cluster::Error;
use cluster::watch::{self, Change, Scope};
use krm::Object;
use tokio::sync::mpsc;

use super::{Outcome, served};
use crate::global::Global;
use crate::row;
use crate::session::Session;
use crate::terminal;

/// Wait until every object of the toolkit is ready
///
/// Looks at all namespaces. Exits 0 once everything that is reconciled is ready; else 1 at the end of --timeout, with what is not ready and why,
/// root causes first.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// How an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// Ready is False, for a reason of its own.
    Failing,
    /// Nobody has said anything yet, or it is under way.
    Progressing,
    /// It waits for another object.
    Consequence,
    /// It counts as ready.
    Satisfied,
}

type Seen = BTreeMap<(usize, String, String), Arc<Object>>;

/// What a watch tells of the kind at an index of [`KINDS`].
type Word = (usize, Change);

pub(crate) async fn run(global: &Global, _args: &Args) -> Outcome {
    let session = Session::start(global).await?;
    let mut served = Vec::new();
    for (at, kind) in KINDS.into_iter().enumerate() {
        match session.within(session.resource(kind)).await {
            Ok(resource)
                if session
                    .within(async { Ok(served::is(&session, kind).await) })
                    .await? =>
            {
                served.push((at, resource))
            }
            Ok(_) | Err(Error::NoKind(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    terminal::waiting("waiting until everything is ready");
    let (tell, told) = mpsc::unbounded_channel();
    let mut watches = tokio::task::JoinSet::new();
    let count = served.len();
    for (at, resource) in served {
        let (client, tell) = (session.client.clone(), tell.clone());
        watches.spawn(async move {
            watch::run(client, Scope::all(resource), move |change| {
                // Nobody hears it only when the command is over.
                let _ = tell.send((at, change));
            })
            .await;
        });
    }
    let mut seen = Seen::new();
    let settled = settle(told, count, &mut seen);
    let outcome = session
        .client
        .clock()
        .timeout_at(session.deadline, settled)
        .await;
    watches.abort_all();
    match outcome {
        Ok(Ok(())) => {
            terminal::success(&format!("{} objects ready", seen.len()));
            Ok(ExitCode::SUCCESS)
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_) => {
            for line in report(&seen) {
                terminal::failure(&line);
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Takes in what the watches of `count` kinds tell, until all are synced and every object is satisfied.
async fn settle(
    mut told: mpsc::UnboundedReceiver<Word>,
    count: usize,
    seen: &mut Seen,
) -> Result<(), Error> {
    let mut synced = std::collections::BTreeSet::new();
    while let Some((at, change)) = told.recv().await {
        let key = |object: &Object| {
            (
                at,
                object.namespace().unwrap_or_default().to_owned(),
                object.name().to_owned(),
            )
        };
        match change {
            Change::Applied(object) => {
                seen.insert(key(&object), object);
            }
            Change::Deleted(object) => {
                seen.remove(&key(&object));
            }
            Change::Synced => {
                synced.insert(at);
            }
            Change::Failing(error) if error.is_forbidden() => return Err(error),
            Change::Failing(_) => {
                synced.remove(&at);
            }
        }
        // A burst is taken in whole before it is judged.
        let is_over = told.is_empty() && synced.len() == count;
        if is_over
            && seen
                .iter()
                .all(|((at, ..), object)| state(KINDS[*at], object) == State::Satisfied)
        {
            return Ok(());
        }
    }
    Ok(())
}

fn state(kind: &Kind, object: &Object) -> State {
    if row::is_static(kind, object) || row::is_suspended(kind, object) {
        return State::Satisfied;
    }
    let Some(ready) = row::condition(object, names::READY) else {
        return State::Progressing;
    };
    let observed = ready["observedGeneration"]
        .as_i64()
        .unwrap_or(object.generation());
    if observed != object.generation() {
        return State::Progressing;
    }
    match (ready["status"].as_str(), ready["reason"].as_str()) {
        (Some("True"), _) => State::Satisfied,
        (Some("False"), Some(names::reason::DEPENDENCY_NOT_READY)) => State::Consequence,
        (Some("False"), _) => State::Failing,
        _ => State::Progressing,
    }
}

/// What is not ready, root causes first.
fn report(seen: &Seen) -> Vec<String> {
    let mut bad: Vec<_> = seen
        .iter()
        .map(|((at, namespace, name), object)| {
            (
                state(KINDS[*at], object),
                KINDS[*at],
                namespace,
                name,
                object,
            )
        })
        .filter(|(state, ..)| *state != State::Satisfied)
        .collect();
    bad.sort_by_key(|(state, ..)| *state);
    let line =
        |(_, kind, namespace, name, object): (State, &Kind, &String, &String, &Arc<Object>)| {
            let message =
                row::condition(object, names::READY).and_then(|ready| ready["message"].as_str());
            format!(
                "{}/{namespace}/{name}: {}",
                kind.kind,
                row::shorten(message.unwrap_or("waiting to be reconciled"))
            )
        };
    bad.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use krm::{Value, json};

    use super::*;

    fn seen(objects: &[(&str, Value)]) -> Seen {
        let at = KINDS
            .iter()
            .position(|kind| kind.kind == "Kustomization")
            .unwrap();
        let object = |(name, ready): &(&str, Value)| {
            let value = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "metadata": {"name": name, "namespace": "ns", "generation": 1}, "status": {"conditions": [ready]}});
            (
                (at, "ns".to_owned(), (*name).to_owned()),
                Arc::new(Object::try_from(value).unwrap()),
            )
        };
        objects.iter().map(object).collect()
    }

    #[test]
    fn root_causes_come_first() {
        let ready = |status: &str, reason: &str, message: &str| json!({"type": "Ready", "status": status, "reason": reason, "message": message});
        let seen = seen(&[
            (
                "apps",
                ready(
                    "False",
                    "DependencyNotReady",
                    "dependency 'ns/infra' is not ready",
                ),
            ),
            ("fine", ready("True", "ReconciliationSucceeded", "ok")),
            ("infra", ready("False", "BuildFailed", "no such file")),
            ("slow", ready("Unknown", "Progressing", "at work")),
        ]);
        assert_eq!(
            report(&seen),
            [
                "Kustomization/ns/infra: no such file",
                "Kustomization/ns/slow: at work",
                "Kustomization/ns/apps: dependency 'ns/infra' is not ready",
            ]
        );
    }
}
