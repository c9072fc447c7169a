//! What the store notes about itself in sled: the keys, and the bytes of a number. Pure.

use appengine_actors::store::StoreError;

/// Number of the format of everything in the store, as 8 bytes big-endian.
pub(super) const FORMAT: &[u8] = b"\0format";
/// Number of the latest commit, as 8 bytes big-endian: where versions come from.
pub(super) const COMMITS: &[u8] = b"\0commits";
/// There while an import is under way.
pub(super) const IMPORT: &[u8] = b"\0import";
/// There while a migration is under way: the format it leads to, then the last key it has done.
pub(super) const MIGRATION: &[u8] = b"\0migration";

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

/// What is said of a stored key that holds what nobody wrote.
pub(super) fn damaged(stored_key: &[u8], what: &str) -> StoreError {
    let key = String::from_utf8_lossy(stored_key);
    let shown: String = key.chars().take(200).collect();
    StoreError::Corrupt(format!("key {shown:?} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_refused_by_its_key() {
        assert_eq!(unpack_number(FORMAT, &pack_number(7)), Ok(7));
        assert!(unpack_number(FORMAT, b"1").unwrap_err().to_string().contains("format"));
    }
}
