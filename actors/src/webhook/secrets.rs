//! The secrets that webhooks are signed with: one an organisation, made at first use, sealed at rest.

use crate::house::House;
use crate::ids::OrgId;
use crate::keys;
use crate::store::{Batch, Expect, StoreError, decode, encode};

use super::signature::Secret;

const PURPOSE: &str = "webhook-secret";
const NAME: &str = "default";

/// The secret that an organisation's webhooks are signed with, made when there is none.
///
/// # Errors
/// When the store fails, or the sealed secret cannot be opened with this installation's key.
pub async fn signing_secret(house: &House, org: &OrgId) -> Result<Secret, StoreError> {
    let key = keys::private(org, PURPOSE, NAME);
    if let Some(found) = house.store.get(key.clone()).await? {
        return open(house, &found.value);
    }
    let fresh = Secret::generate(&mut rand::rng());
    let mut batch = Batch::default();
    batch.expect(key.clone(), Expect::Absent);
    batch.put(key.clone(), encode(&house.vault.seal(&fresh.reveal()))?);
    match house.store.commit(batch).await {
        Ok(()) => Ok(fresh),
        // Somebody else made one first: that one counts.
        Err(StoreError::Conflict { .. }) => match house.store.get(key).await? {
            Some(found) => open(house, &found.value),
            None => Err(StoreError::Unavailable("the signing secret is being replaced".to_owned())),
        },
        Err(error) => Err(error),
    }
}

fn open(house: &House, stored: &[u8]) -> Result<Secret, StoreError> {
    let sealed: String = decode(stored)?;
    let unreadable = || {
        let why = "the signing secret was sealed with another key; restore the data folder's secret.key";
        StoreError::Corrupt(why.to_owned())
    };
    let plain = house.vault.open(&sealed).ok_or_else(unreadable)?;
    Secret::parse(&plain).map_err(|_| unreadable())
}
