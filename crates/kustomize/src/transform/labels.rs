//! `commonLabels` and `labels`.

use std::collections::BTreeMap;

use krm::yaml::{Kind, Node, Scalar};

use crate::edit;
use crate::error::Error;
use crate::fieldspec::{self, Create, FieldSpec};
use crate::file::Label;
use crate::resmap::ResMap;

/// Labels and the fields they go to.
pub(crate) struct Labels {
    pairs: BTreeMap<String, String>,
    specs: Vec<FieldSpec>,
}

impl Labels {
    /// One of `labels`.
    pub(super) fn new(label: &Label) -> Result<Self, Error> {
        let defaults = fieldspec::defaults();
        let mut specs = label.fields.clone();
        if label.include_selectors {
            fieldspec::merge(&mut specs, defaults.of("commonLabels"))?;
        } else {
            if label.include_templates {
                fieldspec::merge(&mut specs, defaults.of("templateLabels"))?;
            }
            let metadata = [FieldSpec::everywhere("metadata/labels", true)];
            fieldspec::merge(&mut specs, &metadata)?;
        }
        Ok(Self {
            pairs: label.pairs.clone(),
            specs,
        })
    }

    /// `commonLabels`.
    pub(super) fn common(pairs: &BTreeMap<String, String>) -> Self {
        Self {
            pairs: pairs.clone(),
            specs: fieldspec::defaults().of("commonLabels").to_vec(),
        }
    }

    pub(super) fn apply(self, map: &mut ResMap) -> Result<(), Error> {
        set_everywhere(map, &self.pairs, &self.specs)
    }
}

/// Sets pairs in every mapping that the specs name.
///
/// In kustomize the places of one object where a pair is added share one node: whoever overwrites one later overwrites all. So do links here.
pub(super) fn set_everywhere(
    map: &mut ResMap,
    pairs: &BTreeMap<String, String>,
    specs: &[FieldSpec],
) -> Result<(), Error> {
    if pairs.is_empty() {
        return Ok(());
    }
    for resource in map.list_mut() {
        let gvk = resource.gvk();
        let specs: Vec<&FieldSpec> = specs
            .iter()
            .filter(|spec| gvk.is_selected(&spec.gvk))
            .collect();
        for (key, value) in pairs {
            resource.links += 1;
            let link = resource.links;
            for spec in &specs {
                spec.visit(&mut resource.node, Create::Map, &mut |field| {
                    if field.is_null() {
                        field.kind = Kind::Map(Vec::new());
                    }
                    let scalar = Scalar {
                        link,
                        ..Scalar::string(value.as_str())
                    };
                    edit::set_field(field, key, Node::new(Kind::Scalar(scalar)))
                })?;
            }
        }
    }
    Ok(())
}
