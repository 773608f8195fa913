//! Automation of this repository, run as `cargo xtask`.

mod bench;
mod control_plane;
mod directories;
mod scripts;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use control_plane::{ControlPlane, Programs};

/// Automation of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A real Kubernetes control plane, built from its Go modules.
    #[command(subcommand)]
    ControlPlane(PlaneCommand),
    /// The scripts that the embedded API server is held against.
    #[command(subcommand)]
    Scripts(ScriptsCommand),
    /// Measurements, on a release build.
    #[command(subcommand)]
    Bench(BenchCommand),
}

#[derive(Subcommand)]
enum BenchCommand {
    /// From a saved file to the applied object, on the example fleet.
    Reload {
        /// How many edits.
        #[arg(default_value_t = 200)]
        edits: usize,
    },
}

#[derive(Subcommand)]
enum PlaneCommand {
    /// Build what is missing, start everything on an empty cluster, print the kubeconfig.
    Up,
    /// Say what runs.
    Status,
    /// Stop exactly what `up` started.
    Down,
    /// Print the path of the kubectl that belongs to it; build it when missing.
    KubectlPath,
}

#[derive(Subcommand)]
enum ScriptsCommand {
    /// Play them on the real server and write down what it answers.
    Record(Selection),
    /// Play them on the real server and compare with what was written down.
    Check(Selection),
}

#[derive(clap::Args)]
struct Selection {
    /// Only scripts whose name contains one of these.
    names: Vec<String>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match Cli::parse().command {
        Command::Bench(BenchCommand::Reload { edits }) => bench::reload(edits),
        Command::ControlPlane(command) => {
            let plane = ControlPlane::of_user()?;
            match command {
                PlaneCommand::Up => {
                    runtime.block_on(plane.up())?;
                    say(&plane.status());
                }
                PlaneCommand::Status => say(&plane.status()),
                PlaneCommand::Down => plane.down()?,
                PlaneCommand::KubectlPath => {
                    let programs = Programs::of_checkout()?;
                    programs.build()?;
                    say(&format!("{}\n", programs.path("kubectl").display()));
                }
            }
            Ok(())
        }
        Command::Scripts(command) => {
            let (selection, task) = match command {
                ScriptsCommand::Record(selection) => (selection, scripts::Task::Record),
                ScriptsCommand::Check(selection) => (selection, scripts::Task::Check),
            };
            let report = runtime.block_on(scripts::run(task, &selection.names))?;
            say(&report);
            Ok(())
        }
    }
}

/// The one place that writes to the standard output.
#[expect(clippy::print_stdout, reason = "this is a program for the terminal")]
fn say(text: &str) {
    print!("{text}");
}
