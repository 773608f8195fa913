//! Waiting for one object, by watching it.

use std::time::Duration;

use clock::Timestamp;
use cluster::watch::{self, Change, Scope};
use cluster::{Client, Error, Resource};
use krm::Object;

use crate::session::by_name;

/// Which object.
#[derive(Clone, Debug)]
pub(crate) struct Subject<'a> {
    /// Its kind.
    pub(crate) resource: &'a Resource,
    /// Its namespace.
    pub(crate) namespace: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
}

/// How often a server is asked that lets one read, but not watch.
const POLL: Duration = Duration::from_secs(2);

/// Waits until `judge` has a verdict on the object; it is asked at once and at every change. An object that is not there is an error.
///
/// # Errors
/// [`Error::Deadline`] at `deadline`; what the server says of reading the object.
pub(crate) async fn until<T: Send>(
    client: &Client,
    subject: &Subject<'_>,
    deadline: Timestamp,
    mut judge: impl FnMut(&Object) -> Option<T> + Send,
) -> Result<T, Error> {
    let waiting = async {
        let first = client
            .get(subject.resource, subject.namespace, subject.name)
            .await?;
        if let Some(verdict) = judge(&first) {
            return Ok(verdict);
        }
        match watched(client, subject, &mut judge).await {
            Err(error) if error.is_forbidden() => polled(client, subject, &mut judge).await,
            outcome => outcome,
        }
    };
    client
        .clock()
        .timeout_at(deadline, waiting)
        .await
        .map_err(|_| Error::Deadline)?
}

async fn watched<T: Send>(
    client: &Client,
    subject: &Subject<'_>,
    judge: &mut (impl FnMut(&Object) -> Option<T> + Send),
) -> Result<T, Error> {
    let scope = Scope {
        namespace: subject.namespace.to_owned(),
        fields: by_name(subject.name),
        ..Scope::all(subject.resource.clone())
    };
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mut there = false;
    let watching = watch::run(client.clone(), scope, |change| {
        let word = match change {
            Change::Applied(object) => {
                there = true;
                judge(&object).map(Ok)
            }
            Change::Deleted(_) => Some(Err(None)),
            Change::Synced if !there => Some(Err(None)),
            Change::Failing(error) if error.is_forbidden() => Some(Err(Some(error))),
            Change::Synced | Change::Failing(_) => None,
        };
        if let Some(word) = word {
            // The reader stops at the first word; what comes after it has nobody to hear it.
            let _ = tell.send(word);
        }
    });
    let word = tokio::select! {
        () = watching => None,
        word = told.recv() => word,
    };
    match word {
        Some(Ok(verdict)) => Ok(verdict),
        Some(Err(Some(error))) => Err(error),
        // Gone: reading it gives the server's own words, unless somebody has made it again.
        Some(Err(None)) | None => {
            client
                .get(subject.resource, subject.namespace, subject.name)
                .await?;
            Err(Error::Answer(format!(
                "{} was deleted and made again",
                subject.name
            )))
        }
    }
}

async fn polled<T: Send>(
    client: &Client,
    subject: &Subject<'_>,
    judge: &mut (impl FnMut(&Object) -> Option<T> + Send),
) -> Result<T, Error> {
    loop {
        client.clock().sleep(POLL).await;
        let object = client
            .get(subject.resource, subject.namespace, subject.name)
            .await?;
        if let Some(verdict) = judge(&object) {
            return Ok(verdict);
        }
    }
}
