//! `replicas`.

use krm::yaml::{Scalar, Tag};

use crate::edit;
use crate::error::Error;
use crate::fieldspec::{self, Create};
use crate::resmap::ResMap;

pub(super) fn apply(map: &mut ResMap, name: &str, count: i64) -> Result<(), Error> {
    let specs = fieldspec::defaults().of("replicas");
    let mut found = false;
    for resource in map.list_mut() {
        let mut ids: Vec<_> = resource.previous_ids().collect();
        ids.push(resource.id());
        let now = resource.gvk();
        for spec in specs {
            let means = ids
                .iter()
                .any(|id| id.name == name && id.gvk.is_selected(&spec.gvk));
            found |= means;
            if means && now.is_selected(&spec.gvk) {
                spec.visit(&mut resource.node, Create::Scalar, &mut |field| {
                    let count = Scalar {
                        tag: Tag::Int,
                        ..Scalar::plain(count.to_string())
                    };
                    edit::set_scalar(field, count)
                })?;
            }
        }
    }
    if found {
        return Ok(());
    }
    let kinds: Vec<String> = specs.iter().map(|spec| spec.gvk.to_string()).collect();
    Err(Error::new(format!(
        "resource with name {name} does not match a config with the following GVK [{}]",
        kinds.join(" ")
    )))
}
