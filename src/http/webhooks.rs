//! Outbound webhooks: the secret they are signed with, the endpoints they go to, and what was delivered.

mod endpoints;
mod explain;
mod replays;
mod schema;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::clock::Timestamp;
use appengine_actors::event::EventKind;
use appengine_actors::ids::{DeliveryId, EndpointId, EventId};
use appengine_actors::list::Span;
use appengine_actors::log::EventLog;
use appengine_actors::machine::Machine;
use appengine_actors::trace::{TraceBody, Traces};
use appengine_actors::webhook::deliveries::{Deliveries, Wanted};
use appengine_actors::webhook::delivery::{Delivery, DeliveryStatus};
use appengine_actors::webhook::resend::ResendError;
use appengine_actors::webhook::secrets::signing_secret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::admit::Caller;
use super::paging::{self, LAST_PAGE, TIME};
use super::route::{Access, Route, id, kind, one_of, text, whole};
use super::shown::{self, Hidden};
use super::take::Params;
use crate::auth::role::Permission;
use crate::problem::Problem;

const TAG: &str = "Webhooks";
/// Who may know what webhooks are signed with.
pub const SECRET: Access = Access::Admin("read:webhooks");
/// The answer of a handler that sets one thing to what its route says.
type Setting = std::pin::Pin<Box<dyn Future<Output = Result<HttpResponse, Problem>>>>;

/// Who may decide what is sent where.
const SEND: Access = Access::Admin("write:webhooks");
const STATUSES: [&str; 6] = ["pending", "delivering", "delivered", "failed", "dead", "discarded"];

/// What lists tell of a delivery.
const ROW: [&str; 11] = [
    "id",
    "eventId",
    "endpointId",
    "event",
    "url",
    "status",
    "attempts",
    "nextAttemptAt",
    "lastStatusCode",
    "lastError",
    "createdAt",
];

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let read = Access::Staff(Permission::Read, "read:webhooks");
    let mut routes = vec![
        Route::get("/webhooks/secret", SECRET, secret)
            .about(TAG, "The secret that this organisation's webhooks are signed with")
            .gives::<SecretReply>(StatusCode::OK),
        Route::get("/webhooks/deliveries", read, list)
            .about(TAG, "Deliveries, newest first")
            .query("status", one_of(&STATUSES), "deliveries in one status only")
            .query("event", kind(), "deliveries about one kind of event only")
            .query("eventId", id(EventId::PREFIX), "deliveries about one event only")
            .query(
                "endpointId",
                id(EndpointId::PREFIX),
                "deliveries to one endpoint only; those of flows have none",
            )
            .query("from", text(TIME), "deliveries ordered at this time or later")
            .query("to", text(TIME), "deliveries ordered at this time or earlier")
            .query("page", whole(1, LAST_PAGE), "from 1")
            .query("before", id(DeliveryId::PREFIX), "deliveries older than this one")
            .query("pageSize", whole(1, 500), "deliveries on a page, 50 if not given")
            .gives_object(StatusCode::OK)
            .leads(&[("id", "/data/0/id")], &["GET /webhooks/deliveries/{id}"]),
        Route::get("/webhooks/deliveries/{id}", read, get)
            .about(TAG, "A delivery with every attempt at it")
            .part("id", id(DeliveryId::PREFIX))
            .gives_object(StatusCode::OK),
        Route::post("/webhooks/deliveries/{id}/resend", SEND, resend)
            .about(TAG, "Send a delivery again now, with its schedule from the start and the same webhook-id")
            .part("id", id(DeliveryId::PREFIX))
            .gives_object(StatusCode::ACCEPTED),
    ];
    routes.extend(endpoints::routes());
    routes.extend(replays::routes());
    routes.push(explain::route());
    routes
}

/// A signing secret.
#[derive(Serialize, ToSchema)]
struct SecretReply {
    /// `whsec_` and base64, as the libraries of Standard Webhooks take it.
    secret: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListParams {
    endpoint_id: Option<EndpointId>,
    status: Option<DeliveryStatus>,
    event: Option<EventKind>,
    event_id: Option<EventId>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    before: Option<DeliveryId>,
    page: Option<usize>,
    page_size: Option<usize>,
}

async fn secret(caller: Caller, machine: web::Data<Machine>) -> Result<HttpResponse, Problem> {
    let secret = signing_secret(&machine.house, &caller.org).await?.reveal();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(SecretReply { secret }))
}

async fn list(
    caller: Caller,
    deliveries: web::Data<Deliveries>,
    log: web::Data<EventLog>,
    Params(params): Params<ListParams>,
) -> Result<HttpResponse, Problem> {
    let page = paging::read(params.page, params.page_size)?;
    let wanted = Wanted {
        status: params.status,
        event: params.event.map(|kind| kind.to_string()),
        event_id: params.event_id,
        ordered: Span { from: params.from, to: params.to },
        endpoint: params.endpoint_id,
        before: params.before,
    };
    let listed = deliveries.list(&caller.org, &wanted, page.slice()).await?;
    let hidden = Hidden::of(&caller, &log, listed.rows.iter().map(|delivery| delivery.event_id)).await?;
    let row = |found: &Delivery| row(&shown::delivery(&caller, found, &hidden));
    Ok(HttpResponse::Ok().json(page.envelope(&listed, row)))
}

/// A delivery as lists have it.
fn row(delivery: &Value) -> Value {
    let told = ROW.map(|name| (name.to_owned(), delivery.get(name).cloned().unwrap_or_default()));
    let hidden = delivery.get("hidden").map(|hidden| ("hidden".to_owned(), hidden.clone()));
    Value::Object(told.into_iter().chain(hidden).collect())
}

async fn get(
    caller: Caller,
    traces: web::Data<Traces>,
    log: web::Data<EventLog>,
    id: web::Path<DeliveryId>,
) -> Result<HttpResponse, Problem> {
    match traces.delivery(&caller.org, *id).await? {
        Some(TraceBody::Delivery { delivery, attempts }) => {
            let hidden = Hidden::of(&caller, &log, [delivery.event_id]).await?;
            let mut body = shown::delivery(&caller, &delivery, &hidden);
            if let Some(fields) = body.as_object_mut() {
                let log = shown::attempts(&caller, &delivery, &attempts, &hidden);
                fields.insert("attemptLog".to_owned(), log.into());
            }
            Ok(HttpResponse::Ok().json(body))
        }
        _ => Err(Problem::not_found(format!("there is no delivery {id}"))),
    }
}

async fn resend(
    caller: Caller,
    machine: web::Data<Machine>,
    log: web::Data<EventLog>,
    id: web::Path<DeliveryId>,
) -> Result<HttpResponse, Problem> {
    let delivery = machine.resender.resend(&caller.org, *id).await.map_err(not_sent)?;
    let hidden = Hidden::of(&caller, &log, [delivery.event_id]).await?;
    Ok(HttpResponse::Accepted().json(shown::delivery(&caller, &delivery, &hidden)))
}

fn not_sent(error: ResendError) -> Problem {
    match error {
        ResendError::Missing(id) => Problem::not_found(format!("there is no delivery {id}")),
        ResendError::NoEndpoint(id) => Problem::not_found(format!("there is no endpoint {id}")),
        ResendError::Disabled(_) | ResendError::Busy => {
            Problem::conflict("conflict", format!("failed to {error}"))
        }
        ResendError::Unready(_) => Problem::bad_request("invalid", format!("failed to {error}")),
        ResendError::Store(error) => error.into(),
    }
}
