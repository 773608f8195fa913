//! Measurements: each is an example of the crate it measures, run on a release build.

use std::process::Command;

use anyhow::{Result, bail};

/// From a saved file to the applied object.
pub(crate) fn reload(edits: usize) -> Result<()> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let edits = edits.to_string();
    let arguments = [
        "run",
        "--release",
        "--quiet",
        "--package",
        "fleet",
        "--example",
        "reload",
        &edits,
    ];
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let status = Command::new(cargo)
        .args(arguments)
        .current_dir(root)
        .status()?;
    if !status.success() {
        bail!("the measurement failed");
    }
    Ok(())
}
