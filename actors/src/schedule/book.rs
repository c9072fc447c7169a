//! The schedules of all organisations, for those who write, read and stop them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::draft::{Draft, TIMING, timing};
use super::effect::Happening;
use super::fire::{flow, flow_of};
use super::missed::Occurrence;
use super::model::{Action, Schedule, Status};
use super::timing::Timing;
use crate::bus::change::{Change, ChangeError};
use crate::clock::Timestamp;
use crate::form::problem::{Problem, Problems};
use crate::house::House;
use crate::ids::{OrgId, RecordId, ScheduleId};
use crate::keys;
use crate::list::{COUNTED, Listed, Slice};
use crate::ports::Publisher;
use crate::store::{Pages, Scan, StoreError, decode, encode};

/// How often a change is tried anew when the schedule is written in between.
const TRIES: usize = 8;
/// Schedules read at once.
const PAGE: usize = 100;

/// Why a schedule was not written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// It cannot work: every problem there is.
    #[error("take the schedule: {} problems", .0.len())]
    Invalid(Vec<Problem>),
    /// There is no such schedule.
    #[error("find the schedule {0}")]
    Missing(ScheduleId),
    /// It belongs to a flow.
    #[error("change the schedule {id}: it is a trigger of the flow {flow}; change that flow")]
    Owned {
        /// The schedule.
        id: ScheduleId,
        /// The flow.
        flow: RecordId,
    },
    /// It is done.
    #[error("pause or resume the schedule {0}: it is done; give it another time")]
    Done(ScheduleId),
    /// What it was to do now it could not.
    #[error("run the schedule {id}: {why}")]
    Idle {
        /// The schedule.
        id: ScheduleId,
        /// Why.
        why: String,
    },
    /// It could not be written.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for ScheduleError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// All schedules.
#[derive(Clone)]
pub struct Schedules {
    house: Arc<House>,
    publisher: Arc<dyn Publisher>,
}

impl Schedules {
    /// The schedules of a machine.
    #[must_use]
    pub const fn new(house: Arc<House>, publisher: Arc<dyn Publisher>) -> Self {
        Self { house, publisher }
    }

    /// Stores a new schedule. It is due from its next time on.
    ///
    /// # Errors
    /// When it cannot work, or cannot be written.
    pub async fn create(
        &self,
        org: &OrgId,
        body: &Map<String, Value>,
        by: &str,
    ) -> Result<Schedule, ScheduleError> {
        let now = self.house.clock.now();
        let draft = Draft::read(body, now, None).map_err(ScheduleError::Invalid)?;
        self.check(org, &draft).await?;
        let Draft { name, timing, action, missed, missed_limit } = draft;
        let (id, updated_by) = (ScheduleId::new(now), Some(by.to_owned()));
        let schedule = Schedule::new(id, org.clone(), name, timing, action, now);
        let schedule = Schedule { missed, missed_limit, updated_by, ..schedule };
        let mut change = written(by);
        schedule.write(None, &mut change.extra)?;
        self.commit(org, &schedule, change).await?;
        Ok(schedule)
    }

    /// A schedule.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&self, org: &OrgId, id: ScheduleId) -> Result<Schedule, ScheduleError> {
        Ok(self.read(org, id).await?.0)
    }

    /// Schedules, the newest first, in one status or in any, as many as are found among the last ten thousand.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(
        &self,
        org: &OrgId,
        status: Option<Status>,
        slice: Slice,
    ) -> Result<Listed<Schedule>, ScheduleError> {
        let mut pages = Pages::of(&*self.house.store, Scan::prefix(keys::schedules(org), PAGE).descending());
        let (mut listed, mut looked) = (Listed::new(slice), 0);
        while let Some(page) = pages.next().await? {
            for (_, found) in &page {
                let schedule: Schedule = decode(&found.value)?;
                if status.is_none_or(|status| status == schedule.status) {
                    listed.meet(schedule);
                }
            }
            looked += page.len();
            if looked >= COUNTED && !pages.is_over() {
                listed.total_is_lower_bound = true;
                break;
            }
        }
        Ok(listed)
    }

    /// Puts what `body` says in the place of what a schedule does. Where it says the same of when, the schedule
    /// goes on where it stands; else it counts from now.
    ///
    /// # Errors
    /// When there is no such schedule, it cannot work, or cannot be written.
    pub async fn replace(
        &self,
        org: &OrgId,
        id: ScheduleId,
        body: &Map<String, Value>,
        by: &str,
    ) -> Result<Schedule, ScheduleError> {
        self.rewrite(org, id, by, |_| body.clone()).await
    }

    /// Changes what `patch` names of a schedule, as RFC 7396 merges.
    ///
    /// # Errors
    /// As [`Schedules::replace`].
    pub async fn patch(
        &self,
        org: &OrgId,
        id: ScheduleId,
        patch: &Map<String, Value>,
        by: &str,
    ) -> Result<Schedule, ScheduleError> {
        self.rewrite(org, id, by, |schedule| Draft::patched(schedule, patch)).await
    }

    async fn rewrite(
        &self,
        org: &OrgId,
        id: ScheduleId,
        by: &str,
        body: impl Fn(&Schedule) -> Map<String, Value>,
    ) -> Result<Schedule, ScheduleError> {
        let now = self.house.clock.now();
        let edit = async |schedule: &Schedule| {
            refuse_owned(schedule)?;
            let draft = Draft::read(&body(schedule), now, Some(&schedule.timing));
            let draft = draft.map_err(ScheduleError::Invalid)?;
            self.check(org, &draft).await?;
            let Draft { name, timing, action, missed, missed_limit } = draft;
            let mut after = Schedule { name, action, ..schedule.clone() };
            after.set_missed(missed, missed_limit);
            after.set_timing(timing, now);
            Ok((after, Change::default()))
        };
        self.change(org, id, by, edit).await
    }

    /// Lets a schedule rest. What it misses until it is resumed is missed: its `missed` says what becomes of it.
    ///
    /// # Errors
    /// When there is no such schedule, or it is done.
    pub async fn pause(&self, org: &OrgId, id: ScheduleId, by: &str) -> Result<Schedule, ScheduleError> {
        self.set_status(org, id, Status::Paused, by).await
    }

    /// Lets a schedule that rests go on.
    ///
    /// # Errors
    /// When there is no such schedule, or it is done.
    pub async fn resume(&self, org: &OrgId, id: ScheduleId, by: &str) -> Result<Schedule, ScheduleError> {
        self.set_status(org, id, Status::Active, by).await
    }

    async fn set_status(
        &self,
        org: &OrgId,
        id: ScheduleId,
        status: Status,
        by: &str,
    ) -> Result<Schedule, ScheduleError> {
        let edit = async |schedule: &Schedule| match schedule.status {
            Status::Done => Err(ScheduleError::Done(id)),
            Status::Active | Status::Paused => {
                Ok((Schedule { status, ..schedule.clone() }, Change::default()))
            }
        };
        self.change(org, id, by, edit).await
    }

    /// Has a schedule happen now, beside its plan.
    ///
    /// # Errors
    /// When there is no such schedule, or what it does cannot be done.
    pub async fn run(&self, org: &OrgId, id: ScheduleId, by: &str) -> Result<Schedule, ScheduleError> {
        let now = self.house.clock.now();
        let edit = async |schedule: &Schedule| {
            let occurrence = Occurrence { scheduled_at: now, missed: 0 };
            let happening = Happening { schedule, occurrence, by: Some(by), now };
            let record = flow_of(&self.house, schedule).await?;
            let idle = |why| ScheduleError::Idle { id, why };
            let change = happening.change(&self.house, record.as_ref()).map_err(idle)?;
            let mut after = schedule.clone();
            after.note(now, Ok(()));
            Ok((after, change))
        };
        self.change(org, id, by, edit).await
    }

    /// Removes a schedule.
    ///
    /// # Errors
    /// When there is no such schedule, or it belongs to a flow.
    pub async fn delete(&self, org: &OrgId, id: ScheduleId, by: &str) -> Result<(), ScheduleError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (schedule, version) = self.read(org, id).await?;
            refuse_owned(&schedule)?;
            let mut change = written(by);
            schedule.remove(version, &mut change.extra);
            match self.publisher.commit(org.clone(), change).await {
                Err(ChangeError::Condition) if tries < TRIES => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The next `count` moments of what could be a schedule's timing.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn preview(
        &self,
        body: &Map<String, Value>,
        count: usize,
    ) -> Result<(Timing, Vec<Timestamp>), Vec<Problem>> {
        let (now, mut problems) = (self.house.clock.now(), Problems::default());
        let [cron, every, at, timezone, anchor] = TIMING;
        problems.only(body, &[cron, every, at, timezone, anchor, "count"]);
        let read = timing(body, now, None, &mut problems);
        let read = problems.or(read)?.ok_or_else(Vec::new)?;
        let next = read.upcoming(now, count);
        Ok((read, next))
    }

    async fn change(
        &self,
        org: &OrgId,
        id: ScheduleId,
        by: &str,
        edit: impl AsyncFn(&Schedule) -> Result<(Schedule, Change), ScheduleError>,
    ) -> Result<Schedule, ScheduleError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (before, version) = self.read(org, id).await?;
            let (mut after, change) = edit(&before).await?;
            after.updated_at = self.house.clock.now();
            after.updated_by = Some(by.to_owned());
            let mut change = Change { by: Some(by.to_owned()), reschedules: true, ..change };
            after.write(Some((&before, version)), &mut change.extra)?;
            match self.commit(org, &after, change).await {
                // An occurrence came in between, or somebody else's change.
                Err(ScheduleError::Change(ChangeError::Condition)) if tries < TRIES => {}
                done => return done.map(|()| after),
            }
        }
    }

    async fn commit(&self, org: &OrgId, schedule: &Schedule, change: Change) -> Result<(), ScheduleError> {
        let (bytes, limit) = (encode(schedule)?.len(), self.house.settings.value_limit);
        if bytes > limit {
            return Err(ChangeError::TooLarge { what: "a schedule", bytes, limit }.into());
        }
        self.publisher.commit(org.clone(), change).await?;
        Ok(())
    }

    async fn read(&self, org: &OrgId, id: ScheduleId) -> Result<(Schedule, u64), ScheduleError> {
        let found = self.house.store.get(keys::schedule(org, id)).await?;
        let found = found.ok_or(ScheduleError::Missing(id))?;
        Ok((decode(&found.value)?, found.version))
    }

    /// What can only be known by looking.
    async fn check(&self, org: &OrgId, draft: &Draft) -> Result<(), ScheduleError> {
        let mut problems = Problems::default();
        match &draft.action {
            Action::Flow { flow_id, .. } if flow(&self.house, org, flow_id).await?.is_none() => {
                problems.add("action.flowId", format_args!("is {flow_id}, and there is no such flow"));
            }
            Action::Job { queue, .. } if !self.house.settings.queues.contains_key(queue) => {
                problems.add("action.queue", format_args!("is {queue}, and there is no such queue"));
            }
            Action::Event { .. } | Action::Flow { .. } | Action::Job { .. } => {}
        }
        problems.or(()).map_err(ScheduleError::Invalid)
    }
}

fn written(by: &str) -> Change {
    Change { by: Some(by.to_owned()), reschedules: true, ..Change::default() }
}

fn refuse_owned(schedule: &Schedule) -> Result<(), ScheduleError> {
    match &schedule.owner {
        Some(owner) => Err(ScheduleError::Owned { id: schedule.id, flow: owner.flow.clone() }),
        None => Ok(()),
    }
}
