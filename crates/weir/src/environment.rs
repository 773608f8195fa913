//! What the environment says: the one place that reads it.

use std::path::PathBuf;

/// A variable's value, where it is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn home() -> Option<PathBuf> {
    variable("HOME").map(PathBuf::from)
}

/// Where clients look for kubeconfigs when no flag names one: `$KUBECONFIG`'s list, else `~/.kube/config`.
pub(crate) fn kubeconfigs() -> Vec<PathBuf> {
    match std::env::var_os("KUBECONFIG").filter(|list| !list.is_empty()) {
        Some(list) => std::env::split_paths(&list)
            .filter(|path| !path.as_os_str().is_empty())
            .collect(),
        None => home()
            .map(|home| home.join(".kube/config"))
            .into_iter()
            .collect(),
    }
}

/// Where programs keep their state (XDG base directories).
pub(crate) fn state() -> Option<PathBuf> {
    let named = variable("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    named.or_else(|| home().map(|home| home.join(".local/state")))
}

/// The kubeconfig of a running fleet's cluster.
pub(crate) fn fleet_kubeconfig(name: &str) -> Option<PathBuf> {
    state().map(|state| state.join("weir").join(name).join("kubeconfig"))
}

/// Whether a variable says yes.
pub(crate) fn is_on(name: &str) -> bool {
    variable(name)
        .is_some_and(|value| matches!(value.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"))
}
