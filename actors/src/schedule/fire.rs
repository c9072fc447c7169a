//! Carries out what a schedule owes: one occurrence, one commit.

use tracing::{error, warn};

use super::effect::Happening;
use super::missed::{Owed, Step};
use super::model::{Action, Schedule};
use super::state::Place;
use crate::bus::change::{Change, ChangeError};
use crate::clock::Timestamp;
use crate::flow::book::DATATYPE;
use crate::house::House;
use crate::ids::{Datatype, OrgId, RecordId};
use crate::keys;
use crate::ports::Publisher;
use crate::record::model::Record;
use crate::store::{Batch, Expect, StoreError, Versioned, decode};

/// Takes the next step of a schedule that is due. A second call for the same time does nothing: the commit holds
/// only for the schedule as it was read.
///
/// # Errors
/// When it could not be done just now.
pub async fn fire(house: &House, publisher: &dyn Publisher, place: Place) -> Result<(), ChangeError> {
    let (at, org, id) = &place;
    let Some(found) = house.store.get(keys::schedule(org, *id)).await? else {
        return clear(house, &place, None).await;
    };
    let schedule: Schedule = match decode(&found.value) {
        Ok(schedule) => schedule,
        Err(error) => {
            error!(%org, schedule = %id, %error, "a schedule cannot be read and is not due any more");
            return clear(house, &place, Some(&found)).await;
        }
    };
    let Some(due) = schedule.next_run().filter(|_| schedule.stands_at() == Some(*at)) else {
        return clear(house, &place, Some(&found)).await;
    };
    let now = house.clock.now();
    let step = owed(&schedule, due).step(now);
    let done = match step.occurrence {
        Some(occurrence) => {
            let happening = Happening { schedule: &schedule, occurrence, by: None, now };
            happening.change(house, flow_of(house, &schedule).await?.as_ref())
        }
        None => Ok(Change::default()),
    };
    let moved = Moved { schedule: &schedule, version: found.version, step: &step, now };
    let committed = match done {
        Ok(change) => publisher.commit(org.clone(), moved.with(change, Ok(()))?).await,
        Err(why) => publisher.commit(org.clone(), moved.with(Change::default(), Err(why))?).await,
    };
    match committed {
        Ok(_) => Ok(()),
        // Somebody wrote the schedule first, or this very commit is on the disk: the next look tells.
        Err(ChangeError::Condition | ChangeError::Published(_)) => Ok(()),
        Err(error) if error.is_retryable() => Err(error),
        Err(error) => {
            warn!(%org, schedule = %id, %error, "an occurrence of a schedule cannot be written");
            let change = moved.with(Change::default(), Err(format!("failed to {error}")))?;
            publisher.commit(org.clone(), change).await.map(drop)
        }
    }
}

/// A schedule that has taken its step.
struct Moved<'a> {
    schedule: &'a Schedule,
    version: u64,
    step: &'a Step,
    now: Timestamp,
}

impl Moved<'_> {
    fn with(&self, mut change: Change, done: Result<(), String>) -> Result<Change, StoreError> {
        let mut after = self.schedule.clone();
        after.advance(self.step, self.now, done);
        after.write(Some((self.schedule, self.version)), &mut change.extra)?;
        Ok(change)
    }
}

fn owed(schedule: &Schedule, due: Timestamp) -> Owed<'_> {
    Owed {
        timing: &schedule.timing,
        missed: schedule.missed,
        limit: schedule.missed_limit,
        due,
        owed_until: schedule.owed_until,
        unsaid: schedule.unsaid,
    }
}

/// The record of the flow that a schedule starts.
///
/// # Errors
/// When the store fails.
pub async fn flow_of(house: &House, schedule: &Schedule) -> Result<Option<Record>, StoreError> {
    match &schedule.action {
        Action::Event { .. } | Action::Job { .. } => Ok(None),
        Action::Flow { flow_id, .. } => flow(house, &schedule.org_id, flow_id).await,
    }
}

/// The record of a flow.
///
/// # Errors
/// When the store fails.
pub async fn flow(house: &House, org: &OrgId, id: &RecordId) -> Result<Option<Record>, StoreError> {
    let Ok(datatype) = Datatype::new(DATATYPE) else { return Ok(None) };
    let found = house.store.get(keys::record(org, &datatype, id)).await?;
    let record: Option<Record> = found.map(|found| decode(&found.value)).transpose()?;
    Ok(record.filter(|record| !record.is_deleted()))
}

/// Takes away a place that leads to nothing.
async fn clear(house: &House, place: &Place, found: Option<&Versioned>) -> Result<(), ChangeError> {
    let (at, org, id) = place;
    let mut batch = Batch::default();
    let expect = found.map_or(Expect::Absent, |found| Expect::Version(found.version));
    batch.expect(keys::schedule(org, *id), expect);
    batch.delete(keys::schedule_due(*at, org, *id));
    match house.store.commit(batch).await {
        Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
