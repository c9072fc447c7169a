//! Starting a flow by hand.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tracing::warn;

use super::{FlowError, Flows};
use crate::bus::change::ChangeError;
use crate::clock::timeout;
use crate::flow::definition::FlowStatus;
use crate::flow::messages::Proceed;
use crate::flow::run::{Run, RunDraft};
use crate::ids::{OrgId, RecordId, RunId};
use crate::keys;
use crate::record::service::{Origin, Read, WriteError};
use crate::store::{Expect, decode, encode};

/// What somebody who starts a flow by hand gives it.
#[derive(Debug, Clone, Default)]
pub struct Execution {
    /// What placeholders see.
    pub variables: Map<String, Value>,
    /// The step to begin with, where it is not the first.
    pub start_step: Option<String>,
    /// Who starts it.
    pub by: Option<String>,
    /// The caller's own key for it: the same again is answered with the first run.
    pub key: Option<String>,
}

/// What the key of an execution stands for.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    run: RunId,
    flow: RecordId,
    variables: Map<String, Value>,
    start_step: Option<String>,
}

impl Flows {
    /// Starts a flow by hand and waits for its run to pause or end, at most `wait`; the run is durable
    /// and goes on in any case.
    ///
    /// # Errors
    /// When there is no such flow, or the run cannot be written.
    pub async fn execute(
        &self,
        org: &OrgId,
        id: &RecordId,
        execution: Execution,
        wait: std::time::Duration,
    ) -> Result<Run, FlowError> {
        let (Read { record, .. }, flow) = self.read(org, id).await?;
        if flow.status == FlowStatus::Archived {
            return Err(FlowError::Archived(id.clone()));
        }
        if let Some(step) = execution.start_step.as_ref().filter(|s| flow.steps.iter().all(|t| t.id != **s)) {
            return Err(FlowError::NoStep(step.clone()));
        }
        let run = self.begin(org, id, record.version, execution).await?;
        let proceed = self.actors.ask(id.as_str(), Proceed { org: org.clone(), run });
        match timeout(self.house.clock.as_ref(), wait, proceed).await {
            Some(Ok(Ok(run))) => return Ok(run),
            Some(Ok(Err(fault))) => warn!(%org, %run, %fault, "a run started by hand goes on in its queue"),
            Some(Err(_)) | None => {}
        }
        Ok(self.run(org, run).await?.0)
    }

    /// Stores the run of an execution, unless its key says that it is there already.
    async fn begin(
        &self,
        org: &OrgId,
        flow: &RecordId,
        version: u64,
        execution: Execution,
    ) -> Result<RunId, FlowError> {
        let id = RunId::new(self.house.clock.now());
        let started = Started {
            run: id,
            flow: flow.clone(),
            variables: execution.variables.clone(),
            start_step: execution.start_step.clone(),
        };
        let mut change = Origin { by: execution.by.clone(), ..Origin::default() }.change();
        change.runs.push(RunDraft {
            id,
            flow: flow.clone(),
            flow_version: version,
            trigger: None,
            event: None,
            executed_by: execution.by,
            variables: execution.variables,
            start_step: execution.start_step,
            stopped: None,
        });
        let place = execution.key.as_ref().map(|key| keys::private(org, "execution", key));
        if let Some(place) = &place {
            change.extra.expect(place.clone(), Expect::Absent);
            change.extra.put(place.clone(), encode(&started)?);
        }
        match (self.publisher.commit(org.clone(), change).await, place, execution.key) {
            (Ok(_), ..) => Ok(id),
            (Err(ChangeError::Condition), Some(place), Some(key)) => {
                let found = self.house.store.get(place).await?;
                let found = found.ok_or_else(|| WriteError::from(ChangeError::Condition))?;
                let first: Started = decode(&found.value)?;
                let same = Started { run: first.run, ..started } == first;
                if same { Ok(first.run) } else { Err(FlowError::KeyReused(key)) }
            }
            (Err(error), ..) => Err(WriteError::from(error).into()),
        }
    }
}
