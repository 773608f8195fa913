//! What Go's flags allow and clap's do not: `--export=true`, `--all=false`.

use std::collections::HashSet;
use std::ffi::OsString;

use clap::{ArgAction, Command};

/// The command line with the values of switches taken away: a switch that is false is left out.
pub(crate) fn normal(args: Vec<OsString>, root: &Command) -> Vec<OsString> {
    let switches = switches(root);
    let mut over = false;
    let kept = args.into_iter().filter_map(|arg| {
        over |= arg == "--";
        let Some((flag, value)) = arg
            .to_str()
            .filter(|_| !over)
            .and_then(|arg| arg.split_once('='))
        else {
            return Some(arg);
        };
        if !switches.contains(flag) {
            return Some(arg);
        }
        match value {
            "true" | "t" | "T" | "1" | "TRUE" | "True" => Some(flag.into()),
            "false" | "f" | "F" | "0" | "FALSE" | "False" => None,
            _ => Some(arg),
        }
    });
    kept.collect()
}

/// Every switch of every command, as it is written. A name that takes a value anywhere is none.
fn switches(root: &Command) -> HashSet<String> {
    let mut commands = vec![root];
    let (mut switches, mut others) = (HashSet::new(), HashSet::new());
    while let Some(command) = commands.pop() {
        for arg in command.get_arguments() {
            let set = if matches!(arg.get_action(), ArgAction::SetTrue) {
                &mut switches
            } else {
                &mut others
            };
            set.extend(arg.get_long().map(|long| format!("--{long}")));
            set.extend(arg.get_short().map(|short| format!("-{short}")));
        }
        commands.extend(command.get_subcommands());
    }
    &switches - &others
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn check(line: &str, expect: &str) {
        let args = line.split_whitespace().map(OsString::from).collect();
        let got = normal(args, &crate::commands::Cli::command());
        assert_eq!(got.join(std::ffi::OsStr::new(" ")), expect);
    }

    #[test]
    fn switches_may_have_values() {
        check(
            "flux install --export=true --network-policy=false",
            "flux install --export --network-policy=false",
        );
        check(
            "flux get ks --all-namespaces=false --no-header=1",
            "flux get ks --no-header",
        );
        check(
            "flux get ks -A=true --status-selector=ready=false",
            "flux get ks -A --status-selector=ready=false",
        );
        check(
            "flux get ks --no-header=maybe",
            "flux get ks --no-header=maybe",
        );
    }
}
