//! What upstream's command line has and this version does not: refused by name.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Upstream's verbs that this version lacks.
pub(crate) const VERBS: &[&str] = &[
    "bootstrap",
    "completion",
    "create",
    "debug",
    "delete",
    "diff",
    "envsubst",
    "events",
    "export",
    "list",
    "logs",
    "migrate",
    "plugin",
    "pull",
    "push",
    "stats",
    "tag",
    "trace",
    "tree",
    "trigger",
    "uninstall",
];

/// Upstream's flags that this version lacks, on verbs that it has.
pub(crate) const FLAGS: &[&str] = &[
    "--force",
    "--in-memory-build",
    "--local-sources",
    "--manifests",
    "--poll-interval",
    "--recursive",
    "--registry-creds",
    "--reset",
];

/// What a command line that clap refused is answered with, in cobra's words where it has some.
pub(crate) fn message(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(list)) => list.first().cloned(),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let verb = context(ContextKind::InvalidSubcommand).unwrap_or_default();
            if VERBS.contains(&verb.as_str()) {
                return format!("flux {verb} is not in this version of Weir");
            }
            format!("unknown command {verb:?} for \"flux\"")
        }
        ErrorKind::UnknownArgument => {
            let given = context(ContextKind::InvalidArg).unwrap_or_default();
            let flag = given.split('=').next().unwrap_or_default();
            if FLAGS.contains(&flag) {
                return format!("the flag {flag} is not in this version of Weir");
            }
            match flag.strip_prefix("--") {
                Some(_) => format!("unknown flag: {flag}"),
                None if flag.starts_with('-') => format!("unknown shorthand flag: {flag}"),
                None => format!("unknown argument {flag:?}"),
            }
        }
        _ => {
            // The first sentence; usage and hints are what `--help` is for.
            let text = error.to_string();
            let lines = text.lines().take_while(|line| !line.is_empty());
            let joined = lines.map(str::trim).collect::<Vec<_>>().join(" ");
            joined.trim_start_matches("error: ").to_owned()
        }
    }
}
