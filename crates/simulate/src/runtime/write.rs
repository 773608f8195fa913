//! Acting: one write at a time, under the account whose decision it is.

use std::sync::Arc;

use cluster::{Client, Delete, Error, Patch, Query, Target};
use http::Method;
use krm::{Object, json};

use super::{Runtime, Work};
use crate::NODE;
use crate::act::Act;
use crate::controller::{CONTROLLERS, KUBELET, Kind};

impl Runtime {
    /// Writes, and learns what came of it.
    pub(super) async fn act(&mut self, work: &Work, act: Act) -> Result<(), Error> {
        let controller = &CONTROLLERS[work.0];
        let client = self.client(controller.account, controller.program);
        let (Act::Create(object)
        | Act::Replace(object)
        | Act::Status(object)
        | Act::Delete(object)
        | Act::Kill(object)
        | Act::Bind(object)) = &act;
        let Some(kind) = Kind::of(object) else {
            return Ok(());
        };
        let resource = kind.resource();
        let namespace = object.namespace().unwrap_or_default();
        let written = match &act {
            Act::Create(object) => client.create(&resource, object, Query::new()).await?,
            Act::Replace(object) => client.update(&resource, object, Query::new()).await?,
            Act::Status(object) => {
                let name = format!("{}/status", object.name());
                let target = Target {
                    resource: &resource,
                    namespace,
                    name: &name,
                };
                client.send(Method::PUT, target, &object.to_value()).await?
            }
            Act::Delete(object) => {
                let how = Delete {
                    uid: object.uid(),
                    propagation: "Background",
                };
                gone(
                    client
                        .delete(&resource, namespace, object.name(), how)
                        .await,
                )?;
                self.forget(kind, object);
                return Ok(());
            }
            Act::Kill(object) => {
                let target = Target {
                    resource: &resource,
                    namespace,
                    name: object.name(),
                };
                let options = json!({
                    "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0,
                    "preconditions": {"uid": object.uid()},
                });
                gone(
                    client
                        .send(Method::DELETE, target, &options)
                        .await
                        .map(drop),
                )?;
                return Ok(());
            }
            Act::Bind(pod) => {
                let Some(pod) = self.bind(&client, pod).await? else {
                    return Ok(());
                };
                pod
            }
        };
        self.learn(kind, Arc::new(written));
        Ok(())
    }

    fn forget(&mut self, kind: Kind, object: &Object) {
        self.view.doom(kind, object);
        self.wake(kind, object);
    }

    /// Assigns a Pod as a scheduler does; where the server has no such subresource, as its kubelet. `None` where the watch has to tell.
    async fn bind(&mut self, client: &Client, pod: &Object) -> Result<Option<Object>, Error> {
        let resource = Kind::Pod.resource();
        let namespace = pod.namespace().unwrap_or_default();
        let name = format!("{}/binding", pod.name());
        let target = Target {
            resource: &resource,
            namespace,
            name: &name,
        };
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding",
            "metadata": {"name": pod.name(), "namespace": namespace, "uid": pod.uid()},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
        });
        match client.send(Method::POST, target, &binding).await {
            Err(error) if matches!(error.code(), Some(404 | 405 | 501)) => {
                let kubelet = self.client(KUBELET, "kubelet");
                let target = Target {
                    resource: &resource,
                    namespace,
                    name: pod.name(),
                };
                let patch = json!({"metadata": {"uid": pod.uid()}, "spec": {"nodeName": NODE}});
                kubelet
                    .patch(target, Patch::Merge, &patch, Query::new())
                    .await
                    .map(Some)
            }
            Err(error) => Err(error),
            // The answer is a Status; the Pod comes by the watch.
            Ok(_) => Ok(None),
        }
    }
}

/// What is gone already needs no deleting.
fn gone(outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Err(error) if error.is_not_found() => Ok(()),
        outcome => outcome,
    }
}
