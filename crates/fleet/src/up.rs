//! One cluster of a fleet, running.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use apiserver::{Caller, Server, User};
use clock::{Activity, Clock, Seed};
use cluster::{Client, Transport};
use parking_lot::Mutex;
use source::{Mappings, Storage};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::load::{Cluster, Fleet};
use crate::rows::{self, Row};
use crate::supervise::{self, Sources};
use crate::{bootstrap, outside, reload};

/// How to run a cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// The simulated time that each step of a workload's rollout takes; zero for none.
    pub simulate_delay: Duration,
    /// What everything tells the time by.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            simulate_delay: Duration::from_millis(300),
            clock: Clock::real(),
        }
    }
}

/// Why a cluster does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The fleet cannot be read.
    #[error(transparent)]
    Load(#[from] crate::load::Error),
    /// The cluster's own `flux-system/` cannot be built or applied.
    #[error("{0}")]
    Bootstrap(String),
    /// The API server said no.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The repository cannot be read.
    #[error(transparent)]
    Source(#[from] source::Error),
}

/// What the parts of a running cluster share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) server: Server,
    pub(crate) clock: Clock,
    pub(crate) seed: Seed,
    pub(crate) activity: Activity,
    pub(crate) admin: Client,
    pub(crate) storage: Storage,
    pub(crate) mappings: Arc<Mappings>,
    complaints: Arc<Mutex<Vec<String>>>,
}

impl Shared {
    /// Notes something the operator should know.
    pub(crate) fn complain(&self, message: String) {
        tracing::warn!("{message}");
        let mut complaints = self.complaints.lock();
        if !complaints.contains(&message) {
            complaints.push(message);
        }
    }

    /// The server as a ServiceAccount of `namespace`.
    pub(crate) fn transport_for(&self, user: &str, namespace: &str) -> Transport {
        let groups = [
            "system:serviceaccounts".into(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".into(),
        ];
        transport(&self.server, user, groups.to_vec())
    }
}

/// A running cluster. It stops when this is dropped.
pub struct Running {
    shared: Shared,
    tasks: JoinSet<()>,
    _files: Option<notify::RecommendedWatcher>,
}

impl Running {
    /// Starts the API server, does what bootstrap did, and runs what the fleet declares.
    ///
    /// # Errors
    /// See [`Error`]; nothing runs on then.
    pub async fn start(fleet: &Fleet, chosen: &Cluster, options: &Options) -> Result<Self, Error> {
        let (clock, seed, activity) = (options.clock.clone(), Seed::random(), Activity::new());
        let config = apiserver::Config {
            clock: clock.clone(),
            seed: seed.clone(),
            activity: activity.clone(),
            // Watches within one process need no bookmarks, and on a virtual clock each would be a deadline.
            bookmarks: None,
            ..apiserver::Config::real()
        };
        let server = Server::new(config);
        let admin = Client::new(
            transport(
                &server,
                "kubernetes-admin",
                vec!["system:masters".into(), "system:authenticated".into()],
            ),
            clock.clone(),
            "weir/up",
        );
        let tree = read_repository(fleet).await?;
        let objects = bootstrap::build(&tree, chosen)?;
        let outside = outside::read(chosen)?;
        let mut mappings = fleet.sources.clone();
        mappings.extend(bootstrap::own_urls(&objects, fleet));
        let shared = Shared {
            server: server.clone(),
            clock: clock.clone(),
            seed,
            activity: activity.clone(),
            admin: admin.clone(),
            storage: Storage::in_memory("source-controller.flux-system.svc.cluster.local."),
            mappings: Arc::new(Mappings::new(mappings)),
            complaints: Arc::default(),
        };
        let mut tasks = JoinSet::new();
        let simulated = {
            let server = server.clone();
            simulate::Options {
                clock: clock.clone(),
                activity: activity.clone(),
                delay: options.simulate_delay,
                transport: Arc::new(move |account: &str| {
                    let (user, groups) = simulate::identity(account);
                    transport(&server, &user, groups)
                }),
            }
        };
        tasks.spawn(simulate::run(simulated));
        bootstrap::apply(&admin, objects).await?;
        tasks.spawn(outside::apply(admin, outside, activity.clone()));
        let sources = Sources::default();
        tasks.spawn(supervise::run(
            shared.clone(),
            sources.clone(),
            activity.begin(),
        ));
        let files = match reload::start(&shared.mappings) {
            Ok((watcher, changes)) => {
                tasks.spawn(reload::run(
                    clock,
                    shared.mappings.clone(),
                    changes,
                    sources,
                ));
                Some(watcher)
            }
            Err(error) => {
                shared.complain(format!("saved files are not noticed: {error}"));
                None
            }
        };
        Ok(Self {
            shared,
            tasks,
            _files: files,
        })
    }

    /// The API server.
    pub fn server(&self) -> &Server {
        &self.shared.server
    }

    /// The API, as the cluster's administrator.
    pub fn admin(&self) -> &Client {
        &self.shared.admin
    }

    /// Tells the time.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// What is under way.
    pub fn activity(&self) -> &Activity {
        &self.shared.activity
    }

    /// What the operator should know, in the order it came up.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.complaints.lock().clone()
    }

    /// A row per object of the toolkit.
    ///
    /// # Errors
    /// What the API server said.
    pub async fn rows(&self) -> Result<Vec<Row>, cluster::Error> {
        rows::list(&self.shared.admin).await
    }

    /// Returns once nothing is left to do: no key queued, no request or watch event outstanding, no simulated delay running. `false` when
    /// `timeout` passes first.
    pub async fn quiescent(&self, timeout: Duration) -> bool {
        let deadline = self.shared.clock.after(timeout);
        self.shared
            .clock
            .timeout_at(deadline, self.shared.activity.idle())
            .await
            .is_ok()
    }

    /// Stops everything, and returns when it has stopped.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
        self.shared.server.stop();
    }
}

/// The server as a user of this process.
fn transport(server: &Server, user: &str, groups: Vec<String>) -> Transport {
    let user = User {
        name: user.into(),
        groups,
        ..User::default()
    };
    let service = server.service(Caller::InProcess(user));
    Transport::new(service.map_err(|never: std::convert::Infallible| match never {}))
}

async fn read_repository(fleet: &Fleet) -> Result<krm::Tree, Error> {
    let mapping = source::Mapping {
        url: String::new(),
        path: fleet.repository.clone(),
        refs: std::collections::BTreeMap::new(),
        place: String::new(),
    };
    let main = api::git_reference::Reference::Branch("main".into());
    let reading =
        tokio::task::spawn_blocking(move || source::mapped::resolve(&mapping, &main, None));
    let resolved = reading
        .await
        .map_err(|error| source::Error::Reference(error.to_string()))??;
    Ok(resolved.tree)
}

/// Where the kubeconfig of a cluster goes by default, under a state directory.
pub fn kubeconfig_path(state: &std::path::Path, cluster: &str) -> PathBuf {
    state.join("weir").join(cluster).join("kubeconfig")
}
