//! A few threads that read, so that no arbiter ever waits for the disk. They never write; the store
//! hands them one read at a time through a bounded channel.

use std::cmp::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use appengine_actors::store::{Key, Scan, StoreError, StoreFuture, Versioned};
use tokio::sync::{mpsc, oneshot};

use super::blocks::{self, NO_VALUE};
use super::queue::stopped;
use super::sled::{Engine, View};
use super::tables::{Reading, Tables, Written};

/// Reads that may wait in the channel; further callers wait for their turn to join.
const WAITING: usize = 256;

/// The way to the reading threads.
pub(super) struct Readers {
    line: mpsc::Sender<Read>,
    tables: Arc<Tables>,
}

/// One read, which answers for itself.
type Read = Box<dyn FnOnce(&Engine, &Tables) + Send>;

/// Everything committed, at one moment.
struct Moment<'a> {
    tables: Reading<'a>,
    view: View<'a>,
}

impl Readers {
    /// Starts `count` threads, which end once this is dropped and every read asked for is answered.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(engine: &Arc<Engine>, tables: &Arc<Tables>, count: usize) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..count.max(1) {
            let (engine, tables, receiver) = (Arc::clone(engine), Arc::clone(tables), Arc::clone(&receiver));
            let name = format!("store-read-{number}");
            thread::Builder::new().name(name).spawn(move || serve(&engine, &tables, &receiver))?;
        }
        Ok(Self { line: sender, tables: Arc::clone(tables) })
    }

    /// What a key holds.
    pub(super) fn get(&self, key: Key) -> StoreFuture<Option<Versioned>> {
        let keys = [key];
        match self.tables.all(&keys) {
            Some(mut known) => ready(known.pop().flatten()),
            None => self.ask(move |now| Ok(now.get(&keys)?.pop().flatten())),
        }
    }

    /// What several keys hold at one moment.
    pub(super) fn get_many(&self, keys: Vec<Key>) -> StoreFuture<Vec<Option<Versioned>>> {
        match self.tables.all(&keys) {
            Some(known) => ready(known),
            None => self.ask(move |now| now.get(&keys)),
        }
    }

    /// A page of keys at one moment.
    pub(super) fn scan(&self, scan: Scan) -> StoreFuture<Vec<(Key, Versioned)>> {
        self.ask(move |now| now.walk(&scan))
    }

    fn ask<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Moment<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<T> {
        let (answer, answered) = oneshot::channel();
        let read: Read = Box::new(move |engine, tables| {
            if !answer.is_closed() {
                let tables = tables.read();
                let _ = answer.send(engine.read(|view| read(&Moment { tables, view })));
            }
        });
        let sender = self.line.clone();
        Box::pin(async move {
            sender.send(read).await.map_err(|_| stopped())?;
            answered.await.unwrap_or_else(|_| Err(stopped()))
        })
    }
}

/// What was written lately is in memory: whoever asks for it waits for no thread.
fn ready<T: Send + 'static>(found: T) -> StoreFuture<T> {
    Box::pin(std::future::ready(Ok(found)))
}

fn serve(engine: &Engine, tables: &Tables, reads: &Mutex<mpsc::Receiver<Read>>) {
    loop {
        // Whoever holds the lock waits for the next read; the others wait for the lock.
        let next = reads.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(read) = next else { return };
        read(engine, tables);
    }
}

impl Moment<'_> {
    fn get(&self, keys: &[Key]) -> Result<Vec<Option<Versioned>>, StoreError> {
        let known = self.tables.get(keys).into_iter().zip(keys);
        let find = |(known, key): (Option<Written>, &Key)| match known {
            Some(written) => Ok(written.found()),
            None => self.tables.below(key, || blocks::get(self.view, key)),
        };
        known.map(find).collect()
    }

    /// The tables' part of the range and sled's, merged: where both know a key, the tables are right.
    fn walk(&self, scan: &Scan) -> Result<Vec<(Key, Versioned)>, StoreError> {
        if scan.from >= scan.to {
            return Ok(Vec::new());
        }
        let mut changes = self.tables.region(scan).into_iter().peekable();
        let bounds = (scan.from.as_slice(), scan.to.as_slice());
        let stored = blocks::range(self.view, bounds, scan.descending, !scan.keys_only);
        // What is carried into sled meanwhile stands among the changes: an end that was met stays one.
        let mut stored = stored.fuse().peekable();
        let mut page = Vec::new();
        // Where the changes end before there are enough, they are all that the tables know of the range.
        while page.len() < scan.limit {
            let order = match (changes.peek(), stored.peek()) {
                (Some((changed, _)), Some(Ok((key, _)))) if scan.descending => key[..].cmp(changed),
                (Some((changed, _)), Some(Ok((key, _)))) => changed[..].cmp(key),
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) | (_, Some(Err(_))) => {
                    page.extend(stored.next().transpose()?);
                    continue;
                }
            };
            if order == Ordering::Greater {
                page.extend(stored.next().transpose()?);
                continue;
            }
            if order == Ordering::Equal {
                stored.next();
            }
            let change = changes.next().map(|(key, written)| (key, written.found()));
            if let Some((key, Some(found))) = change {
                page.push((key.to_vec(), if scan.keys_only { NO_VALUE } else { found }));
            }
        }
        Ok(page)
    }
}
