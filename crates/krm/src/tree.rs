//! A tree of files as a value: what a source hands to those who build from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

/// Regular files by their `/`-separated relative path, sorted. Cheap to clone.
///
/// A path is never empty or absolute and has no empty, `.` or `..` segment: [`Tree::insert`] refuses others, so whoever reads a tree need not
/// check again. Directories exist as far as files lie in them; symbolic links do not exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(Arc<BTreeMap<String, File>>);

/// A file's content and whether it may be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The content.
    pub bytes: Bytes,
    /// Whether an execute bit is set.
    pub executable: bool,
}

/// A path that does not stay inside a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("illegal path {0:?}")]
pub struct IllegalPath(pub String);

impl Tree {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a file.
    ///
    /// # Errors
    /// [`IllegalPath`] where `path` does not stay inside the tree.
    pub fn insert(&mut self, path: &str, file: File) -> Result<(), IllegalPath> {
        let legal = !path.contains('\0')
            && path
                .split('/')
                .all(|segment| !matches!(segment, "" | "." | ".."));
        if !legal {
            return Err(IllegalPath(path.into()));
        }
        Arc::make_mut(&mut self.0).insert(path.into(), file);
        Ok(())
    }

    /// Removes a file.
    pub fn remove(&mut self, path: &str) -> Option<File> {
        Arc::make_mut(&mut self.0).remove(path)
    }

    /// The file at `path`.
    pub fn get(&self, path: &str) -> Option<&File> {
        self.0.get(path)
    }

    /// Every file with its path, in path order.
    pub fn files(&self) -> impl Iterator<Item = (&str, &File)> {
        self.0.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// The files under a directory (`""` for all), with their whole paths.
    pub fn files_under<'a>(
        &'a self,
        directory: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a File)> {
        let prefix = if directory.is_empty() {
            String::new()
        } else {
            format!("{directory}/")
        };
        self.0
            .range(prefix.clone()..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .map(|(path, file)| (path.as_str(), file))
    }

    /// Whether any file lies under `directory`; the root (`""`) always is one.
    pub fn is_dir(&self, directory: &str) -> bool {
        directory.is_empty() || self.files_under(directory).next().is_some()
    }

    /// The number of files.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A tree from paths and texts.
    ///
    /// # Errors
    /// [`IllegalPath`] for the first path that does not stay inside.
    pub fn from_texts<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, IllegalPath> {
        let mut tree = Self::new();
        for (path, text) in files {
            tree.insert(
                path,
                File {
                    bytes: Bytes::copy_from_slice(text.as_bytes()),
                    executable: false,
                },
            )?;
        }
        Ok(tree)
    }
}

/// Joins `path` onto `directory` lexically and cleans the result: `None` where it would leave the tree's root.
///
/// `directory` is clean and relative (`""` is the root); `path` is relative and may hold `.` and `..`.
pub fn join(directory: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut segments: Vec<&str> = directory
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leaves_the_tree() {
        for path in ["", "/etc/passwd", "../x", "a/../x", "a//b", "a/./b", "a\0b"] {
            assert_eq!(
                Tree::from_texts([(path, "")]),
                Err(IllegalPath(path.into()))
            );
        }
        assert_eq!(
            join("clusters/prod", "../../infrastructure"),
            Some("infrastructure".into())
        );
        assert_eq!(join("clusters", "../../etc"), None);
        assert_eq!(join("clusters", "/etc"), None);
    }

    #[test]
    fn a_directory_is_its_files() {
        let tree =
            Tree::from_texts([("a/b.yaml", "1"), ("a/c/d.yaml", "2"), ("ab.yaml", "3")]).unwrap();
        let under: Vec<_> = tree.files_under("a").map(|(path, _)| path).collect();
        assert_eq!(under, ["a/b.yaml", "a/c/d.yaml"]);
        assert!(tree.is_dir("a/c") && !tree.is_dir("ab.yaml") && tree.is_dir(""));
    }
}
