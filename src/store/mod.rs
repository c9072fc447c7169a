//! Durable storage in one folder: sled behind the Store port, with export, import and migrations. It
//! decides nothing about what is stored; `app` opens it and hands it to the machine.

mod block;
mod blocks;
mod carrier;
mod codec;
mod disk;
mod export;
pub mod folder;
mod hot;
mod import;
mod journal;
mod line;
mod migrate;
mod plain;
mod queue;
mod readers;
mod sled;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use appengine_actors::clock::{Clock, SystemClock};
use appengine_actors::leases::LocalLeases;
use appengine_actors::store::{
    Batch, Key, Lease, Scan, Store, StoreError, StoreFuture, StoreStats, Versioned,
};

use self::carrier::{Carrier, Home};
use self::disk::{Disk, RealDisk};
pub use self::export::{ExportError, export};
pub use self::import::{ImportError, import};
use self::journal::{Journal, ReplayError};
use self::migrate::Standing;
use self::queue::{Ledger, Queue};
use self::readers::Readers;
use self::sled::{Engine, Fault};
use self::tables::Tables;
use self::writer::Writer;
use crate::config::Durability;

/// How a store is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What an acknowledged commit survives.
    pub durability: Durability,
    /// Memory for pages; sled's real use is a multiple of it.
    pub cache_bytes: u64,
    /// Changes of so many bytes are kept in memory and in the journal before they are carried into sled.
    pub table_bytes: usize,
    /// Threads that read.
    pub readers: usize,
    /// Batches that may wait; further ones are [`StoreError::Full`].
    pub queue: usize,
    /// Bytes of keys and values that may wait.
    pub queue_bytes: usize,
    /// Bytes of the disk that are left alone: with less, commits fail until there is room again.
    pub reserve_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            durability: Durability::Power,
            cache_bytes: 64 * MIB as u64,
            table_bytes: 24 * MIB,
            readers: 4,
            queue: 8192,
            queue_bytes: 64 * MIB,
            reserve_bytes: 64 * MIB as u64,
        }
    }
}

/// Why a store does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The disk or the file system says no.
    #[error("open the store at {}: {reason}", folder.display())]
    Io {
        /// Where the store lies.
        folder: PathBuf,
        /// What was said.
        reason: String,
    },
    /// Another process has the store open.
    #[error("open the store at {}: another process has it open; stop that one first", folder.display())]
    Locked {
        /// Where the store lies.
        folder: PathBuf,
    },
    /// The files make no sense, also without the snapshots.
    #[error(
        "open the store at {}: its files are damaged ({detail}); move the folder away, then put a backup of it \
         in its place, or run `appengine import` with the last export",
        folder.display()
    )]
    Damaged {
        /// Where the store lies.
        folder: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The store was written by a later version of this program.
    #[error(
        "open the store at {}: its format is {found} and this version knows formats up to {known}; start the \
         version that wrote it, or export there and import here",
        folder.display()
    )]
    Newer {
        /// Where the store lies.
        folder: PathBuf,
        /// The store's format, or the one that an unfinished migration leads to.
        found: u64,
        /// The latest format known here.
        known: u64,
    },
    /// The store is older than the oldest format that can still be migrated.
    #[error("open the store at {}: its format {found} is unknown here; export it with the version that wrote it", folder.display())]
    Unknown {
        /// Where the store lies.
        folder: PathBuf,
        /// The store's format.
        found: u64,
    },
    /// A migration could not carry an entry over.
    #[error("open the store at {}: the migration to format {to} stopped: {reason}", folder.display())]
    Migration {
        /// Where the store lies.
        folder: PathBuf,
        /// The format it leads to.
        to: u64,
        /// What was in the way.
        reason: String,
    },
    /// An import was cut short, so that only a part is there.
    #[error("open the store at {}: an import into it was cut short; run `appengine import` again", folder.display())]
    HalfImported {
        /// Where the store lies.
        folder: PathBuf,
    },
}

/// Opens the store in `folder`, which is made if it is not there. Blocks while it does so. Dropping the
/// last handle blocks until everything queued is written and synced.
///
/// # Errors
/// Says what is in the way and what to do about it.
pub fn open(folder: &Path, options: &Options) -> Result<Arc<dyn Store>, OpenError> {
    open_on(folder, options, |disk| disk)
}

/// Opens a store on a disk that a test may have wrapped.
fn open_on(
    folder: &Path,
    options: &Options,
    wrap: impl FnOnce(Box<dyn Disk>) -> Box<dyn Disk>,
) -> Result<Arc<dyn Store>, OpenError> {
    let io = |reason: std::io::Error| OpenError::Io { folder: folder.into(), reason: reason.to_string() };
    let home = open_sled(folder, options, wrap)?;
    // What the journal holds need not be in sled before the store is used, unless its format is an old one.
    let replayed = match migrate::standing(&home.engine, folder, &migrate::PLAN)? {
        Standing::Current => journal::replay(folder).map_err(|error| unreadable(folder, &error))?,
        Standing::New | Standing::Older(..) => {
            bring_into_blocks(&home)?;
            bring_home(&home)?;
            journal::Replayed::default()
        }
    };
    migrate::bring_up(&home, &migrate::PLAN)?;
    import::refuse_unfinished(&home.engine, folder)?;
    let in_sled = home.engine.read(writer::latest_version).map_err(|error| at(folder, error))?;
    let last_version = in_sled.max(replayed.version);
    let journal = Journal::go_on(folder, Arc::clone(&home.disk), &replayed).map_err(io)?;
    let ledger = Arc::new(Ledger::default());
    ledger.disk_bytes.store(home.bytes() + journal.bytes(), Ordering::Relaxed);
    let tables = Arc::new(Tables::of(replayed.table));
    let readers = Readers::start(&home.engine, &tables, options.readers).map_err(io)?;
    let carrier = Carrier::start(home.clone(), Arc::clone(&tables)).map_err(io)?;
    let (queue, line) = queue::queue(options.queue, options.queue_bytes, Arc::clone(&ledger));
    let engine = Arc::clone(&home.engine);
    let (durability, reserve_bytes, table_bytes) =
        (options.durability, options.reserve_bytes, options.table_bytes);
    let its = Arc::clone(&ledger);
    let clock = SystemClock::default();
    let writer = Writer {
        home,
        journal,
        tables,
        carrier,
        durability,
        reserve_bytes,
        table_bytes,
        ledger: its,
        last_version,
        ailing: None,
        unsynced: false,
        overlay: writer::Overlay::new(),
        young_since: clock.elapsed(),
        began: clock.elapsed(),
        clock,
    };
    let thread = thread::Builder::new().name("store-write".into());
    let writer = thread.spawn(move || writer.run(&line)).map_err(io)?;
    let leases = LocalLeases::default();
    let (queue, writer) = (Some(queue), Some(writer));
    Ok(Arc::new(SledStore { queue, writer, readers, engine, ledger, leases, durability }))
}

/// Opens sled with everything that the journal holds in it, in the format of today.
fn open_home(folder: &Path, options: &Options) -> Result<Home, OpenError> {
    let home = open_sled(folder, options, |disk| disk)?;
    migrate::standing(&home.engine, folder, &migrate::PLAN)?;
    bring_into_blocks(&home)?;
    bring_home(&home)?;
    migrate::bring_up(&home, &migrate::PLAN)?;
    Ok(home)
}

fn open_sled(
    folder: &Path,
    options: &Options,
    wrap: impl FnOnce(Box<dyn Disk>) -> Box<dyn Disk>,
) -> Result<Home, OpenError> {
    let io = |reason: String| OpenError::Io { folder: folder.into(), reason };
    let engine = Engine::open(folder, options.cache_bytes).map_err(|fault| match fault {
        Fault::Locked => OpenError::Locked { folder: folder.into() },
        Fault::Corrupt(detail) => OpenError::Damaged { folder: folder.into(), detail },
        Fault::Io(_) | Fault::Closed => io(fault.to_string()),
    })?;
    engine.settle_folder(&RealDisk::of(folder)).map_err(|error| io(error.to_string()))?;
    let disk = Arc::from(wrap(Box::new(RealDisk::of(folder))));
    Ok(Home { folder: folder.to_path_buf(), engine: Arc::new(engine), disk })
}

fn bring_into_blocks(home: &Home) -> Result<(), OpenError> {
    let moved = migrate::bring_into_blocks(home);
    moved.map_err(|reason| OpenError::Migration { folder: home.folder.clone(), to: 2, reason })
}

/// Brings what the journal holds into sled, so that the journal is empty.
fn bring_home(home: &Home) -> Result<(), OpenError> {
    let replayed = journal::replay(&home.folder).map_err(|error| unreadable(&home.folder, &error))?;
    let io = |reason| OpenError::Io { folder: home.folder.clone(), reason };
    if replayed.version > 0 {
        home.take_in(&replayed.table, replayed.version, |_| {}).map_err(io)?;
    }
    home.forget_all().map_err(io)
}

fn unreadable(folder: &Path, error: &ReplayError) -> OpenError {
    match error {
        ReplayError::Io(_) => OpenError::Io { folder: folder.into(), reason: error.to_string() },
        ReplayError::Damaged { .. } => {
            OpenError::Damaged { folder: folder.into(), detail: error.to_string() }
        }
    }
}

/// A failure of a store call while the store is opened.
fn at(folder: &Path, error: StoreError) -> OpenError {
    let folder = folder.to_path_buf();
    match error {
        StoreError::Corrupt(detail) => OpenError::Damaged { folder, detail },
        other => OpenError::Io { folder, reason: other.to_string() },
    }
}

struct SledStore {
    queue: Option<Queue>,
    writer: Option<thread::JoinHandle<()>>,
    readers: Readers,
    engine: Arc<Engine>,
    ledger: Arc<Ledger>,
    leases: LocalLeases,
    durability: Durability,
}

impl Store for SledStore {
    fn commit(&self, batch: Batch) -> StoreFuture<()> {
        let joined = self.queue.as_ref().ok_or_else(queue::stopped).and_then(|queue| queue.join(batch));
        match joined {
            Ok(answered) => Box::pin(async move { answered.await.unwrap_or_else(|_| Err(queue::stopped())) }),
            Err(refused) => Box::pin(std::future::ready(Err(refused))),
        }
    }

    fn get(&self, key: Key) -> StoreFuture<Option<Versioned>> {
        self.readers.get(key)
    }

    fn get_many(&self, keys: Vec<Key>) -> StoreFuture<Vec<Option<Versioned>>> {
        self.readers.get_many(keys)
    }

    fn scan(&self, scan: Scan) -> StoreFuture<Vec<(Key, Versioned)>> {
        self.readers.scan(scan)
    }

    fn lease(&self, name: String) -> StoreFuture<Lease> {
        self.leases.take(name)
    }

    fn stats(&self) -> StoreStats {
        StoreStats {
            engine: "sled",
            durability: match self.durability {
                Durability::Power => "power",
                Durability::Process => "process",
                Durability::None => "none",
            },
            commits: self.ledger.commits.load(Ordering::Relaxed),
            groups: self.ledger.groups.load(Ordering::Relaxed),
            waiting: self.ledger.waiting(),
            disk_bytes: self.ledger.disk_bytes.load(Ordering::Relaxed),
            failing: self.ledger.failing(),
        }
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take()
            && writer.thread().id() != thread::current().id()
            && writer.join().is_err()
        {
            tracing::error!("store: the writer panicked");
        }
        self.engine.close();
    }
}
