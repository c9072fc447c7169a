//! `update_data`: changes fields of a record, or of all that match a query, each field named by its path.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Action, Check, Plan, StepContext, StepError, recheck, target};
use crate::bus::change::Write;
use crate::flow::Map;
use crate::flow::trigger::Filter;
use crate::form::fields::present;
use crate::form::problem::Problems;
use crate::form::template::has_placeholder;
use crate::ids::{Datatype, RecordId};
use crate::record::find::{Find, FindError};
use crate::record::model::Record;
use crate::record::service::WriteError;
use crate::record::{Options, Query, edit};
use crate::rights::kept;
use crate::rights::role::Permission;

/// Records that one step may change: they are written in one commit, with the step itself.
const MOST: usize = 100;

/// The action.
pub struct Handler;

impl Action for Handler {
    fn kind(&self) -> &'static str {
        "update_data"
    }

    fn check(&self, config: &Map, on: Check<'_>, problems: &mut Problems) {
        problems.only(config, &["actionType", "retry", "datatype", "recordId", "query", "updates"]);
        target::check_datatype(config, on, Permission::Update, problems);
        match (present(config, "recordId"), present(config, "query")) {
            (Some(_), Some(_)) => problems.add("query", "stands beside `recordId`; keep one of the two"),
            (None, None) => problems.add("recordId", "is missing; expected a string, or a `query` instead"),
            (Some(_), None) => drop(problems.required_text(config, "recordId")),
            (None, Some(query)) => {
                if problems.object(config, "query").is_some()
                    && !has_placeholder(query)
                    && let Err(found) = Query::compile(query)
                {
                    problems.extend("query", found);
                }
            }
        }
        match problems.object(config, "updates") {
            Some(updates) if updates.is_empty() => {
                problems.add("updates", "is empty; expected paths and values");
            }
            Some(_) => {}
            None if present(config, "updates").is_some() => {}
            None => problems.add("updates", "is missing; expected an object of paths and values"),
        }
    }

    fn plan<'a>(&'a self, ctx: &'a StepContext<'a>, config: Map) -> BoxFuture<'a, Result<Plan, StepError>> {
        Box::pin(async move {
            recheck(self, &config, ctx)?;
            let datatype = target::datatype(&config)?;
            let updates = config.get("updates").and_then(Value::as_object).cloned().unwrap_or_default();
            let updates = edit::with_data_prefix(updates);
            let Some(query) = present(&config, "query") else {
                let id = target::record_id(&config, "recordId")?;
                let write = write(ctx, (&datatype, &id), &updates).await?;
                let output = json!({"recordId": id, "datatype": datatype});
                let mut plan = Plan { output, ..Plan::default() };
                plan.change.writes.push(write);
                return Ok(plan);
            };
            let query = Query::compile(query).map_err(|_| {
                StepError::lasting("config.query is no query once its placeholders are filled in")
            })?;
            let mut writes = Vec::new();
            for id in matching(ctx, &datatype, &query).await? {
                match write(ctx, (&datatype, &id), &updates).await {
                    // What changed since the list was made, so that it does not match any more, is left as it is.
                    Ok(Write::Replace { before, .. }) if !query.matches(&before.to_json()) => {}
                    Ok(write) => writes.push((id, write)),
                    Err(Failure::Gone(_)) => {}
                    Err(Failure::Step(error)) => return Err(error),
                }
            }
            let (ids, writes): (Vec<_>, Vec<_>) = writes.into_iter().unzip();
            let output = json!({"recordIds": ids, "datatype": datatype, "updated": ids.len()});
            let mut plan = Plan { output, ..Plan::default() };
            plan.change.writes = writes;
            Ok(plan)
        })
    }
}

/// Why a record was not written.
enum Failure {
    /// It is not there.
    Gone(WriteError),
    Step(StepError),
}

impl From<Failure> for StepError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Gone(error) => error.into(),
            Failure::Step(error) => error,
        }
    }
}

async fn write(ctx: &StepContext<'_>, at: (&Datatype, &RecordId), updates: &Map) -> Result<Write, Failure> {
    let (org, author) = (&ctx.run.org_id, ctx.author());
    let change = |record: &mut Record| {
        let before = record.data.clone();
        edit::apply_partial(record, updates)?;
        kept::keep(&record.datatype, &before, &mut record.data).map_err(|fixed| kept::told(&fixed))
    };
    let write = ctx.records.plan_update(org, at, None, Some(&author), change).await;
    let write = write.map_err(|error| match error {
        gone @ WriteError::Missing { .. } => Failure::Gone(gone),
        error => Failure::Step(error.into()),
    })?;
    target::check_write(ctx, &write, Permission::Update).map_err(Failure::Step)?;
    Ok(write)
}

/// The ids of the records that match, of those that whoever saved the flow may read.
async fn matching(
    ctx: &StepContext<'_>,
    datatype: &Datatype,
    query: &Query,
) -> Result<Vec<RecordId>, StepError> {
    let options = Options { page_size: MOST as u64 + 1, ..Options::default() };
    let rights = ctx.rights;
    let may_read = |record: &Record| rights.may_on(&record.datatype, &record.meta, Permission::Read);
    let find = Find {
        org: &ctx.run.org_id,
        datatype,
        query,
        options: &options,
        visible: None,
        may_read: &may_read,
        budget: ctx.house.settings.query_documents,
    };
    let page = ctx.records.find(&find).await.map_err(|error| {
        let retryable = matches!(&error, FindError::Store(error) if error.is_retryable());
        StepError { message: format!("failed to {error}"), retryable }
    })?;
    if page.data.len() > MOST {
        let why = format!("config.query matches more than {MOST} records, the most that one step changes");
        return Err(StepError::lasting(why));
    }
    let ids = page.data.iter().filter_map(|record| record.get("sk")?.as_str());
    Ok(ids.filter_map(|id| RecordId::new(id).ok()).collect())
}
