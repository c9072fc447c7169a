//! From a page to a commit: its events and how far the listing was read with it are written together.

use std::sync::Arc;

use super::state::SyncState;
use crate::bus::change::{Change, ChangeError};
use crate::event::Cause;
use crate::house::House;
use crate::ids::{JobId, OrgId};
use crate::inbound::integration::Integration;
use crate::inbound::meaning::{Meaning, MeaningError, Source};
use crate::inbound::told::Told;
use crate::keys;
use crate::ports::Publisher;
use crate::record::service::Records;
use crate::store::{Expect, StoreError, Versioned, decode, encode};

/// How often a page is worked out anew because somebody wrote what it depends on.
const TRIES: u32 = 8;
/// Events of one commit.
const MOST_EVENTS: usize = 200;

/// Why a page was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    /// Another run has taken over, or the integration was changed: this one is to end.
    #[error("go on with the run: it is no longer the one that counts")]
    Lost,
    #[error("work out what a page means: {0}")]
    Meaning(MeaningError),
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl From<MeaningError> for PageError {
    fn from(error: MeaningError) -> Self {
        match error {
            MeaningError::Store(error) => error.into(),
            other => Self::Meaning(other),
        }
    }
}

/// A run of an integration, as long as it is the one that counts.
pub(super) struct Run<'a> {
    pub house: &'a Arc<House>,
    pub publisher: &'a Arc<dyn Publisher>,
    pub records: &'a Records,
    pub integration: &'a Integration,
    pub job: JobId,
    /// The store's version of the head, as the run has begun it.
    pub version: u64,
}

impl Run<'_> {
    const fn org(&self) -> &OrgId {
        &self.integration.org_id
    }

    /// How far a listing was read, with the store's version of that.
    pub async fn state(&self, stream: &str) -> Result<(SyncState, Expect), StoreError> {
        let key = keys::sync_stream(self.org(), self.integration.id, stream);
        match self.house.store.get(key).await? {
            Some(Versioned { version, value }) => Ok((decode(&value)?, Expect::Version(version))),
            None => Ok((SyncState::new(stream.to_owned(), self.house.clock.now()), Expect::Absent)),
        }
    }

    /// Writes what a page tells and the listing's new state; how many events came of it. A page with more than fits
    /// into a commit is written in several, the state with the last: what is cut short is told again, by the same keys.
    pub async fn write(
        &self,
        mut told: Vec<Told>,
        (state, expected): (SyncState, Expect),
    ) -> Result<usize, PageError> {
        told.retain(|told| told.at.is_none_or(|at| at >= state.since));
        let mut events = 0;
        while told.len() > MOST_EVENTS {
            let rest = told.split_off(MOST_EVENTS);
            events += self.commit(&told, |_, _| Ok(())).await?;
            told = rest;
        }
        let key = keys::sync_stream(self.org(), self.integration.id, &state.stream);
        events += self
            .commit(&told, |change, found| {
                let events = state.events + (events + found) as u64;
                let state = SyncState { events, ..state.clone() };
                change.extra.expect(key.clone(), expected).put(key.clone(), encode(&state)?);
                Ok(())
            })
            .await?;
        Ok(events)
    }

    /// Writes events with what belongs to the same commit, while the run counts.
    async fn commit(
        &self,
        told: &[Told],
        beside: impl Fn(&mut Change, usize) -> Result<(), StoreError>,
    ) -> Result<usize, PageError> {
        let head = keys::sync_head(self.org(), self.integration.id);
        let source = Source::of_sync(self.integration);
        let mut tries = 0;
        loop {
            let mut change = Meaning::of(self.house, self.records, source, told.to_vec()).await?;
            let events = change.events.len();
            change.cause = Some(Cause::Job { id: self.job });
            change.extra.expect(head.clone(), Expect::Version(self.version));
            beside(&mut change, events)?;
            match self.publisher.commit(self.org().clone(), change).await {
                Ok(_) => return Ok(events),
                Err(
                    error @ (ChangeError::Condition
                    | ChangeError::Changed(_)
                    | ChangeError::EventKeyUsed
                    | ChangeError::Exists(_)),
                ) => {
                    let found = self.house.store.get(head.clone()).await?;
                    if found.is_none_or(|found| found.version != self.version) {
                        return Err(PageError::Lost);
                    }
                    tries += 1;
                    if tries >= TRIES {
                        return Err(error.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
