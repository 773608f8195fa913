//! Staged server-side apply of a set of objects (fluxcd/pkg/ssa).
//!
//! Within a stage every object is dry-run before the first is written, so that a set the API server refuses changes nothing.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::stream::{self, StreamExt};
use krm::changeset::{Action, Change, ChangeSet};
use krm::order::{self, Stage};
use krm::status::{self, Status};
use krm::{GroupKind, Object, ObjectId, Value};

use crate::drift::{Manager, differs};
use crate::{Client, Delete, Error, Patch, Query, Resource, Target, wait};

/// How to apply.
#[derive(Clone, Debug)]
pub struct Options {
    /// The field manager and what it takes over.
    pub manager: Manager,
    /// Recreate objects whose immutable fields changed.
    pub force: bool,
    /// Kinds applied in a stage of their own.
    pub custom_stages: Vec<GroupKind>,
    /// Dry-runs under way at once.
    pub concurrency: usize,
    /// How long definitions may take to be ready.
    pub definitions_timeout: Duration,
}

/// What an apply did.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// One entry per object, in apply order.
    pub changes: ChangeSet,
    /// Every object that is now as desired, as it was when that was known.
    pub marks: HashMap<ObjectId, Mark>,
}

/// What an object that was as desired looked like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its [`Manager::fingerprint`].
    pub fingerprint: u64,
    /// Its resource version; 0 where the server's is no number.
    pub version: u64,
}

impl Mark {
    /// Of an object, or of its metadata.
    pub fn of(manager: &Manager, object: &Object) -> Self {
        let version = object.resource_version().parse().unwrap_or_default();
        Self {
            fingerprint: manager.fingerprint(object),
            version,
        }
    }
}

/// An apply that stopped: at the first stage with a refused object.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What was done before.
    pub done: Applied,
    /// Every refused object of the stage, in apply order; never empty.
    pub refused: Vec<Refused>,
}

/// An object the API server refused, or that did not become ready.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Which object.
    pub id: ObjectId,
    /// Upstream's text.
    pub message: String,
    /// The error behind it, where there is one.
    pub error: Option<Error>,
}

/// Applies `objects` stage by stage.
///
/// # Errors
/// [`Failure`]: earlier stages stay applied.
pub async fn apply_all(
    client: &Client,
    objects: Vec<Object>,
    options: &Options,
) -> Result<Applied, Failure> {
    let mut staged: Vec<(Stage, ObjectId, Object)> = objects
        .into_iter()
        .map(|mut object| {
            normalize(&mut object);
            let id = object.id();
            (order::stage(&id, &options.custom_stages), id, object)
        })
        .collect();
    staged.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| order::compare(&a.1, &b.1)));
    let mut done = Applied::default();
    for stage in [
        Stage::Definitions,
        Stage::Classes,
        Stage::Custom,
        Stage::Rest,
    ] {
        let rest = staged.split_off(staged.partition_point(|(of, ..)| *of <= stage));
        let objects = std::mem::replace(&mut staged, rest);
        if objects.is_empty() {
            continue;
        }
        let waited = matches!(stage, Stage::Definitions | Stage::Classes);
        let outcome = apply_stage(client, &objects, options, &mut done).await;
        let outcome = match outcome {
            Ok(applied) if waited => settle(client, applied, options).await,
            Ok(_) => Ok(()),
            Err(refused) => Err(refused),
        };
        if let Err(refused) = outcome {
            return Err(Failure { done, refused });
        }
    }
    Ok(done)
}

/// What the dry-run of an object says to do.
enum Step {
    /// Nothing, because it is excluded.
    Skip,
    /// Nothing, because it is as desired.
    Keep {
        /// What it looks like.
        mark: Mark,
        /// Whether it is ready, too.
        is_current: bool,
    },
    /// Apply.
    Write(Write),
}

/// How an object that is not as desired becomes so.
struct Write {
    /// What stands there.
    live: Option<Box<Object>>,
    /// What to do to its managers first.
    cleanup: Option<Value>,
    /// Whether to delete it first.
    recreate: bool,
}

type Staged = (Stage, ObjectId, Object);

/// Applies a stage; returns the objects that are not ready yet.
async fn apply_stage(
    client: &Client,
    objects: &[Staged],
    options: &Options,
    done: &mut Applied,
) -> Result<Vec<(Resource, ObjectId)>, Vec<Refused>> {
    let plan = plan_stage(client, objects, options).await?;
    let mut late = Vec::new();
    for ((_, id, object), (resource, step)) in objects.iter().zip(plan) {
        let (action, mark, is_current) = match step {
            Step::Skip => (Action::Skipped, None, true),
            Step::Keep { mark, is_current } => (Action::Unchanged, Some(mark), is_current),
            Step::Write(how) => {
                let action = match how.live {
                    None => Action::Created,
                    Some(_) => Action::Configured,
                };
                if id.kind == "CustomResourceDefinition" {
                    client.forget_resources();
                }
                let written = write(client, &resource, object, how, options).await;
                let written = written.map_err(|refused| vec![refused])?;
                let mark = Mark::of(&options.manager, &written);
                (action, Some(mark), is_current(&written))
            }
        };
        done.changes.entries.push(Change {
            id: id.clone(),
            version: object.gvk().version,
            action,
        });
        if let Some(mark) = mark {
            done.marks.insert(id.clone(), mark);
        }
        if !is_current {
            late.push((resource, id.clone()));
        }
    }
    Ok(late)
}

/// What to do with each object of a stage, by dry-runs.
async fn plan_stage(
    client: &Client,
    objects: &[Staged],
    options: &Options,
) -> Result<Vec<(Resource, Step)>, Vec<Refused>> {
    let dry_runs: Vec<_> = objects
        .iter()
        .map(|(_, id, object)| async move {
            let step = dry_run(client, id, object, options).await;
            step.map_err(|error| Refused {
                id: id.clone(),
                message: dry_run_message(id, &error),
                error: Some(error),
            })
        })
        .collect();
    let steps: Vec<_> = stream::iter(dry_runs)
        .buffered(options.concurrency.max(1))
        .collect()
        .await;
    let mut plan = Vec::with_capacity(steps.len());
    let mut refused = Vec::new();
    for step in steps {
        match step {
            Ok(step) => plan.push(step),
            Err(error) => refused.push(error),
        }
    }
    if refused.is_empty() {
        Ok(plan)
    } else {
        Err(refused)
    }
}

async fn dry_run(
    client: &Client,
    id: &ObjectId,
    object: &Object,
    options: &Options,
) -> Result<(Resource, Step), Error> {
    let resource = client.resource(&object.gvk()).await?;
    if resource.namespaced && id.namespace.is_empty() {
        // Upstream asks the server, whose answer is this 404.
        let status = crate::Status {
            code: 404,
            reason: "NotFound".into(),
            message: "the server could not find the requested resource".into(),
            details: None,
        };
        return Err(Error::Status(Box::new(status)));
    }
    let manager = &options.manager;
    // As upstream: a failed read is no verdict, the dry-run gives it.
    let live = client.get(&resource, &id.namespace, &id.name).await.ok();
    let marked = |key, value| {
        manager.marks(object, key, value)
            || live
                .as_ref()
                .is_some_and(|live| manager.marks(live, key, value))
    };
    let merges = marked("ssa", "Merge");
    let force = options.force || marked("force", "enabled");
    if marked("reconcile", "disabled") || marked("ssa", "Ignore") {
        return Ok((resource, Step::Skip));
    }
    if live.is_some() && manager.marks(object, "ssa", "IfNotPresent") {
        return Ok((resource, Step::Skip));
    }
    let query = apply_query(manager).with("dryRun", "All");
    match client
        .patch(
            target(&resource, id),
            Patch::Apply,
            &object.to_value(),
            query,
        )
        .await
    {
        Ok(result) => {
            let Some(live) = live else {
                let create = Write {
                    live: None,
                    cleanup: None,
                    recreate: false,
                };
                return Ok((resource, Step::Write(create)));
            };
            let cleanup = if merges { None } else { manager.cleanup(&live) };
            if cleanup.is_none() && !differs(&live, &result) {
                return Ok((
                    resource,
                    Step::Keep {
                        mark: Mark::of(manager, &live),
                        is_current: is_current(&live),
                    },
                ));
            }
            let configure = Write {
                live: Some(Box::new(live)),
                cleanup,
                recreate: false,
            };
            Ok((resource, Step::Write(configure)))
        }
        Err(error) => match live {
            Some(live) if force && error.is_immutable() => {
                let recreate = Write {
                    live: Some(Box::new(live)),
                    cleanup: None,
                    recreate: true,
                };
                Ok((resource, Step::Write(recreate)))
            }
            _ => Err(error),
        },
    }
}

async fn write(
    client: &Client,
    resource: &Resource,
    object: &Object,
    how: Write,
    options: &Options,
) -> Result<Object, Refused> {
    let id = object.id();
    let refused = |what: &str, error: Error| Refused {
        id: object.id(),
        message: format!("{} {what}: {error}", object.id()),
        error: Some(error),
    };
    if let Some(live) = how.live.filter(|_| how.recreate) {
        let immutable = "immutable field detected, failed to";
        let delete = Delete {
            uid: live.uid(),
            propagation: "Background",
        };
        match client
            .delete(resource, &id.namespace, &id.name, delete)
            .await
        {
            Err(error) if !error.is_not_found() => {
                return Err(refused(&format!("{immutable} delete object"), error));
            }
            _ => {}
        }
        let deadline = client.clock().after(options.definitions_timeout);
        let gone = wait::until_gone(client, resource, &id, live.uid(), deadline).await;
        gone.map_err(|_| Refused {
            id: object.id(),
            message: format!(
                "{id} {immutable} wait for object to be deleted: context deadline exceeded"
            ),
            error: None,
        })?;
    } else if let Some(cleanup) = &how.cleanup {
        let query = Query::new().with("fieldManager", &options.manager.name);
        client
            .patch(target(resource, &id), Patch::Json, cleanup, query)
            .await
            .map_err(|error| refused("metadata.managedFields cleanup failed", error))?;
    }
    client
        .patch(
            target(resource, &id),
            Patch::Apply,
            &object.to_value(),
            apply_query(&options.manager),
        )
        .await
        .map_err(|error| refused("apply failed", error))
}

fn is_current(object: &Object) -> bool {
    status::compute(object).status == Status::Current
}

/// Waits until the objects of a stage are ready.
async fn settle(
    client: &Client,
    applied: Vec<(Resource, ObjectId)>,
    options: &Options,
) -> Result<(), Vec<Refused>> {
    let deadline = client.clock().after(options.definitions_timeout);
    // A ClusterRole is there once it is there.
    let waited: Vec<_> = applied
        .into_iter()
        .filter(|(_, id)| id.kind != "ClusterRole")
        .collect();
    let settled = wait::until_current(client, &waited, deadline).await;
    if waited
        .iter()
        .any(|(_, id)| id.kind == "CustomResourceDefinition")
    {
        client.forget_resources();
    }
    settled.map_err(|late| {
        late.into_iter()
            .map(|(id, state)| {
                let message = format!("timeout waiting for: [{id} status: '{state}']");
                Refused {
                    id,
                    message,
                    error: None,
                }
            })
            .collect()
    })
}

fn target<'a>(resource: &'a Resource, id: &'a ObjectId) -> Target<'a> {
    Target {
        resource,
        namespace: &id.namespace,
        name: &id.name,
    }
}

fn apply_query(manager: &Manager) -> Query {
    Query::new()
        .with("fieldManager", &manager.name)
        .with("force", "true")
}

/// fluxcd/pkg/ssa's text for a refused dry-run.
pub fn dry_run_message(id: &ObjectId, error: &Error) -> String {
    if error.is_not_found() {
        let what = if id.namespace.is_empty() {
            "namespace not specified"
        } else {
            "not found"
        };
        return format!("{id} {what}: {error}");
    }
    let conflict = "FieldManagerConflict";
    let reason = if error.has_cause(conflict) {
        conflict
    } else {
        error.reason()
    };
    let reason = if reason.is_empty() {
        String::new()
    } else {
        format!(" ({reason})")
    };
    format!("{id} dry-run failed{reason}: {error}")
}

/// Drops what is the server's to set and turns `stringData` into `data`, so that both sides of a comparison say the same.
fn normalize(object: &mut Object) {
    let gvk = object.gvk();
    let fields = object.fields_mut();
    if gvk.kind != "CustomResourceDefinition" {
        fields.remove("status");
    }
    if gvk.group.is_empty()
        && gvk.kind == "Secret"
        && let Some(Value::Object(plain)) = fields.remove("stringData")
    {
        let data = fields.entry("data").or_insert(Value::Null);
        if !data.is_object() {
            *data = Value::Object(krm::Map::new());
        }
        for (key, value) in plain {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            data[key] = BASE64_STANDARD.encode(text).into();
        }
    }
    object.metadata_mut().remove("creationTimestamp");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refused_dry_run_says_what_upstream_says() {
        let id = ObjectId {
            group: "rbac.authorization.k8s.io".into(),
            kind: "ClusterRoleBinding".into(),
            namespace: String::new(),
            name: "rogue".into(),
        };
        let status = crate::Status {
            code: 403,
            reason: "Forbidden".into(),
            message: "clusterrolebindings.rbac.authorization.k8s.io \"rogue\" is forbidden".into(),
            details: None,
        };
        assert_eq!(
            dry_run_message(&id, &Error::Status(Box::new(status))),
            "ClusterRoleBinding/rogue dry-run failed (Forbidden): clusterrolebindings.rbac.authorization.k8s.io \"rogue\" is forbidden"
        );
        assert_eq!(
            dry_run_message(&id, &Error::NoKind(krm::Gvk::new("x/v1", "Y"))),
            "ClusterRoleBinding/rogue dry-run failed: no matches for kind \"Y\" in version \"x/v1\""
        );
    }

    #[test]
    fn a_secret_s_string_data_becomes_data() {
        let mut secret = Object::try_from(json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "a", "creationTimestamp": null}, "stringData": {"b": "c"}, "data": {"a": "eA=="}, "status": {}}))
        .unwrap();
        normalize(&mut secret);
        assert_eq!(
            secret.into_value(),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"a": "eA==", "b": "Yw=="}})
        );
    }
}
