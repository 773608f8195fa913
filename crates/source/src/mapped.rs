//! Remote URLs that are local directories: the working copies a fleet runs from before anything is pushed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use api::git_reference::Reference;
use bytes::Bytes;
use krm::{File, Tree};
use sha1::{Digest, Sha1};

use crate::storage::hex;
use crate::version::{Range, parse_tag};
use crate::{Error, Resolved, ignore};

/// Limits of a mapped directory: files, and bytes of all files together.
const FILES: usize = 100_000;
const BYTES: u64 = 1 << 30;

/// One URL and the directory that stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The URL as sources write it; scheme, user and `.git` do not matter.
    pub url: String,
    /// The directory whose working tree is every branch.
    pub path: PathBuf,
    /// Further references, such as tags, and the directories that are their content.
    pub refs: BTreeMap<String, PathBuf>,
    /// How to say where a missing reference is to be added, such as `fleet.yaml: spec.sources[0].refs`.
    pub place: String,
}

/// Every mapping of a fleet.
#[derive(Clone, Debug, Default)]
pub struct Mappings(Vec<Mapping>);

impl Mappings {
    /// From a list; the first of several for one URL holds.
    pub fn new(list: Vec<Mapping>) -> Self {
        Self(list)
    }

    /// The mapping of a URL.
    pub fn find(&self, url: &str) -> Option<&Mapping> {
        let wanted = normal(url);
        self.0.iter().find(|mapping| normal(&mapping.url) == wanted)
    }

    /// Every directory that stands for something.
    pub fn directories(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().flat_map(|mapping| {
            std::iter::once(mapping.path.as_path())
                .chain(mapping.refs.values().map(PathBuf::as_path))
        })
    }

    /// The URLs that a directory, or one that holds it, stands for.
    pub fn urls_of(&self, changed: &Path) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |mapping| {
                changed.starts_with(&mapping.path)
                    || mapping.refs.values().any(|path| changed.starts_with(path))
            })
            .map(|mapping| mapping.url.as_str())
    }
}

/// A URL without scheme, user, port of the scheme, `.git` and trailing slashes; its host in lower case.
fn normal(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    format!("{}/{path}", host.to_ascii_lowercase())
}

/// Reads what a reference of a mapped URL stands for. Blocking: it reads files.
///
/// # Errors
/// References that nothing stands for, unreadable files, passed limits; [`Error::Unsettled`] when somebody writes at the same time.
pub fn resolve(
    mapping: &Mapping,
    reference: &Reference,
    spec_ignore: Option<&str>,
) -> Result<Resolved, Error> {
    let (directory, name) = locate(mapping, reference)?;
    let tree = ignore::filter(&read(directory)?, spec_ignore);
    let hash = content_hash(&tree);
    let revision = if name.is_empty() {
        format!("sha1:{hash}")
    } else {
        format!("{name}@sha1:{hash}")
    };
    Ok(Resolved {
        subject: revision.clone(),
        revision,
        hash,
        tree,
    })
}

fn locate<'a>(mapping: &'a Mapping, reference: &Reference) -> Result<(&'a Path, String), Error> {
    let listed = |name: &str| mapping.refs.get(name).map(PathBuf::as_path);
    let missing = |what: &str, example: &str| {
        Error::Reference(format!(
            "{what} of {url}: the local directory {path} stands for its branches only; add it to {place}, such as {{{example:?}: {path}}}",
            url = mapping.url,
            path = mapping.path.display(),
            place = mapping.place,
        ))
    };
    match reference {
        Reference::Branch(branch) => Ok((&mapping.path, branch.clone())),
        Reference::Tag(tag) => listed(tag)
            .map(|path| (path, tag.clone()))
            .ok_or_else(|| missing(&format!("tag {tag:?}"), tag)),
        Reference::Name(name) => {
            let short = name.strip_prefix("refs/tags/").unwrap_or(name);
            if let Some(path) = listed(name).or_else(|| listed(short)) {
                return Ok((path, name.clone()));
            }
            if name.starts_with("refs/heads/") {
                return Ok((&mapping.path, name.clone()));
            }
            Err(missing(&format!("reference {name:?}"), name))
        }
        Reference::Commit { hash, .. } => listed(hash)
            .map(|path| (path, String::new()))
            .ok_or_else(|| missing(&format!("commit {hash:?}"), hash)),
        Reference::Semver(text) => {
            let range = Range::parse(text)
                .ok_or_else(|| Error::Reference(format!("semver range {text:?} cannot be read")))?;
            let newest = mapping
                .refs
                .iter()
                .filter_map(|(tag, path)| Some((parse_tag(tag)?, tag, path)))
                .filter(|(version, ..)| range.holds(version))
                .max_by(|a, b| a.0.cmp_precedence(&b.0));
            newest
                .map(|(_, tag, path)| (path.as_path(), tag.clone()))
                .ok_or_else(|| {
                    missing(
                        &format!("no match found for semver: {text}; a tag"),
                        "v1.0.0",
                    )
                })
        }
    }
}

/// Every regular file below a directory but Git's own. Where the directory is a Git working copy itself, what its `.gitignore` files name is
/// left out; a repository further up does not matter. Links are not followed.
fn read(root: &Path) -> Result<Tree, Error> {
    let metadata = fs::metadata(root).map_err(|error| Error::read(root, &error))?;
    if !metadata.is_dir() {
        return Err(Error::Reference(format!(
            "{} is no directory",
            root.display()
        )));
    }
    let is_git = root.join(".git").exists();
    let walk = ::ignore::WalkBuilder::new(root)
        .standard_filters(false)
        .git_ignore(is_git)
        .git_exclude(is_git)
        .parents(false)
        .follow_links(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    let mut tree = Tree::new();
    let mut total = 0;
    for entry in walk {
        let entry = entry.map_err(|error| Error::Read {
            path: root.display().to_string(),
            message: error.to_string(),
        })?;
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        let Some(inside) = path.strip_prefix(root).ok().and_then(Path::to_str) else {
            return Err(Error::Read {
                path: path.display().to_string(),
                message: "its name is no UTF-8".into(),
            });
        };
        let file = read_file(path)?;
        total += file.bytes.len() as u64;
        if tree.len() >= FILES || total > BYTES {
            return Err(Error::Limit(format!(
                "{} holds over {FILES} files or {BYTES} bytes",
                root.display()
            )));
        }
        tree.insert(inside, file).map_err(|illegal| Error::Read {
            path: illegal.0,
            message: "illegal path".into(),
        })?;
    }
    Ok(tree)
}

/// A file that stayed as it was while it was read.
fn read_file(path: &Path) -> Result<File, Error> {
    let stat = || fs::symlink_metadata(path);
    let gone = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Unsettled(path.display().to_string()),
        _ => Error::read(path, &error),
    };
    let before = stat().map_err(gone)?;
    if before.len() > BYTES {
        return Err(Error::Limit(format!(
            "{} is larger than {BYTES} bytes",
            path.display()
        )));
    }
    let bytes = fs::read(path).map_err(gone)?;
    let after = stat().map_err(gone)?;
    let same = before.modified().ok() == after.modified().ok() && after.len() == bytes.len() as u64;
    if !same {
        return Err(Error::Unsettled(path.display().to_string()));
    }
    Ok(File {
        bytes: Bytes::from(bytes),
        executable: executable(&after),
    })
}

#[cfg(unix)]
fn executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn executable(_: &fs::Metadata) -> bool {
    false
}

/// 40 hex digits that depend on paths, modes and contents alone.
fn content_hash(tree: &Tree) -> String {
    let mut hash = Sha1::new();
    for (path, file) in tree.files() {
        let mode = if file.executable { "100755" } else { "100644" };
        let mut blob = Sha1::new();
        blob.update(format!("blob {}\0", file.bytes.len()));
        blob.update(&file.bytes);
        hash.update(format!("{mode} {path}\0"));
        hash.update(blob.finalize());
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(path: &Path, refs: &[(&str, &Path)]) -> Mapping {
        Mapping {
            url: "https://github.com/acme/apps".into(),
            path: path.into(),
            refs: refs
                .iter()
                .map(|(name, path)| ((*name).into(), (*path).into()))
                .collect(),
            place: "fleet.yaml: spec.sources[0].refs".into(),
        }
    }

    #[test]
    fn scheme_user_and_suffix_do_not_matter() {
        let mappings = Mappings::new(vec![mapping(Path::new("/x"), &[])]);
        for url in [
            "ssh://git@github.com/acme/apps.git",
            "http://GitHub.com/acme/apps/",
            "https://github.com/acme/apps",
        ] {
            assert!(mappings.find(url).is_some(), "{url}");
        }
        assert!(mappings.find("https://github.com/acme/other").is_none());
    }

    #[test]
    fn a_branch_is_the_working_tree_and_a_change_is_a_revision() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.yaml"), "a").unwrap();
        fs::create_dir(dir.path().join(".git")).unwrap();
        fs::write(dir.path().join(".git/HEAD"), "ref").unwrap();
        fs::write(dir.path().join(".gitignore"), "*.log\n").unwrap();
        fs::write(dir.path().join("x.log"), "noise").unwrap();
        let mapping = mapping(dir.path(), &[]);
        let main = Reference::Branch("main".into());
        let first = resolve(&mapping, &main, None).unwrap();
        assert_eq!(
            first.tree.files().map(|(path, _)| path).collect::<Vec<_>>(),
            ["a.yaml"]
        );
        assert_eq!(first.revision, format!("main@sha1:{}", first.hash));
        assert_eq!(
            first.revision,
            resolve(&mapping, &main, None).unwrap().revision
        );
        fs::write(dir.path().join("a.yaml"), "b").unwrap();
        assert_ne!(
            first.revision,
            resolve(&mapping, &main, None).unwrap().revision
        );
    }

    #[test]
    fn a_tag_must_be_listed_and_the_error_names_the_line() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.yaml"), "a").unwrap();
        let tagged = mapping(
            dir.path(),
            &[
                ("v1.4.2", dir.path()),
                ("v1.3.0", dir.path()),
                ("v2.0.0", dir.path()),
            ],
        );
        let resolved = resolve(&tagged, &Reference::Semver(">=1.4.0 <2.0.0".into()), None).unwrap();
        assert!(resolved.revision.starts_with("v1.4.2@sha1:"));
        let error = resolve(&tagged, &Reference::Tag("v9.0.0".into()), None)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("add it to fleet.yaml: spec.sources[0].refs, such as {\"v9.0.0\":"),
            "{error}"
        );
        assert!(resolve(&tagged, &Reference::Semver(">=3".into()), None).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn p02_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("passwd.yaml")).unwrap();
        fs::write(dir.path().join("a.yaml"), "a").unwrap();
        let resolved = resolve(
            &mapping(dir.path(), &[]),
            &Reference::Branch("main".into()),
            None,
        )
        .unwrap();
        assert_eq!(
            resolved
                .tree
                .files()
                .map(|(path, _)| path)
                .collect::<Vec<_>>(),
            ["a.yaml"]
        );
    }
}
