//! Events: publish, read the log, and follow what came of one.

mod publish;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::bus::change::ChangeError;
use appengine_actors::event::EventKind;
use appengine_actors::ids::EventId;
use appengine_actors::log::{EventLog, Place};
use appengine_actors::trace::{Trace, Traces};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use self::publish::{Accepted, AcceptedBatch, BatchBody, PublishBody};
use super::admit::Caller;
use super::route::{Access, Route, id, kind, one_of, text, whole};
use super::shown;
use super::take::Params;
use crate::auth::role::Permission;
use crate::problem::{Detail, Problem};

const TAG: &str = "Events";
/// What can be asked about an event.
const ONE: [&str; 2] = ["GET /events/{id}", "GET /events/{id}/trace"];

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let read = Access::Staff(Permission::Read, "read:events");
    let write = Access::Staff(Permission::Create, "write:events");
    vec![
        Route::post("/events", write, publish::one)
            .about(TAG, "Publish an event: 202 once it is durable")
            .takes::<PublishBody>()
            .gives::<Accepted>(StatusCode::ACCEPTED)
            .leads(&[("id", "/id")], &ONE),
        Route::post("/events/batch", write, publish::batch)
            .about(TAG, "Publish up to 500 events, all or none")
            .takes::<BatchBody>()
            .gives::<AcceptedBatch>(StatusCode::ACCEPTED)
            .leads(&[("id", "/ids/0")], &ONE),
        Route::get("/events", read, list)
            .about(TAG, "Read the log")
            .query("kind", kind(), "events of one kind only")
            .query("after", text("^[0-9a-f]{20}$"), "the cursor of the page before")
            .query("order", one_of(&["asc", "desc"]), "oldest first (`asc`, the default) or newest first")
            .query("limit", whole(1, 500), "events on a page, 100 if not given")
            .gives::<LogPage>(StatusCode::OK)
            .leads(&[("id", "/data/0/id")], &ONE),
        Route::get("/events/{id}", read, get)
            .about(TAG, "One event")
            .part("id", id(EventId::PREFIX))
            .gives_object(StatusCode::OK),
        Route::get("/events/{id}/trace", read, trace)
            .about(TAG, "Everything that came of an event, as one tree")
            .part("id", id(EventId::PREFIX))
            .gives_object(StatusCode::OK),
    ]
}

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LogPage {
    /// The events, oldest first.
    #[schema(value_type = Vec<Object>)]
    data: Vec<Value>,
    /// Where the next page begins: give it as `after`. It stays good, also when nothing came yet.
    next: Option<String>,
    /// Whether there are more already.
    has_next: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParams {
    kind: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    order: Order,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    #[default]
    Asc,
    Desc,
}

async fn list(
    caller: Caller,
    log: web::Data<EventLog>,
    Params(params): Params<ListParams>,
) -> Result<HttpResponse, Problem> {
    let limit = params.limit.unwrap_or(100);
    if !(1..=500).contains(&limit) {
        let detail = Detail { path: "limit".into(), message: "must be 1 to 500".into() };
        return Err(Problem::invalid("the log cannot be listed", vec![detail]));
    }
    let after = params.after.as_deref().map(str::parse::<Place>).transpose();
    let after =
        after.map_err(|error| Problem::bad_request("invalid_cursor", format!("failed to {error}")))?;
    let kind = params.kind.as_deref().map(EventKind::new).transpose();
    let kind = kind.map_err(|error| Problem::bad_request("invalid_kind", format!("failed to {error}")))?;
    let page = log
        .page(&caller.org, kind.as_ref(), after, params.order == Order::Desc, limit)
        .await
        .map_err(ChangeError::from)?;
    let data = page.events.iter().map(|event| shown::event(&caller, event)).collect();
    let next = page.last.map(|place| place.to_string()).or(params.after);
    Ok(HttpResponse::Ok().json(LogPage { data, next, has_next: page.more }))
}

async fn get(
    caller: Caller,
    log: web::Data<EventLog>,
    id: web::Path<EventId>,
) -> Result<HttpResponse, Problem> {
    let found = log.get(&caller.org, *id).await.map_err(ChangeError::from)?;
    let event = found.ok_or_else(|| Problem::not_found(format!("there is no event {id}")))?;
    Ok(HttpResponse::Ok().json(shown::event(&caller, &event)))
}

async fn trace(
    caller: Caller,
    traces: web::Data<Traces>,
    id: web::Path<EventId>,
) -> Result<HttpResponse, Problem> {
    let found: Option<Trace> = traces.of(&caller.org, *id).await.map_err(ChangeError::from)?;
    let trace = found.ok_or_else(|| Problem::not_found(format!("there is no event {id}")))?;
    Ok(HttpResponse::Ok().json(shown::trace(&caller, &trace)))
}
