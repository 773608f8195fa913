//! A claim that is deleted while a Pod uses it goes when the last such Pod is gone.

use http::Method;
use krm::Value;

use super::client::{Body, Client, Refusal};
use super::feed::Feed;
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
            let mut claims: Vec<Key> = Vec::new();
            if change.is("", "persistentvolumeclaims") {
                claims.push(change.key().clone());
            } else if change.kind != EventKind::Added {
                let pod = change.object.value();
                let names = self::claims(&pod);
                claims.extend(names.map(|name| Key::new(&change.key().namespace, name)));
            }
            let mut failed = false;
            for claim in claims {
                if let Err(error) = release(&client, &claim).await {
                    tracing::warn!(name = claim.name, %error, "a claim is not let go");
                    failed = true;
                }
            }
            if failed {
                feed.again(change);
            }
        }
    });
}

async fn release(client: &Client, claim: &Key) -> Result<(), Refusal> {
    let of = GroupResource::new("", "persistentvolumeclaims");
    loop {
        let server = client.server();
        let Some(stored) = server.store().get(&of, claim) else {
            return Ok(());
        };
        let held = stored
            .header()
            .finalizers
            .iter()
            .any(|own| own == FINALIZER);
        if stored.header().deleting.is_none() || !held || is_used(server, claim) {
            return Ok(());
        }
        let mut object = stored.value();
        if let Some(finalizers) = object["metadata"]["finalizers"].as_array_mut() {
            finalizers.retain(|own| own != FINALIZER);
        }
        let path = format!(
            "/api/v1/namespaces/{}/persistentvolumeclaims/{}",
            claim.namespace, claim.name
        );
        let sent = client.send(Method::PUT, &path, Some(Body::Json(&object)));
        match sent.await {
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) if error.is_conflict() => {}
            other => return other.map(|_| ()),
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
