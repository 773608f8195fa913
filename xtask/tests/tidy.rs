//! What must be true of the repository as a whole, and no compiler sees: who may use whom, a description on every module,
//! no file that nothing includes, no words that belong elsewhere, no feature that would change how JSON is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Crates that work without a runtime may not name one.
const EFFECTS: [&str; 10] = [
    "clock",
    "fastrand",
    "futures-util",
    "hyper",
    "hyper-util",
    "notify",
    "rustls",
    "tokio",
    "tokio-rustls",
    "tower",
];

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the checkout is there")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The workspace as cargo resolved it for this platform: other platforms' crates need not be downloaded.
fn cargo_metadata() -> Value {
    let version = run(Command::new("rustc").arg("-vV"));
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.expect("rustc says what it runs on");
    let metadata = [
        "metadata",
        "--format-version",
        "1",
        "--filter-platform",
        host,
    ];
    let text = run(Command::new(env!("CARGO")).args(metadata));
    serde_json::from_str(&text).expect("cargo writes JSON")
}

fn run(command: &mut Command) -> String {
    let output = command.current_dir(checkout()).output().expect("it starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Every file under `dir` that git would commit and whose name ends so.
fn files(ending: &str) -> Vec<PathBuf> {
    let root = checkout();
    let list =
        run(Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]));
    let paths = list
        .lines()
        .filter(|line| line.ends_with(ending))
        .map(|line| root.join(line));
    paths.filter(|path| path.is_file()).collect()
}

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// A crate of the table in ARCHITECTURE.md: whether it is pure, and whom it may use.
struct Row {
    pure: bool,
    may_use: BTreeSet<String>,
}

/// The table. `all` stands for every crate, `and below` for what the crates named before may use themselves.
fn table() -> BTreeMap<String, Row> {
    let text = read(&checkout().join("ARCHITECTURE.md"));
    let mut rows: Vec<(String, bool, Vec<String>)> = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let words = |cell: &str| -> Vec<String> {
            cell.split([' ', ','])
                .map(|word| word.trim_matches('`').to_owned())
                .filter(|word| !word.is_empty())
                .collect()
        };
        let [names, about, .., may_use] = cells[..] else {
            continue;
        };
        for name in words(names) {
            rows.push((name, about.starts_with("pure"), words(may_use)));
        }
    }
    let everybody: BTreeSet<String> = rows.iter().map(|(name, ..)| name.clone()).collect();
    let mut table: BTreeMap<String, Row> = BTreeMap::new();
    for (name, pure, words) in rows {
        let mut may_use: BTreeSet<String> = words
            .iter()
            .filter(|word| everybody.contains(*word))
            .cloned()
            .collect();
        if words.iter().any(|word| word == "below") {
            let below: Vec<String> = may_use
                .iter()
                .filter_map(|used| table.get(used))
                .flat_map(|row| row.may_use.clone())
                .collect();
            may_use.extend(below);
        }
        if words.iter().any(|word| word == "all") {
            may_use.clone_from(&everybody);
        }
        table.insert(name, Row { pure, may_use });
    }
    table
}

#[test]
fn crates_use_only_whom_they_may() {
    let table = table();
    let metadata = cargo_metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let members: BTreeSet<&str> = metadata["workspace_members"]
        .as_array()
        .expect("members")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut problems = Vec::new();
    for package in packages.iter().filter(|package| {
        package["id"]
            .as_str()
            .is_some_and(|id| members.contains(id))
    }) {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(row) = table.get(name) else {
            problems.push(format!("{name} is not in the table of ARCHITECTURE.md"));
            continue;
        };
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let normal = dependencies.filter(|dependency| dependency["kind"].is_null());
        for used in normal.filter_map(|dependency| dependency["name"].as_str()) {
            if table.contains_key(used) && !row.may_use.contains(used) {
                problems.push(format!("{name} may not use {used}"));
            }
            if row.pure && EFFECTS.contains(&used) {
                problems.push(format!("{name} is pure and uses {used}"));
            }
            if ["testkit", "xtask"].contains(&used) && !["testkit", "xtask"].contains(&name) {
                problems.push(format!("{name} ships and uses {used}"));
            }
        }
        if row.pure
            && !checkout()
                .join("crates")
                .join(name)
                .join("clippy.toml")
                .exists()
        {
            problems.push(format!(
                "{name} is pure and has no clippy.toml that says so"
            ));
        }
    }
    report(&problems);
}

#[test]
fn json_keeps_its_order_and_its_numbers() {
    let metadata = cargo_metadata();
    let nodes = metadata["resolve"]["nodes"]
        .as_array()
        .expect("a resolved graph");
    let json = nodes.iter().filter(|node| {
        node["id"]
            .as_str()
            .is_some_and(|id| id.contains("#serde_json@"))
    });
    let features: Vec<&str> = json
        .flat_map(|node| node["features"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    assert!(!features.is_empty(), "serde_json is in the graph");
    for feature in ["preserve_order", "arbitrary_precision"] {
        assert!(
            !features.contains(&feature),
            "serde_json's {feature} changes what a map or a number is"
        );
    }
}

#[test]
fn every_module_says_what_it_is() {
    let mut problems = Vec::new();
    for path in files(".rs") {
        let text = read(&path);
        let first = text
            .lines()
            .find(|line| !line.trim().is_empty() && !line.starts_with("#!"))
            .unwrap_or_default();
        if !first.starts_with("//!") {
            problems.push(format!("{} does not begin with //!", path.display()));
        }
    }
    report(&problems);
}

/// A file below `src` or `tests` is a root of its own, or its parent module names it.
#[test]
fn no_file_is_an_orphan() {
    let mut problems = Vec::new();
    for path in files(".rs") {
        if !is_root(&path) && !is_declared(&path) {
            problems.push(format!("nothing includes {}", path.display()));
        }
    }
    report(&problems);
}

fn is_root(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let parent = path
        .parent()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    matches!(name, "lib.rs" | "main.rs" | "build.rs")
        || matches!(parent, "tests" | "examples" | "benches" | "bin")
}

fn is_declared(path: &Path) -> bool {
    let (Some(dir), Some(stem)) = (
        path.parent(),
        path.file_stem().and_then(|stem| stem.to_str()),
    ) else {
        return false;
    };
    let (dir, module) = match (
        stem,
        dir.parent(),
        dir.file_name().and_then(|name| name.to_str()),
    ) {
        ("mod", Some(above), Some(name)) => (above, name),
        _ => (dir, stem),
    };
    let mut parents: Vec<PathBuf> = ["lib.rs", "main.rs", "mod.rs"]
        .iter()
        .map(|name| dir.join(name))
        .collect();
    parents.push(dir.with_extension("rs"));
    // A file named by a path attribute may stand beside any other.
    parents.extend(
        fs::read_dir(dir)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path()),
    );
    let declares = |text: &str| {
        text.lines().map(str::trim).any(|line| {
            line.ends_with(&format!("mod {module};")) || line.contains(&format!("{stem}.rs\"]"))
        })
    };
    parents
        .iter()
        .filter(|parent| parent.extension().is_some_and(|ending| ending == "rs"))
        .any(|parent| parent != path && parent.is_file() && declares(&read(parent)))
}

/// Words of somebody's machine or of unfinished work.
#[test]
fn no_words_that_belong_elsewhere() {
    let forbidden = [
        ["/wo", "rk/"].concat(),
        [".lib", "rary"].concat(),
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
    ];
    let mut problems = Vec::new();
    for ending in [
        ".rs", ".md", ".toml", ".go", ".mod", ".script", ".yaml", ".yml", "run",
    ] {
        for path in files(ending) {
            let text = read(&path);
            for (number, line) in text.lines().enumerate() {
                if let Some(word) = forbidden.iter().find(|word| line.contains(word.as_str())) {
                    problems.push(format!("{}:{}: {word}", path.display(), number + 1));
                }
            }
        }
    }
    report(&problems);
}
