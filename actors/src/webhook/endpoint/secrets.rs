//! What of an endpoint nobody reads at rest: the secrets that its webhooks are signed with, two of them while one
//! is replaced, and the values of its headers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::house::House;
use crate::ids::{EndpointId, OrgId};
use crate::keys;
use crate::store::{Batch, StoreError, decode, encode};
use crate::webhook::signature::keys::{KeyKind, SigningKey};

const PURPOSE: &str = "endpoint";
/// Keys that sign at once, of both kinds: the current ones and those that are going.
const MOST: usize = 6;

/// What is kept sealed. It has no `Debug`: its fields are secrets.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// The newest first.
    secrets: Vec<Aging>,
    /// Headers with their values.
    pub headers: Vec<(String, String)>,
    /// The key of the client certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Aging {
    secret: String,
    /// When it goes; none for the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

impl Kept {
    /// With no key yet, and these headers.
    #[must_use]
    pub const fn new(headers: Vec<(String, String)>, client_key: Option<String>) -> Self {
        Self { secrets: Vec::new(), headers, client_key }
    }

    /// Signs with another key from now on; those of its kind before it sign too, for so long.
    pub fn rotate(&mut self, key: &SigningKey, overlap: Duration, now: Timestamp) {
        self.retire(key.kind(), overlap, now);
        self.secrets.insert(0, Aging { secret: key.reveal(), until: None });
        self.secrets.truncate(MOST);
    }

    /// Signs with keys of this kind for so long, and then no more.
    pub fn retire(&mut self, kind: KeyKind, overlap: Duration, now: Timestamp) {
        let until = now.plus(overlap);
        let of_kind = |aging: &Aging| SigningKey::parse(&aging.secret).is_ok_and(|key| key.kind() == kind);
        for old in self.secrets.iter_mut().filter(|aging| of_kind(aging)) {
            old.until = Some(old.until.map_or(until, |earlier| earlier.min(until)));
        }
        self.secrets.retain(|old| old.until.is_none_or(|until| until > now));
    }

    /// Those that sign at `now`, the newest first.
    #[must_use]
    pub fn signing(&self, now: Timestamp) -> Vec<SigningKey> {
        let live = self.secrets.iter().filter(|aging| aging.until.is_none_or(|until| until > now));
        live.filter_map(|aging| SigningKey::parse(&aging.secret).ok()).collect()
    }

    /// Whether a key of this kind signs without an end.
    #[must_use]
    pub fn has(&self, kind: KeyKind) -> bool {
        let lasting = self.secrets.iter().filter(|aging| aging.until.is_none());
        lasting.filter_map(|aging| SigningKey::parse(&aging.secret).ok()).any(|key| key.kind() == kind)
    }

    /// When the last of the old secrets goes.
    #[must_use]
    pub fn overlap_ends(&self, now: Timestamp) -> Option<Timestamp> {
        self.secrets.iter().filter_map(|aging| aging.until).filter(|until| *until > now).max()
    }
}

/// What is kept of an endpoint; none where there is no such endpoint.
///
/// # Errors
/// When the store fails, or what is sealed cannot be opened with this installation's key.
pub async fn kept(house: &House, org: &OrgId, id: EndpointId) -> Result<Option<Kept>, StoreError> {
    let Some(found) = house.store.get(keys::private(org, PURPOSE, &id.to_string())).await? else {
        return Ok(None);
    };
    let sealed: String = decode(&found.value)?;
    let unreadable = || {
        let why = "an endpoint's secrets were sealed with another key; restore the data folder's secret.key";
        StoreError::Corrupt(why.to_owned())
    };
    let plain = house.vault.open(&sealed).ok_or_else(unreadable)?;
    serde_json::from_str(&plain).map(Some).map_err(|_| unreadable())
}

/// Writes what is kept of an endpoint.
///
/// # Errors
/// Never: it has a JSON form.
pub fn keep(
    batch: &mut Batch,
    house: &House,
    (org, id): (&OrgId, EndpointId),
    kept: &Kept,
) -> Result<(), StoreError> {
    let plain = serde_json::to_string(kept).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    batch.put(keys::private(org, PURPOSE, &id.to_string()), encode(&house.vault.seal(&plain))?);
    Ok(())
}

/// Removes it.
pub fn forget(batch: &mut Batch, org: &OrgId, id: EndpointId) {
    batch.delete(keys::private(org, PURPOSE, &id.to_string()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: KeyKind) -> SigningKey {
        SigningKey::generate(kind, &mut rand::rng()).unwrap()
    }

    #[test]
    fn a_rotation_signs_with_both_until_the_overlap_ends() {
        let at = Timestamp::from_millis;
        let keys: Vec<SigningKey> = (0..4).map(|_| key(KeyKind::V1)).collect();
        let texts = |which: &[usize]| which.iter().map(|n| keys[*n].reveal()).collect::<Vec<_>>();
        let signing =
            |kept: &Kept, now| kept.signing(at(now)).iter().map(SigningKey::reveal).collect::<Vec<_>>();
        let mut kept = Kept::new(Vec::new(), None);
        kept.rotate(&keys[0], Duration::ZERO, at(0));
        kept.rotate(&keys[1], Duration::from_secs(10), at(1_000));
        assert_eq!(signing(&kept, 10_999), texts(&[1, 0]));
        assert_eq!(signing(&kept, 11_000), texts(&[1]));
        assert_eq!(kept.overlap_ends(at(1_000)), Some(at(11_000)));
        // A second one does not let the first live longer.
        kept.rotate(&keys[2], Duration::from_secs(60), at(2_000));
        assert_eq!(signing(&kept, 10_999), texts(&[2, 1, 0]));
        assert_eq!(signing(&kept, 11_000), texts(&[2, 1]));
        kept.rotate(&keys[3], Duration::ZERO, at(20_000));
        assert_eq!(signing(&kept, 20_000), texts(&[3]));
        assert_eq!(kept.overlap_ends(at(20_000)), None);
    }

    #[test]
    fn a_key_of_the_other_kind_stands_beside_and_a_kind_may_go() {
        let at = Timestamp::from_millis;
        let mut kept = Kept::new(Vec::new(), None);
        kept.rotate(&key(KeyKind::V1), Duration::ZERO, at(0));
        kept.rotate(&key(KeyKind::V1a), Duration::ZERO, at(0));
        assert_eq!(kept.signing(at(0)).len(), 2);
        kept.retire(KeyKind::V1, Duration::from_secs(1), at(0));
        assert!(!kept.has(KeyKind::V1) && kept.has(KeyKind::V1a));
        assert_eq!((kept.signing(at(999)).len(), kept.signing(at(1_000)).len()), (2, 1));
    }
}
