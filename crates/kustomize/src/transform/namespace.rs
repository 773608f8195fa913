//! `namespace`.

use krm::yaml::{Kind, Node, Scalar};

use crate::edit;
use crate::error::Error;
use crate::fieldspec::{self, Create, FieldSpec};
use crate::resmap::ResMap;
use crate::resource::Resource;

pub(super) fn apply(map: &mut ResMap, namespace: &str) -> Result<(), Error> {
    for resource in map.list_mut() {
        resource.store_previous_id();
        set(resource, namespace).map_err(|error| {
            error.prefixed(&format!(
                "namespace transformation failed: {}",
                resource.id()
            ))
        })?;
    }
    map.check_unique()
        .map_err(|error| error.prefixed("namespace transformation produces ID conflict"))
}

fn set(resource: &mut Resource, namespace: &str) -> Result<(), Error> {
    let gvk = resource.gvk();
    let mut write = |field: &mut Node| edit::set_scalar(field, Scalar::string(namespace));
    if !gvk.is_cluster_scoped() {
        FieldSpec::everywhere("metadata/namespace", true).visit(
            &mut resource.node,
            Create::Scalar,
            &mut write,
        )?;
    }
    if matches!(gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding") {
        default_subjects(&mut resource.node, namespace)?;
    }
    for spec in fieldspec::defaults().of("namespace") {
        let renames = spec.path == ["metadata", "name"];
        if gvk.is_selected(&spec.gvk) && (!renames || resource.api_version() == "v1") {
            spec.visit(&mut resource.node, Create::Scalar, &mut write)?;
        }
    }
    Ok(())
}

/// Subjects named `default` belong to the namespace, whichever it is; others follow their account when references are fixed.
fn default_subjects(node: &mut Node, namespace: &str) -> Result<(), Error> {
    let Some(subjects) = node
        .get_mut("subjects")
        .filter(|subjects| !subjects.is_null())
    else {
        return Ok(());
    };
    let Kind::List(subjects) = &mut subjects.kind else {
        return Err(edit::wrong_kind("SequenceNode", subjects));
    };
    for subject in subjects {
        if subject.get("name").and_then(Node::text) == Some("default") {
            edit::set_field(subject, "namespace", Node::string(namespace))?;
        }
    }
    Ok(())
}
