//! The jobs that concern flows: what the queues carry out.

use std::sync::Arc;

use futures_util::future::BoxFuture;
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
use crate::queue::job::{Job, Outcome, Task};
use crate::queue::worker::{Handler, Worker};
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
    /// A worker that hands runs to the flows' actors.
    #[must_use]
    pub const fn new(runner: Runner, actors: Members<FlowActor>, datatype: Datatype) -> Self {
        Self { runner, actors, datatype }
    }

    async fn run_flow(&self, org: OrgId, flow: RecordId, run: RunId) -> Outcome {
        match self.actors.ask(flow.as_str(), Proceed { org, run }).await {
            // At its end or paused: a paused run has a job of its own for going on.
            Ok(Ok(_)) => Outcome::Done,
            Ok(Err(fault @ RunFault::Missing(_))) => Outcome::Fail(format!("failed to {fault}")),
            Ok(Err(fault)) => Outcome::Retry(format!("failed to {fault}")),
            Err(error) => Outcome::Retry(format!("failed to {error}")),
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

impl Worker for FlowTasks {
    fn handler(&self, kind: &str) -> Option<Arc<dyn Handler>> {
        self.runner.house.handlers.get(kind)
    }

    fn stop(&self, job: &Job, by: &str) {
        // What would start a run has started none.
        let Task::RunFlow { flow, run } = job.task.clone() else { return };
        let (actors, org, by) = (self.actors.clone(), job.org_id.clone(), by.to_owned());
        tokio::spawn(async move {
            let stopped = actors.ask(flow.as_str(), Cancel { org, run, by }).await;
            if !matches!(stopped, Ok(Ok(_))) {
                warn!(%run, ?stopped, "a run could not be called off");
            }
        });
    }

    fn run(&self, job: Job) -> BoxFuture<'static, Outcome> {
        let this = self.clone();
        Box::pin(async move {
            match job.task.clone() {
                Task::RunFlow { flow, run } => this.run_flow(job.org_id, flow, run).await,
                Task::Work { kind } => Outcome::Fail(format!("nobody in this process does `{kind}`")),
                Task::FireTrigger { flow, trigger, event, breadth } => {
                    match this.fire(&job, &flow, (&trigger, breadth), event).await {
                        Ok(()) => Outcome::Done,
                        Err(error) if error.is_retryable() => Outcome::Retry(format!("failed to {error}")),
                        Err(error) => Outcome::Fail(format!("failed to {error}")),
                    }
                }
            }
        })
    }
}

/// The name that flows are stored under, for those who make a [`FlowTasks`] or a `Flows`.
///
/// # Errors
/// Never: the name keeps the rule.
pub fn datatype() -> Result<Datatype, crate::ids::IdError> {
    Datatype::new(DATATYPE)
}
