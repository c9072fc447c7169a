//! The bytes of a block: entries that stand beside each other, in the order of their keys. Sled keeps
//! blocks, not entries: it takes the same work, and much more memory than its bytes, for whatever it keeps.
//!
//! ```text
//! layout u8 | entries u32 | prefix length u16 | prefix | end of each entry u32 … | entries …
//! entry:  rest of the key: length u16, bytes | version u64 | value
//! ```
//! Numbers are big-endian. All keys of a block begin with its prefix.

use appengine_actors::store::{Key, StoreError, Versioned};
use bytes::Bytes;

use super::codec::damaged;

/// The layout that this program writes. A block of another one is refused, not guessed at.
const LAYOUT: u8 = 2;
const HEADER: usize = 7;
/// The version and the length of the key's rest.
const ENTRY_HEADER: usize = 10;
/// A block of more bytes is divided, unless it is a single entry.
const MOST_BYTES: usize = 8 * 1024;
/// What the parts are then made to hold, so that they can grow.
const PART_BYTES: usize = 6 * 1024;

/// Entries as they lie in the bytes of a block, all of which were looked at.
pub(super) struct Block<B> {
    bytes: B,
    count: usize,
    /// Where the prefix ends and the ends of entries begin.
    ends: usize,
    /// Where the first entry begins.
    body: usize,
}

/// An entry, its key without the block's prefix.
struct Place<'a> {
    rest: &'a [u8],
    version: u64,
    value: &'a [u8],
}

impl<B: AsRef<[u8]>> Block<B> {
    /// Reads the block that a stored key holds.
    ///
    /// # Errors
    /// When the bytes are not what [`divide`] makes.
    pub(super) fn read(stored_key: &[u8], bytes: B) -> Result<Self, StoreError> {
        let all = bytes.as_ref();
        let Some((&[LAYOUT, a, b, c, d, e, f], _)) = all.split_first_chunk::<HEADER>() else {
            return Err(damaged(stored_key, "holds a block of an unknown layout"));
        };
        let count = u32::from_be_bytes([a, b, c, d]) as usize;
        let ends = HEADER + usize::from(u16::from_be_bytes([e, f]));
        let broken = || damaged(stored_key, "holds a block that makes no sense");
        let body = count.checked_mul(4).and_then(|bytes| bytes.checked_add(ends)).ok_or_else(broken)?;
        let block = Self { count, ends, body, bytes };
        let whole = (0..count).try_fold(body, |begin, index| {
            let end = block.end(index).filter(|&end| end <= block.bytes.as_ref().len())?;
            split(block.bytes.as_ref().get(begin..end)?).map(|_| end)
        });
        if whole == Some(block.bytes.as_ref().len()) { Ok(block) } else { Err(broken()) }
    }

    /// How many entries there are.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// The key of the entry at an index below [`Self::len`].
    pub(super) fn key(&self, index: usize) -> Key {
        [self.prefix(), self.place(index).rest].concat()
    }

    /// What the entry at an index below [`Self::len`] holds.
    pub(super) fn value(&self, index: usize) -> Versioned {
        let Place { version, value, .. } = self.place(index);
        Versioned { version, value: Bytes::copy_from_slice(value) }
    }

    /// The index of the first entry whose key is not less than this one, and whether it is this one.
    pub(super) fn find(&self, key: &[u8]) -> (usize, bool) {
        let prefix = self.prefix();
        let Some(rest) = key.strip_prefix(prefix) else {
            return (if key < prefix { 0 } else { self.count }, false);
        };
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            if self.place(middle).rest < rest { low = middle + 1 } else { high = middle }
        }
        (low, low < self.count && self.place(low).rest == rest)
    }

    fn prefix(&self) -> &[u8] {
        self.bytes.as_ref().get(HEADER..self.ends).unwrap_or_default()
    }

    /// Where an entry ends, as the block says.
    fn end(&self, index: usize) -> Option<usize> {
        let at = self.ends + 4 * index;
        let end = self.bytes.as_ref().get(at..)?.first_chunk::<4>()?;
        (u32::from_be_bytes(*end) as usize).checked_add(self.body)
    }

    /// That it is there was seen when the block was read.
    fn place(&self, index: usize) -> Place<'_> {
        let begin = index.checked_sub(1).map_or(Some(self.body), |before| self.end(before));
        let bytes = begin.zip(self.end(index)).and_then(|(begin, end)| self.bytes.as_ref().get(begin..end));
        bytes.and_then(split).unwrap_or(Place { rest: &[], version: 0, value: &[] })
    }
}

fn split(entry: &[u8]) -> Option<Place<'_>> {
    let (&[a, b], entry) = entry.split_first_chunk()?;
    let (rest, entry) = entry.split_at_checked(usize::from(u16::from_be_bytes([a, b])))?;
    let (version, value) = entry.split_first_chunk()?;
    Some(Place { rest, version: u64::from_be_bytes(*version), value })
}

/// Makes blocks of entries that are in the order of their keys, each with the key of its first entry. Keys
/// are shorter than 64 KiB.
pub(super) fn divide(entries: &[(Bytes, Versioned)]) -> Vec<(Bytes, Vec<u8>)> {
    let weight = |entry: &(Bytes, Versioned)| ENTRY_HEADER + 4 + entry.0.len() + entry.1.value.len();
    let total: usize = entries.iter().map(weight).sum();
    let parts = if total > MOST_BYTES { total.div_ceil(PART_BYTES) } else { 1 };
    let part_bytes = total.div_ceil(parts);
    let (mut blocks, mut begin, mut bytes) = (Vec::with_capacity(parts), 0, 0);
    for (index, entry) in entries.iter().enumerate() {
        bytes += weight(entry);
        if bytes >= part_bytes || index + 1 == entries.len() {
            blocks.extend(entries.get(begin..=index).and_then(pack));
            (begin, bytes) = (index + 1, 0);
        }
    }
    blocks
}

fn pack(entries: &[(Bytes, Versioned)]) -> Option<(Bytes, Vec<u8>)> {
    let ((first, _), (last, _)) = (entries.first()?, entries.last()?);
    let prefix = first.iter().zip(last).take_while(|(a, b)| a == b).count();
    let short = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    let long = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let mut bytes = Vec::with_capacity(MOST_BYTES);
    bytes.push(LAYOUT);
    bytes.extend(long(entries.len()));
    bytes.extend(short(prefix));
    bytes.extend_from_slice(first.get(..prefix)?);
    let mut end = 0;
    for (key, found) in entries {
        end += ENTRY_HEADER + key.len() - prefix + found.value.len();
        bytes.extend(long(end));
    }
    for (key, found) in entries {
        bytes.extend(short(key.len() - prefix));
        bytes.extend_from_slice(key.get(prefix..)?);
        bytes.extend(found.version.to_be_bytes());
        bytes.extend_from_slice(&found.value);
    }
    Some((first.clone(), bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn entries(of: BTreeMap<Vec<u8>, (u64, Vec<u8>)>) -> Vec<(Bytes, Versioned)> {
        let entry = |(key, (version, value)): (Vec<u8>, (u64, Vec<u8>))| {
            (Bytes::from(key), Versioned { version, value: value.into() })
        };
        of.into_iter().map(entry).collect()
    }

    proptest! {
        #[test]
        fn entries_come_back_as_they_were(
            of in prop::collection::btree_map(any::<Vec<u8>>(), (any::<u64>(), prop::collection::vec(any::<u8>(), 0..3000)), 1..40),
            other: Vec<u8>,
        ) {
            let given = entries(of);
            let mut found = Vec::new();
            for (first, bytes) in divide(&given) {
                let block = Block::read(b"k", bytes).unwrap();
                prop_assert_eq!(block.key(0), first.to_vec());
                prop_assert!(block.bytes.len() <= MOST_BYTES + PART_BYTES);
                for index in 0..block.len() {
                    let (key, value) = (block.key(index), block.value(index));
                    prop_assert_eq!(block.find(&key), (index, true));
                    found.push((Bytes::from(key), value));
                }
                let before = (0..block.len()).filter(|&index| block.key(index) < other).count();
                prop_assert_eq!(block.find(&other).0, before);
            }
            prop_assert_eq!(found, given);
        }

        #[test]
        fn any_bytes_are_a_block_or_refused(mut bytes: Vec<u8>, layout: bool) {
            if layout && let Some(first) = bytes.first_mut() {
                *first = LAYOUT;
            }
            if let Ok(block) = Block::read(b"k", bytes) {
                (0..block.len()).for_each(|index| drop((block.key(index), block.value(index))));
            }
        }

        #[test]
        fn a_block_with_a_part_missing_is_refused(at in 0_usize..200) {
            let one = (Bytes::from_static(b"key"), Versioned { version: 1, value: vec![7; 160].into() });
            let (_, bytes) = divide(&[one]).remove(0);
            prop_assert!(Block::read(b"k", bytes.get(..at.min(bytes.len() - 1)).unwrap()).is_err());
        }
    }
}
