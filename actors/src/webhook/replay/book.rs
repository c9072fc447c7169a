//! The replays of all organisations, for those who start them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::messages::Replaying;
use super::walk::{listening, look, takes};
use super::{Outcome, Replay, ReplayStatus, ReplayerActor, Scope};
use crate::house::House;
use crate::ids::{EndpointId, OrgId, ReplayId};
use crate::keys;
use crate::list::{Listed, Slice};
use crate::store::{Batch, Expect, Pages, Scan, StoreError, decode, encode};
use crate::supervision::Ref;

/// Replays that an organisation may have under way.
const MOST_RUNNING: usize = 20;
/// Events that a count looks at.
const COUNTED: u64 = 100_000;
/// Replays read at once.
const PAGE: usize = 100;
/// How often a replay is read again that moved on meanwhile.
const TRIES: usize = 10;

/// Why a replay was not started or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// There is no such replay.
    #[error("find the replay {0}")]
    Missing(ReplayId),
    /// There is no such endpoint.
    #[error("find the endpoint {0}")]
    NoEndpoint(EndpointId),
    /// It is disabled.
    #[error("replay to the endpoint {0}: it is disabled; enable it first")]
    Disabled(EndpointId),
    /// Too many go on.
    #[error("start the replay: {MOST_RUNNING} are under way, which is the most; wait, or cancel some")]
    TooMany,
    /// It has ended.
    #[error("change the replay {0}: it has ended")]
    Ended(ReplayId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a replay would send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    /// Events that were looked at.
    pub looked: u64,
    /// Deliveries, by what became of them.
    pub found: BTreeMap<Outcome, u64>,
    /// Whether there is more that was not looked at.
    pub more: bool,
}

/// All replays.
#[derive(Clone)]
pub struct Replays {
    house: Arc<House>,
    replayer: Ref<ReplayerActor>,
}

impl Replays {
    /// The replays of a machine.
    #[must_use]
    pub const fn new(house: Arc<House>, replayer: Ref<ReplayerActor>) -> Self {
        Self { house, replayer }
    }

    /// Counts what a replay would send, and sends nothing.
    ///
    /// # Errors
    /// When there is no such endpoint, or the store fails.
    pub async fn count(&self, org: &OrgId, scope: &Scope) -> Result<Count, ReplayError> {
        self.open(org, scope).await?;
        let index = listening(&self.house, org, scope).await?;
        let (mut count, mut after) = (Count::default(), None);
        loop {
            let look = look(&self.house, (org, scope), &index, after).await?;
            count.looked += look.looked();
            for (outcome, found) in look.counts() {
                *count.found.entry(outcome).or_default() += found;
            }
            after = look.next();
            count.more = after.is_some();
            if !count.more || count.looked >= COUNTED {
                return Ok(count);
            }
        }
    }

    /// Starts a replay.
    ///
    /// # Errors
    /// When there is no such endpoint, it takes nothing, too many go on, or the store fails.
    pub async fn start(&self, org: &OrgId, scope: Scope, rate: f64, by: &str) -> Result<Replay, ReplayError> {
        self.open(org, &scope).await?;
        let running = self.all(org).await?.into_iter().filter(|replay| replay.finished_at.is_none());
        if running.count() >= MOST_RUNNING {
            return Err(ReplayError::TooMany);
        }
        let now = self.house.clock.now();
        let first = self.house.store.scan(Scan::prefix(keys::event_log(org), 1).keys_only()).await?;
        let first = first.first().and_then(|(key, _)| keys::parse_event_place(key));
        // So that it is known how much of the time it has behind it.
        let from = scope.from.max(first.map_or(scope.from, |(stamp, _)| stamp.time())).min(scope.to);
        let scope = Scope { from, ..scope };
        let replay = Replay {
            id: ReplayId::new(now),
            org_id: org.clone(),
            scope,
            rate,
            status: ReplayStatus::Running,
            looked: 0,
            sent: BTreeMap::new(),
            at: None,
            reached: None,
            by: by.to_owned(),
            created_at: now,
            finished_at: None,
        };
        let mut batch = Batch::default();
        batch.expect(keys::replay(org, replay.id), Expect::Absent);
        batch.put(keys::replay(org, replay.id), encode(&replay)?);
        batch.put(keys::replaying(replay.id), encode(org)?);
        self.house.store.commit(batch).await?;
        self.tell(&replay);
        Ok(replay)
    }

    /// Lets a replay rest, go on, or end.
    ///
    /// # Errors
    /// When there is none, it has ended, or the store fails.
    pub async fn set(&self, org: &OrgId, id: ReplayId, status: ReplayStatus) -> Result<Replay, ReplayError> {
        for _ in 0..TRIES {
            let found = self.house.store.get(keys::replay(org, id)).await?.ok_or(ReplayError::Missing(id))?;
            let mut replay: Replay = decode(&found.value)?;
            if replay.status == status {
                return Ok(replay);
            }
            if replay.finished_at.is_some() {
                return Err(ReplayError::Ended(id));
            }
            replay.status = status;
            let mut batch = Batch::default();
            batch.expect(keys::replay(org, id), Expect::Version(found.version));
            match status {
                ReplayStatus::Running => batch.put(keys::replaying(id), encode(org)?),
                ReplayStatus::Paused => batch.delete(keys::replaying(id)),
                ReplayStatus::Completed | ReplayStatus::Cancelled => {
                    replay.finished_at = Some(self.house.clock.now());
                    batch.delete(keys::replaying(id))
                }
            };
            batch.put(keys::replay(org, id), encode(&replay)?);
            match self.house.store.commit(batch).await {
                Ok(()) => {
                    self.tell(&replay);
                    return Ok(replay);
                }
                // A step was taken meanwhile.
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unavailable("the replay takes steps all the time".to_owned()).into())
    }

    /// A replay.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn get(&self, org: &OrgId, id: ReplayId) -> Result<Replay, ReplayError> {
        let found = self.house.store.get(keys::replay(org, id)).await?.ok_or(ReplayError::Missing(id))?;
        Ok(decode(&found.value)?)
    }

    /// The replays of an organisation, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, org: &OrgId, slice: Slice) -> Result<Listed<Replay>, ReplayError> {
        let mut listed = Listed::new(slice);
        self.all(org).await?.into_iter().rev().for_each(|replay| listed.meet(replay));
        Ok(listed)
    }

    async fn all(&self, org: &OrgId) -> Result<Vec<Replay>, ReplayError> {
        let mut all = Vec::new();
        let mut pages = Pages::of(&*self.house.store, Scan::prefix(keys::replays(org), PAGE));
        while let Some(page) = pages.next().await? {
            for (_, found) in &page {
                all.push(decode(&found.value)?);
            }
        }
        Ok(all)
    }

    async fn open(&self, org: &OrgId, scope: &Scope) -> Result<(), ReplayError> {
        match (takes(&self.house, org, scope).await?, scope.endpoint_id) {
            (None, Some(id)) => Err(ReplayError::NoEndpoint(id)),
            (Some(false), Some(id)) => Err(ReplayError::Disabled(id)),
            _ => Ok(()),
        }
    }

    fn tell(&self, replay: &Replay) {
        // Full or restarting: it finds the replay in the store when it looks next.
        let _ = self.replayer.tell(Replaying(replay.org_id.clone(), replay.id));
    }
}
