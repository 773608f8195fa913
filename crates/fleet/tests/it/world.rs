//! A copy of the example fleet in a directory of its own, running; and words to talk about it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clock::Clock;
use cluster::watch::{self, Scope};
use cluster::{Client, Patch, Query, Resource, Target};
use fleet::{Fleet, Options, Row, Running, State};
use krm::{Gvk, Object, Value};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running copy of the example.
pub(crate) struct World {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) running: Running,
    changes: UnboundedReceiver<()>,
    _watches: JoinSet<()>,
}

impl World {
    /// The example's cluster, brought up until nothing is left to do.
    pub(crate) async fn up(cluster: &str) -> Self {
        Self::up_at(cluster, Clock::real()).await
    }

    /// The same on a clock.
    pub(crate) async fn up_at(cluster: &str, clock: Clock) -> Self {
        let directory = tempfile::tempdir().unwrap();
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/acme"),
            directory.path(),
        );
        let fleet = Fleet::load(directory.path()).unwrap();
        let chosen = fleet.cluster(Some(cluster)).unwrap().clone();
        let options = Options {
            simulate_delay: Duration::ZERO,
            clock,
        };
        let running = Running::start(&fleet, &chosen, &options).await.unwrap();
        let (tell, changes) = unbounded_channel();
        let mut watches = JoinSet::new();
        for (api_version, kind, plural) in [
            (
                "kustomize.toolkit.fluxcd.io/v1",
                "Kustomization",
                "kustomizations",
            ),
            (
                "source.toolkit.fluxcd.io/v1",
                "GitRepository",
                "gitrepositories",
            ),
            ("apps/v1", "Deployment", "deployments"),
        ] {
            let scope = Scope::all(Resource::new(api_version, kind, plural, true));
            let tell = tell.clone();
            watches.spawn(watch::run(running.admin().clone(), scope, move |_| {
                let _ = tell.send(());
            }));
        }
        let world = Self {
            directory,
            running,
            changes,
            _watches: watches,
        };
        world.settle().await;
        world
    }

    /// Nothing is left to do.
    pub(crate) async fn settle(&self) {
        let clock = Clock::real();
        let idle = self.running.activity().idle();
        let settled = clock.timeout_at(clock.after(PATIENCE), idle).await.is_ok();
        assert!(settled, "still at work: {:#?}", self.rows().await);
    }

    /// Forgets the changes told so far.
    pub(crate) fn forget_changes(&mut self) {
        while self.changes.try_recv().is_ok() {}
    }

    /// Waits for the next change of anything that is watched.
    pub(crate) async fn next_change(&mut self) {
        let clock = Clock::real();
        let changed = clock
            .timeout_at(clock.after(PATIENCE), self.changes.recv())
            .await;
        assert!(changed.is_ok(), "nothing changes");
    }

    pub(crate) async fn rows(&self) -> Vec<Row> {
        self.running.rows().await.unwrap()
    }

    pub(crate) async fn row(&self, kind: &str, namespace: &str, name: &str) -> Row {
        let rows = self.rows().await;
        let found = rows
            .into_iter()
            .find(|row| (&*row.kind, &*row.namespace, &*row.name) == (kind, namespace, name));
        found.unwrap_or_else(|| panic!("no {kind} {namespace}/{name}"))
    }

    /// Waits until a row is as wanted.
    pub(crate) async fn until(
        &mut self,
        row: (&str, &str, &str),
        wanted: impl Fn(&Row) -> bool,
    ) -> Row {
        let clock = Clock::real();
        let deadline = clock.after(PATIENCE);
        loop {
            let now = self.row(row.0, row.1, row.2).await;
            if wanted(&now) {
                return now;
            }
            let changed = clock.timeout_at(deadline, self.changes.recv()).await;
            assert!(changed.is_ok(), "never as wanted: {now:#?}");
        }
    }

    /// Waits until an object is as wanted; `None` stands for one that is not there.
    pub(crate) async fn until_object(
        &mut self,
        id: (&str, &str, &str, &str),
        wanted: impl Fn(Option<&Object>) -> bool,
    ) {
        let clock = Clock::real();
        let deadline = clock.after(PATIENCE);
        loop {
            let now = self.get(id.0, id.1, id.2, id.3).await;
            if wanted(now.as_ref()) {
                return;
            }
            let changed = clock.timeout_at(deadline, self.changes.recv()).await;
            assert!(changed.is_ok(), "never as wanted: {now:#?}");
        }
    }

    /// An object, as the administrator sees it.
    pub(crate) async fn get(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Option<Object> {
        let resource = self
            .admin()
            .resource(&Gvk::new(api_version, kind))
            .await
            .unwrap();
        self.admin().find(&resource, namespace, name).await.unwrap()
    }

    /// A change by hand, as `kubectl edit` makes it.
    pub(crate) async fn edit(&self, api_version: &str, kind: &str, id: (&str, &str), patch: Value) {
        let resource = self
            .admin()
            .resource(&Gvk::new(api_version, kind))
            .await
            .unwrap();
        let target = Target {
            resource: &resource,
            namespace: id.0,
            name: id.1,
        };
        let query = Query::new().with("fieldManager", "kubectl-edit");
        self.admin()
            .patch(target, Patch::Merge, &patch, query)
            .await
            .unwrap();
    }

    pub(crate) fn admin(&self) -> &Client {
        self.running.admin()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    /// Writes a file as an editor does: the whole of it under another name, then renamed.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        let aside = path.with_extension("new");
        fs::write(&aside, text).unwrap();
        fs::rename(aside, path).unwrap();
    }

    /// Replaces text in a file; it must be there.
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(from), "{path} holds no {from:?}");
        self.write(path, &text.replace(from, to));
    }
}

/// Whether everything that has a controller is ready.
pub(crate) fn all_ready(rows: &[Row]) -> bool {
    rows.iter()
        .all(|row| matches!(row.state, State::Ready | State::Unserved))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
