//! A word for somebody: a `notification` record that is theirs.

use appengine_actors::ids::Datatype;
use appengine_actors::machine::Machine;
use appengine_actors::mail::is_address;
use appengine_actors::record::service::{Created, NewRecord};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::auth::principal::Principal;
use crate::http::keep::keep;
use crate::http::repository::write::origin;
use crate::problem::Problem;

const NOTIFICATION: &str = "notification";

pub(super) fn sends() -> Value {
    json!({
        "type": "object", "required": ["message"],
        "properties": {
            "to": {"type": "string", "description": "An e-mail address; the person you talk to if left out"},
            "title": {"type": "string", "maxLength": 255}, "message": {"type": "string", "maxLength": 4096},
        },
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Send {
    to: Option<String>,
    #[serde(default)]
    title: String,
    message: String,
}

pub(super) async fn send(caller: &Principal, machine: &Machine, args: Send) -> Result<Value, Problem> {
    let to = args.to.map(|to| to.trim().to_lowercase()).or_else(|| caller.email.clone());
    let is_own = to.is_none() || to == caller.email;
    let title = args.title.chars().count() <= 255;
    let message = (1..=4096).contains(&args.message.chars().count());
    keep(
        "the notification cannot be sent",
        [
            ("args.to", to.as_deref().is_none_or(is_address), "must be an e-mail address"),
            // An end user's model speaks to them and to nobody else.
            ("args.to", is_own || !caller.is_end_user(), "must be your own address, or be left out"),
            ("args.title", title, "must have at most 255 characters"),
            ("args.message", message, "must have 1 to 4096 characters"),
        ],
    )?;
    let mut data = Map::new();
    for (name, value) in [("title", args.title), ("message", args.message), ("status", "new".to_owned())] {
        data.insert(name.to_owned(), value.into());
    }
    data.insert("to".to_owned(), json!(to));
    data.insert("source".to_owned(), "ai".into());
    let owner = match (is_own, &to) {
        (false, Some(to)) => json!({"email": to}),
        _ => json!({"datatype": caller.kind.name(), "id": caller.id, "email": to}),
    };
    let mut meta = Map::new();
    meta.insert("owner".to_owned(), owner);
    let datatype = Datatype::new(NOTIFICATION).map_err(|error| Problem::internal(&error))?;
    let new = NewRecord { datatype, sk: None, data, meta, once: false };
    match machine.records.create(&caller.org, new, &origin(caller)).await? {
        Created::New(record) => Ok(json!({"sent": true, "id": record.sk})),
        Created::Repeat => Ok(json!({"sent": true})),
    }
}
