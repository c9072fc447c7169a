//! The journal: every commit, in order, on the disk before anybody is answered. It is a row of files
//! (`journal/00000001.log` and so on) that are only ever appended to, and removed once sled holds what
//! they say. What stands in them is worth more than what sled holds: it is read back at every start.
//!
//! The writer appends; [`replay`] reads. Neither knows what the changes mean.

mod frame;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use self::frame::{Draft, Found};
use super::disk::Disk;
use super::tables::{Table, Tables, Written};

/// The folder of its files, within the store's.
const FOLDER: &str = "journal";
const SUFFIX: &str = ".log";
/// A file that takes the place of all others once it is whole.
const DRAFT: &str = "draft";
/// What is written anew goes into frames of about this size.
const FRAME_BYTES: usize = 4 * 1024 * 1024;

/// The file that is being written.
pub(super) struct Journal {
    folder: PathBuf,
    disk: Arc<dyn Disk>,
    file: File,
    /// The file's number.
    number: u64,
    /// Bytes of whole frames in it.
    length: u64,
    /// The number of the latest frame.
    frame: u64,
    /// Bytes of the files before it.
    older: u64,
    /// Whether there may be a part of a frame behind the whole ones.
    ragged: bool,
}

/// What the journal held.
#[derive(Default)]
pub(super) struct Replayed {
    /// Everything that sled may lack.
    pub(super) table: Table,
    /// The latest version in it.
    pub(super) version: u64,
    /// The number of the latest file, and of the latest frame.
    latest: (u64, u64),
    bytes: u64,
    /// The last file, and where it ends in what was never finished.
    torn: Option<(PathBuf, u64)>,
}

/// Why the journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplayError {
    #[error("read the journal: {0}")]
    Io(#[from] io::Error),
    #[error("{file} makes no sense from byte {at} on, although more was written after it")]
    Damaged { file: String, at: usize },
}

impl Journal {
    /// Goes on after what was replayed, in a file of its own. What was replayed is on the disk when this
    /// returns, whatever durability it was written with.
    pub(super) fn go_on(store: &Path, disk: Arc<dyn Disk>, replayed: &Replayed) -> io::Result<Self> {
        let folder = store.join(FOLDER);
        fs::create_dir_all(&folder)?;
        disk.sync_folder(store)?;
        if let Some((path, whole)) = &replayed.torn {
            OpenOptions::new().write(true).open(path)?.set_len(*whole)?;
        }
        for (_, path) in files(&folder)? {
            disk.sync(&File::open(path)?)?;
        }
        let number = replayed.latest.0 + 1;
        let file = begin(&folder, &*disk, number)?;
        let (frame, older) = (replayed.latest.1, replayed.bytes);
        Ok(Self { folder, disk, file, number, length: 0, frame, older, ragged: false })
    }

    /// Appends a group. It is not on the disk yet; if this fails, nothing of it is in the journal.
    pub(super) fn append<'a>(
        &mut self,
        changes: impl Iterator<Item = (&'a [u8], &'a Written)>,
    ) -> io::Result<()> {
        let mut draft = Draft::new(self.frame + 1);
        changes.for_each(|(key, written)| draft.push(key, written));
        let bytes = draft.finish();
        self.trim()?;
        self.ragged = true;
        self.disk.write(&self.file, &bytes, self.length)?;
        self.ragged = false;
        self.length += bytes.len() as u64;
        self.frame += 1;
        Ok(())
    }

    /// Takes away what a write that failed may have left: nothing may come to stand behind it.
    fn trim(&mut self) -> io::Result<()> {
        if self.ragged {
            self.file.set_len(self.length)?;
            self.ragged = false;
        }
        Ok(())
    }

    /// Returns once everything appended is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.disk.sync(&self.file)
    }

    /// Ends this file and begins the next one; returns the number of the one that ended.
    pub(super) fn turn(&mut self) -> io::Result<u64> {
        self.trim()?;
        self.sync()?;
        let ended = self.number;
        self.file = begin(&self.folder, &*self.disk, ended + 1)?;
        self.number = ended + 1;
        self.older += std::mem::take(&mut self.length);
        Ok(ended)
    }

    /// Writes everything that sled does not hold for sure once more, into a new file that takes the place of
    /// all others: after a failed sync nobody knows what they hold. What was refused is gone from the disk
    /// before anything else is acknowledged.
    pub(super) fn rewrite(&mut self, tables: &Tables) -> io::Result<()> {
        let draft = self.folder.join(DRAFT);
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        let (mut length, mut frame) = (0, self.frame);
        for bytes in frames_of(tables, &mut frame) {
            self.disk.write(&file, &bytes, length)?;
            length += bytes.len() as u64;
        }
        self.disk.sync(&file)?;
        let number = self.number + 1;
        fs::rename(&draft, self.folder.join(name(number)))?;
        (self.file, self.number, self.length, self.frame) = (file, number, length, frame);
        (self.older, self.ragged) = (0, false);
        remove(&self.folder, &*self.disk, number - 1)
    }

    /// Sled holds what the files before this one say, and they are gone.
    pub(super) const fn carried(&mut self) {
        self.older = 0;
    }

    /// Bytes of all its files.
    pub(super) const fn bytes(&self) -> u64 {
        self.older + self.length
    }
}

/// Reads everything that the journal of a store holds. A frame that was cut off at the very end was never
/// acknowledged and is passed over; one that others follow is damage.
///
/// # Errors
/// When a file cannot be read, or makes no sense in its middle.
pub(super) fn replay(store: &Path) -> Result<Replayed, ReplayError> {
    let mut replayed = Replayed::default();
    let files = match files(&store.join(FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(replayed),
        files => files?,
    };
    let last = files.last().map(|(number, _)| *number);
    for (number, path) in files {
        let bytes = fs::read(&path)?;
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let Found::Frame(frame, changes, length) = frame::read(rest) else {
                let file = || path.display().to_string();
                if Some(number) != last || frame::is_followed(rest, replayed.latest.1) {
                    return Err(ReplayError::Damaged { file: file(), at });
                }
                tracing::info!(file = file(), bytes = rest.len(), "store: an unfinished write was passed over");
                replayed.torn = Some((path.clone(), at as u64));
                break;
            };
            for (key, written) in changes {
                replayed.version = replayed.version.max(written.version);
                replayed.table.put(Bytes::copy_from_slice(key), written);
            }
            replayed.latest.1 = frame;
            at += length;
        }
        replayed.latest.0 = number;
        replayed.bytes += bytes.len() as u64;
    }
    Ok(replayed)
}

/// Removes a store's files up to a number: sled holds what they say.
///
/// # Errors
/// When a file cannot be removed.
pub(super) fn forget(store: &Path, disk: &dyn Disk, through: u64) -> io::Result<()> {
    match remove(&store.join(FOLDER), disk, through) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// All that the tables hold, as frames numbered from after `last`, which becomes the last one's number.
fn frames_of(tables: &Tables, last: &mut u64) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    *last += 1;
    let mut draft = Draft::new(*last);
    tables.each(|key, written| {
        draft.push(key, written);
        if draft.len() > FRAME_BYTES {
            *last += 1;
            frames.push(std::mem::replace(&mut draft, Draft::new(*last)).finish());
        }
    });
    frames.push(draft.finish());
    frames
}

fn name(number: u64) -> String {
    format!("{number:08}{SUFFIX}")
}

fn begin(folder: &Path, disk: &dyn Disk, number: u64) -> io::Result<File> {
    let path = folder.join(name(number));
    // One that is there already was begun and not gone on with.
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    disk.sync_folder(folder)?;
    Ok(file)
}

fn remove(folder: &Path, disk: &dyn Disk, through: u64) -> io::Result<()> {
    // In order, so that what is left after a crash in between is the end of the journal.
    for (number, path) in files(folder)? {
        // The writer and the carrier may both let go of a file.
        if number <= through
            && let Err(error) = fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
    }
    disk.sync_folder(folder)
}

/// Its files, by number.
fn files(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(number) = name.strip_suffix(SUFFIX).and_then(|number| number.parse().ok()) {
            files.push((number, path));
        }
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests;
