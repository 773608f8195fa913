//! The binary: reads flags, environment, home and terminal, and calls the rest.

use clap::Parser;

/// Flux v2 in one binary; the whole fleet runs anywhere.
#[derive(Parser)]
#[command(name = "weir", version)]
struct Cli {}

fn main() {
    Cli::parse();
}
