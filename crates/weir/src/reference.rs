//! `docs/cli.md`: the command line's reference, made from its definition and kept fresh by a test.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

/// The page.
fn page(mut root: Command) -> String {
    root.build();
    let mut text = String::from(
        "# Command line\n\nGenerated from the program's own definition; `UPDATE_EXPECT=1 cargo test -p weir` writes it anew.\n\n\
         Data goes to standard output, progress to standard error. A command that fails says so in one line and exits 1. Called under the\n\
         name `flux`, the program takes the same commands.\n",
    );
    let _ = write!(text, "\n{}\n", paragraph(&root));
    text.push_str("\n## Flags of every command\n\n");
    for arg in root
        .get_arguments()
        .filter(|arg| arg.is_global_set() && shown(arg))
    {
        text.push_str(&line(arg));
    }
    for command in root
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        let _ = write!(
            text,
            "\n## {}\n\n{}\n",
            command.get_name(),
            paragraph(command)
        );
        let args: Vec<_> = command
            .get_arguments()
            .filter(|arg| !arg.is_global_set() && shown(arg))
            .collect();
        if !args.is_empty() {
            text.push('\n');
        }
        for arg in args {
            text.push_str(&line(arg));
        }
    }
    text.push_str("\n## Kinds\n\n");
    for kind in api::KINDS {
        let aliases = kind
            .cli
            .aliases
            .iter()
            .map(|alias| format!(", `{alias}`"))
            .collect::<String>();
        let _ = writeln!(
            text,
            "- {}: `{}`, `{}`{aliases}",
            kind.kind, kind.cli.noun, kind.cli.get
        );
    }
    let quoted = |names: &[&str]| {
        names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let _ = write!(
        text,
        "\n## Not in this version\n\nOf upstream's command line, refused by name: {}; and on the commands that there are, the flags {}.\n",
        quoted(crate::refusal::VERBS),
        quoted(crate::refusal::FLAGS)
    );
    text
}

fn shown(arg: &Arg) -> bool {
    !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version")
        || (arg.get_id() == "version" && arg.get_action().takes_values())
}

fn paragraph(command: &Command) -> String {
    let about = command.get_long_about().or(command.get_about());
    about.map(ToString::to_string).unwrap_or_default()
}

fn line(arg: &Arg) -> String {
    let mut name = String::new();
    if let Some(short) = arg.get_short() {
        let _ = write!(name, "-{short}, ");
    }
    if let Some(long) = arg.get_long() {
        let _ = write!(name, "--{long}");
    }
    if !matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::Count)
        && let Some(value) = arg.get_value_names().and_then(<[_]>::first)
    {
        let gap = if name.is_empty() { "" } else { " " };
        let _ = write!(name, "{gap}{value}");
    }
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let defaults: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    let is_told = !arg.is_hide_default_value_set()
        && !defaults.is_empty()
        && !matches!(arg.get_action(), ArgAction::SetTrue);
    let default = if is_told {
        format!(" (default `{}`)", defaults.join(","))
    } else {
        String::new()
    };
    format!("- `{name}`: {help}{default}\n")
}

#[test]
fn the_reference_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
    let page = page(<crate::commands::Cli as clap::CommandFactory>::command());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == page,
        "docs/cli.md is not what the program says: UPDATE_EXPECT=1 cargo test -p weir"
    );
}
