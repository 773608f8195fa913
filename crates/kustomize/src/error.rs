//! What goes wrong in a build, and where.

use std::fmt;

/// An error of a build: the kustomizations on the way to it, the place, and what is wrong.
///
/// Prints as `overlay → base → base/deployment.yaml:3:5: message`. Messages keep kustomize's phrases, which people search for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// Directories of the kustomizations from the root to the one at fault.
    pub chain: Vec<String>,
    /// The file, and where in it.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's path in its tree.
    pub file: String,
    /// Line and column, both from 1, where known.
    pub at: Option<(usize, usize)>,
    /// The field, as a JSON pointer; empty where it is the file as a whole.
    pub field: String,
}

impl Error {
    /// An error that nobody placed yet.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            chain: Vec::new(),
            place: None,
            message: message.into(),
        }
    }

    /// An error about a file as a whole.
    pub fn in_file(file: &str, message: impl Into<String>) -> Self {
        Self::new(message).placed(Place {
            file: file.into(),
            at: None,
            field: String::new(),
        })
    }

    /// A YAML error in a file.
    pub(crate) fn yaml(file: &str, error: &krm::yaml::Error) -> Self {
        Self::new(format!("MalformedYAMLError: yaml: {}", error.message)).placed(Place {
            file: file.into(),
            at: Some((error.line, error.column)),
            field: String::new(),
        })
    }

    /// Says where it happened, unless that is known.
    #[must_use]
    pub(crate) fn placed(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }

    /// Puts words in front of the message.
    #[must_use]
    pub(crate) fn prefixed(mut self, words: &str) -> Self {
        self.message = format!("{words}: {}", self.message);
        self
    }

    /// Adds the kustomization that led here.
    #[must_use]
    pub(crate) fn through(mut self, directory: &str) -> Self {
        let name = if directory.is_empty() { "." } else { directory };
        self.chain.insert(0, name.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for directory in &self.chain {
            write!(f, "{directory} → ")?;
        }
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        if self.field.is_empty() {
            Ok(())
        } else {
            write!(f, " {}", self.field)
        }
    }
}
