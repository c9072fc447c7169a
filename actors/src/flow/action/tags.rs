//! What `add_tag` and `remove_tag` share: which contact, which tags.

use serde_json::{Value, json};

use super::{Check, Plan, StepContext, StepError, target};
use crate::flow::Map;
use crate::form::problem::Problems;
use crate::form::template::lookup;
use crate::ids::{Datatype, RecordId};
use crate::record::model::Record;
use crate::rights::role::Permission;

/// Notes what could not work.
pub fn check(config: &Map, on: Check<'_>, problems: &mut Problems) {
    if let Ok(contact) = Datatype::new("contact") {
        target::check_collection(&contact, "", on, Permission::Update, problems);
    }
    problems.only(config, &["actionType", "retry", "tags", "tag", "contactId"]);
    let before = problems.count();
    let named = [problems.words(config, "tags"), problems.words(config, "tag")].concat();
    if named.is_empty() && problems.count() == before {
        problems
            .add("tags", "names no tag; expected an array of strings, or a string with commas between them");
    }
    problems.text(config, "contactId");
}

/// The write that gives the contact the tags that `edit` makes of its own and the config's.
pub async fn plan(
    ctx: &StepContext<'_>,
    config: &Map,
    edit: impl Fn(&mut Vec<String>, &[String]),
) -> Result<Plan, StepError> {
    let mut ignored = Problems::default();
    let mut tags = ignored.words(config, "tags");
    tags.extend(ignored.words(config, "tag"));
    if tags.is_empty() {
        return Err(StepError::lasting("config.tags names no tag"));
    }
    let id = contact_id(ctx, config)?;
    let datatype = contact_datatype(ctx, &id).await?;
    let change = |record: &mut Record| {
        let has = record.data.get("tags").and_then(Value::as_array).into_iter().flatten();
        let mut has: Vec<String> = has.filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
        edit(&mut has, &tags);
        record.data.insert("tags".into(), json!(has));
        Ok(())
    };
    let (org, author) = (&ctx.run.org_id, ctx.author());
    let write = ctx.records.plan_update(org, (&datatype, &id), None, Some(&author), change).await?;
    target::check_write(ctx, &write, Permission::Update)?;
    let mut plan = Plan { output: json!({"contactId": id, "tags": tags}), ..Plan::default() };
    plan.change.writes.push(write);
    Ok(plan)
}

fn contact_id(ctx: &StepContext<'_>, config: &Map) -> Result<RecordId, StepError> {
    let named = config.get("contactId").and_then(Value::as_str).filter(|id| !id.is_empty());
    let given = || lookup("contact.id", ctx.variables).or_else(|| lookup("contact.sk", ctx.variables));
    let id = named.or_else(|| given().and_then(Value::as_str));
    let id = id.ok_or_else(|| StepError::lasting("there is no contact: name one in config.contactId"))?;
    RecordId::new(id).map_err(|error| StepError::lasting(format!("failed to {error} (config.contactId)")))
}

/// Contacts are kept as `contact` or as `customer` (contract §13.11): whichever has this one.
async fn contact_datatype(ctx: &StepContext<'_>, id: &RecordId) -> Result<Datatype, StepError> {
    let datatypes = ["contact", "customer"].map(Datatype::new);
    for datatype in datatypes.into_iter().flatten() {
        let found = ctx.records.read(&ctx.run.org_id, &datatype, id).await;
        if found.map_err(crate::record::service::WriteError::from)?.is_some() {
            return Ok(datatype);
        }
    }
    Err(StepError::lasting(format!("there is no contact {id}")))
}
