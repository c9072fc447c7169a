//! One story that every store engine must pass, whatever it is made of. It knows the port and
//! nothing of any engine; an engine's own tests bring the way to open it.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::join_all;

use crate::store::{Batch, Expect, Key, MAX_VALUE_BYTES, Scan, Store, StoreError, Versioned};

mod reads;

/// Which store the story asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// A new and empty one.
    Fresh,
    /// A new and empty one that lets at most [`SMALL`] batches wait.
    Small,
    /// The last one opened, every handle on which has been dropped, opened once more.
    Again,
}

/// How many batches may wait in a small store.
pub const SMALL: usize = 4;

/// Tells the whole story to the stores that `open` gives.
///
/// # Panics
/// Where the engine breaks a promise of the port.
pub async fn story(open: impl AsyncFn(Open) -> Arc<dyn Store>) {
    batches_are_whole_and_in_order(&*open(Open::Fresh).await).await;
    conditions_guard_batches(&*open(Open::Fresh).await).await;
    conditions_see_earlier_batches_of_their_group(&*open(Open::Fresh).await).await;
    no_update_is_lost(&*open(Open::Fresh).await).await;
    versions_change_and_last(&open).await;
    reads::readers_see_whole_batches_in_order(&*open(Open::Fresh).await).await;
    reads::scans_walk_both_ways(&*open(Open::Fresh).await).await;
    values_have_a_limit(&*open(Open::Fresh).await).await;
    too_much_waiting_is_refused(&*open(Open::Small).await).await;
    a_dropped_future_takes_nothing_back(&*open(Open::Fresh).await).await;
    leases_go_to_one_at_a_time(&*open(Open::Fresh).await).await;
    everything_is_there_after_reopening(&open).await;
}

async fn batches_are_whole_and_in_order(store: &dyn Store) {
    let mut batch = Batch::default();
    batch.put(key("a"), "1").put(key("b"), "2").put(key("c"), "");
    store.commit(batch).await.unwrap();
    assert_eq!(text(store, "a").await.as_deref(), Some("1"));
    assert_eq!(text(store, "b").await.as_deref(), Some("2"));
    assert_eq!(text(store, "c").await.as_deref(), Some(""), "empty value");
    let mut batch = Batch::default();
    batch.put(key("a"), "3").delete(key("a")).put(key("a"), "4");
    batch.put(key("b"), "5").delete(key("b")).delete(key("none"));
    store.commit(batch).await.unwrap();
    assert_eq!(text(store, "a").await.as_deref(), Some("4"), "last op wins");
    assert_eq!(text(store, "b").await, None, "last op wins");
    store.commit(Batch::default()).await.unwrap();
    let many = vec![key("c"), key("none"), key("a"), key("c")];
    let found = store.get_many(many).await.unwrap();
    let values: Vec<_> = found.iter().map(|one| one.as_ref().map(value)).collect();
    assert_eq!(values, [Some("".into()), None, Some("4".into()), Some("".into())]);
}

async fn conditions_guard_batches(store: &dyn Store) {
    let mut create = Batch::default();
    create.expect(key("k"), Expect::Absent).put(key("k"), "1");
    store.commit(create.clone()).await.unwrap();
    create.put(key("other"), "1");
    assert_eq!(store.commit(create).await, conflict(0), "present");
    let version = version(store, "k").await;
    for (index, expects) in [
        vec![(key("none"), Expect::Version(version))],
        vec![(key("k"), Expect::Version(version + 1))],
        vec![(key("none"), Expect::Present)],
        vec![(key("none"), Expect::Absent), (key("k"), Expect::Present), (key("k"), Expect::Absent)],
    ]
    .into_iter()
    .enumerate()
    {
        let last = expects.len() - 1;
        let mut batch = Batch { expects, ..Batch::default() };
        batch.put(key("other"), "1").delete(key("k"));
        assert_eq!(store.commit(batch).await, conflict(last), "case {index}");
    }
    assert_eq!(text(store, "other").await, None, "a refused batch leaves nothing");
    assert_eq!(text(store, "k").await.as_deref(), Some("1"));
    let mut own = Batch::default();
    own.put(key("k"), "2").expect(key("k"), Expect::Version(version));
    own.put(key("new"), "1").expect(key("new"), Expect::Absent);
    store.commit(own).await.expect("conditions come before the batch's own changes");
    let mut only = Batch::default();
    only.expect(key("k"), Expect::Version(version));
    assert_eq!(store.commit(only).await, conflict(0), "a batch of conditions alone");
}

async fn conditions_see_earlier_batches_of_their_group(store: &dyn Store) {
    let absent = |at: &str, put: &str| {
        let mut batch = Batch::default();
        batch.expect(key(at), Expect::Absent).put(key(put), "1");
        batch
    };
    let mut remove = Batch::default();
    remove.delete(key("k"));
    // Queued together, so that an engine that groups takes them in one group.
    let answers = join_all([
        store.commit(absent("k", "k")),
        store.commit(absent("k", "refused")),
        store.commit(absent("refused", "taken")),
        store.commit(remove),
        store.commit(absent("k", "k")),
    ]);
    let expected = [Ok(()), conflict(0), Ok(()), Ok(()), Ok(())];
    assert_eq!(answers.await, expected);
    assert_eq!(text(store, "refused").await, None);
    assert!(text(store, "taken").await.is_some());
    let version = version(store, "k").await;
    let claim = |value: &'static str| {
        let mut batch = Batch::default();
        batch.expect(key("k"), Expect::Version(version)).put(key("k"), value);
        store.commit(batch)
    };
    let answers = join_all([claim("first"), claim("second"), claim("third")]).await;
    assert_eq!(answers, [Ok(()), conflict(0), conflict(0)]);
    assert_eq!(text(store, "k").await.as_deref(), Some("first"));
}

/// Counters in a race: every increment that was acknowledged counts.
async fn no_update_is_lost(store: &dyn Store) {
    let increment = async || loop {
        let found = store.get(key("count")).await.unwrap();
        let expect = found.as_ref().map_or(Expect::Absent, |one| Expect::Version(one.version));
        let count: u64 = found.map_or(0, |one| value(&one).parse().unwrap());
        let mut batch = Batch::default();
        batch.expect(key("count"), expect).put(key("count"), (count + 1).to_string());
        match store.commit(batch).await {
            Ok(()) => break,
            Err(StoreError::Conflict { index: 0 }) => {}
            other => panic!("{other:?}"),
        }
    };
    let worker = async || {
        for _ in 0..10 {
            increment().await;
        }
    };
    join_all((0..8).map(|_| worker())).await;
    assert_eq!(text(store, "count").await.as_deref(), Some("80"));
}

async fn versions_change_and_last(open: &impl AsyncFn(Open) -> Arc<dyn Store>) {
    let store = open(Open::Fresh).await;
    put(&*store, "k", "same").await;
    let mut seen = vec![version(&*store, "k").await];
    put(&*store, "other", "x").await;
    assert_eq!(version(&*store, "k").await, seen[0], "another key was written");
    put(&*store, "k", "same").await;
    seen.push(version(&*store, "k").await);
    let mut remove = Batch::default();
    remove.delete(key("k"));
    store.commit(remove.clone()).await.unwrap();
    put(&*store, "k", "same").await;
    seen.push(version(&*store, "k").await);
    let scanned = store.scan(Scan::prefix(key("k"), 1)).await.unwrap();
    assert_eq!(scanned[0].1.version, seen[2]);
    let many = store.get_many(vec![key("k")]).await.unwrap();
    assert_eq!(many[0].as_ref().map(|one| one.version), Some(seen[2]));
    drop(store);
    let store = open(Open::Again).await;
    assert_eq!(version(&*store, "k").await, seen[2], "reopened");
    store.commit(remove).await.unwrap();
    drop(store);
    let store = open(Open::Again).await;
    put(&*store, "k", "same").await;
    seen.push(version(&*store, "k").await);
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "a version came twice: {seen:?}");
}

async fn values_have_a_limit(store: &dyn Store) {
    let largest = Bytes::from(vec![7; MAX_VALUE_BYTES]);
    let mut batch = Batch::default();
    batch.put(key("largest"), largest.clone());
    store.commit(batch).await.unwrap();
    let mut batch = Batch::default();
    batch.put(key("beside"), "1");
    batch.put(key("larger"), vec![7; MAX_VALUE_BYTES + 1]);
    let bytes = MAX_VALUE_BYTES + 1;
    assert_eq!(store.commit(batch).await, Err(StoreError::TooLarge { bytes }));
    let found = store.get_many(vec![key("largest"), key("beside"), key("larger")]);
    let found = found.await.unwrap();
    assert_eq!(found[0].as_ref().map(|one| &one.value), Some(&largest));
    assert_eq!(found[1..], [None, None]);
}

async fn too_much_waiting_is_refused(store: &dyn Store) {
    let name = |index: usize| key(&format!("k{index:05}"));
    // Many times what may wait, asked for faster than any engine can sync.
    let commits = (0..5000).map(|index| {
        let mut batch = Batch::default();
        batch.put(name(index), vec![1; 500]);
        store.commit(batch)
    });
    let answers = join_all(commits.collect::<Vec<_>>()).await;
    let mut taken = Vec::new();
    for (index, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(()) => taken.push(name(index)),
            Err(StoreError::Full) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!((SMALL..5000).contains(&taken.len()), "took {}", taken.len());
    let written = Scan::prefix(key("k"), usize::MAX).keys_only();
    let written = store.scan(written).await.unwrap();
    assert_eq!(keys(&written), taken, "a refused batch was written");
    put(store, "after", "1").await;
}

async fn a_dropped_future_takes_nothing_back(store: &dyn Store) {
    let mut batch = Batch::default();
    batch.put(key("a"), "1");
    drop(store.commit(batch));
    let mut batch = Batch::default();
    batch.put(key("b"), "1");
    let mut polled = store.commit(batch);
    let _ = (&mut polled).now_or_never();
    drop(polled);
    drop(store.get(key("a")));
    put(store, "c", "1").await;
    for name in ["a", "b", "c"] {
        assert!(text(store, name).await.is_some(), "`{name}` was taken back");
    }
}

async fn leases_go_to_one_at_a_time(store: &dyn Store) {
    let held = store.lease("bus".into()).await.unwrap();
    let other = store.lease("queues".into()).await.unwrap();
    let mut next = store.lease("bus".into());
    assert!((&mut next).now_or_never().is_none(), "two hold one lease");
    let mut given_up = store.lease("bus".into());
    assert!((&mut given_up).now_or_never().is_none());
    drop(given_up);
    drop(held);
    let held = next.await.unwrap();
    let mut again = store.lease("queues".into());
    assert!((&mut again).now_or_never().is_none());
    drop((held, other));
    drop(again.await.unwrap());
    drop(store.lease("bus".into()).await.unwrap());
}

async fn everything_is_there_after_reopening(open: &impl AsyncFn(Open) -> Arc<dyn Store>) {
    let store = open(Open::Fresh).await;
    let commits = (0..400_usize).map(|index| {
        let mut batch = Batch::default();
        batch.put(key(&format!("k{:03}", index % 300)), vec![index as u8; index * 37 % 3000]);
        batch.delete(key(&format!("k{:03}", index * 7 % 300)));
        store.commit(batch)
    });
    for answer in join_all(commits.collect::<Vec<_>>()).await {
        answer.unwrap();
    }
    let everything = Scan { from: Vec::new(), ..Scan::prefix(vec![0xff], usize::MAX) };
    let before = store.scan(everything.clone()).await.unwrap();
    assert!(before.len() > 100);
    drop(store);
    for _ in 0..2 {
        let store = open(Open::Again).await;
        let after = store.scan(everything.clone()).await.unwrap();
        assert!(before == after, "reopening changed what is stored");
    }
    let store = open(Open::Again).await;
    put(&*store, "still", "writable").await;
}

fn key(name: &str) -> Key {
    name.as_bytes().to_vec()
}

fn keys(found: &[(Key, Versioned)]) -> Vec<Key> {
    found.iter().map(|(key, _)| key.clone()).collect()
}

fn value(found: &Versioned) -> String {
    String::from_utf8(found.value.to_vec()).unwrap()
}

fn conflict(index: usize) -> Result<(), StoreError> {
    Err(StoreError::Conflict { index })
}

async fn put(store: &dyn Store, name: &str, value: &'static str) {
    let mut batch = Batch::default();
    batch.put(key(name), value);
    store.commit(batch).await.unwrap();
}

async fn text(store: &dyn Store, name: &str) -> Option<String> {
    store.get(key(name)).await.unwrap().as_ref().map(value)
}

async fn version(store: &dyn Store, name: &str) -> u64 {
    store.get(key(name)).await.unwrap().expect("the key").version
}
