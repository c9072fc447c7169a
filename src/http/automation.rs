//! Automation: flows in both of the contract's spellings, their runs, and starting them by hand.

mod config;
mod execute;
mod parts;
pub mod records;
mod runs;
mod schema;

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use appengine_actors::flow::book::{FlowError, Flows, Saver};
use appengine_actors::flow::definition::FlowStatus;
use appengine_actors::flow::runner::RunFault;
use appengine_actors::ids::RecordId;
use appengine_actors::machine::Machine;
use appengine_actors::record::model::Record;
use appengine_actors::record::service::WriteError;
use appengine_actors::webhook::secrets::signing_secret;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::schema::{Flow, FlowBody, FlowPatch};
use super::admit::{Caller, allow};
use super::repository::schema::RecordPage;
use super::route::{Access, Route, whole};
use super::take::{Json, Params};
use super::webhooks;
use crate::auth::role::Permission;
use crate::problem::{Detail, Problem};

const TAG: &str = "Automation";

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let read = Access::Staff(Permission::Read, "read:automation");
    let create = Access::Staff(Permission::Create, "write:automation");
    let update = Access::Staff(Permission::Update, "write:automation");
    let delete = Access::Staff(Permission::Delete, "write:automation");
    let mut routes = vec![
        Route::post("/automation/flows/create", create, create_flow)
            .about(TAG, "Create a flow, in the short or the canonical form; it listens at once")
            .takes::<FlowBody>()
            .gives::<Flow>(StatusCode::CREATED)
            .leads(&[("id", "/id")], &ONE),
        Route::post("/automation", create, create_flow)
            .about(TAG, "Create a flow, in the short or the canonical form")
            .takes::<FlowBody>()
            .gives::<Flow>(StatusCode::CREATED)
            .leads(&[("id", "/id")], &ONE),
        Route::get("/automation", read, list)
            .about(TAG, "The flows")
            .query("page", whole(1, 1_000_000), "from 1")
            .query("pageSize", whole(1, 1000), "flows on a page, 50 if not given")
            .gives::<RecordPage>(StatusCode::OK),
    ];
    routes.extend(runs::routes());
    // The seed's spelling of a flow answers for each (contract §14).
    for [flow, active, inactive, copies, versions, start] in [
        [
            "/automation/{id}",
            "/automation/{id}/activate",
            "/automation/{id}/deactivate",
            "/automation/{id}/duplicate",
            "/automation/{id}/versions",
            "/automation/{id}/execute",
        ],
        [
            "/automation/flows/{id}",
            "/automation/flows/{id}/activate",
            "/automation/flows/{id}/deactivate",
            "/automation/flows/{id}/duplicate",
            "/automation/flows/{id}/versions",
            "/automation/flows/{id}/execute",
        ],
    ] {
        routes.extend([
            Route::get(flow, read, get).about(TAG, "A flow").gives::<Flow>(StatusCode::OK),
            Route::new(Method::PUT, flow, update, replace)
                .about(TAG, "Replace a flow; runs under way follow the version that they began with")
                .takes::<FlowBody>()
                .gives::<Flow>(StatusCode::OK),
            Route::new(Method::PATCH, flow, update, patch)
                .about(TAG, "Change what the body names of a flow; null takes away")
                .takes::<FlowPatch>()
                .gives::<Flow>(StatusCode::OK),
            Route::new(Method::DELETE, flow, delete, archive)
                .about(TAG, "Archive a flow: it no longer listens")
                .gives::<Flow>(StatusCode::OK),
            Route::post(active, update, activate)
                .about(TAG, "Let a flow listen")
                .gives::<Flow>(StatusCode::OK),
            Route::post(inactive, update, deactivate)
                .about(TAG, "Let a flow rest")
                .gives::<Flow>(StatusCode::OK),
            Route::post(copies, create, duplicate)
                .about(TAG, "Make a draft that does what a flow does")
                .gives::<Flow>(StatusCode::CREATED),
            Route::get(versions, read, runs::versions)
                .about(TAG, "What a flow was, newest first")
                .query("page", whole(1, runs::LAST_PAGE), "from 1")
                .query("pageSize", whole(1, 500), "versions on a page, 50 if not given")
                .gives_object(StatusCode::OK),
            execute::route(start, create),
        ]);
    }
    routes
}

/// What can be done with a flow.
const ONE: [&str; 6] = [
    "GET /automation/{id}",
    "PUT /automation/{id}",
    "DELETE /automation/{id}",
    "POST /automation/{id}/activate",
    "POST /automation/{id}/deactivate",
    "POST /automation/{id}/execute",
];
/// Where a run may stand.
const STATUSES: [&str; 6] = ["pending", "running", "waiting", "completed", "failed", "cancelled"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListParams {
    page: Option<u64>,
    page_size: Option<u64>,
}

async fn create_flow(
    caller: Caller,
    flows: web::Data<Flows>,
    machine: web::Data<Machine>,
    Json(body): Json<Value>,
) -> Result<HttpResponse, Problem> {
    let record = flows.create(&caller.org, &body, saver(&caller)).await?;
    let mut shown = shown(&record);
    // What its webhooks are signed with, so that their receiver can be set up from this answer.
    if allow(webhooks::SECRET, &caller).is_ok() {
        let secret = signing_secret(&machine.house, &caller.org).await?;
        if let Some(fields) = shown.as_object_mut() {
            fields.insert("webhookSecret".to_owned(), Value::from(secret.reveal()));
        }
    }
    Ok(HttpResponse::Created().json(shown))
}

async fn list(
    caller: Caller,
    records: web::Data<appengine_actors::record::service::Records>,
    machine: web::Data<Machine>,
    Params(params): Params<ListParams>,
) -> Result<HttpResponse, Problem> {
    let options = json!({"page": params.page.unwrap_or(1), "pageSize": params.page_size.unwrap_or(50)});
    super::repository::find_page(&caller, &records, &machine, "automation", &json!({}), &options)
        .await
        .map(|page| HttpResponse::Ok().json(page))
}

async fn get(
    caller: Caller,
    flows: web::Data<Flows>,
    id: web::Path<RecordId>,
) -> Result<HttpResponse, Problem> {
    let (read, _) = flows.read(&caller.org, &id).await?;
    Ok(HttpResponse::Ok().json(shown(&read.record)))
}

async fn replace(
    caller: Caller,
    flows: web::Data<Flows>,
    id: web::Path<RecordId>,
    Json(body): Json<Value>,
) -> Result<HttpResponse, Problem> {
    let record = flows.replace(&caller.org, &id, &body, saver(&caller)).await?;
    Ok(HttpResponse::Ok().json(shown(&record)))
}

async fn patch(
    caller: Caller,
    flows: web::Data<Flows>,
    id: web::Path<RecordId>,
    Json(body): Json<Map<String, Value>>,
) -> Result<HttpResponse, Problem> {
    let record = flows.patch(&caller.org, &id, &body, saver(&caller)).await?;
    Ok(HttpResponse::Ok().json(shown(&record)))
}

async fn duplicate(
    caller: Caller,
    flows: web::Data<Flows>,
    id: web::Path<RecordId>,
) -> Result<HttpResponse, Problem> {
    let record = flows.duplicate(&caller.org, &id, saver(&caller)).await?;
    Ok(HttpResponse::Created().json(shown(&record)))
}

async fn archive(
    caller: Caller,
    flows: web::Data<Flows>,
    id: web::Path<RecordId>,
) -> Result<HttpResponse, Problem> {
    set_status(&caller, &flows, &id, FlowStatus::Archived).await
}

async fn activate(
    caller: Caller,
    flows: web::Data<Flows>,
    id: web::Path<RecordId>,
) -> Result<HttpResponse, Problem> {
    set_status(&caller, &flows, &id, FlowStatus::Active).await
}

async fn deactivate(
    caller: Caller,
    flows: web::Data<Flows>,
    id: web::Path<RecordId>,
) -> Result<HttpResponse, Problem> {
    set_status(&caller, &flows, &id, FlowStatus::Inactive).await
}

async fn set_status(
    caller: &Caller,
    flows: &Flows,
    id: &RecordId,
    status: FlowStatus,
) -> Result<HttpResponse, Problem> {
    let record = flows.set_status(&caller.org, id, status, saver(caller)).await?;
    Ok(HttpResponse::Ok().json(shown(&record)))
}

/// Who saves a flow: by what the gate knows of them, never by what they say.
fn saver(caller: &Caller) -> Saver<'_> {
    Saver { name: caller.label(), rights: caller.rights() }
}

/// A flow as clients see it: the record, with its id where the contract's samples have it.
fn shown(record: &Record) -> Value {
    let mut body = record.to_json();
    if let Some(fields) = body.as_object_mut() {
        fields.insert("id".to_owned(), json!(record.sk));
    }
    body
}

fn details(problems: Vec<appengine_actors::form::problem::Problem>) -> Vec<Detail> {
    problems.into_iter().map(|p| Detail { path: p.path, message: p.message }).collect()
}

impl From<FlowError> for Problem {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Invalid(problems) => Self::invalid("the flow cannot work", details(problems)),
            FlowError::Forbidden(problems) => Self::forbidden("the flow cannot be saved", details(problems)),
            FlowError::Missing(_) | FlowError::NoRun(_) => Self::not_found(format!("failed to {error}")),
            FlowError::NoStep(_) => Self::bad_request("no_such_step", format!("failed to {error}")),
            FlowError::Archived(_) => Self::conflict("archived", format!("failed to {error}")),
            FlowError::KeyReused(_) => Self::conflict("idempotency_key_reused", format!("failed to {error}")),
            FlowError::Write(error) => error.into(),
            FlowError::Run(RunFault::Store(error)) => error.into(),
            FlowError::Run(RunFault::Commit(error)) => error.into(),
            FlowError::Run(error) => Self::unavailable(format!("failed to {error}")),
        }
    }
}

impl From<WriteError> for Problem {
    fn from(error: WriteError) -> Self {
        let message = format!("failed to {error}");
        match error {
            WriteError::Missing { .. } => Self::not_found(message),
            WriteError::Version { .. } => Self::conflict("version_conflict", message),
            WriteError::Refused(why) => Self::bad_request("invalid", format!("failed to {why}")),
            WriteError::Change(error) => error.into(),
        }
    }
}
