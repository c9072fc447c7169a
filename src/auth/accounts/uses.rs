//! How API keys are used, for people to see on the keys' records. Counted in memory, bounded, and written from
//! time to time: no request waits for it. A process that is killed loses what came since the last writing.
//!
//! Being used is no change of the record: what it says of itself as a whole (version, times, events) stays,
//! so the store is written here and not the bus asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use appengine_actors::clock::Timestamp;
use appengine_actors::ids::{OrgId, RecordId};
use appengine_actors::keys;
use appengine_actors::record::model::Record;
use appengine_actors::rights::kept::{LAST_USED, USAGE};
use appengine_actors::store::{Batch, StoreError, encode};
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::Accounts;

/// How often it is written.
const ROUND: Duration = Duration::from_secs(60);
/// Keys that are counted between two writings; the use of further ones is not seen.
const MOST: usize = 100_000;
/// Records that are written at once.
const AT_ONCE: usize = 16;

/// What was not written yet.
pub(super) struct Uses {
    most: usize,
    counted: Mutex<HashMap<(OrgId, RecordId), Use>>,
    /// One writing at a time: the last one waits for the one that is under way.
    writing: tokio::sync::Mutex<()>,
}

/// The requests with one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Use {
    requests: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Default for Uses {
    fn default() -> Self {
        Self { most: MOST, counted: Mutex::default(), writing: tokio::sync::Mutex::default() }
    }
}

impl Uses {
    fn count(&self, org: &OrgId, id: &RecordId, now: Timestamp) {
        self.add((org.clone(), id.clone()), Use { requests: 1, first: now, last: now });
    }

    fn add(&self, key: (OrgId, RecordId), more: Use) {
        let mut counted = self.counted();
        if let Some(known) = counted.get_mut(&key) {
            known.requests = known.requests.saturating_add(more.requests);
            known.first = known.first.min(more.first);
            known.last = known.last.max(more.last);
        } else if counted.len() < self.most {
            counted.insert(key, more);
        }
    }

    fn counted(&self) -> MutexGuard<'_, HashMap<(OrgId, RecordId), Use>> {
        // Counters stay useful after a panic of whoever held them.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Accounts {
    /// Counts a request that was let through with a key.
    pub(super) fn count_use(&self, org: &OrgId, id: &RecordId) {
        self.uses.count(org, id, self.parts.clock.now());
    }

    /// Writes what comes together, round after round, for ever.
    pub async fn keep_uses(self: Arc<Self>) {
        loop {
            self.parts.clock.sleep(ROUND).await;
            self.write_uses().await;
        }
    }

    /// Writes what came together. What cannot be written now, also because somebody else wrote the record, is
    /// kept for the next round.
    pub async fn write_uses(&self) {
        let _alone = self.uses.writing.lock().await;
        let counted = std::mem::take(&mut *self.uses.counted());
        let write = async |(key, more): ((OrgId, RecordId), Use)| match self.write_use(&key, more).await {
            Ok(()) => {}
            Err(error) => {
                if !matches!(error, StoreError::Conflict { .. }) {
                    tracing::warn!(org = %key.0, key = %key.1, %error, "the use of an API key was not written");
                }
                self.uses.add(key, more);
            }
        };
        futures_util::stream::iter(counted).for_each_concurrent(AT_ONCE, write).await;
    }

    async fn write_use(&self, (org, id): &(OrgId, RecordId), more: Use) -> Result<(), StoreError> {
        let at = keys::record(org, &self.datatypes.api_key, id);
        let (found, as_read) = self.read::<Record>(at.clone()).await?;
        // One that is gone for good shows nothing any more.
        let Some(mut record) = found else { return Ok(()) };
        show(&mut record, more);
        let mut batch = Batch::default();
        batch.expect(at.clone(), as_read).put(at, encode(&record)?);
        self.parts.store.commit(batch).await
    }
}

fn show(record: &mut Record, more: Use) {
    let usage = record.data.get(USAGE);
    let before = usage.and_then(|usage| usage["totalRequests"].as_u64()).unwrap_or_default();
    let first = usage.and_then(|usage| usage.get("firstUsedAt")).filter(|first| first.is_string());
    let first = first.cloned().unwrap_or_else(|| json!(more.first));
    let last: Option<Timestamp> =
        record.data.get(LAST_USED).and_then(Value::as_str).and_then(|last| last.parse().ok());
    let last = last.map_or(more.last, |last| last.max(more.last));
    let usage = json!({"totalRequests": before.saturating_add(more.requests), "firstUsedAt": first});
    record.data.insert(USAGE.to_owned(), usage);
    record.data.insert(LAST_USED.to_owned(), json!(last));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_keys_are_counted_than_there_is_room_for() {
        let uses = Uses { most: 2, ..Uses::default() };
        let org = OrgId::new("o").unwrap();
        let at = Timestamp::from_millis;
        for (n, id) in ["a", "b", "c", "a"].into_iter().enumerate() {
            uses.count(&org, &RecordId::new(id).unwrap(), at(n as u64));
        }
        let counted = uses.counted();
        let of = |id: &str| counted.get(&(org.clone(), RecordId::new(id).unwrap())).copied();
        assert_eq!(of("a"), Some(Use { requests: 2, first: at(0), last: at(3) }));
        assert_eq!((of("b").is_some(), of("c")), (true, None));
    }
}
