//! Event types: what events look like, as the program and the organisation say it.

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use appengine_actors::event::EventKind;
use appengine_actors::list::Listed;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::admit::Caller;
use super::paging::{LAST_PAGE, PageParams};
use super::route::{Access, Route, kind, whole};
use super::take::{Json, Object, Params};
use crate::auth::role::Permission;
use crate::event_types::{Draft, EventType, EventTypes, PutError, Wrong};
use crate::problem::{Detail, Problem};

const TAG: &str = "Webhooks";
const ONE: &str = "/webhooks/event-types/{name}";
/// Characters of a description.
const LONGEST: usize = 1_000;

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let read = Access::Staff(Permission::Read, "read:webhooks");
    let update = Access::Staff(Permission::Update, "write:webhooks");
    let delete = Access::Staff(Permission::Delete, "write:webhooks");
    vec![
        Route::get("/webhooks/event-types", read, list)
            .about(TAG, "What events look like: types of the program and of the organisation, by name")
            .query("page", whole(1, LAST_PAGE), "from 1")
            .query("pageSize", whole(1, 500), "types on a page, 50 if not given")
            .gives_object(StatusCode::OK)
            .leads(&[("name", "/data/0/name")], &["GET /webhooks/event-types/{name}"]),
        Route::get(ONE, read, get)
            .about(TAG, "One event type")
            .part("name", kind())
            .gives::<TypeReply>(StatusCode::OK),
        Route::new(Method::PUT, ONE, update, put)
            .about(TAG, "Say what events of a kind look like, in place of what was said before")
            .part("name", kind())
            .takes::<TypeBody>()
            .gives::<TypeReply>(StatusCode::OK),
        Route::new(Method::DELETE, ONE, delete, remove)
            .about(TAG, "Remove the organisation's own type; the program's is back where it has one")
            .part("name", kind())
            .gives_object(StatusCode::OK),
    ]
}

/// What events of a kind look like. What is left out is not said any more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({
    "description": "An order left the house",
    "schema": {"type": "object", "required": ["number"], "properties": {"number": {"type": "string"}}},
    "sample": {"number": "1042"},
})))]
struct TypeBody {
    /// For people.
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// A JSON Schema of the event's `data` (2020-12, 2019-09, draft 7 or 6), with references to its own parts only.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    schema: Option<Value>,
    /// Data as such an event may have it.
    #[serde(default, deserialize_with = "given")]
    sample: Option<Value>,
    /// Its version, where it is not to be counted: it grows by one when the schema changes.
    #[schema(minimum = 1, maximum = 1000000000)]
    version: Option<u32>,
}

/// An event type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TypeReply {
    /// The kind of event.
    name: String,
    /// For people.
    description: Option<String>,
    /// Grows when the schema changes.
    version: u32,
    /// A JSON Schema of the event's `data`; without one anything may be in it.
    schema: Option<Value>,
    /// Data as such an event may have it.
    sample: Option<Value>,
    /// Whether it comes with the program.
    built_in: bool,
}

impl From<EventType> for TypeReply {
    fn from(found: EventType) -> Self {
        let EventType { name, description, version, schema, sample, built_in } = found;
        Self { name, description, version, schema, sample, built_in }
    }
}

/// A `null` that is given is a value here, and no schema.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

async fn list(
    caller: Caller,
    types: web::Data<EventTypes>,
    Params(params): Params<PageParams>,
) -> Result<HttpResponse, Problem> {
    let page = params.read()?;
    let mut listed = Listed::new(page.slice());
    for found in types.list(&caller.org).await? {
        listed.meet(found);
    }
    Ok(HttpResponse::Ok().json(page.envelope(&listed, |found| json!(found))))
}

async fn get(
    caller: Caller,
    types: web::Data<EventTypes>,
    name: web::Path<EventKind>,
) -> Result<HttpResponse, Problem> {
    let found = types.get(&caller.org, &name).await?;
    let found = found.ok_or_else(|| Problem::not_found(format!("there is no event type {}", *name)))?;
    Ok(HttpResponse::Ok().json(TypeReply::from(found)))
}

async fn put(
    caller: Caller,
    types: web::Data<EventTypes>,
    name: web::Path<EventKind>,
    Json(Object(body)): Json<Object<TypeBody>>,
) -> Result<HttpResponse, Problem> {
    let TypeBody { description, schema, sample, version } = body;
    if description.as_ref().is_some_and(|text| text.chars().count() > LONGEST) {
        let message = format!("must have at most {LONGEST} characters");
        return Err(refused(vec![Wrong { path: "description".to_owned(), message }]));
    }
    let draft = Draft { description, schema, sample, version };
    match types.put(&caller.org, &name, draft).await {
        Ok(stored) => Ok(HttpResponse::Ok().json(TypeReply::from(stored))),
        Err(PutError::Wrong(wrong)) => Err(refused(wrong)),
        Err(PutError::Store(error)) => Err(error.into()),
        Err(full @ PutError::Full) => {
            Err(Problem::conflict("too_many_event_types", format!("failed to {full}")))
        }
    }
}

async fn remove(
    caller: Caller,
    types: web::Data<EventTypes>,
    name: web::Path<EventKind>,
) -> Result<HttpResponse, Problem> {
    if types.delete(&caller.org, &name).await? {
        return Ok(HttpResponse::Ok().json(json!({"name": *name, "deleted": true})));
    }
    Err(Problem::not_found(format!("this organisation has no event type {} of its own", *name)))
}

fn refused(wrong: Vec<Wrong>) -> Problem {
    Problem::invalid("the event type cannot be taken", details(wrong))
}

/// What is wrong, as errors tell it.
pub(super) fn details(wrong: Vec<Wrong>) -> Vec<Detail> {
    wrong.into_iter().map(|Wrong { path, message }| Detail { path, message }).collect()
}
