//! The commands, one file each.

mod api_server;
mod build;
mod check;
mod controller;
mod get;
mod install;
mod reconcile;
mod resume;
mod served;
mod suspend;
mod up;
mod version;
mod wait;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::global::Global;
use crate::{flags, refusal, terminal};

/// Flux v2 in one binary; the whole fleet runs anywhere
///
/// `weir up` runs a fleet repository on an embedded Kubernetes API. The other commands are those of Flux's command line: they act on the
/// cluster that the kubeconfig names, or, with --fleet, on one that `weir up` runs. Called as `flux`, it is that program.
#[derive(Parser)]
#[command(name = "weir", version = concat!(env!("CARGO_PKG_VERSION"), " (flux 2.9.4)"), arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

#[derive(Subcommand)]
enum Command {
    ApiServer(api_server::Args),
    Build(build::Args),
    Check(check::Args),
    Get(get::Args),
    Install(install::Args),
    Reconcile(reconcile::Args),
    Resume(resume::Args),
    Suspend(suspend::Args),
    Up {
        #[command(flatten)]
        args: up::Args,
        /// As --verbose
        #[arg(short = 'v')]
        chatty: bool,
    },
    Version(version::Args),
    Wait(wait::Args),
}

/// What a command ends in: its exit code, or an error (exit 1).
type Outcome = anyhow::Result<ExitCode>;

/// The program: reads the command line and runs what it says.
pub(crate) fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    if let Some(controller) = args
        .get(1)
        .and_then(|name| controller::named(&name.to_string_lossy()))
    {
        return controller::run(controller, &args[2..]);
    }
    let called = args
        .first()
        .map(Path::new)
        .and_then(Path::file_stem)
        .unwrap_or_default();
    let command = command(&called.to_string_lossy());
    let args = flags::normal(args, &command);
    let matches = command.try_get_matches_from(args);
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    match cli {
        Ok(cli) => run(cli),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                terminal::print(&error.to_string());
                ExitCode::SUCCESS
            }
            _ => {
                terminal::failure(&refusal::message(&error));
                ExitCode::FAILURE
            }
        },
    }
}

/// The command line under the name that the program was called by.
fn command(called: &str) -> clap::Command {
    let command = Cli::command();
    if called == "flux" {
        command.name("flux").version("version 2.9.4")
    } else {
        command
    }
}

fn run(cli: Cli) -> ExitCode {
    let is_chatty = cli.global.verbose || matches!(cli.command, Command::Up { chatty: true, .. });
    let level = if is_chatty { "info" } else { "off" };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(level)
        .with_target(false)
        .with_ansi(false)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::failure(&error.to_string());
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(dispatch(cli));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome.unwrap_or_else(|error| {
        terminal::failure(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

async fn dispatch(cli: Cli) -> Outcome {
    let Cli { command, global } = cli;
    global.check()?;
    match command {
        Command::ApiServer(args) => api_server::run(args).await,
        Command::Build(args) => build::run(&global, &args).await,
        Command::Check(args) => check::run(&global, &args).await,
        Command::Get(args) => get::run(&global, args).await,
        Command::Install(args) => install::run(&global, args),
        Command::Reconcile(args) => reconcile::run(&global, &args).await,
        Command::Resume(args) => resume::run(&global, &args).await,
        Command::Suspend(args) => suspend::run(&global, &args).await,
        Command::Up { args, .. } => up::run(&global, args).await,
        Command::Version(args) => version::run(&global, &args).await,
        Command::Wait(args) => wait::run(&global, &args).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    fn refused(line: &str) -> String {
        let error = command("flux")
            .try_get_matches_from(line.split_whitespace())
            .unwrap_err();
        refusal::message(&error)
    }

    #[test]
    fn what_is_missing_is_refused_by_name() {
        assert_eq!(
            refused("flux bootstrap github"),
            "flux bootstrap is not in this version of Weir"
        );
        assert_eq!(
            refused("flux frobnicate"),
            "unknown command \"frobnicate\" for \"flux\""
        );
        assert_eq!(refused("flux get ks --colour"), "unknown flag: --colour");
        assert_eq!(
            refused("flux reconcile hr x --force"),
            "the flag --force is not in this version of Weir"
        );
    }
}
