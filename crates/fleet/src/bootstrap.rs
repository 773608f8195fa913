//! What bootstrap did on a real cluster: the cluster's `flux-system/`, applied by its administrator.

use cluster::Client;
use cluster::apply::{self, Options};
use cluster::drift::Manager;
use krm::{Object, Tree, Value};
use source::Mapping;

use crate::load::{Cluster, Fleet};
use crate::up::Error;

/// Builds a cluster's `flux-system/`.
pub(crate) fn build(tree: &Tree, cluster: &Cluster) -> Result<Vec<Object>, Error> {
    let path = krm::tree::join(&cluster.path, "flux-system").unwrap_or_default();
    match kustomize::build(tree, &path, &kustomize::Options::default()) {
        Ok(kustomize::Step::Done(objects)) if !objects.is_empty() => Ok(objects),
        Ok(kustomize::Step::Done(_)) => Err(Error::Bootstrap(format!("{path} builds to nothing"))),
        Ok(kustomize::Step::Fetch(urls)) => Err(Error::Bootstrap(format!(
            "{path} needs remote resources: {}",
            urls.join(", ")
        ))),
        Err(error) => Err(Error::Bootstrap(error.to_string())),
    }
}

/// The URLs of the cluster's own sync: the platform's repository stands for them.
pub(crate) fn own_urls(objects: &[Object], fleet: &Fleet) -> Vec<Mapping> {
    let repositories = objects
        .iter()
        .filter(|object| object.kind() == "GitRepository");
    repositories
        .filter_map(|object| object.pointer("/spec/url").and_then(Value::as_str))
        .map(|url| Mapping {
            url: url.into(),
            path: fleet.repository.clone(),
            refs: std::collections::BTreeMap::new(),
            place: "spec.sources of fleet.yaml".into(),
        })
        .collect()
}

/// Applies the objects as `flux bootstrap` does: definitions first.
pub(crate) async fn apply(client: &Client, objects: Vec<Object>) -> Result<(), Error> {
    let options = Options {
        manager: Manager {
            name: api::names::INSTALL_MANAGER.into(),
            group: plan::kustomization::GROUP.into(),
            overridden: Vec::new(),
        },
        force: false,
        custom_stages: Vec::new(),
        concurrency: 8,
        definitions_timeout: std::time::Duration::from_secs(60),
    };
    apply::apply_all(client, objects, &options)
        .await
        .map(drop)
        .map_err(|failure| {
            let lines: Vec<_> = failure
                .refused
                .into_iter()
                .map(|refused| refused.message)
                .collect();
            Error::Bootstrap(lines.join("\n"))
        })
}
