//! Codes over bytes and a secret, compared in constant time.

use aws_lc_rs::digest;
use aws_lc_rs::hmac::{Algorithm, Context, Key, verify};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY as SHA1, HMAC_SHA256 as SHA256};

use super::keys::Secret;

/// The code over these parts, one behind the other.
pub fn code(algorithm: Algorithm, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut context = Context::with_key(&Key::new(algorithm, key));
    parts.iter().for_each(|part| context.update(part));
    context.sign().as_ref().to_vec()
}

/// Whether a code is over these parts, by this key. Takes as long for a wrong one as for the right one.
pub fn is_code(algorithm: Algorithm, key: &[u8], parts: &[&[u8]], found: &[u8]) -> bool {
    let signed = parts.concat();
    verify(&Key::new(algorithm, key), &signed, found).is_ok()
}

/// Whether one of the codes is over these parts, by one of the secrets as they are written. An empty one is no secret:
/// anybody can sign with it.
pub fn is_any(algorithm: Algorithm, secrets: &[Secret], parts: &[&[u8]], found: &[Vec<u8>]) -> bool {
    let by = |secret: &Secret| {
        found.iter().any(|code| is_code(algorithm, secret.expose().as_bytes(), parts, code))
    };
    secrets.iter().filter(|secret| !secret.expose().is_empty()).any(by)
}

/// Whether two texts are one, in constant time for texts of one length.
pub fn is_same(one: &str, other: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

/// The digest of bytes in hexadecimal digits, in lower case.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Bytes in hexadecimal digits, in lower case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |text, byte| text + &format!("{byte:02x}"))
}

/// Bytes out of hexadecimal digits in any case: exactly so many.
pub fn from_hex<const N: usize>(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// Bytes out of base64 with its padding.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Bytes in base64 with its padding.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_read_strictly() {
        assert_eq!(from_hex::<2>("00fF"), Some(vec![0, 255]));
        for wrong in ["", "0", "00f", "00fff0", "0g00", "+1-1", "é0"] {
            assert_eq!(from_hex::<2>(wrong), None, "{wrong}");
        }
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
    }
}
