//! `delete_data`: deletes a record, softly unless told otherwise.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Action, Check, Plan, StepContext, StepError, recheck, target};
use crate::flow::Map;
use crate::form::problem::Problems;
use crate::rights::role::Permission;

/// The action.
pub struct Handler;

impl Action for Handler {
    fn kind(&self) -> &'static str {
        "delete_data"
    }

    fn check(&self, config: &Map, on: Check<'_>, problems: &mut Problems) {
        problems.only(config, &["actionType", "retry", "datatype", "recordId", "hardDelete"]);
        target::check_datatype(config, on, Permission::Delete, problems);
        problems.required_text(config, "recordId");
        problems.flag(config, "hardDelete", false);
    }

    fn plan<'a>(&'a self, ctx: &'a StepContext<'a>, config: Map) -> BoxFuture<'a, Result<Plan, StepError>> {
        Box::pin(async move {
            recheck(self, &config, ctx)?;
            let (datatype, id) = (target::datatype(&config)?, target::record_id(&config, "recordId")?);
            let hard = config.get("hardDelete").and_then(Value::as_bool).unwrap_or(false);
            let (org, author) = (&ctx.run.org_id, ctx.author());
            let write = ctx.records.plan_delete(org, (&datatype, &id), hard, Some(&author)).await?;
            target::check_write(ctx, &write, Permission::Delete)?;
            let mut plan = Plan { output: json!({"recordId": id, "datatype": datatype}), ..Plan::default() };
            plan.change.writes.push(write);
            Ok(plan)
        })
    }
}
