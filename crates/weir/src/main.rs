//! The binary: reads flags, environment, home and terminal, and calls the rest.

mod commands;
mod environment;
mod flags;
mod follow;
mod global;
mod interrupt;
mod kubeconfig;
mod noun;
#[cfg(test)]
mod reference;
mod refusal;
mod row;
mod selector;
mod session;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::main(std::env::args_os())
}
