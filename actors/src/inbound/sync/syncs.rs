//! The reading of all integrations: what is known of it, and how it is begun.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::state::{SyncHead, SyncState};
use crate::bus::change::{Change, ChangeError};
use crate::clock::Timestamp;
use crate::house::House;
use crate::ids::{IntegrationId, JobId, OrgId, QueueName};
use crate::inbound::integration::Integration;
use crate::inbound::integrations::{IntegrationError, all, all_of};
use crate::keys;
use crate::ports::Publisher;
use crate::queue::job::{Job, JobDraft, JobState, Task, names};
use crate::store::{Expect, Pages, Scan, StoreError, decode, encode};

/// Between two looks at whether every integration has its job.
const LOOK: Duration = Duration::from_secs(600);
/// Integrations read at once.
const PAGE: usize = 500;

/// How an integration is read.
#[derive(Debug, Clone)]
pub struct Synced {
    /// The integration.
    pub integration: Integration,
    /// When it is read; nothing where it never was.
    pub head: Option<SyncHead>,
    /// Its listings.
    pub streams: Vec<SyncState>,
}

/// Why an integration is not read now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// There is none, or it could not be written.
    #[error(transparent)]
    Integration(#[from] IntegrationError),
    /// Nobody has switched it on.
    #[error("read the integration {0}: save it with `sync.enabled` first, and `active`")]
    Off(IntegrationId),
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Integration(error.into())
    }
}

impl From<ChangeError> for StartError {
    fn from(error: ChangeError) -> Self {
        Self::Integration(error.into())
    }
}

/// The reading of all integrations.
#[derive(Clone)]
pub struct Syncs {
    house: Arc<House>,
    publisher: Arc<dyn Publisher>,
}

impl Syncs {
    /// The reading of a machine's integrations.
    #[must_use]
    pub const fn new(house: Arc<House>, publisher: Arc<dyn Publisher>) -> Self {
        Self { house, publisher }
    }

    /// How the integrations of an organisation are read: those for which anything about it was set.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of(&self, org: &OrgId) -> Result<Vec<Synced>, StoreError> {
        let mut synced = Vec::new();
        for (_, found) in self.house.store.scan(all(org)).await? {
            let integration: Integration = decode(&found.value)?;
            if integration.sync.is_some() {
                synced.push(self.synced(integration).await?);
            }
        }
        Ok(synced)
    }

    async fn synced(&self, integration: Integration) -> Result<Synced, StoreError> {
        let (org, id) = (&integration.org_id, integration.id);
        let head = self.house.store.get(keys::sync_head(org, id)).await?;
        let head = head.map(|found| decode(&found.value)).transpose()?;
        let streams = self.house.store.scan(all_of(org, id)).await?;
        let streams = streams.into_iter().map(|(_, found)| decode(&found.value)).collect::<Result<_, _>>()?;
        Ok(Synced { integration, head, streams })
    }

    /// Has an integration read at once, or as soon as the vendor takes it. One that is being read is left to it.
    ///
    /// # Errors
    /// When it is not read at all, or cannot be written.
    pub async fn start(&self, org: &OrgId, id: IntegrationId) -> Result<Synced, StartError> {
        let found = self.house.store.get(keys::integration(org, id)).await?;
        let found = found.ok_or(IntegrationError::Missing(id))?;
        let integration: Integration = decode(&found.value)?;
        if integration.synced().is_none() {
            return Err(StartError::Off(id));
        }
        let now = self.house.clock.now();
        let mut change = Change::default();
        if begin(&self.house, &integration, now, &mut change).await? {
            for (key, found) in self.house.store.scan(all_of(org, id)).await? {
                let state: SyncState = decode(&found.value)?;
                let state = SyncState { next_run: now, ..state };
                change.extra.expect(key.clone(), Expect::Version(found.version)).put(key, encode(&state)?);
            }
            match self.publisher.commit(org.clone(), change).await {
                // A run has begun or ended meanwhile: it is being read.
                Ok(_) | Err(ChangeError::Condition) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.synced(integration).await?)
    }

    /// Gives every integration that is to be read a job, where its own was called off, given up or taken away.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn revive(&self) -> Result<usize, ChangeError> {
        let scan = Scan::prefix(keys::integration_orgs(), PAGE);
        let (mut revived, mut pages) = (0, Pages::of(&*self.house.store, scan));
        while let Some(page) = pages.next().await? {
            for (key, found) in page {
                let (Some(id), org) = (keys::parse_integration_org(&key), decode(&found.value)?) else {
                    continue;
                };
                revived += usize::from(self.revive_one(&org, id).await?);
            }
        }
        Ok(revived)
    }

    async fn revive_one(&self, org: &OrgId, id: IntegrationId) -> Result<bool, ChangeError> {
        let found = self.house.store.get(keys::integration(org, id)).await?;
        let Some(integration) = found.map(|found| decode::<Integration>(&found.value)).transpose()? else {
            return Ok(false);
        };
        if integration.synced().is_none() {
            return Ok(false);
        }
        let head = self.house.store.get(keys::sync_head(org, id)).await?;
        let head = head.map(|found| decode::<SyncHead>(&found.value)).transpose()?;
        if let Some(job) = head.as_ref().and_then(|head| head.job)
            && let Some(found) = self.house.store.get(keys::job(job)).await?
            && !matches!(decode::<Job>(&found.value)?.state, JobState::Completed | JobState::Failed)
        {
            return Ok(false);
        }
        let now = self.house.clock.now();
        let due = head.map_or(now, |head| head.next_run.max(now));
        let mut change = Change::default();
        if !begin(&self.house, &integration, due, &mut change).await? {
            return Ok(false);
        }
        match self.publisher.commit(org.clone(), change).await {
            Ok(_) => {
                info!(%org, integration = %id, "an integration is read again whose job was gone");
                Ok(true)
            }
            Err(ChangeError::Condition) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Looks at the start, and then every now and then, whether every integration has its job.
    pub async fn keep(self) {
        loop {
            if let Err(error) = self.revive().await {
                warn!(%error, "it was not seen to that integrations are read, trying again");
            }
            self.house.clock.sleep(LOOK).await;
        }
    }
}

/// Has an integration read by a new job, unless it is being read. Whether there is anything to write.
pub(in crate::inbound) async fn begin(
    house: &House,
    integration: &Integration,
    due: Timestamp,
    change: &mut Change,
) -> Result<bool, StoreError> {
    let (key, now) = (keys::sync_head(&integration.org_id, integration.id), house.clock.now());
    let found = house.store.get(key.clone()).await?;
    let (head, expected) = match found {
        Some(found) => (decode::<SyncHead>(&found.value)?, Expect::Version(found.version)),
        None => (SyncHead::new(integration.id, now), Expect::Absent),
    };
    if head.job.is_some() && head.is_running(now) {
        return Ok(false);
    }
    let job = JobId::new(now);
    let head = head.given_to(job, due);
    change.jobs.push(drafted(job, integration.id, head.next_run)?);
    change.extra.expect(key.clone(), expected).put(key, encode(&head)?);
    Ok(true)
}

/// An integration is not read any more: whatever job there is finds that it is not the one.
pub(in crate::inbound) async fn end(
    house: &House,
    integration: &Integration,
    change: &mut Change,
) -> Result<(), StoreError> {
    let key = keys::sync_head(&integration.org_id, integration.id);
    let Some(found) = house.store.get(key.clone()).await? else { return Ok(()) };
    let head = SyncHead { job: None, running_until: None, ..decode(&found.value)? };
    change.extra.expect(key.clone(), Expect::Version(found.version)).put(key, encode(&head)?);
    Ok(())
}

/// The job that reads an integration.
pub(super) fn drafted(
    job: JobId,
    integration: IntegrationId,
    due: Timestamp,
) -> Result<JobDraft, StoreError> {
    let draft = JobDraft::new(job, queue()?, Task::SyncVendor { integration });
    // Not in the line of the calls, so that neither waits for the other.
    Ok(JobDraft { key: Some(format!("sync/{integration}")), due: Some(due), ..draft })
}

/// The queue in which integrations are read.
pub(super) fn queue() -> Result<QueueName, StoreError> {
    QueueName::new(names::SOCIAL_SYNC).map_err(|error| StoreError::Corrupt(error.to_string()))
}
