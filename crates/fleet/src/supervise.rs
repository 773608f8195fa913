//! Runs the controllers a fleet declares, each as its ServiceAccount and with its Deployment's flags; a change restarts it.

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::Guard;
use cluster::watch::{self, Change, Scope};
use cluster::{Client, Resource};
use controllers::flags::Flags;
use controllers::{Caller, Context, Inbox};
use krm::{GroupKind, Object, Value};
use parking_lot::Mutex;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::{AbortHandle, JoinSet};

use crate::up::Shared;

/// Controllers that this version has; the others' kinds are unserved.
pub(crate) const SERVED: [&str; 2] = ["source-controller", "kustomize-controller"];

/// The running source controller's inbox, for whoever sees directories change.
#[derive(Clone, Default)]
pub(crate) struct Sources(Arc<Mutex<Option<Caller>>>);

impl Sources {
    /// Tells the source controller that a URL's directory has changed.
    pub(crate) fn changed(&self, url: &str) {
        if let Some(caller) = &*self.0.lock() {
            caller.mapped_changed(url);
        }
    }
}

/// What a Deployment says about its controller.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Declared {
    name: String,
    namespace: String,
    account: String,
    args: Vec<String>,
    variables: BTreeMap<String, String>,
}

impl Declared {
    fn of(deployment: &Object) -> Option<Self> {
        let namespace = deployment.namespace()?.to_owned();
        let spec = deployment.pointer("/spec/template/spec")?;
        let containers = spec.get("containers")?.as_array()?;
        let manager = containers
            .iter()
            .find(|container| container["name"] == "manager")
            .or_else(|| containers.first())?;
        let strings = |value: Option<&Value>| -> Vec<String> {
            value
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        let mut variables = BTreeMap::new();
        for variable in manager
            .get("env")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let Some(name) = variable.get("name").and_then(Value::as_str) else {
                continue;
            };
            let own_namespace = variable.pointer("/valueFrom/fieldRef/fieldPath")
                == Some(&"metadata.namespace".into());
            let value = variable
                .get("value")
                .and_then(Value::as_str)
                .map(str::to_owned);
            if let Some(value) = value.or_else(|| own_namespace.then(|| namespace.clone())) {
                variables.insert(name.to_owned(), value);
            }
        }
        let account = spec
            .get("serviceAccountName")
            .and_then(Value::as_str)
            .unwrap_or("default")
            .to_owned();
        Some(Self {
            name: deployment.name().into(),
            namespace,
            account,
            args: strings(manager.get("args")),
            variables,
        })
    }
}

/// Runs until dropped.
pub(crate) async fn run(shared: Shared, sources: Sources, starting: Guard) {
    let mut starting = Some(starting);
    let (tell, mut told) = unbounded_channel();
    let scope = Scope {
        labels: "app.kubernetes.io/part-of=flux".into(),
        ..Scope::all(Resource::new("apps/v1", "Deployment", "deployments", true))
    };
    let activity = shared.activity.clone();
    let watching = watch::run(shared.admin.clone(), scope, move |change| {
        // The receiver goes only together with this watch.
        let _ = tell.send((change, activity.begin()));
    });
    tokio::pin!(watching);
    let mut running: BTreeMap<String, (Declared, AbortHandle)> = BTreeMap::new();
    let mut tasks = JoinSet::new();
    loop {
        let (change, guard) = tokio::select! {
            () = &mut watching => continue,
            Some(told) = told.recv() => told,
            Some(_) = tasks.join_next() => continue,
        };
        match change {
            Change::Applied(deployment) if SERVED.contains(&deployment.name()) => {
                let Some(declared) = Declared::of(&deployment) else {
                    continue;
                };
                if running
                    .get(&declared.name)
                    .is_some_and(|(known, _)| *known == declared)
                {
                    continue;
                }
                match start(&shared, &sources, &declared, &mut tasks) {
                    Ok(task) => {
                        if let Some((_, old)) =
                            running.insert(declared.name.clone(), (declared, task))
                        {
                            old.abort();
                        }
                    }
                    Err(error) => shared.complain(error.to_string()),
                }
            }
            Change::Deleted(deployment) => {
                if let Some((_, task)) = running.remove(deployment.name()) {
                    task.abort();
                }
            }
            // Whoever is declared has been started: it counts for itself now.
            Change::Synced | Change::Failing(_) => drop(starting.take()),
            Change::Applied(_) => {}
        }
        drop(guard);
    }
}

fn start(
    shared: &Shared,
    sources: &Sources,
    declared: &Declared,
    tasks: &mut JoinSet<()>,
) -> Result<AbortHandle, controllers::flags::FlagError> {
    let flags = Flags::parse(&declared.name, &declared.args, &declared.variables)?;
    flags
        .warnings
        .iter()
        .for_each(|warning| shared.complain(warning.clone()));
    for flag in &flags.replaced {
        tracing::debug!(
            controller = declared.name,
            flag,
            "replaced by running in one process"
        );
    }
    let user = format!(
        "system:serviceaccount:{}:{}",
        declared.namespace, declared.account
    );
    let client = Client::new(
        shared.transport_for(&user, &declared.namespace),
        shared.clock.clone(),
        &format!("{}/weir", declared.name),
    );
    let default = if declared.name == "source-controller" {
        2
    } else {
        4
    };
    let cx = Context {
        client,
        clock: shared.clock.clone(),
        seed: shared.seed.clone(),
        activity: shared.activity.clone(),
        concurrent: flags.concurrent(default),
        jitter: flags.jitter(),
        retry_delay: flags.retry_delay(),
    };
    let inbox = Inbox::new(&shared.activity);
    let storage = shared.storage.clone();
    Ok(if declared.name == "source-controller" {
        *sources.0.lock() = Some(inbox.caller());
        tasks.spawn(controllers::git_repository::run(
            cx,
            storage,
            shared.mappings.clone(),
            inbox,
        ))
    } else {
        let mut policy = flags.kustomization_policy();
        policy.unserved = unserved();
        tasks.spawn(controllers::kustomization::run(cx, storage, policy, inbox))
    })
}

/// Kinds of the toolkit that no controller here reconciles.
pub(crate) fn unserved() -> Vec<GroupKind> {
    let served = [
        &api::git_repository::GIT_REPOSITORY,
        &api::kustomization::KUSTOMIZATION,
    ];
    api::KINDS
        .iter()
        .filter(|kind| !served.iter().any(|served| served.kind == kind.kind))
        .map(|kind| kind.gvk().group_kind())
        .collect()
}
