//! The log of events, for those who read it: pages by cursor, in the order of commits. A cursor never
//! passes over an event that was committed before the page was read.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::bus::change::Remembered;
use crate::clock::Stamp;
use crate::event::{Event, EventKind};
use crate::ids::{EventId, OrgId};
use crate::keys;
use crate::store::{Scan, Store, StoreError, decode};

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    stamp: Stamp,
    n: u16,
}

/// A text that is no place in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read `{0}` as a cursor: give the `next` of the page before")]
pub struct PlaceError(String);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:04x}", self.stamp.as_u64(), self.n)
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let refuse = || PlaceError(text.chars().take(64).collect());
        let (stamp, n) = text.split_at_checked(16).filter(|(_, n)| n.len() == 4).ok_or_else(refuse)?;
        let stamp = u64::from_str_radix(stamp, 16).map_err(|_| refuse())?;
        let n = u16::from_str_radix(n, 16).map_err(|_| refuse())?;
        Ok(Self { stamp: Stamp::from_u64(stamp), n })
    }
}

/// A page of the log.
#[derive(Debug, Default)]
pub struct LogPage {
    /// The events, in the order asked for.
    pub events: Vec<Event>,
    /// The place of the last one.
    pub last: Option<Place>,
    /// Whether there are more.
    pub more: bool,
}

/// The logs of all organisations.
#[derive(Clone)]
pub struct EventLog(Arc<dyn Store>);

impl EventLog {
    /// The logs in a store.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    /// One event.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn get(&self, org: &OrgId, id: EventId) -> Result<Option<Event>, StoreError> {
        self.0.get(keys::event(org, id)).await?.map(|found| decode(&found.value)).transpose()
    }

    /// Those of these events that there are.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn many(
        &self,
        org: &OrgId,
        ids: impl IntoIterator<Item = EventId>,
    ) -> Result<Vec<Event>, StoreError> {
        let wanted: Vec<_> = ids.into_iter().map(|id| keys::event(org, id)).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.0.get_many(wanted).await?;
        found.into_iter().flatten().map(|found| decode(&found.value)).collect()
    }

    /// What these idempotency keys stand for, in their order; none for those that are new.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remembered(
        &self,
        org: &OrgId,
        keys: impl IntoIterator<Item = &str>,
    ) -> Result<Vec<Option<Remembered>>, StoreError> {
        let wanted: Vec<_> = keys.into_iter().map(|key| keys::idempotency(org, key)).collect();
        let found = self.0.get_many(wanted).await?.into_iter();
        found.map(|found| found.map(|found| decode(&found.value)).transpose()).collect()
    }

    /// Events of one kind or of all, oldest first or `newest_first`, beyond a place.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn page(
        &self,
        org: &OrgId,
        kind: Option<&EventKind>,
        after: Option<Place>,
        newest_first: bool,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        let log = kind.map_or_else(|| keys::event_log(org), |kind| keys::event_log_of(org, kind.as_str()));
        let mut scan = Scan::prefix(log.clone(), limit + 1);
        scan.descending = newest_first;
        if let Some(Place { stamp, n }) = after {
            scan = scan.after(&keys::event_place(log.clone(), stamp, n));
        }
        let mut entries = self.0.scan(scan).await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let last = entries.last().and_then(|(key, _)| keys::parse_event_place(key));
        let ids =
            entries.iter().filter_map(|(_, id)| Some(EventId::from_bytes(*id.value.first_chunk::<16>()?)));
        let events = self.many(org, ids).await?;
        Ok(LogPage { events, last: last.map(|(stamp, n)| Place { stamp, n }), more })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn a_place_reads_back_and_sorts_as_text() {
        let place = |ms, n| Place { stamp: Stamp::first_of(Timestamp::from_millis(ms)), n };
        assert_eq!(place(5, 7).to_string().parse(), Ok(place(5, 7)));
        assert!(place(5, 255).to_string() < place(5, 256).to_string());
        for bad in ["", "x", "00000000000000000", "zzzzzzzzzzzzzzzzzzzz", "é0000000000000000000"] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }
}
