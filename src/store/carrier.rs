//! Carries what the journal holds into sled, a table at a time, and then lets go of the journal's files.
//! A thread of its own: nobody who commits waits for it, unless it falls far behind.

use appengine_actors::clock::{Clock, SystemClock};
use appengine_actors::failpoint;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

use super::blocks::{self, Edit};
use super::disk::Disk;
use super::sled::{Change, DATA_FILE, Engine};
use super::tables::{Table, Tables};
use super::{codec, journal};

/// How long a disk that fails rests before it is asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// Bytes that are brought to the disk at once: the journal's own syncs wait behind them.
const PORTION_BYTES: usize = 1024 * 1024;
/// While the young table has fewer bytes, a rest follows each piece of work, so many times as long.
const ROOM_BYTES: usize = 8 * 1024 * 1024;
const REST: u32 = 2;
/// Entries that are worked into a block at once.
const AT_ONCE: usize = 512;

/// Where a store's pieces are.
#[derive(Clone)]
pub(super) struct Home {
    pub(super) folder: PathBuf,
    pub(super) engine: Arc<Engine>,
    pub(super) disk: Arc<dyn Disk>,
}

impl Home {
    /// Brings a table into sled and onto the disk, block by block, so that readers get their turn in between:
    /// sled lets nobody read while it takes in a batch. `rests` is told behind each of these how long it took.
    ///
    /// # Errors
    /// Says what sled or the disk said. Trying again with the same table is safe.
    pub(super) fn take_in(
        &self,
        table: &Table,
        version: u64,
        rests: impl Fn(Duration),
    ) -> Result<(), String> {
        let clock = SystemClock::default();
        let edits = table.iter().map(|(key, written)| -> Edit { (key.clone(), written.clone().found()) });
        let mut edits = edits.peekable();
        let mut merge = || self.engine.read(|view| blocks::merge(view, &mut edits, AT_ONCE));
        let (mut unsynced, mut began) = (0, clock.elapsed());
        while let Some(changes) = merge().map_err(|error| error.to_string())? {
            unsynced += changes.iter().map(|(_, bytes)| bytes.as_ref().map_or(0, Vec::len)).sum::<usize>();
            self.engine.apply(changes).map_err(|fault| fault.to_string())?;
            if unsynced > PORTION_BYTES {
                self.sync()?;
                unsynced = 0;
            }
            rests(clock.elapsed().saturating_sub(began));
            began = clock.elapsed();
        }
        self.settle([], [(codec::COMMITS.to_vec(), Some(codec::pack_number(version)))])
    }

    /// Brings edits of entries, in the order of their keys, and changes of the store's own notes, as one, and
    /// all before them, onto the disk.
    pub(super) fn settle(
        &self,
        edits: impl IntoIterator<Item = Edit>,
        notes: impl IntoIterator<Item = Change>,
    ) -> Result<(), String> {
        let mut edits = edits.into_iter().peekable();
        let mut changes: Vec<Change> = notes.into_iter().collect();
        // No two of them concern the same block: each takes all that belong to its own.
        let mut merge = || self.engine.read(|view| blocks::merge(view, &mut edits, usize::MAX));
        while let Some(merged) = merge().map_err(|error| error.to_string())? {
            changes.extend(merged);
        }
        self.engine.apply(changes).map_err(|fault| fault.to_string())?;
        self.sync()
    }

    /// Brings what sled took in onto the disk.
    fn sync(&self) -> Result<(), String> {
        self.engine.flush().map_err(|fault| fault.to_string())?;
        let synced = File::open(self.folder.join(DATA_FILE)).and_then(|file| self.disk.sync(&file));
        synced.map_err(|error| format!("a sync of sled's file failed: {error}"))
    }

    /// Removes the journal's files up to a number.
    pub(super) fn forget(&self, through: u64) -> Result<(), String> {
        journal::forget(&self.folder, &*self.disk, through)
            .map_err(|error| format!("the journal's old files cannot be removed: {error}"))
    }

    /// Removes the whole journal.
    pub(super) fn forget_all(&self) -> Result<(), String> {
        journal::remove_all(&self.folder, &*self.disk)
            .map_err(|error| format!("the journal's files cannot be removed: {error}"))
    }

    /// Bytes that sled's file takes.
    pub(super) fn bytes(&self) -> u64 {
        bytes_of(&self.folder)
    }
}

fn bytes_of(folder: &Path) -> u64 {
    folder.join(DATA_FILE).metadata().map_or(0, |found| found.len())
}

/// A table to be carried: it is in the journal's files up to `through`.
struct Order {
    table: Arc<Table>,
    version: u64,
    through: u64,
}

#[derive(Default)]
struct State {
    carrying: bool,
    failing: Option<String>,
    closing: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }
}

/// The writer's hold on the thread.
pub(super) struct Carrier {
    orders: Option<SyncSender<Order>>,
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Carrier {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub(super) fn start(home: Home, tables: Arc<Tables>) -> io::Result<Self> {
        let (orders, line) = sync_channel(1);
        let shared = Arc::new(Shared::default());
        let its = Arc::clone(&shared);
        let named = thread::Builder::new().name("store-carry".into());
        let thread = named.spawn(move || serve(&home, &tables, &its, &line))?;
        Ok(Self { orders: Some(orders), shared, thread: Some(thread) })
    }

    /// Has the tables' old one carried. One at a time.
    pub(super) fn carry(&self, table: Arc<Table>, version: u64, through: u64) {
        self.shared.set(|state| state.carrying = true);
        // Its place is free: there is no other order.
        let sent = self.orders.as_ref().map(|orders| orders.send(Order { table, version, through }));
        if !matches!(sent, Some(Ok(()))) {
            self.shared.set(|state| state.failing = Some("the thread that carries is gone".into()));
        }
    }

    /// Waits until nothing is being carried.
    ///
    /// # Errors
    /// Says why that does not come about.
    pub(super) fn wait(&self) -> Result<(), String> {
        let waits = |state: &mut State| state.carrying && state.failing.is_none();
        let state = self.shared.changed.wait_while(self.shared.state(), waits);
        match &state.unwrap_or_else(PoisonError::into_inner).failing {
            Some(why) => Err(why.clone()),
            None => Ok(()),
        }
    }
}

impl Drop for Carrier {
    /// Ends with what is being carried, or with its next failure: the journal still holds it.
    fn drop(&mut self) {
        self.shared.set(|state| state.closing = true);
        drop(self.orders.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("store: the thread that carries panicked");
        }
    }
}

fn serve(home: &Home, tables: &Tables, shared: &Shared, line: &Receiver<Order>) {
    while let Ok(order) = line.recv() {
        tables.until_known();
        failpoint::pass("carry.begin");
        // While there is room for what comes meanwhile, whoever answers clients has the processor first.
        let rests = |worked: Duration| {
            if tables.load().0 < ROOM_BYTES && !shared.state().closing {
                thread::park_timeout(worked * REST);
            }
        };
        while let Err(why) =
            home.take_in(&order.table, order.version, rests).and_then(|()| home.forget(order.through))
        {
            if shared.state().failing.as_ref() != Some(&why) {
                tracing::error!(%why, "store: what the journal holds could not be carried into sled");
            }
            shared.set(|state| state.failing = Some(why));
            let (state, rest) = (shared.state(), |state: &mut State| !state.closing);
            let waited = shared.changed.wait_timeout_while(state, PAUSE, rest);
            if waited.unwrap_or_else(PoisonError::into_inner).0.closing {
                return;
            }
            // Sled answers nothing but its first error until it is opened again.
            if let Err(fault) = home.engine.reopen() {
                tracing::warn!(%fault, "store: sled does not open");
            }
        }
        failpoint::pass("carry.end");
        tables.thaw();
        shared.set(|state| (state.carrying, state.failing) = (false, None));
    }
}
