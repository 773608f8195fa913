//! Waiting for objects inside a pass: only for the definitions that the rest of the same pass needs.

use clock::Timestamp;
use futures_util::future::join_all;
use krm::status::{self, Status};
use krm::{Object, ObjectId};
use tokio::sync::watch::Sender;

use crate::watch::{Change, Scope};
use crate::{Client, Resource, watch};

/// Waits until every object is current, by watching each.
///
/// # Errors
/// Those that are not by `deadline`, with the state they are in.
pub async fn until_current(
    client: &Client,
    objects: &[(Resource, ObjectId)],
    deadline: Timestamp,
) -> Result<(), Vec<(ObjectId, Status)>> {
    let current = Goal {
        judge: |object: Option<&Object>| {
            object.map_or(Status::NotFound, |object| status::compute(object).status)
        },
        wanted: Status::Current,
    };
    let current = &current;
    let waits = objects.iter().map(|(resource, id)| async move {
        let reached = watch_one(client, resource, id, deadline, current).await;
        reached.map_err(|state| (id.clone(), state))
    });
    let late: Vec<_> = join_all(waits)
        .await
        .into_iter()
        .filter_map(Result::err)
        .collect();
    if late.is_empty() { Ok(()) } else { Err(late) }
}

/// Waits until an object with `uid` is gone, or another has taken its place.
///
/// # Errors
/// The state it is in at `deadline`.
pub async fn until_gone(
    client: &Client,
    resource: &Resource,
    id: &ObjectId,
    uid: &str,
    deadline: Timestamp,
) -> Result<(), Status> {
    let gone = Goal {
        judge: |object: Option<&Object>| match object {
            Some(object) if object.uid() == uid => Status::Terminating,
            _ => Status::NotFound,
        },
        wanted: Status::NotFound,
    };
    watch_one(client, resource, id, deadline, &gone).await
}

/// The state to wait for, and how to tell an object's.
struct Goal<F> {
    judge: F,
    wanted: Status,
}

async fn watch_one(
    client: &Client,
    resource: &Resource,
    id: &ObjectId,
    deadline: Timestamp,
    goal: &Goal<impl Fn(Option<&Object>) -> Status + Send + Sync>,
) -> Result<(), Status> {
    let scope = Scope {
        namespace: id.namespace.clone(),
        fields: format!("metadata.name={}", id.name),
        ..Scope::all(resource.clone())
    };
    let state = Sender::new(Status::Unknown);
    let mut seen = state.subscribe();
    let mut there = false;
    let watching = watch::run(client.clone(), scope, |change| match change {
        Change::Applied(object) => {
            there = true;
            state.send_replace((goal.judge)(Some(&object)));
        }
        Change::Deleted(_) => {
            there = false;
            state.send_replace((goal.judge)(None));
        }
        Change::Synced if !there => {
            state.send_replace((goal.judge)(None));
        }
        Change::Synced | Change::Failing(_) => {}
    });
    let reached = async {
        tokio::select! {
            () = watching => {}
            _ = seen.wait_for(|state| *state == goal.wanted) => {}
        }
    };
    let outcome = client.clock().timeout_at(deadline, reached).await;
    outcome.map_err(|_| *state.subscribe().borrow())
}
