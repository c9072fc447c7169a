//! The one file that knows sled. It opens, reads, applies and closes; it neither groups nor judges
//! batches, and what it hands out carries none of sled's types.

use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;
use std::{fs, io, thread};

use appengine_actors::store::StoreError;

use super::disk::Disk;

/// The file in which sled keeps everything.
pub(super) const DATA_FILE: &str = "db";
/// The file in which sled keeps what a store was made with.
const SETTINGS_FILE: &str = "conf";

/// The largest segment sled knows, because a page over a quarter of a segment becomes a file under
/// `blobs/` that is never synced. A page is up to twenty values: at sled's default of 512 KiB
/// values of 7 KiB are enough for that, here the largest values there are stay far below.
const SEGMENT_BYTES: usize = 16 * 1024 * 1024;

/// Threads of sled's let go of the file a moment after the store was dropped.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Why sled did not do as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("{0}")]
    Io(String),
    #[error("its files are open in another process")]
    Locked,
    #[error("its files are damaged: {0}")]
    Corrupt(String),
    #[error("it is closed")]
    Closed,
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Corrupt(what) => Self::Corrupt(what),
            Fault::Io(_) | Fault::Locked | Fault::Closed => Self::Unavailable(fault.to_string()),
        }
    }
}

impl From<::sled::Error> for Fault {
    fn from(error: ::sled::Error) -> Self {
        use ::sled::Error;
        match error {
            Error::Corruption { at, .. } => Self::Corrupt(match at {
                Some(place) => format!("at {place:?}"),
                None => "a checksum does not match".into(),
            }),
            Error::Io(error) if error.to_string().contains("could not acquire lock") => Self::Locked,
            other @ (Error::Io(_)
            | Error::CollectionNotFound(_)
            | Error::Unsupported(_)
            | Error::ReportableBug(_)) => Self::Io(other.to_string()),
        }
    }
}

/// A change of one stored key: the bytes it holds from now on, or none.
pub(super) type Change = (Vec<u8>, Option<Vec<u8>>);

/// An open sled store: one tree, in which a batch is atomic.
pub(super) struct Engine {
    folder: PathBuf,
    cache_bytes: u64,
    /// Held for writing while sled is closed and opened again.
    tree: RwLock<Option<::sled::Db>>,
}

impl Engine {
    /// Opens what lies at `folder`, or makes it. Damaged snapshots are set aside once: sled can build
    /// them anew from its data file.
    pub(super) fn open(folder: &Path, cache_bytes: u64) -> Result<Self, Fault> {
        let db = match open_db(folder, cache_bytes) {
            Err(damage @ Fault::Corrupt(_)) => {
                let moved = set_snapshots_aside(folder).map_err(|error| Fault::Io(error.to_string()))?;
                if moved == 0 {
                    return Err(damage);
                }
                tracing::warn!(folder = %folder.display(), %damage, moved, "store: snapshots set aside");
                open_db(folder, cache_bytes)?
            }
            other => other?,
        };
        Ok(Self { folder: folder.to_path_buf(), cache_bytes, tree: RwLock::new(Some(db)) })
    }

    /// Brings what sled made when it was opened to the disk: the settings, and the folder's own entries.
    ///
    /// # Errors
    /// When the disk says so.
    pub(super) fn settle_folder(&self, disk: &dyn Disk) -> io::Result<()> {
        disk.sync(&fs::File::open(self.folder.join(SETTINGS_FILE))?)?;
        disk.sync_folder(&self.folder)?;
        self.folder.canonicalize()?.parent().map_or(Ok(()), |parent| disk.sync_folder(parent))
    }

    /// Reads. Sled's own iterators may see half of what is being applied: whoever reads beside that knows it
    /// already from the tables.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(View<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let tree = self.tree.read().unwrap_or_else(PoisonError::into_inner);
        let db = tree.as_ref().ok_or(Fault::Closed)?;
        guarded(|| Ok(read(View(db))))?
    }

    /// Carries out changes as one: after a crash all of them are there or none.
    pub(super) fn apply(&self, changes: impl IntoIterator<Item = Change>) -> Result<(), Fault> {
        let mut batch = ::sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        let tree = self.tree.read().unwrap_or_else(PoisonError::into_inner);
        let db = tree.as_ref().ok_or(Fault::Closed)?;
        guarded(|| Ok(db.apply_batch(batch)?))
    }

    /// Hands everything applied to the operating system.
    pub(super) fn flush(&self) -> Result<(), Fault> {
        let tree = self.tree.read().unwrap_or_else(PoisonError::into_inner);
        let db = tree.as_ref().ok_or(Fault::Closed)?;
        guarded(|| Ok(db.flush().map(drop)?))
    }

    /// Closes and opens again, after which sled forgets that a write failed.
    pub(super) fn reopen(&self) -> Result<(), Fault> {
        self.close();
        let db = open_db(&self.folder, self.cache_bytes)?;
        *self.tree.write().unwrap_or_else(PoisonError::into_inner) = Some(db);
        Ok(())
    }

    /// Lets go of the files. Every call after this one answers [`Fault::Closed`].
    pub(super) fn close(&self) {
        let db = self.tree.write().unwrap_or_else(PoisonError::into_inner).take();
        // Sled unwraps the result of its last sync.
        let dropped = guarded(|| {
            drop(db);
            Ok(())
        });
        if let Err(fault) = dropped {
            tracing::error!(folder = %self.folder.display(), %fault, "store: close");
        }
    }
}

/// Bytes that sled holds too: they are not copied.
pub(super) struct Raw(::sled::IVec);

impl AsRef<[u8]> for Raw {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A stored key, and what it holds.
pub(super) type Pair = (Raw, Raw);

/// What sled holds.
#[derive(Clone, Copy)]
pub(super) struct View<'a>(&'a ::sled::Db);

impl<'a> View<'a> {
    /// What a stored key holds.
    pub(super) fn get(self, key: &[u8]) -> Result<Option<Raw>, StoreError> {
        Ok(self.0.get(key).map_err(Fault::from)?.map(Raw))
    }

    /// The last stored key from `from` up to and with `key`, and what it holds.
    pub(super) fn floor(self, from: &[u8], key: &[u8]) -> Result<Option<Pair>, StoreError> {
        let found = self.0.range::<&[u8], _>(from..=key).next_back().transpose();
        Ok(found.map_err(Fault::from)?.map(|(key, bytes)| (Raw(key), Raw(bytes))))
    }

    /// Stored keys from `from` to before `to`, in order or in reverse.
    pub(super) fn range(
        self,
        from: Bound<&[u8]>,
        to: &[u8],
        descending: bool,
    ) -> impl Iterator<Item = Result<Pair, StoreError>> + use<'a> {
        let mut range = self.0.range::<&[u8], _>((from, Bound::Excluded(to)));
        std::iter::from_fn(move || {
            let found = if descending { range.next_back() } else { range.next() };
            found.map(|found| Ok(found.map(|(key, bytes)| (Raw(key), Raw(bytes))).map_err(Fault::from)?))
        })
    }
}

fn open_db(folder: &Path, cache_bytes: u64) -> Result<::sled::Db, Fault> {
    let config = ::sled::Config::new()
        .path(folder)
        .cache_capacity(cache_bytes)
        .segment_size(SEGMENT_BYTES)
        .mode(::sled::Mode::HighThroughput)
        .flush_every_ms(None);
    let mut tries = 0;
    loop {
        tries += 1;
        match damage_if_panicked(|| Ok(config.open()?)) {
            Err(Fault::Locked) if tries < LOCK_TRIES => thread::park_timeout(LOCK_PAUSE),
            done => return done,
        }
    }
}

fn set_snapshots_aside(folder: &Path) -> io::Result<usize> {
    let aside = folder.join("set-aside");
    let mut moved = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            fs::create_dir_all(&aside)?;
            fs::rename(entry.path(), aside.join(entry.file_name()))?;
            moved += 1;
        }
    }
    Ok(moved)
}

/// Sled panics where its files make no sense to it, and a panic in a thread of ours would end the store.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done,
        Err(panic) => Err(Fault::Io(format!("sled panicked: {}", said(&*panic)))),
    }
}

fn damage_if_panicked<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Fault::Corrupt(said(&*panic))))
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").chars().take(300).collect()
}
