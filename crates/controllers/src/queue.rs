//! The work queue: fair between namespaces, one pass per object at a time.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use clock::{Activity, Guard, Timestamp};
use plan::Key;

/// Keys to reconcile, now or later. A key is queued at most once; one that is called while its pass runs gets another pass after it.
/// Keys that are ready or running count as activity, keys that wait for their time do not.
#[derive(Debug)]
pub(crate) struct Queue {
    activity: Activity,
    /// Ready keys per namespace, and the namespaces' turns: a tenant with a thousand keys waits for the tenant with one.
    ready: HashMap<String, VecDeque<(Key, Guard)>>,
    turns: VecDeque<String>,
    queued: HashSet<Key>,
    /// Running keys, and whether they were called meanwhile.
    running: HashMap<Key, Option<Guard>>,
    later: BTreeSet<(Timestamp, Key)>,
    when: HashMap<Key, Timestamp>,
}

impl Queue {
    pub(crate) fn new(activity: Activity) -> Self {
        Self {
            activity,
            ready: HashMap::new(),
            turns: VecDeque::new(),
            queued: HashSet::new(),
            running: HashMap::new(),
            later: BTreeSet::new(),
            when: HashMap::new(),
        }
    }

    /// Calls a key now.
    pub(crate) fn push(&mut self, key: Key) {
        let guard = self.activity.begin();
        if let Some(called) = self.running.get_mut(&key) {
            *called = Some(guard);
            return;
        }
        self.forget_timer(&key);
        if !self.queued.insert(key.clone()) {
            return;
        }
        let lane = self.ready.entry(key.namespace.clone()).or_default();
        if lane.is_empty() {
            self.turns.push_back(key.namespace.clone());
        }
        lane.push_back((key, guard));
    }

    /// Calls a key at `at`; an earlier call stands.
    pub(crate) fn push_at(&mut self, key: Key, at: Timestamp) {
        self.forget_timer(&key);
        self.when.insert(key.clone(), at);
        self.later.insert((at, key));
    }

    /// The next key whose turn it is; its guard goes with the pass.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<(Key, Guard)> {
        while let Some((at, _)) = self.later.first()
            && *at <= now
        {
            if let Some((_, key)) = self.later.pop_first() {
                self.when.remove(&key);
                self.push(key);
            }
        }
        let namespace = self.turns.pop_front()?;
        let lane = self.ready.get_mut(&namespace)?;
        let (key, guard) = lane.pop_front()?;
        if lane.is_empty() {
            self.ready.remove(&namespace);
        } else {
            self.turns.push_back(namespace);
        }
        self.queued.remove(&key);
        self.running.insert(key.clone(), None);
        Some((key, guard))
    }

    /// A pass has ended; `next` is when it wants the next one. A call that came meanwhile goes first.
    pub(crate) fn done(&mut self, key: &Key, next: Option<Timestamp>) {
        let called = self.running.remove(key).flatten();
        if let Some(at) = next {
            self.push_at(key.clone(), at);
        }
        if called.is_some() {
            self.push(key.clone());
        }
    }

    /// When the next timer ends.
    pub(crate) fn next_timer(&self) -> Option<Timestamp> {
        self.later.first().map(|(at, _)| *at)
    }

    fn forget_timer(&mut self, key: &Key) {
        if let Some(at) = self.when.remove(key) {
            self.later.remove(&(at, key.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn names(queue: &mut Queue, now: i64) -> Vec<String> {
        std::iter::from_fn(|| queue.pop(at(now)))
            .map(|(key, _)| key.to_string())
            .collect()
    }

    #[test]
    fn d04_namespaces_take_turns() {
        let mut queue = Queue::new(Activity::new());
        for name in ["1", "2", "3"] {
            queue.push(Key::new("noisy", name));
        }
        queue.push(Key::new("quiet", "1"));
        queue.push(Key::new("noisy", "1"));
        assert_eq!(
            names(&mut queue, 0),
            ["noisy/1", "quiet/1", "noisy/2", "noisy/3"]
        );
    }

    #[test]
    fn a_call_during_a_pass_is_another_pass() {
        let activity = Activity::new();
        let mut queue = Queue::new(activity.clone());
        let key = Key::new("n", "a");
        queue.push(key.clone());
        let (_, guard) = queue.pop(at(0)).unwrap();
        queue.push(key.clone());
        assert!(queue.pop(at(0)).is_none());
        queue.done(&key, Some(at(60)));
        drop(guard);
        assert_eq!(activity.busy(), 1);
        assert_eq!(names(&mut queue, 0), ["n/a"]);
        queue.done(&key, None);
        assert_eq!(activity.busy(), 0);
    }

    #[test]
    fn a_timer_is_no_activity_and_an_event_ends_it() {
        let activity = Activity::new();
        let mut queue = Queue::new(activity.clone());
        let key = Key::new("n", "a");
        queue.push_at(key.clone(), at(60));
        assert_eq!((activity.busy(), queue.next_timer()), (0, Some(at(60))));
        assert!(queue.pop(at(59)).is_none());
        queue.push(key);
        assert_eq!(queue.next_timer(), None);
        assert_eq!(names(&mut queue, 0), ["n/a"]);
    }
}
