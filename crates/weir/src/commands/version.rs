//! `version`: of the command line and of what is installed.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context, bail};
use api::install::TOOLKIT_VERSION;
use api::names;
use clap::ValueEnum;
use cluster::{Query, Resource};
use krm::{Object, Value, json};

use super::Outcome;
use crate::global::Global;
use crate::session::Session;
use crate::terminal;

/// Print the versions of the command line and of the installed controllers
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Of the command line only; asks no cluster
    #[arg(long)]
    client: bool,
    /// How to print them
    #[arg(short, long, value_name = "FORMAT", default_value = "yaml")]
    output: Format,
}

/// How versions are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// As YAML
    Yaml,
    /// As JSON
    Json,
}

pub(crate) async fn run(global: &Global, args: &Args) -> Outcome {
    let mut lines = vec![("flux".to_owned(), TOOLKIT_VERSION.to_owned())];
    if !args.client {
        lines.extend(installed(global).await?);
    }
    terminal::print(&print(&lines, args.output));
    Ok(ExitCode::SUCCESS)
}

fn print(lines: &[(String, String)], format: Format) -> String {
    match format {
        Format::Yaml => lines
            .iter()
            .map(|(key, value)| krm::yaml::emit(&json!({key: value})))
            .collect(),
        Format::Json => {
            let map: BTreeMap<_, _> = lines.iter().cloned().collect();
            terminal::json(&json!(map))
        }
    }
}

/// The Deployments that an installation consists of.
pub(super) async fn deployments(session: &Session) -> Result<Vec<Object>, cluster::Error> {
    let resource = Resource::new("apps/v1", "Deployment", "deployments", true);
    let query = Query::new().with("labelSelector", &format!("{}=flux", names::PART_OF));
    Ok(session
        .within(session.client.list(&resource, &session.namespace, query))
        .await?
        .items)
}

/// A Deployment's images.
pub(super) fn images(deployment: &Object) -> Vec<&str> {
    let containers = deployment
        .pointer("/spec/template/spec/containers")
        .and_then(Value::as_array);
    containers
        .into_iter()
        .flatten()
        .filter_map(|container| container["image"].as_str())
        .collect()
}

/// What an installation says of itself: its distribution, and whether it was bootstrapped.
pub(super) async fn installation(
    session: &Session,
) -> Result<(Option<String>, bool), cluster::Error> {
    let definitions = Resource::new(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        false,
    );
    let name = api::git_repository::GIT_REPOSITORY.crd_name();
    let definition = session
        .within(session.client.get(&definitions, "", &name))
        .await?;
    let parts = (
        definition.label(names::PART_OF),
        definition.label(names::VERSION),
    );
    let distribution = match parts {
        (Some(part_of), Some(version)) => Some(format!("{part_of}-{version}")),
        _ => None,
    };
    Ok((
        distribution,
        definition.label(names::OWNER_NAMESPACE).is_some(),
    ))
}

async fn installed(global: &Global) -> anyhow::Result<Vec<(String, String)>> {
    let session = Session::start(global).await?;
    let deployments = deployments(&session).await?;
    if deployments.is_empty() {
        bail!("no deployments found in {} namespace", session.namespace);
    }
    let mut lines = Vec::new();
    let (distribution, _) = installation(&session).await?;
    lines.extend(distribution.map(|distribution| ("distribution".to_owned(), distribution)));
    let mut versions = BTreeMap::new();
    for deployment in &deployments {
        for image in images(deployment) {
            let (name, version) =
                split(image).with_context(|| format!("image {image} has no tag"))?;
            // One image runs all of Weir's controllers; the Deployment says which.
            let name = if name == "weir" {
                deployment.name()
            } else {
                name
            };
            versions.insert(name.to_owned(), version.to_owned());
        }
    }
    lines.extend(versions);
    Ok(lines)
}

/// An image's last path segment and what follows its first colon.
fn split(image: &str) -> Option<(&str, &str)> {
    let last = image
        .find('@')
        .map_or(image, |at| &image[..at])
        .rfind('/')
        .map_or(0, |at| at + 1);
    image[last..].split_once(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_split_after_its_registry() {
        assert_eq!(
            split("ghcr.io/fluxcd/source-controller:v1.9.4"),
            Some(("source-controller", "v1.9.4"))
        );
        assert_eq!(
            split("localhost:5000/weir:v0.1.0@sha256:ab"),
            Some(("weir", "v0.1.0@sha256:ab"))
        );
        assert_eq!(split("localhost:5000/weir"), None);
    }

    #[test]
    fn yaml_keeps_the_order_and_json_sorts() {
        let lines = [
            ("flux".to_owned(), "v2.9.4".to_owned()),
            ("distribution".to_owned(), "flux-v2.9.4".to_owned()),
        ];
        assert_eq!(
            print(&lines, Format::Yaml),
            "flux: v2.9.4\ndistribution: flux-v2.9.4\n"
        );
        assert_eq!(
            print(&lines, Format::Json),
            "{\n  \"distribution\": \"flux-v2.9.4\",\n  \"flux\": \"v2.9.4\"\n}\n"
        );
    }
}
