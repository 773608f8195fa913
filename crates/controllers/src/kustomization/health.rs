//! The health check: judged again whenever something that is waited for stirs; no worker is held meanwhile.

use std::collections::{BTreeMap, HashMap, HashSet};

use api::Kustomization;
use clock::Timestamp;
use cluster::watch::Scope;
use cluster::{Client, Error, Resource};
use expr::Budget;
use expr::health::{Evaluator, Health as Says};
use futures_util::stream::{self, StreamExt};
use krm::changeset::Action;
use krm::status::{self, Status, Verdict};
use krm::{Gvk, Object, ObjectId};
use plan::health::States;
use plan::kustomization::Applied;

use super::view::Clean;

/// Objects read at once.
const READS: usize = 8;

/// An open health check.
pub(crate) struct Waiting {
    /// The pass that opened it.
    pub(crate) of: Pass,
    /// What was applied, as the conclusion wants it.
    pub(crate) applied: Applied,
    /// What is waited for, and how it was last seen.
    pub(crate) states: States,
    /// How each is read.
    pub(crate) resources: BTreeMap<ObjectId, Resource>,
    /// What has stirred since it was last read.
    pub(crate) stirred: HashSet<ObjectId>,
    /// When it began.
    pub(crate) started: Timestamp,
}

/// What makes a pass the same as another: then only health is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    pub(crate) generation: i64,
    pub(crate) revision: String,
    pub(crate) request: String,
}

impl Waiting {
    /// Watches for what no owner label makes visible.
    pub(crate) fn scopes(&self, visible: impl Fn(&ObjectId) -> bool) -> Vec<Scope> {
        let hidden = self.resources.iter().filter(|(id, _)| !visible(id));
        hidden
            .map(|(id, resource)| Scope {
                namespace: id.namespace.clone(),
                fields: format!("metadata.name={}", id.name),
                metadata_only: true,
                ..Scope::all(resource.clone())
            })
            .collect()
    }
}

/// The objects a Kustomization waits for, and how each is read: what it applied with `wait`, else its `healthChecks`; never itself.
/// Kinds in `unserved` have no controller to make them healthy and are not waited for.
pub(crate) async fn targets(
    client: &Client,
    object: &Kustomization,
    changes: &krm::changeset::ChangeSet,
    unserved: &[krm::GroupKind],
) -> Result<Vec<(ObjectId, Resource)>, Error> {
    let wanted: Vec<(ObjectId, String)> = if object.spec.wait {
        let applied = changes
            .entries
            .iter()
            .filter(|change| change.action != Action::Skipped);
        applied
            .map(|change| (change.id.clone(), change.version.clone()))
            .collect()
    } else {
        object
            .spec
            .health_checks
            .iter()
            .map(|check| reference(object, check))
            .collect()
    };
    let mut targets = Vec::new();
    for (id, version) in wanted {
        let itself = id.kind == "Kustomization"
            && id.name == object.metadata.name
            && id.namespace == object.metadata.namespace;
        let unserved = unserved
            .iter()
            .any(|kind| kind.group == id.group && kind.kind == id.kind);
        if itself || unserved {
            continue;
        }
        let gvk = Gvk {
            group: id.group.clone(),
            version,
            kind: id.kind.clone(),
        };
        let resource = client.resource(&gvk).await?;
        let id = if resource.namespaced {
            id
        } else {
            ObjectId {
                namespace: String::new(),
                ..id
            }
        };
        targets.push((id, resource));
    }
    Ok(targets)
}

fn reference(
    object: &Kustomization,
    check: &api::reference::NamespacedObjectKindReference,
) -> (ObjectId, String) {
    let api_version = if check.api_version.is_empty() {
        "apps/v1"
    } else {
        &check.api_version
    };
    let namespace = if check.namespace.is_empty() {
        &object.metadata.namespace
    } else {
        &check.namespace
    };
    let Gvk {
        group,
        version,
        kind,
    } = Gvk::new(api_version, &check.kind);
    (
        ObjectId {
            group,
            kind,
            namespace: namespace.clone(),
            name: check.name.clone(),
        },
        version,
    )
}

/// `healthCheckExprs`, compiled, by group and kind; an empty kind stands for the whole group.
pub(crate) type Evaluators = HashMap<(String, String), Evaluator>;

/// Compiles `healthCheckExprs`.
///
/// # Errors
/// Upstream's text for the first that cannot be used.
pub(crate) fn evaluators(object: &Kustomization) -> Result<Evaluators, String> {
    let mut evaluators = Evaluators::new();
    for (at, check) in object.spec.health_check_exprs.iter().enumerate() {
        let gvk = Gvk::new(&check.api_version, &check.kind);
        let evaluator =
            Evaluator::new(&check.current, &check.in_progress, &check.failed).map_err(|error| {
                format!("failed to create custom status evaluator for healthchecks[{at}]: {error}")
            })?;
        let known = evaluators.insert((gvk.group, gvk.kind), evaluator);
        if known.is_some() {
            let kind = Gvk::new(&check.api_version, &check.kind).group_kind();
            return Err(format!("duplicate GroupKind {kind} in healthchecks[{at}]"));
        }
    }
    Ok(evaluators)
}

/// Reads what has stirred, or was never read, and notes its state.
pub(crate) async fn look(client: &Client, waiting: &mut Waiting, evaluators: &Evaluators) {
    let stirred = std::mem::take(&mut waiting.stirred);
    let read: Vec<_> = waiting
        .resources
        .iter()
        .filter(|(id, _)| {
            stirred.contains(id)
                || waiting
                    .states
                    .get(id)
                    .is_none_or(|seen| seen.message.is_empty())
        })
        .map(|(id, resource)| (id.clone(), resource.clone()))
        .collect();
    let reads: Vec<_> = read
        .into_iter()
        .map(|(id, resource)| async move {
            let verdict = match client.get(&resource, &id.namespace, &id.name).await {
                Ok(object) => judge(&object, evaluators),
                Err(error) if error.is_not_found() => {
                    verdict(Status::NotFound, "Resource not found")
                }
                Err(error) => verdict(Status::Unknown, &error.to_string()),
            };
            (id, verdict)
        })
        .collect();
    let mut verdicts = stream::iter(reads).buffer_unordered(READS);
    while let Some((id, verdict)) = verdicts.next().await {
        waiting.states.insert(id, verdict);
    }
}

fn judge(object: &Object, evaluators: &Evaluators) -> Verdict {
    let gvk = object.gvk();
    let own = evaluators
        .get(&(gvk.group.clone(), gvk.kind))
        .or_else(|| evaluators.get(&(gvk.group, String::new())));
    let Some(evaluator) = own else {
        return status::compute(object);
    };
    if object.is_deleting() {
        return status::compute(object);
    }
    match evaluator.evaluate(&object.to_value(), Budget::default()) {
        Ok(Says::Current) => verdict(Status::Current, "the expression for Current holds"),
        Ok(Says::InProgress) => verdict(Status::InProgress, "no expression holds yet"),
        Ok(Says::Failed) => verdict(Status::Failed, "the expression for Failed holds"),
        Err(error) => verdict(Status::Unknown, &error.to_string()),
    }
}

fn verdict(status: Status, message: &str) -> Verdict {
    Verdict {
        status,
        message: message.into(),
    }
}

/// States to begin with: objects that were healthy at a version that still stands need not be read again.
pub(crate) fn begin(
    targets: &[(ObjectId, Resource)],
    clean: Option<&Clean>,
    version_of: impl Fn(&ObjectId) -> Option<u64>,
) -> States {
    let known = |id: &ObjectId| {
        let was = clean?.healthy.get(id)?;
        (version_of(id)? == *was)
            .then(|| verdict(Status::Current, "unchanged since it was current"))
    };
    targets
        .iter()
        .map(|(id, _)| {
            (
                id.clone(),
                known(id).unwrap_or_else(|| verdict(Status::Unknown, "")),
            )
        })
        .collect()
}
