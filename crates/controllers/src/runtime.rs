//! The loop every controller runs in: watches in, passes out, one writer.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use clock::{Activity, Clock, Guard, Seed, Timestamp};
use cluster::watch::{self, Change, Scope};
use cluster::{Client, Resource};
use futures_util::FutureExt;
use krm::{Object, Value};
use plan::{Conclusion, Key, Next};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinSet};

use crate::commit;
use crate::queue::Queue;
use crate::recorder::Recorder;

/// What every controller is given.
#[derive(Clone)]
pub struct Context {
    /// The API, as the controller's own ServiceAccount.
    pub client: Client,
    /// Tells the time.
    pub clock: Clock,
    /// Jitter and names.
    pub seed: Seed,
    /// Counts what is under way.
    pub activity: Activity,
    /// Passes at once (`--concurrent`).
    pub concurrent: usize,
    /// By how much a successful requeue is jittered, percent (`--interval-jitter-percentage`).
    pub jitter: u8,
    /// First and last delay after failures in a row (`--min-retry-delay`, `--max-retry-delay`).
    pub retry_delay: (Duration, Duration),
}

/// Something a controller saw.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A watch told a change.
    Watched {
        /// Which watch.
        scope: Arc<Scope>,
        /// What changed.
        change: Change,
    },
    /// The local directory that stands for a URL has changed.
    Mapped(String),
}

/// Tells a running controller of changes that no watch shows.
#[derive(Clone)]
pub struct Caller {
    events: UnboundedSender<(Event, Guard)>,
    activity: Activity,
}

/// The other end of a [`Caller`].
///
/// A controller that is given one counts as active from here until its watches have synced.
pub struct Inbox {
    caller: Caller,
    events: UnboundedReceiver<(Event, Guard)>,
    starting: Guard,
}

impl Inbox {
    /// An inbox whose undelivered events count as activity.
    pub fn new(activity: &Activity) -> Self {
        let (sender, events) = unbounded_channel();
        Self {
            caller: Caller {
                events: sender,
                activity: activity.clone(),
            },
            events,
            starting: activity.begin(),
        }
    }

    /// Somebody who may put events in.
    pub fn caller(&self) -> Caller {
        self.caller.clone()
    }
}

impl Caller {
    /// The local directory that stands for `url` has changed.
    pub fn mapped_changed(&self, url: &str) {
        self.send(Event::Mapped(url.into()));
    }

    fn send(&self, event: Event) {
        // The controller may have ended; then nobody needs to know.
        let _ = self.events.send((event, self.activity.begin()));
    }
}

/// What a pass ended in, and the object it was about as it was then.
pub(crate) struct Pass {
    /// The object; `None` where it exists no longer.
    pub(crate) object: Option<Arc<Object>>,
    /// What to write, tell and schedule.
    pub(crate) conclusion: Conclusion<Value>,
}

impl Pass {
    /// The object is gone.
    pub(crate) fn gone() -> Self {
        Self {
            object: None,
            conclusion: Conclusion::nothing(),
        }
    }
}

/// What differs from kind to kind.
pub(crate) trait Controller: Send + Sync + 'static {
    /// The kind it reconciles.
    fn kind(&self) -> &'static api::Kind;
    /// Field manager of its status and finalizers.
    fn status_manager(&self) -> &'static str;
    /// Watches that it always needs; nothing is reconciled before each has synced or failed.
    fn watches(&self) -> Vec<Scope>;
    /// Watches that it needs now.
    fn wanted(&self) -> HashSet<Scope> {
        HashSet::new()
    }
    /// Takes note of what was seen and says whom it concerns.
    fn observe(&self, event: &Event) -> Vec<Key>;
    /// One pass over one object.
    fn reconcile(&self, key: &Key) -> impl Future<Output = Result<Pass, cluster::Error>> + Send;
    /// A pass has been written; who is to be called because of what happened during it.
    fn settle(&self, _key: &Key) -> Vec<Key> {
        Vec::new()
    }
}

/// Runs a controller until dropped.
pub(crate) async fn run<C: Controller>(cx: Context, controller: Arc<C>, inbox: Inbox) {
    let Inbox {
        caller,
        events: mut inbox,
        starting,
    } = inbox;
    let mut starting = Some(starting);
    let mut watches = Watches {
        cx: cx.clone(),
        caller,
        running: HashMap::new(),
        tasks: JoinSet::new(),
    };
    let mut unsynced: HashSet<Scope> = controller.watches().into_iter().collect();
    let always = unsynced.clone();
    watches.want(&always);
    let mut queue = Queue::new(cx.activity.clone());
    let mut passes = JoinSet::new();
    let mut failures: HashMap<Key, u32> = HashMap::new();
    let recorder = Arc::new(Recorder::new(cx.clone(), controller.status_manager()));
    loop {
        if unsynced.is_empty() {
            drop(starting.take());
        }
        while unsynced.is_empty() && passes.len() < cx.concurrent {
            let Some((key, guard)) = queue.pop(cx.clock.now()) else {
                break;
            };
            let (cx, controller, recorder) = (cx.clone(), controller.clone(), recorder.clone());
            passes.spawn(async move {
                let work = AssertUnwindSafe(one_pass(&cx, &*controller, &recorder, &key));
                let (next, called) = work.catch_unwind().await.unwrap_or_else(|_| {
                    tracing::error!(object = %key, "a pass panicked; it is tried again");
                    (Next::Backoff, Vec::new())
                });
                (key, next, called, guard)
            });
        }
        let timer = queue
            .next_timer()
            .filter(|_| unsynced.is_empty() && passes.len() < cx.concurrent);
        tokio::select! {
            Some((event, guard)) = inbox.recv() => {
                note_sync(&event, &mut unsynced);
                controller.observe(&event).into_iter().for_each(|key| queue.push(key));
                drop(guard);
            }
            Some(done) = passes.join_next() => {
                // A pass catches its own panics: a task that does not join was aborted with the loop.
                let Ok((key, next, called, guard)) = done else { continue };
                let at = due(&cx, &mut failures, &key, next);
                queue.done(&key, at);
                called.into_iter().chain(controller.settle(&key)).for_each(|key| queue.push(key));
                watches.want(&always.union(&controller.wanted()).cloned().collect());
                drop(guard);
            }
            () = wait(&cx.clock, timer) => {}
        }
    }
}

fn note_sync(event: &Event, unsynced: &mut HashSet<Scope>) {
    let Event::Watched { scope, change } = event else {
        return;
    };
    match change {
        Change::Synced => {
            unsynced.remove(&**scope);
        }
        Change::Failing(error) => {
            unsynced.remove(&**scope);
            tracing::warn!(resource = %scope.resource.plural, %error, "a watch failed; it is tried again");
        }
        Change::Applied(_) | Change::Deleted(_) => {}
    }
}

async fn wait(clock: &Clock, until: Option<Timestamp>) {
    match until {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// One pass and its writes; when the next one is due, and whom the writes call.
async fn one_pass<C: Controller>(
    cx: &Context,
    controller: &C,
    recorder: &Recorder,
    key: &Key,
) -> (Next, Vec<Key>) {
    let resource = resource_of(controller.kind());
    let kind = controller.kind().kind;
    let pass = match controller.reconcile(key).await {
        Ok(pass) => pass,
        Err(error) => {
            tracing::error!(object = %key, kind, %error, "Reconciler error");
            return (Next::Backoff, Vec::new());
        }
    };
    let Some(object) = pass.object else {
        return (Next::Never, Vec::new());
    };
    let next = pass.conclusion.next;
    let manager = controller.status_manager();
    let called =
        match commit::write(&cx.client, &resource, manager, &object, &pass.conclusion).await {
            // What was just written is known at once: the watch may take its time.
            Ok(Some(written)) => {
                let change = Change::Applied(Arc::new(written));
                controller.observe(&Event::Watched {
                    scope: Arc::new(Scope::all(resource)),
                    change,
                })
            }
            Ok(None) => Vec::new(),
            Err(error) if error.is_not_found() => return (Next::Never, Vec::new()),
            Err(error) => {
                tracing::error!(object = %key, kind, %error, "status could not be written");
                return (Next::Backoff, Vec::new());
            }
        };
    for event in &pass.conclusion.events {
        recorder.record(&object, event).await;
    }
    (next, called)
}

/// How a kind of the toolkit is served.
pub(crate) fn resource_of(kind: &api::Kind) -> Resource {
    Resource::new(&kind.api_version(), kind.kind, kind.plural, true)
}

/// When a key is due again.
fn due(cx: &Context, failures: &mut HashMap<Key, u32>, key: &Key, next: Next) -> Option<Timestamp> {
    if next != Next::Backoff {
        failures.remove(key);
    }
    let delay = match next {
        Next::Never => return None,
        Next::Now => Duration::ZERO,
        Next::After(delay) => delay,
        Next::Interval(interval) => {
            let share = f64::from(cx.jitter) / 100.0 * (2.0 * cx.seed.fraction() - 1.0);
            interval.mul_f64(1.0 + share)
        }
        Next::Backoff => {
            let count = failures.entry(key.clone()).or_default();
            let (first, last) = cx.retry_delay;
            let delay = first.saturating_mul(1 << (*count).min(20)).min(last);
            *count += 1;
            delay
        }
    };
    Some(cx.clock.after(delay))
}

/// The watches that run.
struct Watches {
    cx: Context,
    caller: Caller,
    running: HashMap<Scope, AbortHandle>,
    tasks: JoinSet<()>,
}

impl Watches {
    /// Starts what is wanted and does not run, stops what runs and is not wanted.
    fn want(&mut self, wanted: &HashSet<Scope>) {
        self.running.retain(|scope, task| {
            let keep = wanted.contains(scope);
            if !keep {
                task.abort();
            }
            keep
        });
        for scope in wanted {
            if self.running.contains_key(scope) {
                continue;
            }
            let caller = self.caller.clone();
            let shared = Arc::new(scope.clone());
            // Until it has synced, what it will tell is under way.
            let mut syncing = Some(self.cx.activity.begin());
            let watching = watch::run(self.cx.client.clone(), scope.clone(), move |change| {
                let settled = matches!(change, Change::Synced | Change::Failing(_));
                caller.send(Event::Watched {
                    scope: shared.clone(),
                    change,
                });
                if settled {
                    drop(syncing.take());
                }
            });
            self.running
                .insert(scope.clone(), self.tasks.spawn(watching));
        }
        while self.tasks.try_join_next().is_some() {}
    }
}
