//! kubectl as a child process, at home in a directory of its own.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// How long a command that goes on may take to print its next line.
const PATIENCE: Duration = Duration::from_secs(20);

/// kubectl with its home, which holds the kubeconfig `config`.
pub(crate) struct Kubectl {
    program: PathBuf,
    home: PathBuf,
}

/// A command that goes on.
pub(crate) struct Running {
    child: Child,
    printed: Receiver<String>,
    awaited: usize,
}

impl Kubectl {
    pub(crate) fn new(program: &Path, home: &Path) -> Self {
        Self {
            program: program.to_owned(),
            home: home.to_owned(),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "kubectl is what is tested; Weir itself starts no child process"
    )]
    fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", env!("PATH"))
            .env("KUBECONFIG", self.home.join("config"))
            .env("TMPDIR", &self.home)
            .current_dir(&self.home)
            .stdin(Stdio::null());
        command
    }

    /// What a command prints, first on stdout, then on stderr, and its exit code where that is not 0.
    pub(crate) fn run(&self, arguments: &[String]) -> io::Result<String> {
        let output = self.command(arguments).output()?;
        let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
        printed.push_str(&String::from_utf8_lossy(&output.stderr));
        if !printed.is_empty() && !printed.ends_with('\n') {
            printed.push('\n');
        }
        match output.status.code() {
            Some(0) => {}
            Some(code) => printed.push_str(&format!("[exit {code}]\n")),
            None => printed.push_str("[killed]\n"),
        }
        Ok(printed)
    }

    /// Starts a command that is to print so many lines, and waits for the first.
    pub(crate) fn start(&self, arguments: &[String], awaited: usize) -> io::Result<Running> {
        let mut child = self
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (send, printed) = channel();
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if send.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Running {
            child,
            printed,
            awaited,
        })
    }
}

impl Running {
    /// The lines that it was to print, as far as they came; it is ended then.
    pub(crate) fn lines(mut self) -> String {
        let mut lines = String::new();
        for _ in 0..self.awaited {
            let Ok(line) = self.printed.recv_timeout(PATIENCE) else {
                break;
            };
            lines.push_str(&line);
            lines.push('\n');
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        lines
    }
}
