//! Endpoints: the receivers that an organisation registers (contract §14).

use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use appengine_actors::event::EventKind;
use appengine_actors::ids::EndpointId;
use appengine_actors::machine::Machine;
use appengine_actors::webhook::delivery::DeliveryStatus;
use appengine_actors::webhook::endpoint::DOTS;
use appengine_actors::webhook::endpoint::book::{EndpointError, OVERLAP, Shown, Wish};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::schema::{Endpoint, EndpointBody, EndpointPage, EndpointPatch, RotateBody, TestBody};
use super::{SEND, Setting, TAG, not_sent};
use crate::auth::role::Permission;
use crate::event_types::EventTypes;
use crate::http::admit::Caller;
use crate::http::paging::{LAST_PAGE, PageParams};
use crate::http::route::{Access, Route, id, whole};
use crate::http::shown::{self, Hidden};
use crate::http::take::{Json, MaybeJson, Object, Params};
use crate::problem::{Detail, Problem};

/// What a test says where there is no sample.
const TEST: &str = "This is a test of your endpoint.";
/// The longest that an old secret signs beside the new one.
const LONGEST_OVERLAP: u64 = 30 * 86_400;

/// The routes of this part of the chapter.
pub(super) fn routes() -> Vec<Route> {
    let read = Access::Staff(Permission::Read, "read:webhooks");
    let one = |route: Route, about| route.about(TAG, about).part("id", id(EndpointId::PREFIX));
    let set = |path, handler: fn(Caller, web::Data<Machine>, web::Path<EndpointId>) -> Setting, about| {
        one(Route::post(path, SEND, handler), about).gives::<Endpoint>(StatusCode::OK)
    };
    vec![
        Route::get("/webhooks/endpoints", read, list)
            .about(TAG, "Endpoints, newest first")
            .query("page", whole(1, LAST_PAGE), "from 1")
            .query("pageSize", whole(1, 500), "endpoints on a page, 50 if not given")
            .gives::<EndpointPage>(StatusCode::OK),
        Route::post("/webhooks/endpoints", SEND, create)
            .about(TAG, "Register an endpoint; it listens at once, and the answer shows its secret this once")
            .takes::<EndpointBody>()
            .gives::<Endpoint>(StatusCode::CREATED)
            .leads(&[("id", "/id")], &ONE),
        one(Route::get("/webhooks/endpoints/{id}", read, get), "An endpoint").gives::<Endpoint>(StatusCode::OK),
        one(
            Route::new(Method::PUT, "/webhooks/endpoints/{id}", SEND, replace),
            "Replace an endpoint; its id, its secret and what it is owed stay",
        )
        .takes::<EndpointBody>()
        .gives::<Endpoint>(StatusCode::OK),
        one(
            Route::new(Method::PATCH, "/webhooks/endpoints/{id}", SEND, patch),
            "Change what the body names of an endpoint; null takes away",
        )
        .takes::<EndpointPatch>()
        .gives::<Endpoint>(StatusCode::OK),
        one(
            Route::new(Method::DELETE, "/webhooks/endpoints/{id}", SEND, delete),
            "Remove an endpoint; what it is still owed is discarded",
        )
        .gives_object(StatusCode::OK),
        set("/webhooks/endpoints/{id}/enable", |c, m, i| Box::pin(set_to(c, m, i, Wish::Enable)), "Send to an endpoint again: what waits goes first"),
        set("/webhooks/endpoints/{id}/resume", |c, m, i| Box::pin(set_to(c, m, i, Wish::Enable)), "Send to a paused endpoint again"),
        set("/webhooks/endpoints/{id}/pause", |c, m, i| Box::pin(set_to(c, m, i, Wish::Pause)), "Send to an endpoint later: what becomes owed waits"),
        set("/webhooks/endpoints/{id}/disable", |c, m, i| Box::pin(set_to(c, m, i, Wish::Disable)), "Send to an endpoint no more: what happens meanwhile is not owed to it"),
        one(
            Route::post("/webhooks/endpoints/{id}/secret/rotate", SEND, rotate),
            "Sign with a new secret, and with the old one for a while; the answer shows the new one this once",
        )
        .may_take::<RotateBody>()
        .gives::<Endpoint>(StatusCode::OK),
        one(
            Route::post("/webhooks/endpoints/{id}/test", SEND, test),
            "Send a sample of an event now, once, and say how it went",
        )
        .may_take::<TestBody>()
        .gives_object(StatusCode::OK),
    ]
}

/// What can be done with an endpoint.
const ONE: [&str; 8] = [
    "GET /webhooks/endpoints/{id}",
    "PUT /webhooks/endpoints/{id}",
    "PATCH /webhooks/endpoints/{id}",
    "DELETE /webhooks/endpoints/{id}",
    "POST /webhooks/endpoints/{id}/enable",
    "POST /webhooks/endpoints/{id}/pause",
    "POST /webhooks/endpoints/{id}/secret/rotate",
    "POST /webhooks/endpoints/{id}/test",
];

async fn list(
    caller: Caller,
    machine: web::Data<Machine>,
    Params(params): Params<PageParams>,
) -> Result<HttpResponse, Problem> {
    let page = params.read()?;
    let mut listed = machine.endpoints.list(&caller.org, page.slice()).await.map_err(refused)?;
    let looks = std::mem::take(&mut listed.rows).into_iter().map(|endpoint| machine.endpoints.look(endpoint));
    let rows = futures_util::future::try_join_all(looks).await.map_err(refused)?;
    let mut body = page.envelope(&listed, |_| Value::Null);
    let rows: Vec<Value> = rows.iter().map(|shown| told(&caller, shown, None)).collect();
    if let Some(fields) = body.as_object_mut() {
        fields.insert("data".to_owned(), rows.into());
    }
    Ok(HttpResponse::Ok().json(body))
}

async fn create(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(Object(body)): Json<Object<Map<String, Value>>>,
) -> Result<HttpResponse, Problem> {
    let (shown, secret) =
        machine.endpoints.create(&caller.org, &body.into(), caller.label()).await.map_err(refused)?;
    let body = told(&caller, &shown, secret.as_deref());
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(body))
}

async fn get(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<EndpointId>,
) -> Result<HttpResponse, Problem> {
    let shown = machine.endpoints.get(&caller.org, *id).await.map_err(refused)?;
    Ok(HttpResponse::Ok().json(told(&caller, &shown, None)))
}

async fn replace(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<EndpointId>,
    Json(Object(body)): Json<Object<Map<String, Value>>>,
) -> Result<HttpResponse, Problem> {
    changed(&caller, &machine, *id, &body.into(), false).await
}

async fn patch(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<EndpointId>,
    Json(Object(body)): Json<Object<Map<String, Value>>>,
) -> Result<HttpResponse, Problem> {
    changed(&caller, &machine, *id, &body.into(), true).await
}

async fn changed(
    caller: &Caller,
    machine: &Machine,
    id: EndpointId,
    body: &Value,
    patch: bool,
) -> Result<HttpResponse, Problem> {
    let changed = machine.endpoints.change((&caller.org, id), body, patch, caller.label()).await;
    let (shown, secret) = changed.map_err(refused)?;
    Ok(HttpResponse::Ok().json(told(caller, &shown, secret.as_deref())))
}

async fn delete(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<EndpointId>,
) -> Result<HttpResponse, Problem> {
    machine.endpoints.delete(&caller.org, *id, caller.label()).await.map_err(refused)?;
    Ok(HttpResponse::Ok().json(json!({"id": *id, "deleted": true})))
}

async fn set_to(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<EndpointId>,
    wish: Wish,
) -> Result<HttpResponse, Problem> {
    let shown = machine.endpoints.set(&caller.org, *id, wish, caller.label()).await.map_err(refused)?;
    Ok(HttpResponse::Ok().json(told(&caller, &shown, None)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rotate {
    secret: Option<String>,
    overlap_seconds: Option<u64>,
}

async fn rotate(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<EndpointId>,
    MaybeJson(body): MaybeJson<Object<Rotate>>,
) -> Result<HttpResponse, Problem> {
    let Rotate { secret, overlap_seconds } = body.map(|Object(body)| body).unwrap_or_default();
    if overlap_seconds.is_some_and(|seconds| seconds > LONGEST_OVERLAP) {
        let message = format!("must be 0 to {LONGEST_OVERLAP}");
        let detail = Detail { path: "overlapSeconds".into(), message };
        return Err(Problem::invalid("the secret cannot be replaced", vec![detail]));
    }
    let overlap = overlap_seconds.map_or(OVERLAP, Duration::from_secs);
    let rotated =
        machine.endpoints.rotate((&caller.org, *id), secret.as_deref(), overlap, caller.label()).await;
    let (shown, secret) = rotated.map_err(refused)?;
    let body = told(&caller, &shown, secret.as_deref());
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(body))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    event: Option<EventKind>,
    data: Option<Map<String, Value>>,
}

async fn test(
    caller: Caller,
    machine: web::Data<Machine>,
    types: web::Data<EventTypes>,
    id: web::Path<EndpointId>,
    MaybeJson(body): MaybeJson<Object<Test>>,
) -> Result<HttpResponse, Problem> {
    let Test { event, data } = body.map(|Object(body)| body).unwrap_or_default();
    let kind = match event {
        Some(kind) => kind,
        None => EventKind::new("webhook.test").map_err(|error| Problem::internal(&error))?,
    };
    let data = match data {
        Some(data) => Value::Object(data),
        None => types.sample_of(&caller.org, &kind).await?.unwrap_or_else(|| json!({"message": TEST})),
    };
    let (delivery, attempt) = machine.resender.test(&caller.org, *id, kind, data).await.map_err(not_sent)?;
    let attempts = shown::attempts(&caller, &delivery, std::slice::from_ref(&attempt), &Hidden::default());
    Ok(HttpResponse::Ok().json(json!({
        "deliveryId": delivery.id,
        "delivered": delivery.status == DeliveryStatus::Delivered,
        "statusCode": attempt.status_code,
        "error": attempt.error,
        "body": delivery.body,
        "attempt": attempts.first(),
    })))
}

/// An endpoint as the caller may see it: the values of its headers are for those who run the organisation.
fn told(caller: &Caller, shown: &Shown, secret: Option<&str>) -> Value {
    let Shown { endpoint, headers, public_keys, secret_expires_at, health } = shown;
    let mut body = json!(endpoint);
    let Some(fields) = body.as_object_mut() else { return body };
    let sees = caller.rights().runs_the_organisation();
    let headers: Map<String, Value> = headers
        .iter()
        .map(|(name, value)| (name.clone(), if sees { value.as_str() } else { DOTS }.into()))
        .collect();
    fields.remove("headerNames");
    let (ca, certificate) = (fields.remove("ca"), fields.remove("clientCertificate"));
    let key = certificate.as_ref().map(|_| DOTS);
    let has_tls = ca.is_some() || key.is_some();
    let tls = json!({"ca": ca, "clientCertificate": certificate, "clientKey": key});
    fields.insert("tls".to_owned(), if has_tls { tls } else { Value::Null });
    fields.insert("publicKeys".to_owned(), json!(public_keys));
    for name in ["description", "filter", "template", "rateLimit", "concurrency", "retrySchedule"] {
        fields.entry(name).or_insert(Value::Null);
    }
    let breaker = if health.opened_at.is_some() { "open" } else { "closed" };
    let health =
        json!({"breaker": breaker, "failingSince": health.failing_since, "nextProbeAt": health.probe_at});
    fields.insert("headers".to_owned(), headers.into());
    fields.insert("secretExpiresAt".to_owned(), json!(secret_expires_at));
    fields.insert("health".to_owned(), health);
    fields.extend(secret.map(|secret| ("secret".to_owned(), secret.into())));
    body
}

pub(super) fn refused(error: EndpointError) -> Problem {
    match error {
        EndpointError::Invalid(problems) => {
            let details =
                problems.into_iter().map(|problem| Detail { path: problem.path, message: problem.message });
            Problem::invalid("the endpoint cannot be taken", details.collect())
        }
        EndpointError::Missing(id) => Problem::not_found(format!("there is no endpoint {id}")),
        EndpointError::TooMany => Problem::conflict("conflict", format!("failed to {error}")),
        EndpointError::Change(error) => error.into(),
    }
}
