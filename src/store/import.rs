//! Restores what export wrote, with every version, into an empty store. It takes a file whole or not at
//! all: what does not end as it was written is taken out again. `appengine import` runs it.

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use appengine_actors::store::{MAX_VALUE_BYTES, StoreError, Versioned};

use super::blocks::{self, Edit};
use super::carrier::Home;
use super::disk::check_room;
use super::line::{Entry, Header, Running, Trailer, is_trailer, read_entry, read_frame};
use super::sled::{Change, Engine};
use super::{OpenError, Options, at, codec, migrate, open_home};

/// Entries and bytes of one batch.
const BATCH_ENTRIES: usize = 512;
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// No line that export writes is longer.
const LINE_BYTES: u64 = 8 * 1024 * 1024;

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The store does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is something in the store.
    #[error("import into {}: it is not empty; move the folder away or choose another", folder.display())]
    NotEmpty {
        /// Where the store lies.
        folder: PathBuf,
    },
    /// A line is not what export wrote.
    #[error("import line {line}: {reason}; nothing was imported")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The file cannot be read.
    #[error("read the export: {0}")]
    Read(#[from] io::Error),
    /// The store does not take it.
    #[error("write what was imported: {0}")]
    Write(String),
}

/// Fills the empty store in `folder`, which is made if it is not there, and returns the number of entries.
///
/// # Errors
/// Names the line that is not as export wrote it.
pub fn import(folder: &Path, options: &Options, input: &mut impl BufRead) -> Result<u64, ImportError> {
    let into = Target { home: open_home(folder, options)?, reserve_bytes: options.reserve_bytes };
    let imported = into.begin(folder).and_then(|()| match into.read_all(input) {
        Ok(entries) => Ok(entries),
        Err(refused) => into.clear().map_or_else(Err, |()| Err(refused)),
    });
    // An export of an older format is migrated like an older store.
    let imported = imported.and_then(|entries| {
        migrate::bring_up(&into.home, &migrate::PLAN)?;
        Ok(entries)
    });
    into.home.engine.close();
    imported
}

/// Refuses a store that holds only a part of what was to be imported.
///
/// # Errors
/// Says that the import has to be run again.
pub(super) fn refuse_unfinished(engine: &Engine, folder: &Path) -> Result<(), OpenError> {
    let begun = engine.read(|view| Ok(view.get(codec::IMPORT)?.is_some()));
    match begun.map_err(|error| at(folder, error))? {
        true => Err(OpenError::HalfImported { folder: folder.into() }),
        false => Ok(()),
    }
}

struct Target {
    home: Home,
    reserve_bytes: u64,
}

impl Target {
    /// Marks the store as being imported into; takes out what an import that was cut short left.
    fn begin(&self, folder: &Path) -> Result<(), ImportError> {
        let found =
            self.home.engine.read(|view| Ok((view.get(codec::IMPORT)?.is_some(), !blocks::is_empty(view)?)));
        match found.map_err(|error| ImportError::Write(error.to_string()))? {
            (true, _) => self.clear()?,
            (false, true) => return Err(ImportError::NotEmpty { folder: folder.into() }),
            (false, false) => {}
        }
        self.settle(Vec::new(), vec![(codec::IMPORT.to_vec(), Some(Vec::new()))])
    }

    fn read_all(&self, input: &mut impl BufRead) -> Result<u64, ImportError> {
        let mut lines = Lines { input, running: Running::default(), text: String::new(), number: 0 };
        let header: Header = lines.next(|body, _| read_frame(body))?;
        let (oldest, current) = (migrate::PLAN.oldest, migrate::PLAN.current());
        if header.appengine != "export" || !(oldest..=current).contains(&header.format) {
            let reason = format!("it is not the first line of an export of format {oldest} to {current}");
            return Err(lines.refuse(reason));
        }
        let mut progress = Progress::default();
        let commits = loop {
            match lines.next(|body, before| read_line(body, before, &progress))? {
                Line::Last(trailer) => break trailer.end.commits,
                Line::Entry(entry) => progress.add(entry),
            }
            if progress.batch.len() >= BATCH_ENTRIES || progress.bytes >= BATCH_BYTES {
                self.write(&mut progress, Vec::new())?;
            }
        };
        lines.expect_end()?;
        let notes = vec![
            (codec::COMMITS.to_vec(), Some(codec::pack_number(commits))),
            (codec::FORMAT.to_vec(), Some(codec::pack_number(header.format))),
            (codec::IMPORT.to_vec(), None),
        ];
        self.write(&mut progress, notes)?;
        Ok(progress.entries)
    }

    fn write(&self, progress: &mut Progress, notes: Vec<Change>) -> Result<(), ImportError> {
        check_room(&*self.home.disk, self.reserve_bytes, progress.bytes).map_err(ImportError::Write)?;
        progress.bytes = 0;
        self.settle(std::mem::take(&mut progress.batch), notes)
    }

    /// Takes out every entry, then the mark.
    fn clear(&self) -> Result<(), ImportError> {
        loop {
            let page = self.home.engine.read(|view| {
                let all = blocks::all();
                let entries = blocks::range(view, (&all.from, &all.to), false, false).take(BATCH_ENTRIES);
                entries.map(|entry| Ok((entry?.0.into(), None))).collect::<Result<Vec<Edit>, StoreError>>()
            });
            let page = page.map_err(|error| ImportError::Write(error.to_string()))?;
            if page.is_empty() {
                return self.settle(Vec::new(), vec![(codec::IMPORT.to_vec(), None)]);
            }
            self.settle(page, Vec::new())?;
        }
    }

    fn settle(&self, edits: Vec<Edit>, notes: Vec<Change>) -> Result<(), ImportError> {
        self.home.settle(edits, notes).map_err(ImportError::Write)
    }
}

/// What has been read so far.
#[derive(Default)]
struct Progress {
    batch: Vec<Edit>,
    bytes: usize,
    entries: u64,
    last_key: Option<Vec<u8>>,
    last_version: u64,
}

impl Progress {
    fn add(&mut self, entry: Entry) {
        self.entries += 1;
        self.last_version = self.last_version.max(entry.version);
        self.bytes += entry.key.len() + entry.value.len();
        let found = Versioned { version: entry.version, value: entry.value.into() };
        self.batch.push((entry.key.clone().into(), Some(found)));
        self.last_key = Some(entry.key);
    }
}

enum Line {
    Entry(Entry),
    Last(Trailer),
}

/// A line after the first, if it may follow what has been read.
fn read_line(body: &str, before: &Running, so_far: &Progress) -> Result<Line, String> {
    if is_trailer(body) {
        let trailer: Trailer = read_frame(body)?;
        let end = &trailer.end;
        if end.entries != so_far.entries || end.sha256 != before.sha256() || end.commits < so_far.last_version
        {
            return Err("it does not belong to the lines before it".into());
        }
        return Ok(Line::Last(trailer));
    }
    let entry = read_entry(body)?;
    if so_far.last_key.as_ref().is_some_and(|last| *last >= entry.key) {
        return Err("its key does not follow the one before it".into());
    }
    if entry.value.len() > MAX_VALUE_BYTES {
        return Err(format!("its value is over the limit of {MAX_VALUE_BYTES} bytes"));
    }
    Ok(Line::Entry(entry))
}

/// The lines of a file, each checked against all before it.
struct Lines<'a, R> {
    input: &'a mut R,
    running: Running,
    text: String,
    number: u64,
}

impl<R: BufRead> Lines<'_, R> {
    /// Reads the next line by its members and the digest of the lines before it.
    fn next<T>(&mut self, read: impl FnOnce(&str, &Running) -> Result<T, String>) -> Result<T, ImportError> {
        self.number += 1;
        let before = self.running.clone();
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        bytes.clear();
        self.input.by_ref().take(LINE_BYTES).read_until(b'\n', &mut bytes)?;
        let line = String::from_utf8(bytes).map_err(|_| self.refuse("it is not UTF-8".into()))?;
        if line.is_empty() {
            return Err(self.refuse("the file ends before it; a part is missing".into()));
        }
        let read = self.running.unseal(&line).map_err(String::from).and_then(|body| read(body, &before));
        self.text = line;
        read.map_err(|reason| self.refuse(reason))
    }

    fn expect_end(&mut self) -> Result<(), ImportError> {
        self.number += 1;
        match self.input.fill_buf()?.is_empty() {
            true => Ok(()),
            false => Err(self.refuse("it comes after the last line of the export".into())),
        }
    }

    fn refuse(&self, reason: String) -> ImportError {
        ImportError::Line { line: self.number, reason }
    }
}
