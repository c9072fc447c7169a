//! Assistants: records of `ai_assistant` (contract §8) under addresses of their own, by the rules that records have.

mod schema;

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use appengine_actors::ids::{Datatype, RecordId};
use appengine_actors::machine::Machine;
use appengine_actors::record::body::RecordBody;
use appengine_actors::record::model::Record;
use appengine_actors::record::service::Created;
use appengine_actors::rights::collections::Act;
use appengine_actors::session::stream::assistant::DATATYPE;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::schema::{AssistantBody, AssistantPatch};
use super::TAG;
use crate::auth::role::Permission;
use crate::http::admit::Caller;
use crate::http::keep::keep;
use crate::http::paging::LAST_PAGE;
use crate::http::repository::schema::{BaseModel, RecordPage};
use crate::http::repository::{find_page, read, rules, write};
use crate::http::route::{Access, Route, text, whole};
use crate::http::take::{Json, Params};
use crate::problem::Problem;

/// Assistants on a page, and the most of them.
const USUAL: u32 = 50;
const MOST: u32 = 200;
/// What can be done with an assistant.
const ONE: [&str; 3] = ["GET /ai/assistants/{id}", "PATCH /ai/assistants/{id}", "DELETE /ai/assistants/{id}"];

/// The routes of this part.
pub(super) fn routes() -> Vec<Route> {
    let read = Access::Staff(Permission::Read, "read:ai");
    let create = Access::Staff(Permission::Create, "write:ai");
    let update = Access::Staff(Permission::Update, "write:ai");
    let delete = Access::Staff(Permission::Delete, "write:ai");
    let one = |route: Route, about| {
        let route = route.about(TAG, about).part("id", text(r"^[^\x00-\x1f\x7f-\x9f/]+$"));
        route.gives::<BaseModel>(StatusCode::OK)
    };
    vec![
        Route::get("/ai/assistants", read, list)
            .about(TAG, "Assistants")
            .query("page", whole(1, LAST_PAGE), "from 1")
            .query("pageSize", whole(1, MOST), "assistants on a page, 50 if not given")
            .gives::<RecordPage>(StatusCode::OK)
            .leads(&[("id", "/data/0/sk")], &ONE),
        Route::post("/ai/assistants", create, make)
            .about(TAG, "Make an assistant")
            .takes::<AssistantBody>()
            .gives::<BaseModel>(StatusCode::CREATED)
            .leads(&[("id", "/sk")], &ONE),
        one(Route::get("/ai/assistants/{id}", read, get), "An assistant"),
        one(Route::new(Method::PUT, "/ai/assistants/{id}", update, replace), "Replace what an assistant is")
            .takes::<AssistantBody>(),
        one(
            Route::new(Method::PATCH, "/ai/assistants/{id}", update, patch),
            "Change what the body names of an assistant; null takes away",
        )
        .takes::<AssistantPatch>(),
        one(
            Route::new(Method::DELETE, "/ai/assistants/{id}", delete, remove),
            "Delete an assistant; as a record it can be restored",
        ),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListParams {
    page: Option<u32>,
    page_size: Option<u32>,
}

type Fields = Map<String, Value>;

async fn list(
    caller: Caller,
    machine: web::Data<Machine>,
    Params(params): Params<ListParams>,
) -> Result<HttpResponse, Problem> {
    let (page, size) = (params.page.unwrap_or(1), params.page_size.unwrap_or(USUAL));
    let (is_page, is_size) = ((1..=LAST_PAGE).contains(&page), (1..=MOST).contains(&size));
    let within = format!("must be a whole number from 1 to {LAST_PAGE}");
    let within_page = format!("must be a whole number from 1 to {MOST}");
    keep("the list cannot be given", [("page", is_page, &*within), ("pageSize", is_size, &*within_page)])?;
    let options = json!({"page": page, "pageSize": size});
    let found = find_page(&caller, &machine.records, &machine, DATATYPE, &json!({}), &options).await?;
    Ok(HttpResponse::Ok().json(found))
}

async fn make(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(data): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let body = RecordBody { data: Some(data), ..RecordBody::default() };
    let new = write::new_record(&caller, datatype()?, body)?;
    match machine.records.create(&caller.org, new, &write::origin(&caller)).await? {
        Created::New(record) => Ok(HttpResponse::Created().json(record.to_json())),
        Created::Repeat => Err(Problem::internal(&"an assistant was taken for one that was made before")),
    }
}

async fn get(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<RecordId>,
) -> Result<HttpResponse, Problem> {
    let found = read::one(&caller, &machine.records, (&datatype()?, &id)).await?;
    Ok(HttpResponse::Ok().json(found.to_json()))
}

async fn replace(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<RecordId>,
    Json(data): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let body = RecordBody { data: Some(data), ..RecordBody::default() };
    let replaced = write::replace(&caller, &machine.records, (&datatype()?, &id), body).await?;
    Ok(HttpResponse::Ok().json(replaced.to_json()))
}

async fn patch(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<RecordId>,
    Json(changes): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let edit = |record: &mut Record| {
        for (field, value) in &changes {
            if value.is_null() {
                record.data.shift_remove(field);
            } else {
                record.data.insert(field.clone(), value.clone());
            }
        }
        Ok(())
    };
    let changed = write::change(&caller, &machine.records, (&datatype()?, &id), None, false, edit).await?;
    Ok(HttpResponse::Ok().json(changed.to_json()))
}

async fn remove(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<RecordId>,
) -> Result<HttpResponse, Problem> {
    let datatype = datatype()?;
    rules::check_all(&caller, &datatype, Act::Change, Permission::Delete)?;
    let removed = write::remove(&caller, &machine, (&datatype, &id), false, |_| true).await?;
    let removed = removed.ok_or_else(|| rules::missing(&datatype, &id))?;
    Ok(HttpResponse::Ok().json(removed.to_json()))
}

fn datatype() -> Result<Datatype, Problem> {
    rules::datatype(DATATYPE)
}
