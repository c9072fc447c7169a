//! Adding work.

use std::time::Duration;

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, web};
use appengine_actors::clock::Timestamp;
use appengine_actors::ids::{JobId, QueueName};
use appengine_actors::machine::Machine;
use appengine_actors::queue::add::messages::AddWork;
use appengine_actors::queue::add::{AddError, Added, MOST_DEPENDENCIES, Mode, Unique, WorkDraft};
use appengine_actors::queue::job::Job;
use appengine_actors::queue::task::{LONGEST_KIND, is_kind};
use appengine_actors::queue::terms::{OnFailure, Until};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Wrong;
use super::backoff::BackoffBody;
use crate::http::admit::Caller;
use crate::http::queues::{busy, queue};
use crate::http::take::{Json, Object};
use crate::problem::{Detail, Problem};

/// Jobs that one request adds at most.
const MOST: usize = 1_000;
/// A year, in milliseconds.
const YEAR: u64 = 366 * 86_400_000;

/// Work to be done.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({"name": "invoice.send", "payload": {"number": "1042"}, "key": "customer-7"})))]
pub(super) struct JobBody {
    /// What kind of work it is.
    #[schema(min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9._-]+$")]
    name: String,
    /// What is to be done: any JSON, up to `queues.payload` bytes.
    #[serde(default)]
    payload: Value,
    /// How urgent it is among the organisation's: the lowest goes first, 0 if left out.
    #[serde(default)]
    priority: i32,
    /// What it concerns: keys take turns, and order holds within one.
    #[schema(min_length = 1, max_length = 256)]
    key: Option<String>,
    /// When to do it, if not now.
    #[schema(value_type = Option<String>, format = DateTime, pattern = "^(19[7-9][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2})-")]
    run_at: Option<Timestamp>,
    /// The same, as milliseconds from now.
    #[schema(minimum = 0, maximum = 31_622_400_000_u64)]
    delay_ms: Option<u64>,
    /// Attempts, the first included; the queue's own number if left out.
    #[schema(minimum = 1, maximum = 100)]
    max_attempts: Option<u32>,
    /// How long one attempt may take, however often its worker says that it lives.
    #[schema(minimum = 100, maximum = 31_622_400_000_u64)]
    timeout_ms: Option<u64>,
    /// Waits between attempts; the queue's own if left out.
    backoff: Option<BackoffBody>,
    /// What no second job of the queue may have.
    unique: Option<UniqueBody>,
    /// Jobs of the organisation that must be done before it.
    #[serde(default)]
    #[schema(max_items = 100, value_type = Vec<String>)]
    depends_on: Vec<JobId>,
    /// What becomes of it when one of them is given up: `fail` (if left out), `skip` or `free`.
    #[schema(value_type = Option<String>, pattern = "^(fail|skip|free)$")]
    on_dependency_failure: Option<OnFailure>,
}

/// A key that no second job of the queue may have.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UniqueBody {
    /// The key.
    #[schema(min_length = 1, max_length = 256)]
    key: String,
    /// What becomes of a second job: `reject` (if left out), `replace`, `keep-last` or `debounce`.
    #[serde(default)]
    mode: ModeName,
    /// How long a job holds the key: until it is `started`, or `finished` (if left out).
    #[schema(value_type = Option<String>, pattern = "^(started|finished)$")]
    until: Option<Until>,
    /// How long it holds it at most.
    #[schema(minimum = 1, maximum = 31_622_400_000_u64)]
    ttl_ms: Option<u64>,
    /// With `debounce`, how long after the first the job may be put off at most.
    #[schema(minimum = 1, maximum = 31_622_400_000_u64)]
    max_wait_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum ModeName {
    #[default]
    Reject,
    Replace,
    KeepLast,
    Debounce,
}

/// Work to be added together.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({"jobs": [{"name": "invoice.send", "payload": {"number": "1042"}}]})))]
pub(super) struct BulkBody {
    /// The jobs, in their order.
    #[schema(min_items = 1, max_items = 1000, value_type = Vec<JobBody>)]
    jobs: Vec<Object<JobBody>>,
}

pub(super) async fn one(
    caller: Caller,
    machine: web::Data<Machine>,
    name: web::Path<QueueName>,
    Json(Object(body)): Json<Object<JobBody>>,
) -> Result<HttpResponse, Problem> {
    let mut wrong = Wrong::default();
    let draft = body.read(&machine, "", &mut wrong);
    wrong.end(NOT_ADDED)?;
    let added = add(&caller, &machine, &name, draft.into_iter().collect(), |_| String::new()).await?;
    let Some(added) = added.into_iter().next() else {
        return Err(Problem::internal(&"nothing was added"));
    };
    let mut answer = match added {
        Added::New(_) => HttpResponse::Created(),
        Added::Duplicate(_) | Added::Replaced(_) => HttpResponse::Ok(),
    };
    Ok(answer.json(Shown::of(added)))
}

pub(super) async fn many(
    caller: Caller,
    machine: web::Data<Machine>,
    name: web::Path<QueueName>,
    Json(Object(body)): Json<Object<BulkBody>>,
) -> Result<HttpResponse, Problem> {
    let house = machine.clone();
    let drafts = web::block(move || body.read(&house)).await.map_err(|error| Problem::internal(&error))??;
    let added = add(&caller, &machine, &name, drafts, |index| format!("jobs[{index}].")).await?;
    // A thousand jobs take milliseconds, which other requests of this thread need not wait.
    let text = web::block(move || {
        let jobs = added.into_iter().map(Shown::of).collect();
        serde_json::to_vec(&AllShown { jobs })
    });
    let text = text.await.map_err(|error| Problem::internal(&error))?;
    let text = text.map_err(|error| Problem::internal(&error))?;
    Ok(HttpResponse::Created().content_type(ContentType::json()).body(text))
}

const NOT_ADDED: &str = "the work cannot be added";

async fn add(
    caller: &Caller,
    machine: &Machine,
    name: &QueueName,
    drafts: Vec<WorkDraft>,
    at: impl Fn(usize) -> String,
) -> Result<Vec<Added>, Problem> {
    let queue = queue(machine, name)?;
    let added = queue.ask(AddWork { org: caller.org.clone(), drafts }).await.map_err(busy)?;
    added.map_err(|error| match error {
        AddError::NoDependency { index, .. } => {
            let path = format!("{}dependsOn", at(index));
            Problem::invalid(NOT_ADDED, vec![Detail { path, message: format!("failed to {error}") }])
        }
        AddError::Busy => Problem::unavailable(format!("failed to {error}")),
        AddError::Store(error) => error.into(),
    })
}

/// The job, and what adding it came to.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    job: Job,
    deduplicated: bool,
    replaced: bool,
}

#[derive(Serialize)]
struct AllShown {
    jobs: Vec<Shown>,
}

impl Shown {
    fn of(added: Added) -> Self {
        let (deduplicated, replaced) =
            (matches!(added, Added::Duplicate(_)), matches!(added, Added::Replaced(_)));
        Self { job: added.into_job().shown(), deduplicated, replaced }
    }
}

impl BulkBody {
    /// The work that it describes.
    fn read(self, machine: &Machine) -> Result<Vec<WorkDraft>, Problem> {
        let mut wrong = Wrong::default();
        wrong.unless((1..=MOST).contains(&self.jobs.len()), "jobs", format!("must have 1 to {MOST} jobs"));
        let mut drafts = Vec::new();
        for (index, Object(job)) in self.jobs.into_iter().take(MOST).enumerate() {
            drafts.extend(job.read(machine, &format!("jobs[{index}]."), &mut wrong));
        }
        wrong.end(NOT_ADDED)?;
        Ok(drafts)
    }
}

impl JobBody {
    /// The work that it describes; what is wrong with it is gathered.
    fn read(self, machine: &Machine, at: &str, wrong: &mut Wrong) -> Option<WorkDraft> {
        let before = wrong.0.len();
        let path = |name: &str| format!("{at}{name}");
        let rule = format!("has 1 to {LONGEST_KIND} letters, digits, `.`, `_` and `-` only");
        wrong.unless(is_kind(&self.name), &path("name"), rule);
        wrong.size(&path("payload"), &self.payload, machine.house.settings.work.payload);
        self.key.iter().for_each(|key| wrong.text(&path("key"), key, 256));
        wrong.within(&path("delayMs"), self.delay_ms, 0, YEAR);
        let both = self.delay_ms.is_some() && self.run_at.is_some();
        wrong.unless(!both, &path("delayMs"), "says the same as runAt: give one of them");
        wrong.within(&path("maxAttempts"), self.max_attempts.map(u64::from), 1, 100);
        wrong.within(&path("timeoutMs"), self.timeout_ms, 100, YEAR);
        let few = self.depends_on.len() <= MOST_DEPENDENCIES;
        wrong.unless(few, &path("dependsOn"), format!("may name {MOST_DEPENDENCIES} jobs at most"));
        let backoff = self.backoff.map(BackoffBody::read).transpose().unwrap_or_else(|error| {
            wrong.unless(false, &path("backoff"), format!("failed to {error}"));
            None
        });
        let delayed = self.delay_ms.is_some() || self.run_at.is_some();
        let unique = self.unique.map(|unique| unique.read(&path("unique."), delayed, wrong));
        let now = machine.house.clock.now();
        let delay = self.delay_ms.map(|delay| now.plus(Duration::from_millis(delay)));
        (wrong.0.len() == before).then(|| WorkDraft {
            priority: self.priority,
            key: self.key,
            run_at: self.run_at.or(delay),
            max_attempts: self.max_attempts,
            timeout: self.timeout_ms.map(Duration::from_millis),
            backoff,
            unique,
            depends_on: self.depends_on,
            on_dependency_failure: self.on_dependency_failure.unwrap_or_default(),
            ..WorkDraft::new(self.name, self.payload)
        })
    }
}

impl UniqueBody {
    fn read(self, at: &str, delayed: bool, wrong: &mut Wrong) -> Unique {
        let path = |name: &str| format!("{at}{name}");
        wrong.text(&path("key"), &self.key, 256);
        wrong.within(&path("ttlMs"), self.ttl_ms, 1, YEAR);
        wrong.within(&path("maxWaitMs"), self.max_wait_ms, 1, YEAR);
        let debounce = self.mode == ModeName::Debounce;
        wrong.unless(
            debounce || self.max_wait_ms.is_none(),
            &path("maxWaitMs"),
            "belongs to mode `debounce`",
        );
        wrong.unless(!debounce || delayed, &path("mode"), "`debounce` puts off by delayMs: give it");
        let max_wait = self.max_wait_ms.map(Duration::from_millis);
        let mode = match self.mode {
            ModeName::Reject => Mode::Reject,
            ModeName::Replace => Mode::Replace,
            ModeName::KeepLast => Mode::KeepLast,
            ModeName::Debounce => Mode::Debounce { max_wait },
        };
        let (until, ttl) = (self.until.unwrap_or_default(), self.ttl_ms.map(Duration::from_millis));
        Unique { key: self.key, mode, until, ttl }
    }
}
