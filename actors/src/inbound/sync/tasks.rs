//! The job that reads an integration: some pages of those of its listings that are due, and then its own successor.

use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info, warn};

use super::page::{PageError, Run};
use super::state::{SyncHead, SyncSettings, SyncState};
use super::syncs::{drafted, queue};
use super::{Ask, SyncError};
use crate::bus::change::{Change, ChangeError};
use crate::house::House;
use crate::ids::{IntegrationId, JobId};
use crate::inbound::integration::Integration;
use crate::inbound::integrations::{self, all_of};
use crate::keys;
use crate::ports::Publisher;
use crate::queue::job::{Job, Outcome};
use crate::record::service::Records;
use crate::store::{Expect, StoreError, decode, encode};

/// Pages that one run reads.
pub const MOST_PAGES: usize = 10;
/// Things that one run tells of; the page that reaches it is the last.
pub const MOST_ITEMS: usize = 1_000;
/// Listings of one integration.
pub const MOST_STREAMS: usize = 100;

/// Reads integrations.
#[derive(Clone)]
pub struct SyncTasks {
    house: Arc<House>,
    publisher: Arc<dyn Publisher>,
    records: Records,
}

/// What one run has come to.
#[derive(Default)]
struct Tally {
    pages: usize,
    items: usize,
    events: usize,
    failed: Option<String>,
}

impl SyncTasks {
    /// A reader of integrations.
    #[must_use]
    pub const fn new(house: Arc<House>, publisher: Arc<dyn Publisher>, records: Records) -> Self {
        Self { house, publisher, records }
    }

    /// Reads an integration, if this is the job that is to.
    pub async fn run(&self, job: &Job, id: IntegrationId) -> Outcome {
        match self.try_to_run(job, id).await {
            Ok(()) => Outcome::Done,
            Err(PageError::Lost) => {
                debug!(org = %job.org_id, integration = %id, "a run of an integration gave way to another");
                Outcome::Done
            }
            Err(PageError::Change(error)) if error.is_retryable() => {
                Outcome::Retry(format!("failed to {error}"))
            }
            Err(error) => Outcome::Fail(format!("failed to {error}")),
        }
    }

    async fn try_to_run(&self, job: &Job, id: IntegrationId) -> Result<(), PageError> {
        let Some((integration, settings)) = self.wanted(job, id).await? else { return Ok(()) };
        let Some((mut head, version)) = self.begin(job, id).await? else { return Ok(()) };
        let run = Run {
            house: &self.house,
            publisher: &self.publisher,
            records: &self.records,
            integration: &integration,
            job: job.id,
            version,
        };
        let (streams, mut tally) = match self.house.syncer.streams(&integration) {
            Ok(streams) => (streams, Tally::default()),
            Err(why) => (Vec::new(), Tally { failed: Some(why), ..Tally::default() }),
        };
        let mut due = Vec::new();
        for stream in streams.iter().take(MOST_STREAMS) {
            let (state, _) = run.state(stream).await?;
            if state.next_run <= self.house.clock.now() {
                due.push(state);
            }
        }
        // Those that waited longest first: what one run has no room for is the next one's.
        due.sort_by_key(|state| state.last_run);
        let until = self.house.clock.elapsed().saturating_add(self.patience() / 2);
        for state in due {
            let is_over = self.read(&run, &mut head, &settings, &mut tally, (state, until)).await?;
            if is_over {
                break;
            }
        }
        self.end(&run, head, &settings, &streams, &tally).await
    }

    /// How long a run may take, as the queue has it.
    fn patience(&self) -> Duration {
        let queue = queue().ok().and_then(|queue| self.house.settings.queues.get(&queue));
        queue.map_or(Duration::from_secs(60), |queue| queue.timeout)
    }

    /// The integration, if it is read at all.
    async fn wanted(
        &self,
        job: &Job,
        id: IntegrationId,
    ) -> Result<Option<(Integration, SyncSettings)>, StoreError> {
        let found = self.house.store.get(keys::integration(&job.org_id, id)).await?;
        let integration: Option<Integration> = found.map(|found| decode(&found.value)).transpose()?;
        Ok(integration.and_then(|integration| {
            let settings = integration.synced()?.clone();
            Some((integration, settings))
        }))
    }

    /// Writes down that the run begins, so that no other does; nothing where the job is not the one that counts.
    async fn begin(&self, job: &Job, id: IntegrationId) -> Result<Option<(SyncHead, u64)>, PageError> {
        let (org, key) = (&job.org_id, keys::sync_head(&job.org_id, id));
        let Some(found) = self.house.store.get(key.clone()).await? else { return Ok(None) };
        let head: SyncHead = decode(&found.value)?;
        if head.job != Some(job.id) {
            return Ok(None);
        }
        let now = self.house.clock.now();
        let head = head.begun(now, now.plus(self.patience()));
        let mut change = Change::default();
        change.extra.expect(key.clone(), Expect::Version(found.version)).put(key.clone(), encode(&head)?);
        match self.publisher.commit(org.clone(), change).await {
            Ok(_) => {}
            Err(ChangeError::Condition) => return Err(PageError::Lost),
            Err(error) => return Err(error.into()),
        }
        let found = self.house.store.get(key).await?;
        let found = found.map(|found| decode(&found.value).map(|now: SyncHead| (now, found.version)));
        Ok(found.transpose()?.filter(|(now, _)| now.runs == head.runs && now.job == head.job))
    }

    /// Reads pages of a listing, until it was read, the run has had its share, or the vendor wants no more of it.
    /// Whether the run is over with that.
    async fn read(
        &self,
        run: &Run<'_>,
        head: &mut SyncHead,
        settings: &SyncSettings,
        tally: &mut Tally,
        (state, until): (SyncState, Duration),
    ) -> Result<bool, PageError> {
        let stream = state.stream;
        loop {
            if tally.pages >= MOST_PAGES || tally.items >= MOST_ITEMS || self.house.clock.elapsed() >= until {
                return Ok(true);
            }
            let now = self.house.clock.now();
            let (state, expected) = run.state(&stream).await?;
            let org = &run.integration.org_id;
            // Read anew for each page: a token may be fresh, and an integration that is gone has none.
            let credentials = integrations::credentials(&self.house, org, run.integration.id).await?;
            let page = self.house.syncer.page(Ask {
                integration: run.integration.clone(),
                credentials,
                stream: stream.clone(),
                cursor: state.cursor.clone(),
                since: state.since,
                now,
            });
            tally.pages += 1;
            match page.await {
                Ok(page) => {
                    tally.items += page.told.len();
                    let state = state.read(page.cursor, page.more, settings.every, now);
                    tally.events += run.write(page.told, (state, expected)).await?;
                    if let Some(pause) = page.pause {
                        head.pause(now, pause);
                        return Ok(true);
                    }
                    if !page.more {
                        return Ok(false);
                    }
                }
                Err(SyncError::Wait { why, pause }) => {
                    info!(%org, integration = %run.integration.id, stream, why, "a vendor wants to be left alone");
                    head.pause(now, pause);
                    return Ok(true);
                }
                Err(SyncError::Stream(why)) => {
                    warn!(%org, integration = %run.integration.id, stream, why, "a listing could not be read");
                    run.write(Vec::new(), (state.failed(&why, settings.every, now), expected)).await?;
                    return Ok(false);
                }
                Err(SyncError::Integration(why)) => {
                    tally.failed = Some(why);
                    return Ok(true);
                }
            }
        }
    }

    /// Writes how the run went, and its successor.
    async fn end(
        &self,
        run: &Run<'_>,
        mut head: SyncHead,
        settings: &SyncSettings,
        streams: &[String],
        tally: &Tally,
    ) -> Result<(), PageError> {
        let (org, id) = (&run.integration.org_id, run.integration.id);
        let now = self.house.clock.now();
        let mut change = Change::default();
        let mut first = now.plus(settings.every);
        let mut unread: Vec<&String> = streams.iter().take(MOST_STREAMS).collect();
        for (key, found) in self.house.store.scan(all_of(org, id)).await? {
            let state: SyncState = decode(&found.value)?;
            if streams.contains(&state.stream) {
                first = first.min(state.next_run);
                unread.retain(|stream| **stream != state.stream);
            } else if tally.failed.is_none() {
                // Nobody follows it any more.
                change.extra.expect(key.clone(), Expect::Version(found.version)).delete(key);
            }
        }
        if !unread.is_empty() {
            first = now;
        }
        head.ended(tally.failed.as_deref(), first, settings.every, now);
        let next = JobId::new(now);
        let head = head.clone().given_to(next, head.next_run);
        change.jobs.push(drafted(next, id, head.next_run)?);
        let key = keys::sync_head(org, id);
        change.extra.expect(key.clone(), Expect::Version(run.version)).put(key, encode(&head)?);
        match self.publisher.commit(org.clone(), change).await {
            Ok(_) => {}
            Err(ChangeError::Condition) => return Err(PageError::Lost),
            Err(error) => return Err(error.into()),
        }
        let Tally { pages, events, failed, .. } = tally;
        let vendor = &run.integration.vendor;
        match failed {
            Some(why) => warn!(%org, integration = %id, vendor, why, "a vendor could not be read"),
            None => info!(%org, integration = %id, vendor, pages, events, "a vendor was read"),
        }
        Ok(())
    }
}
