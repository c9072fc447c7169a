//! The bytes that the store keeps: how an entry's version stands before its value, and the keys of what
//! the store notes about itself. Pure; the writer, the readers, migrations and export use it.

use appengine_actors::store::{StoreError, Versioned};
use bytes::Bytes;

/// The layout of values that this program writes. A value of another layout is refused, not guessed at.
const LAYOUT: u8 = 1;
/// The layout byte and the version, big-endian.
const HEADER: usize = 9;

/// What the keys of entries begin with; no key of the store's own notes does.
const ENTRY: u8 = 1;

/// Number of the format of everything in the store, as 8 bytes big-endian.
pub(super) const FORMAT: &[u8] = b"\0format";
/// Number of the latest commit, as 8 bytes big-endian: where versions come from.
pub(super) const COMMITS: &[u8] = b"\0commits";
/// There while an import is under way.
pub(super) const IMPORT: &[u8] = b"\0import";
/// There while a migration is under way: the format it leads to, then the last key it has done.
pub(super) const MIGRATION: &[u8] = b"\0migration";

/// The first key that an entry can have, and the first that none can.
pub(super) const ENTRIES: (&[u8], &[u8]) = (&[ENTRY], &[ENTRY + 1]);

/// Where an entry lies.
pub(super) fn entry_key(key: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(key.len() + 1);
    stored.push(ENTRY);
    stored.extend_from_slice(key);
    stored
}

/// The entry's own key.
///
/// # Errors
/// When the stored key is not an entry's.
pub(super) fn key_of(stored: &[u8]) -> Result<Vec<u8>, StoreError> {
    match stored.split_first() {
        Some((&ENTRY, key)) => Ok(key.to_vec()),
        _ => Err(damaged(stored, "is not the key of an entry")),
    }
}

/// A value behind its version.
pub(super) fn pack(version: u64, value: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(HEADER + value.len());
    stored.push(LAYOUT);
    stored.extend_from_slice(&version.to_be_bytes());
    stored.extend_from_slice(value);
    stored
}

/// The version and the value of what `stored_key` holds.
///
/// # Errors
/// When the bytes are not what [`pack`] makes.
pub(super) fn unpack(stored_key: &[u8], stored: &[u8]) -> Result<Versioned, StoreError> {
    let Some((header, value)) = stored.split_first_chunk::<HEADER>() else {
        return Err(damaged(stored_key, "holds a value that is too short"));
    };
    let [LAYOUT, version @ ..] = header else {
        return Err(damaged(stored_key, "holds a value of an unknown layout"));
    };
    Ok(Versioned { version: u64::from_be_bytes(*version), value: Bytes::copy_from_slice(value) })
}

/// A number of the store's own notes.
pub(super) fn pack_number(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// The number that [`pack_number`] packed.
///
/// # Errors
/// When there are not eight bytes.
pub(super) fn unpack_number(stored_key: &[u8], stored: &[u8]) -> Result<u64, StoreError> {
    let bytes = stored.try_into().map_err(|_| damaged(stored_key, "holds no number"))?;
    Ok(u64::from_be_bytes(bytes))
}

fn damaged(stored_key: &[u8], what: &str) -> StoreError {
    let key = String::from_utf8_lossy(stored_key);
    let shown: String = key.chars().take(200).collect();
    StoreError::Corrupt(format!("key {shown:?} {what}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn entries_come_back_as_they_were(key: Vec<u8>, version: u64, value: Vec<u8>) {
            let stored = entry_key(&key);
            prop_assert!(stored.as_slice() >= ENTRIES.0 && stored.as_slice() < ENTRIES.1);
            prop_assert_eq!(key_of(&stored), Ok(key));
            let found = unpack(&stored, &pack(version, &value)).unwrap();
            prop_assert_eq!((found.version, found.value.to_vec()), (version, value));
        }

        #[test]
        fn keys_keep_their_order(a: Vec<u8>, b: Vec<u8>) {
            prop_assert_eq!(a.cmp(&b), entry_key(&a).cmp(&entry_key(&b)));
        }

        #[test]
        fn any_bytes_are_a_value_or_refused(stored: Vec<u8>) {
            let found = unpack(b"k", &stored);
            let well_formed = stored.len() >= HEADER && stored[0] == LAYOUT;
            prop_assert_eq!(found.is_ok(), well_formed);
        }
    }

    #[test]
    fn notes_are_no_entries() {
        for note in [FORMAT, COMMITS, IMPORT, MIGRATION] {
            assert!(note < ENTRIES.0);
            assert!(key_of(note).is_err());
        }
        assert!(unpack_number(FORMAT, b"1").unwrap_err().to_string().contains("format"));
    }
}
