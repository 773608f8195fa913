//! A real Kubernetes control plane on this machine: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, and kwok for
//! a node. It is the oracle: what it answers is what the embedded server is held against.
//!
//! Programs are built from their Go modules (`tools/control-plane`), run on free loopback ports, and leave pid files, so that
//! `down` stops exactly what `up` started. Every `up` begins with an empty cluster.

mod build;
mod pki;
mod process;
mod programs;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clock::Clock;
use serde_json::{Value, json};
use testkit::https::{Endpoint, Https};
use testkit::target::{Target, Who};

pub(crate) use build::Programs;
use process::Process;
use programs::Settings;

/// Directories of single runs are called after the process.
const RUN: &str = "control-plane-of-";

/// Which programs run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// Everything, with a node: Deployments become available.
    Whole,
    /// The API server and the controllers that belong to the API itself (namespaces, garbage, accounts, quota): nothing else
    /// touches an object, so answers are the same every time. Scripts are recorded on it.
    Api,
}

/// A control plane, running or not: a directory with certificates, logs, pid files and the data of etcd.
pub(crate) struct ControlPlane {
    extent: Extent,
    dir: PathBuf,
}

impl ControlPlane {
    /// The user's one control plane, which outlives the command that started it.
    pub(crate) fn of_user() -> Result<Self> {
        let dir = crate::directories::state()?.join("control-plane");
        Ok(Self {
            extent: Extent::Whole,
            dir,
        })
    }

    /// One for this run of xtask alone, with nothing but the API. What an earlier run could not stop is stopped first.
    pub(crate) fn of_this_run() -> Result<Self> {
        let state = crate::directories::state()?;
        for entry in fs::read_dir(&state).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let run = name.strip_prefix(RUN).and_then(|pid| pid.parse().ok());
            if run.is_some_and(|pid| !process::exists(pid)) {
                let stale = Self {
                    extent: Extent::Api,
                    dir: entry.path(),
                };
                stale.remove()?;
            }
        }
        let dir = state.join(format!("{RUN}{}", std::process::id()));
        Ok(Self {
            extent: Extent::Api,
            dir,
        })
    }

    /// Stops it and removes what it left.
    pub(crate) fn remove(&self) -> Result<()> {
        self.down()?;
        fs::remove_dir_all(&self.dir).context("removing the data of a run")
    }

    /// Where the administrator's kubeconfig lies while it runs.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.dir.join("admin.kubeconfig")
    }

    /// The administrator's way in.
    pub(crate) fn target(&self) -> Result<Https> {
        let pem = |name: &str| read(&self.dir.join("pki").join(name));
        let endpoint = Endpoint {
            server: read(&self.dir.join("server"))?,
            ca: pem("ca.crt")?,
            certificate: pem("admin.crt")?,
            key: pem("admin.key")?,
        };
        Ok(Https::new(&endpoint)?)
    }

    /// Whether every program that `up` started still runs.
    pub(crate) fn is_up(&self) -> bool {
        let running = self.processes();
        !running.is_empty() && running.iter().all(Process::is_alive)
    }

    /// Builds what is missing, starts everything on an empty store, and returns once it answers and has its node.
    pub(crate) async fn up(&self) -> Result<()> {
        if self.is_up() {
            return Ok(());
        }
        self.down()?;
        let programs = Programs::of_checkout()?;
        programs.build()?;
        if self.dir.exists() {
            fs::remove_dir_all(&self.dir).context("removing the last run's data")?;
        }
        let settings = Settings::prepare(&self.dir, &programs)?;
        let started = self.start(&settings).await;
        if started.is_err() {
            self.down()?;
        }
        started
    }

    async fn start(&self, settings: &Settings) -> Result<()> {
        process::start(&self.dir, &settings.etcd())?;
        process::start(&self.dir, &settings.apiserver())?;
        let target = self.target()?;
        until(&target, "/readyz", Duration::from_secs(60)).await?;
        process::start(&self.dir, &settings.controller_manager(self.extent))?;
        if self.extent == Extent::Whole {
            process::start(&self.dir, &settings.scheduler())?;
            process::start(&self.dir, &settings.kwok()?)?;
            send(&target, "POST", "/api/v1/nodes", Some(&node())).await?;
        }
        // The first thing a namespace needs; with it the controllers are known to work.
        let account = "/api/v1/namespaces/default/serviceaccounts/default";
        until(&target, account, Duration::from_secs(60)).await?;
        if self.extent == Extent::Whole {
            self.until_node_is_ready(&target).await?;
        }
        Ok(())
    }

    async fn until_node_is_ready(&self, target: &Https) -> Result<()> {
        let clock = Clock::real();
        let deadline = clock.after(Duration::from_secs(60));
        loop {
            let (_, answer) = send(target, "GET", "/api/v1/nodes/node-0", None).await?;
            let conditions = answer
                .pointer("/status/conditions")
                .and_then(Value::as_array);
            let ready = conditions
                .into_iter()
                .flatten()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            if ready {
                return Ok(());
            }
            if clock.now() > deadline {
                bail!(
                    "the node did not become ready: see {}",
                    self.dir.join("logs").display()
                );
            }
            clock.sleep(Duration::from_millis(100)).await;
        }
    }

    /// A line per program, and how to reach the cluster.
    pub(crate) fn status(&self) -> String {
        let running = self.processes();
        if running.is_empty() {
            return "not running\n".to_owned();
        }
        let mut text = String::new();
        for process in &running {
            let state = if process.is_alive() {
                "running"
            } else {
                "gone"
            };
            text += &format!("{:<24} {state} (pid {})\n", process.name, process.pid);
        }
        text + &format!("export KUBECONFIG={}\n", self.kubeconfig().display())
    }

    /// Stops what `up` started, the last started first.
    pub(crate) fn down(&self) -> Result<()> {
        let mut running = self.processes();
        running.reverse();
        for process in running {
            process.stop()?;
            process.forget(&self.dir)?;
        }
        Ok(())
    }

    fn processes(&self) -> Vec<Process> {
        process::recorded(&self.dir)
    }
}

/// A node large enough for any example; kwok plays its kubelet.
fn node() -> Value {
    let resources = json!({"cpu": "64", "memory": "256Gi", "pods": "500"});
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "node-0", "labels": {"kubernetes.io/hostname": "node-0", "kubernetes.io/os": "linux"}},
        "status": {"capacity": resources, "allocatable": resources},
    })
}

async fn until(target: &Https, path: &str, patience: Duration) -> Result<()> {
    let clock = Clock::real();
    let deadline = clock.after(patience);
    loop {
        if let Ok((200, _)) = send(target, "GET", path, None).await {
            return Ok(());
        }
        if clock.now() > deadline {
            bail!("{path} did not answer in {} seconds", patience.as_secs());
        }
        clock.sleep(Duration::from_millis(100)).await;
    }
}

async fn send(
    target: &Https,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<(u16, Value)> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("Content-Type", "application/json")
        .body(body.into())?;
    let response = target
        .send(Who::Administrator, request)
        .await
        .map_err(anyhow::Error::from_boxed)?;
    let code = response.status().as_u16();
    let bytes = testkit::target::collect(response.into_body())
        .await
        .map_err(anyhow::Error::from_boxed)?;
    Ok((code, serde_json::from_slice(&bytes).unwrap_or_default()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}
