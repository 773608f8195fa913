//! Counts work in flight, so that "nothing left to do" is a fact and not a guess.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The number of things under way: keys queued or reconciling, requests outstanding, watch events undelivered, simulated delays
/// running. Cheap to clone; clones count together. Timers that merely wait for an interval are not counted.
#[derive(Clone, Debug, Default)]
pub struct Activity(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    busy: AtomicUsize,
    idle: Notify,
}

/// One piece of work under way; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "the work counts as done once the guard is dropped"]
pub struct Guard(Arc<Inner>);

impl Activity {
    /// A counter at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one more piece of work until the guard is dropped.
    ///
    /// Hand-over must overlap: take the guard of what follows before dropping the guard of what came before, else the count
    /// touches zero in between.
    pub fn begin(&self) -> Guard {
        self.0.busy.fetch_add(1, Ordering::SeqCst);
        Guard(self.0.clone())
    }

    /// The number of pieces of work under way.
    pub fn busy(&self) -> usize {
        self.0.busy.load(Ordering::SeqCst)
    }

    /// Returns once nothing is under way. By the time the caller runs, somebody may have begun anew: look at
    /// [`Activity::busy`] again where that matters.
    pub async fn idle(&self) {
        loop {
            let notified = self.0.idle.notified();
            if self.busy() == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl Clone for Guard {
    fn clone(&self) -> Self {
        self.0.busy.fetch_add(1, Ordering::SeqCst);
        Self(self.0.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn idle_comes_with_the_last_guard() {
        let activity = Activity::new();
        let (first, second) = (activity.begin(), activity.begin());
        let waiter = tokio::spawn({
            let activity = activity.clone();
            async move { activity.idle().await }
        });
        drop(first);
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        drop(second);
        waiter.await.unwrap();
    }
}
