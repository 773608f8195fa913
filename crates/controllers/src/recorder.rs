//! Kubernetes Events: told once, counted when told again.

use std::collections::HashMap;

use cluster::{Patch, Query, Resource, Target};
use krm::{Object, json};
use parking_lot::Mutex;
use plan::{Event, Severity};

use crate::runtime::Context;

/// Repeated events that are remembered, and the longest message.
const REMEMBERED: usize = 4096;
const MESSAGE_LIMIT: usize = 39_000;

/// Records events as one controller.
pub(crate) struct Recorder {
    cx: Context,
    component: &'static str,
    known: Mutex<HashMap<Occurrence, Told>>,
}

/// What makes an event the same as one that was told before.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Occurrence {
    uid: String,
    reason: String,
    message: String,
}

/// The Event that tells of an occurrence, and how often it has.
struct Told {
    name: String,
    count: u64,
}

impl Recorder {
    pub(crate) fn new(cx: Context, status_manager: &'static str) -> Self {
        // The name in events is the controller's, whatever manages its status.
        let component = status_manager
            .strip_prefix("gotk-")
            .unwrap_or(status_manager);
        Self {
            cx,
            component,
            known: Mutex::default(),
        }
    }

    /// Records an event about an object. A failure is logged: nothing waits for an event.
    pub(crate) async fn record(&self, object: &Object, event: &Event) {
        let kind = if event.severity == Severity::Error {
            "Warning"
        } else {
            "Normal"
        };
        let mut message = event.message.clone();
        message.truncate(message.floor_char_boundary(MESSAGE_LIMIT));
        match event.severity {
            Severity::Error => {
                tracing::error!(kind = object.kind(), object = %object.id(), reason = %event.reason, "{message}")
            }
            Severity::Info => {
                tracing::info!(kind = object.kind(), object = %object.id(), reason = %event.reason, "{message}")
            }
            Severity::Trace => {
                tracing::debug!(kind = object.kind(), object = %object.id(), reason = %event.reason, "{message}")
            }
        }
        let now = self.cx.clock.now();
        let stamp = api::Time::from(now).to_string();
        let resource = Resource::new("v1", "Event", "events", true);
        let namespace = object.namespace().unwrap_or("default");
        let occurrence = Occurrence {
            uid: object.uid().to_owned(),
            reason: event.reason.clone(),
            message: message.clone(),
        };
        let again = self.count(&occurrence);
        let outcome = if let Some((name, count)) = again {
            let patch = json!({"count": count, "lastTimestamp": stamp});
            let target = Target {
                resource: &resource,
                namespace,
                name: &name,
            };
            self.cx
                .client
                .patch(target, Patch::Merge, &patch, Query::new())
                .await
                .map(drop)
        } else {
            let name = format!("{}.{:x}", object.name(), now.as_nanosecond());
            let value = json!({
                "apiVersion": "v1", "kind": "Event",
                "metadata": {"name": name, "namespace": namespace, "annotations": event.metadata},
                "involvedObject": {
                    "apiVersion": object.api_version(), "kind": object.kind(), "name": object.name(),
                    "namespace": object.namespace(), "uid": object.uid(), "resourceVersion": object.resource_version(),
                },
                "type": kind, "reason": event.reason, "message": message,
                "source": {"component": self.component}, "reportingComponent": self.component, "reportingInstance": "",
                "firstTimestamp": stamp, "lastTimestamp": stamp, "count": 1,
            });
            let Ok(value) = Object::try_from(value) else {
                return;
            };
            let created = self.cx.client.create(&resource, &value, Query::new()).await;
            if created.is_ok() {
                self.remember(occurrence, name);
            }
            created.map(drop)
        };
        if let Err(error) = outcome {
            tracing::warn!(object = %object.id(), %error, "an event could not be recorded");
        }
    }

    fn count(&self, occurrence: &Occurrence) -> Option<(String, u64)> {
        let mut known = self.known.lock();
        let told = known.get_mut(occurrence)?;
        told.count += 1;
        Some((told.name.clone(), told.count))
    }

    fn remember(&self, occurrence: Occurrence, name: String) {
        let mut known = self.known.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(occurrence, Told { name, count: 1 });
    }
}
