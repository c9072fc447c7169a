//! Why an event was, or was not, delivered.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::event::Event;
use appengine_actors::ids::{EndpointId, EventId};
use appengine_actors::list::Slice;
use appengine_actors::log::EventLog;
use appengine_actors::machine::Machine;
use appengine_actors::trace::{TraceBody, TraceNode, Traces};
use appengine_actors::webhook::endpoint::Endpoint;
use appengine_actors::webhook::explain::explain;
use serde::Deserialize;
use serde_json::{Value, json};

use super::TAG;
use super::endpoints::refused;
use crate::auth::role::Permission;
use crate::http::admit::Caller;
use crate::http::route::{Access, Route, id};
use crate::http::shown::{self, Hidden};
use crate::http::take::Params;
use crate::problem::Problem;

/// Endpoints that are explained at once, where none is named.
const MOST: usize = 100;

/// The route of this part of the chapter.
pub(super) fn route() -> Route {
    Route::get("/events/{id}/explain", Access::Staff(Permission::Read, "read:webhooks"), get)
        .about(TAG, "Why an event was, or was not, delivered: every gate on its way, in words")
        .part("id", id(EventId::PREFIX))
        .query(
            "endpointId",
            id(EndpointId::PREFIX),
            "the way to this endpoint; to each, and through flows, if not given",
        )
        .gives_object(StatusCode::OK)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    endpoint_id: Option<EndpointId>,
}

async fn get(
    caller: Caller,
    machine: web::Data<Machine>,
    log: web::Data<EventLog>,
    traces: web::Data<Traces>,
    id: web::Path<EventId>,
    Params(asked): Params<Asked>,
) -> Result<HttpResponse, Problem> {
    let event = log.get(&caller.org, *id).await?;
    let event = event.ok_or_else(|| Problem::not_found(format!("there is no event {id}")))?;
    let hidden = Hidden::of(&caller, &log, [Some(event.id)]).await?;
    let mut body = json!({"event": shown::event(&caller, &event)});
    let endpoints = match asked.endpoint_id {
        Some(id) => vec![machine.endpoints.read(&caller.org, id).await.map_err(refused)?.0],
        None => {
            machine.endpoints.list(&caller.org, Slice { skip: 0, limit: MOST }).await.map_err(refused)?.rows
        }
    };
    let mut ways = Vec::new();
    for endpoint in &endpoints {
        ways.push(way(&caller, &machine, &event, endpoint, &hidden).await?);
    }
    let Some(fields) = body.as_object_mut() else { return Err(Problem::internal(&"no object")) };
    if asked.endpoint_id.is_some() {
        if let Some(Value::Object(way)) = ways.pop() {
            fields.extend(way);
        }
    } else {
        fields.insert("endpoints".to_owned(), ways.into());
        let trace = traces.of(&caller.org, event.id).await?;
        let flows = trace.map(|trace| trace.root.children.iter().filter_map(flow).collect::<Vec<_>>());
        fields.insert("flows".to_owned(), flows.unwrap_or_default().into());
    }
    Ok(HttpResponse::Ok().json(body))
}

async fn way(
    caller: &Caller,
    machine: &Machine,
    event: &Event,
    endpoint: &Endpoint,
    hidden: &Hidden,
) -> Result<Value, Problem> {
    let explained = explain(machine.house.store.as_ref(), event, endpoint).await?;
    let delivery = explained.delivery.as_ref();
    let (mut answer, mut gates) = (explained.answer, explained.gates);
    if let Some(delivery) = delivery.filter(|_| hidden.has(Some(event.id))) {
        // What a receiver answers may repeat what it was told.
        answer = format!("its delivery is {}", delivery.status);
        gates.retain(|gate| gate.gate != "attempts");
    }
    Ok(json!({
        "endpointId": endpoint.id,
        "url": endpoint.url,
        "status": endpoint.status,
        "answer": answer,
        "gates": gates,
        "delivery": delivery.map(|delivery| shown::delivery(caller, delivery, hidden)),
        "attempts": delivery.map(|delivery| shown::attempts(caller, delivery, &explained.attempts, hidden)),
    }))
}

/// What a flow made of the event: where its run stands, which steps it took and what it ordered.
fn flow(node: &TraceNode) -> Option<Value> {
    let TraceBody::Run { run, steps } = &node.body else { return None };
    let taken: Vec<Value> =
        steps.iter().map(|step| json!({"step": step.step_id, "status": step.status})).collect();
    let deliveries: Vec<Value> = node.children.iter().filter_map(delivery).collect();
    Some(json!({
        "automationId": run.automation_id, "executionId": run.id, "status": run.status, "steps": taken,
        "deliveries": deliveries,
    }))
}

fn delivery(node: &TraceNode) -> Option<Value> {
    let TraceBody::Delivery { delivery, .. } = &node.body else { return None };
    Some(json!({"id": delivery.id, "status": delivery.status, "attempts": delivery.attempts}))
}
