//! Records, and the bodies and answers of their routes.

use appengine_actors::record::model::STATES;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use super::{
    Any, DATATYPE, NAME, NEW_RECORD_ID, Options, Query, RECORD_ID, any_of, anything, closed, list, map,
    named, object, of, one_of, or_null, schemas, text, whole,
};
use crate::auth::role::Role;
use crate::http::repository::bodies::MOST;
use crate::http::repository::list::{LARGEST_PAGE, LAST_PAGE};
use crate::http::repository::lookup::LONGEST_KEYWORD;

schemas! {
    /// A record.
    BaseModel uses [] is base_model().into();

    /// A page of a list.
    RecordPage uses [] is page();

    /// A query and options; everything beside them is ignored.
    FindBody uses [Query, Options] is object()
        .property("query", or_null(named::<Query>()))
        .property("options", or_null(named::<Options>()))
        .into(), like [{
            "query": {"data.status": "paid", "data.total": {"$gte": 50}, "createdate": {"$gte": "2026-04-01"}},
            "options": {"sort": {"createdate": -1}, "page": 1, "pageSize": 20},
        }];

    /// What is searched for.
    SearchBody uses [] is closed([
        ("keyword", or_null(keyword())),
        ("page", or_null(whole(1, LAST_PAGE))),
        ("pageSize", or_null(whole(1, LARGEST_PAGE))),
    ]).into();

    /// A record to create.
    CreateBody uses [] is closed(fields([("datatype", text(DATATYPE)), ("isNew", one_of([true]))]))
        .required("datatype").required("isNew").required("data")
        .into(), like [{
            "datatype": "contact", "isNew": true, "state": "active",
            "data": {"email": "ada@example.com", "firstName": "Ada", "tags": ["early"]},
        }];

    /// A record to create: the application's fields under `data`, or by themselves.
    CreateInBody uses [] is create_in(), like [
        {"data": {"number": "1042", "status": "paid", "total": 59.9}, "state": "active"},
        {"number": "1043", "status": "open", "total": 12},
    ];

    /// Records to create, each as `CreateInBody`.
    Documents uses [CreateInBody] is list(named::<CreateInBody>()).min_items(Some(1)).max_items(Some(MOST)).into();

    /// What a record shall be.
    UpdateBody uses [] is closed(fields([("version", version())])).required("data").into(), like [
        {"data": {"number": "1042", "status": "shipped", "total": 59.9}, "version": 0},
    ];

    /// Dotted paths and their new values.
    PartialBody uses [] is partial(), like [{"data.status": "shipped", "data.parcel.carrier": "DHL"}];

    /// Ids of records.
    Ids uses [] is list(text(RECORD_ID)).min_items(Some(1)).max_items(Some(MOST)).into();

    /// What became of each of many.
    DeletedMany uses [] is deleted_many();

    /// Whether nobody has the value yet.
    Unique uses [] is closed([("unique", of(Type::Boolean))]).required("unique").into();

    /// The collections that have records.
    Collections uses [] is collections();
}

/// What is searched for.
#[must_use]
pub fn keyword() -> Any {
    ObjectBuilder::new().schema_type(Type::String).max_length(Some(LONGEST_KEYWORD)).into()
}

/// How many.
#[must_use]
pub fn count() -> Any {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0_usize)).into()
}

fn version() -> Any {
    let number = ObjectBuilder::new().schema_type(Type::Integer);
    or_null(number.minimum(Some(0_usize)).maximum(Some(usize::MAX)).into())
}

fn roles() -> Any {
    let roles = || Any::from(list(one_of(Role::ALL.map(Role::name))));
    let rule = ["read", "create", "update", "delete", "review", "approve"].map(|name| (name, roles()));
    or_null(closed(rule).into())
}

/// The fields of a record that clients may send.
fn fields<const N: usize>(more: [(&'static str, Any); N]) -> Vec<(&'static str, Any)> {
    let mut fields = vec![
        ("sk", or_null(text(NEW_RECORD_ID))),
        ("data", object().into()),
        ("state", one_of(STATES)),
        ("requiredRole", roles()),
    ];
    let open = [
        "name",
        "subschema",
        "post",
        "style",
        "publishedDate",
        "notes",
        "rules",
        "workflow",
        "owner",
        "client",
    ];
    fields.extend(open.map(|name| (name, anything())));
    fields.extend(more);
    fields
}

fn partial() -> Any {
    // Either a version or not: it alone would be no change.
    let paths =
        || map(&format!(r"^(version|data(\.{NAME}){{1,6}})$"), anything()).property("version", version());
    let without = map(&format!(r"^data(\.{NAME}){{1,6}}$"), anything()).min_properties(Some(1));
    any_of([without.into(), paths().required("version").min_properties(Some(2)).into()])
}

fn create_in() -> Any {
    let whole = closed(fields([])).required("data");
    // Without the name `data`: a record's fields by themselves.
    let bare = map("^(?!data$)", anything());
    any_of([whole.into(), bare.into()])
}

/// A moment.
#[must_use]
pub fn moment() -> Any {
    let text = ObjectBuilder::new().schema_type(Type::String);
    text.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).into()
}

/// The fields that every record has.
#[must_use]
pub fn base_model() -> ObjectBuilder {
    let string = || of(Type::String);
    let known = [
        ("pk", string()),
        ("sk", string()),
        ("datatype", string()),
        ("version", count()),
        ("state", string()),
        ("createdate", moment()),
        ("modifydate", moment()),
        ("isNew", of(Type::Boolean)),
        ("author", string()),
        ("modified_by", string()),
        ("data", object().into()),
    ];
    let all = known.into_iter().fold(object(), |object, (name, schema)| object.property(name, schema));
    let needed = ["pk", "sk", "datatype", "version", "state", "createdate", "modifydate", "isNew", "data"];
    needed.into_iter().fold(all, ObjectBuilder::required)
}

fn page() -> Any {
    let needed = ["data", "total", "page", "pageSize", "hasNext", "datatype"];
    let all = closed([
        ("data", list(object().into()).into()),
        ("total", count()),
        ("page", count()),
        ("pageSize", count()),
        ("hasNext", of(Type::Boolean)),
        ("datatype", text(DATATYPE)),
        ("lastItem", of(Type::String)),
        ("totalIsLowerBound", of(Type::Boolean)),
    ]);
    needed.into_iter().fold(all, ObjectBuilder::required).into()
}

fn deleted_many() -> Any {
    let one = closed([
        ("sk", of(Type::String)),
        ("status", count()),
        ("deleted", of(Type::Boolean)),
        ("error", of(Type::String)),
    ]);
    let one = ["sk", "status", "deleted"].into_iter().fold(one, ObjectBuilder::required);
    let all = closed([("deleted", count()), ("results", list(one.into()).into())]);
    all.required("deleted").required("results").into()
}

fn collections() -> Any {
    let one =
        closed([("name", text(DATATYPE)), ("count", count()), ("countIsLowerBound", of(Type::Boolean))]);
    let one = ["name", "count", "countIsLowerBound"].into_iter().fold(one, ObjectBuilder::required);
    closed([("data", list(one.into()).into())]).required("data").into()
}
