//! The clock: real, or virtual and moved by its owner.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

/// Tells the time and sleeps. Cheap to clone; clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Real,
    Virtual(Arc<Mutex<Virtual>>),
}

#[derive(Debug)]
struct Virtual {
    now: Timestamp,
    next_id: u64,
    sleepers: BTreeMap<(Timestamp, u64), Waker>,
}

/// A deadline passed before the work was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl std::fmt::Display for Elapsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("context deadline exceeded")
    }
}

impl std::error::Error for Elapsed {}

impl Clock {
    /// The machine's clock.
    pub fn real() -> Self {
        Self(Kind::Real)
    }

    /// A clock that stands at `start` until [`Clock::advance_to`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Kind::Virtual(Arc::new(Mutex::new(Virtual {
            now: start,
            next_id: 0,
            sleepers: BTreeMap::new(),
        }))))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::Real => Timestamp::now(),
            Kind::Virtual(clock) => clock.lock().now,
        }
    }

    /// Whether this clock moves only when told to.
    pub fn is_virtual(&self) -> bool {
        matches!(self.0, Kind::Virtual(_))
    }

    /// Returns once the clock shows `deadline` or later.
    pub async fn sleep_until(&self, deadline: Timestamp) {
        match &self.0 {
            Kind::Real => {
                let left = deadline.duration_since(Timestamp::now());
                if let Ok(left) = Duration::try_from(left) {
                    tokio::time::sleep(left).await;
                }
            }
            Kind::Virtual(clock) => Sleep::new(clock.clone(), deadline).await_turn().await,
        }
    }

    /// Returns once `duration` has passed.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.after(duration)).await;
    }

    /// The time `duration` from now; the end of time where that overflows.
    pub fn after(&self, duration: Duration) -> Timestamp {
        let span = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        self.now().checked_add(span).unwrap_or(Timestamp::MAX)
    }

    /// Runs `work` until `deadline`.
    ///
    /// # Errors
    /// [`Elapsed`] when the deadline comes first; `work` is dropped then.
    pub async fn timeout_at<F: Future>(
        &self,
        deadline: Timestamp,
        work: F,
    ) -> Result<F::Output, Elapsed> {
        let mut work = pin!(work);
        let mut sleep = pin!(self.sleep_until(deadline));
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            sleep.as_mut().poll(cx).map(|()| Err(Elapsed))
        })
        .await
    }

    /// The nearest moment somebody sleeps for; `None` on a real clock, or when nobody sleeps.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        match &self.0 {
            Kind::Real => None,
            Kind::Virtual(clock) => clock.lock().sleepers.keys().next().map(|(at, _)| *at),
        }
    }

    /// Moves a virtual clock forward to `to` and wakes who slept until then. Never moves backwards; does nothing on a real clock.
    pub fn advance_to(&self, to: Timestamp) {
        let Kind::Virtual(clock) = &self.0 else {
            return;
        };
        let woken = {
            let mut clock = clock.lock();
            clock.now = clock.now.max(to);
            let bound = (clock.now, u64::MAX);
            let later = clock.sleepers.split_off(&bound);
            std::mem::replace(&mut clock.sleepers, later)
        };
        woken.into_values().for_each(Waker::wake);
    }
}

struct Sleep {
    clock: Arc<Mutex<Virtual>>,
    deadline: Timestamp,
    id: Option<u64>,
}

impl Sleep {
    fn new(clock: Arc<Mutex<Virtual>>, deadline: Timestamp) -> Self {
        Self {
            clock,
            deadline,
            id: None,
        }
    }

    async fn await_turn(mut self) {
        poll_fn(|cx| {
            let mut clock = self.clock.lock();
            if clock.now >= self.deadline {
                return Poll::Ready(());
            }
            let id = *self.id.get_or_insert_with(|| {
                clock.next_id += 1;
                clock.next_id
            });
            clock
                .sleepers
                .insert((self.deadline, id), cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.clock.lock().sleepers.remove(&(self.deadline, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_virtual_sleeper_wakes_when_its_owner_says_so() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(3600)).await }
        });
        while clock.next_deadline().is_none() {
            tokio::task::yield_now().await;
        }
        assert!(!sleeper.is_finished());
        clock.advance_to(clock.next_deadline().unwrap());
        sleeper.await.unwrap();
        assert_eq!(clock.now().as_second(), 3600);
        assert_eq!(clock.next_deadline(), None);
    }

    #[tokio::test]
    async fn a_dropped_sleeper_holds_no_deadline() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let never = std::future::pending::<()>();
        let outcome = clock.timeout_at(clock.now(), never).await;
        assert_eq!(outcome, Err(Elapsed));
        assert_eq!(clock.next_deadline(), None);
    }
}
