//! What Flux does around a build: a root where there is none, the Kustomization's overrides, common metadata, substitution afterwards.
//!
//! The rules are those of `fluxcd/pkg/kustomize` v1.35.4.

mod expand;
mod glob;
mod substitute;

use std::collections::BTreeMap;

use krm::{Object, Tree, tree};

use crate::error::Error;
use crate::file::{Image, Kustomization, Mode, Patch};
use crate::{FILE_NAMES, Options, Step, load, target};

pub use substitute::{Substitution, SubstitutionError, Undefined, When};

/// What a Kustomization's spec says about the root.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// `targetNamespace`.
    pub target_namespace: Option<String>,
    /// `namePrefix`.
    pub name_prefix: Option<String>,
    /// `nameSuffix`.
    pub name_suffix: Option<String>,
    /// `patches`, appended to the root's.
    pub patches: Vec<Patch>,
    /// `images`, merged into the root's by name.
    pub images: Vec<Image>,
    /// `components`, appended to the root's.
    pub components: Vec<String>,
    /// `ignoreMissingComponents`.
    pub ignore_missing_components: bool,
    /// `buildMetadata`, which replaces the root's.
    pub build_metadata: Vec<String>,
}

/// Builds the directory `path` of `tree` as a Kustomization does: without a kustomization file, from all manifests below it.
///
/// # Errors
/// As [`crate::build`]; files that are no Kubernetes objects; components that are not local.
pub fn build(
    tree: &Tree,
    path: &str,
    overrides: &Overrides,
    options: &Options,
) -> Result<Step, Error> {
    let directory = tree::join("", path)
        .filter(|directory| tree.is_dir(directory))
        .ok_or_else(|| {
            Error::new(format!(
                "kustomization path not found: {path:?} is not a directory"
            ))
        })?;
    let mut root = match read_root(tree, &directory)? {
        Some(root) => root,
        None => generate(tree, &directory)?,
    };
    override_root(&mut root, overrides, tree, &directory)?;
    target::build(tree, &directory, Some(root), options)
}

/// The directory's own kustomization. One without resources shows where its objects come from.
fn read_root(tree: &Tree, directory: &str) -> Result<Option<Kustomization>, Error> {
    let found = FILE_NAMES
        .iter()
        .filter_map(|name| tree::join(directory, name))
        .find_map(|path| tree.get(&path).map(|file| (path, file)));
    let Some((path, file)) = found else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&file.bytes)
        .map_err(|_| Error::in_file(&path, "yaml: invalid UTF-8"))?;
    let mut root = Kustomization::parse(&path, text, Mode::Lenient)?;
    if !root.has_resources {
        root.build_metadata = vec!["originAnnotations".into()];
    }
    root.says_something = true;
    Ok(Some(root))
}

/// A kustomization of every manifest below a directory; directories that have their own are taken as they are.
fn generate(tree: &Tree, directory: &str) -> Result<Kustomization, Error> {
    let mut paths: Vec<&str> = tree.files_under(directory).map(|(path, _)| path).collect();
    // Go walks directory by directory.
    paths.sort_by(|a, b| a.split('/').cmp(b.split('/')));
    let mut root = Kustomization {
        says_something: true,
        ..Kustomization::default()
    };
    let mut own: Option<String> = None;
    for path in paths {
        if own
            .as_ref()
            .is_some_and(|own| path.starts_with(own.as_str()))
        {
            continue;
        }
        let below = path
            .strip_prefix(directory)
            .unwrap_or(path)
            .trim_start_matches('/');
        if let Some(found) = directory_of_its_own(tree, path, below) {
            root.resources
                .push(format!("./{}", relative(directory, &found)));
            own = Some(format!("{found}/"));
            continue;
        }
        let file = tree.get(path).filter(|_| is_manifest(path));
        if let Some(file) = file {
            let text = std::str::from_utf8(&file.bytes)
                .map_err(|_| Error::in_file(path, "yaml: invalid UTF-8"))?;
            load::resources(path, text).map_err(|error| {
                error.prefixed(&format!("failed to decode Kubernetes YAML from {path}"))
            })?;
            root.resources.push(format!("./{below}"));
        }
    }
    if root.resources.is_empty() {
        // Nothing is built, which is no error.
        root.namespace = "_placeholder".into();
    }
    Ok(root)
}

fn relative<'a>(directory: &str, path: &'a str) -> &'a str {
    path.strip_prefix(directory)
        .unwrap_or(path)
        .trim_start_matches('/')
}

/// Whether Go's `filepath.Ext` of a path is one of YAML's.
fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(name.rsplit_once('.'), Some((_, "yaml" | "yml")))
}

/// The topmost directory on the way to a file that has a kustomization.
fn directory_of_its_own(tree: &Tree, path: &str, below: &str) -> Option<String> {
    let base = path.len() - below.len();
    let mut ends = below.match_indices('/').map(|(at, _)| base + at);
    ends.find_map(|end| {
        let directory = &path[..end];
        let has = |name: &&str| tree.get(&format!("{directory}/{name}")).is_some();
        FILE_NAMES.iter().any(has).then(|| directory.to_owned())
    })
}

fn override_root(
    root: &mut Kustomization,
    overrides: &Overrides,
    tree: &Tree,
    directory: &str,
) -> Result<(), Error> {
    let set = |field: &mut String, value: &Option<String>| {
        if let Some(value) = value {
            field.clone_from(value);
        }
    };
    set(&mut root.namespace, &overrides.target_namespace);
    set(&mut root.name_prefix, &overrides.name_prefix);
    set(&mut root.name_suffix, &overrides.name_suffix);
    root.patches.extend(overrides.patches.iter().cloned());
    for component in &overrides.components {
        if component.starts_with('/') || target::is_remote(component) {
            return Err(Error::new(format!(
                "component path '{component}' must be local and relative"
            )));
        }
        let at = tree::join(directory, component);
        let exists = at.is_some_and(|at| tree.is_dir(&at) || tree.get(&at).is_some());
        if exists || !overrides.ignore_missing_components {
            root.components.push(component.clone());
        }
    }
    for image in &overrides.images {
        override_image(&mut root.images, image);
    }
    if !overrides.build_metadata.is_empty() {
        root.build_metadata.clone_from(&overrides.build_metadata);
    }
    Ok(())
}

/// Tag and digest say one thing together: setting one clears the other.
fn override_image(images: &mut Vec<Image>, image: &Image) {
    let Some(known) = images.iter_mut().find(|known| known.name == image.name) else {
        images.push(image.clone());
        return;
    };
    if !image.new_name.is_empty() {
        known.new_name.clone_from(&image.new_name);
    }
    if !image.new_tag.is_empty() || !image.digest.is_empty() {
        known.new_tag.clone_from(&image.new_tag);
        known.digest.clone_from(&image.digest);
    }
}

/// Sets `commonMetadata` on every object; what was there under the same keys is overwritten.
pub fn set_common_metadata(
    objects: &mut [Object],
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) {
    for object in objects {
        for (key, value) in labels {
            object.set_label(key, value);
        }
        for (key, value) in annotations {
            object.set_annotation(key, value);
        }
    }
}

/// Refuses objects that are encrypted with SOPS, by name: decryption is not built yet.
///
/// # Errors
/// Names the first one.
pub fn refuse_encrypted(objects: &[Object]) -> Result<(), Error> {
    match objects.iter().find(|object| is_sops_encrypted(object)) {
        None => Ok(()),
        Some(object) => Err(Error::new(format!(
            "{} is SOPS encrypted, and decryption is not supported yet",
            object.id()
        ))),
    }
}

/// Whether an object is encrypted with SOPS: a `sops` mapping with a `mac` at its root.
pub fn is_sops_encrypted(object: &Object) -> bool {
    let mac = object.pointer("/sops/mac").and_then(krm::Value::as_str);
    mac.is_some_and(|mac| !mac.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use krm::json;

    #[test]
    fn encrypted_objects_are_refused_by_name() {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"},
            "sops": {"mac": "ENC[…]"}});
        let error = refuse_encrypted(&[Object::try_from(secret).unwrap()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Secret/n/s is SOPS encrypted, and decryption is not supported yet"
        );
    }

    #[test]
    fn remote_resources_are_asked_for_and_then_used() {
        let tree = Tree::from_texts([(
            "kustomization.yaml",
            "resources: [https://example.com/a.yaml]\nnamePrefix: x-\n",
        )])
        .unwrap();
        let mut options = Options::default();
        let overrides = Overrides::default();
        let url = "https://example.com/a.yaml";
        assert!(
            matches!(build(&tree, "", &overrides, &options), Ok(Step::Fetch(urls)) if urls == [url])
        );
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
        options
            .remotes
            .insert(url.into(), crate::Remote::File(text.into()));
        let step = build(&tree, "", &overrides, &options);
        assert!(matches!(step, Ok(Step::Done(objects)) if objects[0].name() == "x-a"));
        options.remote_bases = crate::RemoteBases::Refused;
        assert!(build(&tree, "", &overrides, &options).is_err());
    }

    #[test]
    fn errors_name_chain_file_line_and_field() {
        let tree = Tree::from_texts([
            ("over/kustomization.yaml", "resources: [../base]\n"),
            (
                "base/kustomization.yaml",
                "namePrefix: x-\nresourcess:\n- a.yaml\n",
            ),
        ])
        .unwrap();
        let error = build(&tree, "over", &Overrides::default(), &Options::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "over → base → base/kustomization.yaml:2:1 /resourcess: accumulating resources: invalid Kustomization: json: unknown field \"resourcess\""
        );
    }

    #[test]
    fn what_is_not_built_is_refused_by_name() {
        let tree = Tree::from_texts([(
            "kustomization.yaml",
            "resources: []\nhelmCharts: [{name: x}]\n",
        )])
        .unwrap();
        let error = build(&tree, "", &Overrides::default(), &Options::default()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("\"helmCharts\" of a kustomization is not supported yet")
        );
    }
}
