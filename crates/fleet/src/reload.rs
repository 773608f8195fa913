//! Live reload: a saved file becomes a revision.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use source::Mappings;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::supervise::Sources;

/// Editors write a file in several steps: changes that come within this time of one another are one.
const SETTLE: Duration = Duration::from_millis(5);

/// Watches every mapped directory; hold on to the watcher.
///
/// # Errors
/// What the system says against watching.
pub(crate) fn start(
    mappings: &Mappings,
) -> notify::Result<(RecommendedWatcher, UnboundedReceiver<PathBuf>)> {
    let (tell, told) = unbounded_channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let Ok(event) = event else { return };
        if matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        for path in event.paths {
            let in_git = path.components().any(|part| part.as_os_str() == ".git");
            if !in_git {
                // Nobody listens any more once the fleet stops.
                let _ = tell.send(path);
            }
        }
    })?;
    let directories: BTreeSet<&Path> = mappings.directories().collect();
    for directory in directories {
        watcher.watch(directory, RecursiveMode::Recursive)?;
    }
    Ok((watcher, told))
}

/// Tells the source controller of changed directories, until the watcher is gone.
pub(crate) async fn run(
    clock: Clock,
    mappings: Arc<Mappings>,
    mut changes: UnboundedReceiver<PathBuf>,
    sources: Sources,
) {
    while let Some(first) = changes.recv().await {
        let mut paths = BTreeSet::from([first]);
        loop {
            let until = clock.after(SETTLE);
            match clock.timeout_at(until, changes.recv()).await {
                Ok(Some(path)) => {
                    paths.insert(path);
                }
                Ok(None) => return,
                Err(_) => break,
            }
        }
        let urls: BTreeSet<&str> = paths
            .iter()
            .flat_map(|path| mappings.urls_of(path))
            .collect();
        urls.into_iter().for_each(|url| sources.changed(url));
    }
}
