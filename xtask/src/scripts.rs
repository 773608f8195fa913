//! Recording and checking the scripts on the real API server.
//!
//! They are played on a control plane of their own, without workload controllers, node or scheduler: nothing but the script
//! and the API itself touches an object.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clock::Clock;
use testkit::corpus::{self, Case};
use testkit::https::Https;
use testkit::play::{self, Stage};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::control_plane::ControlPlane;
use crate::directories;

/// How many scripts are played at once.
const AT_ONCE: usize = 8;

/// What is done with the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Written down.
    Record,
    /// Compared with what was written down.
    Check,
}

/// Plays the scripts whose name contains one of `names` (all without one) and returns a line of summary.
pub(crate) async fn run(task: Task, names: &[String]) -> Result<String> {
    let cases = selected(names)?;
    let plane = ControlPlane::of_this_run()?;
    plane.up().await?;
    let played = tokio::select! {
        played = async { play_all(task, cases, plane.target()?).await } => played,
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Into::into).and_then(|()| bail!("interrupted")),
    };
    plane.remove()?;
    let (good, problems) = played?;
    if !problems.is_empty() {
        bail!(
            "{}\n{good} scripts as they should be, {} not",
            problems.join("\n"),
            problems.len()
        );
    }
    let done = match task {
        Task::Record => "recorded",
        Task::Check => "answered as recorded",
    };
    Ok(format!("{good} scripts {done}\n"))
}

fn selected(names: &[String]) -> Result<Vec<Case>> {
    let dir = directories::checkout().join("crates/apiserver/tests/scripts");
    let mut cases = corpus::cases(&dir)?;
    cases.retain(|case| {
        names.is_empty() || names.iter().any(|name| case.name.contains(name.as_str()))
    });
    Ok(cases)
}

async fn play_all(task: Task, cases: Vec<Case>, target: Https) -> Result<(usize, Vec<String>)> {
    let target = Arc::new(target);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let run = Clock::real().now().as_millisecond() % 1_679_616;
    let mut playing = JoinSet::new();
    for case in cases {
        let (target, places) = (target.clone(), places.clone());
        playing.spawn(async move {
            let _place = places.acquire().await?;
            one(task, &case, &target, run)
                .await
                .with_context(|| case.name.clone())
        });
    }
    let mut good = 0;
    let mut problems = Vec::new();
    while let Some(done) = playing.join_next().await {
        match done? {
            Ok(()) => good += 1,
            Err(error) => problems.push(format!("{error:#}")),
        }
    }
    problems.sort();
    Ok((good, problems))
}

async fn one(task: Task, case: &Case, target: &Https, run: i64) -> Result<()> {
    let stage = Stage {
        target,
        clock: Clock::real(),
        namespace: format!("{}-{run:05}", case.name),
        patience: Duration::from_secs(20),
    };
    let recording = play::play(&case.script, &stage).await?;
    match task {
        Task::Record => {
            let unexpected = recording.unexpected(&case.script);
            if !unexpected.is_empty() {
                bail!("not recorded:\n  {}", unexpected.join("\n  "));
            }
            fs::write(&case.recorded, recording.to_text())?;
        }
        Task::Check => {
            let differences = case.recording()?.differences(&recording);
            let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
            if !lines.is_empty() {
                bail!("\n  {}", lines.join("\n  "));
            }
        }
    }
    Ok(())
}
