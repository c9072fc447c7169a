//! A schedule as it is stored, and how it changes. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::missed::{Missed, Step, USUAL_LIMIT};
use super::timing::Timing;
use crate::clock::Timestamp;
use crate::event::EventKind;
use crate::ids::{OrgId, QueueName, RecordId, ScheduleId};
use crate::keys;
use crate::store::{Batch, Expect, Key, StoreError, encode};

/// What happens at each of a schedule's times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum Action {
    /// An event is published.
    Event {
        /// Its kind.
        event: EventKind,
        /// What it says, beside what is known of the occurrence.
        #[serde(default)]
        data: Map<String, Value>,
    },
    /// A flow is started.
    Flow {
        /// Which one.
        flow_id: RecordId,
        /// What its run knows, beside what is known of the occurrence.
        #[serde(default)]
        variables: Map<String, Value>,
    },
    /// Work is added to a queue.
    Job {
        /// Which queue.
        queue: QueueName,
        /// What kind of work it is.
        name: String,
        /// What is to be done, beside what is known of the occurrence.
        #[serde(default)]
        payload: Map<String, Value>,
        /// How urgent it is: the lowest goes first.
        #[serde(default, skip_serializing_if = "is_zero")]
        priority: i32,
        /// What it concerns.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// Attempts allowed; the queue's own number when none is given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_attempts: Option<u32>,
    },
}

// By reference, as serde asks for it.
#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_zero(value: &i32) -> bool {
    *value == 0
}

/// Where a schedule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is due at its times.
    Active,
    /// It rests until it is resumed; what it misses meanwhile is missed.
    Paused,
    /// No further time is to come.
    Done,
}

/// The trigger of a flow that a schedule stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// The flow.
    pub flow: RecordId,
    /// The trigger within it.
    pub trigger: String,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Its id.
    pub id: ScheduleId,
    /// Whose it is.
    pub org_id: OrgId,
    /// What people call it.
    pub name: String,
    /// When.
    pub timing: Timing,
    /// What.
    pub action: Action,
    /// What becomes of times that were missed.
    pub missed: Missed,
    /// The most missed times that are made up for, where all are.
    pub missed_limit: u32,
    /// Where it stands.
    pub status: Status,
    /// The trigger that it stands for, which is changed with its flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The time that comes next, also while it rests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// Where it stands among those that are due, while it makes up for what was missed: behind everybody who is
    /// due by now, so that nobody waits for its whole backlog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Timestamp>,
    /// Up to here what was missed is made up for: what is beyond the limit is left out already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed_until: Option<Timestamp>,
    /// Times left out since the last occurrence, which the next one tells of.
    #[serde(default)]
    pub unsaid: u64,
    /// When it last happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<Timestamp>,
    /// The time that this was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_scheduled_at: Option<Timestamp>,
    /// How often it happened.
    #[serde(default)]
    pub runs: u64,
    /// Times in all that were left out.
    #[serde(default)]
    pub left_out: u64,
    /// Why the last occurrence did nothing, if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written by somebody.
    pub updated_at: Timestamp,
    /// Who wrote it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
}

impl Schedule {
    /// A schedule that counts from now and makes up for what was missed once.
    #[must_use]
    pub fn new(
        id: ScheduleId,
        org_id: OrgId,
        name: String,
        timing: Timing,
        action: Action,
        now: Timestamp,
    ) -> Self {
        let due = timing.next_after(now);
        Self {
            id,
            org_id,
            name,
            timing,
            action,
            missed: Missed::default(),
            missed_limit: USUAL_LIMIT,
            status: if due.is_some() { Status::Active } else { Status::Done },
            owner: None,
            due,
            turn: None,
            owed_until: None,
            unsaid: 0,
            last_run: None,
            last_scheduled_at: None,
            runs: 0,
            left_out: 0,
            last_error: None,
            created_at: now,
            updated_at: now,
            updated_by: None,
        }
    }

    /// Its place among those that are due; none while it rests or when it is done.
    #[must_use]
    pub fn place(&self) -> Option<Key> {
        Some(keys::schedule_due(self.stands_at()?, &self.org_id, self.id))
    }

    /// The time of that place.
    #[must_use]
    pub fn stands_at(&self) -> Option<Timestamp> {
        self.next_run().map(|due| self.turn.unwrap_or(due))
    }

    /// When it happens next; none while it rests or when it is done.
    #[must_use]
    pub fn next_run(&self) -> Option<Timestamp> {
        self.due.filter(|_| self.status == Status::Active)
    }

    /// When it happens next, and after that.
    #[must_use]
    pub fn next_runs(&self, count: usize) -> Vec<Timestamp> {
        let first = self.next_run().into_iter();
        first.clone().chain(first.flat_map(|due| self.timing.upcoming(due, count))).take(count).collect()
    }

    /// Another timing, which counts from now.
    pub fn set_timing(&mut self, timing: Timing, now: Timestamp) {
        if self.timing == timing {
            return;
        }
        self.due = timing.next_after(now);
        self.timing = timing;
        (self.turn, self.owed_until) = (None, None);
        self.unsaid = 0;
        self.status = match (self.due, self.status) {
            (None, _) => Status::Done,
            (Some(_), Status::Done) => Status::Active,
            (Some(_), other) => other,
        };
    }

    /// Another choice for what was missed, which holds for what is being made up for as well.
    pub fn set_missed(&mut self, missed: Missed, limit: u32) {
        if (self.missed, self.missed_limit) != (missed, limit) {
            (self.missed, self.missed_limit, self.owed_until) = (missed, limit, None);
        }
    }

    /// Goes on to what is next. `done` is what came of the occurrence, where there was one.
    pub fn advance(&mut self, step: &Step, now: Timestamp, done: Result<(), String>) {
        if let Some(occurrence) = step.occurrence {
            self.last_scheduled_at = Some(occurrence.scheduled_at);
            self.note(now, done);
        }
        self.due = step.next;
        self.turn = step.next.filter(|next| *next < now).map(|_| now);
        self.owed_until = step.owed_until;
        self.unsaid = step.unsaid;
        self.left_out = self.left_out.saturating_add(step.left_out);
        if self.due.is_none() {
            self.status = Status::Done;
        }
    }

    /// Takes note of an occurrence.
    pub fn note(&mut self, now: Timestamp, done: Result<(), String>) {
        if done.is_ok() {
            self.last_run = Some(now);
            self.runs = self.runs.saturating_add(1);
        }
        self.last_error = done.err();
    }

    /// Writes it in place of what was there before, if nobody has written it meanwhile.
    ///
    /// # Errors
    /// When it has no stored form.
    pub fn write(&self, before: Option<(&Self, u64)>, batch: &mut Batch) -> Result<(), StoreError> {
        let key = keys::schedule(&self.org_id, self.id);
        let expect = before.map_or(Expect::Absent, |(_, version)| Expect::Version(version));
        batch.expect(key.clone(), expect);
        batch.put(key, encode(self)?);
        let place = before.and_then(|(before, _)| before.place());
        let next = self.place();
        if place != next {
            if let Some(place) = place {
                batch.delete(place);
            }
            if let Some(next) = next {
                batch.put(next, Vec::new());
            }
        }
        Ok(())
    }

    /// Removes it, if nobody has written it meanwhile.
    pub fn remove(&self, version: u64, batch: &mut Batch) {
        let key = keys::schedule(&self.org_id, self.id);
        batch.expect(key.clone(), Expect::Version(version));
        batch.delete(key);
        if let Some(place) = self.place() {
            batch.delete(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(minute: u64) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000 + minute * 60_000)
    }

    fn schedule(timing: Value) -> Schedule {
        let action = Action::Event { event: EventKind::new("tick").unwrap(), data: Map::new() };
        let timing = serde_json::from_value(timing).unwrap();
        let org = OrgId::new("o").unwrap();
        Schedule::new(ScheduleId::new(at(0)), org, "n".to_owned(), timing, action, at(0))
    }

    #[test]
    fn what_is_next_is_in_order_and_has_one_place() {
        let mut hourly = schedule(json!({"cron": "0 * * * *"}));
        assert_eq!(hourly.next_runs(3), [at(60), at(120), at(180)]);
        let mut batch = Batch::default();
        hourly.write(None, &mut batch).unwrap();
        assert_eq!(batch.ops.len(), 2, "itself and its place");
        let before = hourly.clone();
        hourly.status = Status::Paused;
        assert_eq!((hourly.place(), hourly.next_runs(3)), (None, Vec::new()));
        let mut batch = Batch::default();
        hourly.write(Some((&before, 7)), &mut batch).unwrap();
        let key = keys::schedule(&hourly.org_id, hourly.id);
        assert_eq!(batch.expects, [(key, Expect::Version(7))]);
        assert_eq!(batch.ops.last(), Some(&crate::store::Op::Delete(before.place().unwrap())));
    }

    #[test]
    fn another_choice_holds_for_what_is_being_made_up_for() {
        let mut behind = schedule(json!({"cron": "0 * * * *"}));
        behind.owed_until = Some(at(500));
        behind.set_missed(behind.missed, behind.missed_limit);
        assert_eq!(behind.owed_until, Some(at(500)));
        behind.set_missed(Missed::Skip, 100);
        assert_eq!(behind.owed_until, None);
    }

    #[test]
    fn one_that_rests_goes_on_resting_with_another_time_and_one_that_is_done_begins() {
        for (status, then) in [(Status::Paused, Status::Paused), (Status::Done, Status::Active)] {
            let mut changed = Schedule { status, ..schedule(json!({"cron": "0 * * * *"})) };
            changed.set_timing(serde_json::from_value(json!({"cron": "30 * * * *"})).unwrap(), at(40));
            assert_eq!((changed.status, changed.due), (then, Some(at(90))));
        }
        let mut over = schedule(json!({"cron": "0 * * * *"}));
        over.set_timing(serde_json::from_value(json!({"at": "1999-01-01T00:00:00Z"})).unwrap(), at(40));
        assert_eq!((over.status, over.due), (Status::Done, None));
    }
}
