//! MongoDB's verbs.

use serde_json::{Value, json};

use crate::house::{Caller, House};

async fn verb(caller: &Caller<'_>, name: &str, body: Value) -> Value {
    caller.done(&format!("/dynamic-query/{name}"), about(body)).await
}

fn about(mut body: Value) -> Value {
    body["collection"] = json!("product");
    body
}

#[actix_web::test]
async fn records_are_inserted_found_counted_and_told_apart() {
    let house = House::open().await;
    let ada = house.owner();
    let one =
        verb(&ada, "insertOne", json!({"document": {"sk": "p-0", "data": {"price": 5, "tags": ["a"]}}}))
            .await;
    assert_eq!((&one["insertedId"], &one["data"]["data"]["price"]), (&json!("p-0"), &json!(5)));
    let documents = json!([{"price": 7, "tags": ["a", "b"]}, {"price": 9}]);
    let many = verb(&ada, "insertMany", json!({"documents": documents})).await;
    assert_eq!(many["insertedCount"], 2);
    let dear = json!({"data.price": {"$gt": 5}});
    assert_eq!(verb(&ada, "count", json!({"filter": dear})).await["count"], 2);
    let options = json!({"sort": {"data.price": -1}, "limit": 1, "skip": 1, "projection": {"data.price": 1}});
    let found = verb(&ada, "find", json!({"filter": dear, "options": options})).await;
    assert_eq!(found["data"][0]["data"], json!({"price": 7}));
    assert_eq!(verb(&ada, "findOne", json!({"filter": {"sk": "p-0"}})).await["data"]["sk"], "p-0");
    assert_eq!(verb(&ada, "findOne", json!({"filter": {"sk": "none"}})).await, json!({"data": null}));
    assert_eq!(verb(&ada, "distinct", json!({"field": "data.tags"})).await["values"], json!(["a", "b"]));
    let sum = json!([{"$group": {"_id": null, "sum": {"$sum": "$data.price"}}}]);
    assert_eq!(
        verb(&ada, "aggregate", json!({"pipeline": sum})).await["data"],
        json!([{"_id": null, "sum": 21}])
    );
    let alias = ada.done("/mongodb/count", about(json!({}))).await;
    assert_eq!(alias["count"], 3);
}

#[actix_web::test]
async fn many_are_inserted_or_none() {
    let house = House::open().await;
    let ada = house.owner();
    ada.create("product", "p-2", json!({})).await;
    let documents = json!([{"sk": "p-1", "data": {}}, {"sk": "p-2", "data": {}}]);
    let (status, _) = ada.post("/dynamic-query/insertMany", about(json!({"documents": documents}))).await;
    assert_eq!(status, 409);
    let twice = json!([{"sk": "p-3", "data": {}}, {"sk": "p-3", "data": {"n": 1}}]);
    assert_eq!(ada.post("/dynamic-query/insertMany", about(json!({"documents": twice}))).await.0, 409);
    let emails = json!([{"email": "a@b.c"}, {"email": "A@b.c"}]);
    let customers = json!({"collection": "customer", "documents": emails});
    assert_eq!(ada.post("/dynamic-query/insertMany", customers).await.0, 409);
    assert_eq!(verb(&ada, "count", json!({})).await["count"], 1);
    let many: Vec<Value> = (0..501).map(|_| json!({})).collect();
    assert_eq!(ada.post("/dynamic-query/insertMany", about(json!({"documents": many}))).await.0, 400);
    let most: Vec<Value> = (0..500).map(|n| json!({"n": n})).collect();
    assert_eq!(verb(&ada, "insertMany", json!({"documents": most})).await["insertedCount"], 500);
    // One more than may be written at once.
    let (status, problem) =
        ada.post("/dynamic-query/updateMany", about(json!({"update": {"$set": {"data.x": 1}}}))).await;
    assert_eq!((status, &problem["code"]), (400, &json!("too_many_records")));
    let some = json!({"filter": {"data.n": {"$lt": 400}}, "update": {"$set": {"data.x": 1}}});
    assert_eq!(verb(&ada, "updateMany", some).await["modifiedCount"], 400);
    let gone = verb(&ada, "deleteMany", json!({"filter": {"data.x": 1}})).await;
    assert_eq!(gone["deletedCount"], 400);
    assert_eq!(verb(&ada, "count", json!({})).await["count"], 101);
}

#[actix_web::test]
async fn updates_change_the_first_or_all_that_match() {
    let house = House::open().await;
    let ada = house.owner();
    for (sk, n) in [("p-1", 1), ("p-2", 2), ("p-3", 3)] {
        ada.create("product", sk, json!({"n": n, "old": true})).await;
    }
    let first = json!({
        "filter": {"data.n": {"$gt": 1}}, "update": {"$inc": {"data.n": 10}, "$unset": {"data.old": ""}},
        "options": {"sort": {"data.n": 1}},
    });
    let done = verb(&ada, "updateOne", first).await;
    assert_eq!((&done["modifiedCount"], &done["data"]["data"]), (&json!(1), &json!({"n": 12})));
    let none = json!({"filter": {"data.n": 99}, "update": {"$set": {"data.n": 0}}});
    let done = verb(&ada, "updateOne", none).await;
    assert_eq!((&done["matchedCount"], &done["data"]), (&json!(0), &Value::Null));
    let replaced = json!({"filter": {"sk": "p-3"}, "replacement": {"n": 30}});
    assert_eq!(verb(&ada, "replaceOne", replaced).await["data"]["data"], json!({"n": 30}));
    let pushed = json!({"filter": {"data.n": {"$gte": 12}}, "update": {"$push": {"data.tags": "x"}}});
    assert_eq!(verb(&ada, "updateMany", pushed).await["modifiedCount"], 2);
    // What one of many cannot take is told of that one.
    let wrong = json!({"update": {"$inc": {"data.tags": 1}}});
    let done = verb(&ada, "updateMany", wrong).await;
    let failed = done["failed"].as_array().unwrap();
    assert_eq!((&done["matchedCount"], &done["modifiedCount"], failed.len()), (&json!(3), &json!(1), 2));
    assert!(failed.iter().all(|failed| failed["status"] == 409));
    for body in [
        json!({"update": {"$rename": {"a": "b"}}}),
        json!({"update": {"$set": {"data.a": 1}}, "options": {"upsert": true}}),
    ] {
        assert_eq!(ada.post("/dynamic-query/updateOne", about(body)).await.0, 400);
    }
}

#[actix_web::test]
async fn those_who_add_at_once_lose_nothing() {
    let house = House::open().await;
    let ada = house.owner();
    ada.create("product", "p-1", json!({"n": 0})).await;
    for sk in ["j-1", "j-2", "j-3"] {
        ada.create("job", sk, json!({"taken": false})).await;
    }
    let add = || verb(&ada, "updateOne", json!({"filter": {"sk": "p-1"}, "update": {"$inc": {"data.n": 1}}}));
    futures_util::future::join_all((0..5).map(|_| add())).await;
    assert_eq!(ada.get("/repository/get/product/p-1").await.1["data"]["n"], 5);
    // Each of three gets a job of their own.
    let take = || {
        let taking = json!({"collection": "job", "filter": {"data.taken": false}, "update": {"$set": {"data.taken": true}}});
        ada.done("/dynamic-query/updateOne", taking)
    };
    let taken = futures_util::future::join_all((0..3).map(|_| take())).await;
    let mut ids: Vec<_> = taken.iter().map(|done| done["data"]["sk"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["j-1", "j-2", "j-3"]);
}

#[actix_web::test]
async fn several_writes_go_in_their_order() {
    let house = House::open().await;
    let ada = house.owner();
    let operations = json!([
        {"insertOne": {"document": {"sk": "p-1", "data": {"n": 1}}}},
        {"updateOne": {"filter": {"sk": "p-1"}, "update": {"$inc": {"data.n": 1}}}},
        {"insertOne": {"document": {"sk": "p-1", "data": {}}}},
        {"deleteOne": {"filter": {"sk": "p-1"}}},
    ]);
    let ordered = verb(&ada, "bulkWrite", json!({"operations": operations})).await;
    assert_eq!(ordered["insertedIds"], json!({"0": "p-1"}));
    let error = &ordered["writeErrors"][0];
    assert_eq!(
        (&error["index"], &error["status"], &ordered["deletedCount"]),
        (&json!(2), &json!(409), &json!(0))
    );
    assert_eq!(ada.get("/repository/get/product/p-1").await.1["data"]["n"], 2);
    let on = json!({"operations": operations, "options": {"ordered": false}});
    let unordered = verb(&ada, "bulkWrite", on).await;
    assert_eq!(
        (unordered["writeErrors"].as_array().unwrap().len(), &unordered["deletedCount"]),
        (2, &json!(1))
    );
    let wrong = json!({"operations": [{"insertOne": {"document": {}}}, {"drop": {}}]});
    assert_eq!(ada.post("/dynamic-query/bulkWrite", about(wrong)).await.0, 400);
    assert_eq!(verb(&ada, "count", json!({})).await["count"], 0);
}
