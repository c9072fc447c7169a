//! Schedules: events and flows at times. What they are and may be is the machine's; here they are written, listed,
//! stopped and asked what comes next.

mod schema;

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use appengine_actors::form::problem::Problem as Wrong;
use appengine_actors::ids::ScheduleId;
use appengine_actors::machine::Machine;
use appengine_actors::schedule::book::ScheduleError;
use appengine_actors::schedule::draft::told;
use appengine_actors::schedule::model::{Schedule, Status};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::schema::{NextRuns, PreviewBody, ScheduleBody, SchedulePage, SchedulePatch, ScheduleRow};
use super::admit::Caller;
use super::paging::{self, LAST_PAGE};
use super::route::{Access, Route, id, one_of, whole};
use super::take::{Json, Params};
use crate::auth::role::Permission;
use crate::problem::{Detail, Problem};

const TAG: &str = "Schedules";
const PUBLISH: &str = "write:events";
const ADD: &str = "write:queues";
const STATUSES: [&str; 3] = ["active", "paused", "done"];
/// Times that a schedule is shown with.
const SHOWN: usize = 5;
/// The most times that are told at once.
const MOST: u32 = 100;
/// The same where nobody says.
const USUAL: u32 = 10;
/// What can be asked about a schedule.
const ONE: [&str; 7] = [
    "GET /schedules/{id}",
    "PATCH /schedules/{id}",
    "DELETE /schedules/{id}",
    "GET /schedules/{id}/next",
    "POST /schedules/{id}/pause",
    "POST /schedules/{id}/resume",
    "POST /schedules/{id}/run",
];

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let read = Access::Staff(Permission::Read, "read:automation");
    let create = Access::Staff(Permission::Create, "write:automation");
    let update = Access::Staff(Permission::Update, "write:automation");
    let delete = Access::Staff(Permission::Delete, "write:automation");
    let row = |route: Route, about| about_one(route, about).gives::<ScheduleRow>(StatusCode::OK);
    vec![
        Route::get("/schedules", read, list)
            .about(TAG, "Schedules, newest first")
            .query("status", one_of(&STATUSES), "schedules in one status only")
            .query("page", whole(1, LAST_PAGE), "from 1")
            .query("pageSize", whole(1, 500), "schedules on a page, 50 if not given")
            .gives::<SchedulePage>(StatusCode::OK)
            .leads(&[("id", "/data/0/id")], &ONE),
        Route::post("/schedules", create, make)
            .about(TAG, "Create a schedule: by a pattern, at an interval, or once")
            .takes::<ScheduleBody>()
            .gives::<ScheduleRow>(StatusCode::CREATED)
            .leads(&[("id", "/id")], &ONE),
        Route::post("/schedules/preview", read, preview)
            .about(TAG, "The next times of a pattern, an interval or a moment, without a schedule")
            .takes::<PreviewBody>()
            .gives::<NextRuns>(StatusCode::OK),
        row(Route::get("/schedules/{id}", read, get), "A schedule"),
        row(
            Route::new(Method::PUT, "/schedules/{id}", update, replace),
            "Replace what a schedule does; another time counts from now",
        )
        .takes::<ScheduleBody>(),
        row(
            Route::new(Method::PATCH, "/schedules/{id}", update, patch),
            "Change what the body names of a schedule; null takes away",
        )
        .takes::<SchedulePatch>(),
        about_one(Route::new(Method::DELETE, "/schedules/{id}", delete, remove), "Remove a schedule")
            .gives_object(StatusCode::OK),
        row(
            Route::post("/schedules/{id}/pause", update, pause),
            "Let a schedule rest; its times until it is resumed are missed",
        ),
        row(
            Route::post("/schedules/{id}/resume", update, resume),
            "Let a schedule go on; `missed` says what becomes of what it missed",
        ),
        row(Route::post("/schedules/{id}/run", update, run), "Have a schedule happen now, beside its plan"),
        about_one(Route::get("/schedules/{id}/next", read, next), "The next times of a schedule")
            .query("count", whole(1, MOST), "how many, 10 if not given")
            .gives::<NextRuns>(StatusCode::OK),
    ]
}

fn about_one(route: Route, about: &'static str) -> Route {
    route.about(TAG, about).part("id", id(ScheduleId::PREFIX))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListParams {
    status: Option<Status>,
    page: Option<usize>,
    page_size: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NextParams {
    count: Option<u32>,
}

async fn list(
    caller: Caller,
    machine: web::Data<Machine>,
    Params(params): Params<ListParams>,
) -> Result<HttpResponse, Problem> {
    let page = paging::read(params.page, params.page_size)?;
    let listed = machine.schedules.list(&caller.org, params.status, page.slice()).await?;
    Ok(HttpResponse::Ok().json(page.envelope(&listed, shown)))
}

async fn make(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(body): Json<Map<String, Value>>,
) -> Result<HttpResponse, Problem> {
    may_do(&caller, &body)?;
    let schedule = machine.schedules.create(&caller.org, &body, caller.label()).await?;
    Ok(HttpResponse::Created().json(shown(&schedule)))
}

async fn preview(
    machine: web::Data<Machine>,
    Json(mut body): Json<Map<String, Value>>,
) -> Result<HttpResponse, Problem> {
    let mut wrong = Vec::new();
    let count = match body.shift_remove("count").filter(|count| !count.is_null()) {
        None => USUAL,
        Some(count) => {
            let count = count.as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or_default();
            wrong.extend(bad_count(count));
            count
        }
    };
    let previewed = machine.schedules.preview(&body, usize::try_from(count).unwrap_or_default());
    let previewed = previewed.map_err(|problems| wrong.extend(problems.into_iter().map(detail)));
    match previewed {
        Ok((timing, next)) if wrong.is_empty() => {
            Ok(HttpResponse::Ok().json(json!({"timezone": timing.zone().as_str(), "nextRuns": next})))
        }
        _ => Err(Problem::invalid("there are no such times", wrong)),
    }
}

async fn get(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<ScheduleId>,
) -> Result<HttpResponse, Problem> {
    answer(machine.schedules.get(&caller.org, *id).await)
}

async fn replace(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<ScheduleId>,
    Json(body): Json<Map<String, Value>>,
) -> Result<HttpResponse, Problem> {
    may_do(&caller, &body)?;
    answer(machine.schedules.replace(&caller.org, *id, &body, caller.label()).await)
}

async fn patch(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<ScheduleId>,
    Json(body): Json<Map<String, Value>>,
) -> Result<HttpResponse, Problem> {
    may_do(&caller, &body)?;
    answer(machine.schedules.patch(&caller.org, *id, &body, caller.label()).await)
}

async fn remove(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<ScheduleId>,
) -> Result<HttpResponse, Problem> {
    machine.schedules.delete(&caller.org, *id, caller.label()).await?;
    Ok(HttpResponse::Ok().json(json!({"id": *id, "deleted": true})))
}

async fn pause(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<ScheduleId>,
) -> Result<HttpResponse, Problem> {
    answer(machine.schedules.pause(&caller.org, *id, caller.label()).await)
}

async fn resume(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<ScheduleId>,
) -> Result<HttpResponse, Problem> {
    answer(machine.schedules.resume(&caller.org, *id, caller.label()).await)
}

async fn run(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<ScheduleId>,
) -> Result<HttpResponse, Problem> {
    answer(machine.schedules.run(&caller.org, *id, caller.label()).await)
}

async fn next(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<ScheduleId>,
    Params(params): Params<NextParams>,
) -> Result<HttpResponse, Problem> {
    let count = params.count.unwrap_or(USUAL);
    if let Some(wrong) = bad_count(count) {
        return Err(Problem::invalid("the times cannot be told", vec![wrong]));
    }
    let schedule = machine.schedules.get(&caller.org, *id).await?;
    let next = schedule.next_runs(usize::try_from(count).unwrap_or_default());
    Ok(HttpResponse::Ok().json(json!({"timezone": schedule.timing.zone().as_str(), "nextRuns": next})))
}

/// A key that may not publish events, or add work, may have no schedule do it.
fn may_do(caller: &Caller, body: &Map<String, Value>) -> Result<(), Problem> {
    let Some(action) = body.get("action").filter(|action| !action.is_null()) else { return Ok(()) };
    let (does, scope) = match action["type"].as_str() {
        Some("flow") => return Ok(()),
        Some("job") => ("adds work", ADD),
        _ => ("publishes events", PUBLISH),
    };
    if caller.may_scope(scope) {
        return Ok(());
    }
    let message = format!("{does}, which takes a key with the scope `{scope}`");
    Err(Problem::forbidden("the schedule cannot be saved", vec![Detail { path: "action".into(), message }]))
}

fn bad_count(count: u32) -> Option<Detail> {
    let message = format!("must be 1 to {MOST}");
    (!(1..=MOST).contains(&count)).then(|| Detail { path: "count".into(), message })
}

fn answer(schedule: Result<Schedule, ScheduleError>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(shown(&schedule?)))
}

/// A schedule as clients see it.
fn shown(schedule: &Schedule) -> Value {
    let mut row = Map::new();
    row.insert("id".to_owned(), json!(schedule.id));
    row.insert("name".to_owned(), json!(schedule.name));
    row.extend(told(&schedule.timing));
    let rest = json!({
        "action": schedule.action,
        "missed": schedule.missed,
        "missedLimit": schedule.missed_limit,
        "status": schedule.status,
        "lastRun": schedule.last_run,
        "lastScheduledAt": schedule.last_scheduled_at,
        "nextRun": schedule.next_run(),
        "nextRuns": schedule.next_runs(SHOWN),
        "runs": schedule.runs,
        "leftOut": schedule.left_out,
        "lastError": schedule.last_error,
        "flowId": schedule.owner.as_ref().map(|owner| &owner.flow),
        "triggerId": schedule.owner.as_ref().map(|owner| &owner.trigger),
        "createdAt": schedule.created_at,
        "updatedAt": schedule.updated_at,
        "updatedBy": schedule.updated_by,
    });
    if let Value::Object(rest) = rest {
        row.extend(rest);
    }
    Value::Object(row)
}

fn detail(wrong: Wrong) -> Detail {
    Detail { path: wrong.path, message: wrong.message }
}

impl From<ScheduleError> for Problem {
    fn from(error: ScheduleError) -> Self {
        let message = format!("failed to {error}");
        match error {
            ScheduleError::Invalid(problems) => {
                Self::invalid("the schedule cannot work", problems.into_iter().map(detail).collect())
            }
            ScheduleError::Missing(_) => Self::not_found(message),
            ScheduleError::Owned { .. } | ScheduleError::Done(_) | ScheduleError::Idle { .. } => {
                Self::conflict("conflict", message)
            }
            ScheduleError::Change(error) => error.into(),
        }
    }
}
