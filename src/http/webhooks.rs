//! Outbound webhooks: the secret they are signed with, and what was delivered.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::event::EventKind;
use appengine_actors::ids::DeliveryId;
use appengine_actors::machine::Machine;
use appengine_actors::trace::{TraceBody, Traces};
use appengine_actors::webhook::deliveries::{Deliveries, Wanted};
use appengine_actors::webhook::delivery::DeliveryStatus;
use appengine_actors::webhook::secrets::signing_secret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::admit::Caller;
use super::route::{Access, Route, id, kind, one_of, whole};
use super::take::Params;
use crate::auth::role::Permission;
use crate::problem::{Detail, Problem};

const TAG: &str = "Webhooks";
const STATUSES: [&str; 6] = ["pending", "delivering", "delivered", "failed", "dead", "discarded"];

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let read = Access::Staff(Permission::Read, "read:webhooks");
    vec![
        Route::get("/webhooks/secret", Access::Admin("read:webhooks"), secret)
            .about(TAG, "The secret that this organisation's webhooks are signed with")
            .gives::<SecretReply>(StatusCode::OK),
        Route::get("/webhooks/deliveries", read, list)
            .about(TAG, "Deliveries, newest first")
            .query("status", one_of(&STATUSES), "deliveries in one status only")
            .query("event", kind(), "deliveries about one kind of event only")
            .query("before", id(DeliveryId::PREFIX), "deliveries older than this one")
            .query("pageSize", whole(1, 500), "deliveries on a page, 50 if not given")
            .gives_object(StatusCode::OK)
            .leads(&[("id", "/data/0/id")], &["GET /webhooks/deliveries/{id}"]),
        Route::get("/webhooks/deliveries/{id}", read, get)
            .about(TAG, "A delivery with every attempt at it")
            .part("id", id(DeliveryId::PREFIX))
            .gives_object(StatusCode::OK),
    ]
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
    status: Option<DeliveryStatus>,
    event: Option<EventKind>,
    before: Option<DeliveryId>,
    page_size: Option<usize>,
}

async fn secret(caller: Caller, machine: web::Data<Machine>) -> Result<HttpResponse, Problem> {
    let secret = signing_secret(&machine.house, &caller.org).await?.reveal();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(SecretReply { secret }))
}

async fn list(
    caller: Caller,
    deliveries: web::Data<Deliveries>,
    Params(params): Params<ListParams>,
) -> Result<HttpResponse, Problem> {
    let size = params.page_size.unwrap_or(50);
    if !(1..=500).contains(&size) {
        let detail = Detail { path: "pageSize".into(), message: "must be 1 to 500".into() };
        return Err(Problem::invalid("the deliveries cannot be listed", vec![detail]));
    }
    let wanted = Wanted { status: params.status, event: params.event.map(|kind| kind.to_string()) };
    let mut found = deliveries.list(&caller.org, &wanted, params.before, size + 1).await?;
    let has_next = found.len() > size;
    found.truncate(size);
    let rows: Vec<_> = found
        .iter()
        .map(|d| {
            json!({
                "id": d.id, "eventId": d.event_id, "endpointId": null, "event": d.event, "url": d.url,
                "status": d.status, "attempts": d.attempts, "nextAttemptAt": d.next_attempt_at,
                "lastStatusCode": d.last_status_code, "lastError": d.last_error, "createdAt": d.created_at,
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({"data": rows, "pageSize": size, "hasNext": has_next})))
}

async fn get(
    caller: Caller,
    traces: web::Data<Traces>,
    id: web::Path<DeliveryId>,
) -> Result<HttpResponse, Problem> {
    match traces.delivery(&caller.org, *id).await? {
        Some(TraceBody::Delivery { delivery, attempts }) => {
            let mut body = json!(delivery);
            if let Some(fields) = body.as_object_mut() {
                fields.insert("attemptLog".to_owned(), json!(attempts));
            }
            Ok(HttpResponse::Ok().json(body))
        }
        _ => Err(Problem::not_found(format!("there is no delivery {id}"))),
    }
}
