//! Which record an action is about: `datatype` and `recordId`, shared by the actions that take them.

use serde_json::Value;

use super::{Check, StepContext, StepError};
use crate::bus::change::Write;
use crate::flow::Map;
use crate::form::problem::Problems;
use crate::form::template::has_placeholder;
use crate::ids::{Datatype, RecordId};
use crate::record::model::{self, Record};
use crate::rights::role::Permission;
use crate::rights::{collections, required};

/// Collections that flows may not write: they have rules of their own.
pub const GUARDED: [&str; 4] = ["automation", "user", "customer_session", "apikey"];

/// What somebody who wanted to change roles reads.
const INSTEAD_OF_USERS: &str = "; roles are changed by POST /user/role/add and POST /user/role/remove";

/// Notes a `datatype` that is missing, no name, guarded, or not for whoever saves the flow to write.
pub fn check_datatype(config: &Map, on: Check<'_>, to: Permission, problems: &mut Problems) {
    let Some(text) = problems.required_text(config, "datatype") else { return };
    if has_placeholder(&Value::String(text.to_owned())) {
        return;
    }
    match model::datatype(text) {
        Err(error) => problems.add("datatype", error),
        Ok(datatype) if GUARDED.contains(&datatype.as_str()) => {
            let instead = if text == "user" { INSTEAD_OF_USERS } else { "" };
            problems.add("datatype", format_args!("is `{text}`, which flows may not write{instead}"));
        }
        Ok(datatype) => check_collection(&datatype, "datatype", on, to, problems),
    }
}

/// Notes at `part` a collection that is not for whoever saves the flow to write.
pub fn check_collection(
    datatype: &Datatype,
    part: &str,
    on: Check<'_>,
    to: Permission,
    problems: &mut Problems,
) {
    if let Err(closed) = collections::check_write(on.rights, datatype, to) {
        problems.forbid(part, format_args!("cannot be done by this flow, which acts with the rights of whoever saves it: failed to {closed}"));
    }
}

/// Whether whoever saved the flow may carry out a write that was planned, by the rules of its collection and
/// of the very record that was read, and whether it leaves a record that others can still open.
pub fn check_write(ctx: &StepContext<'_>, write: &Write, to: Permission) -> Result<(), StepError> {
    let may = |record: &Record, to: Permission| {
        let closed = collections::check_write(ctx.rights, &record.datatype, to);
        closed.map_err(|closed| StepError::forbidden(format_args!("failed to {closed}")))?;
        if ctx.rights.may_on(&record.datatype, &record.meta, to) {
            return Ok(());
        }
        let (datatype, sk) = (&record.datatype, &record.sk);
        Err(StepError::forbidden(format_args!("failed to {to} {datatype} {sk}: its requiredRole forbids it")))
    };
    match write {
        Write::Create(record) => may(record, to),
        Write::Remove { before, .. } => may(before, to),
        Write::Replace { before, after, .. } => {
            may(before, to)?;
            if after.is_deleted() {
                may(before, Permission::Delete)?;
            }
            let readable = required::check(&after.meta);
            readable.map_err(|why| StepError::lasting(format!("failed to set requiredRole: it {why}")))
        }
    }
}

/// The `datatype` of a config that was checked.
pub fn datatype(config: &Map) -> Result<Datatype, StepError> {
    let text = config.get("datatype").and_then(Value::as_str).unwrap_or_default();
    model::datatype(text).map_err(|error| StepError::lasting(format!("failed to {error}")))
}

/// The id in `key` of a config that was checked.
pub fn record_id(config: &Map, key: &str) -> Result<RecordId, StepError> {
    let text = config.get(key).and_then(Value::as_str).unwrap_or_default();
    RecordId::new(text).map_err(|error| StepError::lasting(format!("failed to {error} (config.{key})")))
}
