//! What of an endpoint nobody reads at rest: the secrets that its webhooks are signed with, two of them while one
//! is replaced, and the values of its headers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::house::House;
use crate::ids::{EndpointId, OrgId};
use crate::keys;
use crate::store::{Batch, StoreError, decode, encode};
use crate::webhook::signature::Secret;

const PURPOSE: &str = "endpoint";
/// Secrets that sign at once: the current one and those that are going.
const MOST: usize = 4;

/// What is kept sealed. It has no `Debug`: its fields are secrets.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// The newest first.
    secrets: Vec<Aging>,
    /// Headers with their values.
    pub headers: Vec<(String, String)>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Aging {
    secret: String,
    /// When it goes; none for the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

impl Kept {
    /// With one secret, and these headers.
    #[must_use]
    pub fn new(secret: &Secret, headers: Vec<(String, String)>) -> Self {
        Self { secrets: vec![Aging { secret: secret.reveal(), until: None }], headers }
    }

    /// Signs with another secret from now on; the ones before it sign too, for so long.
    pub fn rotate(&mut self, secret: &Secret, overlap: Duration, now: Timestamp) {
        let until = now.plus(overlap);
        for old in &mut self.secrets {
            old.until = Some(old.until.map_or(until, |earlier| earlier.min(until)));
        }
        self.secrets.retain(|old| old.until.is_none_or(|until| until > now));
        self.secrets.insert(0, Aging { secret: secret.reveal(), until: None });
        self.secrets.truncate(MOST);
    }

    /// Those that sign at `now`, the newest first.
    #[must_use]
    pub fn signing(&self, now: Timestamp) -> Vec<Secret> {
        let live = self.secrets.iter().filter(|aging| aging.until.is_none_or(|until| until > now));
        live.filter_map(|aging| Secret::parse(&aging.secret).ok()).collect()
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

    fn secret(byte: u8) -> Secret {
        let mut text = "whsec_".to_owned();
        text.push_str(&base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [byte; 32]));
        Secret::parse(&text).unwrap()
    }

    #[test]
    fn a_rotation_signs_with_both_until_the_overlap_ends() {
        let at = Timestamp::from_millis;
        let mut kept = Kept::new(&secret(1), Vec::new());
        let signing = |kept: &Kept, now| kept.signing(at(now)).iter().map(Secret::reveal).collect::<Vec<_>>();
        kept.rotate(&secret(2), Duration::from_secs(10), at(1_000));
        assert_eq!(signing(&kept, 10_999), [secret(2).reveal(), secret(1).reveal()]);
        assert_eq!(signing(&kept, 11_000), [secret(2).reveal()]);
        assert_eq!(kept.overlap_ends(at(1_000)), Some(at(11_000)));
        // A second one does not let the first live longer.
        kept.rotate(&secret(3), Duration::from_secs(60), at(2_000));
        assert_eq!(signing(&kept, 10_999).len(), 3);
        assert_eq!(signing(&kept, 11_000), [secret(3).reveal(), secret(2).reveal()]);
        kept.rotate(&secret(4), Duration::ZERO, at(20_000));
        assert_eq!(signing(&kept, 20_000), [secret(4).reveal()]);
        assert_eq!(kept.overlap_ends(at(20_000)), None);
    }
}
