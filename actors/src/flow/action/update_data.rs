//! `update_data`: changes fields of a record, each named by its path.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Action, Plan, StepContext, StepError, recheck, target};
use crate::flow::Map;
use crate::flow::fields::present;
use crate::flow::problem::Problems;
use crate::record::edit;
use crate::webhook::transport::Transport;

/// The action.
pub struct Handler;

impl Action for Handler {
    fn kind(&self) -> &'static str {
        "update_data"
    }

    fn check(&self, config: &Map, _: &dyn Transport, problems: &mut Problems) {
        problems.only(config, &["actionType", "retry", "datatype", "recordId", "updates"]);
        target::check_datatype(config, problems);
        problems.required_text(config, "recordId");
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
            recheck(self, &config, ctx.house.transport.as_ref())?;
            let (datatype, id) = (target::datatype(&config)?, target::record_id(&config, "recordId")?);
            let updates = config.get("updates").and_then(Value::as_object).cloned().unwrap_or_default();
            let updates = edit::with_data_prefix(updates);
            let (org, author) = (&ctx.run.org_id, ctx.author());
            let change = |record: &mut _| edit::apply_partial(record, &updates);
            let write = ctx.records.plan_update(org, (&datatype, &id), None, Some(&author), change).await?;
            let mut plan = Plan { output: json!({"recordId": id, "datatype": datatype}), ..Plan::default() };
            plan.change.writes.push(write);
            Ok(plan)
        })
    }
}
