//! What an occurrence does, as a change that is committed together with the fact that it was done.

use serde_json::{Map, Value, json};

use super::missed::Occurrence;
use super::model::{Action, Schedule};
use crate::bus::change::Change;
use crate::clock::Timestamp;
use crate::event::EventDraft;
use crate::flow::definition::Flow;
use crate::flow::run::RunDraft;
use crate::flow::trigger::scheduled;
use crate::house::House;
use crate::ids::{EventId, JobId, RunId};
use crate::keys;
use crate::queue::job::{JobDraft, Task};
use crate::queue::parts::{Part, close};
use crate::record::Query;
use crate::record::model::Record;

/// What every event of a schedule says of itself, and what therefore nobody else may set.
pub const TOLD: [&str; 5] = ["scheduleId", "scheduledAt", "lateMs", "missed", "manual"];

/// One occurrence of one schedule.
#[derive(Debug, Clone, Copy)]
pub struct Happening<'a> {
    /// The schedule.
    pub schedule: &'a Schedule,
    /// The occurrence.
    pub occurrence: Occurrence,
    /// Who asked for it, beside the plan.
    pub by: Option<&'a str>,
    /// When it happens.
    pub now: Timestamp,
}

impl Happening<'_> {
    /// What it does: an event, a run or a job. `flow` is the record of the flow that it starts, where there is one.
    ///
    /// # Errors
    /// Why it can do nothing, for the schedule to keep.
    pub fn change(&self, house: &House, flow: Option<&Record>) -> Result<Change, String> {
        let Self { schedule, now, .. } = *self;
        let by = self.by.map_or_else(|| format!("schedule:{}", schedule.id), str::to_owned);
        let mut change = Change { by: Some(by.clone()), ..Change::default() };
        match &schedule.action {
            Action::Event { event, data } => {
                let data: Map<String, Value> = data.clone().into_iter().chain(self.told()).collect();
                let occurred_at = Some(self.occurrence.scheduled_at);
                let id = EventId::new(now);
                change.events.push(EventDraft { id, kind: event.clone(), data: data.into(), occurred_at });
            }
            Action::Flow { flow_id, variables } => {
                let record = flow.ok_or_else(|| format!("there is no flow {flow_id}"))?;
                let flow: Flow = serde_json::from_value(Value::Object(record.data.clone()))
                    .map_err(|error| format!("the flow {flow_id} cannot be read: {error}"))?;
                if !flow.fires() {
                    return Err(format!("the flow {flow_id} is not active"));
                }
                let variables = self.variables(variables);
                let trigger = schedule.owner.as_ref().map(|owner| owner.trigger.clone());
                if let Some(trigger) = &trigger
                    && self.by.is_none()
                    && !scheduled::admits::<Query>(&flow, trigger, &variables)
                {
                    // Its filter says no: that is an answer and no failure.
                    return Ok(change);
                }
                change.runs.push(RunDraft {
                    id: RunId::new(now),
                    flow: flow_id.clone(),
                    flow_version: record.version,
                    trigger,
                    event: None,
                    executed_by: Some(by),
                    variables,
                    start_step: None,
                    stopped: None,
                });
            }
            Action::Job { queue, name, payload, priority, key, max_attempts } => {
                if !house.settings.queues.contains_key(queue) {
                    return Err(format!("there is no queue {queue}"));
                }
                let payload: Map<String, Value> = payload.clone().into_iter().chain(self.told()).collect();
                let closed = close(house, &payload.into()).map_err(|error| format!("failed to {error}"))?;
                let most = house.settings.work.payload;
                if closed.len() > most {
                    return Err(format!("its payload is over the limit of {most} bytes"));
                }
                let id = JobId::new(now);
                change.extra.put(keys::job_part(id, Part::Payload.letter()), closed);
                let task = Task::Work { kind: name.clone() };
                let (priority, key, max_attempts) = (*priority, key.clone(), *max_attempts);
                let inside = house.handlers.get(name).is_some();
                let draft = JobDraft::new(id, queue.clone(), task);
                change.jobs.push(JobDraft { priority, key, max_attempts, inside, ..draft });
            }
        }
        Ok(change)
    }

    fn told(&self) -> Map<String, Value> {
        let late = self.now.since(self.occurrence.scheduled_at).as_millis();
        let mut told = Map::new();
        let late = u64::try_from(late).unwrap_or(u64::MAX);
        told.insert("scheduleId".to_owned(), json!(self.schedule.id));
        told.insert("scheduledAt".to_owned(), json!(self.occurrence.scheduled_at));
        told.insert("lateMs".to_owned(), late.into());
        told.insert("missed".to_owned(), self.occurrence.missed.into());
        if self.by.is_some() {
            told.insert("manual".to_owned(), true.into());
        }
        told
    }

    /// What the run of a flow knows (contract §4.5).
    fn variables(&self, given: &Map<String, Value>) -> Map<String, Value> {
        let mut variables: Map<String, Value> = given.clone().into_iter().chain(self.told()).collect();
        variables.insert("triggerType".to_owned(), scheduled::KIND.into());
        variables.insert("currentTime".to_owned(), json!(self.now));
        if let Some(cron) = self.schedule.timing.cron() {
            variables.insert("cronExpression".to_owned(), cron.into());
        }
        variables
    }
}
