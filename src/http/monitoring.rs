//! Monitoring: is it well, what do the queues do, who uses it how much (contract §12, §14).

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::flow::tasks::datatype;
use appengine_actors::ids::{JobId, QueueName, RecordId};
use appengine_actors::keys;
use appengine_actors::machine::Machine;
use appengine_actors::queue::job::{Job, JobState};
use appengine_actors::queue::jobs_of;
use appengine_actors::queue::parts::{self, Part};
use appengine_actors::supervision::ChildState;
use appengine_actors::tree::{TREE, member_of};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

use super::admit::Caller;
use super::metrics::Metrics;
use super::route::{Access, Route, id, one_of, whole};
use super::take::Params;
use crate::auth::role::Permission;
use crate::connect::receiver::Receiver;
use crate::gateway::Gateway;
use crate::monitor::Monitor;
use crate::problem::{Detail, Problem};

const TAG: &str = "Monitoring";
const STATES: [&str; 6] = ["blocked", "waiting", "delayed", "active", "completed", "failed"];
const SCOPE: &str = "read:monitoring";

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let read = Access::Staff(Permission::Read, SCOPE);
    vec![
        Route::get("/health", Access::Open, health)
            .about(TAG, "200 while the store commits and every permanent actor lives")
            .gives_object(StatusCode::OK),
        Route::get("/metrics", Access::Open, metrics)
            .about(TAG, "Figures for Prometheus")
            .gives_media("text/plain; version=0.0.4")
            .hidden(),
        Route::get("/monitoring/health", Access::Open, health)
            .about(TAG, "200 while the store commits and every permanent actor lives")
            .gives_object(StatusCode::OK),
        Route::get("/monitoring/overview", read, overview)
            .about(TAG, "Everything at a glance")
            .gives_object(StatusCode::OK),
        Route::get("/monitoring/system-metrics", read, system_metrics)
            .about(TAG, "CPU, memory, event-loop lag, store, sockets")
            .gives_object(StatusCode::OK),
        Route::get("/monitoring/queues", read, queues)
            .about(TAG, "Depths and rates of the queues")
            .gives_object(StatusCode::OK)
            .leads(&[("name", "/queues/0/name")], &["GET /monitoring/queues/{name}/jobs"]),
        Route::get("/monitoring/queues/{name}/jobs", read, jobs)
            .about(TAG, "This organisation's jobs of a queue")
            .query("state", one_of(&STATES), "jobs in one state, `waiting` if not given")
            .query("page", whole(1, 1000), "from 1, of 50 jobs each")
            .gives_object(StatusCode::OK)
            .leads(&[("id", "/data/0/id")], &["GET /monitoring/jobs/{id}"]),
        Route::get("/monitoring/jobs/{id}", read, job)
            .about(TAG, "One job")
            .part("id", id(JobId::PREFIX))
            .gives_object(StatusCode::OK),
        Route::get("/monitoring/alerts", read, alerts)
            .about(TAG, "What was alarming, newest first")
            .gives_object(StatusCode::OK),
        Route::get("/monitoring/user-activity", read, user_activity)
            .about(TAG, "Who did how much in this organisation")
            .gives_object(StatusCode::OK),
        Route::get("/monitoring/usage", read, usage)
            .about(TAG, "What this organisation used")
            .gives_object(StatusCode::OK),
        Route::get("/monitoring/tree", read, tree)
            .about(TAG, "The supervision tree: states, restarts, questions that wait")
            .gives_object(StatusCode::OK),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JobsParams {
    state: Option<JobState>,
    page: Option<usize>,
}

async fn health(machine: web::Data<Machine>) -> HttpResponse {
    let state = |ok: bool| if ok { "ok" } else { "failing" };
    match machine.health().await {
        Ok(()) => HttpResponse::Ok().json(json!({"status": "ok", "store": "ok", "actors": "ok"})),
        Err(reasons) => {
            let store = !reasons.iter().any(|reason| reason.starts_with("the store"));
            let actors = !reasons.iter().any(|reason| !reason.starts_with("the store"));
            tracing::warn!(?reasons, "not healthy");
            HttpResponse::ServiceUnavailable().insert_header(("retry-after", "1")).json(json!({
                "status": "failing", "store": state(store), "actors": state(actors), "reasons": reasons,
                "statusCode": 503, "error": "Service Unavailable", "message": "the server is not healthy",
                "reason": "unhealthy", "code": "unhealthy", "path": "/health",
            }))
        }
    }
}

async fn metrics(
    metrics: web::Data<Metrics>,
    machine: web::Data<Machine>,
    receiver: web::Data<Receiver>,
) -> Result<HttpResponse, Problem> {
    let text = metrics.render(&machine, &receiver.tally).await.map_err(|error| Problem::internal(&error))?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}

async fn queues(caller: Caller, machine: web::Data<Machine>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"queues": machine.queues.statuses_for(&caller.org).await}))
}

async fn overview(caller: Caller, machine: web::Data<Machine>, monitor: web::Data<Monitor>) -> HttpResponse {
    let health = machine.health().await;
    HttpResponse::Ok().json(json!({
        "status": if health.is_ok() { "ok" } else { "failing" },
        "reasons": health.err().unwrap_or_default(),
        "startedAt": monitor.started(),
        "uptimeSeconds": monitor.uptime().as_secs(),
        "queues": machine.queues.statuses_for(&caller.org).await,
        "usage": monitor.usage(&caller.org),
        "deliveries": machine.house.deliveries.read(),
        "store": machine.house.store.stats(),
        "alerts": monitor.alerts().into_iter().filter(|alert| alert.until.is_none()).collect::<Vec<_>>(),
    }))
}

async fn system_metrics(
    machine: web::Data<Machine>,
    monitor: web::Data<Monitor>,
    gateway: web::Data<Gateway>,
) -> HttpResponse {
    let before = machine.house.clock.elapsed();
    tokio::task::yield_now().await;
    let lag = machine.house.clock.elapsed().saturating_sub(before);
    let process = web::block(process).await.unwrap_or(Value::Null);
    HttpResponse::Ok().json(json!({
        "uptimeSeconds": monitor.uptime().as_secs(),
        "eventLoopLagMs": lag.as_secs_f64() * 1000.0,
        "process": process,
        "store": machine.house.store.stats(),
        "sockets": {"streams": gateway.streams(), "pollingSessions": gateway.sessions()},
    }))
}

/// CPU and memory of this process, as the operating system tells.
fn process() -> Value {
    let (Ok(mut system), Ok(pid)) = (System::new(), sysinfo::get_current_pid()) else { return Value::Null };
    let kinds = ProcessRefreshKind::nothing().with_cpu().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, kinds);
    let Some(process) = system.process(pid) else { return Value::Null };
    json!({
        "memoryBytes": process.memory(), "virtualBytes": process.virtual_memory(),
        "cpuTimeMs": process.accumulated_cpu_time(), "cores": std::thread::available_parallelism().map_or(1, usize::from),
    })
}

async fn jobs(
    caller: Caller,
    machine: web::Data<Machine>,
    name: web::Path<QueueName>,
    Params(params): Params<JobsParams>,
) -> Result<HttpResponse, Problem> {
    const SIZE: usize = 50;
    let name = name.into_inner();
    if !machine.queues.names().any(|known| *known == name) {
        return Err(super::queues::unknown(&machine, &name));
    }
    let page = params.page.unwrap_or(1);
    if !(1..=1000).contains(&page) {
        let detail = Detail { path: "page".into(), message: "must be 1 to 1000".into() };
        return Err(Problem::invalid("the jobs cannot be listed", vec![detail]));
    }
    let state = params.state.unwrap_or(JobState::Waiting);
    let of = (&caller.org, state);
    let found = jobs_of(&machine.house, &name, of, None, page * SIZE + 1).await?.jobs;
    let has_next = found.len() > page * SIZE;
    let data: Vec<Job> = found.into_iter().skip((page - 1) * SIZE).take(SIZE).map(Job::shown).collect();
    Ok(HttpResponse::Ok().json(json!({"data": data, "page": page, "pageSize": SIZE, "hasNext": has_next})))
}

async fn job(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<JobId>,
) -> Result<HttpResponse, Problem> {
    let job = super::jobs::own(&caller, &machine, *id).await?.shown();
    let is_work = job.task.is_work();
    let mut shown = json!(job);
    if is_work && let Some(fields) = shown.as_object_mut() {
        let found = parts::read(&machine.house, &[*id], &Part::ALL).await?;
        let found = Part::ALL.into_iter().zip(found.into_iter().flatten());
        fields.extend(found.filter_map(|(part, value)| Some((part.name().to_owned(), value?))));
    }
    Ok(HttpResponse::Ok().json(shown))
}

async fn alerts(monitor: web::Data<Monitor>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"alerts": monitor.alerts()}))
}

async fn user_activity(caller: Caller, monitor: web::Data<Monitor>) -> HttpResponse {
    let activity = monitor.activity(&caller.org);
    HttpResponse::Ok()
        .json(json!({"since": monitor.started(), "people": activity.len(), "activity": activity}))
}

async fn usage(caller: Caller, monitor: web::Data<Monitor>) -> HttpResponse {
    let usage = monitor.usage(&caller.org);
    HttpResponse::Ok().json(json!({"since": monitor.started(), "orgId": caller.org, "usage": usage}))
}

/// Members of groups that are not shown one by one: other organisations' flows, and all destinations.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Others {
    members: usize,
    running: usize,
    restarts: u64,
    pending_asks: usize,
}

async fn tree(caller: Caller, machine: web::Data<Machine>) -> Result<HttpResponse, Problem> {
    let children = machine.house.registry.statuses();
    let members = children.iter().filter_map(|child| member_of(child.path.as_str()));
    let own = own_flows(&caller, &machine, members.map(|(_, name)| name)).await?;
    let (mut shown, mut others) = (Vec::new(), BTreeMap::<&str, Others>::new());
    for child in &children {
        match member_of(child.path.as_str()) {
            Some((group, name)) if !own.contains(name) => {
                let others = others.entry(group).or_default();
                others.members += 1;
                others.running += usize::from(child.state == ChildState::Running);
                others.restarts += child.restarts;
                others.pending_asks += child.pending_asks;
            }
            _ => shown.push(child),
        }
    }
    Ok(HttpResponse::Ok().json(json!({"root": TREE.name, "actors": shown, "others": others})))
}

/// The names among these that are flows of the caller's organisation.
async fn own_flows<'a>(
    caller: &Caller,
    machine: &Machine,
    names: impl Iterator<Item = &'a str>,
) -> Result<BTreeSet<&'a str>, Problem> {
    let datatype = datatype().map_err(|error| Problem::internal(&error))?;
    let (names, ids): (Vec<&str>, Vec<RecordId>) =
        names.filter_map(|name| Some((name, RecordId::new(name).ok()?))).unzip();
    let records = ids.iter().map(|id| keys::record(&caller.org, &datatype, id)).collect();
    let found = machine.house.store.get_many(records).await?;
    Ok(names.into_iter().zip(found).filter_map(|(name, found)| found.map(|_| name)).collect())
}
