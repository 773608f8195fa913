//! `suspend`: stops the reconciliation of objects.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::bail;
use api::{Kind, names};
use cluster::{Error, Patch, Query, Resource, Target};
use krm::{Object, Value, json};

use super::Outcome;
use crate::global::Global;
use crate::noun;
use crate::session::Session;
use crate::terminal;

/// Stop the reconciliation of objects until they are resumed
#[derive(clap::Args)]
#[command(after_help = noun::help())]
pub(crate) struct Args {
    /// What to suspend, such as `kustomization` or `source git`, and which ones
    #[arg(value_name = "KIND [NAME]...")]
    words: Vec<String>,
    /// All objects of the kind in the namespace
    #[arg(long)]
    all: bool,
}

pub(crate) async fn run(global: &Global, args: &Args) -> Outcome {
    let choice = Choice::parse(&args.words, args.all, "suspend")?;
    let session = Session::start(global).await?;
    session.announce();
    let resource = session.within(session.resource(choice.kind)).await?;
    for name in choice.names() {
        match session
            .within(patch(&session, &choice, &resource, name))
            .await
        {
            Ok(objects) if objects.is_empty() && name.is_none() => bail!("no objects found"),
            Ok(objects) if objects.is_empty() => choice.not_found(&session, name),
            Ok(_) => {}
            Err(error) if name.is_none() => return Err(error.into()),
            Err(error) => terminal::failure(&format!(
                "failed suspending {} {} in {} namespace: {error}",
                choice.kind.kind,
                name.unwrap_or_default(),
                session.namespace
            )),
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn patch(
    session: &Session,
    choice: &Choice,
    resource: &Resource,
    name: Option<&str>,
) -> Result<Vec<Object>, Error> {
    let objects = session.select(resource, name).await?;
    for object in &objects {
        let human = choice.kind.cli.human;
        terminal::action(&format!(
            "suspending {human} {} in {} namespace",
            object.name(),
            session.namespace
        ));
        set_suspend(session, resource, object, true.into()).await?;
        terminal::success(&format!("{human} suspended"));
    }
    Ok(objects)
}

/// Sets `spec.suspend`, or with null removes it.
pub(super) async fn set_suspend(
    session: &Session,
    resource: &Resource,
    object: &Object,
    value: Value,
) -> Result<Object, Error> {
    let target = Target {
        resource,
        namespace: object.namespace().unwrap_or_default(),
        name: object.name(),
    };
    let query = Query::new().with("fieldManager", names::INSTALL_MANAGER);
    session
        .client
        .patch(
            target,
            Patch::Merge,
            &json!({"spec": {"suspend": value}}),
            query,
        )
        .await
}

/// Which objects to suspend or resume.
pub(super) struct Choice {
    /// Their kind.
    pub(super) kind: &'static Kind,
    names: Vec<String>,
}

impl Choice {
    /// Reads a noun and names, of which there must be one unless all are meant.
    pub(super) fn parse(words: &[String], all: bool, verb: &str) -> anyhow::Result<Self> {
        let (kind, names) = noun::one(words, verb)?;
        if matches!(kind.kind, "ExternalArtifact" | "ArtifactGenerator") {
            bail!("flux {verb} has no {:?}", kind.cli.noun);
        }
        if names.is_empty() && !all {
            bail!("{} name is required", kind.cli.human);
        }
        let mut seen = BTreeSet::new();
        let names = names
            .iter()
            .filter(|name| seen.insert(*name))
            .cloned()
            .collect();
        Ok(Self { kind, names })
    }

    /// The names, each once; a single `None` for all objects.
    pub(super) fn names(&self) -> Vec<Option<&str>> {
        if self.names.is_empty() {
            return vec![None];
        }
        self.names.iter().map(|name| Some(name.as_str())).collect()
    }

    /// Says that there is no object of a name.
    pub(super) fn not_found(&self, session: &Session, name: Option<&str>) {
        let name = name.unwrap_or_default();
        terminal::failure(&format!(
            "{} {name} not found in {} namespace",
            self.kind.kind, session.namespace
        ));
    }
}
