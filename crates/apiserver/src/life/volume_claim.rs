//! A claim that is deleted while a Pod uses it goes when the last such Pod is gone.

use http::Method;
use krm::Value;

use super::client::{Body, Client};
use super::feed::{Feed, backoff};
use crate::Server;
use crate::status::GroupResource;
use crate::store::{EventKind, Key};

const FINALIZER: &str = "kubernetes.io/pvc-protection";

/// Starts the controller.
pub(super) fn start(server: &Server) {
    let client = Client::new(server, "pvc-protection-controller");
    let mut feed = Feed::of(server, &[("", "persistentvolumeclaims"), ("", "pods")]);
    server.spawn(async move {
        while let Some(change) = feed.next().await {
            if change.is("", "persistentvolumeclaims") {
                release(&client, change.key()).await;
            } else if change.kind != EventKind::Added {
                let pod = change.object.value();
                for claim in claims(&pod) {
                    release(&client, &Key::new(&change.key().namespace, claim)).await;
                }
            }
        }
    });
}

async fn release(client: &Client, claim: &Key) {
    let of = GroupResource::new("", "persistentvolumeclaims");
    for attempt in 0..8 {
        let server = client.server();
        let Some(stored) = server.store().get(&of, claim) else {
            return;
        };
        let held = stored
            .header()
            .finalizers
            .iter()
            .any(|own| own == FINALIZER);
        if stored.header().deleting.is_none() || !held || is_used(server, claim) {
            return;
        }
        let mut object = stored.value();
        if let Some(finalizers) = object["metadata"]["finalizers"].as_array_mut() {
            finalizers.retain(|own| own != FINALIZER);
        }
        let path = format!(
            "/api/v1/namespaces/{}/persistentvolumeclaims/{}",
            claim.namespace, claim.name
        );
        match client
            .send(Method::PUT, &path, Some(Body::Json(&object)))
            .await
        {
            Err(error) if !error.is_not_found() => {
                server.clock().sleep(backoff(attempt)).await;
            }
            _ => return,
        }
    }
}

fn is_used(server: &Server, claim: &Key) -> bool {
    let of = GroupResource::new("", "pods");
    let state = server.store().state();
    let mut pods = state.list(&of, Some(&claim.namespace), Key::new(&claim.namespace, ""));
    pods.any(|pod| {
        let ended = matches!(pod.field("status.phase"), Some("Succeeded" | "Failed"));
        !ended && claims(&pod.value()).any(|name| name == claim.name)
    })
}

/// The claims that a Pod uses.
fn claims(pod: &Value) -> impl Iterator<Item = &str> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    volumes.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str())
}
