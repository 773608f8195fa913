//! The kubeconfig of a server that this process runs.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The first words of a kubeconfig that this program wrote, and may write again.
const MARK: &str = "# Written by weir ";

/// A kubeconfig on disk; the file goes with it.
#[derive(Debug)]
pub(crate) struct Kubeconfig(PathBuf);

impl Kubeconfig {
    /// Writes the file whole or not at all, readable by its owner only, and never over somebody else's.
    pub(crate) fn write(path: PathBuf, text: &str) -> anyhow::Result<Self> {
        let is_foreign = match fs::read(&path) {
            Ok(bytes) => !bytes.starts_with(MARK.as_bytes()),
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        };
        if is_foreign {
            bail!(
                "{} was not written by weir and is left alone; choose another --write-kubeconfig",
                path.display()
            );
        }
        let name = path
            .file_name()
            .context("--write-kubeconfig names no file")?
            .to_string_lossy();
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        let aside = directory.join(format!(".{name}.{}", std::process::id()));
        // Somebody who had the same number before may have left one behind.
        let _ = fs::remove_file(&aside);
        let text = format!("{MARK}on start; it goes when the server stops.\n{text}");
        write_private(&aside, &text).with_context(|| aside.display().to_string())?;
        fs::rename(&aside, &path).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Kubeconfig {
    fn drop(&mut self) {
        // It may have been removed by hand; then there is nothing left to do.
        let _ = fs::remove_file(&self.0);
    }
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_elses_file_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/kubeconfig");
        let first = Kubeconfig::write(path.clone(), "a: 1\n").unwrap();
        let second = Kubeconfig::write(path.clone(), "a: 2\n").unwrap();
        assert!(fs::read_to_string(&path).unwrap().ends_with("a: 2\n"));
        drop((first, second));
        assert!(!path.exists());
        fs::write(&path, "apiVersion: v1\n").unwrap();
        assert!(Kubeconfig::write(path.clone(), "a: 3\n").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "apiVersion: v1\n");
    }
}
