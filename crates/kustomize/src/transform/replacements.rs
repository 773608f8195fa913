//! `replacements`.

use krm::yaml::{Dialect, Kind, Node, Scalar};

use crate::edit;
use crate::error::Error;
use crate::fieldspec::split_path;
use crate::file::{FieldOptions, Replacement, Source, Target, fields};
use crate::id::Id;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::selector::Matcher;
use crate::target::{Build, Loader};

/// The replacements of a kustomization, those in files included.
pub(super) fn load<'a>(
    list: &[Replacement],
    loader: &Loader<'a>,
    build: &mut Build<'a>,
) -> Result<Vec<Replacement>, Error> {
    let mut all = Vec::new();
    for one in list {
        if one.path.is_empty() {
            all.push(one.clone());
            continue;
        }
        if one.source.is_some()
            || one
                .targets
                .as_ref()
                .is_some_and(|targets| !targets.is_empty())
        {
            return Err(Error::new(
                "cannot specify both path and inline replacement",
            ));
        }
        let text = build.read_text(loader, &one.path)?;
        let document = krm::yaml::parse_first(&text, &krm::yaml::Limits::default())
            .map_err(|error| Error::yaml(&one.path, &error))?;
        let value = document.map_or(Ok(krm::Value::Null), |document| {
            document.to_value(Dialect::Sigs)
        });
        let value = value.map_err(|error| Error::yaml(&one.path, &error))?;
        let more = fields::replacements(&value)
            .map_err(|(_, message)| Error::in_file(&one.path, message))?;
        all.extend(more);
    }
    Ok(all)
}

pub(super) fn apply(map: &mut ResMap, list: &[Replacement]) -> Result<(), Error> {
    for one in list {
        let (Some(targets), true) = (
            &one.targets,
            one.source.is_some() || one.source_value.is_some(),
        ) else {
            return Err(Error::new(
                "replacements must specify a source and at least one target",
            ));
        };
        let value = match (&one.source, &one.source_value) {
            (Some(_), Some(_)) => {
                return Err(Error::new(
                    "value and resource selectors are mutually exclusive",
                ));
            }
            (Some(source), None) => from_source(map, source)?,
            (None, text) => Node::plain(text.clone().unwrap_or_default()),
        };
        for target in targets {
            write(map, &value, target)?;
        }
    }
    Ok(())
}

fn ids(resource: &Resource) -> Vec<Id> {
    let mut ids = vec![resource.id()];
    ids.extend(resource.previous_ids());
    ids
}

fn from_source(map: &ResMap, source: &Source) -> Result<Node, Error> {
    let wanted = |id: &Id| {
        let asked = Id {
            gvk: source.gvk.clone(),
            name: source.name.clone(),
            namespace: source.namespace.clone(),
        };
        (source.name.is_empty() || source.name == id.name)
            && (source.namespace.is_empty()
                || asked.effective_namespace() == id.effective_namespace())
            && id.gvk.is_selected(&source.gvk)
    };
    let describe = || {
        Id {
            gvk: source.gvk.clone(),
            name: source.name.clone(),
            namespace: source.namespace.clone(),
        }
        .to_string()
    };
    let mut found = map.list.iter().filter(|one| ids(one).iter().any(wanted));
    let resource = match (found.next(), found.next()) {
        (Some(one), None) => one,
        (None, _) => return Err(Error::new(format!("nothing selected by {}", describe()))),
        _ => {
            return Err(Error::new(format!(
                "multiple matches for selector {}",
                describe()
            )));
        }
    };
    let path = crate::id::or(&source.field_path, "metadata.name");
    let field = lookup(&resource.node, &smart_split(path));
    let missing = || {
        Error::new(format!(
            "fieldPath `{path}` is missing for replacement source {}",
            describe()
        ))
    };
    let field = field
        .filter(|field| !edit::is_nothing(Some(field)))
        .ok_or_else(missing)?;
    refined(field, &source.options)
}

/// The part of a source's value that its delimiter and index choose.
fn refined(field: &Node, options: &FieldOptions) -> Result<Node, Error> {
    if options.delimiter.is_empty() {
        return Ok(field.clone());
    }
    let Kind::Scalar(scalar) = &field.kind else {
        return Err(Error::new(
            "delimiter option can only be used with scalar nodes",
        ));
    };
    let parts: Vec<&str> = scalar.text.split(options.delimiter.as_str()).collect();
    let part = usize::try_from(options.index)
        .ok()
        .and_then(|at| parts.get(at));
    let part = part.ok_or_else(|| {
        Error::new(format!(
            "options.index {} is out of bounds for value {}",
            options.index, scalar.text
        ))
    })?;
    let mut field = field.clone();
    field.kind = Kind::Scalar(Scalar {
        text: (*part).into(),
        ..scalar.clone()
    });
    Ok(field)
}

fn write(map: &mut ResMap, value: &Node, target: &Target) -> Result<(), Error> {
    let select = target.select.as_ref();
    let select = select.ok_or_else(|| Error::new("target must specify resources to select"))?;
    let matcher = Matcher::new(select)?;
    let rejects: Vec<Matcher> = target
        .reject
        .iter()
        .map(Matcher::new)
        .collect::<Result<_, _>>()?;
    let default = ["metadata.name".to_owned()];
    let paths = if target.field_paths.is_empty() {
        &default[..]
    } else {
        &target.field_paths
    };
    for resource in map.list_mut() {
        let ids = ids(resource);
        let fits = |matcher: &Matcher, id: &Id| {
            matcher.matches_gvk(&id.gvk) && matcher.matches_name(&id.name, &id.namespace)
        };
        let rejected = rejects.iter().any(|reject| {
            reject.asks_for_meta() && reject.matches_meta(resource)
                || reject.asks_for_identity() && ids.iter().any(|id| fits(reject, id))
        });
        if rejected || !matcher.matches_meta(resource) || !ids.iter().any(|id| fits(&matcher, id)) {
            continue;
        }
        let before = resource.links_now();
        for path in paths {
            set_path(&mut resource.node, path, value, &target.options)
                .map_err(|error| error.prefixed(&resource.id().to_string()))?;
        }
        resource.settle_links(&before);
    }
    Ok(())
}

fn set_path(
    root: &mut Node,
    path: &str,
    value: &Node,
    options: &FieldOptions,
) -> Result<(), Error> {
    let parts = smart_split(path);
    if reaches_into_text(root, &parts) {
        return Err(Error::new(format!(
            "replacing inside of structured text ({path:?}) is not supported yet"
        )));
    }
    let mut count = 0;
    let failed = if options.create {
        "unable to find or create field"
    } else {
        "unable to find field"
    };
    let failed = || format!("{failed} {path:?} in replacement target");
    let create = options.create.then_some(&value.kind);
    visit(root, &parts, create, &mut |field| {
        count += 1;
        set(field, value, options)
    })
    .map_err(|error| error.prefixed(&failed()))?;
    if count == 0 {
        return Err(Error::new(failed()));
    }
    Ok(())
}

/// Whether a path goes on behind a scalar: kustomize then parses the text and edits it inside.
fn reaches_into_text(root: &Node, parts: &[String]) -> bool {
    (1..parts.len()).any(|end| {
        let found = lookup(root, &parts[..end]);
        found.is_some_and(|node| node.as_scalar().is_some() && !node.is_null())
    })
}

fn set(field: &mut Node, value: &Node, options: &FieldOptions) -> Result<(), Error> {
    let mut value = value.clone();
    if !options.delimiter.is_empty() {
        let (Kind::Scalar(old), Kind::Scalar(new)) = (&field.kind, &mut value.kind) else {
            return Err(Error::new(
                "delimiter option can only be used with scalar nodes",
            ));
        };
        let mut parts: Vec<&str> = old.text.split(options.delimiter.as_str()).collect();
        let text = new.text.clone();
        match usize::try_from(options.index) {
            Err(_) => parts.insert(0, &text),
            Ok(at) if at >= parts.len() => parts.push(&text),
            Ok(at) => parts[at] = &text,
        }
        new.text = parts.join(&options.delimiter);
    }
    match (&mut field.kind, &value.kind) {
        (Kind::Scalar(old), Kind::Scalar(new)) => old.text.clone_from(&new.text),
        (Kind::Scalar(old), _) => old.text.clear(),
        (kind, _) => *kind = value.kind,
    }
    Ok(())
}

/// The node at a path without wildcards.
fn lookup<'a>(root: &'a Node, parts: &[String]) -> Option<&'a Node> {
    parts.iter().try_fold(root, |node, part| match &node.kind {
        Kind::Map(_) => node.get(part),
        Kind::List(items) => match (part.parse::<usize>(), element_key(part)) {
            (Ok(at), _) => items.get(at),
            (_, Some((key, value))) => items.iter().find(|item| has(item, key, value)),
            _ if part == "-" => items.last(),
            _ => None,
        },
        Kind::Scalar(_) => None,
    })
}

fn has(item: &Node, key: &str, value: &str) -> bool {
    let node = if key.is_empty() {
        Some(item)
    } else {
        item.get(key)
    };
    node.and_then(Node::text) == Some(value)
}

fn element_key(part: &str) -> Option<(&str, &str)> {
    part.strip_prefix('[')?.strip_suffix(']')?.split_once('=')
}

/// Visits every node a path names: `*` means every element, `[key=value]` those that match.
fn visit(
    node: &mut Node,
    parts: &[String],
    create: Option<&Kind>,
    visit_one: &mut dyn FnMut(&mut Node) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some((part, rest)) = parts.split_first() else {
        return visit_one(node);
    };
    let made = || made_for(rest.first(), create);
    if let Ok(at) = part.parse::<usize>() {
        let Kind::List(items) = &mut node.kind else {
            return Err(edit::wrong_kind("SequenceNode", node));
        };
        if at == items.len() && create.is_some() {
            items.push(Node::new(made()));
        }
        let length = items.len();
        let item = items.get_mut(at).ok_or_else(|| {
            Error::new(format!(
                "index {at} specified but only {length} elements found"
            ))
        })?;
        return visit(item, rest, create, visit_one);
    }
    if let Some((key, value)) = element_key(part) {
        return visit_matching(node, (key, value), rest, create, visit_one);
    }
    if part == "*" {
        let Kind::List(items) = &mut node.kind else {
            return Err(edit::wrong_kind("SequenceNode", node));
        };
        return items
            .iter_mut()
            .try_for_each(|item| visit(item, rest, create, visit_one));
    }
    if node.is_null() {
        return Ok(());
    }
    if node.as_map().is_none() {
        return Err(edit::wrong_kind("MappingNode", node));
    }
    if node.get(part).is_none() && create.is_some() {
        edit::set_field(node, part, Node::new(made()))?;
    }
    node.get_mut(part)
        .map_or(Ok(()), |field| visit(field, rest, create, visit_one))
}

fn visit_matching(
    node: &mut Node,
    (key, value): (&str, &str),
    rest: &[String],
    create: Option<&Kind>,
    visit_one: &mut dyn FnMut(&mut Node) -> Result<(), Error>,
) -> Result<(), Error> {
    let pattern = regex::Regex::new(value).map_err(|error| Error::new(error.to_string()))?;
    let Kind::List(items) = &mut node.kind else {
        return Err(edit::wrong_kind("SequenceNode", node));
    };
    let matches = |item: &Node| {
        let node = if key.is_empty() {
            Some(item)
        } else {
            item.get(key)
        };
        node.and_then(Node::text)
            .is_some_and(|text| pattern.is_match(text))
    };
    if create.is_some() && !items.iter().any(matches) {
        let mut element = Node::plain(value);
        if !key.is_empty() {
            element = Node::map();
            edit::set_field(&mut element, key, Node::plain(value))?;
        }
        items.push(element);
    }
    let matching = items.iter_mut().filter(|item| matches(item));
    for item in matching {
        // A primitive element is the end of its path, whatever follows.
        let rest = if key.is_empty() { &[] } else { rest };
        visit(item, rest, create, visit_one)?;
    }
    Ok(())
}

/// What is made where something is missing: what the next part of the path needs, or what is written in the end.
fn made_for(next: Option<&String>, create: Option<&Kind>) -> Kind {
    match next {
        Some(part) if part.parse::<usize>().is_ok() || part.starts_with('[') => {
            Kind::List(Vec::new())
        }
        Some(_) => Kind::Map(Vec::new()),
        None => match create {
            Some(Kind::Map(_)) => Kind::Map(Vec::new()),
            Some(Kind::List(_)) => Kind::List(Vec::new()),
            _ => Kind::Scalar(Scalar::plain("")),
        },
    }
}

/// Splits at dots, but not inside of brackets; brackets around a name without `=` only protect its dots.
fn smart_split(path: &str) -> Vec<String> {
    let mut result = Vec::new();
    let mut parts = split_path(path, '.').into_iter();
    while let Some(mut part) = parts.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            result.push(part);
            continue;
        }
        for more in parts.by_ref() {
            part.push('.');
            part.push_str(&more);
            if more.ends_with(']') {
                break;
            }
        }
        let keyed = part.contains('=');
        result.push(if keyed {
            part
        } else {
            part.trim_matches(['[', ']']).to_owned()
        });
    }
    result
}
