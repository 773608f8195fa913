//! Admission: what may still change or refuse a write once its sender may make it.
//!
//! Plugins stand in one list, in upstream's order and under upstream's names; each is a module of its own, or a row in one that
//! several small ones share.

use std::sync::Arc;

use krm::Value;

use crate::auth::User;
use crate::registry::Resource;
use crate::status::{ApiError, GroupResource};
use crate::store::{Key, Stored};
use crate::{RequestInfo, Server};

mod classes;
mod escalation;
mod lifecycle;
mod limits;
mod nodes;
mod priority;
pub(crate) mod quota;
mod service_account;
mod settle;
pub(crate) mod usage;

/// What kind of write is to be admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// A changed object.
    Update,
    /// An object about to go.
    Delete,
    /// A request to a subresource that is no object (`exec`, `proxy`).
    Connect,
}

/// A write to be admitted.
#[derive(Debug)]
pub struct Review<'a> {
    /// The server, for what plugins look up.
    pub server: &'a Server,
    /// The kind of write.
    pub operation: Operation,
    /// What the request said. For a create through server-side apply, name and namespace are the object's.
    pub info: &'a RequestInfo,
    /// The resource written to.
    pub resource: &'a Resource,
    /// Who writes.
    pub user: &'a User,
    /// Whether nothing is to be kept.
    pub dry_run: bool,
    /// The object as it is, for update and delete.
    pub old: Option<&'a Value>,
    /// Warnings for the caller, to be added to.
    pub warnings: Vec<String>,
}

type Mutate = fn(&mut Review<'_>, &mut Value) -> Result<(), ApiError>;
type Validate = fn(&mut Review<'_>, &Value) -> Result<(), ApiError>;
type BeforeDelete = fn(&Review<'_>) -> Result<(), ApiError>;

/// One plugin; what it has nothing to say to is `None`.
struct Plugin {
    #[cfg_attr(not(test), expect(dead_code, reason = "names the row; tests read it"))]
    name: &'static str,
    mutate: Option<Mutate>,
    validate: Option<Validate>,
    delete: Option<BeforeDelete>,
}

const fn plugin(name: &'static str) -> Plugin {
    Plugin {
        name,
        mutate: None,
        validate: None,
        delete: None,
    }
}

/// The plugins that a default API server runs and that have something to do here.
const PLUGINS: [Plugin; 10] = [
    Plugin {
        mutate: Some(lifecycle::admit),
        delete: Some(lifecycle::before_delete),
        ..plugin("NamespaceLifecycle")
    },
    Plugin {
        mutate: Some(limits::set_defaults),
        validate: Some(limits::check),
        ..plugin("LimitRanger")
    },
    Plugin {
        mutate: Some(service_account::admit),
        ..plugin("ServiceAccount")
    },
    Plugin {
        mutate: Some(nodes::taint),
        ..plugin("TaintNodesByCondition")
    },
    Plugin {
        mutate: Some(priority::resolve),
        validate: Some(priority::check_class),
        ..plugin("Priority")
    },
    Plugin {
        mutate: Some(nodes::tolerate),
        ..plugin("DefaultTolerationSeconds")
    },
    Plugin {
        mutate: Some(classes::storage_class),
        ..plugin("DefaultStorageClass")
    },
    Plugin {
        mutate: Some(classes::protect),
        ..plugin("StorageObjectInUseProtection")
    },
    Plugin {
        mutate: Some(classes::ingress_class),
        ..plugin("DefaultIngressClass")
    },
    Plugin {
        validate: Some(quota::charge),
        ..plugin("ResourceQuota")
    },
];

/// Lets every mutating plugin change `object`, in upstream's order; then does what upstream's storage does at this point:
/// refuses RBAC objects that grant more than their writer holds, gives Services their addresses, namespaces their finalizer.
///
/// # Errors
/// The refusal of the first plugin that refuses.
pub fn mutate(review: &mut Review<'_>, object: &mut Value) -> Result<(), ApiError> {
    for plugin in &PLUGINS {
        if let Some(mutate) = plugin.mutate {
            mutate(review, object)?;
        }
    }
    settle::settle(review, object)
}

/// Asks every validating plugin, in upstream's order; `object` is `None` for a delete.
///
/// # Errors
/// The refusal of the first plugin that refuses.
pub fn validate(review: &mut Review<'_>, object: Option<&Value>) -> Result<(), ApiError> {
    for plugin in &PLUGINS {
        match (object, plugin.validate, plugin.delete) {
            (Some(object), Some(validate), _) => validate(review, object)?,
            (None, _, Some(delete)) => delete(review)?,
            _ => {}
        }
    }
    Ok(())
}

impl Review<'_> {
    /// Whether this is about the resource itself, no subresource, of that group and name.
    fn is(&self, group: &str, resource: &str) -> bool {
        self.info.subresource.is_empty() && self.is_any(group, resource)
    }

    /// Whether this is about the resource or any subresource of it.
    fn is_any(&self, group: &str, resource: &str) -> bool {
        let facts = self.resource.facts();
        facts.group == group && facts.plural == resource
    }

    /// Whether this creates an object (not a subresource of one) of that group and name.
    fn creates(&self, group: &str, resource: &str) -> bool {
        self.operation == Operation::Create && self.is(group, resource)
    }

    /// The namespace written to; `""` for cluster-scoped objects.
    fn namespace(&self) -> &str {
        if self.resource.namespaced() {
            &self.info.namespace
        } else {
            ""
        }
    }

    fn get(&self, group: &str, resource: &str, key: &Key) -> Option<Arc<Stored>> {
        self.server
            .store()
            .get(&GroupResource::new(group, resource), key)
    }

    /// The objects of a resource in the namespace written to (all of them, for cluster-scoped ones), parsed.
    fn list(&self, group: &str, resource: &str, namespace: &str) -> Vec<Value> {
        let of = GroupResource::new(group, resource);
        let start = Key::new(namespace, "");
        let state = self.server.store().state();
        let within = (!namespace.is_empty()).then_some(namespace);
        state
            .list(&of, within, start)
            .map(|stored| stored.value())
            .collect()
    }

    /// A refusal as plugins write it, naming the object as far as it has a name.
    fn forbidden(&self, object: &Value, why: &str) -> ApiError {
        let metadata = &object["metadata"];
        let name = [
            Some(self.info.name.as_str()),
            metadata["name"].as_str(),
            metadata["generateName"].as_str(),
        ];
        let name = name.into_iter().flatten().find(|name| !name.is_empty());
        ApiError::forbidden(
            &self.resource.group_resource(),
            name.unwrap_or("Unknown"),
            why,
        )
    }
}

/// The list at `pointer`, made where it is absent.
fn list_at<'a>(object: &'a mut Value, field: &str) -> &'a mut Vec<Value> {
    let list = &mut object[field];
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    match list {
        Value::Array(list) => list,
        _ => unreachable!("it was just made a list"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_stand_in_upstreams_order() {
        let upstream = [
            "NamespaceLifecycle",
            "LimitRanger",
            "ServiceAccount",
            "TaintNodesByCondition",
            "PodSecurity",
            "Priority",
            "DefaultTolerationSeconds",
            "DefaultStorageClass",
            "StorageObjectInUseProtection",
            "DefaultIngressClass",
            "ResourceQuota",
        ];
        let mut rest = upstream.iter();
        for plugin in &PLUGINS {
            assert!(rest.any(|name| *name == plugin.name), "{}", plugin.name);
        }
    }
}
