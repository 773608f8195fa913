//! Finds a fleet: by its `fleet.yaml`, or by convention.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use api::fleet::{FILE, Fleet as File};
use bytes::Bytes;
use krm::Tree;
use krm::yaml::{self, Dialect, Limits};
use source::Mapping;

/// The largest fleet file.
const FILE_LIMIT: u64 = 1 << 20;

/// A fleet as it lies on this machine.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Where it lies.
    pub root: PathBuf,
    /// The platform's repository.
    pub repository: PathBuf,
    /// Which URL is which directory, as the fleet file says.
    pub sources: Vec<Mapping>,
    /// Its clusters.
    pub clusters: Vec<Cluster>,
}

/// A cluster of a fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its entry in the repository, `/`-separated and clean.
    pub path: String,
    /// Files and directories with objects that are in no repository.
    pub objects: Vec<PathBuf>,
}

/// Why there is no fleet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{path}: {message}")]
    Read {
        /// Which file.
        path: String,
        /// What the system said.
        message: String,
    },
    /// The fleet file is wrong; one line per problem, with file, line and column.
    #[error("{0}")]
    File(String),
    /// No cluster was found.
    #[error("{0}")]
    NoCluster(String),
    /// Several clusters, and none or a wrong one was named.
    #[error("{message}; choose one with --cluster:\n  {}", clusters.join("\n  "))]
    WhichCluster {
        /// What is wrong.
        message: String,
        /// What there is.
        clusters: Vec<String>,
    },
}

impl Fleet {
    /// Finds the fleet at `root`.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn load(root: &Path) -> Result<Self, Error> {
        let root = fs::canonicalize(root).map_err(|error| read_error(root, &error))?;
        let file = root.join(FILE);
        if file.is_file() {
            Self::from_file(root, &file)
        } else {
            Self::by_convention(root)
        }
    }

    /// The cluster called `name`, or the only one.
    ///
    /// # Errors
    /// [`Error::WhichCluster`] with what there is.
    pub fn cluster(&self, name: Option<&str>) -> Result<&Cluster, Error> {
        let clusters = || {
            self.clusters
                .iter()
                .map(|cluster| cluster.name.clone())
                .collect()
        };
        match (name, self.clusters.as_slice()) {
            (None, [only]) => Ok(only),
            (None, _) => Err(Error::WhichCluster {
                message: format!(
                    "{} has {} clusters",
                    self.root.display(),
                    self.clusters.len()
                ),
                clusters: clusters(),
            }),
            (Some(name), all) => all
                .iter()
                .find(|cluster| cluster.name == name)
                .ok_or_else(|| Error::WhichCluster {
                    message: format!("{} has no cluster {name:?}", self.root.display()),
                    clusters: clusters(),
                }),
        }
    }

    fn from_file(root: PathBuf, path: &Path) -> Result<Self, Error> {
        let source = FleetFile {
            text: read_text(path)?,
            shown: path.display().to_string(),
            root: root.clone(),
        };
        let file = source.parse()?;
        let repository = source.existing("/spec/repository", &file.spec.repository)?;
        let sources = source.mappings(&file)?;
        let mut clusters = source.clusters(&file, &repository)?;
        if clusters.is_empty() {
            clusters = find_clusters(&repository);
        }
        Ok(Self {
            root,
            repository,
            sources,
            clusters,
        })
    }

    /// Without a fleet file: clusters are the directories with a `flux-system/` that holds a sync.
    fn by_convention(root: PathBuf) -> Result<Self, Error> {
        let clusters = find_clusters(&root);
        if clusters.is_empty() {
            return Err(Error::NoCluster(format!(
                "no cluster found in {}: there is neither a {FILE} nor a directory with a flux-system/ that holds gotk-sync.yaml",
                root.display()
            )));
        }
        Ok(Self {
            repository: root.clone(),
            root,
            sources: Vec::new(),
            clusters,
        })
    }
}

/// A fleet file that is being read.
struct FleetFile {
    text: String,
    /// How messages call it.
    shown: String,
    /// What its paths start from.
    root: PathBuf,
}

impl FleetFile {
    fn parse(&self) -> Result<File, Error> {
        let shown = &self.shown;
        let malformed = |error: yaml::Error| {
            Error::File(format!(
                "{shown}:{}:{}: {}",
                error.line, error.column, error.message
            ))
        };
        let documents = yaml::parse(&self.text, &Limits::default()).map_err(malformed)?;
        let [document] = documents.as_slice() else {
            return Err(Error::File(format!(
                "{shown}: expected one document, found {}",
                documents.len()
            )));
        };
        let value = document.to_value(Dialect::Sigs).map_err(malformed)?;
        File::read(&value).map_err(|problems| {
            let lines = problems
                .iter()
                .map(|problem| format!("{}: {problem}", self.place(&problem.pointer)));
            Error::File(lines.collect::<Vec<_>>().join("\n"))
        })
    }

    /// The file, with line and column where a field stands.
    fn place(&self, pointer: &str) -> String {
        let shown = &self.shown;
        yaml::locate(&self.text, pointer).map_or_else(
            || shown.clone(),
            |(line, column)| format!("{shown}:{line}:{column}"),
        )
    }

    /// The path that a field names.
    fn existing(&self, pointer: &str, relative: &str) -> Result<PathBuf, Error> {
        let path = self.root.join(relative.trim_start_matches("./"));
        if path.exists() {
            return Ok(path);
        }
        let place = self.place(pointer);
        Err(Error::File(format!("{place}: {relative:?} does not exist")))
    }

    fn mappings(&self, file: &File) -> Result<Vec<Mapping>, Error> {
        let mut mappings = Vec::new();
        for (number, source) in file.spec.sources.iter().enumerate() {
            let mut refs = BTreeMap::new();
            for (name, path) in &source.refs {
                let pointer = format!("/spec/sources/{number}/refs");
                refs.insert(name.clone(), self.existing(&pointer, path)?);
            }
            mappings.push(Mapping {
                url: source.url.clone(),
                path: self.existing(&format!("/spec/sources/{number}/path"), &source.path)?,
                refs,
                place: format!("spec.sources[{number}].refs of {}", self.shown),
            });
        }
        Ok(mappings)
    }

    fn clusters(&self, file: &File, repository: &Path) -> Result<Vec<Cluster>, Error> {
        let mut clusters = Vec::new();
        for (number, cluster) in file.spec.clusters.iter().enumerate() {
            let path = krm::tree::join("", &cluster.path).unwrap_or_default();
            if !repository.join(&path).is_dir() {
                let place = self.place(&format!("/spec/clusters/{number}/path"));
                return Err(Error::File(format!(
                    "{place}: {:?} is no directory of {}",
                    cluster.path,
                    repository.display()
                )));
            }
            let mut objects = Vec::new();
            for (item, path) in cluster.objects.iter().enumerate() {
                let pointer = format!("/spec/clusters/{number}/objects/{item}");
                objects.push(self.existing(&pointer, path)?);
            }
            clusters.push(Cluster {
                name: cluster.name.clone(),
                path,
                objects,
            });
        }
        Ok(clusters)
    }
}

/// Directories, at most five deep, that hold a `flux-system/` with a sync; named after themselves.
fn find_clusters(repository: &Path) -> Vec<Cluster> {
    let mut found = Vec::new();
    let walk = ignore::WalkBuilder::new(repository)
        .standard_filters(false)
        .hidden(true)
        .max_depth(Some(6))
        .follow_links(false)
        .sort_by_file_name(Ord::cmp)
        .build();
    for entry in walk.flatten() {
        let path = entry.path();
        if !path.ends_with("flux-system/gotk-sync.yaml") {
            continue;
        }
        let Some(directory) = path.parent().and_then(Path::parent) else {
            continue;
        };
        let Some(relative) = directory
            .strip_prefix(repository)
            .ok()
            .and_then(Path::to_str)
        else {
            continue;
        };
        let name = directory
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("cluster");
        found.push(Cluster {
            name: name.into(),
            path: relative.into(),
            objects: Vec::new(),
        });
    }
    found
}

/// A file's text, within its limit.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let size = fs::metadata(path)
        .map_err(|error| read_error(path, &error))?
        .len();
    if size > FILE_LIMIT {
        return Err(Error::Read {
            path: path.display().to_string(),
            message: format!("larger than {FILE_LIMIT} bytes"),
        });
    }
    fs::read_to_string(path).map_err(|error| read_error(path, &error))
}

pub(crate) fn read_error(path: &Path, error: &std::io::Error) -> Error {
    Error::Read {
        path: path.display().to_string(),
        message: error.to_string(),
    }
}

/// The YAML and JSON files of a directory, or one file, as a tree.
pub(crate) fn read_manifests(path: &Path) -> Result<Tree, Error> {
    let mut tree = Tree::new();
    let walk = ignore::WalkBuilder::new(path)
        .standard_filters(false)
        .follow_links(false)
        .sort_by_file_name(Ord::cmp)
        .build();
    for entry in walk {
        let entry = entry.map_err(|error| Error::Read {
            path: path.display().to_string(),
            message: error.to_string(),
        })?;
        let file = entry.path();
        let manifest = matches!(
            file.extension().and_then(|text| text.to_str()),
            Some("yaml" | "yml" | "json")
        );
        if !manifest || !file.is_file() {
            continue;
        }
        let text = read_text(file)?;
        let name = file.display().to_string();
        let inside = name.trim_start_matches('/');
        let content = krm::File {
            bytes: Bytes::from(text),
            executable: false,
        };
        tree.insert(inside, content)
            .map_err(|illegal| Error::Read {
                path: illegal.0,
                message: "illegal path".into(),
            })?;
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(text: &str) -> Result<Fleet, String> {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("fleet-infra/clusters/prod/flux-system")).unwrap();
        fs::write(
            dir.path()
                .join("fleet-infra/clusters/prod/flux-system/gotk-sync.yaml"),
            "",
        )
        .unwrap();
        if !text.is_empty() {
            fs::write(dir.path().join(FILE), text).unwrap();
        }
        let root = dir.path().canonicalize().unwrap().display().to_string();
        Fleet::load(dir.path()).map_err(|error| error.to_string().replace(&root, "."))
    }

    #[test]
    fn a_wrong_field_is_named_with_line_and_column() {
        let text = "apiVersion: weir/v1alpha1\nkind: Fleet\nspec:\n  repository: ./fleet-infra\n  clutsers: []\n";
        let error = fleet(text).unwrap_err();
        assert!(error.starts_with("./fleet.yaml:5:"), "{error}");
        assert!(error.contains("unknown field \"clutsers\""), "{error}");
        let text = "apiVersion: weir/v1alpha1\nkind: Fleet\nspec:\n  repository: ./nowhere\n";
        assert_eq!(
            fleet(text).unwrap_err(),
            "./fleet.yaml:4:15: \"./nowhere\" does not exist"
        );
    }

    #[test]
    fn without_a_file_clusters_are_found_by_their_sync() {
        let found = fleet("").unwrap();
        assert_eq!(found.clusters.len(), 1);
        assert_eq!(
            found.cluster(None).unwrap().path,
            "fleet-infra/clusters/prod"
        );
        let error = found.cluster(Some("staging")).unwrap_err().to_string();
        assert!(
            error.ends_with("has no cluster \"staging\"; choose one with --cluster:\n  prod"),
            "{error}"
        );
    }
}
