//! Reading: one record by whatever names it, lists, searches, aggregates.

use std::time::Duration;

use appengine_actors::clock::Timestamp;
use serde_json::{Value, json};

use crate::house::{Caller, House, ids};

/// Three contacts, a second apart, the last one written last.
async fn three(house: &House, ada: &Caller<'_>) {
    let rows =
        [("c-1", "Grace@Example.com", 36), ("c-2", "alan@example.com", 41), ("c-3", "ada@example.com", 36)];
    for (sk, email, age) in rows {
        ada.create("contact", sk, json!({"email": email, "age": age, "on": age > 40})).await;
        house.clock.advance(Duration::from_secs(1));
    }
}

#[actix_web::test]
async fn a_record_is_found_by_whatever_names_it() {
    let house = House::open().await;
    let ada = house.owner();
    three(&house, &ada).await;
    ada.create("contact", "contact-abc", json!({"n": 1})).await;
    let found = [
        ("get/contact/c-1", "c-1"),
        ("find-any-id/contact/c-1?en=true", "c-1"),
        ("find-any-id/contact/my-org/contact/c-1", "c-1"),
        ("find-any-id/contact/my-org%2Fcontact%2Fc-1", "c-1"),
        ("find-any-id/contact/contact-abc", "contact-abc"),
        ("find-any-id/contact/abc", "contact-abc"),
        ("find-any-id/contact/grace@example.COM", "c-1"),
    ];
    for (path, sk) in found {
        let (status, record) = ada.get(&format!("/repository/{path}")).await;
        assert_eq!((status, &record["sk"]), (200, &json!(sk)), "{path}");
    }
    let missing = [
        "get/contact/none",
        "get/lead/c-1",
        "find-any-id/contact/other-org/contact/c-1",
        "find-any-id/contact/x@y.z",
    ];
    for path in missing {
        assert_eq!(ada.get(&format!("/repository/{path}")).await.0, 404, "{path}");
    }
    assert_eq!(ada.get("/repository/find-any-id/user/ada@example.com").await.0, 200);
}

#[actix_web::test]
async fn the_seeds_poll_finds_what_changed_since() {
    let house = House::open().await;
    let ada = house.owner();
    three(&house, &ada).await;
    let (_, second) = ada.get("/repository/get/contact/c-2").await;
    let body = json!({
        "query": {"modifydate": {"$gte": second["modifydate"]}},
        "options": {"sort": {"modifydate": -1}, "pageSize": 100},
        "filter": {"ignored": true}, "clientQuery": null,
    });
    let page = ada.done("/repository/find/contact", body).await;
    assert_eq!(ids(&page), ["c-3", "c-2"]);
    // As milliseconds, which clients have at hand.
    let since = second["modifydate"].as_str().unwrap().parse::<Timestamp>().unwrap().as_millis();
    let body = json!({"query": {"modifydate": {"$gte": since}}});
    assert_eq!(ada.ids("/repository/find/contact", body).await, ["c-3", "c-2"]);
    let expected = [
        ("total", json!(2)),
        ("page", json!(1)),
        ("pageSize", json!(100)),
        ("hasNext", json!(false)),
        ("datatype", json!("contact")),
    ];
    for (name, value) in expected {
        assert_eq!(page[name], value, "{name}");
    }
}

#[actix_web::test]
async fn lists_are_sorted_paged_and_cut_to_what_is_selected() {
    let house = House::open().await;
    let ada = house.owner();
    three(&house, &ada).await;
    let find = |options: Value| ada.ids("/repository/find/contact", json!({"options": options}));
    assert_eq!(find(json!({"sort": {"data.age": 1, "data.email": 1}})).await, ["c-1", "c-3", "c-2"]);
    assert_eq!(find(json!({"sort": "data.age", "sortType": -1, "pageSize": 1})).await, ["c-2"]);
    assert_eq!(find(json!({"sort": {"createdate": 1}, "page": 2, "pageSize": 2})).await, ["c-3"]);
    assert_eq!(find(json!({"page": 1_000_000, "pageSize": 1000})).await, [""; 0]);
    let body = json!({"options": {"select": ["data.age"], "sort": {"createdate": 1}, "pageSize": 1}});
    let page = ada.done("/repository/find/contact", body).await;
    assert_eq!(page["data"], json!([{"sk": "c-1", "datatype": "contact", "data": {"age": 36}}]));
    // Page after page by the cursor.
    let (mut cursor, mut seen) = (Value::Null, Vec::new());
    for number in 1..=3 {
        let options = json!({"sort": {"modifydate": 1}, "pageSize": 1, "lastItem": cursor});
        let page = ada.done("/repository/find/contact", json!({"options": options})).await;
        seen.extend(ids(&page));
        // The list is the same, wherever one stands in it.
        assert_eq!((&page["total"], &page["page"]), (&json!(3), &json!(number)));
        assert_eq!(page["hasNext"], number < 3);
        cursor = page["lastItem"].clone();
    }
    assert_eq!(seen, ["c-1", "c-2", "c-3"]);
    let first = json!({"pageSize": 2});
    let first = ada.done("/repository/find/contact", json!({"options": first})).await;
    let query = json!({"data.age": 36});
    let options = json!({"pageSize": 2, "lastItem": first["lastItem"]});
    let page = ada.done("/repository/find/contact", json!({"query": query, "options": options})).await;
    assert_eq!(
        (ids(&page), &page["total"]),
        (vec!["c-1".to_owned()], &json!(2)),
        "of the query, newest first"
    );
    let (status, page) = ada.get("/repository/find-page-data/contact?ps=2&s=data.age&st=asc").await;
    assert_eq!((status, ids(&page).len(), &page["total"]), (200, 2, &json!(3)));
}

#[actix_web::test]
async fn a_query_that_cannot_be_taken_is_told_by_path() {
    let house = House::open().await;
    let body = json!({"query": {"data.age": {"$foo": 1}, "$where": "1"}, "options": {"colour": "red"}});
    let (status, problem) = house.owner().post("/repository/find/contact", body).await;
    assert_eq!(status, 400);
    let paths: Vec<_> = problem["problems"].as_array().unwrap().iter().map(|p| p["path"].clone()).collect();
    assert_eq!(paths, ["query.data.age.$foo", "query.$where", "options.colour"]);
}

#[actix_web::test]
async fn searches_look_at_texts_in_any_case() {
    let house = House::open().await;
    let ada = house.owner();
    three(&house, &ada).await;
    let search = |body: Value| ada.ids("/repository/search/contact", body);
    assert_eq!(search(json!({"keyword": "EXAMPLE", "pageSize": 2})).await, ["c-3", "c-2"]);
    assert_eq!(search(json!({"keyword": "grace", "search": "ignored"})).await, ["c-1"]);
    assert_eq!(search(json!({"keyword": "36"})).await, [""; 0]);
    let (status, page) = ada.get("/repository/search/contact?keyword=alan").await;
    assert_eq!((status, ids(&page)), (200, vec!["c-2".to_owned()]));
    let (status, problem) = ada.post("/repository/search/contact", json!({"query": {"a": 1}})).await;
    assert_eq!(status, 400);
    assert!(problem["message"].as_str().unwrap().contains("`query`"), "{problem}");
}

#[actix_web::test]
async fn an_attribute_matches_in_any_spelling() {
    let house = House::open().await;
    let ada = house.owner();
    three(&house, &ada).await;
    let table = [
        ("find-by-attribute/contact/age/36", vec!["c-3", "c-1"]),
        ("find-by-attribute/contact/data.on/TRUE", vec!["c-2"]),
        ("find-by-attribute/contact/email/alan@example.com", vec!["c-2"]),
        ("find-by-attribute/contact/email/%20ALAN@Example.com", vec!["c-2"]),
        ("find-by-attribute/contact/datatype/contact", vec!["c-3", "c-2", "c-1"]),
        ("find-by-attribute/contact/sk/c-1", vec!["c-1"]),
        ("query/contact/age/41", vec!["c-2"]),
        ("find-by-attribute/contact/age/1", vec![]),
    ];
    for (path, expected) in table {
        let (status, page) = ada.get(&format!("/repository/{path}")).await;
        assert_eq!((status, ids(&page)), (200, expected.into_iter().map(str::to_owned).collect()), "{path}");
    }
    let unique = |value: &'static str| {
        let path = format!("/repository/isunique?datatype=contact&attribute=email&value={value}");
        let ada = &ada;
        async move { ada.get(&path).await.1["unique"].clone() }
    };
    assert_eq!((unique("alan@example.com").await, unique("x@y.z").await), (json!(false), json!(true)));
    assert_eq!(ada.get("/repository/isunique?datatype=contact").await.0, 400);
}

#[actix_web::test]
async fn collections_are_counted_and_aggregated() {
    let house = House::open().await;
    let ada = house.owner();
    three(&house, &ada).await;
    for path in ["/repository/collections", "/repository/collection"] {
        let (_, found) = ada.get(path).await;
        let expected = json!([
            {"name": "contact", "count": 3, "countIsLowerBound": false},
            {"name": "user", "count": 1, "countIsLowerBound": false},
        ]);
        assert_eq!(found["data"], expected);
    }
    let pipeline = json!([
        {"$match": {"data.age": {"$gt": 0}}},
        {"$group": {"_id": "$data.age", "n": {"$sum": 1}}},
        {"$sort": {"_id": 1}},
    ]);
    let expected = json!([{"_id": 36, "n": 2}, {"_id": 41, "n": 1}]);
    for body in [pipeline.clone(), json!({"pipeline": pipeline})] {
        assert_eq!(ada.done("/repository/aggregate/contact", body).await["data"], expected);
    }
    let (status, problem) = ada.post("/repository/aggregate/contact", json!([{"$lookup": {}}])).await;
    assert_eq!((status, &problem["problems"][0]["path"]), (400, &json!("pipeline[0].$lookup")));
}
