//! `create_data`: makes a record.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Action, Check, Plan, StepContext, StepError, recheck, target};
use crate::bus::change::Write;
use crate::flow::Map;
use crate::form::fields::present;
use crate::form::problem::Problems;
use crate::ids::RecordId;
use crate::record::service::NewRecord;
use crate::rights::kept;
use crate::rights::role::Permission;

/// The action.
pub struct Handler;

impl Action for Handler {
    fn kind(&self) -> &'static str {
        "create_data"
    }

    fn check(&self, config: &Map, on: Check<'_>, problems: &mut Problems) {
        problems.only(config, &["actionType", "retry", "datatype", "data"]);
        target::check_datatype(config, on, Permission::Create, problems);
        if problems.object(config, "data").is_none() && present(config, "data").is_none() {
            problems.add("data", "is missing; expected an object");
        }
    }

    fn plan<'a>(&'a self, ctx: &'a StepContext<'a>, config: Map) -> BoxFuture<'a, Result<Plan, StepError>> {
        Box::pin(async move {
            recheck(self, &config, ctx)?;
            let datatype = target::datatype(&config)?;
            let data = config.get("data").and_then(Value::as_object).cloned().unwrap_or_default();
            let said = kept::check_new(&datatype, &data);
            said.map_err(|fixed| StepError::lasting(format!("failed to {}", kept::told(&fixed))))?;
            let sk = Some(RecordId::generate(&datatype, ctx.now));
            let new = NewRecord { datatype, sk, data, meta: Map::new(), once: false };
            let write = ctx.records.plan_create(&ctx.run.org_id, new, Some(&ctx.author()));
            target::check_write(ctx, &write, Permission::Create)?;
            let mut plan = Plan::default();
            if let Write::Create(record) = &write {
                plan.output = json!({"recordId": record.sk, "datatype": record.datatype});
            }
            plan.change.writes.push(write);
            Ok(plan)
        })
    }
}
