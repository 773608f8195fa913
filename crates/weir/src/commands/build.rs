//! `build kustomization`: what a Kustomization would apply, from a local directory.

mod mask;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use api::Kustomization;
use api::git_reference::Reference;
use api::kustomization::{KUSTOMIZATION, KustomizationSpec};
use api::reference::ValuesSource;
use cluster::Resource;
use controllers::kustomization::{overrides, values, when};
use krm::yaml::{self, Dialect, Limits};
use krm::{Object, Tree, tree};
use kustomize::flux::{self, Substitution, Undefined};
use kustomize::{Options, RemoteBases, Step};
use source::mapped::{Mapping, resolve};

use super::Outcome;
use crate::global::Global;
use crate::session::Session;
use crate::terminal;

/// Build a Kustomization from a local directory and print the objects
///
/// The Kustomization is read from the cluster, or with --kustomization-file from a file; with --dry-run no cluster is asked at all, and what
/// substituteFrom refers to is left out. Encrypted values are masked.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// `kustomization` and its name
    #[arg(value_name = "KIND NAME")]
    words: Vec<String>,
    /// Directory to build, in the place of the Kustomization's spec.path
    #[arg(long, value_name = "DIRECTORY")]
    path: Option<PathBuf>,
    /// File that holds the Kustomization
    #[arg(long, value_name = "FILE")]
    kustomization_file: Option<PathBuf>,
    /// Ask no cluster
    #[arg(long)]
    dry_run: bool,
    /// Refuse variables without a value
    #[arg(long)]
    strict_substitute: bool,
    /// Paths to leave out, in .gitignore's format
    #[arg(long, value_name = "PATTERN,...", value_delimiter = ',')]
    ignore_paths: Vec<String>,
}

pub(crate) async fn run(global: &Global, args: &Args) -> Outcome {
    let name = match args.words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["kustomization" | "ks"] => bail!("kustomization name is required"),
        ["kustomization" | "ks", name] => name,
        ["artifact", ..] => bail!("flux build artifact is not in this version of Weir"),
        _ => bail!(
            "unknown command {:?} for \"flux build\"",
            args.words.first().map_or("", String::as_str)
        ),
    };
    let directory = args.path.as_deref().unwrap_or(Path::new(""));
    if !directory.is_dir() {
        bail!("invalid resource path {directory:?}");
    }
    if args.dry_run && args.kustomization_file.is_none() {
        bail!("dry-run mode requires a kustomization file");
    }
    let session = if args.dry_run {
        None
    } else {
        Some(Session::start(global).await?)
    };
    let namespace = session
        .as_ref()
        .map_or(&global.namespace, |session| &session.namespace);
    let object = match &args.kustomization_file {
        Some(file) => from_file(file, name, namespace)?,
        None => live(session.as_ref().context("no cluster")?, name).await?,
    };
    let ignored = (!args.ignore_paths.is_empty()).then(|| args.ignore_paths.join("\n"));
    let (tree, path) = read(directory, ignored.as_deref())?;
    let options = Options {
        remote_bases: RemoteBases::Refused,
        ..Options::default()
    };
    let objects = match flux::build(&tree, &path, &overrides(&object.spec), &options) {
        Ok(Step::Done(objects)) => objects,
        Ok(Step::Fetch(urls)) => bail!(
            "kustomize build failed: remote resources are not fetched: {}",
            urls.join(", ")
        ),
        Err(error) => bail!("kustomize build failed: {error}"),
    };
    let undefined = if args.strict_substitute {
        Undefined::Refused
    } else {
        Undefined::Empty
    };
    let variables = variables(&object, session.as_ref(), undefined).await?;
    let mut objects = substitute(objects, variables.as_ref())?;
    finish(&mut objects, &object.metadata.name, namespace, &object.spec);
    terminal::print(
        &objects
            .iter()
            .map(|object| format!("{}---\n", yaml::emit(&object.to_value())))
            .collect::<String>(),
    );
    Ok(ExitCode::SUCCESS)
}

/// The Kustomization of a name in a file of many documents; its namespace may be left out there.
fn from_file(file: &Path, name: &str, namespace: &str) -> anyhow::Result<Kustomization> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("invalid kustomization file {file:?}"))?;
    let place = |error: yaml::Error| anyhow::anyhow!("{}:{error}", file.display());
    for document in yaml::parse(&text, &Limits::default()).map_err(place)? {
        let value = document.to_value(Dialect::Sigs).map_err(place)?;
        let Ok(mut object) = Object::try_from(value) else {
            continue;
        };
        let is_here = object.namespace().is_none_or(|found| found == namespace);
        if KUSTOMIZATION.is_kind_of(&object.gvk()) && object.name() == name && is_here {
            object.set_namespace(namespace);
            return Ok(api::parse(&object)?);
        }
    }
    bail!(
        "failed find kustomization with name '{name}' and namespace '{namespace}' in file '{}'",
        file.display()
    )
}

async fn live(session: &Session, name: &str) -> anyhow::Result<Kustomization> {
    let resource = session.within(session.resource(&KUSTOMIZATION)).await?;
    let object = session
        .within(session.client.get(&resource, &session.namespace, name))
        .await?;
    Ok(api::parse(&object)?)
}

/// The files that a build of `directory` may need, and the directory among them: those of the repository that it lies in, because overlays refer
/// to what lies beside them.
fn read(directory: &Path, ignored: Option<&str>) -> anyhow::Result<(Tree, String)> {
    let directory = directory
        .canonicalize()
        .with_context(|| format!("invalid resource path {directory:?}"))?;
    let repository = directory
        .ancestors()
        .find(|ancestor| ancestor.join(".git").exists());
    let here = std::env::current_dir()
        .ok()
        .filter(|here| directory.starts_with(here));
    let root = repository
        .map(Path::to_owned)
        .or(here)
        .unwrap_or_else(|| directory.clone());
    let inside = directory.strip_prefix(&root).unwrap_or(Path::new(""));
    let path =
        tree::join("", &inside.to_string_lossy()).context("the directory's name is no UTF-8")?;
    let mapping = Mapping {
        url: String::new(),
        path: root,
        refs: std::collections::BTreeMap::new(),
        place: String::new(),
    };
    let resolved = resolve(&mapping, &Reference::Branch(String::new()), ignored)?;
    Ok((resolved.tree, path))
}

/// The variables of `postBuild`; without a cluster, those that the spec holds itself.
async fn variables(
    object: &Kustomization,
    session: Option<&Session>,
    undefined: Undefined,
) -> anyhow::Result<Option<Substitution>> {
    let Some(post_build) = &object.spec.post_build else {
        return Ok(None);
    };
    let mut pairs = Vec::new();
    if let Some(session) = session {
        for reference in &post_build.substitute_from {
            let (kind, plural) = match reference.kind {
                ValuesSource::ConfigMap => ("ConfigMap", "configmaps"),
                ValuesSource::Secret => ("Secret", "secrets"),
            };
            let resource = Resource::new("v1", kind, plural, true);
            match session
                .within(
                    session
                        .client
                        .get(&resource, &session.namespace, &reference.name),
                )
                .await
            {
                Ok(found) => pairs.extend(values(&found)),
                Err(error) if error.is_not_found() && reference.optional => {}
                Err(error) => bail!("substitute from '{kind}/{}' error: {error}", reference.name),
            }
        }
    }
    pairs.extend(post_build.substitute.clone());
    let pairs = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    Substitution::new(pairs, undefined, when(post_build))
        .map(Some)
        .map_err(anyhow::Error::msg)
}

fn substitute(
    objects: Vec<Object>,
    variables: Option<&Substitution>,
) -> anyhow::Result<Vec<Object>> {
    let Some(variables) = variables else {
        return Ok(objects);
    };
    let substituted = objects.into_iter().map(|object| {
        let id = object.id();
        variables.apply(object).map_err(|error| {
            let hint = error
                .hint()
                .map(|hint| format!(" ({id}: {hint})"))
                .unwrap_or_default();
            anyhow::anyhow!("{error}{hint}")
        })
    });
    substituted.collect()
}

/// Masks what is encrypted, and marks every object as the Kustomization's.
fn finish(objects: &mut [Object], name: &str, namespace: &str, spec: &KustomizationSpec) {
    for object in &mut *objects {
        mask::encrypted(object);
        object.set_label(api::names::OWNER_NAME, name);
        object.set_label(api::names::OWNER_NAMESPACE, namespace);
    }
    if let Some(common) = &spec.common_metadata {
        flux::set_common_metadata(objects, &common.labels, &common.annotations);
    }
}
