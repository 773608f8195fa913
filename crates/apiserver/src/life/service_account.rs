//! Every namespace has a ServiceAccount called `default`.

use http::Method;
use krm::json;

use super::client::{Body, Client, Refusal};
use super::feed::Feed;
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
            if let Err(error) = ensure(&client, namespace).await {
                tracing::warn!(namespace, %error, "no default ServiceAccount");
                feed.again(change);
            }
        }
    });
}

async fn ensure(client: &Client, namespace: &str) -> Result<(), Refusal> {
    let of = GroupResource::new("", "serviceaccounts");
    let known = client
        .server()
        .store()
        .get(&of, &Key::new(namespace, "default"));
    if known.is_some() || !is_active(client.server(), namespace) {
        return Ok(());
    }
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": namespace},
    });
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    let sent = client.send(Method::POST, &path, Some(Body::Json(&account)));
    settled(client, namespace, sent.await.map(|_| ()))
}

/// What is left of a refusal: nothing where somebody else was faster, or the namespace goes.
pub(super) fn settled(
    client: &Client,
    namespace: &str,
    sent: Result<(), Refusal>,
) -> Result<(), Refusal> {
    match sent {
        Err(error) if error.is_conflict() || !is_active(client.server(), namespace) => {
            tracing::debug!(namespace, %error, "nothing left to do");
            Ok(())
        }
        other => other,
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
