//! A store in memory that passes the conformance story and can be told to misbehave. It keeps
//! nothing beyond the process; tests of the machine use it in place of a real engine.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{oneshot, watch};

use crate::leases::LocalLeases;
use crate::store::{
    Batch, Expect, Key, Lease, MAX_VALUE_BYTES, Op, Scan, Store, StoreError, StoreFuture, StoreStats,
    Versioned,
};

/// A [`Store`] in memory. Clones are the same store.
///
/// A batch waits until somebody polls its answer or reads from the store, so a test decides how many
/// wait; while the store is held, all of them do.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
    leases: LocalLeases,
}

struct Shared {
    state: Mutex<State>,
    waiting: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<Key, Versioned>,
    last_version: u64,
    waiting: VecDeque<Waiting>,
    capacity: usize,
    held: bool,
    dead: bool,
    faults: VecDeque<Fault>,
    /// Reads of one key that fail, and how.
    broken: VecDeque<(Key, StoreError)>,
    commits: u64,
    groups: u64,
    failing: Option<String>,
}

struct Waiting {
    batch: Batch,
    answer: Answer,
}

type Answer = oneshot::Sender<Result<(), StoreError>>;

enum Fault {
    Refuse(StoreError),
    LoseAnswer,
}

impl MemoryStore {
    /// An empty store in which at most `capacity` batches may wait.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self::of(State { capacity, ..State::default() })
    }

    fn of(state: State) -> Self {
        Self {
            shared: Arc::new(Shared { state: Mutex::new(state), waiting: watch::Sender::new(0) }),
            leases: LocalLeases::default(),
        }
    }

    /// The next `count` batches answer `error` and leave nothing.
    pub fn fail_next(&self, count: usize, error: &StoreError) {
        let faults = (0..count).map(|_| Fault::Refuse(error.clone()));
        self.state().faults.extend(faults);
    }

    /// The next `count` reads of the value at `key` fail.
    pub fn fail_next_reads(&self, key: &Key, count: usize, error: &StoreError) {
        self.state().broken.extend((0..count).map(|_| (key.clone(), error.clone())));
    }

    /// The next `count` batches are written, and answer [`StoreError::Unavailable`] all the same.
    pub fn lose_next_answers(&self, count: usize) {
        let faults = (0..count).map(|_| Fault::LoseAnswer);
        self.state().faults.extend(faults);
    }

    /// From now on batches wait until they are released. What waits already is carried out first.
    pub fn hold(&self) {
        self.carry_out(usize::MAX);
        self.state().held = true;
    }

    /// Carries out all that waits, and holds no longer.
    pub fn release(&self) {
        self.state().held = false;
        self.carry_out(usize::MAX);
    }

    /// Carries out the first `count` of those that wait, and goes on holding.
    pub fn release_next(&self, count: usize) {
        self.carry_out(count);
    }

    /// Resolves once at least `count` batches wait.
    pub async fn until_waiting(&self, count: usize) {
        let mut waiting = self.shared.waiting.subscribe();
        // Fails only when the sender is gone, and `self` holds it.
        let _ = waiting.wait_for(|now| *now >= count).await;
    }

    /// The process dies and starts again: returns the store as the new process finds it. Of the batches
    /// that wait, the first `kept` had reached the disk, although nobody was told. Every handle on the
    /// old store is dead and answers [`StoreError::Unavailable`].
    #[must_use]
    pub fn crash(&self, kept: usize) -> Self {
        let mut old = self.state();
        old.dead = true;
        let waiting = std::mem::take(&mut old.waiting);
        let mut found = State {
            entries: std::mem::take(&mut old.entries),
            last_version: old.last_version,
            capacity: old.capacity,
            ..State::default()
        };
        drop(old);
        for (index, lost) in waiting.into_iter().enumerate() {
            if index < kept {
                // Whether its conditions held is for whoever asks the new store.
                let _ = found.apply(&lost.batch);
            }
            let _ = lost.answer.send(Err(dead()));
        }
        self.tell();
        Self::of(found)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        let count = || self.state().waiting.len();
        self.shared.waiting.send_modify(|told| *told = count());
    }

    /// Carries out up to `most` batches and answers them, once the lock is free again.
    fn carry_out(&self, most: usize) {
        let answers: Vec<_> = {
            let mut state = self.state();
            let count = most.min(state.waiting.len());
            let group: Vec<Waiting> = state.waiting.drain(..count).collect();
            state.groups += u64::from(count > 0);
            let run = |Waiting { batch, answer }| (answer, state.run(&batch));
            group.into_iter().map(run).collect()
        };
        for (answer, result) in answers {
            // Whoever dropped the future does not want to know.
            let _ = answer.send(result);
        }
        self.tell();
    }

    fn read<T: Send + 'static>(
        &self,
        keys: Vec<Key>,
        read: impl FnOnce(&State, &[Key]) -> T + Send + 'static,
    ) -> StoreFuture<T> {
        let store = self.clone();
        Box::pin(async move {
            store.carry_out_unless_held();
            let mut state = store.state();
            if state.dead {
                return Err(dead());
            }
            if let Some(at) = state.broken.iter().position(|(key, _)| keys.contains(key)) {
                return Err(state.broken.remove(at).map_or_else(dead, |(_, error)| error));
            }
            Ok(read(&state, &keys))
        })
    }

    fn carry_out_unless_held(&self) {
        let most = if self.state().held { 0 } else { usize::MAX };
        self.carry_out(most);
    }

    fn queue(&self, batch: Batch, answer: Answer) -> Result<(), StoreError> {
        check_sizes(&batch)?;
        let mut state = self.state();
        if state.dead {
            return Err(dead());
        }
        if state.waiting.len() >= state.capacity {
            return Err(StoreError::Full);
        }
        state.waiting.push_back(Waiting { batch, answer });
        drop(state);
        self.tell();
        Ok(())
    }
}

impl Default for MemoryStore {
    /// A store in which 4,096 batches may wait.
    fn default() -> Self {
        Self::with_capacity(4096)
    }
}

impl Store for MemoryStore {
    fn commit(&self, batch: Batch) -> StoreFuture<()> {
        let (answer, answered) = oneshot::channel();
        if let Err(refused) = self.queue(batch, answer) {
            return Box::pin(std::future::ready(Err(refused)));
        }
        let store = self.clone();
        Box::pin(async move {
            store.carry_out_unless_held();
            answered.await.unwrap_or_else(|_| Err(dead()))
        })
    }

    fn get(&self, key: Key) -> StoreFuture<Option<Versioned>> {
        self.read(vec![key], |state, keys| state.entries.get(&keys[0]).cloned())
    }

    fn get_many(&self, keys: Vec<Key>) -> StoreFuture<Vec<Option<Versioned>>> {
        self.read(keys, |state, keys| {
            let found = keys.iter().map(|key| state.entries.get(key).cloned());
            found.collect()
        })
    }

    fn scan(&self, scan: Scan) -> StoreFuture<Vec<(Key, Versioned)>> {
        self.read(Vec::new(), move |state, _| state.scan(&scan))
    }

    fn lease(&self, name: String) -> StoreFuture<Lease> {
        if self.state().dead {
            return Box::pin(std::future::ready(Err(dead())));
        }
        self.leases.take(name)
    }

    fn stats(&self) -> StoreStats {
        let state = self.state();
        StoreStats {
            engine: "memory",
            durability: "none",
            commits: state.commits,
            groups: state.groups,
            waiting: state.waiting.len(),
            disk_bytes: 0,
            failing: state.failing.clone(),
        }
    }
}

impl State {
    fn run(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let result = match self.faults.pop_front() {
            None => self.apply(batch),
            Some(Fault::Refuse(error)) => Err(error),
            Some(Fault::LoseAnswer) => {
                self.apply(batch).and_then(|()| Err(StoreError::Unavailable("the answer was lost".into())))
            }
        };
        self.commits += u64::from(result.is_ok());
        self.failing = match &result {
            Err(error @ StoreError::Unavailable(_)) => Some(error.to_string()),
            _ => None,
        };
        result
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let failed = batch.expects.iter().position(|(key, expect)| {
            let found = self.entries.get(key).map(|entry| entry.version);
            match expect {
                Expect::Absent => found.is_some(),
                Expect::Present => found.is_none(),
                Expect::Version(version) => found != Some(*version),
            }
        });
        if let Some(index) = failed {
            return Err(StoreError::Conflict { index });
        }
        self.last_version += 1;
        for op in &batch.ops {
            match op {
                Op::Put(key, value) | Op::Insert(key, value) => {
                    let promised = matches!(op, Op::Insert(..)) && self.entries.contains_key(key);
                    assert!(!promised, "an insert over what key {:?} holds", String::from_utf8_lossy(key));
                    let entry = Versioned { version: self.last_version, value: value.clone() };
                    self.entries.insert(key.clone(), entry);
                }
                Op::Delete(key) => {
                    self.entries.remove(key);
                }
            }
        }
        Ok(())
    }

    fn scan(&self, scan: &Scan) -> Vec<(Key, Versioned)> {
        if scan.from >= scan.to {
            return Vec::new();
        }
        let bounds = (Bound::Included(&scan.from), Bound::Excluded(&scan.to));
        let range = self.entries.range::<Key, _>(bounds);
        let copy = |(key, entry): (&Key, &Versioned)| {
            let entry =
                if scan.keys_only { Versioned { version: 0, value: Bytes::new() } } else { entry.clone() };
            (key.clone(), entry)
        };
        if scan.descending {
            range.rev().take(scan.limit).map(copy).collect()
        } else {
            range.take(scan.limit).map(copy).collect()
        }
    }
}

fn check_sizes(batch: &Batch) -> Result<(), StoreError> {
    let sizes = batch.ops.iter().map(|op| match op {
        Op::Put(_, value) | Op::Insert(_, value) => value.len(),
        Op::Delete(_) => 0,
    });
    match sizes.max() {
        Some(bytes) if bytes > MAX_VALUE_BYTES => Err(StoreError::TooLarge { bytes }),
        _ => Ok(()),
    }
}

fn dead() -> StoreError {
    StoreError::Unavailable("the store's process has died".into())
}

#[cfg(test)]
mod tests;
