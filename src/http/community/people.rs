//! Whom somebody does not want to hear, and what they have to say about somebody to the staff.

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use appengine_actors::ids::Datatype;
use appengine_actors::machine::Machine;
use appengine_actors::record::service::{Created, NewRecord, Origin};
use appengine_actors::session::community::rules::MOST_ADDRESS;
use appengine_actors::session::community::who::Handle;
use appengine_actors::session::community::wish::Refusal;
use appengine_actors::session::community::{Asker, TalksError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::schema::{BlockBody as BlockSchema, BlockList, ReportBody as ReportSchema};
use super::{SIGNED, asker, both, mirrored};
use crate::http::admit::Caller;
use crate::http::route::Route;
use crate::http::take::{Json, Object};
use crate::problem::{Detail, Problem};

/// What may be wrong with somebody.
pub(super) const REASONS: [&str; 5] = ["spam", "harassment", "inappropriate", "unwanted_contact", "other"];
/// Characters that say more of it.
pub(super) const MOST_DETAILS: usize = 2_000;
/// Bytes of where it was.
const MOST_CONTEXT: usize = 4_096;
/// Where it is kept.
const REPORTS: &str = "community_report";

pub(super) fn routes() -> Vec<Route> {
    let all = [
        mirrored(both!("/blocks"), "Hear nothing of somebody, nor they of oneself directly", |path| {
            Route::post(path, SIGNED, block).takes::<BlockSchema>().gives_object(StatusCode::CREATED)
        }),
        mirrored(both!("/blocks"), "Those of whom one hears nothing", |path| {
            Route::get(path, SIGNED, blocks).gives::<BlockList>(StatusCode::OK)
        }),
        mirrored(both!("/blocks/{email}"), "Hear somebody again", |path| {
            Route::new(Method::DELETE, path, SIGNED, unblock).gives_object(StatusCode::OK)
        }),
        mirrored(both!("/reports"), "Tell the staff of somebody, or of what they said", |path| {
            Route::post(path, SIGNED, report)
                .takes::<ReportSchema>()
                .gives_object(StatusCode::CREATED)
                .also(StatusCode::OK, "it was told before")
        }),
    ];
    all.into_iter().flatten().collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockBody {
    email: String,
}

#[derive(Deserialize, Serialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Reason {
    Spam,
    Harassment,
    Inappropriate,
    UnwantedContact,
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReportBody {
    reported_id: String,
    reason: Reason,
    #[serde(default)]
    details: String,
    #[serde(default)]
    context: Map<String, Value>,
}

async fn block(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(Object(BlockBody { email })): Json<Object<BlockBody>>,
) -> Result<HttpResponse, Problem> {
    let told = set(&caller, &machine, &email, true).await?;
    Ok(HttpResponse::Created().json(told))
}

async fn unblock(
    caller: Caller,
    machine: web::Data<Machine>,
    email: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let told = set(&caller, &machine, &email, false).await?;
    Ok(HttpResponse::Ok().json(told))
}

async fn set(caller: &Caller, machine: &Machine, email: &str, blocked: bool) -> Result<Value, Problem> {
    let asker = asker(caller)?;
    let whom = machine.sessions.talks.person(&asker.org, email).await?;
    machine.sessions.talks.block(&asker, &whom, blocked).await?;
    Ok(json!({"email": whom.email, "role": whom.side.name(), "blocked": blocked}))
}

async fn blocks(caller: Caller, machine: web::Data<Machine>) -> Result<HttpResponse, Problem> {
    let asker = person(&caller)?;
    let found = machine.sessions.talks.blocked_by(&asker.org, &Handle::of(&asker.person)).await;
    let found = found.map_err(TalksError::from)?;
    let rows: Vec<Value> =
        found.iter().map(|whom| json!({"email": whom.email(), "role": whom.side().name()})).collect();
    Ok(HttpResponse::Ok().json(json!({"total": rows.len(), "data": rows})))
}

/// Somebody with an account.
fn person(caller: &Caller) -> Result<Asker, Problem> {
    let asker = asker(caller)?;
    if asker.person.guest {
        return Err(TalksError::from(Refusal::Guest).into());
    }
    Ok(asker)
}

async fn report(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(Object(body)): Json<Object<ReportBody>>,
) -> Result<HttpResponse, Problem> {
    let asker = person(&caller)?;
    let ReportBody { reported_id, reason, details, context } = body;
    let context_bytes = serde_json::to_vec(&context).map_or(usize::MAX, |text| text.len());
    let bounds = [
        (
            "reportedId",
            reported_id.trim().is_empty() || reported_id.chars().count() > MOST_ADDRESS,
            MOST_ADDRESS,
        ),
        ("details", details.chars().count() > MOST_DETAILS, MOST_DETAILS),
        ("context", context_bytes > MOST_CONTEXT, MOST_CONTEXT),
    ];
    let wrong = bounds.into_iter().filter(|(_, is_wrong, _)| *is_wrong).map(|(path, _, most)| Detail {
        path: path.to_owned(),
        message: format!("must be given, of {most} characters at most"),
    });
    let wrong: Vec<Detail> = wrong.collect();
    if !wrong.is_empty() {
        return Err(Problem::invalid("the report cannot be taken", wrong));
    }
    let data = json!({
        "reportedId": reported_id, "reason": reason, "details": details, "context": context,
        "reporter": asker.person.email, "reporterId": asker.person.id,
        "reporterRole": asker.person.side.name(), "status": "new",
    });
    let Value::Object(data) = data else { return Err(Problem::internal(&"a report is no object")) };
    let datatype = Datatype::new(REPORTS).map_err(|error| Problem::internal(&error))?;
    let new = NewRecord { datatype, sk: None, data, meta: Map::new(), once: true };
    let origin = Origin { by: Some(caller.label().to_owned()), ..Origin::default() };
    match machine.records.create(&asker.org, new, &origin).await? {
        Created::New(record) => Ok(HttpResponse::Created().json(json!({"id": record.sk, "success": true}))),
        Created::Repeat => Ok(HttpResponse::Ok().finish()),
    }
}
