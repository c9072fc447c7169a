//! Format 1, in which sled kept each entry by itself: a mark and the key, and behind a layout byte and the
//! version the value. A store of that format is brought into blocks when it is opened.

use std::ops::Bound;

use appengine_actors::store::{StoreError, Versioned};
use bytes::Bytes;

use super::blocks::Edit;
use super::carrier::Home;
use super::codec::damaged;
use super::sled::{Change, View};

const LAYOUT: u8 = 1;
/// The layout byte and the version, big-endian.
const HEADER: usize = 9;
/// The first key that an entry can have, and the first that none can.
const ENTRIES: (&[u8], &[u8]) = (&[1], &[2]);
/// Entries of one step.
const PAGE: usize = 512;

/// Whether there is any entry of format 1.
///
/// # Errors
/// When sled cannot be read.
pub(super) fn is_empty(view: View<'_>) -> Result<bool, StoreError> {
    Ok(view.range(Bound::Included(ENTRIES.0), ENTRIES.1, false).next().transpose()?.is_none())
}

/// Brings every entry of format 1 into blocks. Each page is one batch, so that it may be cut short.
///
/// # Errors
/// When an entry is not what format 1 had, or the disk says no.
pub(super) fn adopt(home: &Home) -> Result<(), String> {
    loop {
        let page = home.engine.read(|view| {
            let page: Vec<_> = view
                .range(Bound::Included(ENTRIES.0), ENTRIES.1, false)
                .take(PAGE)
                .map(|found| found.and_then(|(at, stored)| Ok((at.as_ref().to_vec(), entry(&at, &stored)?))))
                .collect::<Result<_, StoreError>>()?;
            let (removed, edits): (Vec<Change>, Vec<Edit>) =
                page.into_iter().map(|(at, edit)| ((at, None), edit)).unzip();
            Ok((removed, edits))
        });
        let (removed, edits) = page.map_err(|error| error.to_string())?;
        if edits.is_empty() {
            return Ok(());
        }
        home.settle(edits, removed)?;
    }
}

fn entry(at: &impl AsRef<[u8]>, stored: &impl AsRef<[u8]>) -> Result<Edit, StoreError> {
    let at = at.as_ref();
    let Some((&[LAYOUT, ref version @ ..], value)) = stored.as_ref().split_first_chunk::<HEADER>() else {
        return Err(damaged(at, "holds a value of an unknown layout"));
    };
    let version = u64::from_be_bytes(*version);
    let found = Versioned { version, value: Bytes::copy_from_slice(value) };
    Ok((Bytes::copy_from_slice(at.get(1..).unwrap_or_default()), Some(found)))
}

/// An entry as format 1 had it.
#[cfg(test)]
pub(super) fn stored(key: &[u8], version: u64, value: &[u8]) -> Change {
    let value = [&[LAYOUT][..], &version.to_be_bytes(), value].concat();
    ([ENTRIES.0, key].concat(), Some(value))
}
