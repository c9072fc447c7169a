//! The one thread that writes: it takes everything that waits, judges it in order, brings what is taken
//! to the journal as one group, and then answers everyone. It alone decides what is acknowledged.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use appengine_actors::clock::{Clock, SystemClock};
use appengine_actors::failpoint;
use appengine_actors::store::{Batch, Expect, Haste, Key, Op, StoreError};
use bytes::Bytes;

use super::blocks;
use super::carrier::{Carrier, Home};
use super::codec;
use super::disk::check_room;
use super::journal::Journal;
use super::queue::{Ledger, Waiting};
use super::sled::View;
use super::tables::{Tables, Written};
use crate::config::Durability;

/// A group takes no more batches once it weighs this much, so that the first does not wait for the last.
const GROUP_BYTES: usize = 8 * 1024 * 1024;
/// A young table of this many times its usual size waits for the old one to be carried.
const MOST: usize = 4;
/// When nothing was written for this long, a smaller table is carried too: the next start is quicker for it.
const IDLE: Duration = Duration::from_secs(2);
/// So long after the one before, a smaller table is carried too: a light load need not take the memory of a heavy
/// one. Most work is over by then, and what was made and removed meanwhile never reaches sled.
const AGED: Duration = Duration::from_secs(4);
/// How long a lazy batch waits for one that is not.
const LAZY: Duration = Duration::from_millis(5);
/// How long after the one before a group begins that nobody is in a hurry for. Whoever comes meanwhile with a hurry waits
/// for it no longer than that.
const GATHER: Duration = Duration::from_millis(2);
/// What is not worth being carried for that.
const LITTLE_BYTES: usize = 256 * 1024;
/// The memory of a group of more keys is given back.
const OVERLAY_KEYS: usize = 8 * 1024;

/// What the writing thread works with.
pub(super) struct Writer {
    pub(super) home: Home,
    pub(super) journal: Journal,
    pub(super) tables: Arc<Tables>,
    pub(super) carrier: Carrier,
    pub(super) durability: Durability,
    /// Bytes of the disk that are never used, so that sled does not meet its end.
    pub(super) reserve_bytes: u64,
    /// A young table of this size is carried into sled.
    pub(super) table_bytes: usize,
    pub(super) ledger: Arc<Ledger>,
    /// The latest version given out.
    pub(super) last_version: u64,
    /// Why the journal must be written anew before anything else, if it must.
    pub(super) ailing: Option<String>,
    /// Whether the journal ends with what is not on the disk yet.
    pub(super) unsynced: bool,
    /// The memory of the latest group, for the next one.
    pub(super) overlay: Overlay,
    pub(super) clock: SystemClock,
    /// When the latest table was handed on, by that clock.
    pub(super) young_since: Duration,
    /// When the latest group began, by that clock.
    pub(super) began: Duration,
}

type Answers = Vec<Result<(), StoreError>>;

/// What the group so far has made of each key.
pub(super) type Overlay = HashMap<Key, Written>;

/// Takes those that wait, as many as one group may have.
fn gather(line: &Receiver<Waiting>, group: &mut Vec<Waiting>, bytes: &mut usize) {
    while *bytes < GROUP_BYTES
        && let Ok(next) = line.try_recv()
    {
        *bytes += next.weight;
        group.push(next);
    }
}

impl Writer {
    /// Works until everyone who could send is gone and everything sent is written.
    pub(super) fn run(mut self, line: &Receiver<Waiting>) {
        loop {
            let first = match line.recv_timeout(if self.unsynced { LAZY } else { IDLE }) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) if self.unsynced => {
                    if let Err(why) = self.sync() {
                        self.ledger.note(Some(why));
                    }
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.carry_if(LITTLE_BYTES.min(self.table_bytes));
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut bytes = first.weight;
            let mut group = vec![first];
            gather(line, &mut group, &mut bytes);
            if group.iter().all(|waiting| waiting.batch.haste == Haste::Patient) {
                let since = self.clock.elapsed().saturating_sub(self.began);
                // Nobody wakes it: that is what it is for.
                thread::park_timeout(GATHER.saturating_sub(since));
                gather(line, &mut group, &mut bytes);
            }
            self.began = self.clock.elapsed();
            self.carry_out(group, bytes);
        }
        if let Err(why) = self.close() {
            // Nothing is lost by it: the journal is read at the next start.
            tracing::error!(%why, "store: what the journal holds was not carried into sled");
        }
    }

    fn carry_out(&mut self, group: Vec<Waiting>, bytes: usize) {
        let result = self.write(&group, bytes);
        if let Err(why) = &result
            && self.ledger.failing().as_ref() != Some(why)
        {
            tracing::error!(%why, "store: a commit failed");
        }
        self.ledger.note(result.as_ref().err().cloned());
        self.ledger.leave(group.len(), bytes);
        let (answers, unwritten) = result
            .unwrap_or_else(|why| (vec![Err(StoreError::Unavailable(why)); group.len()], Overlay::new()));
        let taken = answers.iter().filter(|answer| answer.is_ok()).count();
        self.ledger.commits.fetch_add(u64::try_from(taken).unwrap_or(u64::MAX), Ordering::Relaxed);
        for (waiting, answer) in group.into_iter().zip(answers) {
            // Whoever dropped the future does not want to know.
            let _ = waiting.answer.send(answer);
        }
        if let Err(why) = self.append(&unwritten) {
            // It was answered already, so nothing may come to stand behind the gap.
            self.ledger.note(Some(why.clone()));
            self.ailing = Some(why);
        }
        let aged = self.clock.elapsed().saturating_sub(self.young_since) > AGED;
        self.carry_if(if aged { LITTLE_BYTES.min(self.table_bytes) } else { self.table_bytes });
        self.ledger.disk_bytes.store(self.home.bytes() + self.journal.bytes(), Ordering::Relaxed);
    }

    /// The answers of a group that is as durable as promised, and what of it is still to be written; or why
    /// none of it may be relied on.
    fn write(&mut self, group: &[Waiting], bytes: usize) -> Result<(Answers, Overlay), String> {
        self.recover()?;
        self.make_room()?;
        check_room(&*self.home.disk, self.reserve_bytes, bytes)?;
        let mut version = self.last_version;
        let mut overlay = std::mem::take(&mut self.overlay);
        let judged = self.home.engine.read(|view| {
            let stored = Stored { view, tables: &self.tables };
            let judge = |waiting: &Waiting| judge(&waiting.batch, &stored, &mut overlay, &mut version);
            Ok(group.iter().map(judge).collect::<Answers>())
        });
        let answers = judged.map_err(|error| error.to_string())?;
        self.last_version = version;
        if overlay.is_empty() {
            return Ok((answers, overlay));
        }
        // The last level answers first and writes afterwards.
        let late = self.durability == Durability::None;
        if !late {
            failpoint::pass("commit.append");
            self.append(&overlay)?;
            failpoint::pass("commit.sync");
            self.unsynced = self.durability == Durability::Power;
            if self.unsynced && group.iter().any(|waiting| waiting.batch.haste == Haste::Strict) {
                self.sync()?;
            }
        }
        self.ledger.groups.fetch_add(1, Ordering::Relaxed);
        let shown = overlay.iter().map(|(key, written)| (Bytes::copy_from_slice(key), written.clone()));
        let mut shown: Vec<_> = shown.collect();
        // In the order of the table, and made before readers have to wait for it.
        shown.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        self.tables.publish(shown);
        failpoint::pass("commit.answer");
        if late {
            return Ok((answers, overlay));
        }
        overlay.clear();
        if overlay.capacity() <= OVERLAY_KEYS {
            self.overlay = overlay;
        }
        Ok((answers, Overlay::new()))
    }

    fn append(&mut self, changes: &Overlay) -> Result<(), String> {
        // Made and removed within the group: there is nothing to be written of it.
        let mut lasting = changes.iter().filter(|(_, w)| !w.fresh || w.value.is_some()).peekable();
        if lasting.peek().is_none() {
            return Ok(());
        }
        let appended = self.journal.append(lasting.map(|(key, written)| (key.as_slice(), written)));
        appended.map_err(|error| format!("the journal cannot be written: {error}"))
    }

    /// Brings everything appended to the disk. If that fails, it is written anew before anything else is.
    fn sync(&mut self) -> Result<(), String> {
        self.unsynced = false;
        self.journal.sync().map_err(|error| self.fell_ill("a sync of the journal failed", &error))
    }

    fn fell_ill(&mut self, what: &str, error: &std::io::Error) -> String {
        let why = format!("{what}: {error}");
        self.ailing = Some(why.clone());
        why
    }

    /// Once a sync failed nobody knows what the journal's file holds: all that sled lacks is written anew, which
    /// succeeds when the disk is well again.
    fn recover(&mut self) -> Result<(), String> {
        let Some(why) = self.ailing.take() else { return Ok(()) };
        match self.journal.rewrite(&self.tables) {
            Ok(()) => {
                tracing::info!(%why, "store: the journal was written anew after a failure");
                Ok(())
            }
            Err(error) => Err(self.fell_ill("the journal cannot be written anew", &error)),
        }
    }

    /// Waits for the old table where the young one has grown too large beside it.
    fn make_room(&mut self) -> Result<(), String> {
        let (young, carrying) = self.tables.load();
        if young > MOST * self.table_bytes && carrying {
            self.carrier.wait()?;
            self.carry_if(self.table_bytes);
        }
        Ok(())
    }

    /// Hands the young table on, if it has so many bytes and the old one is gone.
    fn carry_if(&mut self, bytes: usize) {
        let (young, carrying) = self.tables.load();
        // Keys that are written again and again make a long journal of a small table.
        let long = self.journal.length() > 2 * self.table_bytes as u64;
        if self.ailing.is_some() || carrying || (young < bytes && !long) {
            return;
        }
        self.journal.carried();
        match self.journal.turn() {
            Ok(through) => {
                self.carrier.carry(self.tables.freeze(), self.last_version, through);
                self.young_since = self.clock.elapsed();
            }
            // It goes on in this one; the next group tries again.
            Err(error) => tracing::error!(%error, "store: the journal cannot go on in another file"),
        }
    }

    /// Brings everything into sled, so that the journal is empty.
    fn close(self) -> Result<(), String> {
        let Self { home, tables, carrier, last_version, ailing, .. } = self;
        if let Some(why) = ailing {
            return Err(why);
        }
        carrier.wait()?;
        drop(carrier);
        home.take_in(&tables.freeze(), last_version, |_| {})?;
        home.forget_all()
    }
}

/// What was committed before a group.
struct Stored<'a> {
    view: View<'a>,
    tables: &'a Tables,
}

impl Stored<'_> {
    fn version(&self, key: &[u8]) -> Result<Option<u64>, StoreError> {
        if let Some(known) = self.tables.version(key) {
            return Ok(known);
        }
        // Whoever asks for a change has read what it is a condition of, most often.
        if let Some(read) = self.tables.read_lately(key) {
            return Ok(read.map(|found| found.version));
        }
        Ok(blocks::get(self.view, key)?.map(|found| found.version))
    }
}

/// Whether a batch is taken, after all those before it; if so it goes into the overlay.
fn judge(
    batch: &Batch,
    stored: &Stored<'_>,
    overlay: &mut Overlay,
    version: &mut u64,
) -> Result<(), StoreError> {
    for (index, (key, expect)) in batch.expects.iter().enumerate() {
        let found = match overlay.get(key) {
            Some(written) => written.value.as_ref().map(|_| written.version),
            None => stored.version(key)?,
        };
        let holds = match expect {
            Expect::Absent => found.is_none(),
            Expect::Present => found.is_some(),
            Expect::Version(version) => found == Some(*version),
        };
        if !holds {
            return Err(StoreError::Conflict { index });
        }
    }
    if !batch.ops.is_empty() {
        *version += 1;
    }
    for op in &batch.ops {
        let (key, value, fresh) = match op {
            Op::Put(key, value) => (key, Some(value.clone()), false),
            Op::Insert(key, value) => (key, Some(value.clone()), true),
            Op::Delete(key) => (key, None, false),
        };
        match overlay.get_mut(key) {
            Some(before) => *before = Written { version: *version, value, fresh: before.fresh },
            None => _ = overlay.insert(key.clone(), Written { version: *version, value, fresh }),
        }
    }
    Ok(())
}

/// The latest version that sled knows of.
pub(super) fn latest_version(view: View<'_>) -> Result<u64, StoreError> {
    match view.get(codec::COMMITS)? {
        Some(stored) => codec::unpack_number(codec::COMMITS, stored.as_ref()),
        None => Ok(0),
    }
}
