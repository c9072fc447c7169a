//! What a model remembers of the person whom it talks to: a record for each key, theirs alone.

use appengine_actors::clock::Timestamp;
use appengine_actors::ids::{Datatype, RecordId};
use appengine_actors::machine::Machine;
use appengine_actors::record::model::Record;
use appengine_actors::record::service::{NewRecord, WriteError};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::auth::principal::Principal;
use crate::http::repository::write::origin;
use crate::problem::Problem;

const MEMORY: &str = "ai_memory";

pub(super) fn stores() -> Value {
    json!({
        "type": "object", "required": ["key", "value"],
        "properties": {
            "key": {"type": "string", "maxLength": 255}, "value": {"description": "Any JSON"},
            "ttl": {"type": "integer", "minimum": 1, "description": "Seconds for which it is remembered; for good if left out"},
        },
    })
}

pub(super) fn retrieves() -> Value {
    json!({"type": "object", "required": ["key"], "properties": {"key": {"type": "string", "maxLength": 255}}})
}

pub(super) fn deletes() -> Value {
    retrieves()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    key: String,
    value: Value,
    ttl: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    key: String,
}

/// The record of somebody's key.
fn place(caller: &Principal, key: &str) -> Result<(Datatype, RecordId), Problem> {
    if !(1..=255).contains(&key.chars().count()) {
        return Err(Problem::bad_request("invalid", "the key must have 1 to 255 characters"));
    }
    let digest =
        Sha256::new().chain_update(caller.id.as_str()).chain_update([0]).chain_update(key).finalize();
    let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let wrong = |error: appengine_actors::ids::IdError| Problem::internal(&error);
    Ok((Datatype::new(MEMORY).map_err(wrong)?, RecordId::new(&format!("{MEMORY}-{digest}")).map_err(wrong)?))
}

pub(super) async fn store(caller: &Principal, machine: &Machine, args: Stored) -> Result<Value, Problem> {
    let (datatype, sk) = place(caller, &args.key)?;
    let until = args.ttl.map(|ttl| machine.house.clock.now().plus(std::time::Duration::from_secs(ttl)));
    let mut data = Map::new();
    data.insert("key".to_owned(), args.key.into());
    data.insert("value".to_owned(), args.value);
    data.insert("expiresAt".to_owned(), until.map_or(Value::Null, |until| until.to_string().into()));
    let (records, origin) = (&machine.records, origin(caller));
    let edit = |record: &mut Record| {
        record.data.clone_from(&data);
        "new".clone_into(&mut record.state);
        Ok(())
    };
    match records.update(&caller.org, (&datatype, &sk), None, &origin, edit).await {
        Ok(_) => {}
        Err(WriteError::Missing { .. }) => {
            // One that was forgotten lies there as deleted.
            match records.delete(&caller.org, (&datatype, &sk), true, &origin).await {
                Ok(_) | Err(WriteError::Missing { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            let mut meta = Map::new();
            meta.insert("owner".to_owned(), json!({"datatype": caller.kind.name(), "id": caller.id}));
            let new = NewRecord { datatype, sk: Some(sk), data, meta, once: false };
            records.create(&caller.org, new, &origin).await?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(json!({"stored": true}))
}

pub(super) async fn retrieve(caller: &Principal, machine: &Machine, args: Key) -> Result<Value, Problem> {
    let (datatype, sk) = place(caller, &args.key)?;
    let found = machine.records.read(&caller.org, &datatype, &sk).await?;
    let now = machine.house.clock.now();
    let is_fresh = |record: &Record| {
        let until = record.data.get("expiresAt").and_then(Value::as_str);
        until.and_then(|until| until.parse::<Timestamp>().ok()).is_none_or(|until| until > now)
    };
    let found = found.map(|read| read.record).filter(|record| !record.is_deleted() && is_fresh(record));
    let value = found.and_then(|record| record.data.get("value").cloned());
    Ok(json!({"found": value.is_some(), "value": value}))
}

pub(super) async fn delete(caller: &Principal, machine: &Machine, args: Key) -> Result<Value, Problem> {
    let (datatype, sk) = place(caller, &args.key)?;
    match machine.records.delete(&caller.org, (&datatype, &sk), true, &origin(caller)).await {
        Ok(_) => Ok(json!({"deleted": true})),
        Err(WriteError::Missing { .. }) => Ok(json!({"deleted": false})),
        Err(error) => Err(error.into()),
    }
}
