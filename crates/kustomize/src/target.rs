//! A kustomization's build, in the order it happens.

use krm::{Tree, tree};

use crate::error::Error;
use crate::file::{Kustomization, Mode};
use crate::resmap::ResMap;
use crate::resource::Origin;
use crate::{FILE_NAMES, Options, Remote, RemoteBases, Step, load, order, transform};

/// Builds, with a root that was read already where Flux changed it.
pub(crate) fn build(
    tree: &Tree,
    path: &str,
    root: Option<Kustomization>,
    options: &Options,
) -> Result<Step, Error> {
    let mut build = Build {
        options,
        wanted: Vec::new(),
        kustomizations: 0,
        metadata: None,
    };
    let result = build.run(tree, path, root);
    if !build.wanted.is_empty() {
        // What failed may only have failed because something is not fetched yet.
        return Ok(Step::Fetch(build.wanted));
    }
    result.map(Step::Done)
}

/// One build: what it may do and what it came across.
pub(crate) struct Build<'a> {
    options: &'a Options,
    wanted: Vec<String>,
    kustomizations: usize,
    /// The root's `buildMetadata`, which holds for all.
    metadata: Option<Vec<String>>,
}

/// Where a kustomization stands, and how it was reached.
#[derive(Clone)]
pub(crate) struct Loader<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) directory: String,
    /// The kustomizations on the way here, the nearest last: tree and directory.
    visited: Vec<(*const Tree, String)>,
    /// The path that origins show.
    origin: String,
}

impl<'a> Build<'a> {
    fn run(
        &mut self,
        tree: &'a Tree,
        path: &str,
        root: Option<Kustomization>,
    ) -> Result<Vec<krm::Object>, Error> {
        let directory = tree::join("", path)
            .filter(|directory| tree.is_dir(directory))
            .ok_or_else(|| {
                Error::new(format!(
                    "{path:?} is not a directory: no such file or directory"
                ))
            })?;
        let loader = Loader {
            tree,
            directory: directory.clone(),
            visited: Vec::new(),
            origin: String::new(),
        };
        let through = |build: &mut Self| {
            let (file, kustomization) = loader.kustomization(root)?;
            kustomization.check_not_empty(&file)?;
            let metadata = Some(kustomization.build_metadata.clone());
            build.metadata = metadata.filter(|metadata| !metadata.is_empty());
            let sort = kustomization.sort.clone();
            let mut map = build.accumulate(&loader, &file, &kustomization, ResMap::default())?;
            transform::hash::apply(&mut map)?;
            transform::references::apply(&mut map)?;
            transform::local::apply(&mut map);
            order::sort(&mut map, sort.as_ref(), build.options.order);
            let metadata = build.metadata.as_deref().unwrap_or_default();
            transform::metadata::finish(map, metadata)
        };
        through(self).map_err(|error| error.through(&directory))
    }

    /// Everything one kustomization contributes. A Component works on the objects of its parent.
    fn accumulate(
        &mut self,
        loader: &Loader<'a>,
        file: &str,
        kustomization: &Kustomization,
        mut map: ResMap,
    ) -> Result<ResMap, Error> {
        self.kustomizations += 1;
        if self.kustomizations > self.options.limits.kustomizations {
            let most = self.options.limits.kustomizations;
            return Err(Error::new(format!(
                "the build uses more than {most} kustomizations"
            )));
        }
        for path in &kustomization.resources {
            self.resource(loader, path, &mut map)
                .map_err(|error| error.prefixed("accumulating resources"))?;
        }
        let origin = self.metadata.is_some();
        for mut generated in transform::generators::all(kustomization, loader, self)? {
            if origin {
                let kind = if generated.kind() == "Secret" {
                    "SecretGenerator"
                } else {
                    "ConfigMapGenerator"
                };
                generated.origin = Some(loader.plugin(file, kind));
            }
            map.absorb(generated)?;
        }
        for path in &kustomization.components {
            map = self
                .component(loader, path, map)
                .map_err(|error| error.prefixed("accumulating components"))?;
        }
        for (name, step) in transform::configure(kustomization, loader, self)? {
            step.apply(&mut map)?;
            if origin {
                transform::metadata::record(&mut map, &loader.plugin(file, name));
            }
            map.list_mut()
                .retain(|resource| !crate::edit::is_nothing(Some(&resource.node)));
        }
        self.check_objects(&map)?;
        Ok(map)
    }

    /// One of `resources`: a file, a directory or a URL.
    fn resource(&mut self, loader: &Loader<'a>, path: &str, map: &mut ResMap) -> Result<(), Error> {
        let options = self.options;
        let at = tree::join(&loader.directory, path);
        let local = at.as_deref().and_then(|at| loader.tree.get(at));
        if let (Some(at), Some(file)) = (&at, local) {
            let text = text(&file.bytes, at)?;
            return self.objects(loader, (at, &text), path, map);
        }
        let child = match at {
            Some(at) if loader.tree.is_dir(&at) && !path.is_empty() => loader.enter(at, path)?,
            _ if is_remote(path) => match self.remote(path)? {
                None => return Ok(()),
                Some(Remote::File(bytes)) => {
                    let text = text(bytes, path)?;
                    return self.objects(loader, (path, &text), path, map);
                }
                Some(Remote::Tree { tree, path: inside }) => loader.enter_tree(tree, inside, path),
            },
            Some(_) => {
                return Err(Error::new(format!(
                    "accumulating resources from '{path}': no such file or directory"
                )));
            }
            None => {
                return Err(Error::new(format!(
                    "accumulating resources from '{path}': security; the path leaves the source"
                )));
            }
        };
        loader.check_depth(options.limits.depth)?;
        let directory = child.directory.clone();
        let mut through = || {
            let (file, kustomization) = child.kustomization(None)?;
            kustomization.check_not_empty(&file)?;
            if kustomization.is_component {
                return Err(Error::in_file(
                    &file,
                    format!("expected kind != 'Component' for path '{directory}'"),
                ));
            }
            self.accumulate(&child, &file, &kustomization, ResMap::default())
        };
        let more = through().map_err(|error| error.through(&directory))?;
        map.append_all(more).map_err(|error| {
            error.prefixed(&format!("recursed merging from path '{directory}'"))
        })?;
        self.check_objects(map)
    }

    /// The objects of a file, whose path and text these are, under the path it was named by.
    fn objects(
        &mut self,
        loader: &Loader<'a>,
        (file, text): (&str, &str),
        path: &str,
        map: &mut ResMap,
    ) -> Result<(), Error> {
        let context =
            |error: Error| error.prefixed(&format!("accumulating resources from '{path}'"));
        let mut alone = ResMap::default();
        for mut resource in load::resources(file, text).map_err(context)? {
            if self.metadata.is_some() {
                resource.origin = Some(Origin {
                    path: origin_path(&loader.origin, path),
                    ..Origin::default()
                });
            }
            alone.append(resource).map_err(context)?;
        }
        map.append_all(alone).map_err(|error| {
            context(error.prefixed(&format!("merging resources from '{path}'")))
        })?;
        self.check_objects(map)
    }

    fn component(&mut self, loader: &Loader<'a>, path: &str, map: ResMap) -> Result<ResMap, Error> {
        let at = tree::join(&loader.directory, path);
        let child = match at {
            Some(at) if loader.tree.is_dir(&at) && !path.is_empty() => loader.enter(at, path)?,
            _ if is_remote(path) => match self.remote(path)? {
                Some(Remote::Tree { tree, path: inside }) => loader.enter_tree(tree, inside, path),
                Some(Remote::File(_)) => {
                    return Err(Error::new(format!("component {path:?} is not a directory")));
                }
                None => return Ok(map),
            },
            _ => {
                return Err(Error::new(format!(
                    "loader.New {path:?}: must build at directory: not a valid directory"
                )));
            }
        };
        loader.check_depth(self.options.limits.depth)?;
        let directory = child.directory.clone();
        let through = || {
            let (file, kustomization) = child.kustomization(None)?;
            kustomization.check_not_empty(&file)?;
            if !kustomization.is_component {
                return Err(Error::in_file(
                    &file,
                    format!(
                        "expected kind 'Component' for path '{directory}' but got 'Kustomization'"
                    ),
                ));
            }
            self.accumulate(&child, &file, &kustomization, map)
        };
        through().map_err(|error| error.through(&directory))
    }

    /// What a URL turned out to be; `None` after noting that it must be fetched.
    fn remote(&mut self, url: &str) -> Result<Option<&'a Remote>, Error> {
        if self.options.remote_bases == RemoteBases::Refused {
            return Err(Error::new(format!(
                "remote resource {url:?} is refused: remote bases are disabled"
            )));
        }
        let found = self.options.remotes.get(url);
        if found.is_none() && !self.wanted.iter().any(|known| known == url) {
            self.wanted.push(url.into());
        }
        Ok(found)
    }

    /// A file's text: a patch, a list of replacements.
    pub(crate) fn read_text(&mut self, loader: &Loader<'a>, path: &str) -> Result<String, Error> {
        let bytes = self.read(loader, path)?;
        text(&bytes, path)
    }

    /// A file's bytes. A file that is still to be fetched reads as empty.
    pub(crate) fn read(&mut self, loader: &Loader<'a>, path: &str) -> Result<bytes::Bytes, Error> {
        if path.starts_with("http://") || path.starts_with("https://") {
            return match self.remote(path)? {
                Some(Remote::File(bytes)) => Ok(bytes.clone()),
                Some(Remote::Tree { .. }) => {
                    Err(Error::new(format!("URL {path:?} is a git repository")))
                }
                None => Ok(bytes::Bytes::new()),
            };
        }
        let at = tree::join(&loader.directory, path).ok_or_else(|| {
            Error::new(format!("security; file '{path}' is outside of the source"))
        })?;
        let file = loader.tree.get(&at);
        file.map(|file| file.bytes.clone())
            .ok_or_else(|| Error::in_file(&at, format!("'{path}': no such file or directory")))
    }

    fn check_objects(&self, map: &ResMap) -> Result<(), Error> {
        let most = self.options.limits.objects;
        if map.list.len() > most {
            return Err(Error::new(format!(
                "the build holds more than {most} objects"
            )));
        }
        Ok(())
    }
}

impl<'a> Loader<'a> {
    /// A directory of the same tree. One that contains a directory on the way here would contain itself.
    fn enter(&self, directory: String, path: &str) -> Result<Self, Error> {
        let here = (std::ptr::from_ref(self.tree), self.directory.clone());
        let mut visited = self.visited.clone();
        visited.push(here);
        let contains = |inner: &str| {
            directory.is_empty()
                || inner
                    .strip_prefix(&directory)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let cycle = visited
            .iter()
            .rev()
            .find(|(tree, inner)| std::ptr::eq(*tree, self.tree) && contains(inner));
        if let Some((_, inner)) = cycle {
            return Err(Error::new(format!(
                "cycle detected: candidate root '{directory}' contains visited root '{inner}'"
            )));
        }
        Ok(Self {
            tree: self.tree,
            directory,
            visited,
            origin: origin_path(&self.origin, path),
        })
    }

    /// A fetched tree.
    fn enter_tree(&self, tree: &'a Tree, directory: &str, url: &str) -> Self {
        let mut visited = self.visited.clone();
        visited.push((std::ptr::from_ref(self.tree), self.directory.clone()));
        Self {
            tree,
            directory: directory.into(),
            visited,
            origin: url.into(),
        }
    }

    fn check_depth(&self, most: usize) -> Result<(), Error> {
        if self.visited.len() >= most {
            return Err(Error::new(format!(
                "kustomizations nested deeper than {most}"
            )));
        }
        Ok(())
    }

    /// The kustomization here and its file's path; or the one that was read already.
    fn kustomization(&self, read: Option<Kustomization>) -> Result<(String, Kustomization), Error> {
        let join = |name: &str| match self.directory.as_str() {
            "" => name.to_owned(),
            directory => format!("{directory}/{name}"),
        };
        let found: Vec<_> = FILE_NAMES
            .iter()
            .filter_map(|name| self.tree.get(&join(name)).map(|file| (join(name), file)))
            .collect();
        match (found.as_slice(), read) {
            ([(path, _)], Some(read)) => Ok((path.clone(), read)),
            ([], Some(read)) => Ok((join(FILE_NAMES[0]), read)),
            ([(path, file)], None) => {
                let text = text(&file.bytes, path)?;
                Ok((
                    path.clone(),
                    Kustomization::parse(path, &text, Mode::Strict)?,
                ))
            }
            ([], None) => Err(Error::new(format!(
                "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{}'",
                self.directory
            ))),
            _ => Err(Error::new(format!(
                "Found multiple kustomization files under: {}",
                self.directory
            ))),
        }
    }

    /// The origin of what a built-in plugin of this kustomization made or changed.
    fn plugin(&self, file: &str, kind: &str) -> Origin {
        let name = file.rsplit('/').next().unwrap_or(file);
        Origin {
            path: String::new(),
            configured_in: origin_path(&self.origin, name),
            configured_by: kind.into(),
        }
    }
}

/// Go's `filepath.Join` of an origin's path and what was named there.
fn origin_path(origin: &str, path: &str) -> String {
    if is_remote(path) {
        return path.into();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in origin.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        ".".into()
    } else {
        parts.join("/")
    }
}

/// Whether a path is a URL as kustomize sees it.
pub(crate) fn is_remote(path: &str) -> bool {
    let lower = path.to_lowercase();
    let schemes = [
        "git::",
        "gh:",
        "ssh://",
        "https://",
        "http://",
        "git@",
        "github.com:",
        "github.com/",
        "file://",
    ];
    schemes
        .iter()
        .any(|scheme| lower.len() > scheme.len() && lower.starts_with(scheme))
}

fn text(bytes: &[u8], path: &str) -> Result<String, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(Error::in_file(
            path,
            "MalformedYAMLError: yaml: invalid UTF-8",
        )),
    }
}
