//! A few threads that read, so that no arbiter ever waits for the disk. They never write; the store
//! hands them one read at a time through a bounded channel.

use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use appengine_actors::store::{Key, Scan, StoreError, StoreFuture, Versioned};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::codec;
use super::queue::stopped;
use super::sled::{Engine, View};

/// Reads that may wait in the channel; further callers wait for their turn to join.
const WAITING: usize = 256;

/// The way to the reading threads.
pub(super) struct Readers(mpsc::Sender<Read>);

/// One read, which answers for itself.
type Read = Box<dyn FnOnce(&Engine) + Send>;

impl Readers {
    /// Starts `count` threads, which end once this is dropped and every read asked for is answered.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(engine: &Arc<Engine>, count: usize) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..count.max(1) {
            let (engine, receiver) = (Arc::clone(engine), Arc::clone(&receiver));
            let name = format!("store-read-{number}");
            thread::Builder::new().name(name).spawn(move || serve(&engine, &receiver))?;
        }
        Ok(Self(sender))
    }

    /// What a key holds.
    pub(super) fn get(&self, key: Key) -> StoreFuture<Option<Versioned>> {
        self.ask(move |view| find(view, &key))
    }

    /// What several keys hold at one moment.
    pub(super) fn get_many(&self, keys: Vec<Key>) -> StoreFuture<Vec<Option<Versioned>>> {
        self.ask(move |view| keys.iter().map(|key| find(view, key)).collect())
    }

    /// A page of keys at one moment.
    pub(super) fn scan(&self, scan: Scan) -> StoreFuture<Vec<(Key, Versioned)>> {
        self.ask(move |view| walk(view, &scan))
    }

    fn ask<T: Send + 'static>(
        &self,
        read: impl FnOnce(View<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<T> {
        let (answer, answered) = oneshot::channel();
        let read: Read = Box::new(move |engine| {
            if !answer.is_closed() {
                let _ = answer.send(engine.read(read));
            }
        });
        let sender = self.0.clone();
        Box::pin(async move {
            sender.send(read).await.map_err(|_| stopped())?;
            answered.await.unwrap_or_else(|_| Err(stopped()))
        })
    }
}

fn serve(engine: &Engine, reads: &Mutex<mpsc::Receiver<Read>>) {
    loop {
        // Whoever holds the lock waits for the next read; the others wait for the lock.
        let next = reads.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(read) = next else { return };
        read(engine);
    }
}

fn find(view: View<'_>, key: &[u8]) -> Result<Option<Versioned>, StoreError> {
    let at = codec::entry_key(key);
    let stored = view.get(&at)?;
    stored.map(|stored| codec::unpack(&at, stored.as_ref())).transpose()
}

fn walk(view: View<'_>, scan: &Scan) -> Result<Vec<(Key, Versioned)>, StoreError> {
    if scan.from >= scan.to {
        return Ok(Vec::new());
    }
    let (from, to) = (codec::entry_key(&scan.from), codec::entry_key(&scan.to));
    let entries = view.range(Bound::Included(&from), &to, scan.descending).take(scan.limit);
    let read = entries.map(|entry| {
        let (key, value) = entry?;
        let found = if scan.keys_only {
            Versioned { version: 0, value: Bytes::new() }
        } else {
            codec::unpack(key.as_ref(), value.as_ref())?
        };
        Ok((codec::key_of(key.as_ref())?, found))
    });
    read.collect()
}
