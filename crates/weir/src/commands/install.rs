//! `install`: the manifests of an installation.

use std::process::ExitCode;

use anyhow::bail;
use api::install::{self, InstallOptions};
use clap::ArgAction;

use super::Outcome;
use crate::global::Global;
use crate::terminal;

/// Print the manifests that install the toolkit
///
/// They are upstream's under upstream's names, with Weir's image. In this version the controllers do not run in a cluster yet: the manifests
/// tell `weir up` which controllers a fleet has, and with which flags.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the manifests to standard output
    #[arg(long)]
    export: bool,
    /// Version of the toolkit to stamp the manifests with; any v2.x
    #[arg(short = 'v', long, value_name = "VERSION")]
    version: Option<String>,
    /// Controllers to install
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', default_values_t = install::DEFAULT_COMPONENTS.map(String::from))]
    components: Vec<String>,
    /// Controllers to install beside those
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    components_extra: Vec<String>,
    /// Registry that the image comes from
    #[arg(long, value_name = "HOST/PATH", default_value = install::REGISTRY)]
    registry: String,
    /// Secret for pulling the image
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    image_pull_secret: String,
    /// Whether the controllers look beyond their own namespace
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    watch_all_namespaces: bool,
    /// Whether network policies restrict who reaches the controllers
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    network_policy: bool,
    /// How much the controllers log
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = ["debug", "info", "error"])]
    log_level: String,
    /// Domain of the cluster's Services
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local")]
    cluster_domain: String,
    /// Taints that the controllers tolerate
    #[arg(long, value_name = "KEY,...", value_delimiter = ',')]
    toleration_keys: Vec<String>,
}

pub(crate) fn run(global: &Global, args: Args) -> Outcome {
    if !args.export {
        bail!(
            "this version of Weir installs nothing into a cluster: its controllers run in `weir up` only; --export prints the manifests"
        );
    }
    let mut components = args.components;
    for extra in args.components_extra {
        if !components.contains(&extra) {
            components.push(extra);
        }
    }
    for required in ["source-controller", "kustomize-controller"] {
        if !components.iter().any(|component| component == required) {
            bail!("component {required} is required");
        }
    }
    let text = install::export_text(&InstallOptions {
        namespace: global.namespace.clone(),
        version: install::version(args.version.as_deref())?,
        components,
        registry: args.registry,
        image_pull_secret: args.image_pull_secret,
        watch_all_namespaces: args.watch_all_namespaces,
        network_policy: args.network_policy,
        log_level: args.log_level,
        cluster_domain: args.cluster_domain,
        toleration_keys: args.toleration_keys,
    })?;
    terminal::print(&text);
    terminal::warning(
        "the controllers do not run in a cluster in this version of Weir: these manifests are for a fleet that `weir up` runs",
    );
    Ok(ExitCode::SUCCESS)
}
