//! Every namespace has a ConfigMap with the certificate of the authority that vouches for this server.

use http::Method;
use krm::{Value, json};
use parking_lot::Mutex;

use super::client::{Body, Client, Refusal};
use super::feed::Feed;
use super::service_account::{is_active, settled};
use crate::Server;
use crate::status::GroupResource;
use crate::store::{EventKind, Key};

const NAME: &str = "kube-root-ca.crt";
const ANNOTATION: &str = "kubernetes.io/description";
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/// The certificate, in PEM; empty until the server has one.
#[derive(Debug, Default)]
struct Certificate(Mutex<String>);

/// Says which authority vouches for this server. Call it before [`start`], so that no namespace gets an empty one.
pub(crate) fn set(server: &Server, pem: &str) {
    let certificate = server.extension("root certificate", Certificate::default);
    pem.clone_into(&mut certificate.0.lock());
}

/// Starts the controller.
pub(super) fn start(server: &Server) {
    let client = Client::new(server, "root-ca-cert-publisher");
    let mut feed = Feed::of(server, &[("", "namespaces"), ("", "configmaps")]);
    server.spawn(async move {
        while let Some(change) = feed.next().await {
            let namespace = if change.is("", "namespaces") {
                &change.key().name
            } else if change.kind != EventKind::Added && change.key().name == NAME {
                &change.key().namespace
            } else {
                continue;
            };
            if !is_active(client.server(), namespace) {
                continue;
            }
            let published = publish(&client, namespace).await;
            if let Err(error) = settled(&client, namespace, published) {
                tracing::warn!(namespace, %error, "no root certificate");
                feed.again(change);
            }
        }
    });
}

async fn publish(client: &Client, namespace: &str) -> Result<(), Refusal> {
    let server = client.server();
    let certificate = server.extension("root certificate", Certificate::default);
    let data = json!({"ca.crt": *certificate.0.lock()});
    let of = GroupResource::new("", "configmaps");
    let known = server.store().get(&of, &Key::new(namespace, NAME));
    let collection = format!("/api/v1/namespaces/{namespace}/configmaps");
    let mut map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": data,
        "metadata": {"name": NAME, "namespace": namespace, "annotations": {ANNOTATION: DESCRIPTION}},
    });
    let Some(known) = known.map(|known| known.value()) else {
        return client
            .send(Method::POST, &collection, Some(Body::Json(&map)))
            .await
            .map(|_| ());
    };
    let described = |map: &Value| map["metadata"]["annotations"][ANNOTATION] == DESCRIPTION;
    if known["data"] == data && described(&known) {
        return Ok(());
    }
    map["metadata"] = known["metadata"].clone();
    map["metadata"]["annotations"][ANNOTATION] = DESCRIPTION.into();
    let path = format!("{collection}/{NAME}");
    client
        .send(Method::PUT, &path, Some(Body::Json(&map)))
        .await
        .map(|_| ())
}
