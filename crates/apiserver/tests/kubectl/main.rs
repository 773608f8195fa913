//! The real kubectl as a client over HTTPS: every `cases/*.txt` is a session of commands and what they print.
//!
//! A case gets a server of its own. `-- name --` begins a file, `$ …` is a command, the lines below it what it prints, with
//! `[exit 1]` where it fails; `…` stands for any text, and alone on a line for any lines; runs of spaces count as one.
//! `& 3 …` starts a command that is to print so many lines by the end of the case, and is ended then.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use apiserver::{Config, Server};
use libtest_mimic::{Arguments, Failed, Trial};
use sha2::{Digest, Sha256};

mod case;
mod kubectl;

use case::{Case, Step};
use kubectl::Kubectl;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let Some(program) = program() else {
        eprintln!("skipped: no kubectl built; cargo xtask control-plane up");
        return ExitCode::SUCCESS;
    };
    let trials = match cases() {
        Ok(cases) => cases
            .into_iter()
            .map(|(name, text)| {
                let program = program.clone();
                Trial::test(name, move || run(&program, &Case::parse(&text)?))
            })
            .collect(),
        Err(error) => vec![Trial::test("cases", move || Err(error.to_string().into()))],
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The kubectl of the pinned version, where it is built.
fn program() -> Option<PathBuf> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let sum = fs::read(checkout.join("tools/control-plane/go.sum")).ok()?;
    let hash = Sha256::digest(&sum);
    let hash: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let cache = match env::var_os("XDG_CACHE_HOME").map(PathBuf::from) {
        Some(cache) if cache.is_absolute() => cache,
        _ => PathBuf::from(env::var_os("HOME")?).join(".cache"),
    };
    let program = cache
        .join("weir/control-plane")
        .join(hash)
        .join("bin/kubectl");
    program.is_file().then_some(program)
}

fn cases() -> io::Result<BTreeMap<String, String>> {
    let mut cases = BTreeMap::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubectl/cases"))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        cases.insert(name.into_owned(), fs::read_to_string(&path)?);
    }
    Ok(cases)
}

fn run(program: &Path, case: &Case) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let home = tempfile::tempdir()?;
    let server = {
        let _inside = runtime.enter();
        Server::new(Config::real())
    };
    let listening = runtime.block_on(server.listen(([127, 0, 0, 1], 0).into()))?;
    fs::write(home.path().join("config"), listening.kubeconfig("weir"))?;
    for (name, content) in &case.files {
        fs::write(home.path().join(name), content)?;
    }
    let played = play(&Kubectl::new(program, home.path()), &case.steps);
    server.stop();
    played
}

/// Runs the steps; a failure shows the whole session as it went.
fn play(kubectl: &Kubectl, steps: &[Step]) -> Result<(), Failed> {
    let mut session = String::new();
    let mut wrong = Vec::new();
    let mut running = Vec::new();
    for step in steps {
        if let Some(lines) = step.lines {
            running.push((step, kubectl.start(&step.arguments, lines)?));
            continue;
        }
        let printed = kubectl.run(&step.arguments)?;
        session.push_str(&format!("{}\n{printed}", step.line));
        if !case::matches(&step.expected, &printed) {
            wrong.push(step.line.as_str());
        }
    }
    for (step, running) in running {
        let printed = running.lines();
        session.push_str(&format!("{}\n{printed}", step.line));
        if !case::matches(&step.expected, &printed) {
            wrong.push(step.line.as_str());
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let wrong = wrong.join("\n");
    Err(format!("prints something else:\n{wrong}\n\nthe session:\n{session}").into())
}
