//! MongoDB's verbs over records (contract §3.3), for clients that speak them. This file has the chapter's
//! part of the route table and its handlers; writes are carried out by `work`.

mod bodies;
mod bulk;
mod change;
mod schema;
mod work;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::ids::Datatype;
use appengine_actors::machine::Machine;
use appengine_actors::record::Options;
use serde_json::{Value, json};

use self::bodies::{
    AggregateBody, BulkBody, CountBody, DeleteBody, DistinctBody, FindBody, InsertManyBody, InsertOneBody,
    Operation, ReplaceBody, UpdateBody, documents,
};
use self::bulk::Bulk;
use self::work::{Done, Work};
use super::admit::Caller;
use super::repository::bodies::{self as records, Fields, shaped};
use super::repository::list::{self, Place, read_options, read_query, refused};
use super::repository::read::aggregated;
use super::repository::rules::{self, Act};
use super::repository::schema::RecordPage;
use super::route::{Access, Route};
use super::take::Json;
use crate::auth::role::Permission;
use crate::problem::Problem;

const TAG: &str = "Dynamic queries";
const READ: Access = Access::Content(Permission::Read, "read:data");
const CREATE: Access = Access::Content(Permission::Create, "write:data");
const UPDATE: Access = Access::Content(Permission::Update, "write:data");
const DELETE: Access = Access::Content(Permission::Delete, "write:data");

/// The routes of this chapter, each under both of its names.
#[must_use]
pub fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    let mut add = |paths: [&'static str; 2], make: &dyn Fn(&'static str) -> Route| {
        let [name, alias] = paths;
        routes.extend([make(name), make(alias).hidden()]);
    };
    add(["/dynamic-query/find", "/mongodb/find"], &|path| {
        let route = Route::post(path, READ, find).about(TAG, "The records that match a filter");
        route.takes::<schema::Find>().gives::<RecordPage>(StatusCode::OK)
    });
    add(["/dynamic-query/findOne", "/mongodb/findOne"], &|path| {
        let route = Route::post(path, READ, find_one).about(TAG, "The first record that matches a filter");
        route.takes::<schema::Find>().gives::<schema::One>(StatusCode::OK)
    });
    add(["/dynamic-query/aggregate", "/mongodb/aggregate"], &|path| {
        let route = Route::post(path, READ, aggregate).about(TAG, "What a pipeline makes of a collection");
        route.takes::<schema::Aggregate>().gives_object(StatusCode::OK)
    });
    add(["/dynamic-query/count", "/mongodb/count"], &|path| {
        let route = Route::post(path, READ, count).about(TAG, "How many records match a filter");
        route.takes::<schema::Count>().gives::<schema::Counted>(StatusCode::OK)
    });
    add(["/dynamic-query/distinct", "/mongodb/distinct"], &|path| {
        let route = Route::post(path, READ, distinct).about(TAG, "The values that a field has");
        route.takes::<schema::Distinct>().gives::<schema::Values>(StatusCode::OK)
    });
    add(["/dynamic-query/insertOne", "/mongodb/insertOne"], &|path| {
        let route = Route::post(path, CREATE, insert_one).about(TAG, "Create a record");
        route.takes::<schema::InsertOne>().gives::<schema::InsertedOne>(StatusCode::CREATED)
    });
    add(["/dynamic-query/insertMany", "/mongodb/insertMany"], &|path| {
        let route =
            Route::post(path, CREATE, insert_many).about(TAG, "Create up to 500 records, all or none");
        route.takes::<schema::InsertMany>().gives::<schema::InsertedMany>(StatusCode::CREATED)
    });
    add(["/dynamic-query/updateOne", "/mongodb/updateOne"], &|path| {
        let about = "Change the first record that matches, by $set, $unset, $inc and $push";
        let route = Route::post(path, UPDATE, update_one).about(TAG, about);
        route.takes::<schema::UpdateOne>().gives::<schema::Updated>(StatusCode::OK)
    });
    add(["/dynamic-query/updateMany", "/mongodb/updateMany"], &|path| {
        let about = "Change up to 500 records that match, each by itself";
        let route = Route::post(path, UPDATE, update_many).about(TAG, about);
        route.takes::<schema::UpdateMany>().gives::<schema::Updated>(StatusCode::OK)
    });
    add(["/dynamic-query/replaceOne", "/mongodb/replaceOne"], &|path| {
        let route =
            Route::post(path, UPDATE, replace_one).about(TAG, "Replace the `data` of the first that matches");
        route.takes::<schema::Replace>().gives::<schema::Updated>(StatusCode::OK)
    });
    add(["/dynamic-query/deleteOne", "/mongodb/deleteOne"], &|path| {
        let about = "Delete the first record that matches, softly or for good";
        let route = Route::post(path, DELETE, delete_one).about(TAG, about);
        route.takes::<schema::DeleteOne>().gives::<schema::Deleted>(StatusCode::OK)
    });
    add(["/dynamic-query/deleteMany", "/mongodb/deleteMany"], &|path| {
        let about = "Delete up to 500 records that match, each by itself";
        let route = Route::post(path, DELETE, delete_many).about(TAG, about);
        route.takes::<schema::DeleteMany>().gives::<schema::Deleted>(StatusCode::OK)
    });
    add(["/dynamic-query/bulkWrite", "/mongodb/bulkWrite"], &|path| {
        let about = "Several writes in their order, up to 500 records in all";
        let route = Route::post(path, CREATE, bulk_write).about(TAG, about);
        route.takes::<schema::BulkWrite>().gives::<schema::BulkWritten>(StatusCode::OK)
    });
    routes
}

/// Reads a body's filter and options and lists what matches.
async fn found(caller: &Caller, machine: &Machine, body: &FindBody, one: bool) -> Result<Value, Problem> {
    let datatype = rules::datatype(&body.collection)?;
    rules::check_all(caller, &datatype, Act::Read, Permission::Read)?;
    let (query, wanted) = (read_query("filter", &body.filter), read_options(&body.options));
    let (query, mut wanted) = match (query, wanted) {
        (Ok(query), Ok(wanted)) => (query, wanted),
        (query, wanted) => {
            let problems = [query.err(), wanted.err()].into_iter().flatten().flatten().collect();
            return Err(refused("the filter cannot be taken", problems));
        }
    };
    if one {
        wanted.options.page_size = 1;
    }
    list::list(place(caller, machine, &datatype), &query, &wanted, None).await
}

fn place<'a>(caller: &'a Caller, machine: &'a Machine, datatype: &'a Datatype) -> Place<'a> {
    Place { caller, records: &machine.records, datatype, budget: machine.house.settings.query_documents }
}

async fn find(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(found(&caller, &machine, &shaped(body)?, false).await?))
}

async fn find_one(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let page = found(&caller, &machine, &shaped(body)?, true).await?;
    Ok(HttpResponse::Ok().json(json!({"data": page["data"].get(0)})))
}

async fn aggregate(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let AggregateBody { collection, pipeline } = shaped(body)?;
    let datatype = rules::datatype(&collection)?;
    let data = aggregated(&caller, &machine.records, &machine, &datatype, &pipeline).await?;
    Ok(HttpResponse::Ok().json(json!({"data": data, "total": data.len(), "datatype": datatype})))
}

async fn count(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let CountBody { collection, filter } = shaped(body)?;
    let datatype = rules::datatype(&collection)?;
    rules::check_all(&caller, &datatype, Act::Read, Permission::Read)?;
    let query =
        read_query("filter", &filter).map_err(|found| refused("the filter cannot be taken", found))?;
    let options = Options { page_size: 1, ..Options::default() };
    let page = list::find(place(&caller, &machine, &datatype), &query, &options, None).await?;
    if !page.total_is_lower_bound {
        return Ok(HttpResponse::Ok().json(json!({"count": page.total})));
    }
    let pipeline = json!([{"$match": or_everything(filter)}, {"$count": "count"}]);
    let counted = aggregated(&caller, &machine.records, &machine, &datatype, &pipeline).await?;
    let count = counted.first().and_then(|row| row.get("count")).and_then(Value::as_u64).unwrap_or_default();
    Ok(HttpResponse::Ok().json(json!({"count": count})))
}

async fn distinct(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let DistinctBody { collection, field, filter } = shaped(body)?;
    let datatype = rules::datatype(&collection)?;
    let path = format!("${field}");
    // As MongoDB's: the elements of arrays count one by one, and missing fields not at all.
    let pipeline = json!([{"$match": or_everything(filter)}, {"$unwind": path}, {"$group": {"_id": path}}]);
    let rows = aggregated(&caller, &machine.records, &machine, &datatype, &pipeline).await?;
    let values: Vec<Value> =
        rows.into_iter().filter_map(|mut row| row.get_mut("_id").map(Value::take)).collect();
    Ok(HttpResponse::Ok().json(json!({"values": values, "total": values.len()})))
}

fn or_everything(filter: Value) -> Value {
    if filter.is_null() { json!({}) } else { filter }
}

async fn insert_one(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let InsertOneBody { collection, document } = shaped(body)?;
    let datatype = rules::datatype(&collection)?;
    let work = Work { caller: &caller, machine: &machine, datatype: &datatype };
    let done = work.insert(vec![records::new(document)?]).await?;
    let record = done.inserted.first().ok_or_else(|| Problem::internal(&"the bus created no record"))?;
    let answer = json!({"acknowledged": true, "insertedId": record.sk, "data": record.to_json()});
    Ok(HttpResponse::Created().json(answer))
}

async fn insert_many(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let body: InsertManyBody = shaped(body)?;
    let datatype = rules::datatype(&body.collection)?;
    let work = Work { caller: &caller, machine: &machine, datatype: &datatype };
    let done = work.insert(documents(body.documents)?).await?;
    let ids: Vec<_> = done.inserted.iter().map(|record| &record.sk).collect();
    let answer = json!({"acknowledged": true, "insertedCount": ids.len(), "insertedIds": ids});
    Ok(HttpResponse::Created().json(answer))
}

async fn update_one(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let operation = shaped::<UpdateBody>(body)?.read(false)?;
    Ok(HttpResponse::Ok().json(updated(&carried_out(&caller, &machine, operation).await?)))
}

async fn update_many(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let operation = shaped::<UpdateBody>(body)?.read(true)?;
    Ok(HttpResponse::Ok().json(updated(&carried_out(&caller, &machine, operation).await?)))
}

async fn replace_one(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let operation = shaped::<ReplaceBody>(body)?.read()?;
    Ok(HttpResponse::Ok().json(updated(&carried_out(&caller, &machine, operation).await?)))
}

async fn delete_one(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let operation = shaped::<DeleteBody>(body)?.read(false)?;
    Ok(HttpResponse::Ok().json(deleted(&carried_out(&caller, &machine, operation).await?)))
}

async fn delete_many(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let operation = shaped::<DeleteBody>(body)?.read(true)?;
    Ok(HttpResponse::Ok().json(deleted(&carried_out(&caller, &machine, operation).await?)))
}

async fn carried_out(
    caller: &Caller,
    machine: &Machine,
    (datatype, operation): (Datatype, Operation),
) -> Result<Done, Problem> {
    Work { caller, machine, datatype: &datatype }.carry_out(operation, records::MOST).await
}

fn updated(done: &Done) -> Value {
    json!({
        "acknowledged": true, "matchedCount": done.matched, "modifiedCount": done.modified, "failed": done.failed,
        "data": done.record.as_ref().map(appengine_actors::record::model::Record::to_json),
    })
}

fn deleted(done: &Done) -> Value {
    json!({"acknowledged": true, "deletedCount": done.deleted, "failed": done.failed})
}

async fn bulk_write(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let body: BulkBody = shaped(body)?;
    let datatype = rules::datatype(&body.collection)?;
    let bulk = Bulk::read(body)?;
    bulk.check(&caller, &datatype)?;
    let work = Work { caller: &caller, machine: &machine, datatype: &datatype };
    Ok(HttpResponse::Ok().json(bulk.carry_out(work).await))
}
