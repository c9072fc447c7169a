//! Which record an action is about: `datatype` and `recordId`, shared by the actions that take them.

use serde_json::Value;

use super::StepError;
use crate::flow::Map;
use crate::flow::problem::Problems;
use crate::flow::template::has_placeholder;
use crate::ids::{Datatype, RecordId};
use crate::record::model;

/// Collections that flows may not write: they have rules of their own.
pub const GUARDED: [&str; 4] = ["automation", "user", "customer_session", "apikey"];

/// Notes a `datatype` that is missing, no name, or guarded.
pub fn check_datatype(config: &Map, problems: &mut Problems) {
    let Some(text) = problems.required_text(config, "datatype") else { return };
    if has_placeholder(&Value::String(text.to_owned())) {
        return;
    }
    match model::datatype(text) {
        Err(error) => problems.add("datatype", error),
        Ok(datatype) if GUARDED.contains(&datatype.as_str()) => {
            problems.add("datatype", format_args!("is `{text}`, which flows may not write"));
        }
        Ok(_) => {}
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
