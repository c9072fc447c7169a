//! What the writer asks of the disk beside sled: that bytes are on it, and how much room is left.
//! A trait, so that tests can count syncs, hold them and let them fail.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The disk under a store.
pub(super) trait Disk: Send + Sync {
    /// Returns once everything written to the store's file is on the disk.
    fn sync(&self) -> io::Result<()>;

    /// Bytes that may still be written.
    fn free(&self) -> io::Result<u64>;

    /// Bytes that the store's file takes.
    fn used(&self) -> io::Result<u64>;
}

/// Refuses to write `bytes` where less than the reserve would be left.
///
/// # Errors
/// Says how much is free and how much is needed.
pub(super) fn check_room(disk: &dyn Disk, reserve_bytes: u64, bytes: usize) -> Result<(), String> {
    const MIB: u64 = 1024 * 1024;
    let free = disk.free().map_err(|error| format!("the disk does not say what is free: {error}"))?;
    let needed = reserve_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    if free >= needed {
        return Ok(());
    }
    let (free, needed) = (free / MIB, needed.div_ceil(MIB));
    Err(format!("the disk has {free} MiB left and {needed} MiB are needed; free some space"))
}

/// The disk that holds the folder of a sled store.
pub(super) struct RealDisk {
    folder: PathBuf,
    data: File,
}

impl RealDisk {
    /// The disk under an open store's folder. The folder's own entries are on it when this returns.
    pub(super) fn under(folder: &Path) -> io::Result<Self> {
        let data = File::open(folder.join(super::sled::DATA_FILE))?;
        for name in [super::sled::SETTINGS_FILE, "."] {
            File::open(folder.join(name))?.sync_all()?;
        }
        if let Some(parent) = folder.canonicalize()?.parent() {
            File::open(parent)?.sync_all()?;
        }
        Ok(Self { folder: folder.to_path_buf(), data })
    }
}

impl Disk for RealDisk {
    /// `fdatasync`: sled's own flush commits neither the file's size nor the drive's cache.
    fn sync(&self) -> io::Result<()> {
        self.data.sync_data()
    }

    fn free(&self) -> io::Result<u64> {
        let found = rustix::fs::statvfs(&self.folder)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    fn used(&self) -> io::Result<u64> {
        Ok(self.data.metadata()?.len())
    }
}
