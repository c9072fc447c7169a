//! A signing key of either kind, and the one list of signatures that a message carries while keys of both kinds live
//! side by side: a rotation, or a receiver that moves from `v1` to `v1a`.

use jiff::Timestamp;
use rand::CryptoRng;

use super::asymmetric::{KeyError, PublicKey, SecretKey};
use super::{MAX_SECRETS, Secret, SecretError, SignError, is_id, symmetric_entry};

/// What a message is signed with. Prints as dots, whichever kind it is.
#[derive(Debug, Clone)]
pub enum SigningKey {
    /// `v1`, HMAC-SHA256: sender and receiver share it.
    Symmetric(Secret),
    /// `v1a`, Ed25519: the receiver has its public half only.
    Asymmetric(SecretKey),
}

/// Which of the two a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// `whsec_`, signs as `v1`.
    V1,
    /// `whsk_`, signs as `v1a`.
    V1a,
}

/// Why a text is a signing key of neither kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// It is not `whsec_` and base64.
    #[error(transparent)]
    Symmetric(#[from] SecretError),
    /// It begins with `whsk_` or `whpk_` and is no secret Ed25519 key.
    #[error(transparent)]
    Asymmetric(#[from] KeyError),
}

impl SigningKey {
    /// Reads a key of either kind by its prefix; without one it is a symmetric secret.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, SigningKeyError> {
        if text.starts_with("whsk_") || text.starts_with("whpk_") {
            Ok(Self::Asymmetric(SecretKey::parse(text)?))
        } else {
            Ok(Self::Symmetric(Secret::parse(text)?))
        }
    }

    /// A new key of this kind.
    ///
    /// # Errors
    /// When the provider of cryptography refuses to make it.
    pub fn generate(kind: KeyKind, random: &mut impl CryptoRng) -> Result<Self, KeyError> {
        Ok(match kind {
            KeyKind::V1 => Self::Symmetric(Secret::generate(random)),
            KeyKind::V1a => Self::Asymmetric(SecretKey::generate(random)?),
        })
    }

    /// Its text with the prefix: for the one answer that shows it to its owner, and for the store to encrypt.
    pub fn reveal(&self) -> String {
        match self {
            Self::Symmetric(secret) => secret.reveal(),
            Self::Asymmetric(key) => key.reveal(),
        }
    }

    /// Which kind it is.
    pub fn kind(&self) -> KeyKind {
        match self {
            Self::Symmetric(_) => KeyKind::V1,
            Self::Asymmetric(_) => KeyKind::V1a,
        }
    }

    /// What may be shown at any time: the public half of a `v1a` key. A shared secret has none.
    pub fn public(&self) -> Option<PublicKey> {
        match self {
            Self::Symmetric(_) => None,
            Self::Asymmetric(key) => Some(key.public()),
        }
    }
}

/// The value of [`SIGNATURE_HEADER`](super::SIGNATURE_HEADER) for one attempt made at `at`: one entry for each live key
/// of either kind, in their order, separated by spaces.
///
/// # Errors
/// When there is no key or there are too many, when the id could not be signed without doubt, or when the provider
/// of cryptography fails: a list that lacks a key's entry is never handed out.
pub fn sign_all(keys: &[SigningKey], id: &str, at: Timestamp, body: &[u8]) -> Result<String, SignError> {
    if !(1..=MAX_SECRETS).contains(&keys.len()) {
        return Err(SignError::Secrets(keys.len()));
    }
    if !is_id(id) {
        return Err(SignError::Id);
    }
    let timestamp = at.as_second().to_string();
    let entries: Option<Vec<String>> = keys
        .iter()
        .map(|key| match key {
            SigningKey::Symmetric(secret) => symmetric_entry(secret, id, &timestamp, body),
            SigningKey::Asymmetric(key) => key.entry(id, &timestamp, body),
        })
        .collect();
    entries.map(|entries| entries.join(" ")).ok_or(SignError::Provider)
}

#[cfg(test)]
mod tests;
