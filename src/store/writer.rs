//! The one thread that writes: it takes everything that waits, judges it in order, makes one batch of
//! it, brings that to the disk and then answers everyone. It alone decides what is acknowledged.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use appengine_actors::store::{Batch, Expect, Key, Op, StoreError};
use bytes::Bytes;

use super::codec;
use super::disk::{Disk, check_room};
use super::queue::{Ledger, Waiting};
use super::sled::{Change, Engine, View};
use crate::config::Durability;

/// A group takes no more batches once it weighs this much, so that the first does not wait for the last.
const GROUP_BYTES: usize = 8 * 1024 * 1024;

/// What the writing thread works with.
pub(super) struct Writer {
    pub(super) engine: Arc<Engine>,
    pub(super) disk: Box<dyn Disk>,
    pub(super) durability: Durability,
    /// Bytes of the disk that are never used, so that sled does not meet its end.
    pub(super) reserve_bytes: u64,
    pub(super) ledger: Arc<Ledger>,
    /// The latest version given out.
    pub(super) last_version: u64,
    pub(super) health: Health,
}

/// What the last failure left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Health {
    Well,
    /// Sled answers nothing but its first error until it is opened again.
    Reopen,
    /// A sync failed: what the disk holds is unknown, and the kernel tells it only once.
    Lost(String),
}

type Answers = Vec<Result<(), StoreError>>;

/// What the group so far has made of each key: its version and value, or nothing.
type Overlay = HashMap<Key, Option<(u64, Bytes)>>;

impl Writer {
    /// Works until everyone who could send is gone and everything sent is written.
    pub(super) fn run(mut self, line: &Receiver<Waiting>) {
        while let Ok(first) = line.recv() {
            let mut bytes = first.weight;
            let mut group = vec![first];
            while bytes < GROUP_BYTES
                && let Ok(next) = line.try_recv()
            {
                bytes += next.weight;
                group.push(next);
            }
            self.carry_out(group, bytes);
        }
        if let Err(fault) = self.settle() {
            tracing::error!(%fault, "store: the last sync failed");
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
        let answers = result.unwrap_or_else(|why| vec![Err(StoreError::Unavailable(why)); group.len()]);
        let taken = answers.iter().filter(|answer| answer.is_ok()).count();
        self.ledger.commits.fetch_add(u64::try_from(taken).unwrap_or(u64::MAX), Ordering::Relaxed);
        for (waiting, answer) in group.into_iter().zip(answers) {
            // Whoever dropped the future does not want to know.
            let _ = waiting.answer.send(answer);
        }
        if self.durability == Durability::None
            && self.health == Health::Well
            && let Err(fault) = self.engine.flush()
        {
            self.health = Health::Reopen;
            self.ledger.note(Some(fault.to_string()));
        }
    }

    /// The answers of a group that is as durable as promised, or why none of it may be relied on.
    fn write(&mut self, group: &[Waiting], bytes: usize) -> Result<Answers, String> {
        self.recover()?;
        check_room(&*self.disk, self.reserve_bytes, bytes)?;
        let mut version = self.last_version;
        let mut overlay = Overlay::new();
        let judged = self.engine.read(|view| {
            let judge = |waiting: &Waiting| judge(&waiting.batch, view, &mut overlay, &mut version);
            Ok(group.iter().map(judge).collect::<Answers>())
        });
        let answers = judged.map_err(|fault| self.reopen_after(&fault))?;
        if version > self.last_version {
            self.last_version = version;
            let commits = (codec::COMMITS.to_vec(), Some(codec::pack_number(version)));
            let changes = overlay.into_iter().map(as_change).chain([commits]);
            self.engine.apply(changes).map_err(|fault| self.reopen_after(&fault))?;
            self.make_durable()?;
            self.ledger.groups.fetch_add(1, Ordering::Relaxed);
            self.ledger.disk_bytes.store(self.disk.used().unwrap_or(0), Ordering::Relaxed);
        }
        Ok(answers)
    }

    fn make_durable(&mut self) -> Result<(), String> {
        match self.durability {
            Durability::None => Ok(()),
            Durability::Process => self.engine.flush().map_err(|fault| self.reopen_after(&fault)),
            Durability::Power => self.settle(),
        }
    }

    /// Brings everything applied to the disk. The order counts: sled writes, then the disk keeps.
    fn settle(&mut self) -> Result<(), String> {
        if let Health::Lost(why) = &self.health {
            return Err(why.clone());
        }
        self.engine.flush().map_err(|fault| self.reopen_after(&fault))?;
        self.disk.sync().map_err(|error| {
            let why = format!(
                "a sync failed ({error}), so what the disk holds is unknown; check the disk and start again, \
                 from a backup if the store does not open"
            );
            self.health = Health::Lost(why.clone());
            why
        })
    }

    fn reopen_after(&mut self, fault: &dyn std::error::Error) -> String {
        self.health = Health::Reopen;
        fault.to_string()
    }

    fn recover(&mut self) -> Result<(), String> {
        match &self.health {
            Health::Well => return Ok(()),
            Health::Lost(why) => return Err(why.clone()),
            Health::Reopen => {}
        }
        self.engine.reopen().map_err(|fault| fault.to_string())?;
        let stored = self.engine.read(latest_version).map_err(|fault| fault.to_string())?;
        // A version that was given out and lost must not come again with another value.
        self.last_version = self.last_version.max(stored);
        self.health = Health::Well;
        tracing::info!("store: opened again after a failure");
        Ok(())
    }
}

/// The latest version that a store has given out.
pub(super) fn latest_version(view: View<'_>) -> Result<u64, StoreError> {
    match view.get(codec::COMMITS)? {
        Some(stored) => codec::unpack_number(codec::COMMITS, stored.as_ref()),
        None => Ok(0),
    }
}

/// Whether a batch is taken, after all those before it; if so it goes into the overlay.
fn judge(batch: &Batch, view: View<'_>, overlay: &mut Overlay, version: &mut u64) -> Result<(), StoreError> {
    for (index, (key, expect)) in batch.expects.iter().enumerate() {
        let found = match overlay.get(key) {
            Some(written) => written.as_ref().map(|(version, _)| *version),
            None => stored_version(view, key)?,
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
        match op {
            Op::Put(key, value) => overlay.insert(key.clone(), Some((*version, value.clone()))),
            Op::Delete(key) => overlay.insert(key.clone(), None),
        };
    }
    Ok(())
}

fn stored_version(view: View<'_>, key: &[u8]) -> Result<Option<u64>, StoreError> {
    let at = codec::entry_key(key);
    let stored = view.get(&at)?;
    stored.map(|stored| Ok(codec::unpack(&at, stored.as_ref())?.version)).transpose()
}

fn as_change((key, written): (Key, Option<(u64, Bytes)>)) -> Change {
    let value = written.map(|(version, value)| codec::pack(version, &value));
    (codec::entry_key(&key), value)
}
