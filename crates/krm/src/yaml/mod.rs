//! YAML in and out, as the Kubernetes world reads and writes it.
//!
//! [`parse()`] gives trees of [`Node`]s that know their line and column; [`Node::to_value`] turns one into JSON in one of two [`Dialect`]s;
//! [`emit()`] writes what `sigs.k8s.io/yaml` would write, byte for byte. Input is hostile: bytes, nodes (after aliases are expanded) and depth
//! are limited, and every error has a place.

mod anchors;
mod emit;
mod float;
mod node;
mod order;
mod parse;
mod resolve;
mod timestamp;
mod value;

pub use emit::emit;
pub use float::number as go_number;
pub use node::{Kind, Mark, Node, Scalar, Style, Tag};
pub use parse::{parse, parse_first};
pub use resolve::looks_like_non_string;

/// Something is wrong with a YAML text, and where. Lines and columns start at 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct Error {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl Error {
    /// An error at a mark.
    pub fn at(mark: Mark, message: impl Into<String>) -> Self {
        Self {
            line: mark.line,
            column: mark.column,
            message: message.into(),
        }
    }

    /// The same error in a text that starts `lines` lines further down.
    #[must_use]
    pub fn moved_down(mut self, lines: usize) -> Self {
        self.line += lines;
        self
    }
}

/// How much a text may hold, and what a repeated key means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole text.
    pub bytes: usize,
    /// Nodes of the whole text, those that aliases and merge keys bring counted each time.
    pub nodes: usize,
    /// Collections inside collections.
    pub depth: usize,
    /// What a repeated key means.
    pub duplicates: Duplicates,
}

/// What a key that appears twice in one mapping means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// An error at the second one.
    Refuse,
    /// The last one counts, and a merge key counts where it stands: as `sigs.k8s.io/yaml` reads when it is not strict.
    LastWins,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 32 << 20,
            nodes: 2_000_000,
            depth: 200,
            duplicates: Duplicates::Refuse,
        }
    }
}

/// Whose rules say what a plain scalar means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// kyaml, which is go-yaml v3: `yes` is a string, a timestamp becomes RFC 3339, keys must be strings.
    Kyaml,
    /// `sigs.k8s.io/yaml`, which is go-yaml v2 (YAML 1.1): `yes` is true, a timestamp stays text, scalar keys become strings.
    Sigs,
}

/// One document of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The root.
    pub root: Node,
}

impl Document {
    /// The document as JSON.
    ///
    /// # Errors
    /// What JSON or the dialect cannot hold: infinities, keys that are no scalars, tags that do not fit.
    pub fn to_value(&self, dialect: Dialect) -> Result<crate::Value, Error> {
        self.root.to_value(dialect)
    }
}

/// Where the value at an RFC 6901 pointer stands in a text's first document: line and column.
///
/// Gives the place of the nearest enclosing node that exists; `None` where the text does not parse.
pub fn locate(text: &str, pointer: &str) -> Option<(usize, usize)> {
    let limits = Limits {
        duplicates: Duplicates::LastWins,
        ..Limits::default()
    };
    let document = parse_first(text, &limits).ok()??;
    let mark = document.root.mark_of(pointer);
    Some((mark.line, mark.column))
}

#[cfg(test)]
mod tests;
