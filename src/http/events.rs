//! Events: publish, read the log, and follow what came of one.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::bus::change::{Change, ChangeError, Idempotency, Receipt};
use appengine_actors::clock::Timestamp;
use appengine_actors::event::{Event, EventDraft, EventKind};
use appengine_actors::ids::EventId;
use appengine_actors::log::{EventLog, Place};
use appengine_actors::machine::Machine;
use appengine_actors::ports::Publisher;
use appengine_actors::trace::{Trace, Traces};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::admit::Caller;
use super::route::{Access, Route, id, kind, one_of, text, whole};
use super::take::{Json, Object, Params};
use crate::auth::role::Permission;
use crate::problem::{Detail, Problem};

const TAG: &str = "Events";
/// What can be asked about an event.
const ONE: [&str; 2] = ["GET /events/{id}", "GET /events/{id}/trace"];
/// Events that one batch may hold.
const MOST: usize = 500;

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let read = Access::Staff(Permission::Read, "read:events");
    let write = Access::Staff(Permission::Create, "write:events");
    vec![
        Route::post("/events", write, publish)
            .about(TAG, "Publish an event: 202 once it is durable")
            .takes::<PublishBody>()
            .gives::<Accepted>(StatusCode::ACCEPTED)
            .leads(&[("id", "/id")], &ONE),
        Route::post("/events/batch", write, publish_batch)
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

/// An event to publish.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PublishBody {
    /// Its kind: words joined by dots.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$", max_length = 128)]
    event: EventKind,
    /// What is known about it.
    #[serde(default)]
    data: Value,
    /// Your own key for this event: publishing it again answers with the first one's id.
    #[schema(min_length = 1, max_length = 256)]
    idempotency_key: Option<String>,
    /// When it happened, if that was not now: from 1970 on.
    #[schema(value_type = Option<String>, format = DateTime, pattern = "^(19[7-9][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2})-")]
    occurred_at: Option<Timestamp>,
}

/// Events to publish together.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BatchBody {
    /// The events, in their order.
    #[schema(min_items = 1, max_items = 500)]
    #[schema(value_type = Vec<BatchEvent>)]
    events: Vec<Object<BatchEvent>>,
    /// Your own key for the whole batch.
    #[schema(min_length = 1, max_length = 256)]
    idempotency_key: Option<String>,
}

/// One event of a batch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BatchEvent {
    /// Its kind: words joined by dots.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$", max_length = 128)]
    event: EventKind,
    /// What is known about it.
    #[serde(default)]
    data: Value,
    /// When it happened, if that was not now: from 1970 on.
    #[schema(value_type = Option<String>, format = DateTime, pattern = "^(19[7-9][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2})-")]
    occurred_at: Option<Timestamp>,
}

/// An event that is durable.
#[derive(Debug, Serialize, ToSchema)]
struct Accepted {
    /// Its id.
    #[schema(value_type = String)]
    id: EventId,
}

/// Events that are durable.
#[derive(Debug, Serialize, ToSchema)]
struct AcceptedBatch {
    /// Their ids, in the order of the batch.
    #[schema(value_type = Vec<String>)]
    ids: Vec<EventId>,
}

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LogPage {
    /// The events, oldest first.
    #[schema(value_type = Vec<Object>)]
    data: Vec<Event>,
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

async fn publish(
    caller: Caller,
    publisher: web::Data<Arc<dyn Publisher>>,
    machine: web::Data<Machine>,
    Json(Object(body)): Json<Object<PublishBody>>,
) -> Result<HttpResponse, Problem> {
    let digest = digest_of(&[(&body.event, &body.data, body.occurred_at)]);
    let one = BatchEvent { event: body.event, data: body.data, occurred_at: body.occurred_at };
    let receipt = commit(&caller, &publisher, &machine, vec![one], body.idempotency_key, digest).await?;
    let repeated = receipt.repeated.is_some();
    let id = ids(&receipt).first().copied();
    let id = id.ok_or_else(|| Problem::internal(&"the bus published no event"))?;
    let mut answer = HttpResponse::Accepted();
    if repeated {
        answer.insert_header(("idempotent-replayed", "true"));
    }
    Ok(answer.json(Accepted { id }))
}

async fn publish_batch(
    caller: Caller,
    publisher: web::Data<Arc<dyn Publisher>>,
    machine: web::Data<Machine>,
    Json(Object(body)): Json<Object<BatchBody>>,
) -> Result<HttpResponse, Problem> {
    if body.events.is_empty() || body.events.len() > MOST {
        let message = format!("must hold 1 to {MOST} events, not {}", body.events.len());
        return Err(Problem::invalid(
            "the batch cannot be taken",
            vec![Detail { path: "events".into(), message }],
        ));
    }
    let events: Vec<_> = body.events.into_iter().map(|Object(event)| event).collect();
    let digest = digest_of(&events.iter().map(|e| (&e.event, &e.data, e.occurred_at)).collect::<Vec<_>>());
    let receipt = commit(&caller, &publisher, &machine, events, body.idempotency_key, digest).await?;
    let mut answer = HttpResponse::Accepted();
    if receipt.repeated.is_some() {
        answer.insert_header(("idempotent-replayed", "true"));
    }
    Ok(answer.json(AcceptedBatch { ids: ids(&receipt) }))
}

fn ids(receipt: &Receipt) -> Vec<EventId> {
    match &receipt.repeated {
        Some(ids) => ids.clone(),
        None => receipt.events.iter().map(|event| event.id).collect(),
    }
}

fn digest_of(events: &[(&EventKind, &Value, Option<Timestamp>)]) -> String {
    let mut digest = Sha256::new();
    for (kind, data, at) in events {
        digest.update(serde_json::json!([kind, data, at]).to_string());
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn commit(
    caller: &Caller,
    publisher: &web::Data<Arc<dyn Publisher>>,
    machine: &web::Data<Machine>,
    events: Vec<BatchEvent>,
    key: Option<String>,
    digest: String,
) -> Result<Receipt, Problem> {
    if key.as_ref().is_some_and(|key| !(1..=256).contains(&key.chars().count())) {
        let message = "must have 1 to 256 characters".to_owned();
        let detail = Detail { path: "idempotencyKey".into(), message };
        return Err(Problem::invalid("the event cannot be taken", vec![detail]));
    }
    let now = machine.house.clock.now();
    let drafts = events.into_iter().map(|event| EventDraft {
        id: EventId::new(now),
        kind: event.event,
        data: event.data,
        occurred_at: event.occurred_at,
    });
    let change = Change {
        by: Some(caller.label().to_owned()),
        events: drafts.collect(),
        idempotency: key.map(|key| Idempotency { key, digest }),
        ..Change::default()
    };
    Ok(publisher.commit(caller.org.clone(), change).await?)
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
    let next = page.last.map(|place| place.to_string()).or(params.after);
    Ok(HttpResponse::Ok().json(LogPage { data: page.events, next, has_next: page.more }))
}

async fn get(
    caller: Caller,
    log: web::Data<EventLog>,
    id: web::Path<EventId>,
) -> Result<HttpResponse, Problem> {
    let found = log.get(&caller.org, *id).await.map_err(ChangeError::from)?;
    let event = found.ok_or_else(|| Problem::not_found(format!("there is no event {id}")))?;
    Ok(HttpResponse::Ok().json(event))
}

async fn trace(
    caller: Caller,
    traces: web::Data<Traces>,
    id: web::Path<EventId>,
) -> Result<HttpResponse, Problem> {
    let found: Option<Trace> = traces.of(&caller.org, *id).await.map_err(ChangeError::from)?;
    let trace = found.ok_or_else(|| Problem::not_found(format!("there is no event {id}")))?;
    Ok(HttpResponse::Ok().json(trace))
}
