//! `get`: the toolkit's objects and how they are.

use std::process::ExitCode;

use anyhow::bail;
use api::Kind;
use clap::ValueEnum;
use cluster::watch::{self, Change, Scope};
use cluster::{Error, Query};
use krm::{Object, Value, json};

use super::Outcome;
use crate::global::Global;
use crate::noun::{self, Selection};
use crate::row::{self, Show};
use crate::selector::StatusSelector;
use crate::session::{Session, by_name};
use crate::terminal;

/// Print objects and their status
///
/// `get all` prints every kind, `get sources all` and `get images all` a group of them.
#[derive(clap::Args)]
#[command(after_help = noun::help())]
pub(crate) struct Args {
    /// What to print, such as `kustomizations`, `sources git`, `all`, and which one
    #[arg(value_name = "KIND [NAME]")]
    words: Vec<String>,
    /// Print the objects of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Leave the header out
    #[arg(long)]
    no_header: bool,
    /// Only objects with this condition, such as ready=false or ready!=true
    #[arg(long, value_name = "TYPE=STATUS")]
    status_selector: Option<String>,
    /// Only objects with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    label_selector: Option<String>,
    /// Then print each change, until --timeout
    #[arg(short, long)]
    watch: bool,
    /// Print where Kustomizations and HelmReleases take their content from
    #[arg(long)]
    show_source: bool,
    /// Print the objects, their names, or wider tables
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
}

/// How objects are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// As JSON
    Json,
    /// As YAML
    Yaml,
    /// As names that kubectl takes
    Name,
    /// With sources and whole hashes
    Wide,
}

/// A command, understood.
struct Request {
    args: Args,
    name: Option<String>,
    session: Session,
}

pub(crate) async fn run(global: &Global, args: Args) -> Outcome {
    let (selection, names) = noun::select(&args.words, "get")?;
    let name = names.first().cloned();
    if let Selection::All(said, _) = &selection
        && args.watch
    {
        bail!("expected a single resource type, but found {said}");
    }
    let session = Session::start(global).await?;
    let request = Request {
        args,
        name,
        session,
    };
    match selection {
        Selection::One(kind) if request.args.watch => request.watch(kind).await?,
        Selection::One(kind) => {
            let items = request.session.within(request.list(kind)).await?;
            if items.is_empty() {
                bail!(request.nothing(kind));
            }
            request.print(&[(kind, items)], false)?;
        }
        Selection::All(_, kinds) => {
            let mut found = Vec::new();
            for kind in kinds {
                match request.session.within(request.list(kind)).await {
                    Ok(items) if items.is_empty() => {}
                    Ok(items) => found.push((kind, items)),
                    Err(Error::NoKind(_)) => {}
                    // Nobody answers: no other kind would fare better.
                    Err(error @ (Error::Transport(_) | Error::Deadline)) => {
                        return Err(error.into());
                    }
                    Err(error) => terminal::failure(&error.to_string()),
                }
            }
            request.print(&found, true)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Request {
    fn namespace(&self) -> &str {
        if self.args.all_namespaces {
            ""
        } else {
            &self.session.namespace
        }
    }

    fn show(&self, kind: bool) -> Show {
        let wide = self.args.output == Some(Format::Wide);
        Show {
            namespace: self.args.all_namespaces,
            kind,
            source: self.args.show_source || wide,
            whole: wide,
        }
    }

    async fn list(&self, kind: &Kind) -> Result<Vec<Object>, Error> {
        let resource = self.session.resource(kind).await?;
        let query = Query::new()
            .with_some(
                "labelSelector",
                self.args.label_selector.as_deref().unwrap_or_default(),
            )
            .with_some(
                "fieldSelector",
                &self.name.as_deref().map(by_name).unwrap_or_default(),
            );
        Ok(self
            .session
            .client
            .list(&resource, self.namespace(), query)
            .await?
            .items)
    }

    /// What is said when nothing was found.
    fn nothing(&self, kind: &Kind) -> String {
        let place = if self.args.all_namespaces {
            "any".to_owned()
        } else {
            format!("{:?}", self.session.namespace)
        };
        match &self.name {
            Some(name) => format!(
                "{} object '{name}' not found in {place} namespace",
                kind.kind
            ),
            None => format!("no {} objects found in {place} namespace", kind.kind),
        }
    }

    /// The objects that the status selector leaves.
    fn selected<'a>(&self, kind: &Kind, items: &'a [Object]) -> anyhow::Result<Vec<&'a Object>> {
        let selector = self
            .args
            .status_selector
            .as_deref()
            .map(StatusSelector::parse)
            .transpose()
            .map_err(anyhow::Error::msg)?;
        let matches = |object: &&Object| {
            selector
                .as_ref()
                .is_none_or(|selector| selector.matches(object, row::is_static(kind, object)))
        };
        Ok(items.iter().filter(matches).collect())
    }

    fn print(&self, found: &[(&'static Kind, Vec<Object>)], several: bool) -> anyhow::Result<()> {
        let selected = found
            .iter()
            .map(|(kind, items)| Ok((*kind, self.selected(kind, items)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        match self.args.output {
            None | Some(Format::Wide) => {
                for (kind, objects) in selected {
                    let mut text =
                        self.table(kind, &objects, !self.args.no_header, self.show(several));
                    if several {
                        text.push('\n');
                    }
                    terminal::print(&text);
                }
            }
            Some(Format::Name) => {
                let names = |(kind, objects): (&Kind, Vec<&Object>)| -> String {
                    objects
                        .iter()
                        .map(|object| {
                            format!("{}.{}/{}\n", kind.singular, kind.group, object.name())
                        })
                        .collect()
                };
                terminal::print(&selected.into_iter().map(names).collect::<String>());
            }
            Some(format @ (Format::Json | Format::Yaml)) => {
                let objects: Vec<Value> = selected
                    .into_iter()
                    .flat_map(|(_, objects)| objects)
                    .map(published)
                    .collect();
                let value = match <[Value; 1]>::try_from(objects) {
                    Ok([object]) if self.name.is_some() => object,
                    Ok([object]) => list(vec![object]),
                    Err(objects) => list(objects),
                };
                let text = if format == Format::Yaml {
                    krm::yaml::emit(&value)
                } else {
                    terminal::json(&value)
                };
                terminal::print(&text);
            }
        }
        Ok(())
    }

    fn table(&self, kind: &Kind, objects: &[&Object], with_header: bool, show: Show) -> String {
        let header = with_header.then(|| row::header(kind, show));
        let rows: Vec<_> = objects
            .iter()
            .map(|object| row::cells(kind, object, show))
            .collect();
        terminal::table(header.as_deref(), &rows)
    }

    /// Prints what is there and each change, until the command's time is over.
    async fn watch(&self, kind: &'static Kind) -> anyhow::Result<()> {
        let resource = self.session.within(self.session.resource(kind)).await?;
        let scope = Scope {
            namespace: self.namespace().to_owned(),
            labels: self.args.label_selector.clone().unwrap_or_default(),
            fields: self.name.as_deref().map(by_name).unwrap_or_default(),
            ..Scope::all(resource)
        };
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let watching = watch::run(self.session.client.clone(), scope, |change| {
            let word = match change {
                Change::Applied(object) | Change::Deleted(object) => Ok(object),
                Change::Failing(error) => Err(error),
                Change::Synced => return,
            };
            // Nobody hears it only when the command is over.
            let _ = tell.send(word);
        });
        let printing = async {
            let mut first = true;
            while let Some(word) = told.recv().await {
                let object = word?;
                let objects = self.selected(kind, std::slice::from_ref(&*object))?;
                terminal::print(&self.table(
                    kind,
                    &objects,
                    first && !self.args.no_header,
                    self.show(false),
                ));
                first = false;
            }
            anyhow::Ok(())
        };
        let both = async {
            tokio::select! {
                () = watching => Ok(()),
                printed = printing => printed,
            }
        };
        match self
            .session
            .client
            .clock()
            .timeout_at(self.session.deadline, both)
            .await
        {
            Ok(outcome) => outcome,
            Err(_) => bail!("timed out waiting for the condition"),
        }
    }
}

fn list(items: Vec<Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items})
}

/// An object as it is shown: without the bookkeeping of its fields.
fn published(object: &Object) -> Value {
    let mut object = object.clone();
    object.metadata_mut().remove("managedFields");
    object.into_value()
}
