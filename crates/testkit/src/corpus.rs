//! The committed scripts with their recordings.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::recording::{NotARecording, Recording};
use crate::script::{self, Script};

/// A script and where its recording stands.
pub struct Case {
    /// The file's name without its ending.
    pub name: String,
    /// The script.
    pub script: Script,
    /// The file of the recording, there or not.
    pub recorded: PathBuf,
}

/// A corpus that cannot be read.
#[derive(Debug, Error)]
pub enum CorpusError {
    /// A file cannot be read.
    #[error("{0}: {1}")]
    Read(PathBuf, io::Error),
    /// A script is not one.
    #[error("{0}: {1}")]
    Script(PathBuf, script::ParseError),
    /// A recording is not one.
    #[error("{0}: {1}")]
    Recording(PathBuf, NotARecording),
}

/// Every `*.script` of a directory, by name.
///
/// # Errors
/// When the directory or a script cannot be read.
pub fn cases(dir: &Path) -> Result<Vec<Case>, CorpusError> {
    let unreadable = |error| CorpusError::Read(dir.to_owned(), error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension() == Some(OsStr::new("script")) {
            paths.push(path);
        }
    }
    paths.sort();
    paths.into_iter().map(case).collect()
}

fn case(path: PathBuf) -> Result<Case, CorpusError> {
    let text = fs::read_to_string(&path).map_err(|error| CorpusError::Read(path.clone(), error))?;
    let name = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let recorded = path.with_extension("recorded.json");
    let script = script::parse(&text).map_err(|error| CorpusError::Script(path, error))?;
    Ok(Case {
        name,
        script,
        recorded,
    })
}

impl Case {
    /// What the real server answered.
    ///
    /// # Errors
    /// When there is no recording, or it cannot be read.
    pub fn recording(&self) -> Result<Recording, CorpusError> {
        let read = fs::read_to_string(&self.recorded);
        let text = read.map_err(|error| CorpusError::Read(self.recorded.clone(), error))?;
        Recording::parse(&text)
            .map_err(|error| CorpusError::Recording(self.recorded.clone(), error))
    }
}
