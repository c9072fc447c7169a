//! One step of a run: what it sees, what it does, where it leads. Reads the store through actions;
//! writes nothing.

use serde_json::{Value, json};

use super::Map;
use super::action::{self, Action, Plan, StepContext, StepError};
use super::condition;
use super::definition::{Flow, RESERVED, Step, StepKind};
use super::error_handling::{ErrorHandling, OnError};
use super::run::{Run, RunError, RunStatus, StepRecord, StepStatus};
use crate::clock::Timestamp;
use crate::form::template::{TemplateError, render, render_url};
use crate::store::encode;

/// A step that was carried out, as far as that is possible before it is committed.
#[derive(Debug)]
pub struct Taken {
    /// For the run's history; none for one that is taken again.
    pub record: Option<StepRecord>,
    /// The run after it.
    pub run: Run,
    /// What is to be written with both.
    pub plan: Plan,
}

/// Takes the next step of a run.
pub async fn take(ctx: &StepContext<'_>, value_limit: usize, finished_at: impl Fn() -> Timestamp) -> Taken {
    let (step, mut run) = (ctx.step, ctx.run.clone());
    let mut input = Value::Null;
    let done = if step.enabled { carry_out(ctx, &mut input).await } else { Ok(Done::passed_over(step)) };
    let status = match &done {
        Ok(_) if !step.enabled => StepStatus::Skipped,
        Ok(_) => StepStatus::Completed,
        Err(_) => StepStatus::Failed,
    };
    let now = finished_at();
    if let Ok(Done { plan: Plan { again: Some(again), .. }, .. }) = &done {
        run.status = RunStatus::Waiting;
        run.resumes_at = Some(now.plus(*again));
        return Taken { record: None, run, plan: Plan::default() };
    }
    run.step_count += 1;
    let attempt = run.step_failures + 1;
    let (plan, output, error) = match done {
        Ok(Done { plan, next }) => {
            run.step_failures = 0;
            run.completed_steps.push(step.id.clone());
            remember(&mut run, &step.id, &plan.output);
            lead(&mut run, next, now);
            if let Some(pause) = plan.pause.filter(|_| !run.status.is_final()) {
                run.status = RunStatus::Waiting;
                run.resumes_at = Some(now.plus(pause));
            }
            let output = plan.output.clone();
            (plan, output, None)
        }
        Err(error) => {
            fail(&mut run, ctx.flow, step, &error, now);
            (Plan::default(), Value::Null, Some(error.message))
        }
    };
    if encode(&run).map_or(usize::MAX, |bytes| bytes.len()) > value_limit {
        let message = format!("the run's variables are larger than {value_limit} bytes");
        run.variables = Map::new();
        end(&mut run, RunStatus::Failed, Some(RunError { message, step_id: Some(step.id.clone()) }), now);
    }
    let record = StepRecord {
        step_id: step.id.clone(),
        name: step.name.clone(),
        handler: step.handler().to_owned(),
        status,
        attempt,
        input: bounded(input, value_limit / 4),
        output: bounded(output, value_limit / 4),
        error,
        started_at: ctx.now,
        completed_at: now,
    };
    Taken { record: Some(record), run, plan }
}

struct Done {
    plan: Plan,
    next: Option<String>,
}

impl Done {
    fn passed_over(step: &Step) -> Self {
        Self { plan: Plan::default(), next: step.next_step_id.clone() }
    }
}

async fn carry_out(ctx: &StepContext<'_>, input: &mut Value) -> Result<Done, StepError> {
    let step = ctx.step;
    match step.kind {
        StepKind::End => Ok(Done { plan: Plan::default(), next: None }),
        StepKind::Trigger => Ok(Done::passed_over(step)),
        StepKind::Condition => {
            *input = Value::Object(step.config.clone());
            let condition = condition::find(step.handler()).ok_or_else(|| unknown(step))?;
            let chosen = condition.evaluate(&step.config, ctx.variables);
            let chosen = chosen.map_err(|error| StepError::lasting(format!("failed to {error}")))?;
            let next = chosen.next(step).map(str::to_owned);
            let output = json!({"passed": chosen.passed, "nextStepId": next});
            Ok(Done { plan: Plan { output, ..Plan::default() }, next })
        }
        StepKind::Action | StepKind::Wait => {
            let action = action::find(step.handler()).ok_or_else(|| unknown(step))?;
            let own = step.config.iter().filter(|(key, _)| !RESERVED.contains(&key.as_str()));
            let own: Map = own.map(|(key, value)| (key.clone(), value.clone())).collect();
            let rendered = fill_in(action, own, ctx.variables);
            let rendered = rendered.map_err(|error| StepError::lasting(format!("failed to {error}")))?;
            input.clone_from(&rendered);
            let Value::Object(config) = rendered else { return Err(unknown(step)) };
            let plan = action.plan(ctx, config).await?;
            Ok(Done { plan, next: step.next_step_id.clone() })
        }
    }
}

fn fill_in(action: &dyn Action, config: Map, variables: &Map) -> Result<Value, TemplateError> {
    let key = action.address();
    let address = key.and_then(|key| Some((key, render_url(config.get(key)?.as_str()?, variables))));
    let mut rendered = render(&Value::Object(config), variables)?;
    if let (Some((key, url)), Some(fields)) = (address, rendered.as_object_mut()) {
        fields.insert(key.to_owned(), url?.into());
    }
    Ok(rendered)
}

fn unknown(step: &Step) -> StepError {
    StepError::lasting(format!("this version knows no action or condition `{}`", step.handler()))
}

/// What a step returns becomes variables: its keys at the root, and the whole under `steps`.
fn remember(run: &mut Run, step: &str, output: &Value) {
    if let Value::Object(fields) = output {
        run.variables.extend(fields.clone());
    }
    if !output.is_null() {
        let steps = run.variables.entry("steps").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(steps) = steps {
            steps.insert(step.to_owned(), output.clone());
        }
    }
}

fn lead(run: &mut Run, next: Option<String>, now: Timestamp) {
    match next {
        Some(next) => run.next_step = Some(next),
        None => end(run, RunStatus::Completed, None, now),
    }
}

/// Brings a run to its end.
pub fn end(run: &mut Run, status: RunStatus, error: Option<RunError>, now: Timestamp) {
    run.status = status;
    run.error = error;
    run.next_step = None;
    run.resumes_at = None;
    run.completed_at = Some(now);
}

fn fail(run: &mut Run, flow: &Flow, step: &Step, error: &StepError, now: Timestamp) {
    let own = step.config.get("retry").and_then(Value::as_object);
    let rule = own.map_or_else(|| flow.error_handling.clone(), |own| flow.error_handling.overridden_by(own));
    run.step_failures += 1;
    if error.retryable && run.step_failures <= rule.max_retries {
        run.status = RunStatus::Waiting;
        run.resumes_at = Some(now.plus(rule.delay_before(run.step_failures)));
        return;
    }
    run.step_failures = 0;
    give_up(run, &rule, step, error, now);
}

fn give_up(run: &mut Run, rule: &ErrorHandling, step: &Step, error: &StepError, now: Timestamp) {
    match rule.on_error {
        OnError::Stop => {
            let error = RunError { message: error.message.clone(), step_id: Some(step.id.clone()) };
            end(run, RunStatus::Failed, Some(error), now);
        }
        OnError::Continue => lead(run, step.next_step_id.clone(), now),
        OnError::Goto => lead(run, rule.goto().map(str::to_owned), now),
    }
}

/// What is too large for the history is replaced by its size.
fn bounded(value: Value, limit: usize) -> Value {
    let bytes = encode(&value).map_or(0, |bytes| bytes.len());
    if bytes > limit { json!({"omitted": true, "bytes": bytes}) } else { value }
}
