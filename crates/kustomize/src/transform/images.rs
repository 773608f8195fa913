//! `images`.

use krm::yaml::{Kind, Node, Scalar};
use regex::Regex;

use crate::edit;
use crate::error::Error;
use crate::fieldspec::{self, Create};
use crate::file;
use crate::resmap::ResMap;

/// An image to replace.
pub(crate) struct Image {
    pattern: Regex,
    new: file::Image,
}

impl Image {
    pub(super) fn new(image: &file::Image) -> Result<Self, Error> {
        let pattern = format!(
            "^{}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$",
            image.name
        );
        let pattern = Regex::new(&pattern).map_err(|_| {
            Error::new(format!(
                "image name {:?} is no regular expression",
                image.name
            ))
        })?;
        Ok(Self {
            pattern,
            new: image.clone(),
        })
    }

    pub(super) fn apply(self, map: &mut ResMap) -> Result<(), Error> {
        let specs = fieldspec::defaults().of("images");
        for resource in map.list_mut() {
            if resource.kind() == "CustomResourceDefinition" {
                continue;
            }
            self.containers(&mut resource.node)?;
            for spec in specs {
                spec.visit(&mut resource.node, Create::Nothing, &mut |field| {
                    self.update(field)
                })?;
            }
        }
        Ok(())
    }

    /// Wherever `containers` or `initContainers` stand, in whichever kind.
    fn containers(&self, node: &mut Node) -> Result<(), Error> {
        match &mut node.kind {
            Kind::Scalar(_) => Ok(()),
            Kind::List(items) => items.iter_mut().try_for_each(|item| self.containers(item)),
            Kind::Map(entries) => entries.iter_mut().try_for_each(|(key, value)| {
                self.containers(value)?;
                let named = matches!(key.text(), Some("containers" | "initContainers"));
                match &mut value.kind {
                    Kind::List(items) if named => {
                        items.iter_mut().try_for_each(|item| self.container(item))
                    }
                    _ => Ok(()),
                }
            }),
        }
    }

    fn container(&self, item: &mut Node) -> Result<(), Error> {
        if item.is_null() {
            return Ok(());
        }
        if item.as_map().is_none() {
            return Err(edit::wrong_kind("MappingNode", item));
        }
        item.get_mut("image")
            .map_or(Ok(()), |image| self.update(image))
    }

    fn update(&self, field: &mut Node) -> Result<(), Error> {
        if field.is_null() {
            return Ok(());
        }
        let Some(text) = field.text() else {
            return Err(edit::wrong_kind("ScalarNode", field));
        };
        if !self.pattern.is_match(text) {
            return Ok(());
        }
        let text = self.replaced(text);
        edit::set_scalar(field, Scalar::plain(text))
    }

    fn replaced(&self, old: &str) -> String {
        let new = &self.new;
        let (name, mut tag, mut digest) = split(old);
        let name = if new.new_name.is_empty() {
            name
        } else {
            &new.new_name
        };
        if !new.new_tag.is_empty() || !new.digest.is_empty() {
            (tag, digest) = (new.new_tag.clone(), new.digest.clone());
        } else if !new.tag_suffix.is_empty() {
            tag.push_str(&new.tag_suffix);
            digest.clear();
        }
        let mut text = name.to_owned();
        if !tag.is_empty() {
            text.push(':');
            text.push_str(&tag);
        }
        if !digest.is_empty() {
            text.push('@');
            text.push_str(&digest);
        }
        text
    }
}

/// Name, tag and digest; a port of the registry is no tag.
fn split(image: &str) -> (&str, String, String) {
    let from = image.find('/').filter(|at| *at > 0).unwrap_or(0);
    let at = image[from..].find('@').map(|at| at + from);
    let colon = image[from..].find(':').map(|at| at + from);
    match (colon, at) {
        (None, None) => (image, String::new(), String::new()),
        (Some(colon), Some(at)) if colon < at => (
            &image[..colon],
            image[colon + 1..at].into(),
            image[at + 1..].into(),
        ),
        (_, Some(at)) => (&image[..at], String::new(), image[at + 1..].into()),
        (Some(colon), None) => (&image[..colon], image[colon + 1..].into(), String::new()),
    }
}
