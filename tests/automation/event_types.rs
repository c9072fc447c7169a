//! Event types over REST: those of the program, an organisation's own, and data that breaks them.

use appengine::auth::principal::Kind;
use appengine::auth::role::Role;
use serde_json::{Value, json};

use crate::house::{Caller, House, ORG};
use crate::kit::got;

async fn call(caller: &Caller<'_>, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let (status, _, answer) = caller.send(method, path, None, body).await;
    (status, answer)
}

async fn put(caller: &Caller<'_>, name: &str, body: Value) -> (u16, Value) {
    call(caller, "PUT", &format!("/webhooks/event-types/{name}"), Some(body)).await
}

fn packed() -> Value {
    json!({
        "description": "An order is packed",
        "schema": {
            "type": "object", "required": ["number"],
            "properties": {
                "number": {"type": "string"},
                "items": {"type": "array", "items": {"properties": {"price": {"type": "number"}}}},
            },
        },
        "sample": {"number": "1042", "items": [{"price": 3.5}]},
    })
}

fn told(answer: &Value) -> Vec<(&str, &str)> {
    let problems = answer["problems"].as_array().unwrap().iter();
    problems.map(|one| (one["path"].as_str().unwrap(), one["message"].as_str().unwrap())).collect()
}

#[actix_web::test]
async fn the_programs_types_are_listed_beside_an_organisations_own() {
    let house = House::open().await;
    let ada = house.owner();
    let list = got(&ada, "/webhooks/event-types?pageSize=500").await;
    let names: Vec<&str> =
        list["data"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    for name in [
        "collection-create",
        "collection-delete",
        "collection-update",
        "contact.created",
        "contact.deleted",
        "contact.updated",
        "lead.scored",
        "order.paid",
        "tag.added",
        "webhook.endpoint.disabled",
        "webhook.endpoint.enabled",
        "webhook.endpoint.failing",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    for one in list["data"].as_array().unwrap() {
        assert_eq!((&one["builtIn"], &one["version"]), (&json!(true), &json!(1)));
        assert!(one["schema"].is_object() && one["sample"].is_object() && one["description"].is_string());
    }
    let (status, made) = put(&ada, "order.packed", packed()).await;
    assert_eq!((status, &made["version"], &made["builtIn"]), (200, &json!(1), &json!(false)), "{made}");
    assert_eq!(got(&ada, "/webhooks/event-types/order.packed").await, made);
    let more = got(&ada, "/webhooks/event-types?pageSize=500").await;
    assert_eq!(more["total"].as_u64(), list["total"].as_u64().map(|total| total + 1));
    let page = got(&ada, "/webhooks/event-types?page=2&pageSize=3").await;
    assert_eq!((&page["data"][0], &page["hasNext"]), (&more["data"][3], &json!(true)));
    assert_eq!(ada.get("/webhooks/event-types/nobody.knows").await.0, 404);
    assert_eq!(ada.get("/webhooks/event-types/no%20kind").await.0, 400);
    assert_eq!(ada.get("/webhooks/event-types?pageSize=0").await.0, 400);
}

#[actix_web::test]
async fn a_version_grows_and_an_own_type_gives_way_again() {
    let house = House::open().await;
    let ada = house.owner();
    let of_program = got(&ada, "/webhooks/event-types/order.paid").await;
    assert_eq!(put(&ada, "order.paid", packed()).await.1["version"], 1);
    assert_eq!(put(&ada, "order.paid", packed()).await.1["version"], 1);
    let (_, changed) = put(&ada, "order.paid", json!({"schema": {"type": "object"}})).await;
    assert_eq!(
        (&changed["version"], &changed["sample"], &changed["description"]),
        (&json!(2), &Value::Null, &Value::Null)
    );
    let (status, answer) = put(&ada, "order.paid", json!({"version": 1})).await;
    assert_eq!((status, told(&answer)[0].0), (400, "version"), "{answer}");
    let path = "/webhooks/event-types/order.paid";
    assert_eq!(call(&ada, "DELETE", path, None).await.0, 200);
    assert_eq!(call(&ada, "DELETE", path, None).await.0, 404);
    assert_eq!(got(&ada, path).await, of_program);
}

#[actix_web::test]
async fn what_is_no_type_is_refused_with_the_path() {
    let house = House::open().await;
    let ada = house.owner();
    let schema = json!({"properties": {"n": {"type": "number"}}});
    for (body, path) in [
        (json!({"schema": {"properties": {"n": {"type": "nummer"}}}}), "schema.properties.n.type"),
        (json!({"schema": {"pattern": "("}}), "schema.pattern"),
        (json!({"schema": "none"}), "schema"),
        (json!({"schema": null}), "schema"),
        (json!({"schema": {"$ref": "https://example.com/s.json"}}), "schema.$ref"),
        (json!({"schema": {"properties": {"a": {"$ref": "#"}}}}), "schema.properties.a.$ref"),
        (json!({"schema": schema, "sample": {"n": "x"}}), "sample.n"),
        (json!({"schema": schema, "sample": null, "version": 0}), "version"),
        (json!({"description": "x".repeat(1001)}), "description"),
        (json!({"schemas": {}}), "schemas"),
        (json!({"version": -1}), "version"),
    ] {
        let (status, answer) = put(&ada, "order.packed", body.clone()).await;
        assert_eq!((status, told(&answer)[0].0), (400, path), "{body}: {answer}");
    }
    assert_eq!(ada.get("/webhooks/event-types/order.packed").await.0, 404);
}

#[actix_web::test]
async fn data_that_breaks_its_types_schema_is_refused_and_nothing_is_published() {
    let house = House::open().await;
    let ada = house.owner();
    assert_eq!(put(&ada, "order.packed", packed()).await.0, 200);
    let event = |data: Value| json!({"event": "order.packed", "data": data});
    assert_eq!(ada.post("/events", event(json!({"number": "1"}))).await.0, 202);
    let bad = json!({"number": 7, "items": [{"price": 1}, {"price": "free"}]});
    let (status, answer) = ada.post("/events", event(bad.clone())).await;
    assert_eq!((status, &answer["code"]), (400, &json!("schema_mismatch")), "{answer}");
    let mut found = told(&answer);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("data.items[1].price", "\"free\" is not of type \"number\""),
            ("data.number", "7 is not of type \"string\""),
        ]
    );
    let (status, answer) = ada.post("/events", json!({"event": "order.packed"})).await;
    assert_eq!((status, told(&answer)), (400, vec![("data", "null is not of type \"object\"")]));
    let batch = json!({"events": [event(json!({"number": "2"})), {"event": "any.other"}, event(bad)]});
    let (status, answer) = ada.post("/events/batch", batch).await;
    assert_eq!((status, told(&answer).len()), (400, 2), "{answer}");
    assert!(told(&answer).iter().all(|(path, _)| path.starts_with("events[2].data.")), "{answer}");
    assert_eq!(got(&ada, "/events?kind=order.packed").await["data"].as_array().unwrap().len(), 1);
    // What was taken once is answered again, though its type has become stricter since.
    let early = json!({"event": "order.early", "data": {"n": 1}, "idempotencyKey": "early"});
    let first = ada.post("/events", early.clone()).await;
    assert_eq!(put(&ada, "order.early", json!({"schema": {"required": ["m"]}})).await.0, 200);
    assert_eq!(ada.post("/events", early.clone()).await, first);
    let again = ada.post("/events/batch", json!({"events": [early.clone()]})).await;
    assert_eq!((again.0, &again.1["ids"][0]), (202, &first.1["id"]));
    assert_eq!(ada.post("/events", json!({"event": "order.early", "data": {"n": 1}})).await.0, 400);
    // The schema that counts is the one that is there now.
    assert_eq!(put(&ada, "order.packed", json!({"schema": true})).await.1["version"], 2);
    assert_eq!(ada.post("/events", event(json!(null))).await.0, 202);
    assert_eq!(ada.post("/events", json!({"event": "any.other", "data": [1, 2]})).await.0, 202);
}

#[actix_web::test]
async fn a_type_is_its_organisations_alone_and_staff_who_may_not_change_it_read_it() {
    let house = House::open().await;
    let ada = house.owner();
    assert_eq!(put(&ada, "order.packed", packed()).await.0, 200);
    let eve = house.somebody("other-org", Kind::User, "eve", Role::Owner);
    assert_eq!(eve.get("/webhooks/event-types/order.packed").await.0, 404);
    assert_eq!(call(&eve, "DELETE", "/webhooks/event-types/order.packed", None).await.0, 404);
    assert_eq!(eve.post("/events", json!({"event": "order.packed", "data": 7})).await.0, 202);
    let viewer = house.somebody(ORG, Kind::User, "vic", Role::Reviewer);
    assert_eq!(viewer.get("/webhooks/event-types/order.packed").await.0, 200);
    assert_eq!(put(&viewer, "order.packed", packed()).await.0, 403);
    assert_eq!(call(&viewer, "DELETE", "/webhooks/event-types/order.packed", None).await.0, 403);
    assert_eq!(got(&ada, "/webhooks/event-types/order.packed").await["version"], 1);
}
