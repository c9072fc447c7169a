//! What flows did and were: runs with their steps, and versions.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::clock::Timestamp;
use appengine_actors::flow::book::{Flows, RunsWanted};
use appengine_actors::flow::run::RunStatus;
use appengine_actors::ids::{RecordId, RunId};
use appengine_actors::list::Span;
use appengine_actors::log::EventLog;
use serde::Deserialize;
use serde_json::{Value, json};

use super::schema::{self, RunPage};
use crate::auth::role::Permission;
use crate::http::admit::Caller;
use crate::http::paging::{self, TIME};
use crate::http::repository::schema::RECORD_ID;
use crate::http::route::{Access, Route, id, one_of, text, whole};
use crate::http::shown::{self, Hidden};
use crate::http::take::Params;
use crate::problem::Problem;

pub(super) use crate::http::paging::LAST_PAGE;

/// Who may see what flows did.
pub const READ: Access = Access::Staff(Permission::Read, "read:automation");

pub(super) fn routes() -> [Route; 2] {
    [
        Route::get("/automation/executions", READ, list)
            .about(super::TAG, "Runs, newest first")
            .query("automationId", text(RECORD_ID), "runs of one flow only")
            .query("status", one_of(&super::STATUSES), "runs in one status only")
            .query("from", text(TIME), "runs made at this time or later")
            .query("to", text(TIME), "runs made at this time or earlier")
            .query("page", whole(1, LAST_PAGE), "from 1")
            .query("pageSize", whole(1, 500), "runs on a page, 50 if not given")
            .query("before", id(RunId::PREFIX), "runs older than this one")
            .gives::<RunPage>(StatusCode::OK)
            .leads(&[("id", "/data/0/id")], &["GET /automation/executions/{id}"]),
        Route::get("/automation/executions/{id}", READ, one)
            .about(super::TAG, "A run: every step with input, output, attempts and timings")
            .part("id", id(RunId::PREFIX))
            .gives::<schema::Run>(StatusCode::OK),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListParams {
    automation_id: Option<RecordId>,
    status: Option<RunStatus>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    page: Option<usize>,
    page_size: Option<usize>,
    before: Option<RunId>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct VersionsParams {
    page: Option<usize>,
    page_size: Option<usize>,
}

async fn list(
    caller: Caller,
    flows: web::Data<Flows>,
    log: web::Data<EventLog>,
    Params(params): Params<ListParams>,
) -> Result<HttpResponse, Problem> {
    let page = paging::read(params.page, params.page_size)?;
    let wanted = RunsWanted {
        flow: params.automation_id,
        status: params.status,
        made: Span { from: params.from, to: params.to },
        before: params.before,
    };
    let listed = flows.runs(&caller.org, &wanted, page.slice()).await?;
    let hidden = Hidden::of(&caller, &log, listed.rows.iter().map(|run| run.event)).await?;
    Ok(HttpResponse::Ok().json(page.envelope(&listed, |run| shown::run(run, &hidden))))
}

async fn one(
    caller: Caller,
    flows: web::Data<Flows>,
    log: web::Data<EventLog>,
    id: web::Path<RunId>,
) -> Result<HttpResponse, Problem> {
    let (run, steps) = flows.run(&caller.org, *id).await?;
    let hidden = Hidden::of(&caller, &log, [run.event]).await?;
    let mut body = shown::run(&run, &hidden);
    if let Some(fields) = body.as_object_mut() {
        fields.insert("steps".to_owned(), Value::from(shown::steps(&caller, &run, &steps, &hidden)));
    }
    Ok(HttpResponse::Ok().json(body))
}

pub(super) async fn versions(
    caller: Caller,
    flows: web::Data<Flows>,
    id: web::Path<RecordId>,
    Params(params): Params<VersionsParams>,
) -> Result<HttpResponse, Problem> {
    let page = paging::read(params.page, params.page_size)?;
    let listed = flows.versions(&caller.org, &id, page.slice()).await?;
    let version = |(number, flow): &(u64, _)| json!({"version": number, "data": flow});
    Ok(HttpResponse::Ok().json(page.envelope(&listed, version)))
}
