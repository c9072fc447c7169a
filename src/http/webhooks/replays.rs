//! Replays: many deliveries sent again, or for the first time, as a job of its own.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::clock::Timestamp;
use appengine_actors::event::pattern::key_of;
use appengine_actors::ids::{EndpointId, ReplayId};
use appengine_actors::machine::Machine;
use appengine_actors::webhook::replay::book::ReplayError;
use appengine_actors::webhook::replay::{FASTEST, Outcome, Replay, ReplayStatus, Scope, USUAL_RATE};
use serde::Deserialize;
use serde_json::{Value, json};

use super::schema::{RecoverBody, ReplayBody};
use super::{SEND, Setting, TAG};
use crate::auth::role::Permission;
use crate::http::admit::Caller;
use crate::http::paging::{LAST_PAGE, PageParams};
use crate::http::route::{Access, Route, id, whole};
use crate::http::take::{Json, MaybeJson, Object, Params};
use crate::problem::{Detail, Problem};

/// The routes of this part of the chapter.
pub(super) fn routes() -> Vec<Route> {
    let read = Access::Staff(Permission::Read, "read:webhooks");
    let set = |path, handler: fn(Caller, web::Data<Machine>, web::Path<ReplayId>) -> Setting, about| {
        Route::post(path, SEND, handler)
            .about(TAG, about)
            .part("id", id(ReplayId::PREFIX))
            .gives_object(StatusCode::OK)
    };
    vec![
        Route::post("/webhooks/endpoints/{id}/recover", SEND, recover)
            .about(TAG, "Send an endpoint what failed, or was missed, since a time")
            .part("id", id(EndpointId::PREFIX))
            .takes::<RecoverBody>()
            .gives_object(StatusCode::ACCEPTED),
        Route::post("/webhooks/endpoints/{id}/replay", SEND, replay_to)
            .about(TAG, "Send an endpoint again what it was owed, by any filter; a dry run only counts")
            .part("id", id(EndpointId::PREFIX))
            .may_take::<ReplayBody>()
            .gives_object(StatusCode::ACCEPTED)
            .also(StatusCode::OK, "a dry run"),
        Route::post("/webhooks/replays", SEND, replay)
            .about(
                TAG,
                "Send again what one endpoint or all of them were owed, by any filter; a dry run only counts",
            )
            .takes::<ReplayBody>()
            .gives_object(StatusCode::ACCEPTED)
            .also(StatusCode::OK, "a dry run")
            .leads(&[("id", "/id")], &["GET /webhooks/replays/{id}", "POST /webhooks/replays/{id}/pause"]),
        Route::get("/webhooks/replays", read, list)
            .about(TAG, "Replays, newest first")
            .query("page", whole(1, LAST_PAGE), "from 1")
            .query("pageSize", whole(1, 500), "replays on a page, 50 if not given")
            .gives_object(StatusCode::OK),
        Route::get("/webhooks/replays/{id}", read, get)
            .about(TAG, "A replay and how far it came")
            .part("id", id(ReplayId::PREFIX))
            .gives_object(StatusCode::OK),
        set(
            "/webhooks/replays/{id}/pause",
            |c, m, i| Box::pin(set_to(c, m, i, ReplayStatus::Paused)),
            "Let a replay rest",
        ),
        set(
            "/webhooks/replays/{id}/resume",
            |c, m, i| Box::pin(set_to(c, m, i, ReplayStatus::Running)),
            "Let a replay go on",
        ),
        set(
            "/webhooks/replays/{id}/cancel",
            |c, m, i| Box::pin(set_to(c, m, i, ReplayStatus::Cancelled)),
            "Call a replay off; what it has made due stays so",
        ),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Recover {
    since: Timestamp,
    until: Option<Timestamp>,
    rate: Option<f64>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    endpoint_id: Option<EndpointId>,
    events: Option<Vec<String>>,
    key: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    outcome: Option<Vec<Outcome>>,
    rate: Option<f64>,
    #[serde(default)]
    dry_run: bool,
}

async fn recover(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<EndpointId>,
    Json(Object(body)): Json<Object<Recover>>,
) -> Result<HttpResponse, Problem> {
    let Recover { since, until, rate, dry_run } = body;
    let outcome = Some(vec![Outcome::Failed, Outcome::Dead, Outcome::Missed]);
    let wanted = Wanted {
        endpoint_id: Some(*id),
        from: Some(since),
        to: until,
        outcome,
        rate,
        dry_run,
        ..Wanted::default()
    };
    start(&caller, &machine, wanted).await
}

async fn replay_to(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<EndpointId>,
    MaybeJson(body): MaybeJson<Object<Wanted>>,
) -> Result<HttpResponse, Problem> {
    let wanted = body.map(|Object(body)| body).unwrap_or_default();
    if wanted.endpoint_id.is_some_and(|named| named != *id) {
        let detail =
            Detail { path: "endpointId".into(), message: "is another endpoint than that of the path".into() };
        return Err(Problem::invalid("the replay cannot be started", vec![detail]));
    }
    start(&caller, &machine, Wanted { endpoint_id: Some(*id), ..wanted }).await
}

async fn replay(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(Object(wanted)): Json<Object<Wanted>>,
) -> Result<HttpResponse, Problem> {
    start(&caller, &machine, wanted).await
}

async fn start(caller: &Caller, machine: &Machine, wanted: Wanted) -> Result<HttpResponse, Problem> {
    let (rate, dry_run) = (wanted.rate.unwrap_or(USUAL_RATE), wanted.dry_run);
    let mut wrong = Vec::new();
    if !(0.01..=FASTEST).contains(&rate) {
        wrong.push(Detail {
            path: "rate".into(),
            message: format!("must be 0.01 to {FASTEST} deliveries a second"),
        });
    }
    let scope = scope(wanted, machine.house.clock.now(), &mut wrong);
    if !wrong.is_empty() {
        return Err(Problem::invalid("the replay cannot be started", wrong));
    }
    if dry_run {
        let count = machine.replays.count(&caller.org, &scope).await.map_err(refused)?;
        let body = json!({
            "dryRun": true, "events": count.looked, "deliveries": count.found.values().sum::<u64>(),
            "byOutcome": by_outcome(&count.found), "more": count.more,
        });
        return Ok(HttpResponse::Ok().json(body));
    }
    let started = machine.replays.start(&caller.org, scope, rate, caller.label()).await;
    Ok(HttpResponse::Accepted().json(told(&started.map_err(refused)?)))
}

fn scope(wanted: Wanted, now: Timestamp, wrong: &mut Vec<Detail>) -> Scope {
    let events = wanted.events.unwrap_or_else(|| vec!["*".to_owned()]);
    if events.is_empty() || events.len() > 100 {
        wrong.push(Detail { path: "events".into(), message: "must have 1 to 100 patterns".into() });
    }
    for (at, pattern) in events.iter().enumerate().filter(|(_, pattern)| key_of(pattern).is_none()) {
        let message = format!("`{pattern}` is no pattern of events, such as `order.paid`, `order.*` or `*`");
        wrong.push(Detail { path: format!("events[{at}]"), message });
    }
    if wanted.key.as_ref().is_some_and(|key| key.is_empty() || key.chars().count() > 256) {
        wrong.push(Detail { path: "key".into(), message: "must have 1 to 256 characters".into() });
    }
    let (from, to) = (wanted.from.unwrap_or_default(), wanted.to.unwrap_or(now));
    if from > to {
        wrong.push(Detail { path: "from".into(), message: "must not be after `to`".into() });
    }
    let outcome = wanted.outcome.unwrap_or_else(|| Outcome::ALL.to_vec());
    if outcome.is_empty() {
        wrong.push(Detail { path: "outcome".into(), message: "must name one at least".into() });
    }
    // What becomes known while it runs is not for it: then it would never end.
    Scope { endpoint_id: wanted.endpoint_id, events, key: wanted.key, from, to: to.min(now), outcome }
}

async fn list(
    caller: Caller,
    machine: web::Data<Machine>,
    Params(params): Params<PageParams>,
) -> Result<HttpResponse, Problem> {
    let page = params.read()?;
    let listed = machine.replays.list(&caller.org, page.slice()).await.map_err(refused)?;
    Ok(HttpResponse::Ok().json(page.envelope(&listed, told)))
}

async fn get(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<ReplayId>,
) -> Result<HttpResponse, Problem> {
    let replay = machine.replays.get(&caller.org, *id).await.map_err(refused)?;
    Ok(HttpResponse::Ok().json(told(&replay)))
}

async fn set_to(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<ReplayId>,
    status: ReplayStatus,
) -> Result<HttpResponse, Problem> {
    let replay = machine.replays.set(&caller.org, *id, status).await.map_err(refused)?;
    Ok(HttpResponse::Ok().json(told(&replay)))
}

/// A replay with its progress: how much of its time it has behind it.
fn told(replay: &Replay) -> Value {
    let mut body = json!(replay);
    let Some(fields) = body.as_object_mut() else { return body };
    fields.remove("at");
    let progress = if replay.status == ReplayStatus::Completed { 1.0 } else { share(replay) };
    fields.insert("progress".to_owned(), progress.into());
    fields.insert("deliveries".to_owned(), replay.sent.values().sum::<u64>().into());
    fields.insert("sent".to_owned(), by_outcome(&replay.sent));
    body
}

#[expect(clippy::cast_precision_loss, reason = "a share is read by people")]
fn share(replay: &Replay) -> f64 {
    let Some(reached) = replay.reached else { return 0.0 };
    let whole = replay.scope.to.since(replay.scope.from).as_millis() as f64;
    let done = reached.since(replay.scope.from).as_millis() as f64;
    if whole > 0.0 { (done / whole * 1e3).round() / 1e3 } else { 0.0 }
}

fn by_outcome(counts: &BTreeMap<Outcome, u64>) -> Value {
    json!(counts)
}

fn refused(error: ReplayError) -> Problem {
    match error {
        ReplayError::Missing(id) => Problem::not_found(format!("there is no replay {id}")),
        ReplayError::NoEndpoint(id) => Problem::not_found(format!("there is no endpoint {id}")),
        ReplayError::Disabled(_) | ReplayError::TooMany | ReplayError::Ended(_) => {
            Problem::conflict("conflict", format!("failed to {error}"))
        }
        ReplayError::Store(error) => error.into(),
    }
}
