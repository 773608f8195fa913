//! What a namespace's quotas count, kept right: admission charges what comes, this sets right what goes.

use std::collections::HashSet;

use http::Method;
use krm::{Value, json};

use super::client::{Body, Client, Refusal};
use super::feed::{Change, Feed};
use crate::Server;
use crate::admission::quota::{in_scope, tracks};
use crate::admission::usage::{Amounts, usage};
use crate::status::GroupResource;
use crate::store::{EventKind, Key, Stored};

/// Starts the controller.
pub(super) fn start(server: &Server) {
    let client = Client::new(server, "resourcequota-controller");
    let mut feed = Feed::of_everything(server);
    server.spawn(async move {
        loop {
            let changes = feed.batch().await;
            if changes.is_empty() {
                return;
            }
            let mut counted: HashSet<Key> = HashSet::new();
            for change in changes {
                let mut failed = false;
                for quota in concerned(client.server(), &change) {
                    if !counted.insert(quota.clone()) {
                        continue;
                    }
                    if let Err(error) = sync(&client, &quota).await {
                        tracing::warn!(name = quota.name, %error, "a quota is not counted");
                        failed = true;
                    }
                }
                if failed {
                    feed.again(change);
                }
            }
        }
    });
}

/// The quotas that a change may have made wrong.
fn concerned(server: &Server, change: &Change) -> Vec<Key> {
    let namespace = &change.key().namespace;
    if namespace.is_empty() {
        return Vec::new();
    }
    if change.is("", "resourcequotas") && change.kind != EventKind::Deleted {
        let limits = |object: &Stored| object.value()["spec"]["hard"].take();
        let before = change.previous.as_ref().map(|previous| limits(previous));
        if before != Some(limits(&change.object)) {
            return vec![change.key().clone()];
        }
    }
    if !frees(change) {
        return Vec::new();
    }
    let of = GroupResource::new("", "resourcequotas");
    let state = server.store().state();
    let quotas = state.list(&of, Some(namespace), Key::new(namespace, ""));
    quotas.map(|quota| quota.key().clone()).collect()
}

/// Whether a change may leave less in use than a quota says.
fn frees(change: &Change) -> bool {
    let ended =
        |object: &Stored| matches!(object.field("status.phase"), Some("Succeeded" | "Failed"));
    let before = change.previous.as_deref();
    match (
        change.kind,
        change.of.group.as_str(),
        change.of.resource.as_str(),
    ) {
        (EventKind::Deleted, _, _) | (EventKind::Modified, "", "persistentvolumeclaims") => true,
        (EventKind::Modified, "", "pods") => ended(&change.object) && !before.is_some_and(ended),
        (EventKind::Modified, "", "services") => before
            .is_some_and(|before| before.field("spec.type") != change.object.field("spec.type")),
        _ => false,
    }
}

/// Counts anew what one quota limits, and writes it where it is not what the quota says.
async fn sync(client: &Client, key: &Key) -> Result<(), Refusal> {
    let of = GroupResource::new("", "resourcequotas");
    loop {
        let Some(stored) = client.server().store().get(&of, key) else {
            return Ok(());
        };
        let mut quota = stored.value();
        let hard = Amounts::read(&quota["spec"]["hard"]);
        let used = count(client.server(), &quota, &hard);
        let status = json!({"hard": hard.to_value(), "used": used.to_value()});
        if quota["status"] == status {
            return Ok(());
        }
        quota["status"] = status;
        let path = format!(
            "/api/v1/namespaces/{}/resourcequotas/{}/status",
            key.namespace, key.name
        );
        let sent = client.send(Method::PUT, &path, Some(Body::Json(&quota)));
        match sent.await {
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) if error.is_conflict() => {}
            other => return other.map(|_| ()),
        }
    }
}

/// What the namespace uses of everything that a quota limits.
fn count(server: &Server, quota: &Value, hard: &Amounts) -> Amounts {
    let namespace = quota["metadata"]["namespace"].as_str().unwrap_or_default();
    let mut used = Amounts::default();
    for (name, _) in hard.iter() {
        used.count(name, 0);
    }
    let state = server.store().state();
    for of in state.resources() {
        let counted = hard
            .iter()
            .any(|(name, _)| tracks(&of.group, &of.resource, name));
        if !counted {
            continue;
        }
        for stored in state.list(of, Some(namespace), Key::new(namespace, "")) {
            let object = stored.value();
            if in_scope(quota, &of.resource, &object) {
                used.add_all(&usage(&of.group, &of.resource, &object).only(hard));
            }
        }
    }
    used
}
