//! `weir source-controller`, `weir kustomize-controller`, …: what the Deployments of an installation run.

use std::ffi::OsString;
use std::process::ExitCode;

use api::install::{COMPONENTS, Component};

use crate::terminal;

/// The controller of a name.
pub(super) fn named(name: &str) -> Option<&'static Component> {
    COMPONENTS.iter().find(|component| component.name == name)
}

/// Reads the controller's flags and says that it does not run by itself in this version.
pub(super) fn run(controller: &Component, _args: &[OsString]) -> ExitCode {
    let name = controller.name;
    terminal::failure(&format!(
        "{name} does not run in a cluster in this version of Weir; `weir up` runs a fleet's controllers in its own process"
    ));
    ExitCode::FAILURE
}
