//! `api-server`: the embedded Kubernetes API, alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use apiserver::{Config, Server};

use super::Outcome;
use crate::interrupt::interrupted;
use crate::kubeconfig::Kubeconfig;
use crate::{environment, terminal};

/// Serve an empty Kubernetes API, until Ctrl-C
///
/// What is written is kept in memory only, and no workload runs. `weir up` runs a fleet on the same API.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Address to serve on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where to write the kubeconfig; by default under the XDG state directory, where `--fleet api-server` finds it
    #[arg(long, value_name = "PATH")]
    write_kubeconfig: Option<PathBuf>,
}

pub(crate) async fn run(args: Args) -> Outcome {
    let path = args
        .write_kubeconfig
        .or_else(|| environment::fleet_kubeconfig("api-server"));
    let path = path
        .context("neither XDG_STATE_HOME nor HOME is set; say where to with --write-kubeconfig")?;
    let server = Server::new(Config::real());
    let listening = server.listen(args.listen).await?;
    let kubeconfig = Kubeconfig::write(path, &listening.kubeconfig("weir-api-server"))?;
    terminal::success(&format!(
        "serving {}; kubeconfig: {}",
        listening.url(),
        kubeconfig.path().display()
    ));
    interrupted().await;
    server.stop();
    Ok(ExitCode::SUCCESS)
}
