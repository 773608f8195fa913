//! `weir source-controller`, `weir kustomize-controller`, …: what the Deployments of an installation run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;

use api::install::{COMPONENTS, Component};
use controllers::flags::Flags;

use crate::{environment, terminal};

/// The controller of a name.
pub(super) fn named(name: &str) -> Option<&'static Component> {
    COMPONENTS.iter().find(|component| component.name == name)
}

/// Reads the controller's flags, and says that it does not run by itself in this version.
pub(super) fn run(controller: &Component, args: &[OsString]) -> ExitCode {
    let name = controller.name;
    let args: Vec<String> = args
        .iter()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    let namespace = environment::variable("RUNTIME_NAMESPACE")
        .map(|namespace| ("RUNTIME_NAMESPACE".to_owned(), namespace));
    let variables: BTreeMap<_, _> = namespace.into_iter().collect();
    match Flags::parse(name, &args, &variables) {
        Err(error) => terminal::failure(&error.to_string()),
        Ok(flags) => {
            for warning in &flags.warnings {
                terminal::warning(warning);
            }
            terminal::failure(&format!(
                "{name} does not run in a cluster in this version of Weir; `weir up` runs a fleet's controllers in its own process"
            ));
        }
    }
    ExitCode::FAILURE
}
