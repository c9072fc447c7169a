//! The way into the writer: a line of batches, bounded by their number and by their bytes. It never
//! waits; whoever comes too late is told so.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use appengine_actors::store::{Batch, MAX_VALUE_BYTES, Op, StoreError};
use tokio::sync::oneshot;

/// What writer and callers both see of the work.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) commits: AtomicU64,
    pub(super) groups: AtomicU64,
    pub(super) disk_bytes: AtomicU64,
    waiting: AtomicUsize,
    waiting_bytes: AtomicUsize,
    failing: Mutex<Option<String>>,
}

/// A batch in the line, and where its answer goes.
pub(super) struct Waiting {
    pub(super) batch: Batch,
    pub(super) weight: usize,
    pub(super) answer: oneshot::Sender<Result<(), StoreError>>,
}

/// The end of the line where batches join.
pub(super) struct Queue {
    line: SyncSender<Waiting>,
    ledger: Arc<Ledger>,
    most: usize,
    most_bytes: usize,
}

/// A line for at most `most` batches and `most_bytes` of keys and values, those being written included.
pub(super) fn queue(most: usize, most_bytes: usize, ledger: Arc<Ledger>) -> (Queue, Receiver<Waiting>) {
    let (line, next) = sync_channel(most);
    (Queue { line, ledger, most, most_bytes }, next)
}

impl Queue {
    /// Puts a batch at the end of the line.
    ///
    /// # Errors
    /// When it cannot be taken; then nothing of it is.
    pub(super) fn join(&self, batch: Batch) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        check_sizes(&batch)?;
        let weight = batch.weight();
        if !self.ledger.admit(weight, self.most, self.most_bytes) {
            return Err(StoreError::Full);
        }
        let (answer, answered) = oneshot::channel();
        self.line.try_send(Waiting { batch, weight, answer }).map_err(|refused| {
            self.ledger.leave(1, weight);
            match refused {
                TrySendError::Full(_) => StoreError::Full,
                TrySendError::Disconnected(_) => stopped(),
            }
        })?;
        Ok(answered)
    }
}

impl Ledger {
    fn admit(&self, weight: usize, most: usize, most_bytes: usize) -> bool {
        let one_more = |count: usize| (count < most).then_some(count + 1);
        if self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_err() {
            return false;
        }
        // A batch heavier than all that may wait is taken when it is alone: it would never be otherwise.
        let heavier = |bytes: usize| (bytes == 0 || bytes + weight <= most_bytes).then_some(bytes + weight);
        let admitted = self.waiting_bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, heavier).is_ok();
        if !admitted {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
        }
        admitted
    }

    /// Counts batches out that have been carried out or refused.
    pub(super) fn leave(&self, count: usize, bytes: usize) {
        self.waiting.fetch_sub(count, Ordering::AcqRel);
        self.waiting_bytes.fetch_sub(bytes, Ordering::AcqRel);
    }

    /// Batches in the line and being written.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Why the newest group failed, if it did.
    pub(super) fn failing(&self) -> Option<String> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes how the newest group went.
    pub(super) fn note(&self, failing: Option<String>) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = failing;
    }
}

/// What a caller hears when the thread that should answer is gone.
pub(super) fn stopped() -> StoreError {
    StoreError::Unavailable("it has been closed".into())
}

/// Index pages hold hundreds of keys and must stay below the size at which sled moves a page out of the
/// file that is synced. No key that this program builds comes near.
pub(super) const MAX_KEY_BYTES: usize = 8 * 1024;

fn check_sizes(batch: &Batch) -> Result<(), StoreError> {
    for op in &batch.ops {
        let (Op::Put(key, value) | Op::Insert(key, value)) = op else { continue };
        if value.len() > MAX_VALUE_BYTES {
            return Err(StoreError::TooLarge { bytes: value.len() });
        }
        if key.len() > MAX_KEY_BYTES {
            return Err(StoreError::TooLarge { bytes: key.len() + value.len() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: usize) -> Batch {
        let mut batch = Batch::default();
        batch.put(Vec::new(), vec![0; bytes]);
        batch
    }

    #[test]
    fn what_would_fill_a_page_alone_is_refused() {
        let (queue, _next) = queue(3, 1 << 20, Arc::default());
        let mut batch = Batch::default();
        batch.put(vec![b'k'; MAX_KEY_BYTES], vec![0; MAX_VALUE_BYTES]);
        assert!(queue.join(batch.clone()).is_ok());
        batch.put(vec![b'k'; MAX_KEY_BYTES + 1], "");
        let bytes = MAX_KEY_BYTES + 1;
        assert_eq!(queue.join(batch).unwrap_err(), StoreError::TooLarge { bytes });
    }

    #[test]
    fn the_line_is_bounded_by_number_and_by_bytes() {
        let ledger = Arc::new(Ledger::default());
        let (queue, next) = queue(3, 100, ledger.clone());
        let heavy = queue.join(of(1000));
        assert!(heavy.is_ok(), "alone, however heavy");
        assert_eq!(queue.join(of(1)).unwrap_err(), StoreError::Full);
        ledger.leave(1, next.try_recv().unwrap().weight);
        for bytes in [50, 50] {
            assert!(queue.join(of(bytes)).is_ok());
        }
        assert_eq!(queue.join(of(1)).unwrap_err(), StoreError::Full, "bytes");
        assert!(queue.join(of(0)).is_ok());
        assert_eq!(queue.join(of(0)).unwrap_err(), StoreError::Full, "number");
        assert_eq!(ledger.waiting(), 3);
        drop(next);
        ledger.leave(1, 0);
        assert_eq!(queue.join(of(0)).unwrap_err(), stopped());
        assert_eq!(ledger.waiting(), 2, "a batch that was refused does not wait");
    }
}
