//! Random texts for secrets, from the thread's cryptographically secure generator, which the operating
//! system seeds. Nothing else in this folder draws randomness for a secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// `N` random bytes.
#[must_use]
pub(super) fn bytes<const N: usize>() -> [u8; N] {
    std::array::from_fn(|_| rand::random())
}

/// A text of 128 random bits: the name of something that nobody may guess.
#[must_use]
pub(super) fn id() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<16>())
}

/// A text of 256 random bits: a secret that a program keeps.
#[must_use]
pub(crate) fn secret() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>())
}

/// A password for people to type: 20 letters and digits (100 bits) that cannot be mistaken for one another.
#[must_use]
pub(super) fn password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letter = |byte: u8| LETTERS.get(usize::from(byte % 32)).copied().map_or('x', char::from);
    let groups: Vec<String> =
        bytes::<20>().chunks(5).map(|five| five.iter().map(|byte| letter(*byte)).collect()).collect();
    groups.join("-")
}

/// What is kept of a random secret: its SHA-256 in hex. Enough for 256 random bits, not for passwords.
#[must_use]
pub(super) fn digest(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether two digests are equal, in a time that does not tell where they differ.
#[must_use]
pub(super) fn same(one: &str, other: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_typeable_and_different() {
        let (one, other) = (password(), password());
        assert_eq!(one.len(), 23);
        assert!(one.chars().all(|c| c == '-' || c.is_ascii_lowercase() || c.is_ascii_digit()));
        assert_ne!(one, other);
    }

    #[test]
    fn a_digest_is_the_known_one() {
        assert_eq!(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(same("ab", "ab") && !same("ab", "ac") && !same("ab", "abc"));
    }
}
