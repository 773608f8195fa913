//! Where things lie: the checkout, the user's cache, the user's state.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The root of the checkout this xtask was built in.
pub(crate) fn checkout() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// What can be made again: `$XDG_CACHE_HOME/weir`.
pub(crate) fn cache() -> Result<PathBuf> {
    under("XDG_CACHE_HOME", ".cache")
}

/// What belongs to something that runs: `$XDG_STATE_HOME/weir`.
pub(crate) fn state() -> Result<PathBuf> {
    under("XDG_STATE_HOME", ".local/state")
}

fn under(variable: &str, default: &str) -> Result<PathBuf> {
    let base = match env::var_os(variable).map(PathBuf::from) {
        Some(base) if base.is_absolute() => base,
        _ => PathBuf::from(env::var_os("HOME").context("HOME is not set")?).join(default),
    };
    Ok(base.join("weir"))
}
