//! Automation: flows in both of the contract's spellings, their runs, and starting them by hand.

mod config;
mod schema;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::flow::book::{Execution, FlowError, Flows};
use appengine_actors::flow::definition::FlowStatus;
use appengine_actors::flow::run::{Run, RunStatus, StepRecord, StepStatus};
use appengine_actors::flow::runner::RunFault;
use appengine_actors::ids::{RecordId, RunId};
use appengine_actors::machine::Machine;
use appengine_actors::record::model::Record;
use appengine_actors::record::service::WriteError;
use appengine_actors::webhook::secrets::signing_secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use self::schema::{Flow, FlowBody, RunPage};
use super::admit::Caller;
use super::repository::schema::{RECORD_ID, RecordPage};
use super::route::{Access, Route, id, one_of, text, whole};
use super::take::{Json, MaybeJson, Object, Params};
use crate::auth::role::Permission;
use crate::config::Config;
use crate::problem::{Detail, Problem};

const TAG: &str = "Automation";

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let read = Access::Staff(Permission::Read, "read:automation");
    let create = Access::Staff(Permission::Create, "write:automation");
    let update = Access::Staff(Permission::Update, "write:automation");
    let delete = Access::Staff(Permission::Delete, "write:automation");
    vec![
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
        Route::get("/automation/executions", read, runs)
            .about(TAG, "Runs, newest first")
            .query("automationId", text(RECORD_ID), "runs of one flow only")
            .query("status", one_of(&STATUSES), "runs in one status only")
            .query("before", id(RunId::PREFIX), "runs older than this one")
            .query("pageSize", whole(1, 500), "runs on a page, 50 if not given")
            .gives::<RunPage>(StatusCode::OK)
            .leads(&[("id", "/data/0/id")], &["GET /automation/executions/{id}"]),
        Route::get("/automation/executions/{id}", read, run)
            .about(TAG, "A run: every step with input, output, attempts and timings")
            .part("id", id(RunId::PREFIX))
            .gives::<schema::Run>(StatusCode::OK),
        Route::get("/automation/{id}", read, get).about(TAG, "A flow").gives::<Flow>(StatusCode::OK),
        Route::get("/automation/flows/{id}", read, get).about(TAG, "A flow").gives::<Flow>(StatusCode::OK),
        Route::new(actix_web::http::Method::PUT, "/automation/{id}", update, replace)
            .about(TAG, "Replace a flow; runs under way follow the version that they began with")
            .takes::<FlowBody>()
            .gives::<Flow>(StatusCode::OK),
        Route::new(actix_web::http::Method::DELETE, "/automation/{id}", delete, archive)
            .about(TAG, "Archive a flow: it no longer listens")
            .gives::<Flow>(StatusCode::OK),
        Route::post("/automation/{id}/activate", update, activate)
            .about(TAG, "Let a flow listen")
            .gives::<Flow>(StatusCode::OK),
        Route::post("/automation/{id}/deactivate", update, deactivate)
            .about(TAG, "Let a flow rest")
            .gives::<Flow>(StatusCode::OK),
        Route::post("/automation/{id}/execute", create, execute)
            .about(TAG, "Start a flow by hand, with real effects, and wait for it to pause or end")
            .may_take::<ExecuteBody>()
            .gives::<ExecutionResult>(StatusCode::OK)
            .leads(&[("id", "/executionId")], &["GET /automation/executions/{id}"]),
        Route::post("/automation/flows/{id}/execute", create, execute)
            .about(TAG, "Start a flow by hand, with real effects, and wait for it to pause or end")
            .may_take::<ExecuteBody>()
            .gives::<ExecutionResult>(StatusCode::OK)
            .leads(&[("id", "/executionId")], &["GET /automation/executions/{id}"]),
    ]
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

/// What somebody who starts a flow gives it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExecuteBody {
    /// What placeholders see.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    variables: Option<Map<String, Value>>,
    /// The seed's word for the same.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
    /// Where to begin, if not at the first step.
    start_step_id: Option<String>,
    /// Accepted for the contract's sake: runs get their ids here.
    #[expect(dead_code, reason = "accepted and not used")]
    execution_id: Option<String>,
    /// Who started it, for the history; the caller when left out.
    executed_by: Option<String>,
}

/// How a run that was started by hand went (contract §4.2).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExecutionResult {
    /// Whether nothing failed so far.
    success: bool,
    /// The run.
    #[schema(value_type = String)]
    execution_id: RunId,
    /// Where it stands: it may have paused, or still be under way.
    #[schema(value_type = String)]
    status: RunStatus,
    /// Steps taken, in order.
    completed_steps: Vec<String>,
    /// Steps in the flow.
    total_steps: usize,
    /// What happened, step by step.
    logs: Vec<LogLine>,
    /// When it began.
    #[schema(value_type = Option<String>)]
    started_at: Option<appengine_actors::clock::Timestamp>,
    /// When it ended; none while it has not.
    #[schema(value_type = Option<String>)]
    completed_at: Option<appengine_actors::clock::Timestamp>,
    /// What stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A line of a run's log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LogLine {
    /// `info` or `error`.
    level: &'static str,
    /// In words.
    message: String,
    /// The step.
    step_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RunsParams {
    automation_id: Option<RecordId>,
    status: Option<RunStatus>,
    before: Option<RunId>,
    page_size: Option<usize>,
}

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
    let record = flows.create(&caller.org, &body, caller.label()).await?;
    let mut shown = shown(&record);
    let secret = signing_secret(&machine.house, &caller.org).await?;
    if let Some(fields) = shown.as_object_mut() {
        // What its webhooks are signed with, so that their receiver can be set up from this answer.
        fields.insert("webhookSecret".to_owned(), Value::from(secret.reveal()));
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
    let record = flows.replace(&caller.org, &id, &body, caller.label()).await?;
    Ok(HttpResponse::Ok().json(shown(&record)))
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
    let record = flows.set_status(&caller.org, id, status, caller.label()).await?;
    Ok(HttpResponse::Ok().json(shown(&record)))
}

async fn execute(
    caller: Caller,
    flows: web::Data<Flows>,
    config: web::Data<Config>,
    id: web::Path<RecordId>,
    MaybeJson(body): MaybeJson<Object<ExecuteBody>>,
) -> Result<HttpResponse, Problem> {
    let body = body.map(|Object(body)| body).unwrap_or_default();
    let mut variables = body.context.unwrap_or_default();
    variables.extend(body.variables.unwrap_or_default());
    let by = body.executed_by.unwrap_or_else(|| caller.label().to_owned());
    let execution = Execution { variables, start_step: body.start_step_id, by: Some(by) };
    let wait = config.flows.execute_wait.get();
    let run = flows.execute(&caller.org, &id, execution, wait).await?;
    let (run, steps) = flows.run(&caller.org, run.id).await?;
    Ok(HttpResponse::Ok().json(result(run, &steps)))
}

async fn runs(
    caller: Caller,
    flows: web::Data<Flows>,
    Params(params): Params<RunsParams>,
) -> Result<HttpResponse, Problem> {
    let size = params.page_size.unwrap_or(50);
    if !(1..=500).contains(&size) {
        let detail = Detail { path: "pageSize".into(), message: "must be 1 to 500".into() };
        return Err(Problem::invalid("the runs cannot be listed", vec![detail]));
    }
    let flow = params.automation_id.as_ref();
    let mut runs = flows.runs(&caller.org, flow, params.status, params.before, size + 1).await?;
    let has_next = runs.len() > size;
    runs.truncate(size);
    Ok(HttpResponse::Ok().json(json!({"data": runs, "pageSize": size, "hasNext": has_next})))
}

async fn run(caller: Caller, flows: web::Data<Flows>, id: web::Path<RunId>) -> Result<HttpResponse, Problem> {
    let (run, steps) = flows.run(&caller.org, *id).await?;
    let mut body = json!(run);
    if let Some(fields) = body.as_object_mut() {
        fields.insert("steps".to_owned(), json!(steps));
    }
    Ok(HttpResponse::Ok().json(body))
}

/// A flow as clients see it: the record, with its id where the contract's samples have it.
fn shown(record: &Record) -> Value {
    let mut body = record.to_json();
    if let Some(fields) = body.as_object_mut() {
        fields.insert("id".to_owned(), json!(record.sk));
    }
    body
}

fn result(run: Run, steps: &[StepRecord]) -> ExecutionResult {
    let line = |step: &StepRecord| {
        let passed = step.output.get("passed").and_then(Value::as_bool);
        let message = match (step.status, passed, &step.error) {
            (StepStatus::Failed, _, Some(error)) => error.clone(),
            (StepStatus::Completed, Some(passed), _) => format!("Condition {} → {passed}", step.step_id),
            (StepStatus::Skipped, ..) => format!("{} is switched off", step.name),
            _ => format!("{} done", step.name),
        };
        let level = if step.status == StepStatus::Failed { "error" } else { "info" };
        LogLine { level, message, step_id: step.step_id.clone() }
    };
    ExecutionResult {
        success: !matches!(run.status, RunStatus::Failed | RunStatus::Cancelled),
        execution_id: run.id,
        status: run.status,
        total_steps: run.total_steps,
        logs: steps.iter().map(line).collect(),
        started_at: run.started_at,
        completed_at: run.completed_at,
        error: run.error.map(|error| error.message),
        completed_steps: run.completed_steps,
    }
}

impl From<FlowError> for Problem {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Invalid(problems) => {
                let details = problems.into_iter().map(|p| Detail { path: p.path, message: p.message });
                Self::invalid("the flow cannot work", details.collect())
            }
            FlowError::Missing(_) | FlowError::NoRun(_) => Self::not_found(format!("failed to {error}")),
            FlowError::NoStep(_) => Self::bad_request("no_such_step", format!("failed to {error}")),
            FlowError::Archived(_) => Self::conflict("archived", format!("failed to {error}")),
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
