//! The flows of all organisations, for those who write them, start them and read their history.

mod execute;
mod history;
mod schedules;

use std::sync::Arc;

use serde_json::{Map, Value};

pub use self::execute::Execution;
pub use self::history::RunsWanted;
use super::FlowActor;
use super::action::{self, Check, find};
use super::definition::{Flow, FlowStatus};
use super::parse::{Catalog, LONGEST_NAME, parse};
use super::runner::RunFault;
use crate::bus::change::ChangeError;
use crate::form::problem::{Problem, Problems};
use crate::house::House;
use crate::ids::{Datatype, OrgId, RecordId, RunId};
use crate::keys;
use crate::ports::Publisher;
use crate::record::Query;
use crate::record::model::Record;
use crate::record::service::{NewRecord, Origin, Read, Records, WriteError};
use crate::rights::{Author, Rights};
use crate::store::{Store, StoreError, decode, encode};
use crate::supervision::Members;

/// What tells a copy from its original.
const COPY: &str = " (copy)";

/// How often a flow is written anew because one of its schedules is.
const TRIES: u32 = 8;

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
    /// The key of the execution was used for another one.
    #[error("start the flow: the executionId `{0}` was used for another flow or other variables")]
    KeyReused(String),
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
        self.schedule(org, &id, &flow, by, &mut change).await?;
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

    /// Changes what `patch` names of a flow's present definition, as RFC 7396 merges: objects by their names,
    /// null takes away, all else is replaced. Of the short form, `actions` stand for all steps and `trigger` for
    /// all triggers.
    ///
    /// # Errors
    /// As [`Flows::replace`].
    pub async fn patch(
        &self,
        org: &OrgId,
        id: &RecordId,
        patch: &Map<String, Value>,
        saver: Saver<'_>,
    ) -> Result<Record, FlowError> {
        // It may come as a record too, as a flow that is created may.
        let patch = patch.get("data").and_then(Value::as_object).unwrap_or(patch);
        let edit = |flow: &Flow| {
            let mut body = fields(flow)?;
            for (short, canonical) in [("actions", "steps"), ("trigger", "triggers")] {
                if patch.contains_key(short) {
                    body.remove(canonical);
                }
            }
            merge(&mut body, patch);
            self.check(&Value::Object(body), saver.rights)
        };
        self.rewrite(org, id, saver, true, edit).await
    }

    /// Stores a draft that does what a flow does.
    ///
    /// # Errors
    /// When there is no such flow, or it is not the caller's to save.
    pub async fn duplicate(&self, org: &OrgId, id: &RecordId, saver: Saver<'_>) -> Result<Record, FlowError> {
        let (_, flow) = self.read(org, id).await?;
        let name: String = flow.name.chars().take(LONGEST_NAME - COPY.len()).chain(COPY.chars()).collect();
        let copy = Flow { name, status: FlowStatus::Draft, ..flow };
        self.create(org, &Value::Object(fields(&copy)?), saver).await
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
        let (by, mut lost) = (saver.name, 0);
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
            self.schedule(org, id, &flow, by, &mut change).await?;
            match self.commit(org, change).await {
                Err(FlowError::Write(WriteError::Change(ChangeError::Changed(_)))) => {}
                // One of its schedules was due meanwhile.
                Err(FlowError::Write(WriteError::Change(ChangeError::Condition))) if lost < TRIES => {
                    lost += 1;
                }
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
}

/// RFC 7396.
pub(crate) fn merge(fields: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match (fields.get_mut(name), value) {
            (_, Value::Null) => drop(fields.shift_remove(name)),
            (Some(Value::Object(inner)), Value::Object(patch)) => merge(inner, patch),
            (_, Value::Object(patch)) => {
                let mut inner = Map::new();
                merge(&mut inner, patch);
                fields.insert(name.clone(), Value::Object(inner));
            }
            _ => drop(fields.insert(name.clone(), value.clone())),
        }
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
