//! Records, for models: the same rules as by REST.

use appengine_actors::ids::RecordId;
use appengine_actors::machine::Machine;
use appengine_actors::record::body::RecordBody;
use appengine_actors::record::model::Record;
use appengine_actors::record::service::Created;
use appengine_actors::rights::collections::Act;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::auth::principal::Principal;
use crate::auth::role::Permission;
use crate::http::repository::{find_page, rules, write};
use crate::problem::Problem;

/// Records that one search gives, unless fewer are wanted.
const MOST: u64 = 50;

pub(super) fn finds() -> Value {
    json!({
        "type": "object", "required": ["datatype"],
        "properties": {
            "datatype": {"type": "string", "description": "The collection, such as contact"},
            "query": {"type": "object", "description": "Conditions by field, such as {\"data.email\": \"ann@example.com\"}"},
            "limit": {"type": "integer", "minimum": 1, "maximum": MOST},
        },
    })
}

pub(super) fn creates() -> Value {
    json!({
        "type": "object", "required": ["datatype", "data"],
        "properties": {"datatype": {"type": "string"}, "data": {"type": "object"}},
    })
}

pub(super) fn updates() -> Value {
    json!({
        "type": "object", "required": ["datatype", "id", "data"],
        "properties": {"datatype": {"type": "string"}, "id": {"type": "string"}, "data": {"type": "object"}},
    })
}

pub(super) fn deletes() -> Value {
    json!({
        "type": "object", "required": ["datatype", "id"],
        "properties": {"datatype": {"type": "string"}, "id": {"type": "string"}},
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Find {
    datatype: String,
    #[serde(default)]
    query: Value,
    limit: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    datatype: String,
    data: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    datatype: String,
    id: String,
    data: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Delete {
    datatype: String,
    id: String,
}

pub(super) async fn find(caller: &Principal, machine: &Machine, args: Find) -> Result<Value, Problem> {
    let options = json!({"pageSize": args.limit.unwrap_or(MOST).clamp(1, MOST)});
    find_page(caller, &machine.records, machine, &args.datatype, &args.query, &options).await
}

pub(super) async fn create(caller: &Principal, machine: &Machine, args: Create) -> Result<Value, Problem> {
    let body = RecordBody { data: Some(args.data), ..RecordBody::default() };
    let new = write::new_record(caller, rules::datatype(&args.datatype)?, body)?;
    match machine.records.create(&caller.org, new, &write::origin(caller)).await? {
        Created::New(record) => Ok(record.to_json()),
        Created::Repeat => Ok(Value::Null),
    }
}

pub(super) async fn update(caller: &Principal, machine: &Machine, args: Update) -> Result<Value, Problem> {
    let datatype = rules::datatype(&args.datatype)?;
    let sk = id(&args.id)?;
    let edit = |record: &mut Record| {
        record.data.extend(args.data.clone());
        Ok(())
    };
    let changed = write::change(caller, &machine.records, (&datatype, &sk), None, false, edit).await?;
    Ok(changed.to_json())
}

pub(super) async fn delete(caller: &Principal, machine: &Machine, args: Delete) -> Result<Value, Problem> {
    let (datatype, sk) = (rules::datatype(&args.datatype)?, id(&args.id)?);
    rules::check_all(caller, &datatype, Act::Change, Permission::Delete)?;
    write::remove(caller, machine, (&datatype, &sk), false, |_| true).await?;
    Ok(json!({"deleted": true}))
}

fn id(text: &str) -> Result<RecordId, Problem> {
    RecordId::new(text).map_err(|error| Problem::bad_request("invalid", format!("failed to {error}")))
}
