//! `weir up`: runs a cluster of a fleet on an embedded Kubernetes API.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use fleet::rows::State;
use fleet::{Fleet, Options, Row, Running};

use super::Outcome;
use crate::global::{Global, duration};
use crate::interrupt::interrupted;
use crate::kubeconfig::Kubeconfig;
use crate::row::shorten;
use crate::{environment, terminal};

/// Run a cluster of a fleet on an embedded Kubernetes API
///
/// Starts an API server in this process, applies the cluster's flux-system/ as bootstrap did, and runs the controllers the fleet
/// declares: clusters, infrastructure, tenants, each tenant impersonated. A saved file is applied at once.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory with a fleet.yaml, or with clusters that hold a flux-system/
    #[arg(value_name = "FLEET", default_value = ".")]
    path: PathBuf,
    /// Run until nothing is left to do, print, stop, and exit 0 if everything is ready, else 1
    #[arg(long)]
    wait: bool,
    /// Address to serve the Kubernetes API on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where to write the kubeconfig; by default under the XDG state directory
    #[arg(long, value_name = "PATH")]
    write_kubeconfig: Option<PathBuf>,
    /// Time each step of a simulated rollout takes; 0 for none
    #[arg(long, value_name = "DURATION", default_value = "300ms", value_parser = duration)]
    simulate_delay: Duration,
    /// What objects of kinds that no controller here reconciles count as: ignore or fail
    #[arg(long, value_name = "MODE", default_value = "ignore", value_parser = ["ignore", "fail"])]
    unserved: String,
}

pub(crate) async fn run(global: &Global, args: Args) -> Outcome {
    let fleet = Fleet::load(&args.path)?;
    let cluster = match fleet.cluster(global.cluster.as_deref()) {
        Ok(cluster) => cluster.clone(),
        Err(error) => {
            terminal::failure(&error.to_string());
            return Ok(ExitCode::from(2));
        }
    };
    terminal::action(&format!(
        "starting {} of {}",
        cluster.name,
        fleet.root.display()
    ));
    let options = Options {
        simulate_delay: args.simulate_delay,
        ..Options::default()
    };
    let running = tokio::select! {
        running = Running::start(&fleet, &cluster, &options) => running?,
        () = interrupted() => return Ok(ExitCode::from(130)),
    };
    let listening = running.server().listen(args.listen).await?;
    let path = args
        .write_kubeconfig
        .or_else(|| environment::fleet_kubeconfig(&cluster.name));
    let path = path
        .context("neither XDG_STATE_HOME nor HOME is set; say where to with --write-kubeconfig")?;
    let kubeconfig = Kubeconfig::write(
        path,
        &listening.kubeconfig(&format!("weir-{}", cluster.name)),
    )?;
    let Some(quiescent) = settle(&running, global.timeout).await else {
        running.stop().await;
        return Ok(ExitCode::from(130));
    };
    let rows = running.rows().await?;
    for complaint in running.complaints() {
        terminal::warning(&complaint);
    }
    terminal::print(&report(&rows));
    if args.wait {
        running.stop().await;
        if !quiescent {
            terminal::failure(&format!("still at work after {:?}", global.timeout));
            return Ok(ExitCode::FAILURE);
        }
        return Ok(verdict(&rows, &args.unserved));
    }
    explain(kubeconfig.path(), &cluster.name);
    follow(&running, &rows).await;
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Tells what happens until nothing is left to do; whether that was within `timeout`, or `None` when interrupted.
async fn settle(running: &Running, timeout: Duration) -> Option<bool> {
    let mut progress = Progress::default();
    let settled = running.quiescent(timeout);
    tokio::pin!(settled);
    loop {
        let tick = running.clock().sleep(Duration::from_millis(100));
        tokio::select! {
            settled = &mut settled => return Some(settled),
            () = tick => progress.tell(&running.rows().await.unwrap_or_default()),
            () = interrupted() => return None,
        }
    }
}

/// Tells what changes from `rows` on, until interrupted.
async fn follow(running: &Running, rows: &[Row]) {
    let mut progress = Progress::default();
    progress.remember(rows);
    loop {
        tokio::select! {
            () = running.clock().sleep(Duration::from_millis(200)) => {
                progress.tell(&running.rows().await.unwrap_or_default());
            }
            () = interrupted() => return,
        }
    }
}

/// Says whether everything is ready.
fn verdict(rows: &[Row], unserved: &str) -> ExitCode {
    let bad = rows
        .iter()
        .filter(|row| counts_as_bad(row, unserved))
        .count();
    if bad > 0 {
        terminal::failure(&format!("{bad} of {} not ready", rows.len()));
        return ExitCode::FAILURE;
    }
    terminal::success(&format!("{} objects ready", rows.len()));
    ExitCode::SUCCESS
}

fn counts_as_bad(row: &Row, unserved: &str) -> bool {
    match row.state {
        State::Ready | State::Suspended => false,
        State::Unserved => unserved == "fail",
        State::Failing | State::Progressing => true,
    }
}

/// Prints a line for each object whose state, revision or message moved.
#[derive(Default)]
struct Progress(BTreeMap<(String, String, String), (State, String, String)>);

fn key(row: &Row) -> (String, String, String) {
    (row.kind.clone(), row.namespace.clone(), row.name.clone())
}

fn state(row: &Row) -> (State, String, String) {
    (row.state, row.revision.clone(), row.message.clone())
}

impl Progress {
    /// Takes rows as told.
    fn remember(&mut self, rows: &[Row]) {
        self.0.extend(rows.iter().map(|row| (key(row), state(row))));
    }

    fn tell(&mut self, rows: &[Row]) {
        for row in rows {
            let (key, now) = (key(row), state(row));
            if self.0.get(&key) == Some(&now) {
                continue;
            }
            let symbol = match row.state {
                State::Ready => "✔",
                State::Failing if !row.is_consequence() => "✗",
                _ => "◎",
            };
            let message = row.message.lines().next().unwrap_or_default();
            terminal::say(
                symbol,
                &format!(
                    "{}/{}/{} {} {message}",
                    row.kind, row.namespace, row.name, row.state
                ),
            );
            self.0.insert(key, now);
        }
    }
}

/// The table, root causes first.
fn report(rows: &[Row]) -> String {
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            vec![
                row.namespace.clone(),
                format!("{}/{}", row.kind.to_lowercase(), row.name),
                shorten(&row.revision),
                row.state.to_string(),
                shorten(&row.message),
            ]
        })
        .collect();
    terminal::table(
        Some(&["namespace", "name", "revision", "state", "message"]),
        &cells,
    )
}

/// How to use a running fleet.
fn explain(kubeconfig: &Path, cluster: &str) {
    let path = kubeconfig.display();
    terminal::success(&format!("serving {cluster}; kubeconfig: {path}"));
    terminal::action(&format!("weir get all -A --fleet {cluster}"));
    terminal::action(&format!("kubectl --kubeconfig {path} get pods -A"));
    terminal::action("save a file of the fleet and watch; Ctrl-C stops");
}
