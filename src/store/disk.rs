//! What the store asks of the disk beside sled: to write the journal, that bytes are on it, and how much
//! room is left. A trait, so that tests can count syncs, hold them and let writes and syncs fail.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The disk under a store.
pub(super) trait Disk: Send + Sync {
    /// Writes into a file at a place.
    fn write(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Returns once everything written to a file is on the disk.
    fn sync(&self, file: &File) -> io::Result<()>;

    /// Returns once everything entered into a folder is on the disk.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Bytes that may still be written.
    fn free(&self) -> io::Result<u64>;
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

/// The disk that holds a store's folder.
pub(super) struct RealDisk {
    folder: PathBuf,
}

impl RealDisk {
    /// The disk under a folder.
    pub(super) fn of(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }
}

impl Disk for RealDisk {
    fn write(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        file.write_all_at(bytes, at)
    }

    /// `fdatasync`, which also brings a file's new length to the disk.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// `fsync`: `fdatasync` promises nothing about the entries of a folder.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn free(&self) -> io::Result<u64> {
        let found = rustix::fs::statvfs(&self.folder)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}
