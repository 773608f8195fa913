//! A cluster and a shell to act on it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use apiserver::{Caller, Config, Server, User};
use clock::Clock;
use cluster::{Client, Patch, Query, Resource, Target};
use krm::{Object, Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

/// A home directory and a program.
pub(crate) struct Shell {
    home: TempDir,
    program: PathBuf,
}

impl Shell {
    pub(crate) fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            program: env!("CARGO_BIN_EXE_weir").into(),
        }
    }

    /// The same program under another name.
    pub(crate) fn called(name: &str) -> Self {
        let mut shell = Self::new();
        let program = shell.home.path().join(name);
        std::fs::hard_link(env!("CARGO_BIN_EXE_weir"), &program)
            .or_else(|_| std::fs::copy(env!("CARGO_BIN_EXE_weir"), &program).map(drop))
            .unwrap();
        shell.program = program;
        shell
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(line.split_whitespace())
            .env_clear()
            .env("HOME", self.home.path())
            .current_dir(self.home.path());
        command
    }

    /// What a command line gives.
    pub(crate) fn run(&self, line: &str) -> String {
        self.show(&self.command(line).output().unwrap())
    }

    fn show(&self, output: &Output) -> String {
        let clean = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.replace('\t', "|")
                .replace(&self.home.path().display().to_string(), "$HOME")
        };
        let (out, error) = (clean(&output.stdout), clean(&output.stderr));
        let code = output
            .status
            .code()
            .map_or("none".to_owned(), |code| code.to_string());
        let error = if error.is_empty() {
            error
        } else {
            format!("--- stderr\n{error}")
        };
        format!("{out}{error}--- exit {code}")
    }
}

/// A cluster with the toolkit's definitions, and a shell whose home holds its kubeconfig.
pub(crate) struct World {
    runtime: tokio::runtime::Runtime,
    server: Server,
    client: Client,
    shell: Shell,
    address: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let shell = Shell::new();
        let (server, listening) = runtime.block_on(async {
            let server = Server::new(Config::real());
            let listening = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
            (server, listening)
        });
        let directory = shell.home().join(".kube");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("config"), listening.kubeconfig("weir-test")).unwrap();
        let admin = User {
            name: "admin".into(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            ..User::default()
        };
        let service = server.service(Caller::InProcess(admin));
        let transport = cluster::Transport::new(service.map_err(|never| match never {}));
        let client = Client::new(transport, Clock::real(), "test");
        let world = Self {
            runtime,
            server,
            client,
            shell,
            address: listening.url(),
        };
        let definitions = Resource::new(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "customresourcedefinitions",
            false,
        );
        for definition in api::crds() {
            world.create(&definitions, definition);
        }
        world.create(
            &Resource::new("v1", "Namespace", "namespaces", false),
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}),
        );
        world
    }

    fn create(&self, resource: &Resource, object: Value) {
        let object = Object::try_from(object).unwrap();
        self.runtime
            .block_on(self.client.create(resource, &object, Query::new()))
            .unwrap();
    }

    fn resource(kind: &str) -> Resource {
        let kind = api::KINDS.into_iter().find(|row| row.kind == kind).unwrap();
        Resource::new(&kind.api_version(), kind.kind, kind.plural, true)
    }

    /// An object of a toolkit kind in `flux-system`, with the status that a controller would give it.
    pub(crate) fn object(&self, kind: &str, name: &str, spec: Value, status: Value) {
        let resource = Self::resource(kind);
        let object = json!({
            "apiVersion": resource.gvk.api_version(),
            "kind": kind,
            "metadata": {"name": name, "namespace": "flux-system"},
            "spec": spec,
        });
        self.create(&resource, object);
        self.set_status(kind, name, status);
    }

    /// A Deployment in `flux-system`, as upstream installs its controllers.
    pub(crate) fn upstreams_controller(&self, name: &str) {
        let labels = json!({"app": name});
        let container =
            json!({"name": "manager", "image": format!("ghcr.io/fluxcd/{name}:v1.0.0")});
        let deployments = Resource::new("apps/v1", "Deployment", "deployments", true);
        self.create(
            &deployments,
            json!({
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": name, "namespace": "flux-system", "labels": {"app.kubernetes.io/part-of": "flux"}},
                "spec": {
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
                },
            }),
        );
    }

    pub(crate) fn set_status(&self, kind: &str, name: &str, status: Value) {
        if status.is_null() {
            return;
        }
        let resource = Self::resource(kind);
        let name = format!("{name}/status");
        let target = Target {
            resource: &resource,
            namespace: "flux-system",
            name: &name,
        };
        let body = json!({"status": status});
        self.runtime
            .block_on(self.client.patch(target, Patch::Merge, &body, Query::new()))
            .unwrap();
    }

    /// An object as it is now.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Object {
        self.runtime
            .block_on(self.client.get(&Self::resource(kind), "flux-system", name))
            .unwrap()
    }

    /// Plays the controller of an object in the background: each new request, and each new generation, is answered with `status`.
    pub(crate) fn reconciling(&self, kind: &str, name: &str, status: Value) {
        let (client, resource, name) = (self.client.clone(), Self::resource(kind), name.to_owned());
        let scope = cluster::watch::Scope {
            namespace: "flux-system".into(),
            fields: format!("metadata.name={name}"),
            ..cluster::watch::Scope::all(resource.clone())
        };
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let watched = client.clone();
        self.runtime.spawn(async move {
            cluster::watch::run(watched, scope, move |change| {
                if let cluster::watch::Change::Applied(object) = change {
                    let _ = tell.send(object);
                }
            })
            .await;
        });
        self.runtime.spawn(async move {
            while let Some(object) = told.recv().await {
                let request = object
                    .annotation("reconcile.fluxcd.io/requestedAt")
                    .unwrap_or_default();
                let mut status = status.clone();
                status["lastHandledReconcileAt"] = request.into();
                status["observedGeneration"] = object.generation().into();
                status["conditions"][0]["observedGeneration"] = object.generation().into();
                status["conditions"][0]["lastTransitionTime"] = "2026-01-01T00:00:00Z".into();
                let handled = object
                    .pointer("/status/lastHandledReconcileAt")
                    .and_then(Value::as_str);
                let observed = object
                    .pointer("/status/observedGeneration")
                    .and_then(Value::as_i64);
                if handled == Some(request) && observed == Some(object.generation()) {
                    continue;
                }
                let name = format!("{name}/status");
                let target = Target {
                    resource: &resource,
                    namespace: "flux-system",
                    name: &name,
                };
                client
                    .patch(
                        target,
                        Patch::Merge,
                        &json!({"status": status}),
                        Query::new(),
                    )
                    .await
                    .unwrap();
            }
        });
    }

    /// What a command line gives.
    pub(crate) fn run(&self, line: &str) -> String {
        self.shell.run(line).replace(&self.address, "$SERVER")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.stop();
    }
}

/// A status whose Ready condition says so.
pub(crate) fn ready(status: &str, reason: &str, message: &str) -> Value {
    json!({"conditions": [{
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]})
}
