//! Every script under `tests/scripts`, played on the embedded server and held against what the real one answered.
//!
//! What is known to differ stands in `known-differences.txt` beside the scripts.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use apiserver::{Caller, Config, Server, User};
use clock::Clock;
use libtest_mimic::{Arguments, Failed, Trial};
use testkit::corpus::{self, Case};
use testkit::known::Known;
use testkit::play::{Stage, play};
use testkit::target::{InProcess, Who};

fn main() -> ExitCode {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let read = corpus::cases(&dir).and_then(|cases| Ok((cases, Known::read(&dir)?)));
    let (cases, known) = match read {
        Ok((cases, known)) => (cases, Arc::new(known)),
        Err(error) => {
            let trial = Trial::test("corpus", move || Err(error.to_string().into()));
            return libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code();
        }
    };
    let trials = cases.into_iter().map(|case| {
        let known = known.clone();
        Trial::test(case.name.clone(), move || run(&case, &known))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn run(case: &Case, known: &Known) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let expected = case.recording()?;
    let actual = runtime.block_on(async {
        let server = Server::new(Config::real());
        let ask = server.clone();
        let target = InProcess(move |who| {
            ask.service(match who {
                Who::Administrator => Caller::InProcess(User::admin()),
                Who::Nobody => Caller::Network(None),
            })
        });
        let stage = Stage {
            target: &target,
            clock: Clock::real(),
            namespace: format!("t-{}", case.name),
            patience: Duration::from_secs(5),
        };
        let played = play(&case.script, &stage).await;
        server.stop();
        played
    })?;
    let wrong = known.judge(&case.name, &expected.differences(&actual));
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n").into())
    }
}
