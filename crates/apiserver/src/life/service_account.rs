//! Every namespace has a ServiceAccount called `default`.

use http::Method;
use krm::json;

use super::client::{Body, Client};
use super::feed::{Feed, backoff};
use crate::Server;
use crate::status::GroupResource;
use crate::store::{EventKind, Key};

/// Starts the controller.
pub(super) fn start(server: &Server) {
    let client = Client::new(server, "service-account-controller");
    let mut feed = Feed::of(server, &[("", "namespaces"), ("", "serviceaccounts")]);
    server.spawn(async move {
        while let Some(change) = feed.next().await {
            let namespace = if change.is("", "namespaces") {
                &change.key().name
            } else if change.kind == EventKind::Deleted && change.key().name == "default" {
                &change.key().namespace
            } else {
                continue;
            };
            ensure(&client, namespace).await;
        }
    });
}

async fn ensure(client: &Client, namespace: &str) {
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": namespace},
    });
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    for attempt in 0..10 {
        if !is_active(client.server(), namespace) {
            return;
        }
        let of = GroupResource::new("", "serviceaccounts");
        let key = Key::new(namespace, "default");
        if client.server().store().get(&of, &key).is_some() {
            return;
        }
        match client
            .send(Method::POST, &path, Some(Body::Json(&account)))
            .await
        {
            Err(error) if !error.is_conflict() => {
                tracing::warn!(namespace, %error, "no default ServiceAccount");
                client.server().clock().sleep(backoff(attempt)).await;
            }
            _ => return,
        }
    }
}

/// Whether a namespace exists and is to stay.
pub(super) fn is_active(server: &Server, namespace: &str) -> bool {
    let of = GroupResource::new("", "namespaces");
    let live = server.store().get(&of, &Key::new("", namespace));
    live.is_some_and(|live| {
        live.header().deleting.is_none() && live.field("status.phase") != Some("Terminating")
    })
}
