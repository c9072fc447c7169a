//! What a worker says: give me jobs, I live, so far I am, it is done, it failed, take it back.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use appengine_actors::ids::{JobId, QueueName};
use appengine_actors::machine::Machine;
use appengine_actors::queue::QueueActor;
use appengine_actors::queue::job::{Job, Outcome, Task};
use appengine_actors::queue::outside::messages::{Ask, Beat, Note, NoteError, Said, Settle};
use appengine_actors::queue::outside::take;
use appengine_actors::queue::parts::{self, Given, Part};
use appengine_actors::supervision::Ref;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Wrong, own};
use crate::config::Config;
use crate::http::admit::Caller;
use crate::http::queues::{busy, queue};
use crate::http::take::{Json, Object};
use crate::problem::Problem;

/// Jobs that one request takes at most.
const MOST: u64 = 100;
/// How long a job is a worker's own where it does not say, in milliseconds.
const LEASE: u64 = 30_000;
/// The shortest and the longest that it may say.
const LEASES: (u64, u64) = (1_000, 3_600_000);
/// The longest that a request for jobs waits.
const WAIT: u64 = 15_000;
/// Bytes of progress, which is for people.
const PROGRESS: usize = 4_096;
/// Lines of one request, and characters of one line.
const LINES: (usize, usize) = (100, 1_000);
/// Characters of an error.
const ERROR: usize = 4_000;
/// The longest wait that a worker may ask for after a failure: 30 days.
const RETRY_AFTER: u64 = 30 * 86_400_000;

/// A worker asks for jobs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({"worker": "mailer-1", "max": 10, "leaseMs": 30_000})))]
pub(super) struct ClaimBody {
    /// What the worker calls itself, for people to see.
    #[schema(min_length = 1, max_length = 128)]
    worker: String,
    /// So many jobs at most, 1 if left out.
    #[schema(minimum = 1, maximum = 100)]
    max: Option<u64>,
    /// How long the jobs are its own after each sign of life, 30,000 if left out.
    #[schema(minimum = 1000, maximum = 3_600_000)]
    lease_ms: Option<u64>,
    /// How long to wait for the first job, 0 if left out.
    #[schema(minimum = 0, maximum = 15_000)]
    wait_ms: Option<u64>,
}

/// A worker lives.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BeatBody {
    /// What the job was given with.
    #[schema(min_length = 1, max_length = 64)]
    lease: String,
    /// How long it is the worker's own from now on; as long as it was if left out.
    #[schema(minimum = 1000, maximum = 3_600_000)]
    lease_ms: Option<u64>,
    /// How far it is: any small JSON.
    progress: Option<Value>,
}

/// How far a job is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ProgressBody {
    /// What the job was given with.
    #[schema(min_length = 1, max_length = 64)]
    lease: String,
    /// Any JSON of up to 4 KiB.
    progress: Value,
}

/// Lines for a job's log.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LogBody {
    /// What the job was given with.
    #[schema(min_length = 1, max_length = 64)]
    lease: String,
    /// The lines.
    #[schema(min_items = 1, max_items = 100)]
    lines: Vec<String>,
}

/// Where the next attempt is to go on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CursorBody {
    /// What the job was given with.
    #[schema(min_length = 1, max_length = 64)]
    lease: String,
    /// Any JSON, up to `queues.payload` bytes.
    cursor: Value,
}

/// A job is done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CompleteBody {
    /// What the job was given with.
    #[schema(min_length = 1, max_length = 64)]
    lease: String,
    /// What came of it: any JSON, up to `queues.payload` bytes.
    result: Option<Value>,
}

/// An attempt failed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FailBody {
    /// What the job was given with.
    #[schema(min_length = 1, max_length = 64)]
    lease: String,
    /// What went wrong.
    #[schema(min_length = 1, max_length = 4000)]
    error: String,
    /// Whether trying again may help; it may if left out.
    retry: Option<bool>,
    /// When to try again, if not as the back-off says.
    #[schema(minimum = 0, maximum = 2_592_000_000_u64)]
    retry_after_ms: Option<u64>,
}

/// A job is handed back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LeaseBody {
    /// What the job was given with.
    #[schema(min_length = 1, max_length = 64)]
    lease: String,
}

pub(super) async fn claim(
    caller: Caller,
    machine: web::Data<Machine>,
    config: web::Data<Config>,
    name: web::Path<QueueName>,
    Json(Object(body)): Json<Object<ClaimBody>>,
) -> Result<HttpResponse, Problem> {
    let mut wrong = Wrong::default();
    wrong.text("worker", &body.worker, 128);
    wrong.within("max", body.max, 1, MOST);
    wrong.within("leaseMs", body.lease_ms, LEASES.0, LEASES.1);
    wrong.within("waitMs", body.wait_ms, 0, WAIT);
    wrong.end("jobs cannot be taken")?;
    let ask = Ask {
        org: caller.org.clone(),
        worker: body.worker,
        most: usize::try_from(body.max.unwrap_or(1)).unwrap_or(1),
        length: Duration::from_millis(body.lease_ms.unwrap_or(LEASE)),
        wait: Duration::from_millis(body.wait_ms.unwrap_or_default()).min(config.queues.claim_wait.get()),
    };
    let jobs = take(queue(&machine, &name)?, ask).await.map_err(busy)?;
    let given = parts::given(&machine.house, &jobs).await?;
    let lent = jobs.iter().zip(&given).map(|(job, given)| lent(job, given));
    Ok(HttpResponse::Ok().json(json!({"jobs": lent.collect::<Vec<_>>()})))
}

/// A job as its worker gets it.
fn lent(job: &Job, given: &Given) -> Value {
    let kind = if let Task::Work { kind } = &job.task { kind.as_str() } else { job.task.name() };
    let lease = job.lease.as_ref();
    json!({
        "id": job.id, "queue": job.queue, "name": kind, "key": job.key, "priority": job.priority,
        "payload": given.payload, "cursor": given.cursor, "created": job.created,
        "attempt": job.attempts, "maxAttempts": job.max_attempts,
        "lease": lease.map(|lease| &lease.token), "leaseMs": lease.map(|lease| lease.length_ms),
    })
}

pub(super) async fn heartbeat(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<JobId>,
    Json(Object(body)): Json<Object<BeatBody>>,
) -> Result<HttpResponse, Problem> {
    let mut wrong = Wrong::default();
    wrong.within("leaseMs", body.lease_ms, LEASES.0, LEASES.1);
    body.progress.iter().for_each(|value| wrong.size("progress", value, PROGRESS));
    wrong.end("the sign of life cannot be taken")?;
    let (_, queue) = of(&caller, &machine, *id).await?;
    let length = body.lease_ms.map(Duration::from_millis);
    let beat = queue.ask(Beat { id: *id, token: body.lease.clone(), length }).await.map_err(busy)?;
    let Ok(until) = beat else {
        // Looked at only now: it may have been called off in this moment.
        let job = own(&caller, &machine, *id).await?;
        if job.cancelled_by.is_some() && job.state.is_final() {
            return Ok(HttpResponse::Ok().json(json!({"cancelled": true, "leaseUntil": null})));
        }
        return Err(lost());
    };
    if let Some(value) = body.progress {
        let what = Said::Part(Part::Progress, value);
        note(&caller, &machine, *id, body.lease, what).await?;
    }
    Ok(HttpResponse::Ok().json(json!({"cancelled": false, "leaseUntil": until})))
}

pub(super) async fn progress(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<JobId>,
    Json(Object(body)): Json<Object<ProgressBody>>,
) -> Result<HttpResponse, Problem> {
    let mut wrong = Wrong::default();
    wrong.size("progress", &body.progress, PROGRESS);
    wrong.end("the progress cannot be taken")?;
    let what = Said::Part(Part::Progress, body.progress);
    note(&caller, &machine, *id, body.lease, what).await
}

pub(super) async fn log(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<JobId>,
    Json(Object(body)): Json<Object<LogBody>>,
) -> Result<HttpResponse, Problem> {
    let mut wrong = Wrong::default();
    let (lines, characters) = LINES;
    wrong.unless((1..=lines).contains(&body.lines.len()), "lines", format!("must be 1 to {lines} lines"));
    let fit = body.lines.iter().all(|line| line.chars().count() <= characters);
    wrong.unless(fit, "lines", format!("may have {characters} characters each"));
    wrong.end("the lines cannot be taken")?;
    note(&caller, &machine, *id, body.lease, Said::Lines(body.lines)).await
}

pub(super) async fn checkpoint(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<JobId>,
    Json(Object(body)): Json<Object<CursorBody>>,
) -> Result<HttpResponse, Problem> {
    let mut wrong = Wrong::default();
    wrong.size("cursor", &body.cursor, machine.house.settings.work.payload);
    wrong.end("the cursor cannot be taken")?;
    let what = Said::Part(Part::Cursor, body.cursor);
    note(&caller, &machine, *id, body.lease, what).await
}

pub(super) async fn complete(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<JobId>,
    Json(Object(body)): Json<Object<CompleteBody>>,
) -> Result<HttpResponse, Problem> {
    let mut wrong = Wrong::default();
    let most = machine.house.settings.work.payload;
    body.result.iter().for_each(|value| wrong.size("result", value, most));
    wrong.end("the result cannot be taken")?;
    settle(&caller, &machine, *id, body.lease, Outcome::Done, body.result).await
}

pub(super) async fn fail(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<JobId>,
    Json(Object(body)): Json<Object<FailBody>>,
) -> Result<HttpResponse, Problem> {
    let mut wrong = Wrong::default();
    wrong.text("error", &body.error, ERROR);
    wrong.within("retryAfterMs", body.retry_after_ms, 0, RETRY_AFTER);
    wrong.end("the failure cannot be taken")?;
    let outcome = match (body.retry.unwrap_or(true), body.retry_after_ms) {
        (false, _) => Outcome::Fail(body.error),
        (true, Some(after)) => Outcome::RetryIn(body.error, Duration::from_millis(after)),
        (true, None) => Outcome::Retry(body.error),
    };
    settle(&caller, &machine, *id, body.lease, outcome, None).await
}

pub(super) async fn release(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<JobId>,
    Json(Object(body)): Json<Object<LeaseBody>>,
) -> Result<HttpResponse, Problem> {
    settle(&caller, &machine, *id, body.lease, Outcome::Released, None).await
}

/// A job of the caller's organisation, and its queue.
async fn of<'m>(
    caller: &Caller,
    machine: &'m Machine,
    id: JobId,
) -> Result<(Job, &'m Ref<QueueActor>), Problem> {
    let job = own(caller, machine, id).await?;
    let queue = queue(machine, &job.queue)?;
    Ok((job, queue))
}

async fn note(
    caller: &Caller,
    machine: &Machine,
    id: JobId,
    token: String,
    what: Said,
) -> Result<HttpResponse, Problem> {
    let (_, queue) = of(caller, machine, id).await?;
    queue.ask(Note { id, token, what }).await.map_err(busy)?.map_err(refused)?;
    Ok(HttpResponse::Ok().json(json!({"id": id})))
}

async fn settle(
    caller: &Caller,
    machine: &Machine,
    id: JobId,
    token: String,
    outcome: Outcome,
    result: Option<Value>,
) -> Result<HttpResponse, Problem> {
    let (_, queue) = of(caller, machine, id).await?;
    let settled = queue.ask(Settle { id, token, outcome, result }).await.map_err(busy)?;
    Ok(HttpResponse::Ok().json(settled.map_err(refused)?.shown()))
}

fn refused(error: NoteError) -> Problem {
    match error {
        NoteError::NotLeased(_) => lost(),
        NoteError::Store(error) => error.into(),
    }
}

fn lost() -> Problem {
    let why = "the lease is over: it ran out, or the job was taken back; another worker may have it by now";
    Problem::conflict("lease_lost", why)
}
