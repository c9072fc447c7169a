//! Creating, updating and deleting.

use appengine::auth::principal::Kind;
use appengine::auth::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{House, ORG};

#[actix_web::test]
async fn a_record_is_created_once() {
    let house = House::open().await;
    let ada = house.owner();
    let body = json!({"datatype": "contact", "isNew": true, "data": {"email": "grace@example.com"}});
    let (status, record) = ada.call(Method::PUT, "/repository/create", Some(body.to_string())).await;
    assert_eq!(status, 201);
    assert_eq!((&record["pk"], &record["version"]), (&json!("my-org"), &json!(0)));
    assert_eq!(record["data"], json!({"email": "grace@example.com"}));
    // An exact repeat, with the other verb and its keys in another order.
    let again = r#"{"data": {"email": "grace@example.com"}, "isNew": true, "datatype": "contact"}"#;
    let repeat = ada.call(Method::POST, "/repository/create", Some(again.to_owned())).await;
    assert_eq!(repeat, (200, Value::Null));
    let all = ada.done("/repository/find/contact", json!({})).await;
    assert_eq!(all["total"], 1);
}

#[actix_web::test]
async fn a_create_is_a_repeat_only_while_what_it_made_stands_unchanged() {
    let house = House::open().await;
    let (ada, bob) = (house.owner(), house.somebody(ORG, Kind::User, "bob", Role::PowerUser));
    let body = |n: &str| json!({"datatype": "note", "isNew": true, "data": {"n": n}});
    let made = ada.done("/repository/create", body("a")).await;
    ada.done("/repository/create", body("b")).await;
    assert_eq!(ada.post("/repository/create", body("a")).await, (200, Value::Null), "A, B, A");
    // Somebody else's is their own.
    assert_eq!(bob.post("/repository/create", body("a")).await.0, 201);
    // A write that changes nothing changes nothing here either.
    let path = format!("/repository/update/note/{}", made["sk"].as_str().unwrap());
    ada.done(&path, json!({"data": {"n": "a"}})).await;
    assert_eq!(ada.post("/repository/create", body("a")).await, (200, Value::Null));
    ada.done(&path, json!({"data": {"n": "changed"}})).await;
    let second = ada.post("/repository/create", body("a")).await;
    assert_eq!(second.0, 201, "after a change");
    // The first one's end does not touch what the second stands for.
    let hard = format!("/repository/delete/note/{}?hard=true", made["sk"].as_str().unwrap());
    assert_eq!(ada.call(Method::DELETE, &hard, None).await.0, 200);
    assert_eq!(ada.post("/repository/create", body("a")).await, (200, Value::Null));
    let soft = format!("/repository/delete/note/{}", second.1["sk"].as_str().unwrap());
    assert_eq!(ada.call(Method::DELETE, &soft, None).await.0, 200);
    assert_eq!(ada.post("/repository/create", body("a")).await.0, 201, "after a soft deletion");
}

#[actix_web::test]
async fn a_create_without_is_new_is_told_the_contracts_words() {
    let house = House::open().await;
    let (status, problem) =
        house.owner().post("/repository/create", json!({"datatype": "contact", "data": {}})).await;
    assert_eq!(status, 400);
    let message = problem["message"].as_str().unwrap();
    assert!(message.contains("Not a new metrics, please use update or set the new property"), "{message}");
}

#[actix_web::test]
async fn a_create_in_a_collection_takes_data_or_bare_fields() {
    let house = House::open().await;
    let ada = house.owner();
    let bare = ada.done("/repository/create/lead", json!({"name": "x"})).await;
    let wrapped = ada.done("/repository/create/lead", json!({"data": {"name": "y"}})).await;
    assert_eq!((&bare["data"], &wrapped["data"]), (&json!({"name": "x"}), &json!({"name": "y"})));
    let first = ada.create("lead", "l-1", json!({})).await;
    assert_eq!(first["sk"], "l-1");
    let (status, _) = ada.post("/repository/create/lead", json!({"sk": "l-1", "data": {"other": 1}})).await;
    assert_eq!(status, 409);
}

#[actix_web::test]
async fn an_update_is_spelled_in_three_ways_and_minds_the_version() {
    let house = House::open().await;
    let ada = house.owner();
    ada.create("contact", "c-1", json!({"n": 0, "kept": 1})).await;
    let calls = [
        ("/repository/update/contact/c-1", json!({"data": {"n": 1}, "version": 0})),
        ("/repository/update/c-1", json!({"datatype": "contact", "data": {"n": 2}})),
        ("/repository/update/contact", json!({"sk": "c-1", "data": {"n": 3}, "version": 2})),
    ];
    for (at, (path, body)) in calls.into_iter().enumerate() {
        let record = ada.done(path, body).await;
        assert_eq!((&record["version"], &record["data"]), (&json!(at + 1), &json!({"n": at + 1})));
    }
    let old = json!({"data": {"n": 9}, "version": 1});
    let (status, problem) = ada.post("/repository/update/contact/c-1", old).await;
    assert_eq!((status, &problem["code"]), (409, &json!("version_conflict")));
    // What was read can be sent back.
    let (_, read) = ada.get("/repository/get/contact/c-1").await;
    let record = ada.done("/repository/update/contact/c-1", read).await;
    assert_eq!((&record["version"], &record["data"]["n"]), (&json!(4), &json!(3)));
    assert_eq!(ada.post("/repository/update/contact/none", json!({"data": {}})).await.0, 404);
    assert_eq!(ada.post("/repository/update/contact", json!({"data": {}})).await.0, 400);
}

#[actix_web::test]
async fn single_fields_are_set_by_their_paths() {
    let house = House::open().await;
    let ada = house.owner();
    ada.create("contact", "c-1", json!({"a": {"b": 1, "c": 2}, "text": "x"})).await;
    let path = "/repository/update-partial/contact/c-1";
    let record = ada.done(path, json!({"data.a.b": 5, "data.new.deep": true, "state": "active"})).await;
    assert_eq!(record["data"], json!({"a": {"b": 5, "c": 2}, "text": "x", "new": {"deep": true}}));
    assert_eq!(record["state"], "active");
    let seen = |version: u64| json!({"data.a.b": 6, "version": version});
    let (status, problem) = ada.post(path, seen(0)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("version_conflict")));
    assert_eq!(ada.done(path, seen(1)).await["version"], 2);
    let branch = ada.done(path, json!({"data.a": {"z": 1}})).await;
    assert_eq!(branch["data"]["a"], json!({"z": 1}));
    // What the record as it is cannot take, and what no record could.
    assert_eq!(ada.post(path, json!({"data.text.deeper": 1})).await.0, 409);
    assert_eq!(ada.post(path, json!({"data.a": 1, "data.a.b": 1})).await.0, 409);
    for body in [json!({}), json!({"email": 1}), json!({"version": 1}), json!({"state": "odd"})] {
        assert_eq!(ada.post(path, body.clone()).await.0, 400, "{body}");
    }
    assert_eq!(ada.get("/repository/get/contact/c-1").await.1["version"], 3);
}

#[actix_web::test]
async fn a_deleted_record_is_gone_from_lists_and_then_for_good() {
    let house = House::open().await;
    let ada = house.owner();
    ada.create("contact", "c-1", json!({"email": "grace@example.com"})).await;
    let (status, gone) = ada.call(Method::DELETE, "/repository/delete/contact/c-1", None).await;
    assert_eq!((status, &gone["state"]), (200, &json!("deleted")));
    assert_eq!(ada.get("/repository/get/contact/c-1").await.0, 404);
    assert_eq!(ada.done("/repository/find/contact", json!({})).await["total"], 0);
    let deleted = json!({"options": {"modelState": "deleted"}});
    assert_eq!(ada.ids("/repository/find/contact", deleted.clone()).await, ["c-1"]);
    assert_eq!(ada.call(Method::DELETE, "/repository/delete/contact/c-1", None).await.0, 404);
    let hard = ada.call(Method::DELETE, "/repository/delete/contact/c-1?hard=true", None).await;
    assert_eq!(hard.0, 200);
    assert_eq!(ada.ids("/repository/find/contact", deleted).await, [""; 0]);
}

#[actix_web::test]
async fn many_are_deleted_one_by_one() {
    let house = House::open().await;
    let ada = house.owner();
    for sk in ["c-1", "c-2", "c-3"] {
        ada.create("contact", sk, json!({"of": sk})).await;
    }
    let answer = ada.done("/repository/delete/contact", json!(["c-1", "none", "c-2", "c-1"])).await;
    assert_eq!(answer["deleted"], 2);
    let statuses = answer["results"].as_array().unwrap().iter().map(|row| (&row["sk"], &row["status"]));
    let expected = [(json!("c-1"), json!(200)), (json!("none"), json!(404)), (json!("c-2"), json!(200))];
    assert!(statuses.eq(expected.iter().map(|(sk, status)| (sk, status))), "{answer}");
    assert_eq!(ada.ids("/repository/find/contact", json!({})).await, ["c-3"]);
    let many: Vec<String> = (0..501).map(|n| n.to_string()).collect();
    assert_eq!(ada.post("/repository/delete/contact", json!(many)).await.0, 400);
    assert_eq!(ada.post("/repository/delete/contact", json!([])).await.0, 400);
}

#[actix_web::test]
async fn collections_with_rules_of_their_own_say_where_to_go() {
    let house = House::open().await;
    let ada = house.owner();
    for (datatype, hint) in [("automation", "/automation"), ("user", "signup"), ("apikey", "/api-key/create")]
    {
        let (status, problem) =
            ada.post(&format!("/repository/create/{datatype}"), json!({"name": "x"})).await;
        assert_eq!(status, 403, "{datatype}");
        assert!(problem["message"].as_str().unwrap().contains(hint), "{problem}");
    }
}

#[actix_web::test]
async fn every_write_tells_what_it_did() {
    let house = House::open().await;
    let ada = house.owner();
    ada.create("contact", "c-1", json!({"email": "grace@example.com"})).await;
    ada.done("/repository/update-partial/contact/c-1", json!({"data.tags": ["vip"]})).await;
    ada.call(Method::DELETE, "/repository/delete/contact/c-1", None).await;
    let (_, log) = ada.get("/events?limit=100").await;
    let kinds: Vec<_> =
        log["data"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    let ours: Vec<_> = kinds.into_iter().filter(|kind| !kind.starts_with("user")).collect();
    let expected = [
        "collection-create",
        "contact.created",
        "collection-update",
        "contact.updated",
        "tag.added",
        "collection-delete",
        "contact.deleted",
    ];
    // The first is that of the caller's own record, which the first request made.
    assert_eq!(ours.get(1..).unwrap(), expected);
}
