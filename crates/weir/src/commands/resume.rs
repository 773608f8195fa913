//! `resume`: lets objects be reconciled again.

use std::process::ExitCode;

use anyhow::bail;
use api::{Kind, names};
use cluster::{Error, Resource};
use futures_util::future::join_all;
use krm::{Object, Value};

use super::suspend::{Choice, set_suspend};
use super::{Outcome, reconcile, served};
use crate::follow::{self, Subject};
use crate::global::Global;
use crate::noun;
use crate::row;
use crate::session::Session;
use crate::terminal;

/// Let suspended objects be reconciled again
///
/// One object is waited for; several only with --wait.
#[derive(clap::Args)]
#[command(after_help = noun::help())]
pub(crate) struct Args {
    /// What to resume, such as `kustomization` or `source git`, and which ones
    #[arg(value_name = "KIND [NAME]...")]
    words: Vec<String>,
    /// All objects of the kind in the namespace
    #[arg(long)]
    all: bool,
    /// Wait until all of them are reconciled
    #[arg(long)]
    wait: bool,
}

pub(crate) async fn run(global: &Global, args: &Args) -> Outcome {
    let choice = Choice::parse(&args.words, args.all, "resume")?;
    let session = Session::start(global).await?;
    session.announce();
    let resource = session.within(session.resource(choice.kind)).await?;
    let names = choice.names();
    let mut resumed = Vec::new();
    for name in &names {
        let objects = session
            .within(patch(&session, choice.kind, &resource, *name))
            .await?;
        if objects.is_empty() {
            match name {
                None => bail!("no objects found"),
                Some(_) => choice.not_found(&session, *name),
            }
        }
        resumed.extend(objects);
    }
    let is_single = matches!(names[..], [Some(_)]);
    if resumed.is_empty() || !(is_single || args.wait) {
        return Ok(ExitCode::SUCCESS);
    }
    let kind = choice.kind;
    if !kind.cli.is_static
        && !session
            .within(async { Ok(served::is(&session, kind).await) })
            .await?
    {
        terminal::warning(&format!(
            "not waiting: {} is not reconciled by this version of Weir",
            kind.kind
        ));
        return Ok(ExitCode::SUCCESS);
    }
    wait(&session, kind, &resource, resumed).await
}

async fn patch(
    session: &Session,
    kind: &Kind,
    resource: &Resource,
    name: Option<&str>,
) -> Result<Vec<Object>, Error> {
    let objects = session.select(resource, name).await?;
    let mut resumed = Vec::with_capacity(objects.len());
    for object in objects {
        terminal::action(&format!(
            "resuming {} {} in {} namespace",
            kind.cli.human,
            object.name(),
            session.namespace
        ));
        resumed.push(set_suspend(session, resource, &object, Value::Null).await?);
        terminal::success(&format!("{} resumed", kind.cli.human));
    }
    Ok(resumed)
}

/// Waits for all at once, and tells the outcomes by name.
async fn wait(
    session: &Session,
    kind: &'static Kind,
    resource: &Resource,
    mut objects: Vec<Object>,
) -> Outcome {
    objects.sort_by(|a, b| a.name().cmp(b.name()));
    let waits = objects.iter().map(|object| async move {
        terminal::waiting(&format!("waiting for {} reconciliation", kind.kind));
        let subject = Subject {
            resource,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name(),
        };
        let judge = |object: &Object| reconciled(kind, object);
        match follow::until(&session.client, &subject, session.deadline, judge).await {
            Ok(verdict) => verdict,
            Err(error) => Err(error.to_string()),
        }
    });
    let outcomes = join_all(waits).await;
    let mut failed = 0;
    for (object, outcome) in objects.iter().zip(outcomes) {
        match outcome {
            Ok(message) => {
                terminal::success(&format!(
                    "{} {} reconciliation completed",
                    kind.kind,
                    object.name()
                ));
                terminal::success(&message);
            }
            Err(message) => {
                failed += 1;
                terminal::failure(&format!(
                    "{} {} reconciliation failed: {message}",
                    kind.kind,
                    object.name()
                ));
            }
        }
    }
    if failed > 0 {
        bail!("reconciliation failed for {failed} {}(s)", kind.kind);
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether an object's present generation is reconciled: what to say of it, or why not.
fn reconciled(kind: &Kind, object: &Object) -> Option<Result<String, String>> {
    if row::is_static(kind, object) {
        return Some(Ok(reconcile::success(kind, object)));
    }
    let ready = row::condition(object, names::READY)?;
    let observed = object
        .pointer("/status/observedGeneration")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    let of_condition = ready["observedGeneration"]
        .as_i64()
        .filter(|generation| *generation != 0);
    if observed < 1 || of_condition.unwrap_or(observed) != object.generation() {
        return None;
    }
    let part = |key: &str| ready[key].as_str().unwrap_or_default();
    match part("status") {
        "True" => Some(Ok(reconcile::success(kind, object))),
        "False" if part("reason") != names::reason::DEPENDENCY_NOT_READY => {
            Some(Err(part("message").to_owned()))
        }
        _ => None,
    }
}
