//! Records over REST (contract §3.2): this file is the chapter's part of the route table. What the routes
//! do is in `read` and `write`; who may is in `rules`.

pub mod bodies;
pub mod kept;
pub mod list;
pub mod lookup;
pub mod read;
pub mod rules;
pub mod schema;
pub mod write;

use actix_web::http::{Method, StatusCode};

use super::route::{Access, Route, one_of, schema_of, text, whole};
use crate::auth::role::Permission;
pub use list::find_page;
use list::{LARGEST_PAGE, LAST_PAGE};
use schema::{
    BaseModel, CURSOR, Collections, CreateBody, CreateInBody, DATATYPE, DeletedMany, FindBody, Ids,
    PartialBody, PipelineBody, RecordPage, SearchBody, Unique, UpdateBody, path_pattern,
};

const TAG: &str = "Records";

/// What can be done with a record.
const ONE: [&str; 5] = [
    "GET /repository/get/{datatype}/{id}",
    "GET /repository/find-any-id/{datatype}/{id}",
    "POST /repository/update/{datatype}/{id}",
    "POST /repository/update-partial/{datatype}/{id}",
    "DELETE /repository/delete/{datatype}/{id}",
];

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    [reading(), listing(), writing()].into_iter().flatten().collect()
}

const READ: Access = Access::Content(Permission::Read, "read:data");
const READ_ONE: Access = Access::Record(Permission::Read, "read:data");
const CREATE: Access = Access::Content(Permission::Create, "write:data");
const UPDATE_ONE: Access = Access::Record(Permission::Update, "write:data");
const DELETE: Access = Access::Content(Permission::Delete, "write:data");
const DELETE_ONE: Access = Access::Record(Permission::Delete, "write:data");

fn reading() -> Vec<Route> {
    vec![
        enriched(Route::get("/repository/get/{datatype}/{id}", READ_ONE, read::get))
            .about(TAG, "A record by its id")
            .gives::<BaseModel>(StatusCode::OK),
        enriched(Route::get("/repository/find-any-id/{datatype}/{id}", READ_ONE, read::find_any_id))
            .about(TAG, "A record by its id, by `org/datatype/id`, or by its e-mail")
            .part("id", text(r"^[^\x00-\x1f\x7f-\x9f/]+$"))
            .gives::<BaseModel>(StatusCode::OK),
        enriched(Route::get(
            "/repository/find-any-id/{datatype}/{org}/{of}/{id}",
            READ_ONE,
            read::find_any_id_by_tail,
        ))
        .about(TAG, "A record by `org/datatype/id`")
        .gives::<BaseModel>(StatusCode::OK)
        .hidden(),
        Route::get("/repository/isunique", Access::Staff(Permission::Read, "read:data"), read::is_unique)
            .about(TAG, "Whether no record of a collection has this value in this attribute")
            .needs("datatype", text(DATATYPE), "the collection")
            .needs("attribute", text(&path_pattern()), "`data.email`, or `email` for short")
            .needs("value", schema_of::<String>(), "as text: numbers and booleans are found as well")
            .gives::<Unique>(StatusCode::OK),
        collections("/repository/collections"),
        collections("/repository/collection").hidden(),
    ]
}

fn collections(path: &'static str) -> Route {
    Route::get(path, Access::Staff(Permission::Read, "read:data"), read::collections)
        .about(TAG, "The collections that have records, and how many")
        .gives::<Collections>(StatusCode::OK)
}

fn listing() -> Vec<Route> {
    vec![
        Route::post("/repository/find/{datatype}", READ, read::find)
            .about(TAG, "The records that match a query; only `query` and `options` are read")
            .takes::<FindBody>()
            .gives::<RecordPage>(StatusCode::OK),
        paged(Route::get("/repository/find-page-data/{datatype}", READ, read::find_page_data))
            .about(TAG, "The records of a collection")
            .gives::<RecordPage>(StatusCode::OK),
        paged(Route::get("/repository/activities/get", READ, read::activities))
            .about(TAG, "The records of the collection `activity`, the latest first")
            .gives::<RecordPage>(StatusCode::OK),
        paged(by_attribute("/repository/find-by-attribute/{datatype}/{attribute}/{value}")),
        paged(by_attribute("/repository/query/{datatype}/{attribute}/{value}")).hidden(),
        Route::post("/repository/search/{datatype}", READ, read::search)
            .about(TAG, "The records with a keyword in any text under `data`")
            .takes::<SearchBody>()
            .gives::<RecordPage>(StatusCode::OK),
        Route::get("/repository/search/{datatype}", READ, read::search_by_get)
            .about(TAG, "The records with a keyword in any text under `data`")
            .query("keyword", schema::keyword(), "in any case")
            .query("page", whole(1, LAST_PAGE), "from 1")
            .query("pageSize", whole(1, LARGEST_PAGE), "records on a page, 50 if not given")
            .gives::<RecordPage>(StatusCode::OK),
        Route::post("/repository/aggregate/{datatype}", READ, read::aggregate)
            .about(
                TAG,
                "What a pipeline of $match, $group, $sort, $limit, $skip, $project, $count and $unwind makes",
            )
            .takes::<PipelineBody>()
            .gives_object(StatusCode::OK),
    ]
}

fn by_attribute(path: &'static str) -> Route {
    Route::get(path, READ, read::find_by_attribute)
        .about(TAG, "The records that have a value in an attribute, however it is spelled")
        .part("attribute", text(&path_pattern()))
        .part("value", text(r"^[^\x00-\x1f\x7f-\x9f/]+$"))
        .gives::<RecordPage>(StatusCode::OK)
}

fn writing() -> Vec<Route> {
    let created = |route: Route| {
        route
            .gives::<BaseModel>(StatusCode::CREATED)
            .leads(&[("datatype", "/datatype"), ("id", "/sk")], &ONE)
            .also(
                StatusCode::OK,
                "An exact repeat of a create whose record stands unchanged: nothing was done, and the body is empty",
            )
    };
    vec![
        created(Route::new(Method::PUT, "/repository/create", CREATE, write::create))
            .about(TAG, "Create a record")
            .takes::<CreateBody>(),
        created(Route::post("/repository/create", CREATE, write::create))
            .about(TAG, "Create a record")
            .takes::<CreateBody>(),
        created(Route::post("/repository/create/{datatype}", CREATE, write::create_in))
            .about(TAG, "Create a record in a collection, with its fields under `data` or by themselves")
            .takes::<CreateInBody>(),
        Route::post("/repository/update/{datatype}/{id}", UPDATE_ONE, write::update)
            .about(TAG, "Replace a record's `data`; with `version`, only if nobody wrote it meanwhile")
            .takes::<UpdateBody>()
            .gives::<BaseModel>(StatusCode::OK),
        Route::post("/repository/update/{id_or_datatype}", UPDATE_ONE, write::update_one)
            .about(TAG, "Replace a record's `data`, the record being named partly by the body")
            .takes::<UpdateBody>()
            .gives::<BaseModel>(StatusCode::OK)
            .hidden(),
        Route::post("/repository/update-partial/{datatype}/{id}", UPDATE_ONE, write::update_partial)
            .about(TAG, "Set single fields by their dotted paths, with `version` as for an update; an object replaces the whole branch")
            .takes::<PartialBody>()
            .gives::<BaseModel>(StatusCode::OK),
        hard(Route::new(Method::DELETE, "/repository/delete/{datatype}/{id}", DELETE_ONE, write::delete))
            .about(
                TAG,
                "Delete a record: its state becomes `deleted` and lists leave it out, or it goes for good",
            )
            .gives::<BaseModel>(StatusCode::OK),
        hard(Route::post("/repository/delete/{datatype}", DELETE, write::delete_many))
            .about(TAG, "Delete up to 500 records, each by itself")
            .takes::<Ids>()
            .gives::<DeletedMany>(StatusCode::OK),
    ]
}

fn enriched(route: Route) -> Route {
    route.query("en", schema_of::<bool>(), "accepted; it has no effect")
}

fn hard(route: Route) -> Route {
    route.query("hard", schema_of::<bool>(), "whether it goes for good").query(
        "hardDelete",
        schema_of::<bool>(),
        "the same, as flows spell it",
    )
}

fn paged(route: Route) -> Route {
    enriched(route)
        .query("p", whole(1, LAST_PAGE), "the page, from 1")
        .query("ps", whole(1, LARGEST_PAGE), "records on a page, 50 if not given")
        .query("page", whole(1, LAST_PAGE), "the same as `p`, which counts where both are given")
        .query("pageSize", whole(1, LARGEST_PAGE), "the same as `ps`, which counts where both are given")
        .query("s", text(&path_pattern()), "the field to sort by, `modifydate` if not given")
        .query("st", one_of(&["asc", "desc"]), "the direction, `desc` if not given")
        .query("l", text(CURSOR), "`lastItem` of the page before, in lists by modifydate or createdate")
}
