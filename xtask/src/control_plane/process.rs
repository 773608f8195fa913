//! Programs in the background, known again by pid and start time, so that nothing else is ever stopped.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// What to start, and with which flags.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) flags: Vec<String>,
}

/// A program that was started, as its pid file tells.
pub(crate) struct Process {
    /// Its place in the order of starting.
    order: usize,
    pub(crate) name: String,
    pub(crate) pid: u32,
    /// When it started, as the system tells: a pid alone may by now be somebody else's.
    since: String,
}

/// Starts it in its own process group, output into `logs/`, and writes its pid file.
pub(crate) fn start(dir: &Path, program: &Program) -> Result<()> {
    let logs = dir.join("logs");
    let pids = dir.join("pids");
    fs::create_dir_all(&logs)?;
    fs::create_dir_all(&pids)?;
    let log = File::create(logs.join(format!("{}.log", program.name)))?;
    let child = Command::new(&program.path)
        .args(&program.flags)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .with_context(|| format!("starting {}", program.path.display()))?;
    let since = start_time(child.id()).unwrap_or_default();
    let line = format!("{} {} {since}\n", recorded(dir).len(), child.id());
    fs::write(pids.join(format!("{}.pid", program.name)), line)?;
    Ok(())
}

/// What the pid files of `dir` name, in the order of starting.
pub(crate) fn recorded(dir: &Path) -> Vec<Process> {
    let entries = fs::read_dir(dir.join("pids"))
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<Process> = entries.filter_map(|entry| parse(&entry.path())).collect();
    found.sort_by_key(|process| process.order);
    found
}

fn parse(path: &Path) -> Option<Process> {
    let text = fs::read_to_string(path).ok()?;
    let mut words = text.splitn(3, ' ');
    Some(Process {
        order: words.next()?.parse().ok()?,
        name: path.file_stem()?.to_str()?.to_owned(),
        pid: words.next()?.parse().ok()?,
        since: words.next()?.trim().to_owned(),
    })
}

impl Process {
    /// Whether this very process still runs.
    pub(crate) fn is_alive(&self) -> bool {
        start_time(self.pid).is_some_and(|since| since == self.since)
    }

    /// Asks it to stop, insists after ten seconds, and returns once it is gone.
    pub(crate) fn stop(&self) -> Result<()> {
        for signal in ["-TERM", "-KILL"] {
            if !self.is_alive() {
                return Ok(());
            }
            Command::new("kill")
                .arg(signal)
                .arg(self.pid.to_string())
                .status()
                .context("starting kill")?;
            for _ in 0..200 {
                if !self.is_alive() {
                    return Ok(());
                }
                thread::sleep(Duration::from_millis(50));
            }
        }
        bail!("{} (pid {}) does not stop", self.name, self.pid)
    }

    /// Removes its pid file.
    pub(crate) fn forget(&self, dir: &Path) -> Result<()> {
        Ok(fs::remove_file(
            dir.join("pids").join(format!("{}.pid", self.name)),
        )?)
    }
}

/// Whether any process has this pid.
pub(crate) fn exists(pid: u32) -> bool {
    start_time(pid).is_some()
}

/// When the process with this pid started, in the system's own words; `None` when there is none, or only its remains.
fn start_time(pid: u32) -> Option<String> {
    if Path::new("/proc/self/stat").exists() {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The program's name stands in brackets and may hold anything; fields are counted behind it.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let gone = matches!(fields.first(), Some(&("Z" | "X")));
        return (!gone).then(|| fields.get(19).map(|field| (*field).to_owned()))?;
    }
    let output = Command::new("ps")
        .args(["-o", "lstart=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
