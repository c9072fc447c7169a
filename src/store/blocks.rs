//! Entries as sled keeps them: in blocks, each under the least key that it may hold, so that a key is in
//! the last block that does not begin after it. Reads entries out of blocks, and works changes of entries
//! into them. Sled itself, and what it calls a key, are in [`super::sled`].

use std::iter::Peekable;
use std::ops::{Bound, Range};

use appengine_actors::store::{Key, Scan, StoreError, Versioned, successor};
use bytes::Bytes;

use super::block::{Block, divide};
use super::queue::MAX_KEY_BYTES;
use super::sled::{Change, View};

/// What the keys of blocks begin with; no key of the store's own notes does, nor one of format 1.
const MARK: u8 = 2;
const FIRST: &[u8] = &[MARK];
const END: &[u8] = &[MARK + 1];

/// What a key shall hold from now on, or that it shall hold nothing.
pub(super) type Edit = (Bytes, Option<Versioned>);

fn stored_key(key: &[u8]) -> Vec<u8> {
    [FIRST, key].concat()
}

/// What a key holds.
///
/// # Errors
/// When sled or the block cannot be read.
pub(super) fn get(view: View<'_>, key: &[u8]) -> Result<Option<Versioned>, StoreError> {
    let Some((at, bytes)) = view.floor(FIRST, &stored_key(key))? else { return Ok(None) };
    let block = Block::read(at.as_ref(), bytes)?;
    let (index, found) = block.find(key);
    Ok(found.then(|| block.value(index)))
}

/// Entries from `from` to before `to`, in order or in reverse; without `values` these are empty and of
/// version 0. Blocks that are divided meanwhile show no entry twice.
pub(super) fn range<'a>(
    view: View<'a>,
    (from, to): (&[u8], &[u8]),
    descending: bool,
    values: bool,
) -> impl Iterator<Item = Result<(Key, Versioned), StoreError>> + use<'a> {
    let (mut bounds, end) = ((from.to_vec(), to.to_vec()), stored_key(to));
    // The first keys may be in a block that begins before them.
    let first = view.floor(FIRST, &stored_key(from)).map(|found| found.map(|(at, _)| at.as_ref().to_vec()));
    let (mut failure, begin) = match first {
        Ok(first) => (None, first.unwrap_or_else(|| FIRST.to_vec())),
        Err(error) => (Some(error), FIRST.to_vec()),
    };
    let mut blocks = view.range(Bound::Included(&begin), &end, descending);
    let mut current: Option<(Block<_>, Range<usize>)> = None;
    std::iter::from_fn(move || {
        if let Some(error) = failure.take() {
            return Some(Err(error));
        }
        loop {
            if let Some((block, left)) = &mut current {
                let next = if descending { left.next_back() } else { left.next() };
                if let Some(index) = next {
                    let key = block.key(index);
                    // What comes now lies beyond it, however blocks are divided.
                    match descending {
                        true => bounds.1.clone_from(&key),
                        false => bounds.0 = successor(&key),
                    }
                    return Some(Ok((key, if values { block.value(index) } else { NO_VALUE })));
                }
            }
            let read = blocks.next()?.and_then(|(at, bytes)| Block::read(at.as_ref(), bytes));
            match read {
                Ok(block) => {
                    let within = block.find(&bounds.0).0..block.find(&bounds.1).0;
                    current = Some((block, within));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    })
}

/// What a scan for keys alone says of a value.
pub(super) const NO_VALUE: Versioned = Versioned { version: 0, value: Bytes::new() };

/// Works the first of these edits, and up to `most` with it that belong to the same block, into that block:
/// what is to be changed in sled as one, or none when there are no more edits. They come in the order of
/// their keys, each key once.
///
/// # Errors
/// When sled or the block cannot be read.
pub(super) fn merge(
    view: View<'_>,
    edits: &mut Peekable<impl Iterator<Item = Edit>>,
    most: usize,
) -> Result<Option<Vec<Change>>, StoreError> {
    let Some((key, _)) = edits.peek() else { return Ok(None) };
    let key = stored_key(key);
    let floor = view.floor(FIRST, &key)?;
    let at = floor.as_ref().map(|(at, _)| at.as_ref().to_vec());
    let after = at.as_deref().unwrap_or(&key);
    let next = view.range(Bound::Excluded(after), END, false).next().transpose()?;
    let next = next.map(|(at, _)| at);
    let fits = |key: &Bytes| match &next {
        Some(next) => next.as_ref().get(1..).is_none_or(|next| key[..] < *next),
        None => true,
    };
    let block = floor.map(|(at, bytes)| Block::read(at.as_ref(), bytes)).transpose()?;
    let count = block.as_ref().map_or(0, Block::len);
    let (mut kept, mut merged) = (0, Vec::with_capacity(count + 8));
    let old = |index: usize| block.as_ref().map(|block| (block.key(index).into(), block.value(index)));
    let mut taken = 0;
    while taken < most
        && let Some((key, value)) = edits.next_if(|(key, _)| fits(key))
    {
        taken += 1;
        let (before, there) = block.as_ref().map_or((0, false), |block| block.find(&key));
        merged.extend((kept..before).filter_map(old));
        kept = before + usize::from(there);
        merged.extend(value.map(|value| (key, value)));
    }
    merged.extend((kept..count).filter_map(old));
    let mut changes = Vec::new();
    let mut parts = divide(&merged).into_iter();
    if let Some(at) = at {
        // It keeps its place in sled, although its first key may have gone.
        changes.push((at, parts.next().map(|(_, bytes)| bytes)));
    }
    changes.extend(parts.map(|(first, bytes)| (stored_key(&first), Some(bytes))));
    Ok(Some(changes))
}

/// Every key that an entry can have.
pub(super) fn all() -> Scan {
    Scan {
        from: Vec::new(),
        to: vec![u8::MAX; MAX_KEY_BYTES + 1],
        descending: false,
        limit: usize::MAX,
        keys_only: false,
    }
}

/// Whether there is any entry.
///
/// # Errors
/// When sled cannot be read.
pub(super) fn is_empty(view: View<'_>) -> Result<bool, StoreError> {
    Ok(view.range(Bound::Included(FIRST), END, false).next().transpose()?.is_none())
}
