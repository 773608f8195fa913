//! What a fleet looks like: a row per object of the toolkit.

use api::names;
use cluster::{Client, Query, Resource};
use krm::{Object, Value};

use crate::supervise::unserved;

/// How an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Ready is False.
    Failing,
    /// Ready is Unknown, or nobody has said anything yet.
    Progressing,
    /// Suspended.
    Suspended,
    /// No controller here reconciles this kind.
    Unserved,
    /// Ready is True at the current generation.
    Ready,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Failing => "failing",
            Self::Progressing => "progressing",
            Self::Suspended => "suspended",
            Self::Unserved => "unserved",
            Self::Ready => "ready",
        })
    }
}

/// An object of the toolkit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: State,
    /// The revision it stands at.
    pub revision: String,
    /// The Ready condition's reason.
    pub reason: String,
    /// The Ready condition's message.
    pub message: String,
}

impl Row {
    /// The row of an object.
    pub fn of(object: &Object) -> Self {
        let text = |pointer: &str| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let conditions = object
            .pointer("/status/conditions")
            .and_then(Value::as_array);
        let ready = conditions
            .into_iter()
            .flatten()
            .find(|condition| condition["type"] == names::READY);
        let ready = |key: &str| {
            ready
                .and_then(|ready| ready.get(key))
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let observed = object
            .pointer("/status/observedGeneration")
            .and_then(Value::as_i64);
        let group_kind = object.gvk().group_kind();
        let state = if unserved().contains(&group_kind) {
            State::Unserved
        } else if object.pointer("/spec/suspend") == Some(&Value::Bool(true)) {
            State::Suspended
        } else {
            match ready("status") {
                "True" if observed == Some(object.generation()) => State::Ready,
                "False" => State::Failing,
                _ => State::Progressing,
            }
        };
        let revision = match object.kind() {
            "Kustomization" => text("/status/lastAppliedRevision"),
            _ => text("/status/artifact/revision"),
        };
        Self {
            kind: object.kind().into(),
            namespace: object.namespace().unwrap_or_default().into(),
            name: object.name().into(),
            state,
            revision,
            reason: ready("reason").into(),
            message: ready("message").into(),
        }
    }

    /// Whether this failure only follows from another one: root causes are shown first.
    pub fn is_consequence(&self) -> bool {
        let of_another = |message: &str| {
            ["Kustomization/", "GitRepository/", "HelmRelease/"]
                .iter()
                .any(|kind| message.contains(kind))
        };
        match self.reason.as_str() {
            names::reason::DEPENDENCY_NOT_READY | names::reason::ARTIFACT_FAILED => true,
            names::reason::HEALTH_CHECK_FAILED | names::reason::PROGRESSING => {
                of_another(&self.message)
            }
            _ => false,
        }
    }
}

/// Every object of the toolkit: root causes first, consequences after them, what is well last.
///
/// # Errors
/// What the API server said; kinds whose CRD is not installed are passed over.
pub async fn list(client: &Client) -> Result<Vec<Row>, cluster::Error> {
    let mut rows = Vec::new();
    for kind in api::KINDS {
        let resource = Resource::new(&kind.api_version(), kind.kind, kind.plural, true);
        match client.list(&resource, "", Query::new()).await {
            Ok(list) => rows.extend(list.items.iter().map(Row::of)),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    rows.sort_by(|a, b| {
        let key = |row: &Row| {
            (
                row.state,
                row.is_consequence(),
                row.kind.clone(),
                row.namespace.clone(),
                row.name.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use krm::json;

    fn row(kind: &str, status: Value) -> Row {
        let value = json!({"apiVersion": format!("{}/v1", if kind == "Kustomization" { "kustomize.toolkit.fluxcd.io" } else { "source.toolkit.fluxcd.io" }),
            "kind": kind, "metadata": {"name": "a", "namespace": "n", "generation": 2}, "spec": {}, "status": status});
        Row::of(&Object::try_from(value).unwrap())
    }

    #[test]
    fn a_row_is_ready_at_its_own_generation_only() {
        let ready = json!([{"type": "Ready", "status": "True", "reason": "R", "message": "m"}]);
        assert_eq!(
            row(
                "Kustomization",
                json!({"observedGeneration": 2, "conditions": ready})
            )
            .state,
            State::Ready
        );
        assert_eq!(
            row(
                "Kustomization",
                json!({"observedGeneration": 1, "conditions": ready})
            )
            .state,
            State::Progressing
        );
        assert_eq!(row("Kustomization", json!({})).state, State::Progressing);
        assert_eq!(row("OCIRepository", json!({})).state, State::Unserved);
    }
}
