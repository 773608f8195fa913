//! Objects that are in no repository, applied when their namespace appears.

use std::collections::HashSet;

use clock::Activity;
use cluster::watch::{self, Change, Scope};
use cluster::{Client, Patch, Query, Resource, Target};
use krm::Object;
use krm::yaml::{self, Dialect, Limits};
use tokio::sync::mpsc::unbounded_channel;

use crate::load::{self, Cluster};

/// Reads a cluster's objects.
///
/// # Errors
/// Unreadable files and what is no object, with file, line and column.
pub(crate) fn read(cluster: &Cluster) -> Result<Vec<Object>, load::Error> {
    let mut objects = Vec::new();
    for path in &cluster.objects {
        let tree = load::read_manifests(path)?;
        for (file, content) in tree.files() {
            let place = |error: &yaml::Error| {
                load::Error::File(format!(
                    "/{file}:{}:{}: {}",
                    error.line, error.column, error.message
                ))
            };
            let text = String::from_utf8_lossy(&content.bytes);
            for document in yaml::parse(&text, &Limits::default()).map_err(|error| place(&error))? {
                let value = document
                    .to_value(Dialect::Sigs)
                    .map_err(|error| place(&error))?;
                if value.is_null() {
                    continue;
                }
                let object = Object::try_from(value)
                    .map_err(|error| load::Error::File(format!("/{file}: {error}")))?;
                objects.push(object);
            }
        }
    }
    Ok(objects)
}

/// Applies each object once its namespace is there. Ends when all are applied.
pub(crate) async fn apply(client: Client, mut objects: Vec<Object>, activity: Activity) {
    let (tell, mut told) = unbounded_channel();
    let namespaces = Scope {
        metadata_only: true,
        ..Scope::all(Resource::new("v1", "Namespace", "namespaces", false))
    };
    let told_activity = activity.clone();
    let watching = watch::run(client.clone(), namespaces, move |change| {
        if let Change::Applied(namespace) = change {
            // The receiver goes only together with this watch.
            let _ = tell.send((namespace.name().to_owned(), told_activity.begin()));
        }
    });
    tokio::pin!(watching);
    let mut there = HashSet::new();
    let mut pending = None;
    loop {
        let working = pending.take().unwrap_or_else(|| activity.begin());
        let (ready, rest): (Vec<_>, Vec<_>) = objects.into_iter().partition(|object: &Object| {
            object
                .namespace()
                .is_none_or(|namespace| there.contains(namespace))
        });
        objects = rest;
        for object in ready {
            if let Err(error) = apply_one(&client, &object).await {
                tracing::error!(object = %object.id(), %error, "an object outside Git could not be applied");
            }
        }
        if objects.is_empty() {
            return;
        }
        drop(working);
        tokio::select! {
            () = &mut watching => {}
            Some((namespace, guard)) = told.recv() => {
                there.insert(namespace);
                pending = Some(guard);
            }
        }
    }
}

async fn apply_one(client: &Client, object: &Object) -> Result<(), cluster::Error> {
    let resource = client.resource(&object.gvk()).await?;
    let target = Target {
        resource: &resource,
        namespace: object.namespace().unwrap_or_default(),
        name: object.name(),
    };
    let query = Query::new()
        .with("fieldManager", "weir")
        .with("force", "true");
    client
        .patch(target, Patch::Apply, &object.to_value(), query)
        .await
        .map(drop)
}
