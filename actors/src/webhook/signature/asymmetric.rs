//! Version `v1a` of Standard Webhooks 1.0: Ed25519 over the same `id.timestamp.body`, for receivers that shall be able
//! to check a message and not to make one. Owns the key pair's text forms: `whsk_` and the base64 of seed and public
//! key, `whpk_` and the base64 of the public key.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rand::CryptoRng;

use super::{Signed, VerifyError, candidates, check_time, is_id};

pub(super) const VERSION: &str = "v1a";
const SECRET_PREFIX: &str = "whsk_";
const PUBLIC_PREFIX: &str = "whpk_";
const SEED_BYTES: usize = 32;
const PUBLIC_BYTES: usize = 32;
const PAIR_BYTES: usize = SEED_BYTES + PUBLIC_BYTES;

/// An Ed25519 key pair that signs. It has no serde form and prints as dots; [`SecretKey::reveal`] is the only way out.
#[derive(Clone)]
pub struct SecretKey {
    seed: [u8; SEED_BYTES],
    pair: Ed25519KeyPair,
}

/// What a receiver checks `v1a` signatures with. It is no secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; PUBLIC_BYTES]);

/// Why a text is not an Ed25519 key. The text itself is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No prefix, or another one; a public key where a secret one belongs is the likeliest.
    #[error("read the Ed25519 key: it must begin with {0}")]
    Prefix(&'static str),
    /// What follows the prefix is not padded standard base64.
    #[error("read the Ed25519 key: what follows its prefix must be padded standard base64")]
    Base64,
    /// Neither a seed nor a seed with its public key, or no public key.
    #[error("read the Ed25519 key: it has {found} bytes, it must have {allowed}")]
    Length {
        /// How many it has.
        found: usize,
        /// How many it may have.
        allowed: &'static str,
    },
    /// The second half is not the public key of the first.
    #[error("read the Ed25519 key: its public half is not that of its secret half")]
    Halves,
    /// The provider of cryptography refused the key.
    #[error("read the Ed25519 key: the provider of cryptography refused it")]
    Refused,
}

impl SecretKey {
    /// Reads `whsk_` and the base64 of 64 bytes, seed and public key, or of the seed's 32 alone. Unlike a symmetric
    /// secret it must have its prefix: 32 bytes of base64 are a `whsec_` secret too.
    ///
    /// # Errors
    /// When the text is no such key, or its halves do not belong together.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = decode(text, SECRET_PREFIX)?;
        let (seed, public) = match bytes.len() {
            SEED_BYTES => (&bytes[..], None),
            PAIR_BYTES => (&bytes[..SEED_BYTES], Some(&bytes[SEED_BYTES..])),
            found => {
                return Err(KeyError::Length { found, allowed: "64, seed and public key, or 32, the seed" });
            }
        };
        let key = Self::from_seed(seed.try_into().map_err(|_| KeyError::Refused)?)?;
        if public.is_some_and(|public| public != key.public().0) {
            return Err(KeyError::Halves);
        }
        Ok(key)
    }

    /// A new key pair.
    ///
    /// # Errors
    /// When the provider of cryptography refuses the seed, which it does for none that is known.
    pub fn generate(random: &mut impl CryptoRng) -> Result<Self, KeyError> {
        let mut seed = [0; SEED_BYTES];
        random.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }

    /// `whsk_` and base64 of both halves: for the one answer that shows it to its owner, and for the store to encrypt.
    pub fn reveal(&self) -> String {
        format!("{SECRET_PREFIX}{}", STANDARD.encode([self.seed, self.public().0].concat()))
    }

    /// The half that receivers get.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; PUBLIC_BYTES];
        // The provider's type always has this length; a shorter one would leave zeros, which verify nothing.
        for (to, from) in bytes.iter_mut().zip(self.pair.public_key().as_ref()) {
            *to = *from;
        }
        PublicKey(bytes)
    }

    /// One entry of the header's list.
    pub(super) fn entry(&self, id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
        let signature = self.pair.try_sign(&content(id, timestamp, body)).ok()?;
        Some(format!("{VERSION},{}", STANDARD.encode(signature.as_ref())))
    }

    fn from_seed(seed: [u8; SEED_BYTES]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Refused)?;
        Ok(Self { seed, pair })
    }
}

impl PublicKey {
    /// Reads `whpk_` and the base64 of 32 bytes.
    ///
    /// # Errors
    /// When the text is no such key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = decode(text, PUBLIC_PREFIX)?;
        let found = bytes.len();
        bytes.try_into().map(Self).map_err(|_| KeyError::Length { found, allowed: "32" })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC_PREFIX}{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whsk_••••••••")
    }
}

impl fmt::Display for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Believes a message when any `v1a` entry fits any key and its timestamp is within `tolerance` of `now`. `body` is the
/// raw bytes as they came, before any parsing.
///
/// # Errors
/// When it is not believed, with the reason.
pub fn verify(
    keys: &[PublicKey],
    signed: Signed<'_>,
    body: &[u8],
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), VerifyError> {
    if keys.is_empty() {
        return Err(VerifyError::NoSecret);
    }
    if !is_id(signed.id) {
        return Err(VerifyError::Id);
    }
    check_time(signed.timestamp, now, tolerance)?;
    let content = content(signed.id, signed.timestamp, body);
    let fits = |signature: &[u8]| {
        keys.iter().any(|key| UnparsedPublicKey::new(&ED25519, key.0).verify(&content, signature).is_ok())
    };
    let matched = candidates(signed.signature, VERSION).any(|signature| fits(&signature));
    if matched { Ok(()) } else { Err(VerifyError::NoMatch) }
}

fn decode(text: &str, prefix: &'static str) -> Result<Vec<u8>, KeyError> {
    let encoded = text.strip_prefix(prefix).ok_or(KeyError::Prefix(prefix))?;
    STANDARD.decode(encoded).map_err(|_| KeyError::Base64)
}

fn content(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

#[cfg(test)]
mod tests;
