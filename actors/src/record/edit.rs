//! Edits of a record: the whole of `data`, or single fields by their paths. Pure.

use serde_json::{Map, Value};

use super::body::RecordBody;
use super::model::{CLIENT_FIELDS, Record};
use super::partial;

/// Puts what a body holds in the place of what the record has; what the body leaves out stays.
///
/// # Errors
/// When the body has nothing to write.
pub fn replace(record: &mut Record, body: &RecordBody) -> Result<(), String> {
    if body.data.is_none() && body.meta.is_empty() {
        return Err("update a record with nothing: send `data`".to_owned());
    }
    if let Some(data) = &body.data {
        record.data.clone_from(data);
    }
    for (name, value) in &body.meta {
        set_meta(record, name, value);
    }
    Ok(())
}

/// Sets single fields by their paths: `{"data.status": "active"}`.
///
/// # Errors
/// Every path that cannot be set, in one message.
pub fn apply_partial(record: &mut Record, changes: &Map<String, Value>) -> Result<(), String> {
    let mut document = record.to_json();
    partial::apply(&mut document, changes).map_err(|problems| {
        let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
        list.join("; ")
    })?;
    let Value::Object(mut fields) = document else { return Ok(()) };
    if let Some(Value::Object(data)) = fields.remove("data") {
        record.data = data;
    }
    for name in CLIENT_FIELDS {
        if let Some(value) = fields.get(name) {
            set_meta(record, name, value);
        }
    }
    Ok(())
}

fn set_meta(record: &mut Record, name: &str, value: &Value) {
    match (name, value) {
        ("state", Value::String(state)) => record.state.clone_from(state),
        ("state", _) => {}
        _ => {
            record.meta.insert(name.to_owned(), value.clone());
        }
    }
}

/// Flows name application fields with or without `data.` before them.
#[must_use]
pub fn with_data_prefix(updates: Map<String, Value>) -> Map<String, Value> {
    let rooted = |path: &str| {
        let first = path.split('.').next().unwrap_or_default();
        first == "data" || CLIENT_FIELDS.contains(&first)
    };
    let path = |path: String| if rooted(&path) { path } else { format!("data.{path}") };
    updates.into_iter().map(|(key, value)| (path(key), value)).collect()
}
