//! Which kinds somebody reconciles.

use api::Kind;
use api::names::DEFAULT_NAMESPACE;
use cluster::Resource;
use krm::Value;

use crate::session::Session;

/// Kinds that the controllers of this version reconcile.
pub(super) const SERVED: [&str; 2] = ["GitRepository", "Kustomization"];

/// Refuses a kind whose objects nobody would reconcile: neither Weir, nor a controller of another toolkit that is installed in the cluster.
pub(super) async fn ensure(session: &Session, kind: &Kind) -> anyhow::Result<()> {
    anyhow::ensure!(
        is(session, kind).await,
        "{} is not reconciled by this version of Weir: it has no {} yet",
        kind.kind,
        kind.cli.controller
    );
    Ok(())
}

/// Whether somebody reconciles a kind.
pub(super) async fn is(session: &Session, kind: &Kind) -> bool {
    if SERVED.contains(&kind.kind) {
        return true;
    }
    let deployments = Resource::new("apps/v1", "Deployment", "deployments", true);
    let found = session
        .client
        .get(&deployments, DEFAULT_NAMESPACE, kind.cli.controller)
        .await;
    found.is_ok_and(|deployment| {
        let program = deployment.pointer("/spec/template/spec/containers/0/command/0");
        program.and_then(Value::as_str) != Some("weir")
    })
}
