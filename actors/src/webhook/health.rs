//! What is remembered of a destination's breaker, so that a restart is no reason to send to the dead again.

use super::breaker::Health;
use crate::keys;
use crate::store::{Batch, Store, StoreError, decode, encode};

const PURPOSE: &str = "destination-health";

/// What is remembered of a destination.
///
/// # Errors
/// When the store fails.
pub async fn health_of(store: &dyn Store, destination: &str) -> Result<Health, StoreError> {
    let found = store.get(keys::system_private(PURPOSE, destination)).await?;
    found.map_or(Ok(Health::default()), |found| decode(&found.value))
}

/// Remembers it.
///
/// # Errors
/// Never: it has a JSON form.
pub fn remember(batch: &mut Batch, destination: &str, health: Health) -> Result<(), StoreError> {
    let key = keys::system_private(PURPOSE, destination);
    if health == Health::default() {
        batch.delete(key);
    } else {
        batch.put(key, encode(&health)?);
    }
    Ok(())
}
