//! Standard Webhooks 1.0 signatures: `v1`, HMAC-SHA256 over `id.timestamp.body`. Owns secrets and the header's list
//! form; never reads the clock and never shows a secret by accident. Delivery signs with it, receivers verify.
//!
//! The header is a space separated list of `version,signature`, so that a rotation may sign with two secrets and the
//! second version, [`asymmetric`], may stand beside this one; a version that is not `v1` is passed over by [`verify`].
//! [`keys`] signs with both.

pub mod asymmetric;
pub mod keys;

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use rand::CryptoRng;
use sha2::Sha256;

/// Header with the message's id: the same on every attempt, so it is the receiver's idempotency key.
pub const ID_HEADER: &str = "webhook-id";
/// Header with the time of this attempt, in unix seconds.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// Header with the list of signatures.
pub const SIGNATURE_HEADER: &str = "webhook-signature";
/// What the specification suggests for how far the timestamp may be from the receiver's clock.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);

const VERSION: &str = "v1";
const SECRET_PREFIX: &str = "whsec_";
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const NEW_SECRET_BYTES: usize = 32;
const MAX_ID: usize = 256;
const MAX_SECRETS: usize = 8;
/// Entries of a received list that are looked at; more than any sender's rotation needs.
const MAX_ENTRIES: usize = 16;

/// A signing key of 24 to 64 bytes. It has no serde form and prints as dots; [`Secret::reveal`] is the only way out.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

/// Why a text is not a signing secret. The text itself is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// What follows the optional `whsec_` is not padded standard base64.
    #[error("read the signing secret: it must be whsec_ and padded standard base64")]
    Base64,
    /// Too short to be safe, or longer than the specification allows.
    #[error("read the signing secret: it has {0} bytes, allowed are 24 to 64")]
    Length(usize),
}

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The id would let two different messages have the same signed text, or would not fit a header.
    #[error("sign the message: its id must be 1 to 256 visible ASCII characters without a dot")]
    Id,
    /// No secret, or more than eight.
    #[error("sign the message: {0} secrets, allowed are 1 to 8")]
    Secrets(usize),
    /// The provider of cryptography gave no signature.
    #[error("sign the message: the provider of cryptography failed")]
    Provider,
}

/// Why a received message is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The id has a dot, is empty, too long or not visible ASCII.
    #[error("verify the webhook: webhook-id must be 1 to 256 visible ASCII characters without a dot")]
    Id,
    /// The timestamp is not a plain number of seconds.
    #[error("verify the webhook: webhook-timestamp must be unix seconds")]
    Timestamp,
    /// Signed longer ago than the tolerance: late, or a replay.
    #[error("verify the webhook: its timestamp is too old")]
    TooOld,
    /// Signed in the future, by more than the tolerance.
    #[error("verify the webhook: its timestamp is in the future")]
    TooNew,
    /// No secret is configured, so nothing can be believed.
    #[error("verify the webhook: no secret is configured")]
    NoSecret,
    /// None of the list's `v1` entries fits any of the secrets.
    #[error("verify the webhook: no signature matches")]
    NoMatch,
}

/// The three headers of a received message, as text.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
}

impl Secret {
    /// Reads `whsec_` and base64; the prefix may be missing, as in the libraries of Standard Webhooks.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(SECRET_PREFIX).unwrap_or(text);
        let bytes = STANDARD.decode(encoded).map_err(|_| SecretError::Base64)?;
        if !SECRET_BYTES.contains(&bytes.len()) {
            return Err(SecretError::Length(bytes.len()));
        }
        Ok(Self(bytes))
    }

    /// A new secret of 32 random bytes.
    pub fn generate(random: &mut impl CryptoRng) -> Self {
        let mut bytes = vec![0; NEW_SECRET_BYTES];
        random.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// `whsec_` and base64: for the one answer that shows it to its owner, and for the store to encrypt.
    pub fn reveal(&self) -> String {
        format!("{SECRET_PREFIX}{}", STANDARD.encode(&self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whsec_••••••••")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The value of [`SIGNATURE_HEADER`] for one attempt made at `at`: one entry for each live secret, in their order.
pub fn sign(secrets: &[Secret], id: &str, at: Timestamp, body: &[u8]) -> Result<String, SignError> {
    if !(1..=MAX_SECRETS).contains(&secrets.len()) {
        return Err(SignError::Secrets(secrets.len()));
    }
    if !is_id(id) {
        return Err(SignError::Id);
    }
    let timestamp = at.as_second().to_string();
    let entries: Option<Vec<String>> =
        secrets.iter().map(|secret| symmetric_entry(secret, id, &timestamp, body)).collect();
    entries.map(|entries| entries.join(" ")).ok_or(SignError::Provider)
}

/// Believes a message when any `v1` entry fits any secret and its timestamp is within `tolerance` of `now`. Compares
/// in constant time. `body` is the raw bytes as they came, before any parsing.
pub fn verify(
    secrets: &[Secret],
    signed: Signed<'_>,
    body: &[u8],
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), VerifyError> {
    if secrets.is_empty() {
        return Err(VerifyError::NoSecret);
    }
    if !is_id(signed.id) {
        return Err(VerifyError::Id);
    }
    check_time(signed.timestamp, now, tolerance)?;
    let matched = candidates(signed.signature, VERSION).fold(false, |matched, candidate| {
        secrets.iter().fold(matched, |matched, secret| {
            let fits = mac(secret, signed.id, signed.timestamp, body)
                .is_some_and(|mac| mac.verify_slice(&candidate).is_ok());
            matched | fits
        })
    });
    if matched { Ok(()) } else { Err(VerifyError::NoMatch) }
}

/// The signatures of one version in a received list.
fn candidates<'s>(list: &'s str, version: &'s str) -> impl Iterator<Item = Vec<u8>> + 's {
    list.split(' ')
        .take(MAX_ENTRIES)
        .filter_map(|entry| entry.split_once(','))
        .filter(move |(found, _)| *found == version)
        .filter_map(|(_, signature)| STANDARD.decode(signature).ok())
}

fn check_time(text: &str, now: Timestamp, tolerance: Duration) -> Result<(), VerifyError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(VerifyError::Timestamp);
    }
    let then: i64 = text.parse().map_err(|_| VerifyError::Timestamp)?;
    let age = i128::from(now.as_second()) - i128::from(then);
    let tolerance = i128::from(tolerance.as_secs());
    match age {
        age if age > tolerance => Err(VerifyError::TooOld),
        age if age < -tolerance => Err(VerifyError::TooNew),
        _ => Ok(()),
    }
}

/// A dot in the id would let `a` + `.1` and `a.1` sign alike.
fn is_id(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.')
}

/// One entry of the header's list.
fn symmetric_entry(secret: &Secret, id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
    let mac = mac(secret, id, timestamp, body)?;
    Some(format!("{VERSION},{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// `None` cannot happen: HMAC takes a key of any length. It is not worth a panic to say so.
fn mac(secret: &Secret, id: &str, timestamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).ok()?;
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    Some(mac)
}

#[cfg(test)]
mod tests;
