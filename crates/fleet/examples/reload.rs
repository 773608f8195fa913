//! How long it takes from a saved file to the applied object: 200 edits of a tenant's configuration on the example fleet.
//!
//! `cargo run --release -p fleet --example reload [EDITS]`, from the repository's root.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use clock::Clock;
use cluster::Resource;
use cluster::watch::{self, Change, Scope};
use fleet::{Fleet, Options, Running};
use tokio::sync::mpsc::unbounded_channel;

/// How long one edit may take.
const PATIENCE: Duration = Duration::from_secs(30);

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let edits: usize = std::env::args()
        .nth(1)
        .map_or(Ok(200), |text| text.parse())?;
    let directory = tempfile::tempdir()?;
    copy(Path::new("examples/acme"), directory.path())?;
    let fleet = Fleet::load(directory.path())?;
    let chosen = fleet.cluster(Some("prod-eu"))?.clone();
    let clock = Clock::real();
    let options = Options {
        simulate_delay: Duration::ZERO,
        ..Options::default()
    };
    let started = clock.now();
    let running = Running::start(&fleet, &chosen, &options).await?;
    if !running.quiescent(PATIENCE).await {
        return Err("the fleet does not come up".into());
    }
    let up = milliseconds(started, clock.now());
    let (tell, mut told) = unbounded_channel();
    let scope = Scope {
        namespace: "team-payments".into(),
        ..Scope::all(Resource::new("v1", "ConfigMap", "configmaps", true))
    };
    let watching = watch::run(running.admin().clone(), scope, move |change| {
        if let Change::Applied(object) = change {
            let value = object
                .pointer("/data/PROVIDER_TIMEOUT")
                .and_then(|value| value.as_str());
            // The reader goes only together with the program.
            let _ = tell.send(value.unwrap_or_default().to_owned());
        }
    });
    let watching = tokio::spawn(watching);
    let file = directory
        .path()
        .join("team-payments-config/deploy/kustomization.yaml");
    let text = fs::read_to_string(&file)?;
    let mut took = Vec::with_capacity(edits);
    for number in 0..edits {
        let value = format!("{number}ms");
        let aside = file.with_extension("new");
        fs::write(
            &aside,
            text.replace("PROVIDER_TIMEOUT=3s", &format!("PROVIDER_TIMEOUT={value}")),
        )?;
        let saved = clock.now();
        fs::rename(&aside, &file)?;
        let applied = async {
            while let Some(seen) = told.recv().await {
                if seen == value {
                    break;
                }
            }
        };
        clock.timeout_at(clock.after(PATIENCE), applied).await?;
        took.push(milliseconds(saved, clock.now()));
        running.quiescent(PATIENCE).await;
    }
    watching.abort();
    running.stop().await;
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took[((took.len() - 1) as f64 * share).round() as usize];
    let mut out = std::io::stdout().lock();
    writeln!(out, "up, everything ready: {up:.0} ms")?;
    writeln!(
        out,
        "saved to applied, {edits} edits: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    )?;
    Ok(())
}

fn milliseconds(from: clock::Timestamp, to: clock::Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() * 1000.0
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
