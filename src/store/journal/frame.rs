//! The bytes of the journal: a file begins with its head, and then comes frame after frame. A frame is what
//! one group of commits changes, with a checksum over all of it. Pure; the journal writes and reads them.
//!
//! ```text
//! head     "apjf"  number u64  first frame u64  crc32 u32            (big-endian; crc over both numbers)
//! frame    "apj1"  length u32  crc32 u32  number u64  change …       (crc over number and changes)
//! change   kind u8  version u64  key length u32  key  [value length u32  value]
//! ```
//!
//! Values are JSON and keys escape their zero bytes, so what somebody stores never reads as a frame.

use bytes::Bytes;

use crate::store::tables::Written;

const FILE_MAGIC: &[u8; 4] = b"apjf";
/// Bytes of a file's head.
pub(super) const FILE_HEAD: usize = 4 + 8 + 8 + 4;
const MAGIC: &[u8; 4] = b"apj1";
const HEAD: usize = 4 + 4 + 4;
const NUMBER: usize = 8;

const REMOVED: u8 = 0;
const VALUE: u8 = 1;
/// A value under a key that held nothing.
const FRESH: u8 = 2;

/// The head of a file: its number, and that of its first frame.
pub(super) fn file_head(number: u64, first: u64) -> Vec<u8> {
    let body = [number.to_be_bytes(), first.to_be_bytes()].concat();
    [FILE_MAGIC.as_slice(), &body, &crc32fast::hash(&body).to_be_bytes()].concat()
}

/// The number of the first frame, if `bytes` begin with the head of file `number`.
pub(super) fn read_file_head(bytes: &[u8], number: u64) -> Option<u64> {
    let (first, _) = bytes.get(12..)?.split_first_chunk::<8>()?;
    let first = u64::from_be_bytes(*first);
    bytes.starts_with(&file_head(number, first)).then_some(first)
}

/// A frame that is being put together.
pub(super) struct Draft(Vec<u8>);

impl Draft {
    /// An empty frame with its number, in the memory of an earlier one.
    pub(super) fn over(mut bytes: Vec<u8>, number: u64) -> Self {
        bytes.clear();
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[0; HEAD - MAGIC.len()]);
        bytes.extend_from_slice(&number.to_be_bytes());
        Self(bytes)
    }

    /// Adds a change.
    pub(super) fn push(&mut self, key: &[u8], written: &Written) {
        let kind = match (&written.value, written.fresh) {
            (None, _) => REMOVED,
            (Some(_), false) => VALUE,
            (Some(_), true) => FRESH,
        };
        self.0.push(kind);
        self.0.extend_from_slice(&written.version.to_be_bytes());
        self.sized(key);
        if let Some(value) = &written.value {
            self.sized(value);
        }
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The frame as it is written.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let body = self.0.split_at_mut(HEAD);
        let (length, crc) = (length(body.1.len()), crc32fast::hash(body.1));
        body.0[4..8].copy_from_slice(&length.to_be_bytes());
        body.0[8..12].copy_from_slice(&crc.to_be_bytes());
        self.0
    }

    fn sized(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&length(bytes.len()).to_be_bytes());
        self.0.extend_from_slice(bytes);
    }
}

/// Groups are bounded far below this.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A whole frame: its number, its changes, and how many bytes it takes.
    Frame(u64, Changes<'a>, usize),
    /// Nothing, or not a whole frame.
    Nothing,
}

/// Reads the frame that `bytes` begin with.
pub(super) fn read(bytes: &[u8]) -> Found<'_> {
    let whole = || {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (length, rest) = number(rest)?;
        let (crc, rest) = number(rest)?;
        let body = rest.get(..usize::try_from(length).ok()?)?;
        if crc32fast::hash(body) != crc {
            return None;
        }
        let (frame, changes) = body.split_first_chunk::<NUMBER>()?;
        Some(Found::Frame(u64::from_be_bytes(*frame), Changes(changes), HEAD + body.len()))
    };
    whole().unwrap_or(Found::Nothing)
}

/// Whether a whole frame with a number above `after` stands anywhere in `bytes`.
pub(super) fn is_followed(bytes: &[u8], after: u64) -> bool {
    let begins = |at: &usize| bytes.get(*at..).is_some_and(|rest| rest.starts_with(MAGIC));
    let mut places = (0..bytes.len()).filter(begins);
    places.any(|at| match bytes.get(at..).map(read) {
        Some(Found::Frame(number, ..)) => number > after,
        _ => false,
    })
}

/// The changes of a frame, in order. They end early where the bytes make no sense, which the checksum
/// rules out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Changes<'a>(&'a [u8]);

impl<'a> Changes<'a> {
    fn take(&mut self) -> Option<(&'a [u8], Written)> {
        let (kind, rest) = self.0.split_first()?;
        let (version, rest) = rest.split_first_chunk::<8>()?;
        let (key, rest) = sized(rest)?;
        let (value, rest) = match *kind {
            REMOVED => (None, rest),
            _ => sized(rest).map(|(value, rest)| (Some(Bytes::copy_from_slice(value)), rest))?,
        };
        self.0 = rest;
        let fresh = *kind == FRESH;
        Some((key, Written { version: u64::from_be_bytes(*version), value, fresh }))
    }
}

impl<'a> Iterator for Changes<'a> {
    type Item = (&'a [u8], Written);

    fn next(&mut self) -> Option<Self::Item> {
        self.take()
    }
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*number), rest))
}

fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = number(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written() -> impl Strategy<Value = (Vec<u8>, Written)> {
        let value = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..50));
        (proptest::collection::vec(any::<u8>(), 0..20), any::<u64>(), value, any::<bool>()).prop_map(
            |(key, version, value, fresh)| {
                let fresh = fresh && value.is_some();
                (key, Written { version, value: value.map(Bytes::from), fresh })
            },
        )
    }

    fn frame(number: u64, changes: &[(Vec<u8>, Written)]) -> Vec<u8> {
        let mut draft = Draft::over(Vec::new(), number);
        changes.iter().for_each(|(key, written)| draft.push(key, written));
        draft.finish()
    }

    proptest! {
        #[test]
        fn a_frame_comes_back_as_it_was(
            number: u64, changes in proptest::collection::vec(written(), 0..10), after: Vec<u8>,
        ) {
            let mut bytes = frame(number, &changes);
            let length = bytes.len();
            bytes.extend(after);
            let Found::Frame(found, read, taken) = read(&bytes) else { panic!("not read") };
            prop_assert_eq!((found, taken), (number, length));
            let read: Vec<_> = read.map(|(key, written)| (key.to_vec(), written)).collect();
            prop_assert_eq!(read, changes);
        }

        #[test]
        fn a_frame_that_was_cut_or_altered_is_none(
            changes in proptest::collection::vec(written(), 1..5), place: prop::sample::Index, flip in 1..=255u8,
        ) {
            let bytes = frame(7, &changes);
            let place = place.index(bytes.len());
            prop_assert_eq!(read(&bytes[..place]), Found::Nothing);
            let mut altered = bytes;
            altered[place] ^= flip;
            prop_assert_eq!(read(&altered), Found::Nothing);
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = read(&bytes);
            prop_assert!(Changes(&bytes).count() <= bytes.len());
        }
    }

    #[test]
    fn a_later_frame_is_found_behind_rubbish() {
        let later = frame(9, &[]);
        let bytes = [b"apj1 rubbish".as_slice(), &later].concat();
        assert!(is_followed(&bytes, 8));
        assert!(!is_followed(&bytes, 9));
        assert!(!is_followed(&bytes[..bytes.len() - 1], 8));
    }
}
