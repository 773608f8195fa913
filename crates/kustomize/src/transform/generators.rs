//! `configMapGenerator` and `secretGenerator`.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use bytes::Bytes;
use krm::yaml::{Kind, Node, Scalar, Tag};

use crate::edit;
use crate::error::Error;
use crate::file::{Generator, GeneratorOptions, Kustomization};
use crate::resource::{Behavior, Resource};
use crate::target::{Build, Loader};

/// Everything a kustomization generates: ConfigMaps, then Secrets.
pub(crate) fn all<'a>(
    kustomization: &Kustomization,
    loader: &Loader<'a>,
    build: &mut Build<'a>,
) -> Result<Vec<Resource>, Error> {
    let maps = kustomization
        .config_maps
        .iter()
        .map(|one| ("ConfigMap", one));
    let secrets = kustomization.secrets.iter().map(|one| ("Secret", one));
    let mut result = Vec::new();
    for (kind, args) in maps.chain(secrets) {
        let global = kustomization.generator_options.as_ref();
        let options = merged(args.options.as_ref(), global);
        let pairs = pairs(args, loader, build)
            .map_err(|error| error.prefixed(&format!("{kind} {:?}", args.name)))?;
        result.push(make(kind, args, &options, pairs)?);
    }
    Ok(result)
}

/// A generator's own options with the global ones under them; global switches always count.
fn merged(own: Option<&GeneratorOptions>, global: Option<&GeneratorOptions>) -> GeneratorOptions {
    let mut options = own.cloned().unwrap_or_default();
    let Some(global) = global else {
        return options;
    };
    let add = |own: &mut BTreeMap<String, String>, more: &BTreeMap<String, String>| {
        for (key, value) in more {
            own.entry(key.clone()).or_insert_with(|| value.clone());
        }
    };
    add(&mut options.labels, &global.labels);
    add(&mut options.annotations, &global.annotations);
    options.disable_name_suffix_hash |= global.disable_name_suffix_hash;
    options.immutable |= global.immutable;
    options
}

fn make(
    kind: &str,
    args: &Generator,
    options: &GeneratorOptions,
    pairs: BTreeMap<String, Bytes>,
) -> Result<Resource, Error> {
    if args.name.is_empty() {
        return Err(Error::new("a configmap must have a name"));
    }
    let mut node = Node::map();
    edit::set_field(&mut node, "apiVersion", Node::plain("v1"))?;
    edit::set_field(&mut node, "kind", Node::plain(kind))?;
    let meta = edit::child_map(&mut node, "metadata")?;
    edit::set_field(meta, "name", Node::string(args.name.as_str()))?;
    if !args.namespace.is_empty() {
        edit::set_field(meta, "namespace", Node::string(args.namespace.as_str()))?;
    }
    if kind == "Secret" {
        let name = crate::id::or(&args.secret_type, "Opaque");
        edit::set_field(&mut node, "type", Node::string(name))?;
        edit::child_map(&mut node, "data")?;
    }
    for (key, bytes) in pairs {
        let (field, text) = match std::str::from_utf8(&bytes) {
            Ok(text) if kind == "ConfigMap" => ("data", text.to_owned()),
            Err(_) if kind == "ConfigMap" => ("binaryData", base64_lines(&bytes)),
            _ => ("data", base64_lines(&bytes)),
        };
        let data = edit::child_map(&mut node, field)?;
        edit::set_field(data, &key, Node::string(text))?;
    }
    if options.immutable {
        let flag = Scalar {
            tag: Tag::Bool,
            ..Scalar::plain("true")
        };
        edit::set_field(&mut node, "immutable", Node::new(Kind::Scalar(flag)))?;
    }
    let mut resource = Resource::new(node);
    for (field, pairs) in [
        ("labels", &options.labels),
        ("annotations", &options.annotations),
    ] {
        let pairs = pairs
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()));
        resource.set_meta_pairs(field, pairs.collect())?;
    }
    resource.needs_hash = !options.disable_name_suffix_hash;
    resource.behavior = match args.behavior.as_str() {
        "create" => Behavior::Create,
        "replace" => Behavior::Replace,
        "merge" => Behavior::Merge,
        _ => Behavior::Unspecified,
    };
    Ok(resource)
}

/// Base64 as kyaml writes it: broken after 70 characters, where there are as many.
fn base64_lines(bytes: &[u8]) -> String {
    const LINE: usize = 70;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    if text.len() < LINE {
        return text;
    }
    let mut lines = String::with_capacity(text.len() + text.len() / LINE + 1);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(LINE.min(rest.len()));
        lines.push_str(line);
        lines.push('\n');
        rest = more;
    }
    lines
}

/// The keys and values of a generator: of env files, then literals, then files.
fn pairs<'a>(
    args: &Generator,
    loader: &Loader<'a>,
    build: &mut Build<'a>,
) -> Result<BTreeMap<String, Bytes>, Error> {
    let mut pairs = BTreeMap::new();
    let mut known = BTreeSet::new();
    let mut add = |key: String, value: Bytes| {
        if !known.insert(key.clone()) {
            return Err(Error::new(format!(
                "configmap {} illegally repeats the key `{key}`",
                args.name
            )));
        }
        pairs.insert(key, value);
        Ok(())
    };
    for path in &args.envs {
        let bytes = build.read(loader, path)?;
        for (number, line) in lines(&bytes).enumerate() {
            if let Some((key, value)) = env_line(line, number)? {
                add(key, value)?;
            }
        }
    }
    for literal in &args.literals {
        let (key, value) = literal
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| {
                Error::new(format!(
                    "invalid literal source {literal}, expected key=value"
                ))
            })?;
        add(
            key.into(),
            Bytes::copy_from_slice(without_quotes(value).as_bytes()),
        )?;
    }
    for source in &args.files {
        let (key, path) = file_source(source)?;
        add(key.into(), build.read(loader, path)?)?;
    }
    Ok(pairs)
}

/// Lines as Go's scanner gives them: without the line break, and without a last empty one.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let lines = text.split(|byte| *byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn env_line(line: &[u8], number: usize) -> Result<Option<(String, Bytes)>, Error> {
    let line = std::str::from_utf8(line)
        .map_err(|_| Error::new(format!("line {number} has invalid utf8 bytes")))?;
    let line = if number == 0 {
        line.trim_start_matches('\u{feff}')
    } else {
        line
    };
    let line = line.trim_start();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (key, value) = line.split_once('=').unwrap_or((line, ""));
    if key.is_empty() {
        return Ok(None);
    }
    Ok(Some((key.into(), Bytes::copy_from_slice(value.as_bytes()))))
}

fn without_quotes(text: &str) -> &str {
    let inner = |quote: char| {
        let inside = text.strip_prefix(quote)?.strip_suffix(quote);
        inside.filter(|_| text.len() > 1)
    };
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

/// `key=path`, or a path whose last part is the key.
fn file_source(source: &str) -> Result<(&str, &str), Error> {
    match source.split_once('=') {
        None => Ok((source.rsplit('/').next().unwrap_or(source), source)),
        Some((_, path)) if path.contains('=') => Err(Error::new(format!(
            "source {source:?} key name or file path contains '='"
        ))),
        Some(("", path)) => Err(Error::new(format!(
            "missing key name for file path {path:?} in source {source:?}"
        ))),
        Some((key, "")) => Err(Error::new(format!(
            "missing file path for key name {key:?} in source {source:?}"
        ))),
        Some((key, path)) => Ok((key, path)),
    }
}

impl Resource {
    /// Takes the identity and history of the object whose place it takes, and its data where it merges.
    pub(crate) fn take_over(&mut self, old: &Self) -> Result<(), Error> {
        let merges = self.behavior == Behavior::Merge;
        for field in ["labels", "annotations"] {
            let mut pairs: BTreeMap<String, String> = old.meta_pairs(field).into_iter().collect();
            pairs.extend(self.meta_pairs(field));
            self.set_meta_pairs(field, pairs.into_iter().collect())?;
        }
        self.set_name(old.name())?;
        self.set_namespace(old.namespace())?;
        if merges {
            for field in ["data", "binaryData"] {
                self.merge_data(field, old)?;
            }
            if old.origin.is_some() {
                self.origin.clone_from(&old.origin);
            }
        }
        self.previous.clone_from(&old.previous);
        self.prefixes.clone_from(&old.prefixes);
        self.suffixes.clone_from(&old.suffixes);
        self.behavior = old.behavior;
        self.needs_hash &= old.needs_hash;
        Ok(())
    }

    fn merge_data(&mut self, field: &str, old: &Self) -> Result<(), Error> {
        let mut data: BTreeMap<String, String> = BTreeMap::new();
        for node in [&old.node, &self.node] {
            let entries = node.get(field).and_then(Node::as_map).unwrap_or_default();
            for (key, value) in entries {
                let text = |node: &Node| match node.is_null() {
                    true => String::new(),
                    false => node.text().unwrap_or_default().to_owned(),
                };
                data.insert(text(key), text(value));
            }
        }
        self.node.remove(field);
        if data.is_empty() {
            return Ok(());
        }
        let entries = data.into_iter();
        let entries = entries.map(|(key, value)| (Node::string(key), Node::string(value)));
        edit::set_field(
            &mut self.node,
            field,
            Node::new(Kind::Map(entries.collect())),
        )
    }
}
