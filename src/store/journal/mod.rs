//! The journal: every commit, in order, on the disk before anybody is answered. It is a row of files
//! (`journal/00000001.log` and so on) in which frame follows frame. What stands in them is worth more than
//! what sled holds: it is read back at every start. Once sled holds what a file says it is used again.
//!
//! A frame is written over bytes that the file has already, zeros or those of earlier frames: a sync then
//! has nothing to do but to bring these bytes to the disk. One that makes a file longer waits for the file
//! system's own journal, and so for everything else that is written on the machine.
//!
//! The writer appends; [`replay`] reads. Neither knows what the changes mean.

mod frame;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use self::frame::{Draft, FILE_HEAD, Found};
use super::disk::Disk;
use super::tables::{Table, Tables, Written};

/// The folder of its files, within the store's.
const FOLDER: &str = "journal";
const SUFFIX: &str = ".log";
/// A file that waits to be used again.
const SPARE: &str = ".spare";
/// Files that may wait for that.
const SPARES: usize = 2;
/// A file that takes the place of all others once it is whole.
const DRAFT: &str = "draft";
/// By how much a file is made longer.
const GROWTH: u64 = 1024 * 1024;
/// What is written anew goes into frames of about this size.
const FRAME_BYTES: usize = 4 * 1024 * 1024;
/// The memory of a frame that is larger than this is given back.
const BUFFER_BYTES: usize = 1024 * 1024;

/// The file that is being written.
pub(super) struct Journal {
    folder: PathBuf,
    disk: Arc<dyn Disk>,
    file: File,
    /// The file's number.
    number: u64,
    /// Where its whole frames end.
    length: u64,
    /// Where the file ends.
    size: u64,
    /// The number of the latest frame.
    frame: u64,
    /// Bytes of the files before it.
    older: u64,
    /// The memory of the latest frame, for the next one.
    buffer: Vec<u8>,
}

/// What the journal held.
#[derive(Default)]
pub(super) struct Replayed {
    /// Everything that sled may lack.
    pub(super) table: Table,
    /// The latest version in it.
    pub(super) version: u64,
    /// The number of the latest file.
    file: u64,
    /// The number of the latest frame.
    frame: u64,
    bytes: u64,
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
        for (_, path) in files(&folder, SUFFIX)? {
            disk.sync(&File::open(path)?)?;
        }
        let (number, frame, older) = (replayed.file + 1, replayed.frame, replayed.bytes);
        let (file, size) = begin(&folder, &*disk, number, frame + 1)?;
        let length = FILE_HEAD as u64;
        Ok(Self { folder, disk, file, number, length, size, frame, older, buffer: Vec::new() })
    }

    /// Appends a group. It is not on the disk yet; if this fails, nothing of it is in the journal: a part of
    /// a frame is none, and the next one is written over it.
    pub(super) fn append<'a>(
        &mut self,
        changes: impl Iterator<Item = (&'a [u8], &'a Written)>,
    ) -> io::Result<()> {
        let mut draft = Draft::over(std::mem::take(&mut self.buffer), self.frame + 1);
        changes.for_each(|(key, written)| draft.push(key, written));
        let bytes = draft.finish();
        let end = self.length + bytes.len() as u64;
        if end > self.size {
            let size = end.next_multiple_of(GROWTH);
            let zeros = vec![0; usize::try_from(size - self.size).unwrap_or_default()];
            self.disk.write(&self.file, &zeros, self.size)?;
            self.size = size;
        }
        self.disk.write(&self.file, &bytes, self.length)?;
        self.length = end;
        self.frame += 1;
        if bytes.capacity() <= BUFFER_BYTES {
            self.buffer = bytes;
        }
        Ok(())
    }

    /// Returns once everything appended is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.disk.sync(&self.file)
    }

    /// Ends this file and begins the next one; returns the number of the one that ended.
    pub(super) fn turn(&mut self) -> io::Result<u64> {
        self.sync()?;
        let ended = self.number;
        let (file, size) = begin(&self.folder, &*self.disk, ended + 1, self.frame + 1)?;
        self.older += self.size;
        (self.file, self.number, self.length, self.size) = (file, ended + 1, FILE_HEAD as u64, size);
        Ok(ended)
    }

    /// Writes everything that sled does not hold for sure once more, into a new file that takes the place of
    /// all others: after a failed sync nobody knows what they hold. What was refused is gone from the disk
    /// before anything else is acknowledged.
    pub(super) fn rewrite(&mut self, tables: &Tables) -> io::Result<()> {
        let draft = self.folder.join(DRAFT);
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        let number = self.number + 1;
        let mut frame = self.frame;
        let head = frame::file_head(number, frame + 1);
        let mut length = 0;
        for bytes in std::iter::once(head).chain(frames_of(tables, &mut frame)) {
            self.disk.write(&file, &bytes, length)?;
            length += bytes.len() as u64;
        }
        self.disk.sync(&file)?;
        fs::rename(&draft, self.folder.join(name(number, SUFFIX)))?;
        (self.file, self.number, self.length, self.size) = (file, number, length, length);
        (self.frame, self.older) = (frame, 0);
        remove(&self.folder, &*self.disk, number - 1)
    }

    /// Sled holds what the files before this one say, and they are gone.
    pub(super) const fn carried(&mut self) {
        self.older = 0;
    }

    /// Bytes of frames in the file that is being written.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Bytes of all its files.
    pub(super) const fn bytes(&self) -> u64 {
        self.older + self.size
    }
}

/// Reads everything that the journal of a store holds. What was cut off at the very end was never
/// acknowledged and is passed over; what others follow is damage.
///
/// # Errors
/// When a file cannot be read, or makes no sense in its middle.
pub(super) fn replay(store: &Path) -> Result<Replayed, ReplayError> {
    let mut replayed = Replayed::default();
    let files = match files(&store.join(FOLDER), SUFFIX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(replayed),
        files => files?,
    };
    // Where what is left of the file before ends, should there be damage.
    let mut end: Option<(PathBuf, usize)> = None;
    let mut rest_of_last = Vec::new();
    for (number, path) in files {
        let mut bytes = fs::read(&path)?;
        let mut at = 0;
        if let Some(first) = frame::read_file_head(&bytes, number) {
            if let Some((before, at)) = end.take_if(|_| first != replayed.frame + 1) {
                return Err(damaged(&before, at));
            }
            replayed.frame = first - 1;
            at = FILE_HEAD;
        }
        while let Some(Found::Frame(frame, changes, length)) = bytes.get(at..).map(frame::read)
            && at > 0
            && frame == replayed.frame + 1
        {
            for (key, written) in changes {
                replayed.version = replayed.version.max(written.version);
                replayed.table.put(Bytes::copy_from_slice(key), written);
            }
            replayed.frame = frame;
            at += length;
        }
        (replayed.file, replayed.bytes) = (number, replayed.bytes + bytes.len() as u64);
        end = Some((path, at));
        rest_of_last = bytes.split_off(at.min(bytes.len()));
    }
    match end {
        Some((path, at)) if frame::is_followed(&rest_of_last, replayed.frame) => Err(damaged(&path, at)),
        _ => Ok(replayed),
    }
}

fn damaged(path: &Path, at: usize) -> ReplayError {
    ReplayError::Damaged { file: path.display().to_string(), at }
}

/// Lets go of a store's files up to a number, since sled holds what they say; a few of them wait to be used
/// again.
///
/// # Errors
/// When a file cannot be renamed or removed.
pub(super) fn forget(store: &Path, disk: &dyn Disk, through: u64) -> io::Result<()> {
    let folder = store.join(FOLDER);
    let mut spares = files(&folder, SPARE)?.len();
    for (number, path) in files(&folder, SUFFIX)? {
        if number <= through && spares < SPARES && gone(fs::rename(&path, folder.join(name(number, SPARE))))?
        {
            spares += 1;
        }
    }
    remove(&folder, disk, through)
}

/// Removes everything: sled holds what it says.
///
/// # Errors
/// When a file cannot be removed.
pub(super) fn remove_all(store: &Path, disk: &dyn Disk) -> io::Result<()> {
    let folder = store.join(FOLDER);
    match files(&folder, SPARE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        spares => spares?.into_iter().try_for_each(|(_, path)| fs::remove_file(path))?,
    }
    remove(&folder, disk, u64::MAX)
}

/// All that the tables hold, as frames numbered from after `last`, which becomes the last one's number.
fn frames_of(tables: &Tables, last: &mut u64) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    *last += 1;
    let mut draft = Draft::over(Vec::new(), *last);
    tables.each(|key, written| {
        draft.push(key, written);
        if draft.len() > FRAME_BYTES {
            *last += 1;
            frames.push(std::mem::replace(&mut draft, Draft::over(Vec::new(), *last)).finish());
        }
    });
    frames.push(draft.finish());
    frames
}

fn name(number: u64, suffix: &str) -> String {
    format!("{number:08}{suffix}")
}

/// Begins a file, in the place of a spare one where there is one; returns it and its size. Until its head is
/// on the disk nobody takes what stands in it for the journal's.
fn begin(folder: &Path, disk: &dyn Disk, number: u64, first: u64) -> io::Result<(File, u64)> {
    let path = folder.join(name(number, SUFFIX));
    if let Some((_, spare)) = files(folder, SPARE)?.pop() {
        fs::rename(spare, &path)?;
    }
    let mut options = OpenOptions::new();
    // One that is there already is a spare, or was begun and not gone on with.
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(path)?;
    disk.write(&file, &frame::file_head(number, first), 0)?;
    disk.sync(&file)?;
    disk.sync_folder(folder)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

fn remove(folder: &Path, disk: &dyn Disk, through: u64) -> io::Result<()> {
    // In order, so that what is left after a crash in between is the end of the journal.
    for (number, path) in files(folder, SUFFIX)? {
        if number <= through {
            gone(fs::remove_file(path))?;
        }
    }
    disk.sync_folder(folder)
}

/// Whether a file was there to be let go of: the writer and the carrier may both try.
fn gone(done: io::Result<()>) -> io::Result<bool> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        done => done.map(|()| true),
    }
}

/// Its files with a suffix, by number.
fn files(folder: &Path, suffix: &str) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(number) = name.strip_suffix(suffix).and_then(|number| number.parse().ok()) {
            files.push((number, path));
        }
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests;
