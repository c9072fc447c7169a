//! The store port as a map: random histories, carried out on an engine and on a `BTreeMap`, must
//! agree at every step. Used by each engine's property test beside the story.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use proptest::collection::vec;
use proptest::prelude::*;

use super::conformance::Open;
use crate::store::{Batch, Expect, Haste, Key, Op, Scan, Store, StoreError, Versioned};

/// One step of a history.
#[derive(Debug, Clone)]
pub enum Step {
    /// Batches that are queued together.
    Commit(Vec<Draft>),
    /// A walk.
    Scan(Scan),
    /// Everything is closed and opened once more.
    Reopen,
}

/// A batch whose versions are not known yet.
#[derive(Debug, Clone)]
pub struct Draft {
    expects: Vec<(Key, Guess)>,
    ops: Vec<Op>,
}

#[derive(Debug, Clone, Copy)]
enum Guess {
    Absent,
    Present,
    /// The version that was current before the step; absent, where the key was.
    Current,
    /// A version that the key does not have.
    Wrong,
}

/// What a key holds; without a version while the step that wrote it goes on.
type Model = BTreeMap<Key, (Bytes, Option<u64>)>;

/// Histories over few keys, so that batches meet.
pub fn histories() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => vec(draft(), 1..6).prop_map(Step::Commit),
        4 => scan().prop_map(Step::Scan),
        1 => Just(Step::Reopen),
    ];
    vec(step, 1..30)
}

/// Carries a history out on the store that `open` gives, and compares after every step.
///
/// # Panics
/// Where the store and the model differ.
pub async fn follow(open: impl AsyncFn(Open) -> Arc<dyn Store>, history: &[Step]) {
    let mut store = open(Open::Fresh).await;
    let mut model = Model::new();
    for step in history {
        match step {
            Step::Commit(drafts) => commit(&*store, &mut model, drafts).await,
            Step::Scan(scan) => {
                let found = store.scan(scan.clone()).await.unwrap();
                assert_eq!(found, expected(&model, scan), "{scan:?}");
            }
            Step::Reopen => {
                drop(store);
                store = open(Open::Again).await;
            }
        }
        let everything = everything();
        let found = store.scan(everything.clone()).await.unwrap();
        assert_eq!(found, expected(&model, &everything), "after {step:?}");
    }
}

async fn commit(store: &dyn Store, model: &mut Model, drafts: &[Draft]) {
    let before = model.clone();
    let mut answers = Vec::new();
    let mut predictions = Vec::new();
    for draft in drafts {
        let batch = inserting(draft.with_versions(&before), model);
        predictions.push(apply(model, &batch));
        answers.push(store.commit(batch));
    }
    assert_eq!(join_all(answers).await, predictions, "{drafts:?}");
    let found = store.scan(everything()).await.unwrap();
    let names: Vec<&Key> = found.iter().map(|(key, _)| key).collect();
    assert_eq!(names, model.keys().collect::<Vec<_>>(), "after {drafts:?}");
    for (key, one) in found {
        let old = before.get(&key).and_then(|(_, version)| *version);
        let (_, version) = model.get_mut(&key).unwrap();
        if version.is_none() {
            assert_ne!(old, Some(one.version), "{key:?} was written");
            *version = Some(one.version);
        }
        assert_eq!(*version, Some(one.version), "{key:?} was not written");
    }
}

fn apply(model: &mut Model, batch: &Batch) -> Result<(), StoreError> {
    let failed = batch.expects.iter().position(|(key, expect)| match expect {
        Expect::Absent => model.contains_key(key),
        Expect::Present => !model.contains_key(key),
        Expect::Version(version) => model.get(key).is_none_or(|(_, current)| *current != Some(*version)),
    });
    if let Some(index) = failed {
        return Err(StoreError::Conflict { index });
    }
    for op in &batch.ops {
        match op {
            Op::Put(key, value) | Op::Insert(key, value) => model.insert(key.clone(), (value.clone(), None)),
            Op::Delete(key) => model.remove(key),
        };
    }
    Ok(())
}

/// The batch, with an insert for every put of a key that holds nothing then.
fn inserting(mut batch: Batch, model: &Model) -> Batch {
    let mut held: BTreeSet<Key> = model.keys().cloned().collect();
    for op in &mut batch.ops {
        match op {
            Op::Put(key, value) if held.insert(key.clone()) => *op = Op::Insert(key.clone(), value.clone()),
            Op::Put(..) | Op::Insert(..) => {}
            Op::Delete(key) => _ = held.remove(key),
        }
    }
    batch
}

fn expected(model: &Model, scan: &Scan) -> Vec<(Key, Versioned)> {
    let inside = |key: &Key| *key >= scan.from && *key < scan.to;
    let mut found: Vec<_> = model
        .iter()
        .filter(|(key, _)| inside(key))
        .map(|(key, (value, version))| {
            let (version, value) =
                if scan.keys_only { (0, Bytes::new()) } else { (version.unwrap(), value.clone()) };
            (key.clone(), Versioned { version, value })
        })
        .collect();
    if scan.descending {
        found.reverse();
    }
    found.truncate(scan.limit);
    found
}

fn everything() -> Scan {
    Scan { from: Vec::new(), to: vec![0xff; 4], descending: false, limit: usize::MAX, keys_only: false }
}

impl Draft {
    fn with_versions(&self, before: &Model) -> Batch {
        let current = |key: &Key| before.get(key).and_then(|(_, version)| *version);
        let resolve = |(key, guess): &(Key, Guess)| {
            let expect = match (guess, current(key)) {
                (Guess::Absent, _) | (Guess::Current, None) => Expect::Absent,
                (Guess::Present, _) => Expect::Present,
                (Guess::Current, Some(version)) => Expect::Version(version),
                (Guess::Wrong, version) => Expect::Version(version.unwrap_or(0) ^ (1 << 60)),
            };
            (key.clone(), expect)
        };
        // How soon a batch is to be on the disk changes nothing of what is seen.
        let haste = match self.ops.len() % 4 {
            1 => Haste::Patient,
            3 => Haste::Lazy,
            _ => Haste::Strict,
        };
        Batch { expects: self.expects.iter().map(resolve).collect(), ops: self.ops.clone(), haste }
    }
}

fn key() -> impl Strategy<Value = Key> {
    vec(prop::sample::select(&[0, 1, b'a', 0xff][..]), 1..3)
}

fn draft() -> impl Strategy<Value = Draft> {
    let guess = prop_oneof![
        2 => Just(Guess::Absent),
        2 => Just(Guess::Present),
        6 => Just(Guess::Current),
        1 => Just(Guess::Wrong),
    ];
    let value = vec(any::<u8>(), 0..40).prop_map(Bytes::from);
    let op = prop_oneof![
        3 => (key(), value).prop_map(|(key, value)| Op::Put(key, value)),
        1 => key().prop_map(Op::Delete),
    ];
    (vec((key(), guess), 0..2), vec(op, 0..5)).prop_map(|(expects, ops)| Draft { expects, ops })
}

fn scan() -> impl Strategy<Value = Scan> {
    let limit = prop_oneof![0..4_usize, Just(usize::MAX)];
    (key(), key(), any::<bool>(), limit, any::<bool>())
        .prop_map(|(from, to, descending, limit, keys_only)| Scan { from, to, descending, limit, keys_only })
}
