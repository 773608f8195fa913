//! A deleted namespace takes everything in it along, then goes.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use http::Method;
use krm::{Value, json};

use super::client::{Body, Client, Refusal, collection};
use super::feed::{Change, Feed};
use super::namespace_status::conditions;
use crate::Server;
use crate::registry::Resource;
use crate::status::GroupResource;
use crate::store::{EventKind, Key, Stored};

const FINALIZER: &str = "kubernetes";

/// What remains in a namespace after everything was asked to go.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Objects, by `resource.group`.
    pub(super) objects: BTreeMap<String, usize>,
    /// Objects, by what holds them.
    pub(super) finalizers: BTreeMap<String, usize>,
    /// Why something could not be deleted.
    pub(super) errors: Vec<String>,
}

/// Starts the controller.
pub(super) fn start(server: &Server) {
    let client = Client::new(server, "namespace-controller");
    let mut feed = Feed::of_everything(server);
    server.spawn(async move {
        // Terminating namespaces that still hold something.
        let mut waiting: HashSet<String> = HashSet::new();
        loop {
            let changes = feed.batch().await;
            if changes.is_empty() {
                return;
            }
            let mut failed: Vec<String> = Vec::new();
            for name in due(&changes, &mut waiting) {
                match sync(&client, &name).await {
                    Ok(true) => {
                        waiting.remove(&name);
                    }
                    Ok(false) => {
                        waiting.insert(name);
                    }
                    Err(error) => {
                        tracing::warn!(namespace = name, %error, "a namespace is not emptied");
                        waiting.insert(name.clone());
                        failed.push(name);
                    }
                }
            }
            for change in changes {
                let about = failed.iter().position(|name| name == namespace_of(&change));
                if let Some(about) = about {
                    failed.swap_remove(about);
                    feed.again(change);
                }
            }
        }
    });
}

/// The namespaces that changes give something to do for.
fn due(changes: &[Change], waiting: &mut HashSet<String>) -> Vec<String> {
    let mut due: Vec<String> = Vec::new();
    for change in changes {
        let itself = change.is("", "namespaces");
        let name = namespace_of(change);
        if itself && change.kind == EventKind::Deleted {
            waiting.remove(name);
            due.retain(|due| due != name);
            continue;
        }
        let going = itself && change.object.header().deleting.is_some();
        let freed = !itself && waiting.contains(name) && change.kind != EventKind::Added;
        if (going || freed) && !due.contains(name) {
            due.push(name.clone());
        }
    }
    due
}

/// The namespace a change is about.
fn namespace_of(change: &Change) -> &String {
    if change.is("", "namespaces") {
        &change.key().name
    } else {
        &change.key().namespace
    }
}

/// Empties a terminating namespace as far as it can be, and says whether that is done with.
async fn sync(client: &Client, name: &str) -> Result<bool, Refusal> {
    for _ in 0..8 {
        match empty(client, name).await {
            Err(error) if error.is_not_found() => return Ok(true),
            Err(error) if error.is_conflict() => {}
            other => return other,
        }
    }
    empty(client, name).await
}

async fn empty(client: &Client, name: &str) -> Result<bool, Refusal> {
    let server = client.server();
    let finalizers = |namespace: &Value| {
        let own = namespace["spec"]["finalizers"].as_array();
        own.cloned().unwrap_or_default()
    };
    let Some(mut namespace) = get(server, name) else {
        return Ok(true);
    };
    let deleting = !namespace["metadata"]["deletionTimestamp"].is_null();
    if !deleting || finalizers(&namespace).is_empty() {
        return Ok(true);
    }
    if namespace["status"]["phase"] != "Terminating" {
        namespace["status"]["phase"] = "Terminating".into();
        put(client, name, "status", &namespace).await?;
    }
    let mut left = Left::default();
    delete_all(client, name, &mut left).await;
    let Some(mut namespace) = get(server, name) else {
        return Ok(true);
    };
    let now = crate::context::seconds(server.clock().now());
    if conditions(&mut namespace["status"], &left, &now) {
        namespace = put(client, name, "status", &namespace).await?;
    }
    if !left.objects.is_empty() || !left.errors.is_empty() {
        return Ok(false);
    }
    let mut rest = finalizers(&namespace);
    rest.retain(|own| own != FINALIZER);
    namespace["spec"]["finalizers"] = rest.into();
    put(client, name, "finalize", &namespace).await?;
    Ok(true)
}

/// Deletes what is in the namespace: Pods first and alone, then the rest.
async fn delete_all(client: &Client, name: &str, left: &mut Left) {
    let registry = client.server().registry();
    let mut seen: HashSet<GroupResource> = HashSet::new();
    let mut resources: Vec<&Resource> = registry
        .iter()
        .filter(|resource| resource.namespaced() && resource.facts().serves("delete"))
        .filter(|resource| seen.insert(resource.stored_as().clone()))
        .collect();
    let is_pods = |resource: &Resource| *resource.stored_as() == GroupResource::new("", "pods");
    resources.sort_by_key(|resource| !is_pods(resource));
    for resource in resources {
        let content = content(client.server(), resource, name);
        if content.is_empty() {
            continue;
        }
        if let Err(error) = delete(client, resource, name, &content).await {
            left.errors.push(error.message);
        }
        let rest = self::content(client.server(), resource, name);
        if !rest.is_empty() {
            let of = resource.stored_as();
            left.objects
                .insert(format!("{}.{}", of.resource, of.group), rest.len());
        }
        for finalizer in rest.iter().flat_map(|object| &object.header().finalizers) {
            *left.finalizers.entry(finalizer.clone()).or_default() += 1;
        }
        if is_pods(resource) && !rest.is_empty() {
            return;
        }
    }
}

fn content(server: &Server, resource: &Resource, namespace: &str) -> Vec<Arc<Stored>> {
    let state = server.store().state();
    let start = Key::new(namespace, "");
    let objects = state.list(resource.stored_as(), Some(namespace), start);
    objects.cloned().collect()
}

async fn delete(
    client: &Client,
    resource: &Resource,
    namespace: &str,
    content: &[Arc<Stored>],
) -> Result<(), Refusal> {
    let path = collection(resource, namespace);
    let options = json!({
        "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
    });
    if resource.facts().serves("deletecollection") {
        let sent = client.send(Method::DELETE, &path, Some(Body::Json(&options)));
        return sent.await.map(|_| ());
    }
    for object in content {
        let path = format!("{path}/{}", object.key().name);
        match client
            .send(Method::DELETE, &path, Some(Body::Json(&options)))
            .await
        {
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn get(server: &Server, name: &str) -> Option<Value> {
    let of = GroupResource::new("", "namespaces");
    let stored = server.store().get(&of, &Key::new("", name));
    stored.map(|stored| stored.value())
}

async fn put(
    client: &Client,
    name: &str,
    subresource: &str,
    namespace: &Value,
) -> Result<Value, Refusal> {
    let path = format!("/api/v1/namespaces/{name}/{subresource}");
    client
        .send(Method::PUT, &path, Some(Body::Json(namespace)))
        .await
}
