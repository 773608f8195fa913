//! How many requests things cost: exact, so they are guards.

use std::collections::BTreeMap;
use std::time::Duration;

use clock::{Clock, Timestamp};

use crate::world::{World, all_ready};

/// What a user sent since a request number: counts by verb, resource and dry-run.
fn sent(world: &World, since: u64, user: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for entry in world.running.server().requests(since) {
        let sender = if entry.impersonator.is_empty() {
            &entry.user
        } else {
            &entry.impersonator
        };
        if !sender.ends_with(user) {
            continue;
        }
        let dry_run = if entry.dry_run { " (dry run)" } else { "" };
        let info = &entry.info;
        let line = format!(
            "{} {} {}{dry_run}",
            info.verb, info.resource, info.subresource
        );
        *counts.entry(line.trim_end().to_owned()).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_op_costs_one_request_and_an_unchanged_source_none() {
    let clock = Clock::manual(Timestamp::from_second(1_800_000_000).unwrap());
    let mut world = World::up_at("prod-eu", clock.clone()).await;
    assert!(all_ready(&world.rows().await), "{:#?}", world.rows().await);
    // Rights have moved while the fleet came up, so that every Kustomization is looked at once more, object by object.
    an_interval(&mut world, &clock).await;
    let before = world.running.server().request_count();
    an_interval(&mut world, &clock).await;
    let kustomizations = world
        .rows()
        .await
        .iter()
        .filter(|row| row.kind == "Kustomization")
        .count();
    assert_eq!(
        sent(&world, before, ":kustomize-controller"),
        BTreeMap::from([("patch kustomizations status".to_owned(), kustomizations)])
    );
    assert_eq!(sent(&world, before, ":source-controller"), BTreeMap::new());
}

/// Every interval passes once: the longest is ten minutes, and jitter adds a twentieth.
async fn an_interval(world: &mut World, clock: &Clock) {
    world.forget_changes();
    clock.advance_to(clock.after(Duration::from_secs(11 * 60)));
    // Who slept is awake only once it has run: its first write says so.
    world.next_change().await;
    world.settle().await;
}
