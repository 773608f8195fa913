//! The programs, built once per set of pinned modules.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::directories;

/// The Kubernetes release that is compared with. Clients refuse a server that does not say its version.
const KUBERNETES: &str = "v1.36.3";

/// The main packages, and what the built file is called.
const PACKAGES: [(&str, &str); 6] = [
    ("go.etcd.io/etcd/server/v3", "etcd"),
    ("k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver"),
    (
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        "kube-controller-manager",
    ),
    ("k8s.io/kubernetes/cmd/kube-scheduler", "kube-scheduler"),
    ("k8s.io/kubernetes/cmd/kubectl", "kubectl"),
    ("sigs.k8s.io/kwok/cmd/kwok", "kwok"),
];

/// The stages of kwok's module that play a node and its Pods.
const STAGES: [&str; 5] = [
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
];

/// The built programs of one version of `tools/control-plane`, in the user's cache.
pub(crate) struct Programs {
    source: PathBuf,
    dir: PathBuf,
}

impl Programs {
    /// Those that the checkout's `go.sum` pins, built or not.
    pub(crate) fn of_checkout() -> Result<Self> {
        let source = directories::checkout().join("tools/control-plane");
        let sum = fs::read(source.join("go.sum")).context("reading tools/control-plane/go.sum")?;
        let hash: String = Sha256::digest(&sum)
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let dir = directories::cache()?.join("control-plane").join(hash);
        Ok(Self { source, dir })
    }

    /// The path of one of them.
    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.dir.join("bin").join(program)
    }

    /// The stage files for kwok.
    pub(crate) fn stages(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.dir.join("stages")).context("reading kwok's stages")? {
            files.push(entry?.path());
        }
        files.sort();
        Ok(files)
    }

    /// Whether all of them are there.
    pub(crate) fn are_built(&self) -> bool {
        self.dir.join("complete").exists()
    }

    /// Builds them unless they are there. A build that was cut short is begun again.
    pub(crate) fn build(&self) -> Result<()> {
        if self.are_built() {
            return Ok(());
        }
        eprintln!(
            "building the control plane's programs (some minutes, once) into {}",
            self.dir.display()
        );
        let bin = self.dir.join("bin");
        fs::create_dir_all(&bin)?;
        let version = "k8s.io/component-base/version";
        let flags = format!(
            "-s -w -X {version}.gitVersion={KUBERNETES} -X {version}.gitMajor=1 -X {version}.gitMinor=36 -X {version}.gitTreeState=clean"
        );
        for (package, name) in PACKAGES {
            let mut go = self.go();
            go.args([
                "build",
                "-buildvcs=false",
                "-trimpath",
                "-ldflags",
                &flags,
                "-o",
            ]);
            go.arg(bin.join(name)).arg(package);
            run(&mut go, "go build")?;
        }
        self.copy_stages()?;
        fs::write(self.dir.join("complete"), KUBERNETES)?;
        Ok(())
    }

    fn copy_stages(&self) -> Result<()> {
        let mut go = self.go();
        let output = go
            .args(["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"])
            .output()
            .context("starting go")?;
        ensure!(
            output.status.success(),
            "go list: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let module = String::from_utf8(output.stdout)?;
        let module = Path::new(module.trim()).join("kustomize/stage");
        let stages = self.dir.join("stages");
        fs::create_dir_all(&stages)?;
        for stage in STAGES {
            let from = module.join(stage);
            let text = fs::read(&from).with_context(|| format!("reading {}", from.display()))?;
            let name = from.file_name().context("a stage file has a name")?;
            fs::write(stages.join(name), text)?;
        }
        Ok(())
    }

    fn go(&self) -> Command {
        let mut go = Command::new("go");
        go.current_dir(&self.source)
            .env("CGO_ENABLED", "0")
            .env("GOWORK", "off");
        go
    }
}

fn run(command: &mut Command, what: &str) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("{what}: is Go 1.26 or later installed?"))?;
    ensure!(status.success(), "{what} failed: {status}");
    Ok(())
}
