//! The workload controllers a rehearsal needs: from a Deployment to Pods that are ready, without a container anywhere.
//!
//! Each controller is a mere client of the API it is handed, under the account that the control plane runs it under
//! ([`identity`]), with the rights recorded for it. Nothing polls: watches wake exactly the objects concerned. Deciding is pure
//! (`controller::Decide`: what is known in, writes out); acting is one loop ([`run`]).
//!
//! The node sends no heartbeats: nobody watches its Lease here.

use std::sync::Arc;
use std::time::Duration;

mod act;
mod controller;
mod daemonset;
mod deployment;
mod hash;
mod job;
mod node;
mod object;
mod pod;
mod replicaset;
mod rollout;
mod runtime;
mod service;
mod statefulset;
mod told;
mod view;

#[cfg(test)]
mod plant;
#[cfg(test)]
mod tests;

/// What a simulation is given.
pub struct Options {
    /// Tells the time.
    pub clock: clock::Clock,
    /// Counts what is under way: keys queued, requests outstanding and, on a real clock, simulated delays.
    pub activity: clock::Activity,
    /// Time each step of a rollout takes.
    pub delay: Duration,
    /// The API as one of the control plane's accounts, by its name: see [`identity`].
    pub transport: Arc<dyn Fn(&str) -> cluster::Transport + Send + Sync>,
}

/// A Pod, its template or its workload so annotated never becomes ready.
pub const FAIL_ANNOTATION: &str = "weir.dev/simulate";
/// The value of [`FAIL_ANNOTATION`].
pub const FAIL: &str = "fail";

/// The one node.
pub const NODE: &str = "weir";

/// User name and groups of an account that a simulation asks [`Options::transport`] for.
///
/// A name without a colon is a ServiceAccount of `kube-system`, such as `deployment-controller`. The scheduler is a user, as in a
/// cluster. The kubelet's and the ingress controller's rights do not come from the default roles (a cluster's Node authorizer and
/// its ingress controller's own manifests give them), so these two may do everything.
pub fn identity(account: &str) -> (String, Vec<String>) {
    let groups = |own: &[&str]| {
        let all = own.iter().chain(&["system:authenticated"]);
        all.map(|group| (*group).to_owned()).collect()
    };
    match account {
        "system:kube-scheduler" => (account.to_owned(), groups(&[])),
        _ if account.starts_with("system:node:") => (
            account.to_owned(),
            groups(&["system:nodes", "system:masters"]),
        ),
        _ if account.contains(':') => (account.to_owned(), groups(&["system:masters"])),
        _ => (
            format!("system:serviceaccount:kube-system:{account}"),
            groups(&[
                "system:serviceaccounts",
                "system:serviceaccounts:kube-system",
            ]),
        ),
    }
}

/// Runs every controller until dropped.
pub async fn run(options: Options) {
    runtime::run(options).await;
}
