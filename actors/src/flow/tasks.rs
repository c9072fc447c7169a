//! The jobs that concern flows.

use serde_json::Map;
use tracing::{debug, warn};

use super::FlowActor;
use super::book::DATATYPE;
use super::definition::Flow;
use super::messages::{Cancel, Proceed};
use super::run::RunDraft;
use super::runner::{RunFault, Runner};
use super::trigger::TriggerIndex;
use crate::bus::change::{Change, ChangeError};
use crate::event::Event;
use crate::ids::{Datatype, EventId, OrgId, RecordId, RunId};
use crate::keys;
use crate::queue::job::{Job, Outcome};
use crate::record::Query;
use crate::record::service::Read;
use crate::store::{StoreError, decode};
use crate::supervision::Members;

/// Carries out the jobs of flows.
#[derive(Clone)]
pub struct FlowTasks {
    runner: Runner,
    actors: Members<FlowActor>,
    datatype: Datatype,
}

impl FlowTasks {
    /// What hands runs to the flows' actors.
    #[must_use]
    pub const fn new(runner: Runner, actors: Members<FlowActor>, datatype: Datatype) -> Self {
        Self { runner, actors, datatype }
    }

    /// Takes a run on to its next pause or its end.
    pub async fn run_flow(&self, org: OrgId, flow: RecordId, run: RunId) -> Outcome {
        match self.actors.ask(flow.as_str(), Proceed { org, run }).await {
            // At its end or paused: a paused run has a job of its own for going on.
            Ok(Ok(_)) => Outcome::Done,
            Ok(Err(fault @ RunFault::Missing(_))) => Outcome::Fail(format!("failed to {fault}")),
            Ok(Err(fault)) => Outcome::Retry(format!("failed to {fault}")),
            Err(error) => Outcome::Retry(format!("failed to {error}")),
        }
    }

    /// Stops a run whose job somebody called off.
    pub fn stop(&self, org: OrgId, flow: RecordId, run: RunId, by: String) {
        let actors = self.actors.clone();
        tokio::spawn(async move {
            let stopped = actors.ask(flow.as_str(), Cancel { org, run, by }).await;
            if !matches!(stopped, Ok(Ok(_))) {
                warn!(%run, ?stopped, "a run could not be called off");
            }
        });
    }

    /// Starts the run of a flow that an event about the data fires, if it does.
    pub async fn fire_trigger(
        &self,
        job: &Job,
        flow: &RecordId,
        trigger: (&str, u32),
        event: EventId,
    ) -> Outcome {
        match self.fire(job, flow, trigger, event).await {
            Ok(()) => Outcome::Done,
            Err(error) if error.is_retryable() => Outcome::Retry(format!("failed to {error}")),
            Err(error) => Outcome::Fail(format!("failed to {error}")),
        }
    }

    async fn fire(
        &self,
        job: &Job,
        flow: &RecordId,
        (trigger, breadth): (&str, u32),
        event: EventId,
    ) -> Result<(), ChangeError> {
        let store = &self.runner.house.store;
        let org = &job.org_id;
        let Some(found) = store.get(keys::event(org, event)).await? else { return Ok(()) };
        let event: Event = decode(&found.value)?;
        let Some(Read { record, .. }) = self.runner.records.read(org, &self.datatype, flow).await? else {
            return Ok(());
        };
        let definition: Flow = serde_json::from_value(record.data.into())
            .map_err(|error| StoreError::Corrupt(format!("flow {flow}: {error}")))?;
        let mut index = TriggerIndex::<Query>::default();
        index.insert(org, flow, record.version, &definition).map_err(|problems| {
            StoreError::Corrupt(format!(
                "flow {flow}: {}",
                problems.first().map_or(String::new(), ToString::to_string)
            ))
        })?;
        let mut armed = index.candidates(&event).filter(|armed| armed.trigger_id == trigger);
        let Some(armed) = armed.find(|armed| armed.fires(&event)) else {
            debug!(%org, job = %job.id, %flow, event = %event.id, "the trigger does not fire");
            return Ok(());
        };
        let mut change = Change { depth: event.depth, breadth, ..Change::default() };
        change.runs.push(RunDraft {
            // The job's own number: carried out twice, it makes the same run, which exists already.
            id: RunId::from_bytes(job.id.to_bytes()),
            flow: flow.clone(),
            flow_version: record.version,
            trigger: Some(trigger.to_owned()),
            event: Some(event.id),
            executed_by: None,
            variables: Map::new(),
            start_step: None,
            stopped: armed.cut(&event, self.runner.house.settings.flows.max_depth),
        });
        match self.runner.publisher.commit(org.clone(), change).await {
            Ok(_) | Err(ChangeError::Condition) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The name that flows are stored under, for those who make a [`FlowTasks`] or a `Flows`.
///
/// # Errors
/// Never: the name keeps the rule.
pub fn datatype() -> Result<Datatype, crate::ids::IdError> {
    Datatype::new(DATATYPE)
}
