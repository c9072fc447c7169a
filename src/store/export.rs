//! Writes everything a store holds as NDJSON, page by page, in the order of keys. It opens the store by
//! itself, so nothing is written meanwhile; `appengine export` runs it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use appengine_actors::store::{StoreError, Versioned};

use super::line::{End, Entry, Header, Running, Trailer, write_entry, write_frame};
use super::sled::{DATA_FILE, Engine, View};
use super::{OpenError, Options, blocks, migrate, open_home, writer};

/// Entries read at once.
const PAGE: usize = 256;

/// Why an export stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is no store.
    #[error("export {}: there is no store", folder.display())]
    Nothing {
        /// Where one should be.
        folder: PathBuf,
    },
    /// The store does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An entry cannot be read.
    #[error("export: {0}")]
    Read(#[from] StoreError),
    /// The file or pipe takes no more.
    #[error("write the export: {0}")]
    Write(#[from] io::Error),
    /// A line cannot be made, which is a fault of this program.
    #[error("write a line of the export: {0}")]
    Line(#[from] serde_json::Error),
}

/// Writes the store in `folder` to `out` and returns the number of entries. No other process may have the
/// store open.
///
/// # Errors
/// Says what could not be opened, read or written.
pub fn export(folder: &Path, options: &Options, out: &mut impl Write) -> Result<u64, ExportError> {
    if !folder.join(DATA_FILE).exists() {
        return Err(ExportError::Nothing { folder: folder.into() });
    }
    let engine = open_home(folder, options)?.engine;
    super::import::refuse_unfinished(&engine, folder)?;
    let exported = write_all(&engine, out);
    engine.close();
    exported
}

fn write_all(engine: &Engine, out: &mut impl Write) -> Result<u64, ExportError> {
    let mut running = Running::default();
    let header = Header { appengine: "export".into(), format: migrate::PLAN.current() };
    out.write_all(running.seal(&write_frame(&header)?).as_bytes())?;
    let mut entries = 0;
    let mut last: Option<Vec<u8>> = None;
    loop {
        let page = engine.read(|view| read_page(view, last.as_deref()))?;
        let Some(end) = page.last() else { break };
        last = Some(end.key.clone());
        for entry in &page {
            out.write_all(running.seal(&write_entry(entry)?).as_bytes())?;
            entries += 1;
        }
    }
    let commits = engine.read(writer::latest_version)?;
    let end = End { entries, commits, sha256: running.sha256() };
    out.write_all(running.seal(&write_frame(&Trailer { end })?).as_bytes())?;
    out.flush()?;
    Ok(entries)
}

fn read_page(view: View<'_>, after: Option<&[u8]>) -> Result<Vec<Entry>, StoreError> {
    let scan = after.map_or_else(blocks::all, |last| blocks::all().after(last));
    let entries = blocks::range(view, (&scan.from, &scan.to), false, true).take(PAGE);
    entries
        .map(|entry| {
            entry.map(|(key, Versioned { version, value })| Entry { key, version, value: value.to_vec() })
        })
        .collect()
}
