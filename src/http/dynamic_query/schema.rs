//! What the API document says of the bodies and answers of `/dynamic-query/*`.

use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::http::repository::bodies::MOST;
use crate::http::repository::schema::{
    Any, BaseModel, CreateInBody, DATATYPE, Documents, NAME, Options, Query, Stage, any_of, anything, closed,
    count, list, map, named, object, of, one_of, or_null, path_pattern, schemas, sort, text,
};

schemas! {
    /// `find`, `findOne`.
    Find uses [Query, Options] is {
        about([("filter", filter()), ("options", or_null(any_of([named::<Options>(), legacy()])))]).into()
    }, like [{
        "collection": "order",
        "filter": {"$or": [{"data.status": "open"}, {"data.total": {"$gt": 100}}]},
        "options": {"sort": {"createdate": -1}, "limit": 20, "projection": {"data.number": 1}},
    }];

    /// `aggregate`.
    Aggregate uses [Stage] is {
        let pipeline = list(named::<Stage>()).max_items(Some(32));
        about([("pipeline", pipeline.into())]).required("pipeline").into()
    }, like [{
        "collection": "order",
        "pipeline": [
            {"$unwind": "$data.items"},
            {"$group": {"_id": "$data.items.sku", "sold": {"$sum": "$data.items.count"}}},
            {"$sort": {"sold": -1}},
            {"$limit": 10},
        ],
    }];

    /// `count`.
    Count uses [Query] is about([("filter", filter())]).into();

    /// `distinct`.
    Distinct uses [Query] is {
        about([("filter", filter()), ("field", text(&path_pattern()))]).required("field").into()
    };

    /// `insertOne`.
    InsertOne uses [CreateInBody] is about([("document", named::<CreateInBody>())]).required("document").into();

    /// `insertMany`.
    InsertMany uses [Documents] is {
        about([("documents", named::<Documents>())]).required("documents").into()
    }, like [{
        "collection": "order",
        "documents": [
            {"number": "1042", "status": "paid", "items": [{"sku": "mug", "count": 2}]},
            {"data": {"number": "1043", "status": "open", "items": []}, "state": "active"},
        ],
    }];

    /// `updateOne`.
    UpdateOne uses [Query, UpdateOperators] is {
        about([("filter", filter()), ("update", named::<UpdateOperators>()), ("options", sorted([]))])
            .required("update")
            .into()
    };

    /// `updateMany`.
    UpdateMany uses [Query, UpdateOperators] is {
        let none = or_null(closed([]).into());
        about([("filter", filter()), ("update", named::<UpdateOperators>()), ("options", none)])
            .required("update")
            .into()
    }, like [{
        "collection": "order",
        "filter": {"data.status": "open"},
        "update": {"$set": {"data.status": "late"}, "$inc": {"data.reminders": 1}, "$push": {"data.tags": "late"}},
    }];

    /// `replaceOne`.
    Replace uses [Query, CreateInBody] is {
        about([("filter", filter()), ("replacement", named::<CreateInBody>()), ("options", sorted([]))])
            .required("replacement")
            .into()
    };

    /// `deleteOne`.
    DeleteOne uses [Query] is {
        about([("filter", filter()), ("options", sorted([("hard", or_null(of(Type::Boolean)))]))]).into()
    };

    /// `deleteMany`.
    DeleteMany uses [Query] is {
        let options = or_null(closed([("hard", or_null(of(Type::Boolean)))]).into());
        about([("filter", filter()), ("options", options)]).into()
    };

    /// `bulkWrite`.
    BulkWrite uses [BulkOperation] is {
        let operations = list(named::<BulkOperation>()).min_items(Some(1)).max_items(Some(MOST));
        let options = or_null(closed([("ordered", or_null(of(Type::Boolean)))]).into());
        about([("operations", operations.into()), ("options", options)]).required("operations").into()
    }, like [{
        "collection": "order",
        "operations": [
            {"insertOne": {"document": {"number": "1044", "status": "open"}}},
            {"updateOne": {"filter": {"data.number": "1044"}, "update": {"$set": {"data.status": "paid"}}}},
            {"deleteMany": {"filter": {"data.status": "cancelled"}}},
        ],
        "options": {"ordered": true},
    }];

    /// One of the operations of `bulkWrite`.
    BulkOperation uses [Query, UpdateOperators, CreateInBody] is any_of(operations());

    /// MongoDB's update operators.
    UpdateOperators uses [] is operators();

    /// The first record that matches, or null.
    One uses [] is closed([("data", or_null(object().into()))]).required("data").into();

    /// How many match.
    Counted uses [] is closed([("count", count())]).required("count").into();

    /// The values of a field.
    Values uses [] is answer([("values", list(anything()).into()), ("total", count())]);

    /// The record that was created.
    InsertedOne uses [BaseModel] is answer([
        ("acknowledged", of(Type::Boolean)), ("insertedId", of(Type::String)), ("data", named::<BaseModel>()),
    ]);

    /// The records that were created.
    InsertedMany uses [] is answer([
        ("acknowledged", of(Type::Boolean)),
        ("insertedCount", count()),
        ("insertedIds", list(of(Type::String)).into()),
    ]);

    /// What an update came to; `data` is the record where only one was meant.
    Updated uses [BaseModel] is answer([
        ("acknowledged", of(Type::Boolean)), ("matchedCount", count()), ("modifiedCount", count()),
        ("failed", list(object().into()).into()), ("data", or_null(named::<BaseModel>())),
    ]);

    /// What a deletion came to.
    Deleted uses [] is answer([
        ("acknowledged", of(Type::Boolean)), ("deletedCount", count()), ("failed", list(object().into()).into()),
    ]);

    /// What the operations came to.
    BulkWritten uses [] is answer([
        ("acknowledged", of(Type::Boolean)), ("insertedCount", count()), ("insertedIds", object().into()),
        ("matchedCount", count()), ("modifiedCount", count()), ("deletedCount", count()),
        ("writeErrors", list(object().into()).into()),
    ]);
}

/// A body: a collection, and what else.
fn about<const N: usize>(more: [(&'static str, Any); N]) -> ObjectBuilder {
    let all = [("collection", text(DATATYPE))].into_iter().chain(more);
    closed(all).required("collection")
}

/// An answer in which everything is always there.
fn answer<const N: usize>(properties: [(&'static str, Any); N]) -> Any {
    let names = properties.each_ref().map(|(name, _)| *name);
    names.into_iter().fold(closed(properties), ObjectBuilder::required).into()
}

fn filter() -> Any {
    or_null(named::<Query>())
}

/// MongoDB's own names for page and fields.
fn legacy() -> Any {
    let whole = |least: u32, most: u32| or_null(crate::http::repository::schema::whole(least, most));
    let wish = one_of([
        serde_json::json!(1),
        serde_json::json!(0),
        serde_json::json!(true),
        serde_json::json!(false),
    ]);
    let projection = or_null(map(&path_pattern(), wish).max_properties(Some(200)).into());
    closed([
        ("sort", sort()),
        ("limit", whole(1, 1_000)),
        ("skip", whole(0, 1_000_000)),
        ("projection", projection),
    ])
    .into()
}

fn sorted<const N: usize>(more: [(&'static str, Any); N]) -> Any {
    or_null(closed([("sort", sort())].into_iter().chain(more)).into())
}

fn operators() -> Any {
    let paths = format!(r"^data(\.{NAME}){{1,6}}$");
    let changes = |values: Any| Any::from(map(&paths, values).min_properties(Some(1)));
    let plain = map("^([^$]|$)", anything());
    let scalars = [Type::Null, Type::Boolean, Type::Number, Type::String].map(of);
    let each = closed([("$each", list(anything()).into())]).required("$each");
    let pushed = scalars.into_iter().chain([list(anything()).into(), plain.into(), each.into()]);
    closed([
        ("$set", changes(anything())),
        ("$unset", changes(anything())),
        ("$inc", changes(of(Type::Number))),
        ("$push", changes(any_of(pushed))),
    ])
    .min_properties(Some(1))
    .into()
}

fn operations() -> Vec<Any> {
    let update = |options: Any| {
        let parts = [("filter", filter()), ("update", named::<UpdateOperators>()), ("options", options)];
        Any::from(closed(parts).required("update"))
    };
    let replacement =
        [("filter", filter()), ("replacement", named::<CreateInBody>()), ("options", sorted([]))];
    let hard = || ("hard", or_null(of(Type::Boolean)));
    let none = || or_null(closed([]).into());
    let bodies = [
        ("insertOne", closed([("document", named::<CreateInBody>())]).required("document").into()),
        ("updateOne", update(sorted([]))),
        ("updateMany", update(none())),
        ("replaceOne", closed(replacement).required("replacement").into()),
        ("deleteOne", closed([("filter", filter()), ("options", sorted([hard()]))]).into()),
        ("deleteMany", closed([("filter", filter()), ("options", or_null(closed([hard()]).into()))]).into()),
    ];
    bodies.map(|(name, body)| Any::from(closed([(name, body)]).required(name))).into()
}
