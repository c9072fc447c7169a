//! Brings an older store to the format of today when it is opened, one format after the other. Each page
//! of a step is one atomic batch that also notes how far it came, so a step that is cut short goes on
//! where it stopped.

use std::collections::BTreeMap;
use std::path::Path;

use appengine_actors::queue::format::{into_lines, note_awaited};
use appengine_actors::store::{Key, StoreError, Versioned};

use super::carrier::Home;
use super::sled::{Engine, View};
use super::{OpenError, at, blocks, codec, plain};

/// The formats that this program understands, and how to get from one to the next.
pub(super) struct Plan<'a> {
    /// The oldest format that can be opened.
    pub(super) oldest: u64,
    /// What leads from each format to the next, beginning with the oldest.
    pub(super) steps: &'a [&'a Rewrite<'a>],
}

/// What becomes of one entry. It is also shown what it has written itself,
/// where that sorts after the entry it came from, and must leave that alone.
pub(super) type Rewrite<'a> = dyn Fn(&[u8], &Versioned) -> Result<Rewritten, String> + Sync + 'a;

/// What a step makes of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rewritten {
    /// Nothing changes.
    Same,
    /// These take its place. None at all removes it.
    Entries(Vec<(Key, Versioned)>),
}

/// The formats so far: 1, each entry by itself; 2, the same entries in blocks; 3, jobs that wait stand in lines;
/// 4, of a job that others wait for it is noted.
pub(super) const PLAN: Plan<'static> =
    Plan { oldest: 1, steps: &[&|_, _| Ok(Rewritten::Same), &lines, &awaited] };

fn awaited(key: &[u8], found: &Versioned) -> Result<Rewritten, String> {
    Ok(note_awaited(key, found).map_or(Rewritten::Same, Rewritten::Entries))
}

fn lines(key: &[u8], found: &Versioned) -> Result<Rewritten, String> {
    let moved = into_lines(key, found).map_err(|error| error.to_string())?;
    Ok(moved.map_or(Rewritten::Same, Rewritten::Entries))
}

/// Entries and bytes of one page.
const PAGE_ENTRIES: usize = 512;
const PAGE_BYTES: usize = 4 * 1024 * 1024;

impl Plan<'_> {
    /// The format that a store has after opening.
    pub(super) fn current(&self) -> u64 {
        self.oldest + self.steps.len() as u64
    }
}

/// How a store stands to a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is nothing in it.
    New,
    /// It is in the format of today.
    Current,
    /// It is in an older format, and carried over to the next one up to this key.
    Older(u64, Option<Vec<u8>>),
}

/// How a store stands to a plan, before anything is done to it.
///
/// # Errors
/// When its format is too new or too old, or sled cannot be read.
pub(super) fn standing(engine: &Engine, folder: &Path, plan: &Plan<'_>) -> Result<Standing, OpenError> {
    let known = plan.current();
    let (found, begun, empty) = engine.read(read_notes).map_err(|error| at(folder, error))?;
    let Some(format) = found else {
        let detail = "it holds something, but no format is noted".into();
        let damaged = || OpenError::Damaged { folder: folder.into(), detail };
        return if empty { Ok(Standing::New) } else { Err(damaged()) };
    };
    let newest = begun.as_ref().map_or(format, |(to, _)| format.max(*to));
    if newest > known {
        return Err(OpenError::Newer { folder: folder.into(), found: newest, known });
    }
    if format < plan.oldest {
        return Err(OpenError::Unknown { folder: folder.into(), found: format });
    }
    let after = begun.filter(|(to, after)| *to == format + 1 && !after.is_empty()).map(|(_, after)| after);
    Ok(if format == known { Standing::Current } else { Standing::Older(format, after) })
}

/// Brings the store to the plan's current format; a new one is in it from the start.
///
/// # Errors
/// When the format is too new or too old, or an entry cannot be carried over.
pub(super) fn bring_up(home: &Home, plan: &Plan<'_>) -> Result<(), OpenError> {
    let folder = home.folder.as_path();
    let (mut format, mut after) = match standing(&home.engine, folder, plan)? {
        Standing::Current => return Ok(()),
        Standing::New => {
            let note = (codec::FORMAT.to_vec(), Some(codec::pack_number(plan.current())));
            return home.settle([], [note]).map_err(|reason| OpenError::Io { folder: folder.into(), reason });
        }
        Standing::Older(format, after) => (format, after),
    };
    let done = usize::try_from(format - plan.oldest).unwrap_or(usize::MAX);
    for rewrite in plan.steps.iter().skip(done) {
        let to = format + 1;
        tracing::info!(folder = %folder.display(), format, to, "store: migration begins");
        let carried = carry_over(home, to, after.take(), *rewrite);
        carried.map_err(|reason| OpenError::Migration { folder: folder.into(), to, reason })?;
        format = to;
    }
    Ok(())
}

type Notes = (Option<u64>, Option<(u64, Vec<u8>)>, bool);

/// The format, the migration that was begun, and whether there is nothing at all.
fn read_notes(view: View<'_>) -> Result<Notes, StoreError> {
    let number = |stored: &[u8]| codec::unpack_number(codec::FORMAT, stored);
    let format = view.get(codec::FORMAT)?.map(|stored| number(stored.as_ref())).transpose()?;
    let begun = match view.get(codec::MIGRATION)? {
        Some(stored) => {
            let (to, after) = stored.as_ref().split_at(stored.as_ref().len().min(8));
            Some((codec::unpack_number(codec::MIGRATION, to)?, after.to_vec()))
        }
        None => None,
    };
    Ok((format, begun, blocks::is_empty(view)? && plain::is_empty(view)?))
}

/// Brings a store of format 1 into blocks. A program that knows no blocks refuses it from then on.
///
/// # Errors
/// When an entry makes no sense, or the disk says no.
pub(super) fn bring_into_blocks(home: &Home) -> Result<(), String> {
    let plain = home.engine.read(|view| Ok(!plain::is_empty(view)?)).map_err(|error| error.to_string())?;
    if !plain {
        return Ok(());
    }
    let note = 2_u64.to_be_bytes().to_vec();
    home.settle([], [(codec::MIGRATION.to_vec(), Some(note))])?;
    plain::adopt(home)
}

fn carry_over(home: &Home, to: u64, mut after: Option<Key>, rewrite: &Rewrite<'_>) -> Result<(), String> {
    loop {
        let page =
            home.engine.read(|view| read_page(view, after.as_deref())).map_err(|error| error.to_string())?;
        let Some((last, _)) = page.last() else {
            let format = (codec::FORMAT.to_vec(), Some(codec::pack_number(to)));
            return home.settle([], [format, (codec::MIGRATION.to_vec(), None)]);
        };
        let last = last.clone();
        let mut edits = BTreeMap::new();
        for (key, found) in page {
            let rewritten = rewrite(&key, &found);
            let rewritten =
                rewritten.map_err(|reason| format!("{:?}: {reason}", String::from_utf8_lossy(&key)))?;
            if let Rewritten::Entries(entries) = rewritten {
                edits.insert(key.into(), None);
                edits.extend(entries.into_iter().map(|(key, found)| (key.into(), Some(found))));
            }
        }
        let note = [&to.to_be_bytes(), last.as_slice()].concat();
        home.settle(edits, [(codec::MIGRATION.to_vec(), Some(note))])?;
        after = Some(last);
    }
}

fn read_page(view: View<'_>, after: Option<&[u8]>) -> Result<Vec<(Key, Versioned)>, StoreError> {
    let scan = after.map_or_else(blocks::all, |last| blocks::all().after(last));
    let mut page = Vec::new();
    let mut bytes = 0;
    for entry in blocks::range(view, (&scan.from, &scan.to), false, true).take(PAGE_ENTRIES) {
        let (key, found) = entry?;
        bytes += key.len() + found.value.len();
        page.push((key, found));
        if bytes >= PAGE_BYTES {
            break;
        }
    }
    Ok(page)
}
