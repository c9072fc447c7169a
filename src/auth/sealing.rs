//! Keys from the installation's one secret: the vault that seals what is stored, and the key that signs
//! tokens, each derived under its own label. It reads no file and knows no configuration.

use appengine_actors::ports::Vault;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::link_key::LinkKey;

/// Fewest bytes of a secret: those of the keys derived from it.
pub const SECRET_BYTES: usize = 32;

/// What every sealed text begins with: the format's version.
const FORMAT: &str = "v1.";
const SALT: &[u8] = b"appengine";
const VAULT_LABEL: &[u8] = b"appengine vault v1";
const SIGNING_LABEL: &[u8] = b"appengine token signing v1";
const LINKS_LABEL: &[u8] = b"appengine file links v1";
const CONNECTING_LABEL: &[u8] = b"appengine oauth states v1";

/// Why no keys can be had from a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It is too short to be one.
    #[error("use the secret: it has {0} bytes, and at least {SECRET_BYTES} are needed")]
    TooShort(usize),
    /// The cryptographic library refused to work.
    #[error("derive a key from the secret: the cryptographic library refused")]
    Refused,
}

impl From<Unspecified> for SecretError {
    fn from(_: Unspecified) -> Self {
        Self::Refused
    }
}

/// The installation's secret: the data folder's 32 bytes, or what `store.encryption_key` says instead.
pub struct RootSecret(aws_lc_rs::hkdf::Prk);

impl RootSecret {
    /// Takes the secret's bytes.
    ///
    /// # Errors
    /// When there are fewer than [`SECRET_BYTES`].
    pub fn new(secret: &[u8]) -> Result<Self, SecretError> {
        if secret.len() < SECRET_BYTES {
            return Err(SecretError::TooShort(secret.len()));
        }
        Ok(Self(Salt::new(HKDF_SHA256, SALT).extract(secret)))
    }

    /// What seals and opens stored secrets.
    ///
    /// # Errors
    /// When the cryptographic library refuses.
    pub fn vault(&self) -> Result<SealingVault, SecretError> {
        Ok(SealingVault(RandomizedNonceKey::new(&AES_256_GCM, &self.derive(VAULT_LABEL)?)?))
    }

    /// What signs tokens, where `auth.signing_secret` does not say otherwise.
    ///
    /// # Errors
    /// When the cryptographic library refuses.
    pub fn signing_key(&self) -> Result<SigningKey, SecretError> {
        Ok(SigningKey(self.derive(SIGNING_LABEL)?.to_vec()))
    }

    /// What signs links to files.
    ///
    /// # Errors
    /// When the cryptographic library refuses.
    pub fn link_key(&self) -> Result<LinkKey, SecretError> {
        Ok(LinkKey::new(&self.derive(LINKS_LABEL)?))
    }

    /// What signs the states that vendors bring back when somebody has connected one.
    ///
    /// # Errors
    /// When the cryptographic library refuses.
    pub fn connecting_key(&self) -> Result<LinkKey, SecretError> {
        Ok(LinkKey::new(&self.derive(CONNECTING_LABEL)?))
    }

    fn derive(&self, label: &[u8]) -> Result<[u8; SECRET_BYTES], SecretError> {
        let mut key = [0; SECRET_BYTES];
        self.0.expand(&[label], Length)?.fill(&mut key)?;
        Ok(key)
    }
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        SECRET_BYTES
    }
}

/// The bytes that tokens are signed with. It has no way to be printed.
pub struct SigningKey(Vec<u8>);

impl SigningKey {
    /// A configured key: `auth.signing_secret`, byte for byte, so that other programs can use it too.
    ///
    /// # Errors
    /// When it is shorter than [`SECRET_BYTES`] (RFC 7518 §3.2).
    pub fn configured(secret: &str) -> Result<Self, SecretError> {
        if secret.len() < SECRET_BYTES {
            return Err(SecretError::TooShort(secret.len()));
        }
        Ok(Self(secret.as_bytes().to_vec()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// AES-256-GCM with a random nonce for each text: `v1.` and base64url of nonce, ciphertext and tag.
pub struct SealingVault(RandomizedNonceKey);

impl SealingVault {
    fn try_seal(&self, plain: &str) -> Result<String, Unspecified> {
        let mut body = plain.as_bytes().to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(FORMAT), &mut body)?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut body);
        Ok(format!("{FORMAT}{}", URL_SAFE_NO_PAD.encode(whole)))
    }
}

impl Vault for SealingVault {
    /// AES-GCM refuses nothing but texts of over 64 GiB. Should it refuse, the answer opens to none: then
    /// the secret is lost, which is better than kept readable.
    fn seal(&self, plain: &str) -> String {
        self.try_seal(plain).unwrap_or_else(|Unspecified| FORMAT.to_owned())
    }

    fn open(&self, sealed: &str) -> Option<String> {
        let whole = URL_SAFE_NO_PAD.decode(sealed.strip_prefix(FORMAT)?).ok()?;
        let (nonce, body) = whole.split_first_chunk::<NONCE_LEN>()?;
        let mut body = body.to_vec();
        let plain = self.0.open_in_place(Nonce::from(nonce), Aad::from(FORMAT), &mut body).ok()?;
        String::from_utf8(plain.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vault(byte: u8) -> SealingVault {
        RootSecret::new(&[byte; 32]).unwrap().vault().unwrap()
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_to_itself_and_with_no_other_key(plain in any::<String>()) {
            let sealed = vault(1).seal(&plain);
            prop_assert_eq!(vault(1).open(&sealed), Some(plain.clone()));
            prop_assert_eq!(vault(2).open(&sealed), None);
            prop_assert_ne!(vault(1).seal(&plain), sealed, "a nonce is never used twice");
        }

        #[test]
        fn an_altered_text_does_not_open(plain in ".{1,40}", place in any::<prop::sample::Index>(), flip in 1u8..) {
            let sealed = vault(1).seal(&plain);
            let mut bytes = URL_SAFE_NO_PAD.decode(sealed.strip_prefix(FORMAT).unwrap()).unwrap();
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
            let altered = format!("{FORMAT}{}", URL_SAFE_NO_PAD.encode(bytes));
            prop_assert_eq!(vault(1).open(&altered), None);
        }

        #[test]
        fn no_text_makes_opening_fail_badly(text in any::<String>()) {
            prop_assert_eq!(vault(1).open(&text), None);
            let _ = vault(1).open(&format!("{FORMAT}{text}"));
        }
    }

    #[test]
    fn the_sealed_text_hides_the_plain_one_and_names_its_format() {
        let sealed = vault(1).seal("whsec_hello");
        assert!(sealed.starts_with("v1.") && !sealed.contains("hello"), "{sealed}");
        assert_eq!(vault(1).open("v1."), None);
    }

    #[test]
    fn keys_for_different_uses_differ_and_stay_the_same() {
        let root = RootSecret::new(&[7; 32]).unwrap();
        assert_ne!(root.derive(VAULT_LABEL).unwrap(), root.derive(SIGNING_LABEL).unwrap());
        let again = RootSecret::new(&[7; 32]).unwrap();
        assert_eq!(root.signing_key().unwrap().bytes(), again.signing_key().unwrap().bytes());
    }

    #[test]
    fn short_secrets_are_refused() {
        assert_eq!(RootSecret::new(&[0; 31]).err(), Some(SecretError::TooShort(31)));
        assert_eq!(SigningKey::configured("short").err(), Some(SecretError::TooShort(5)));
        assert!(SigningKey::configured(&"k".repeat(32)).is_ok());
    }
}
