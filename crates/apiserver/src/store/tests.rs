//! The store's promises: versions, snapshots, the ring, watchers.

use krm::json;

use super::*;

fn store(events: usize) -> Store {
    let limits = Limits {
        events,
        behind: 2,
        ..Limits::default()
    };
    Store::new(100, limits, Activity::new())
}

fn maps() -> GroupResource {
    GroupResource::new("", "configmaps")
}

fn put(store: &Store, name: &str, expect: Expect) -> Result<Arc<Stored>, Mismatch> {
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"},
        "metadata": {"name": name, "namespace": "x", "managedFields": [{"manager": "m"}], "resourceVersion": "1"}
    });
    store.commit(Write {
        of: maps(),
        key: Key::new("x", name),
        expect,
        put: Some(Draft::new(object, Default::default())),
    })
}

#[test]
fn an_object_reads_back_with_its_version_and_managers() {
    let store = store(10);
    let stored = put(&store, "a", Expect::Absent).unwrap();
    assert_eq!(
        stored.value(),
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"},
            "metadata": {"name": "a", "namespace": "x", "managedFields": [{"manager": "m"}], "resourceVersion": "101"}
        })
    );
}

#[test]
fn a_write_happens_only_to_what_it_expects() {
    let store = store(10);
    assert!(put(&store, "a", Expect::Version(7)).is_err());
    put(&store, "a", Expect::Absent).unwrap();
    assert!(put(&store, "a", Expect::Absent).is_err());
    assert_eq!(
        put(&store, "a", Expect::Version(101)).unwrap().version(),
        102
    );
}

#[test]
fn the_past_is_readable_until_the_ring_forgets_it() {
    let store = store(2);
    for name in ["a", "b", "c"] {
        put(&store, name, Expect::Absent).unwrap();
    }
    let names = |state: &State| -> Vec<String> {
        let rows = state.all(&maps()).map(|stored| stored.key().name.clone());
        rows.collect()
    };
    assert_eq!(names(&store.state_at(102).unwrap()), ["a", "b"]);
    assert_eq!(names(&store.state_at(101).unwrap()), ["a"]);
    assert_eq!(
        store.state_at(100).unwrap_err(),
        OutOfReach::TooOld {
            asked: 100,
            oldest: 101
        }
    );
    assert!(matches!(
        store.state_at(104),
        Err(OutOfReach::Future { .. })
    ));
}

#[test]
fn a_watcher_that_falls_behind_is_closed_and_its_events_are_counted_until_then() {
    let store = store(10);
    let mut watch = store
        .subscribe(&maps(), Scope::default(), Some(100))
        .unwrap();
    for name in ["a", "b", "c"] {
        put(&store, name, Expect::Absent).unwrap();
    }
    assert_eq!(store.activity.busy(), 2);
    assert_eq!(store.watchers(), 0);
    let seen = std::iter::from_fn(|| watch.events.try_recv().ok());
    assert_eq!(seen.count(), 2);
    assert_eq!(store.activity.busy(), 0);
}

#[test]
fn a_watch_replays_what_happened_since() {
    let store = store(10);
    put(&store, "a", Expect::Absent).unwrap();
    put(&store, "b", Expect::Absent).unwrap();
    let watch = store
        .subscribe(&maps(), Scope::default(), Some(101))
        .unwrap();
    let names = watch.backlog.iter().map(|event| &event.object().key().name);
    assert_eq!(names.collect::<Vec<_>>(), ["b"]);
}

#[test]
fn whoever_an_event_wakes_reads_what_it_tells() {
    let limits = Limits {
        behind: 2000,
        ..Limits::default()
    };
    let store = Arc::new(Store::new(100, limits, Activity::new()));
    let mut told = store.subscribe(&maps(), Scope::default(), None).unwrap();
    let reader = std::thread::spawn({
        let store = store.clone();
        move || {
            for _ in 0..1000 {
                let delivery = told.events.blocking_recv().unwrap();
                assert!(store.version() >= delivery.event.version());
            }
        }
    });
    for number in 0..1000 {
        put(&store, &number.to_string(), Expect::Absent).unwrap();
    }
    reader.join().unwrap();
}
