//! The embedded Kubernetes API: a `tower` service that real clients cannot tell from a control plane, for what they use.
//!
//! A request runs through authentication, impersonation, authorisation, admission and the store, and into the request log,
//! whether it comes from this process ([`Caller::InProcess`]) or over HTTPS ([`Caller::Network`]).

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use clock::{Activity, Clock, Seed};
use parking_lot::{Mutex, RwLock};

pub mod admission;
pub mod auth;
mod bootstrap;
mod context;
mod convert;
mod crd;
mod discovery;
mod handlers;
mod life;
mod listen;
pub mod log;
mod meta;
mod negotiate;
mod openapi;
mod owners;
mod plain;
pub mod registry;
mod reply;
mod request;
mod selector;
mod service;
pub mod status;
pub mod store;
mod strategy;
mod table;
mod transform;
mod watch;
mod write;

pub use auth::{Attributes, ClientCertificate, Decision, User};
pub use listen::{Identity, ListenError, Listening};
pub use registry::Registry;
pub use request::{BadPath, Query, RequestInfo};
pub use selector::Selector;
pub use service::Service;
pub use status::{ApiError, Cause, GroupResource};
pub use store::{Key, Store};

/// A request's or response's body.
pub type BoxBody = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;
/// An error of a body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a server is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// The time.
    pub clock: Clock,
    /// Uids, name suffixes.
    pub seed: Seed,
    /// Where requests and undelivered watch events are counted.
    pub activity: Activity,
    /// How much of the past is kept.
    pub limits: store::Limits,
    /// How often a watch that asked for bookmarks gets one; `None` for never (but the one that ends the initial events).
    pub bookmarks: Option<std::time::Duration>,
}

impl Config {
    /// A server on the machine's clock.
    pub fn real() -> Self {
        Self {
            clock: Clock::real(),
            seed: Seed::random(),
            activity: Activity::new(),
            limits: store::Limits::default(),
            bookmarks: Some(std::time::Duration::from_secs(60)),
        }
    }
}

/// Where a request comes from.
#[derive(Clone, Debug)]
pub enum Caller {
    /// From this process, as this user; `Impersonate-*` headers apply on top. Nothing on the network can claim this.
    InProcess(User),
    /// From the network, with the client certificate that TLS verified.
    Network(Option<ClientCertificate>),
}

/// The server. Cheap to clone; clones are the same server.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    config: Config,
    store: Store,
    registry: RwLock<Arc<Registry>>,
    log: log::Log,
    authority: Mutex<Option<Arc<listen::Authority>>>,
    tasks: Mutex<Vec<tokio::task::AbortHandle>>,
    extensions: Mutex<BTreeMap<&'static str, Arc<dyn std::any::Any + Send + Sync>>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("version", &self.0.store.version())
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server with the objects of a fresh cluster, its controllers running. Needs a Tokio runtime.
    ///
    /// Versions start from the time, so that a client of an earlier server never holds one that is yet to come.
    pub fn new(config: Config) -> Self {
        let start = u64::try_from(config.clock.now().as_microsecond()).unwrap_or_default();
        let store = Store::new(start, config.limits, config.activity.clone());
        let server = Self(Arc::new(Inner {
            store,
            registry: RwLock::new(Arc::new(Registry::builtin())),
            log: log::Log::default(),
            authority: Mutex::new(None),
            tasks: Mutex::new(Vec::new()),
            extensions: Mutex::new(BTreeMap::new()),
            config,
        }));
        match server.authority() {
            Ok(authority) => life::root_ca::set(&server, &authority.pem()),
            Err(error) => tracing::error!(%error, "no certificate authority"),
        }
        bootstrap::load(&server);
        life::start(&server);
        server
    }

    /// The API as `caller` sees it: one service for every caller, whoever that is.
    pub fn service(&self, caller: Caller) -> Service {
        Service::new(self.clone(), caller)
    }

    /// The requests answered so far, from a number on; the last 50,000 are remembered.
    pub fn requests(&self, since: u64) -> Vec<log::Entry> {
        self.0.log.since(since)
    }

    /// How many requests were answered so far: the number the next one gets.
    pub fn request_count(&self) -> u64 {
        self.0.log.next()
    }

    /// The certificate authority, made at the first call.
    pub(crate) fn authority(&self) -> Result<Arc<listen::Authority>, ListenError> {
        let mut authority = self.0.authority.lock();
        if let Some(authority) = &*authority {
            return Ok(authority.clone());
        }
        let made = Arc::new(listen::Authority::new()?);
        *authority = Some(made.clone());
        Ok(made)
    }

    pub(crate) fn log(&self) -> &log::Log {
        &self.0.log
    }

    /// Changes what is served.
    pub(crate) fn update_registry(&self, change: impl FnOnce(&mut Registry)) {
        let mut registry = self.0.registry.write();
        change(Arc::make_mut(&mut registry));
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.0.config.clock
    }

    /// Uids, name suffixes.
    pub fn seed(&self) -> &Seed {
        &self.0.config.seed
    }

    /// Where work under way is counted.
    pub fn activity(&self) -> &Activity {
        &self.0.config.activity
    }

    /// What the server was made of.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The objects.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// What is served now.
    pub fn registry(&self) -> Arc<Registry> {
        self.0.registry.read().clone()
    }

    /// A value of the type that belongs to this server, made by `make` at the first call: the place for what a module keeps
    /// between requests.
    pub fn extension<T: Send + Sync + 'static>(
        &self,
        name: &'static str,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        let known = self.0.extensions.lock().get(name).cloned();
        if let Some(known) = known.and_then(|known| known.downcast::<T>().ok()) {
            return known;
        }
        let made = Arc::new(make());
        self.0.extensions.lock().insert(name, made.clone());
        made
    }

    /// Runs a task until it ends or the server is stopped.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.tasks.lock();
        tasks.retain(|task| !task.is_finished());
        tasks.push(tokio::spawn(task).abort_handle());
    }

    /// Stops every task the server runs.
    pub fn stop(&self) {
        self.0.tasks.lock().drain(..).for_each(|task| task.abort());
    }
}
