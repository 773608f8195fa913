//! Automation of this repository, run as `cargo xtask`.

use clap::Parser;

/// Automation of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {}

fn main() {
    Cli::parse();
}
