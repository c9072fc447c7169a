//! Who may do what with which records, beside the table of roles: collections with rules of their own,
//! and what is an end user's own. Pure; the routes ask before they read or write.

use actix_web::http::StatusCode;
use appengine_actors::ids::{Datatype, RecordId};
use appengine_actors::record::model::{self, DELETED, Record};
pub use appengine_actors::rights::collections::Act;
use appengine_actors::rights::{collections, required};
use serde_json::{Map, Value, json};

use crate::auth::principal::{Kind, Principal, REQUIRED_ROLE};
use crate::auth::refusal::Refusal;
use crate::auth::role::Permission;
use crate::problem::{Detail, Problem};

/// Root fields that only staff set: they say whose a record is and who may see it.
const STAFF_FIELDS: [&str; 6] = ["owner", REQUIRED_ROLE, "rules", "workflow", "share", "crm_agent"];

/// The collection that a client names, in either of the spellings that the contract knows (§13.12).
///
/// # Errors
/// 400 when it is no collection's name.
pub fn datatype(text: &str) -> Result<Datatype, Problem> {
    model::datatype(text)
        .map_err(|error| Problem::bad_request("invalid_datatype", format!("failed to {error}")))
}

/// Whether somebody may do this with the records of a collection at all.
///
/// # Errors
/// 403, saying where it is done instead.
pub fn check(caller: &Principal, datatype: &Datatype, act: Act) -> Result<(), Problem> {
    collections::check(caller.rights(), datatype, act)
        .map_err(|closed| Problem::new(StatusCode::FORBIDDEN, "forbidden", format!("failed to {closed}")))
}

/// Whether somebody may do this with the records of a collection by the table of roles.
#[must_use]
pub fn may(caller: &Principal, datatype: &Datatype, permission: Permission) -> bool {
    collections::may(caller.rights(), datatype, permission)
}

/// [`check`] and the table of roles: for what is done with a collection as a whole.
///
/// # Errors
/// 403.
pub fn check_all(
    caller: &Principal,
    datatype: &Datatype,
    act: Act,
    permission: Permission,
) -> Result<(), Problem> {
    check(caller, datatype, act)?;
    if may(caller, datatype, permission) { Ok(()) } else { Err(Refusal::Forbidden(permission).into()) }
}

/// Whether somebody may do something with one record.
///
/// # Errors
/// 404 when it is not theirs to know of, 403 when its own rule or the table of roles forbids it.
pub fn check_record(caller: &Principal, record: &Record, permission: Permission) -> Result<(), Problem> {
    if !caller.owns(record) {
        return Err(missing(&record.datatype, &record.sk));
    }
    if !may_on(caller, record, permission) {
        return Err(Refusal::Forbidden(permission).into());
    }
    Ok(())
}

/// Whether somebody may do something with one record that is theirs to know of: as the record itself says,
/// or else as the table of roles does.
#[must_use]
pub fn may_on(caller: &Principal, record: &Record, permission: Permission) -> bool {
    caller.rights().may_on(&record.datatype, &record.meta, permission)
}

/// What came of a request about one record, for its caller: whoever could do this with no record, but for
/// those that let them, does not learn which there are.
///
/// # Errors
/// 403 instead of 404 for them.
pub fn unless_hidden<T>(
    caller: &Principal,
    datatype: &Datatype,
    permission: Permission,
    came: Result<T, Problem>,
) -> Result<T, Problem> {
    came.map_err(|problem| match problem.status() {
        StatusCode::NOT_FOUND if !may(caller, datatype, permission) => Refusal::Forbidden(permission).into(),
        _ => problem,
    })
}

/// 404 in the words that a record that is not there has.
#[must_use]
pub fn missing(datatype: &Datatype, sk: &RecordId) -> Problem {
    Problem::not_found(format!("failed to find {datatype} {sk}: there is no such record"))
}

/// Whether somebody may set these root fields of a record, and what they set them to can be understood.
///
/// # Errors
/// 403 for fields of the staff's, 400 for a rule that nobody could keep.
pub fn check_fields(caller: &Principal, meta: &Map<String, Value>) -> Result<(), Problem> {
    if caller.is_end_user()
        && let Some(field) = STAFF_FIELDS.iter().find(|field| meta.contains_key(**field))
    {
        let message = format!("failed to set `{field}`: only staff do");
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", message));
    }
    required::check(meta).map_err(|message| {
        let detail = Detail { path: REQUIRED_ROLE.to_owned(), message };
        Problem::invalid("the record cannot be taken", vec![detail])
    })
}

/// Whether a change would delete the record softly, which takes the permission to delete.
#[must_use]
pub fn deletes(state: Option<&Value>) -> bool {
    state.and_then(Value::as_str) == Some(DELETED)
}

/// Whose a record is that an end user creates: theirs, whatever they say.
#[must_use]
pub fn owner(caller: &Principal) -> Option<Value> {
    caller.is_end_user().then(|| {
        let mut owner = json!({"datatype": caller.kind.name(), "id": caller.id, "name": caller.name});
        if let (Kind::Customer, Some(email), Some(fields)) =
            (caller.kind, &caller.email, owner.as_object_mut())
        {
            fields.insert("email".to_owned(), json!(email));
        }
        owner
    })
}

#[cfg(test)]
pub(in crate::http) mod tests;
