//! The loop: watches in, decisions asked for, writes out, one after the other.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use clock::Guard;
use cluster::watch::{self, Change, Scope};
use cluster::{Client, Error};
use krm::Object;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::act::{Decision, Step};
use crate::controller::{CONTROLLERS, Kind};
use crate::view::{Key, View};
use crate::{NODE, Options};

mod write;

/// A controller, by its row, and one of its objects.
type Work = (usize, Key);

/// First and last delay after a refusal.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

enum Event {
    /// A watch told a change.
    Watched(Kind, Change),
    /// A step has had its time.
    Ripe(Step, Work),
    /// What was refused for the object with this uid may be tried again.
    Again(String, Work),
}

struct Runtime {
    options: Options,
    clients: HashMap<(&'static str, &'static str), Client>,
    view: View,
    queue: VecDeque<(Work, Guard)>,
    queued: HashSet<Work>,
    under_way: HashSet<Step>,
    unsynced: HashSet<Kind>,
    events: UnboundedSender<(Event, Guard)>,
    tasks: JoinSet<()>,
}

/// Runs until dropped.
pub(crate) async fn run(options: Options) {
    let starting = options.activity.begin();
    let (events, mut inbox) = unbounded_channel();
    let mut runtime = Runtime {
        options,
        clients: HashMap::new(),
        view: View::default(),
        queue: VecDeque::new(),
        queued: HashSet::new(),
        under_way: HashSet::new(),
        unsynced: HashSet::new(),
        events,
        tasks: JoinSet::new(),
    };
    runtime.start_watches();
    while !runtime.unsynced.is_empty() {
        let Some((event, guard)) = inbox.recv().await else {
            return;
        };
        runtime.hear(event);
        drop(guard);
    }
    let node = (String::new(), NODE.to_owned());
    for row in 0..CONTROLLERS.len() {
        runtime.enqueue((row, node.clone()));
    }
    drop(starting);
    runtime.turn(&mut inbox).await;
}

impl Runtime {
    fn client(&mut self, account: &'static str, program: &'static str) -> Client {
        let Options {
            transport, clock, ..
        } = &self.options;
        let made = || {
            Client::new(
                transport(account),
                clock.clone(),
                &format!("{program}/v1.36.3"),
            )
        };
        self.clients
            .entry((account, program))
            .or_insert_with(made)
            .clone()
    }

    fn start_watches(&mut self) {
        for (kind, account) in Kind::watched() {
            self.unsynced.insert(kind);
            let client = self.client(account, "kube-controller-manager");
            let (events, activity) = (self.events.clone(), self.options.activity.clone());
            self.tasks.spawn(async move {
                let tell = |change| {
                    // Nobody hears any more once the loop has ended.
                    let _ = events.send((Event::Watched(kind, change), activity.begin()));
                };
                watch::run(client, Scope::all(kind.resource()), tell).await;
            });
        }
    }

    /// Hears everything before it decides anything.
    async fn turn(&mut self, inbox: &mut UnboundedReceiver<(Event, Guard)>) {
        loop {
            while let Ok((event, guard)) = inbox.try_recv() {
                self.hear(event);
                drop(guard);
            }
            while self.tasks.try_join_next().is_some() {}
            if let Some((work, guard)) = self.queue.pop_front() {
                self.queued.remove(&work);
                self.work(work).await;
                drop(guard);
                // Whoever else runs here gets a turn, too.
                tokio::task::yield_now().await;
                continue;
            }
            let Some((event, guard)) = inbox.recv().await else {
                return;
            };
            self.hear(event);
            drop(guard);
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Watched(kind, Change::Applied(object)) => self.learn(kind, object),
            Event::Watched(kind, Change::Deleted(object)) => {
                self.view.remove(kind, &object);
                self.wake(kind, &object);
            }
            Event::Watched(kind, Change::Synced) => {
                self.unsynced.remove(&kind);
            }
            Event::Watched(kind, Change::Failing(error)) => {
                tracing::warn!(?kind, %error, "the simulation cannot watch; it goes on without");
                self.unsynced.remove(&kind);
            }
            Event::Ripe(step, work) => {
                self.under_way.remove(&step);
                self.view.ripen(step);
                self.enqueue(work);
            }
            Event::Again(uid, work) => {
                self.view.release(&uid);
                self.enqueue(work);
            }
        }
    }

    fn learn(&mut self, kind: Kind, object: Arc<Object>) {
        if self.view.put(kind, object.clone()) {
            self.wake(kind, &object);
        }
    }

    fn wake(&mut self, kind: Kind, object: &Object) {
        for (row, controller) in CONTROLLERS.iter().enumerate() {
            for key in (controller.concerns)(&self.view, kind, object) {
                self.enqueue((row, key));
            }
        }
    }

    fn enqueue(&mut self, work: Work) {
        if self.queued.insert(work.clone()) {
            let guard = self.options.activity.begin();
            self.queue.push_back((work, guard));
        }
    }

    async fn work(&mut self, work: Work) {
        let controller = &CONTROLLERS[work.0];
        let now = self.options.clock.now();
        let Decision { acts, step } = (controller.decide)(&self.view, &work.1, now);
        if let Some(step) = step {
            self.wait(step, &work);
        }
        let refused_for = self.subject(&work);
        let tried = self
            .view
            .refused(&refused_for)
            .is_none_or(|refused| !refused.hold);
        for act in acts {
            match self.act(&work, act).await {
                Ok(()) => {}
                // Somebody else was faster, and the watch will tell.
                Err(error) if error.is_not_found() || error.is_conflict() => {
                    return self.retry(&work, &refused_for, None);
                }
                Err(error) => return self.retry(&work, &refused_for, Some(&error)),
            }
        }
        if tried && self.view.forgive(&refused_for) {
            self.enqueue(work);
        }
    }

    /// What refusals for this work are noted under: the uid of its object, or its name where that does not exist yet.
    fn subject(&self, (row, key): &Work) -> String {
        let known = self.view.get(CONTROLLERS[*row].of, &key.0, &key.1);
        known.map_or_else(
            || format!("{}/{}", key.0, key.1),
            |object| object.uid().to_owned(),
        )
    }

    fn wait(&mut self, step: Step, work: &Work) {
        if !self.under_way.insert(step.clone()) {
            return;
        }
        let Options {
            clock,
            activity,
            delay,
            ..
        } = &self.options;
        let (clock, delay, events) = (clock.clone(), *delay, self.events.clone());
        let ripe = Event::Ripe(step, work.clone());
        let guard = activity.begin();
        if delay.is_zero() {
            let _ = events.send((ripe, guard));
            return;
        }
        // On a virtual clock a delay is a deadline that its owner sees; as activity it would keep the clock from moving.
        let guard = (!clock.is_virtual()).then_some(guard);
        let activity = activity.clone();
        self.tasks.spawn(async move {
            clock.sleep(delay).await;
            let _ = events.send((ripe, activity.begin()));
            drop(guard);
        });
    }

    /// Notes a refusal and looks again later; waiting for that is no activity.
    fn retry(&mut self, work: &Work, subject: &str, error: Option<&Error>) {
        let times = match error {
            Some(error) => {
                let name = CONTROLLERS[work.0].name;
                tracing::debug!(controller = name, object = ?work.1, %error, "refused");
                let times = self.view.refuse(subject, error.to_string());
                if times == 1 {
                    self.enqueue(work.clone());
                }
                times
            }
            None => 1,
        };
        let delay = RETRY.0.saturating_mul(1 << times.min(12)).min(RETRY.1);
        let (clock, activity, events) = (
            self.options.clock.clone(),
            self.options.activity.clone(),
            self.events.clone(),
        );
        let again = Event::Again(subject.to_owned(), work.clone());
        self.tasks.spawn(async move {
            clock.sleep(delay).await;
            let _ = events.send((again, activity.begin()));
        });
    }
}
