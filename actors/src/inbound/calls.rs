//! The calls of all organisations: each is kept once, however often it comes.

use std::sync::Arc;

use super::call::{CallStatus, StoredCall};
use crate::bus::change::{Change, ChangeError};
use crate::house::House;
use crate::ids::{CallId, JobId, OrgId, QueueName};
use crate::keys;
use crate::list::{COUNTED, Listed, Slice};
use crate::ports::Publisher;
use crate::queue::job::{JobDraft, Task, names};
use crate::store::{Expect, Pages, Scan, StoreError, decode, encode};

/// Calls read at once.
const PAGE: usize = 200;

/// Bytes of a body in one value: the store takes none of 128 KiB.
const PART: usize = 96 * 1024;

/// What came of keeping a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is on the disk, and a job is to read it.
    New(CallId),
    /// It came before: nothing more comes of it.
    Again,
}

/// Which calls are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of one vendor.
    pub vendor: Option<String>,
    /// In one status.
    pub status: Option<CallStatus>,
}

/// Why a call is not read again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// There is no such call.
    #[error("find the call {0}")]
    Missing(CallId),
    /// It could not be written.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// All calls.
#[derive(Clone)]
pub struct Calls {
    house: Arc<House>,
    publisher: Arc<dyn Publisher>,
}

impl Calls {
    /// The calls of a machine.
    #[must_use]
    pub const fn new(house: Arc<House>, publisher: Arc<dyn Publisher>) -> Self {
        Self { house, publisher }
    }

    /// Keeps a call, with the job that reads it, unless it came before. On the disk when it is answered.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn keep(&self, call: &StoredCall, body: &[u8]) -> Result<Kept, ChangeError> {
        let org = &call.org_id;
        let seen = keys::vendor_call_seen(org, call.integration_id, &call.vendor_id);
        let mut change = Change::default();
        change.extra.expect(seen.clone(), Expect::Absent);
        change.extra.put(seen, call.id.to_bytes().to_vec());
        change.extra.insert(keys::vendor_call(org, call.id), encode(call)?);
        for (n, part) in (0_u32..).zip(body.chunks(PART)) {
            change.extra.insert(keys::vendor_call_body(org, call.id, n), part.to_vec());
        }
        change.jobs.push(self.job(call)?);
        match self.publisher.commit(org.clone(), change).await {
            Ok(_) => Ok(Kept::New(call.id)),
            Err(ChangeError::Condition) => Ok(Kept::Again),
            Err(error) => Err(error),
        }
    }

    /// The job that reads a call.
    fn job(&self, call: &StoredCall) -> Result<JobDraft, ChangeError> {
        let queue = QueueName::new(queue_of(&call.vendor));
        let queue = queue.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let draft =
            JobDraft::new(JobId::new(self.house.clock.now()), queue, Task::ReadCall { call: call.id });
        // The flood of one integration is in no other's way.
        Ok(JobDraft { key: Some(call.integration_id.to_string()), ..draft })
    }

    /// A call.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn get(&self, org: &OrgId, id: CallId) -> Result<Option<StoredCall>, StoreError> {
        let found = self.house.store.get(keys::vendor_call(org, id)).await?;
        found.map(|found| decode(&found.value)).transpose()
    }

    /// The bytes of a call's body.
    ///
    /// # Errors
    /// When the store fails, or some of them are gone.
    pub async fn body(&self, call: &StoredCall) -> Result<Vec<u8>, StoreError> {
        body(&self.house, call).await
    }

    /// A part of the calls, the latest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(
        &self,
        org: &OrgId,
        wanted: &Wanted,
        slice: Slice,
    ) -> Result<Listed<StoredCall>, StoreError> {
        let scan = Scan::prefix(keys::vendor_calls(org), PAGE).descending();
        let (mut listed, mut looked) = (Listed::new(slice), 0);
        let mut pages = Pages::of(&*self.house.store, scan);
        while let Some(page) = pages.next().await? {
            looked += page.len();
            for (_, found) in page {
                let call: StoredCall = decode(&found.value)?;
                let fits = wanted.vendor.as_ref().is_none_or(|vendor| *vendor == call.vendor)
                    && wanted.status.is_none_or(|status| status == call.status);
                if fits {
                    listed.meet(call);
                }
            }
            if looked >= COUNTED && !pages.is_over() {
                listed.total_is_lower_bound = true;
                break;
            }
        }
        Ok(listed)
    }

    /// Has a call read again. What it means is told again, too: those who ask for it want its effects anew.
    ///
    /// # Errors
    /// When there is none, or it cannot be written.
    pub async fn replay(&self, org: &OrgId, id: CallId) -> Result<StoredCall, ReplayError> {
        let key = keys::vendor_call(org, id);
        let found = self.house.store.get(key.clone()).await.map_err(ChangeError::from)?;
        let found = found.ok_or(ReplayError::Missing(id))?;
        let before: StoredCall = decode(&found.value).map_err(ChangeError::from)?;
        let call = StoredCall { status: CallStatus::Pending, replays: before.replays + 1, ..before };
        let mut change = Change::default();
        change.extra.expect(key.clone(), Expect::Version(found.version));
        change.extra.put(key, encode(&call).map_err(ChangeError::from)?);
        change.jobs.push(self.job(&call)?);
        self.publisher.commit(org.clone(), change).await?;
        Ok(call)
    }
}

/// The bytes of a call's body.
pub(super) async fn body(house: &House, call: &StoredCall) -> Result<Vec<u8>, StoreError> {
    let (org, parts) = (&call.org_id, call.body_bytes.div_ceil(PART));
    let keys = (0..u32::try_from(parts).unwrap_or(u32::MAX)).map(|n| keys::vendor_call_body(org, call.id, n));
    let found = house.store.get_many(keys.collect()).await?;
    let bytes: Vec<u8> = found.into_iter().flatten().flat_map(|part| part.value).collect();
    if bytes.len() == call.body_bytes {
        Ok(bytes)
    } else {
        Err(StoreError::Corrupt(format!(
            "the call {} has {} of {} bytes",
            call.id,
            bytes.len(),
            call.body_bytes
        )))
    }
}

/// The queue in which the calls of a vendor are read: its money, its social network, or the rest.
fn queue_of(vendor: &str) -> &'static str {
    match vendor {
        "stripe" | "paypal" | "shopify" => names::BILLING,
        "meta" | "tiktok" | "tiktok-shop" | "linkedin" | "x" | "pinterest" | "snapchat" | "discord"
        | "twitch" | "slack" | "reddit" | "telegram" => names::SOCIAL_SYNC,
        _ => names::NOTIFICATION,
    }
}
