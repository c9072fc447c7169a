//! The job that reads a call: what it means is committed together with the call's own new state, once.

use std::sync::Arc;

use tracing::{debug, info, warn};

use super::call::{CallStatus, StoredCall};
use super::calls;
use super::meaning::{Meaning, MeaningError, Source};
use super::translator::Confirmed;
use crate::bus::change::ChangeError;
use crate::event::Cause;
use crate::house::House;
use crate::ids::CallId;
use crate::keys;
use crate::ports::Publisher;
use crate::queue::job::{Job, Outcome};
use crate::record::service::Records;
use crate::store::{Expect, StoreError, decode, encode};

/// How often a call is worked out anew because somebody wrote what it depends on.
const TRIES: u32 = 8;

/// Reads calls.
#[derive(Clone)]
pub struct CallTasks {
    house: Arc<House>,
    publisher: Arc<dyn Publisher>,
    records: Records,
}

/// Why a call was not read.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("work out what the call means: {0}")]
    Meaning(#[from] MeaningError),
    #[error("ask the vendor whether it has sent the call: {0}")]
    Unanswered(String),
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl CallTasks {
    /// A reader of calls.
    #[must_use]
    pub const fn new(house: Arc<House>, publisher: Arc<dyn Publisher>, records: Records) -> Self {
        Self { house, publisher, records }
    }

    /// Reads a call, unless that was done.
    pub async fn read(&self, job: &Job, call: CallId) -> Outcome {
        let mut tries = 0;
        loop {
            match self.try_to_read(job, call).await {
                Ok(()) => return Outcome::Done,
                Err(ReadError::Change(
                    ChangeError::Condition
                    | ChangeError::Changed(_)
                    | ChangeError::EventKeyUsed
                    | ChangeError::Exists(_),
                )) if tries < TRIES => tries += 1,
                Err(error @ ReadError::Unanswered(_)) => return Outcome::Retry(format!("failed to {error}")),
                Err(ReadError::Change(error)) if error.is_retryable() => {
                    return Outcome::Retry(format!("failed to {error}"));
                }
                Err(ReadError::Meaning(MeaningError::Store(error))) if error.is_retryable() => {
                    return Outcome::Retry(format!("failed to {error}"));
                }
                Err(error) => return Outcome::Fail(format!("failed to {error}")),
            }
        }
    }

    async fn try_to_read(&self, job: &Job, id: CallId) -> Result<(), ReadError> {
        let org = &job.org_id;
        let key = keys::vendor_call(org, id);
        let Some(found) = self.house.store.get(key.clone()).await? else {
            debug!(%org, call = %id, "the call is no longer kept");
            return Ok(());
        };
        let call: StoredCall = decode(&found.value)?;
        if call.status != CallStatus::Pending {
            return Ok(());
        }
        let body = calls::body(&self.house, &call).await?;
        let translator = &self.house.translator;
        let confirmed = translator.confirm(&call, body).await.map_err(ReadError::Unanswered)?;
        let is_unknown = confirmed == Confirmed::Unknown;
        let told = match confirmed {
            Confirmed::Unasked(body) => translator.translate(&call, body),
            Confirmed::Sent(body) => {
                let told = translator.translate(&call, body).into_iter();
                told.map(|told| told.with("confirmed", true)).collect()
            }
            Confirmed::Unknown => {
                warn!(%org, call = %id, vendor = call.vendor, "a vendor knows nothing of a call that came in its name");
                Vec::new()
            }
        };
        let mut change = Meaning::of(&self.house, &self.records, Source::of_call(&call), told).await?;
        let events: Vec<_> = change.events.iter().map(|event| event.id).collect();
        let status = match events.is_empty() {
            true if is_unknown => CallStatus::Unconfirmed,
            true => CallStatus::Ignored,
            false => CallStatus::Understood,
        };
        info!(%org, call = %id, vendor = call.vendor, events = events.len(), "a vendor's call was read");
        // What an earlier reading told stays in its list.
        let events = call.events.iter().copied().chain(events).collect();
        let call = StoredCall { status, events, ..call };
        change.cause = Some(Cause::Job { id: job.id });
        change.extra.expect(key.clone(), Expect::Version(found.version)).put(key, encode(&call)?);
        self.publisher.commit(org.clone(), change).await?;
        Ok(())
    }
}
