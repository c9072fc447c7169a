//! Runs and their steps as records, `automation_execution` and `automation_log` (contract §4.1): made when they
//! are asked for, with the query language, by the rules of `/automation/executions`.

use appengine_actors::flow::book::RunsWanted;
use appengine_actors::flow::run::{Run, RunStatus, StepRecord, StepStatus};
use appengine_actors::ids::RecordId;
use appengine_actors::list::Slice;
use appengine_actors::log::EventLog;
use appengine_actors::machine::Machine;
use serde_json::{Map, Value, json};

use super::{execute, runs};
use crate::auth::principal::Principal;
use crate::http::admit::allow;
use crate::http::repository::list::read_find;
use crate::http::shown::{self, Hidden};
use crate::problem::{Detail, Problem};

/// The collections that are made of runs.
const EXECUTIONS: &str = "automation_execution";
const LOGS: &str = "automation_log";
/// The latest runs, which are looked through.
const LOOK_AT: usize = 1_000;

/// Whether a collection is made of runs.
#[must_use]
pub fn are(datatype: &str) -> bool {
    matches!(datatype, EXECUTIONS | LOGS)
}

/// A page of those that match, the newest first unless told otherwise.
///
/// # Errors
/// 403 for whoever may not see runs, 400 with everything that is wrong with query and options.
pub async fn find(
    caller: &Principal,
    machine: &Machine,
    datatype: &str,
    query: &Value,
    options: &Value,
) -> Result<Value, Problem> {
    allow(runs::READ, caller)?;
    let (parsed, wanted) = read_find(query, options)?;
    let options = wanted.options;
    if options.last_item.is_some() {
        let message = "is not taken of runs; use page".to_owned();
        let detail = Detail { path: "options.lastItem".into(), message };
        return Err(Problem::invalid("the query cannot be taken", vec![detail]));
    }
    let wanted = RunsWanted { flow: flow_of(query), ..RunsWanted::default() };
    let found = machine.flows.runs(&caller.org, &wanted, Slice { skip: 0, limit: LOOK_AT }).await?;
    let log = EventLog::new(machine.house.store.clone());
    let hidden = Hidden::of(caller, &log, found.rows.iter().map(|run| run.event)).await?;
    let mut matching = Vec::new();
    for run in &found.rows {
        let (run, steps) = machine.flows.run(&caller.org, run.id).await?;
        let records = match datatype {
            LOGS => logs(caller, &run, &steps, &hidden),
            _ => vec![execution(caller, &run, &steps, &hidden)],
        };
        let wide = records.into_iter().map(|record| (widened(&record), record));
        matching.extend(wide.filter(|(wide, record)| parsed.matches(wide) && options.admits(record)));
    }
    if !options.sort.is_empty() {
        matching.sort_by(|(one, _), (other, _)| options.sort.compare(one, other));
    }
    let before = options.page.saturating_sub(1).saturating_mul(options.page_size).max(options.offset);
    let (before, size) = (as_size(before), as_size(options.page_size));
    let rows = matching.iter().skip(before).take(size);
    let data: Vec<Value> = rows.map(|(_, record)| options.projection.apply(record)).collect();
    let mut body = json!({
        "total": matching.len(), "page": options.page, "pageSize": options.page_size,
        "hasNext": matching.len() > before.saturating_add(data.len()), "data": data, "datatype": datatype,
    });
    if let Some(fields) = body.as_object_mut().filter(|_| found.has_next()) {
        fields.insert("totalIsLowerBound".to_owned(), true.into());
    }
    Ok(body)
}

fn as_size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The flow that a query asks about, where it names one: its runs are read by themselves.
fn flow_of(query: &Value) -> Option<RecordId> {
    let named = query.get("automationId").or_else(|| query.get("data.automationId"))?;
    RecordId::new(named.as_str()?).ok()
}

/// A record with its fields at the root too: queries name them with `data.` or without.
fn widened(record: &Value) -> Value {
    let mut wide = record.get("data").and_then(Value::as_object).cloned().unwrap_or_default();
    wide.extend(record.as_object().cloned().unwrap_or_default());
    Value::Object(wide)
}

fn record(datatype: &str, sk: &str, run: &Run, data: Value) -> Value {
    json!({
        "pk": run.org_id, "sk": sk, "datatype": datatype, "version": 0, "state": "active", "isNew": false,
        "createdate": run.created_at, "modifydate": run.completed_at.or(run.started_at).unwrap_or(run.created_at),
        "author": format!("automation:{}", run.automation_id), "data": data,
    })
}

fn execution(caller: &Principal, run: &Run, steps: &[StepRecord], hidden: &Hidden) -> Value {
    // The contract's words: a run that waits is one that runs.
    let status = if run.status == RunStatus::Waiting { RunStatus::Running } else { run.status };
    let shown = shown::run(run, hidden);
    let taken = shown::steps(caller, run, steps, hidden);
    let short: Vec<Value> =
        taken.iter().map(|step| only(step, &["stepId", "status", "startedAt", "completedAt"])).collect();
    let mut errors: Vec<Value> = taken
        .iter()
        .filter(|step| step["status"] == "failed")
        .map(|step| json!({"message": step["error"], "stepId": step["stepId"], "timestamp": step["completedAt"]}))
        .collect();
    if errors.is_empty()
        && let Some(error) = shown.get("error")
    {
        let (message, step) = (&error["message"], &error["stepId"]);
        errors.push(json!({"message": message, "stepId": step, "timestamp": run.completed_at}));
    }
    let mut data = json!({
        "id": run.id, "automationId": run.automation_id, "status": status, "createdAt": run.created_at,
        "startedAt": run.started_at, "completedAt": run.completed_at, "steps": short, "errors": errors,
        "context": shown.get("variables"),
    });
    if let (Some(flag), Some(data)) = (shown.get("hidden"), data.as_object_mut()) {
        data.insert("hidden".to_owned(), flag.clone());
    }
    record(EXECUTIONS, &run.id.to_string(), run, data)
}

fn logs(caller: &Principal, run: &Run, steps: &[StepRecord], hidden: &Hidden) -> Vec<Value> {
    let shown = shown::steps(caller, run, steps, hidden);
    let variables = shown::run(run, hidden);
    let contact = variables.pointer("/variables/contact/id").cloned();
    let row = |(at, (step, shown)): (usize, (&StepRecord, &Value))| {
        let is_hidden = shown.get("hidden").is_some();
        let message = match is_hidden && step.status == StepStatus::Failed {
            true => format!("{} failed", step.name),
            false => execute::message(step),
        };
        let id = format!("{}-{}", run.id, at + 1);
        let data = json!({
            "id": id, "automationId": run.automation_id, "executionId": run.id, "trackingId": contact,
            "stepId": step.step_id, "eventType": format!("step.{}", shown["status"].as_str().unwrap_or_default()),
            "message": message, "timestamp": step.completed_at, "source": "automation",
            "metadata": only(shown, &["handler", "attempt", "startedAt", "completedAt", "hidden"]),
            "context": only(shown, &["input", "output"]),
        });
        record(LOGS, &id, run, data)
    };
    let mut rows: Vec<Value> = steps.iter().zip(&shown).enumerate().map(row).collect();
    rows.reverse();
    rows
}

fn only(of: &Value, names: &[&str]) -> Value {
    let field = |name: &&str| Some(((*name).to_owned(), of.get(*name)?.clone()));
    Value::Object(names.iter().filter_map(field).collect::<Map<_, _>>())
}
