//! Queues: what an operator does about them. An organisation stops, cleans and repeats its own jobs; the whole
//! queue is stopped by an administrator of the installation (contract §12, §14).

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::ids::{JobId, QueueName};
use appengine_actors::machine::Machine;
use appengine_actors::queue::QueueActor;
use appengine_actors::queue::alter::{AlterError, Altered, MOST, Which, Wish};
use appengine_actors::queue::job::{Job, JobState};
use appengine_actors::queue::lines::Held;
use appengine_actors::queue::messages::{Alter, GetStatus, SetPaused};
use appengine_actors::supervision::{AskError, Ref};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::admit::Caller;
use super::route::{Access, Route, id};
use super::take::{Json, MaybeJson, Object};
use crate::auth::role::{Permission, Role};
use crate::config::HumanDuration;
use crate::problem::{Detail, Problem};

const TAG: &str = "Queues";
const SCOPE: &str = "write:monitoring";

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let update = Access::Staff(Permission::Update, SCOPE);
    let remove = Access::Staff(Permission::Delete, SCOPE);
    let job = |route: Route, about| {
        route.about(TAG, about).part("id", id(JobId::PREFIX)).gives_object(StatusCode::OK)
    };
    vec![
        Route::post("/monitoring/queues/{name}/pause", update, pause)
            .about(TAG, "Take no more jobs of this organisation, of one key of it, or of anybody")
            .may_take::<PauseBody>()
            .gives_object(StatusCode::OK),
        Route::post("/monitoring/queues/{name}/resume", update, resume)
            .about(TAG, "Take jobs again")
            .may_take::<PauseBody>()
            .gives_object(StatusCode::OK),
        Route::post("/monitoring/queues/{name}/retry-failed", update, retry_failed)
            .about(TAG, "Try this organisation's failed jobs again, up to 1,000 at a time")
            .gives::<Changed>(StatusCode::OK),
        Route::post("/monitoring/queues/{name}/clean", remove, clean)
            .about(TAG, "Remove this organisation's jobs of one state, up to 1,000 at a time")
            .may_take::<CleanBody>()
            .gives::<Changed>(StatusCode::OK),
        job(
            Route::post("/monitoring/jobs/{id}/retry", update, retry),
            "Try a job again that ended, from its first attempt",
        ),
        job(
            Route::post("/monitoring/jobs/{id}/cancel", update, cancel),
            "Call a job off: one that runs is stopped",
        ),
        job(Route::post("/monitoring/jobs/{id}/promote", update, promote), "Run a delayed job now"),
        job(
            Route::post("/monitoring/jobs/{id}/move", update, move_one).takes::<MoveBody>(),
            "Move a job to another queue that waits, is delayed or failed",
        ),
        Route::post("/monitoring/queues/{name}/move", update, move_some)
            .about(TAG, "Move this organisation's jobs of one state to another queue, up to 1,000 at a time")
            .takes::<MoveSomeBody>()
            .gives::<Changed>(StatusCode::OK),
    ]
}

/// Whose jobs are meant.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PauseBody {
    /// `org` (the caller's, if left out) or `queue`: everybody's, for administrators of the installation.
    #[serde(default)]
    scope: Scope,
    /// One key of the organisation alone, such as a flow's id.
    #[schema(min_length = 1, max_length = 256)]
    key: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Scope {
    #[default]
    Org,
    Queue,
}

/// Which jobs are removed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CleanBody {
    /// Their state; `completed` if left out. Those that run are not removed.
    #[serde(default)]
    state: Cleaned,
    /// Only those that came to it longer ago, such as `7d` or `90s`.
    older_than: Option<String>,
    /// So many at most.
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Where a job goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MoveBody {
    /// The other queue.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    queue: QueueName,
}

/// Which jobs go where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MoveSomeBody {
    /// The other queue.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    queue: QueueName,
    /// Their state: those that failed begin anew.
    state: Moved,
    /// So many at most.
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Moved {
    Waiting,
    Delayed,
    Failed,
}

#[derive(Debug, Default, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Cleaned {
    Blocked,
    Waiting,
    Delayed,
    #[default]
    Completed,
    Failed,
}

impl From<Cleaned> for JobState {
    fn from(state: Cleaned) -> Self {
        match state {
            Cleaned::Blocked => Self::Blocked,
            Cleaned::Waiting => Self::Waiting,
            Cleaned::Delayed => Self::Delayed,
            Cleaned::Completed => Self::Completed,
            Cleaned::Failed => Self::Failed,
        }
    }
}

/// How many jobs were changed.
#[derive(Debug, Serialize, ToSchema)]
struct Changed {
    /// So many.
    count: usize,
    /// Whether there are others: the same request goes on with them.
    more: bool,
}

async fn pause(
    caller: Caller,
    machine: web::Data<Machine>,
    name: web::Path<QueueName>,
    MaybeJson(body): MaybeJson<Object<PauseBody>>,
) -> Result<HttpResponse, Problem> {
    set_paused(&caller, &machine, &name, body.map(|Object(body)| body), true).await
}

async fn resume(
    caller: Caller,
    machine: web::Data<Machine>,
    name: web::Path<QueueName>,
    MaybeJson(body): MaybeJson<Object<PauseBody>>,
) -> Result<HttpResponse, Problem> {
    set_paused(&caller, &machine, &name, body.map(|Object(body)| body), false).await
}

async fn set_paused(
    caller: &Caller,
    machine: &Machine,
    name: &QueueName,
    body: Option<PauseBody>,
    paused: bool,
) -> Result<HttpResponse, Problem> {
    let queue = queue(machine, name)?;
    let PauseBody { scope, key } = body.unwrap_or_default();
    let what = "the jobs cannot be paused or resumed";
    let refused = |path: &str, message: &str| Detail { path: path.into(), message: message.into() };
    if key.as_ref().is_some_and(|key| !(1..=256).contains(&key.chars().count())) {
        return Err(Problem::invalid(what, vec![refused("key", "must have 1 to 256 characters")]));
    }
    let whose = match scope {
        Scope::Org => Some(Held { org: caller.org.clone(), key }),
        Scope::Queue if key.is_some() => {
            return Err(Problem::invalid(what, vec![refused("key", "belongs to scope `org`")]));
        }
        Scope::Queue if !caller.roles.iter().any(|role| ADMINISTRATORS.contains(role)) => {
            let message =
                "`queue` stops every organisation's jobs: it takes the role RootAdmin or RootSystem";
            return Err(Problem::forbidden(what, vec![refused("scope", message)]));
        }
        Scope::Queue => None,
    };
    queue.ask(SetPaused { whose, paused }).await.map_err(busy)??;
    let status = queue.ask(GetStatus).await.map_err(busy)?;
    Ok(HttpResponse::Ok().json(status.shown_to(&caller.org)))
}

/// Who may stop what is not theirs.
const ADMINISTRATORS: [Role; 2] = [Role::RootAdmin, Role::RootSystem];

async fn retry_failed(
    caller: Caller,
    machine: web::Data<Machine>,
    name: web::Path<QueueName>,
) -> Result<HttpResponse, Problem> {
    let which = Which::Some { state: JobState::Failed, before: None, most: MOST };
    changed(&ask(&caller, queue(&machine, &name)?, which, Wish::Retry).await?)
}

async fn clean(
    caller: Caller,
    machine: web::Data<Machine>,
    name: web::Path<QueueName>,
    MaybeJson(body): MaybeJson<Object<CleanBody>>,
) -> Result<HttpResponse, Problem> {
    let queue = queue(&machine, &name)?;
    let CleanBody { state, older_than, limit } = body.map(|Object(body)| body).unwrap_or_default();
    let mut details = Vec::new();
    let most = limit.unwrap_or(MOST);
    if !(1..=MOST).contains(&most) {
        details.push(Detail { path: "limit".into(), message: format!("must be 1 to {MOST}") });
    }
    let age = older_than.as_deref().map(str::parse::<HumanDuration>).transpose();
    let age = age.unwrap_or_else(|error| {
        details.push(Detail { path: "olderThan".into(), message: error.to_string() });
        None
    });
    if !details.is_empty() {
        return Err(Problem::invalid("the jobs cannot be removed", details));
    }
    let before = age.map(|age| machine.house.clock.now().minus(age.get()));
    let which = Which::Some { state: state.into(), before, most };
    changed(&ask(&caller, queue, which, Wish::Remove).await?)
}

fn changed(altered: &Altered) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(Changed { count: altered.jobs.len(), more: altered.more }))
}

async fn retry(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<JobId>,
) -> Result<HttpResponse, Problem> {
    one(&caller, &machine, *id, Wish::Retry).await
}

async fn cancel(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<JobId>,
) -> Result<HttpResponse, Problem> {
    one(&caller, &machine, *id, Wish::Cancel).await
}

async fn promote(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<JobId>,
) -> Result<HttpResponse, Problem> {
    one(&caller, &machine, *id, Wish::Promote).await
}

async fn move_one(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<JobId>,
    Json(Object(body)): Json<Object<MoveBody>>,
) -> Result<HttpResponse, Problem> {
    let job = super::jobs::own(&caller, &machine, *id).await?;
    one(&caller, &machine, *id, elsewhere(&machine, &job.queue, body.queue)?).await
}

async fn move_some(
    caller: Caller,
    machine: web::Data<Machine>,
    name: web::Path<QueueName>,
    Json(Object(body)): Json<Object<MoveSomeBody>>,
) -> Result<HttpResponse, Problem> {
    let queue = queue(&machine, &name)?;
    let wish = elsewhere(&machine, &name, body.queue)?;
    let most = body.limit.unwrap_or(MOST);
    if !(1..=MOST).contains(&most) {
        let detail = Detail { path: "limit".into(), message: format!("must be 1 to {MOST}") };
        return Err(Problem::invalid("the jobs cannot be moved", vec![detail]));
    }
    let state = match body.state {
        Moved::Waiting => JobState::Waiting,
        Moved::Delayed => JobState::Delayed,
        Moved::Failed => JobState::Failed,
    };
    changed(&ask(&caller, queue, Which::Some { state, before: None, most }, wish).await?)
}

/// That jobs go to another queue, if there is one by that name.
fn elsewhere(machine: &Machine, from: &QueueName, to: QueueName) -> Result<Wish, Problem> {
    let known = machine.queues.get(&to).is_some();
    if known && *from != to {
        return Ok(Wish::MoveTo(to));
    }
    let message = if known { "is where they are".to_owned() } else { unknown(machine, &to).to_string() };
    let detail = Detail { path: "queue".into(), message };
    Err(Problem::invalid("the jobs cannot be moved", vec![detail]))
}

async fn one(caller: &Caller, machine: &Machine, id: JobId, wish: Wish) -> Result<HttpResponse, Problem> {
    let job = super::jobs::own(caller, machine, id).await?;
    let altered = ask(caller, queue(machine, &job.queue)?, Which::One(id), wish).await?;
    Ok(HttpResponse::Ok().json(altered.jobs.into_iter().next().map(Job::shown)))
}

async fn ask(caller: &Caller, queue: &Ref<QueueActor>, which: Which, wish: Wish) -> Result<Altered, Problem> {
    let (org, by) = (caller.org.clone(), caller.label().to_owned());
    let altered = queue.ask(Alter { org, which, wish, by }).await.map_err(busy)?;
    altered.map_err(|error| match error {
        AlterError::Missing(id) => Problem::not_found(format!("there is no job {id}")),
        AlterError::State(..) | AlterError::Moved => {
            Problem::conflict("conflict", format!("failed to {error}"))
        }
        AlterError::Store(error) => error.into(),
    })
}

/// The queue of this name.
pub(super) fn queue<'m>(machine: &'m Machine, name: &QueueName) -> Result<&'m Ref<QueueActor>, Problem> {
    machine.queues.get(name).ok_or_else(|| unknown(machine, name))
}

/// There is no such queue.
pub(super) fn unknown(machine: &Machine, name: &QueueName) -> Problem {
    let known: Vec<&str> = machine.queues.names().map(QueueName::as_str).collect();
    Problem::not_found(format!("there is no queue `{name}`; there are {}", known.join(", ")))
}

/// It does not answer.
pub(super) fn busy(error: AskError) -> Problem {
    tracing::warn!(%error, "a queue did not answer");
    Problem::unavailable("the queue does not answer just now; try again shortly")
}
