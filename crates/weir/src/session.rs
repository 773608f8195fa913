//! A command's connection: which server, which namespace, until when.

use api::Kind;
use clock::{Clock, Timestamp};
use cluster::{Client, Error, Query, Resource};
use krm::Object;

use crate::global::Global;
use crate::terminal;

/// A command's connection.
pub(crate) struct Session {
    /// Asks the server.
    pub(crate) client: Client,
    /// The namespace to act in.
    pub(crate) namespace: String,
    /// When the command has to end.
    pub(crate) deadline: Timestamp,
    context: String,
    server: String,
}

impl Session {
    /// Connects as the flags say.
    pub(crate) async fn start(global: &Global) -> anyhow::Result<Self> {
        let connected = global.connect().await?;
        let clock = Clock::real();
        Ok(Self {
            namespace: global.namespace_on(&connected),
            deadline: clock.after(global.timeout),
            client: Client::new(
                connected.transport,
                clock,
                concat!("weir/", env!("CARGO_PKG_VERSION")),
            ),
            context: connected.context,
            server: connected.server,
        })
    }

    /// Says what a command that changes something acts on.
    pub(crate) fn announce(&self) {
        let context = if self.context.is_empty() {
            "no context"
        } else {
            &self.context
        };
        terminal::action(&format!("context {context} ({})", self.server));
    }

    /// Runs `work` until the command has to end.
    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.client
            .clock()
            .timeout_at(self.deadline, work)
            .await
            .map_err(|_| Error::Deadline)?
    }

    /// How the server serves a kind.
    pub(crate) async fn resource(&self, kind: &Kind) -> Result<Resource, Error> {
        self.client.resource(&kind.gvk()).await
    }

    /// The objects of a kind in the session's namespace; all of them, or the one of a name.
    pub(crate) async fn select(
        &self,
        resource: &Resource,
        name: Option<&str>,
    ) -> Result<Vec<Object>, Error> {
        let query = Query::new().with_some("fieldSelector", &name.map(by_name).unwrap_or_default());
        Ok(self
            .client
            .list(resource, &self.namespace, query)
            .await?
            .items)
    }
}

/// The field selector of a name.
pub(crate) fn by_name(name: &str) -> String {
    format!("metadata.name={name}")
}
