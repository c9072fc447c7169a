//! The secret that binds a code to whoever asked for it (RFC 7636). It stays here; the vendor is told its digest first,
//! and the secret itself with the code.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A text of 256 random bits, which nobody can guess: a verifier, or the name of a state.
#[must_use]
pub(super) fn random() -> String {
    let bytes: [u8; 32] = std::array::from_fn(|_| rand::random());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What the vendor is told of a verifier, by the method S256.
#[must_use]
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_the_one_of_the_standard() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        // RFC 7636 asks for 43 to 128 characters.
        assert_eq!(random().len(), 43);
        assert_ne!(random(), random());
    }
}
