//! Starting a flow by hand, and how that went.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::flow::book::{Execution, Flows};
use appengine_actors::flow::run::{Run, RunStatus, StepRecord, StepStatus};
use appengine_actors::ids::{RecordId, RunId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::config::Config;
use crate::http::admit::Caller;
use crate::http::route::{Access, Route};
use crate::http::take::{MaybeJson, Object};
use crate::problem::{Detail, Problem};

/// The route at one of its spellings.
pub(super) fn route(path: &'static str, access: Access) -> Route {
    Route::post(path, access, execute)
        .about(super::TAG, "Start a flow by hand, with real effects, and wait for it to pause or end")
        .may_take::<ExecuteBody>()
        .gives::<ExecutionResult>(StatusCode::OK)
        .leads(&[("id", "/executionId")], &["GET /automation/executions/{id}"])
}

/// What somebody who starts a flow gives it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({"variables": {"number": "1042", "total": 59.9}, "executionId": "order-1042-again"})))]
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
    /// The caller's own key for this start: the same again is answered with the first run.
    #[schema(min_length = 1, max_length = 256)]
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
    let key = body.execution_id;
    if key.as_ref().is_some_and(|key| !(1..=256).contains(&key.chars().count())) {
        let message = "must have 1 to 256 characters".to_owned();
        let detail = Detail { path: "executionId".into(), message };
        return Err(Problem::invalid("the flow cannot be started", vec![detail]));
    }
    let execution = Execution { variables, start_step: body.start_step_id, by: Some(by), key };
    let wait = config.flows.execute_wait.get();
    let run = flows.execute(&caller.org, &id, execution, wait).await?;
    let (run, steps) = flows.run(&caller.org, run.id).await?;
    Ok(HttpResponse::Ok().json(result(run, &steps)))
}

fn result(run: Run, steps: &[StepRecord]) -> ExecutionResult {
    let line = |step: &StepRecord| {
        let message = message(step);
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

/// What a step did, in words.
pub(super) fn message(step: &StepRecord) -> String {
    let passed = step.output.get("passed").and_then(Value::as_bool);
    match (step.status, passed, &step.error) {
        (StepStatus::Failed, _, Some(error)) => error.clone(),
        (StepStatus::Completed, Some(passed), _) => format!("Condition {} → {passed}", step.step_id),
        (StepStatus::Skipped, ..) => format!("{} is switched off", step.name),
        _ => format!("{} done", step.name),
    }
}
