//! The Store port: what the machine asks of durable storage, and nothing an engine would have to
//! leak. Engines live outside this crate; each must pass the one conformance story in `testkit`.

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// A key. Its bytes sort as its parts do; see [`crate::keys`] for every shape there is.
pub type Key = Vec<u8>;

/// The largest value that a store takes; callers check before they build a batch.
pub const MAX_VALUE_BYTES: usize = 128 * 1024;

/// What a key held when it was read, and the version that a later commit may insist on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// Changes with every commit that writes the key.
    pub version: u64,
    /// The value as it was given to the store.
    pub value: Bytes,
}

/// What must be true of a key for a batch to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The key holds nothing.
    Absent,
    /// The key holds something.
    Present,
    /// The key holds what was read with this version.
    Version(u64),
}

/// One change to one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Writes a value, whatever was there.
    Put(Key, Bytes),
    /// Writes a value under a key that holds nothing, as whoever wrote it promises. Cheaper than a put
    /// where the key is removed again soon.
    Insert(Key, Bytes),
    /// Removes a key; nothing happens when there is none.
    Delete(Key),
}

/// Changes that become visible and durable together, or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Conditions, checked against everything committed before this batch.
    pub expects: Vec<(Key, Expect)>,
    /// Changes, carried out in order.
    pub ops: Vec<Op>,
    /// How soon it is to be on the disk.
    pub haste: Haste,
}

/// How soon a batch is to be on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Haste {
    /// Before its answer.
    #[default]
    Strict,
    /// Its answer means that it survives the process. It is on the disk with the next strict batch, or a moment later. For
    /// what is done again when a power cut takes it, and promised to nobody.
    Lazy,
    /// As lazy, and it may wait a few milliseconds for others that may: where thousands a second are written one by one,
    /// each would else wake whoever writes, and be woken.
    Patient,
}

impl Batch {
    /// Adds a condition.
    pub fn expect(&mut self, key: Key, expect: Expect) -> &mut Self {
        self.expects.push((key, expect));
        self
    }

    /// Adds a write.
    pub fn put(&mut self, key: Key, value: impl Into<Bytes>) -> &mut Self {
        self.ops.push(Op::Put(key, value.into()));
        self
    }

    /// The batch, which need not be on the disk before it is answered.
    #[must_use]
    pub fn lazily(mut self) -> Self {
        self.haste = Haste::Lazy;
        self
    }

    /// The batch, lazily, and together with others of its kind where there are many.
    #[must_use]
    pub fn patiently(mut self) -> Self {
        self.haste = Haste::Patient;
        self
    }

    /// Adds a write of a key that holds nothing, such as one with an id that was made just now. A promise:
    /// the store does not look, and where it is broken what the key held may come back.
    pub fn insert(&mut self, key: Key, value: impl Into<Bytes>) -> &mut Self {
        self.ops.push(Op::Insert(key, value.into()));
        self
    }

    /// Adds a removal.
    pub fn delete(&mut self, key: Key) -> &mut Self {
        self.ops.push(Op::Delete(key));
        self
    }

    /// Adds all that `other` holds, after what is here.
    pub fn append(&mut self, other: Self) -> &mut Self {
        self.expects.extend(other.expects);
        self.ops.extend(other.ops);
        self
    }

    /// Bytes of keys and values: what a waiting batch costs in memory.
    #[must_use]
    pub fn weight(&self) -> usize {
        let ops = self.ops.iter().map(|op| match op {
            Op::Put(key, value) | Op::Insert(key, value) => key.len() + value.len(),
            Op::Delete(key) => key.len(),
        });
        ops.sum::<usize>() + self.expects.iter().map(|(key, _)| key.len()).sum::<usize>()
    }
}

/// A walk over keys in byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The first key that may be returned.
    pub from: Key,
    /// The first key that may not.
    pub to: Key,
    /// From the highest key down instead of from the lowest up.
    pub descending: bool,
    /// At most this many.
    pub limit: usize,
    /// Leave values out (they come back empty, with version 0): cheaper.
    pub keys_only: bool,
}

impl Scan {
    /// Everything that begins with `prefix`, upwards.
    #[must_use]
    pub fn prefix(prefix: Key, limit: usize) -> Self {
        let to = after_prefix(&prefix);
        Self { from: prefix, to, descending: false, limit, keys_only: false }
    }

    /// The keys alone.
    #[must_use]
    pub fn keys_only(mut self) -> Self {
        self.keys_only = true;
        self
    }

    /// From the top down.
    #[must_use]
    pub fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    /// What is left of this scan once `last` has been returned.
    #[must_use]
    pub fn after(mut self, last: &[u8]) -> Self {
        if self.descending {
            self.to = last.to_vec();
        } else {
            self.from = successor(last);
        }
        self
    }
}

/// Removes all that a scan finds, a page at a time, each in a commit of its own that the next strict one brings to the disk.
///
/// # Errors
/// When the store fails: what was removed until then stays removed.
pub async fn remove_all(store: &dyn Store, scan: Scan) -> Result<(), StoreError> {
    let mut pages = Pages::of(store, scan.keys_only());
    while let Some(page) = pages.next().await? {
        let mut batch = Batch::default();
        for (key, _) in page {
            batch.delete(key);
        }
        store.commit(batch.lazily()).await?;
    }
    Ok(())
}

/// What a scan finds, read page by page; a page has as many entries as the scan's limit.
pub struct Pages<'a> {
    store: &'a dyn Store,
    /// What is left; none when that is nothing.
    left: Option<Scan>,
}

impl<'a> Pages<'a> {
    /// The pages of a scan.
    #[must_use]
    pub const fn of(store: &'a dyn Store, scan: Scan) -> Self {
        Self { store, left: Some(scan) }
    }

    /// The next page; none once there is no further one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn next(&mut self) -> Result<Option<Vec<(Key, Versioned)>>, StoreError> {
        let Some(scan) = self.left.take() else { return Ok(None) };
        let page = self.store.scan(scan.clone()).await?;
        let full = page.len() == scan.limit;
        self.left = page.last().filter(|_| full).map(|(last, _)| scan.after(last));
        Ok((!page.is_empty()).then_some(page))
    }

    /// Whether no further page is known to come.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.left.is_none()
    }
}

/// The least key greater than every key that begins with `prefix`.
#[must_use]
pub fn after_prefix(prefix: &[u8]) -> Key {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    // Nothing follows a prefix of 0xff alone; no key of ours begins so.
    vec![u8::MAX; prefix.len() + 1]
}

/// The least key greater than `key`.
#[must_use]
pub fn successor(key: &[u8]) -> Key {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

/// Why the store did not do as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A condition did not hold: someone else wrote first, or the key was there already.
    #[error("commit: the key of condition {index} was changed meanwhile")]
    Conflict {
        /// Which of the batch's conditions failed first.
        index: usize,
    },
    /// Too much waits to be written; nothing of this batch was taken.
    #[error("commit: the store has too much waiting; try again shortly")]
    Full,
    /// A value is larger than [`MAX_VALUE_BYTES`].
    #[error("commit: a value of {bytes} bytes is over the limit of {MAX_VALUE_BYTES}")]
    TooLarge {
        /// The value's size.
        bytes: usize,
    },
    /// The engine failed or has stopped; whether the batch was taken is unknown.
    #[error("reach the store: {0}")]
    Unavailable(String),
    /// What is stored cannot be understood.
    #[error("read the store: {0}")]
    Corrupt(String),
    /// Another process holds the lease.
    #[error("take the lease `{0}`: another node holds it")]
    LeaseTaken(String),
}

impl StoreError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Full | Self::Unavailable(_) | Self::LeaseTaken(_))
    }
}

/// The right to act under a name, held until dropped. The embedded store grants it at once; a store
/// that several nodes share grants it to one of them.
pub struct Lease(Option<Box<dyn FnOnce() + Send>>);

impl Lease {
    /// A lease that calls `release` when it ends.
    #[must_use]
    pub fn new(release: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(release)))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(release) = self.0.take() {
            release();
        }
    }
}

/// A stored value as the JSON it is kept as.
///
/// # Errors
/// When the value has no JSON form, which is a fault of this program.
pub fn encode<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Corrupt(format!("cannot be written: {error}")))
}

/// A value of the store, read back.
///
/// # Errors
/// When it is not what its key says it is.
pub fn decode<T: serde::de::DeserializeOwned>(value: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Answer of a store call.
pub type StoreFuture<T> = BoxFuture<'static, Result<T, StoreError>>;

/// Durable, ordered storage.
///
/// Promises that the machine relies on:
/// - `commit` queues its batch before it returns the future; batches are carried out in the order in
///   which they were queued, and are visible to readers in that order;
/// - the future resolves with `Ok` once the batch is as durable as the store's level says, and as it asks;
/// - dropping the future does not take the batch back;
/// - a read sees whole batches, and every batch that was acknowledged before the read began. It may see
///   one that is not acknowledged yet.
pub trait Store: Send + Sync + 'static {
    /// Carries out a batch whose conditions hold.
    fn commit(&self, batch: Batch) -> StoreFuture<()>;

    /// What a key holds.
    fn get(&self, key: Key) -> StoreFuture<Option<Versioned>>;

    /// What several keys hold, in the order asked.
    fn get_many(&self, keys: Vec<Key>) -> StoreFuture<Vec<Option<Versioned>>>;

    /// A page of keys in order.
    fn scan(&self, scan: Scan) -> StoreFuture<Vec<(Key, Versioned)>>;

    /// The right to act under `name`, waited for until it is free.
    fn lease(&self, name: String) -> StoreFuture<Lease>;

    /// Figures for the operator.
    fn stats(&self) -> StoreStats;
}

/// Figures of a store since it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreStats {
    /// The engine's name.
    pub engine: &'static str,
    /// What an acknowledgement means: `power`, `process` or `none`.
    pub durability: &'static str,
    /// Batches acknowledged.
    pub commits: u64,
    /// Syncs; commits divided by groups is the mean size of a group.
    pub groups: u64,
    /// Batches that wait now.
    pub waiting: usize,
    /// Bytes on disk, where the engine knows.
    pub disk_bytes: u64,
    /// The last failure of a commit, if the newest commit failed.
    pub failing: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_follows_every_key_under_it() {
        assert_eq!(after_prefix(b"ab"), b"ac".to_vec());
        assert_eq!(after_prefix(&[1, 0xff]), vec![2]);
        assert!(after_prefix(b"a").as_slice() > [b'a', 0xff, 0xff].as_slice());
    }

    #[test]
    fn a_scan_goes_on_after_the_last_key_in_both_directions() {
        let up = Scan::prefix(b"k".to_vec(), 10).after(b"k1");
        assert_eq!(up.from, b"k1\0".to_vec());
        let down = Scan::prefix(b"k".to_vec(), 10).descending().after(b"k1");
        assert_eq!(down.to, b"k1".to_vec());
    }
}
