//! Signs what a link may be used for, so that a link that nobody here made opens nothing. It knows nothing of what the
//! link leads to.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The key that links are signed with. It has no way to be printed.
pub struct LinkKey(Key);

impl LinkKey {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(Key::new(HMAC_SHA256, secret))
    }

    /// The signature of a text: base64url of HMAC-SHA256.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(sign(&self.0, text.as_bytes()))
    }

    /// Whether this is the signature of that text; told in the same time whatever it is.
    #[must_use]
    pub fn verify(&self, text: &str, signature: &str) -> bool {
        let signature = URL_SAFE_NO_PAD.decode(signature);
        signature.is_ok_and(|signature| verify(&self.0, text.as_bytes(), &signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_one_text_by_one_key() {
        let (key, other) = (LinkKey::new(&[1; 32]), LinkKey::new(&[2; 32]));
        let signature = key.sign("a");
        assert!(key.verify("a", &signature));
        assert!(!key.verify("b", &signature) && !other.verify("a", &signature));
        for altered in ["", "a", &signature[1..], &format!("{signature}A"), &signature.to_uppercase()] {
            assert!(!key.verify("a", altered), "{altered}");
        }
    }
}
