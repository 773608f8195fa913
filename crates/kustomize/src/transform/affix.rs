//! `namePrefix` and `nameSuffix`.

use krm::yaml::Scalar;

use crate::edit;
use crate::error::Error;
use crate::resmap::ResMap;
use crate::resource::Resource;

pub(super) fn prefix(map: &mut ResMap, prefix: &str) -> Result<(), Error> {
    rename(map, |resource, name| {
        resource.prefixes.push(prefix.into());
        format!("{prefix}{name}")
    })
}

pub(super) fn suffix(map: &mut ResMap, suffix: &str) -> Result<(), Error> {
    rename(map, |resource, name| {
        resource.suffixes.push(suffix.into());
        format!("{name}{suffix}")
    })
}

/// Renames everything but what other clusters' parts find by name: definitions, API services, namespaces.
fn rename(map: &mut ResMap, new_name: impl Fn(&mut Resource, &str) -> String) -> Result<(), Error> {
    for resource in map.list_mut() {
        let gvk = resource.original_id().gvk;
        let fixed = matches!(gvk.kind.as_str(), "CustomResourceDefinition" | "Namespace")
            || gvk.kind == "APIService" && gvk.group == "apiregistration.k8s.io";
        if fixed {
            continue;
        }
        let old = resource.name().to_owned();
        let new = new_name(resource, &old);
        resource.store_previous_id();
        let name = resource
            .node
            .get_mut("metadata")
            .and_then(|meta| meta.get_mut("name"));
        if let Some(name) = name {
            edit::set_scalar(name, Scalar::plain(new))?;
        }
    }
    Ok(())
}
