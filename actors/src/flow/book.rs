//! The flows of all organisations, for those who write them, start them and read their history.

use std::sync::Arc;

use serde_json::{Map, Value};
use tracing::warn;

use super::FlowActor;
use super::action::{self, Check, find};
use super::definition::{Flow, FlowStatus};
use super::messages::Proceed;
use super::parse::{Catalog, parse};
use super::problem::{Problem, Problems};
use super::run::{Run, RunDraft, RunStatus, StepRecord};
use super::runner::RunFault;
use crate::bus::change::ChangeError;
use crate::clock::timeout;
use crate::house::House;
use crate::ids::{Datatype, OrgId, RecordId, RunId};
use crate::keys;
use crate::ports::Publisher;
use crate::record::Query;
use crate::record::model::Record;
use crate::record::service::{NewRecord, Origin, Read, Records, WriteError};
use crate::rights::{Author, Rights};
use crate::store::{Scan, Store, StoreError, decode, encode};
use crate::supervision::Members;

/// The collection that flows are kept in.
pub const DATATYPE: &str = "automation";

/// Why a flow was not written or started.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FlowError {
    /// Its definition cannot work: every problem there is.
    #[error("take the flow: {} problems", .0.len())]
    Invalid(Vec<Problem>),
    /// It would do what whoever saves it may not: every problem of that kind there is.
    #[error("take the flow: it does {} things that are not yours to do", .0.len())]
    Forbidden(Vec<Problem>),
    /// There is no such flow.
    #[error("find the flow {0}")]
    Missing(RecordId),
    /// There is no such run.
    #[error("find the run {0}")]
    NoRun(RunId),
    /// The flow is archived.
    #[error("start the flow {0}: it is archived")]
    Archived(RecordId),
    /// The step to start with is not in the flow.
    #[error("start the flow at `{0}`: it has no such step")]
    NoStep(String),
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// It could not be run.
    #[error(transparent)]
    Run(#[from] RunFault),
}

impl From<StoreError> for FlowError {
    fn from(error: StoreError) -> Self {
        Self::Write(error.into())
    }
}

/// The actions of this version, with what they are checked against.
struct Actions<'a>(Check<'a>);

impl Catalog for Actions<'_> {
    fn check_action(&self, kind: &str, config: &Map<String, Value>, problems: &mut Problems) -> bool {
        let Some(action) = find(kind) else { return false };
        action.check(config, self.0, problems);
        true
    }

    fn action_kinds(&self) -> Vec<&'static str> {
        action::ALL.iter().map(|action| action.kind()).collect()
    }
}

/// Who saves a flow. It acts with their rights from then on.
#[derive(Debug, Clone, Copy)]
pub struct Saver<'a> {
    /// The name under which the write is kept.
    pub name: &'a str,
    /// What they may do.
    pub rights: Rights<'a>,
}

/// What somebody who starts a flow by hand gives it.
#[derive(Debug, Clone, Default)]
pub struct Execution {
    /// What placeholders see.
    pub variables: Map<String, Value>,
    /// The step to begin with, where it is not the first.
    pub start_step: Option<String>,
    /// Who starts it.
    pub by: Option<String>,
}

/// All flows.
#[derive(Clone)]
pub struct Flows {
    house: Arc<House>,
    publisher: Arc<dyn Publisher>,
    records: Records,
    actors: Members<FlowActor>,
    datatype: Datatype,
}

impl Flows {
    /// The flows of a machine.
    #[must_use]
    pub const fn new(
        house: Arc<House>,
        publisher: Arc<dyn Publisher>,
        records: Records,
        actors: Members<FlowActor>,
        datatype: Datatype,
    ) -> Self {
        Self { house, publisher, records, actors, datatype }
    }

    /// Reads a definition in either dialect, for somebody to save.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn check(&self, body: &Value, rights: Rights<'_>) -> Result<Flow, FlowError> {
        let on = Check { transport: self.house.transport.as_ref(), rights };
        parse::<Query>(body, &Actions(on)).map_err(|problems| {
            // What cannot work at all is to be mended first.
            let forbidden = problems.iter().all(|problem| problem.forbidden);
            if forbidden { FlowError::Forbidden(problems) } else { FlowError::Invalid(problems) }
        })
    }

    /// Stores a new flow; it listens before this returns.
    ///
    /// # Errors
    /// When it cannot work, or cannot be written.
    pub async fn create(&self, org: &OrgId, body: &Value, saver: Saver<'_>) -> Result<Record, FlowError> {
        let (flow, by) = (self.check(body, saver.rights)?, saver.name);
        let id = RecordId::generate(&self.datatype, self.house.clock.now());
        let (sk, datatype) = (Some(id.clone()), self.datatype.clone());
        let new = NewRecord { datatype, sk, data: fields(&flow)?, meta: Map::new(), once: false };
        let mut change = Origin { by: Some(by.to_owned()), ..Origin::default() }.change();
        change.writes.push(self.records.plan_create(org, new, Some(by)));
        change.extra.put(keys::flow_version(org, &id, 0), encode(&flow)?);
        change.extra.put(keys::flow_rights(org, &id, 0), encode(&Author::from(saver.rights))?);
        self.commit(org, change).await
    }

    /// Puts a definition in the place of a flow's present one. Runs under way keep theirs.
    ///
    /// # Errors
    /// When there is no such flow, it cannot work, or cannot be written.
    pub async fn replace(
        &self,
        org: &OrgId,
        id: &RecordId,
        body: &Value,
        saver: Saver<'_>,
    ) -> Result<Record, FlowError> {
        let flow = self.check(body, saver.rights)?;
        self.rewrite(org, id, saver, true, |_| Ok(flow.clone())).await
    }

    /// Brings a flow to another status: `active` listens, `archived` is the end of it. Whoever lets it
    /// listen answers for it as if they had written it.
    ///
    /// # Errors
    /// When there is no such flow, or it cannot be written.
    pub async fn set_status(
        &self,
        org: &OrgId,
        id: &RecordId,
        status: FlowStatus,
        saver: Saver<'_>,
    ) -> Result<Record, FlowError> {
        let edit = |flow: &Flow| {
            if status == FlowStatus::Active
                && let Err(forbidden @ FlowError::Forbidden(_)) =
                    self.check(&Value::Object(fields(flow)?), saver.rights)
            {
                return Err(forbidden);
            }
            Ok(Flow { status, ..flow.clone() })
        };
        self.rewrite(org, id, saver, status == FlowStatus::Active, edit).await
    }

    async fn rewrite(
        &self,
        org: &OrgId,
        id: &RecordId,
        saver: Saver<'_>,
        answers_for_it: bool,
        edit: impl Fn(&Flow) -> Result<Flow, FlowError>,
    ) -> Result<Record, FlowError> {
        let by = saver.name;
        loop {
            let (Read { record, .. }, flow) = self.read(org, id).await?;
            let flow = edit(&flow)?;
            let data = fields(&flow)?;
            let put = |record: &mut Record| {
                record.data.clone_from(&data);
                Ok(())
            };
            let at = (&self.datatype, id);
            let write = self.records.plan_update(org, at, Some(record.version), Some(by), put).await?;
            let mut change = Origin { by: Some(by.to_owned()), ..Origin::default() }.change();
            change.writes.push(write);
            change.extra.put(keys::flow_version(org, id, record.version + 1), encode(&flow)?);
            let author = match answers_for_it {
                true => Author::from(saver.rights),
                false => author_of(self.house.store.as_ref(), org, id, record.version).await?,
            };
            change.extra.put(keys::flow_rights(org, id, record.version + 1), encode(&author)?);
            match self.commit(org, change).await {
                Err(FlowError::Write(WriteError::Change(ChangeError::Changed(_)))) => {}
                done => return done,
            }
        }
    }

    async fn commit(&self, org: &OrgId, change: crate::bus::change::Change) -> Result<Record, FlowError> {
        let receipt = self.publisher.commit(org.clone(), change).await.map_err(WriteError::from)?;
        let record = receipt.records.into_iter().next();
        Ok(record.ok_or_else(|| WriteError::Refused("the bus wrote no record".to_owned()))?)
    }

    /// A flow and the record it is kept in.
    ///
    /// # Errors
    /// When there is none.
    pub async fn read(&self, org: &OrgId, id: &RecordId) -> Result<(Read, Flow), FlowError> {
        let found = self.records.read(org, &self.datatype, id).await?;
        let read = found.filter(|read| !read.record.is_deleted());
        let read = read.ok_or_else(|| FlowError::Missing(id.clone()))?;
        let flow = serde_json::from_value(Value::Object(read.record.data.clone()));
        let flow = flow.map_err(|error| StoreError::Corrupt(format!("flow {id}: {error}")))?;
        Ok((read, flow))
    }

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
        let run = RunId::new(self.house.clock.now());
        let mut change = Origin { by: execution.by.clone(), ..Origin::default() }.change();
        change.runs.push(RunDraft {
            id: run,
            flow: id.clone(),
            flow_version: record.version,
            trigger: None,
            event: None,
            executed_by: execution.by,
            variables: execution.variables,
            start_step: execution.start_step,
            stopped: None,
        });
        self.publisher.commit(org.clone(), change).await.map_err(WriteError::from)?;
        let proceed = self.actors.ask(id.as_str(), Proceed { org: org.clone(), run });
        match timeout(self.house.clock.as_ref(), wait, proceed).await {
            Some(Ok(Ok(run))) => return Ok(run),
            Some(Ok(Err(fault))) => warn!(%org, %run, %fault, "a run started by hand goes on in its queue"),
            Some(Err(_)) | None => {}
        }
        Ok(self.run(org, run).await?.0)
    }

    /// A run and the steps it took.
    ///
    /// # Errors
    /// When there is none.
    pub async fn run(&self, org: &OrgId, id: RunId) -> Result<(Run, Vec<StepRecord>), FlowError> {
        let found = self.house.store.get(keys::run(org, id)).await?.ok_or(FlowError::NoRun(id))?;
        let most = usize::try_from(self.house.settings.flows.max_steps).unwrap_or(usize::MAX);
        let steps = self.house.store.scan(Scan::prefix(keys::steps(org, id), most)).await?;
        let steps = steps.iter().map(|(_, step)| decode(&step.value)).collect::<Result<_, _>>()?;
        Ok((decode(&found.value)?, steps))
    }

    /// Runs, the newest first: of one flow or of all, in one status or in any, before a given one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn runs(
        &self,
        org: &OrgId,
        flow: Option<&RecordId>,
        status: Option<RunStatus>,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<Vec<Run>, FlowError> {
        let prefix = flow.map_or_else(|| keys::runs(org), |flow| keys::runs_of(org, flow));
        let mut scan = Scan::prefix(prefix, 200).descending().keys_only();
        if let Some(before) = before {
            scan = scan.after(&flow.map_or_else(|| keys::run(org, before), |f| keys::run_of(org, f, before)));
        }
        let (mut runs, mut looked) = (Vec::new(), 0);
        while runs.len() < limit && looked < self.house.settings.query_documents {
            let page = self.house.store.scan(scan.clone()).await?;
            let ids = page.iter().filter_map(|(key, _)| keys::parse_run(key)).map(|id| keys::run(org, id));
            for found in self.house.store.get_many(ids.collect()).await?.into_iter().flatten() {
                let run: Run = decode(&found.value)?;
                if status.is_none_or(|status| status == run.status) && runs.len() < limit {
                    runs.push(run);
                }
            }
            looked += page.len();
            match page.last() {
                Some((last, _)) if page.len() == scan.limit => scan = scan.after(last),
                _ => break,
            }
        }
        Ok(runs)
    }
}

/// Whose rights a version of a flow acts with.
async fn author_of(
    store: &dyn Store,
    org: &OrgId,
    id: &RecordId,
    version: u64,
) -> Result<Author, StoreError> {
    let found = store.get(keys::flow_rights(org, id, version)).await?;
    found.map_or_else(|| Ok(Author::unknown()), |found| decode(&found.value))
}

fn fields(flow: &Flow) -> Result<Map<String, Value>, FlowError> {
    match serde_json::to_value(flow) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) | Err(_) => Err(StoreError::Corrupt("a flow has no JSON form".to_owned()).into()),
    }
}
