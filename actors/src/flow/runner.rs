//! Takes a run from where it stands to its next pause or its end. Every step's result is durable before
//! the next one begins, so a run that is cut short goes on where it was.

use std::sync::Arc;

use tracing::info;

use super::Map;
use super::action::StepContext;
use super::definition::Flow;
use super::run::{Run, RunError, RunStatus};
use super::step::{Taken, end, take};
use super::trigger;
use crate::bus::change::{Change, ChangeError};
use crate::event::{Cause, Event};
use crate::feed::Observation;
use crate::house::House;
use crate::ids::{JobId, OrgId, QueueName, RunId};
use crate::keys;
use crate::ports::Publisher;
use crate::queue::job::{JobDraft, Task, names};
use crate::record::service::Records;
use crate::rights::{Author, Rights};
use crate::session::stream::Streams;
use crate::store::{Expect, StoreError, decode, encode};

/// What a runner works with.
#[derive(Clone)]
pub struct Runner {
    /// The shared parts.
    pub house: Arc<House>,
    /// Where results are committed.
    pub publisher: Arc<dyn Publisher>,
    /// The records.
    pub records: Records,
    /// Answers of language models.
    pub streams: Streams,
}

/// Why a run could not go on just now. It stands where it stood; trying again is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunFault {
    /// There is no such run.
    #[error("find the run {0}")]
    Missing(RunId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A step's result could not be committed.
    #[error("commit a step: {0}")]
    Commit(ChangeError),
    /// The flow's actor did not answer.
    #[error("reach the flow: {0}")]
    Unreachable(#[from] crate::supervision::AskError),
}

/// How often a step is worked out anew because a record that it writes was changed meanwhile.
const TRIES: u32 = 8;

impl Runner {
    /// Runs until the run pauses or ends, and returns it as it then is.
    ///
    /// # Errors
    /// When it could not go on: try again later.
    pub async fn proceed(&self, org: &OrgId, id: RunId) -> Result<Run, RunFault> {
        let mut lost = 0;
        loop {
            let (run, version) = self.load(org, id).await?;
            let due = run.resumes_at.is_none_or(|at| at <= self.house.clock.now());
            if run.status.is_final() || (run.status == RunStatus::Waiting && !due) {
                return Ok(run);
            }
            match self.step(run, version).await {
                Ok(()) => lost = 0,
                // Somebody wrote what the step depends on: it is worked out anew from what is there now.
                Err(RunFault::Commit(ChangeError::Changed(_) | ChangeError::Condition)) if lost < TRIES => {
                    lost += 1;
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    async fn load(&self, org: &OrgId, id: RunId) -> Result<(Run, u64), RunFault> {
        let found = self.house.store.get(keys::run(org, id)).await?.ok_or(RunFault::Missing(id))?;
        Ok((decode(&found.value)?, found.version))
    }

    /// The flow in the version that the run follows, and in whose right it acts.
    async fn flow(&self, run: &Run) -> Result<Option<(Flow, Author)>, StoreError> {
        let (org, id, version) = (&run.org_id, &run.automation_id, run.flow_version);
        let wanted = vec![keys::flow_version(org, id, version), keys::flow_rights(org, id, version)];
        let mut found = self.house.store.get_many(wanted).await?.into_iter();
        let Some(flow) = found.next().flatten() else { return Ok(None) };
        let author = found.next().flatten().map(|found| decode(&found.value)).transpose()?;
        Ok(Some((decode(&flow.value)?, author.unwrap_or_else(Author::unknown))))
    }

    /// What placeholders see: what the trigger found in the event, and over it what the steps returned. None
    /// where the event is hidden from whom the flow acts for: it would carry out what they may not see.
    async fn variables(&self, run: &Run, flow: &Flow, rights: Rights<'_>) -> Result<Option<Map>, StoreError> {
        let mut variables = Map::new();
        if let Some(id) = run.event
            && let Some(found) = self.house.store.get(keys::event(&run.org_id, id)).await?
        {
            let event: Event = decode(&found.value)?;
            if !rights.may_see(&event.data) {
                return Ok(None);
            }
            let kind = flow.triggers.iter().find(|t| Some(&t.id) == run.trigger.as_ref());
            variables = trigger::variables(kind.map_or("event", |t| t.kind.as_str()), &event);
        }
        variables.extend(run.variables.clone());
        let now = self.house.clock.now().to_string();
        variables.entry("currentTime").or_insert(now.into());
        Ok(Some(variables))
    }

    async fn step(&self, mut run: Run, version: u64) -> Result<(), RunFault> {
        let now = self.house.clock.now();
        let settings = &self.house.settings;
        let Some((flow, author)) = self.flow(&run).await? else {
            let why = format!("version {} of the flow is gone", run.flow_version);
            return self.fail(run, version, why).await;
        };
        if run.started_at.is_none() {
            let trigger = flow.triggers.iter().find(|t| Some(&t.id) == run.trigger.as_ref());
            let resolved = trigger.and_then(|trigger| trigger.next_step_id.clone());
            let first = flow.steps.first().map(|step| step.id.clone());
            run.next_step = run.next_step.or(resolved).or(first);
            run.total_steps = flow.steps.len();
            run.started_at = Some(now);
        }
        run.status = RunStatus::Running;
        run.resumes_at = None;
        if run.step_count >= settings.flows.max_steps {
            let why = format!("it took {} steps, the most that are allowed", run.step_count);
            return self.fail(run, version, why).await;
        }
        if now.since(run.created_at) > settings.flows.run_timeout {
            return self.fail(run, version, "it took longer than flows.run_timeout allows".to_owned()).await;
        }
        let step = run.next_step.as_ref().and_then(|id| flow.steps.iter().find(|step| step.id == *id));
        let Some(step) = step else {
            let why = format!("the flow has no step `{}`", run.next_step.as_deref().unwrap_or_default());
            return self.fail(run, version, why).await;
        };
        let rights = author.rights();
        let Some(variables) = self.variables(&run, &flow, rights).await? else {
            let why = "whoever saved the flow last may not read the record that the event is about";
            return self.fail(run, version, why.to_owned()).await;
        };
        let (house, records, streams) = (self.house.as_ref(), &self.records, &self.streams);
        let ctx = StepContext {
            house,
            records,
            streams,
            flow: &flow,
            run: &run,
            step,
            rights,
            variables: &variables,
            now,
        };
        let taken = take(&ctx, settings.value_limit, || self.house.clock.now()).await;
        self.commit(taken, version).await
    }

    /// Stops a run where it stands and returns it as it then is.
    ///
    /// # Errors
    /// When it could not be stopped: try again later.
    pub async fn cancel(&self, org: &OrgId, id: RunId, by: &str) -> Result<Run, RunFault> {
        let mut lost = 0;
        loop {
            let (run, version) = self.load(org, id).await?;
            if run.status.is_final() {
                return Ok(run);
            }
            match self.stop(run, version, RunStatus::Cancelled, format!("cancelled by {by}")).await {
                Ok(()) => {}
                // A step's result came first.
                Err(RunFault::Commit(ChangeError::Changed(_) | ChangeError::Condition)) if lost < TRIES => {
                    lost += 1;
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    async fn fail(&self, run: Run, version: u64, message: String) -> Result<(), RunFault> {
        self.stop(run, version, RunStatus::Failed, message).await
    }

    async fn stop(
        &self,
        mut run: Run,
        version: u64,
        status: RunStatus,
        message: String,
    ) -> Result<(), RunFault> {
        let step_id = run.next_step.clone();
        end(&mut run, status, Some(RunError { message, step_id }), self.house.clock.now());
        let mut change = Change::default();
        change.extra.expect(keys::run(&run.org_id, run.id), Expect::Version(version));
        change.extra.put(keys::run(&run.org_id, run.id), encode(&run)?);
        self.publish(run, change).await
    }

    async fn commit(&self, Taken { record, mut run, plan }: Taken, version: u64) -> Result<(), RunFault> {
        let mut change = plan.change;
        run.effects += u32::from(!change.writes.is_empty() || !change.events.is_empty());
        let org = &run.org_id;
        let step = record.as_ref().map(|record| record.step_id.clone()).or_else(|| run.next_step.clone());
        change.cause = Some(Cause::Run { id: run.id, step });
        change.depth = run.depth;
        // What a later step sets off stands beside what the earlier ones did.
        change.breadth = run.breadth.saturating_mul(run.effects.max(1));
        change.by = Some(format!("automation:{}", run.automation_id));
        let key = keys::run(org, run.id);
        change.extra.expect(key.clone(), Expect::Version(version));
        change.extra.put(key, encode(&run)?);
        if let Some(record) = record {
            change.extra.put(keys::step(org, run.id, run.step_count), encode(&record)?);
        }
        if run.status == RunStatus::Waiting
            && let Ok(queue) = QueueName::new(names::SCHEDULE)
        {
            let task = Task::RunFlow { flow: run.automation_id.clone(), run: run.id };
            let id = JobId::new(self.house.clock.now());
            change.jobs.push(JobDraft { due: run.resumes_at, ..JobDraft::new(id, queue, task) });
        }
        self.publish(run, change).await
    }

    async fn publish(&self, run: Run, change: Change) -> Result<(), RunFault> {
        let committed = self.publisher.commit(run.org_id.clone(), change).await;
        match committed {
            Ok(_) => {}
            // The step cannot be written as it is; working it out anew would change nothing.
            Err(
                error @ (ChangeError::TooLarge { .. } | ChangeError::Taken { .. } | ChangeError::Exists(_)),
            ) => {
                let (current, version) = self.load(&run.org_id, run.id).await?;
                return Box::pin(self.fail(current, version, format!("failed to {error}"))).await;
            }
            Err(error) => return Err(RunFault::Commit(error)),
        }
        if run.status.is_final() {
            info!(
                org = %run.org_id, run = %run.id, flow = %run.automation_id, event = run.event.map(tracing::field::display),
                status = %run.status, steps = run.step_count, "run ended"
            );
        }
        self.house.feed.show(|| Observation::Run {
            org_id: run.org_id.clone(),
            id: run.id,
            automation_id: run.automation_id.clone(),
            status: serde_json::json!(run.status),
        });
        Ok(())
    }
}
