//! Which keys an endpoint is signed with, as its owner wants it.

use super::book::{EndpointError, OVERLAP};
use super::draft::Draft;
use super::secrets::Kept;
use crate::clock::Timestamp;
use crate::form::problem::Problem;
use crate::store::StoreError;
use crate::webhook::signature::keys::{KeyKind, SigningKey};

/// A new key.
pub(super) fn fresh(kind: KeyKind) -> Result<SigningKey, EndpointError> {
    let made = SigningKey::generate(kind, &mut rand::rng());
    made.map_err(|error| StoreError::Unavailable(error.to_string()).into())
}

/// The secret that its owner has to know; what they know already of public keys is no secret.
pub(super) fn secret_of(keys: &[SigningKey]) -> Option<String> {
    keys.iter().find(|key| key.kind() == KeyKind::V1).map(SigningKey::reveal)
}

/// Signs as the draft says: with the owner's own key, with a new one of each kind that has none, and with kinds that
/// are named no more for a while yet. The secret that is new.
pub(super) fn sign_with(
    kept: &mut Kept,
    draft: &Draft,
    now: Timestamp,
) -> Result<Option<String>, EndpointError> {
    let mut new = Vec::new();
    if let Some(own) = draft.secret.as_deref().and_then(|secret| SigningKey::parse(secret).ok()) {
        if !draft.signatures.contains(&own.kind()) {
            let message = "is of a kind that `signatures` do not name".to_owned();
            let problem = Problem { path: "secret".to_owned(), message, forbidden: false };
            return Err(EndpointError::Invalid(vec![problem]));
        }
        kept.rotate(&own, OVERLAP, now);
        new.push(own);
    }
    for kind in [KeyKind::V1, KeyKind::V1a] {
        match (draft.signatures.contains(&kind), kept.has(kind)) {
            (true, false) => {
                let key = fresh(kind)?;
                kept.rotate(&key, OVERLAP, now);
                new.push(key);
            }
            (false, true) => kept.retire(kind, OVERLAP, now),
            (true, true) | (false, false) => {}
        }
    }
    Ok(secret_of(&new))
}
