//! Publishing: keys, batches, and what is not anybody's to publish.

use serde_json::{Value, json};

use crate::house::{Caller, House};
use crate::kit::got;

async fn publish(caller: &Caller<'_>, key: Option<&str>, path: &str, body: Value) -> (u16, bool, Value) {
    let headers = key.map(|key| ("idempotency-key", key));
    let (status, headers, answer) = caller.send(reqwest::Method::POST, path, headers, Some(body)).await;
    (status, headers.contains_key("idempotent-replayed"), answer)
}

fn event(amount: u32, key: Option<&str>) -> Value {
    let mut event = json!({"event": "order.paid", "data": {"amount": amount}});
    if let Some(key) = key {
        event["idempotencyKey"] = key.into();
    }
    event
}

async fn count(caller: &Caller<'_>) -> usize {
    got(caller, "/events?kind=order.paid").await["data"].as_array().unwrap().len()
}

#[actix_web::test]
async fn a_key_is_the_same_in_the_header_and_in_the_body() {
    let house = House::open().await;
    let ada = house.owner();
    let (status, replayed, first) = publish(&ada, Some("k-1"), "/events", event(1, None)).await;
    assert_eq!((status, replayed), (202, false), "{first}");
    for (header, body) in [(Some("k-1"), None), (None, Some("k-1")), (Some("k-1"), Some("k-1"))] {
        assert_eq!(publish(&ada, header, "/events", event(1, body)).await, (202, true, first.clone()));
    }
    assert_eq!(publish(&ada, Some("k-1"), "/events", event(2, None)).await.0, 409);
    let (status, _, answer) = publish(&ada, Some("k-1"), "/events", event(1, Some("k-2"))).await;
    assert_eq!((status, &answer["problems"][0]["path"]), (400, &json!("idempotencyKey")), "{answer}");
    assert_eq!(publish(&ada, Some(""), "/events", event(1, None)).await.0, 400);
    assert_eq!(count(&ada).await, 1);
    let batch = json!({"events": [event(3, None), event(4, None)]});
    let (status, replayed, first) = publish(&ada, Some("b-1"), "/events/batch", batch.clone()).await;
    assert_eq!((status, replayed, first["ids"].as_array().unwrap().len()), (202, false, 2));
    assert_eq!(publish(&ada, Some("b-1"), "/events/batch", batch).await, (202, true, first));
    assert_eq!(count(&ada).await, 3);
}

#[actix_web::test]
async fn each_event_of_a_batch_may_have_its_key() {
    let house = House::open().await;
    let ada = house.owner();
    let alone = publish(&ada, None, "/events", event(1, Some("k-1"))).await.2["id"].clone();
    let batch = json!({"events": [event(2, Some("k-2")), event(1, Some("k-1")), event(9, None)]});
    let (status, replayed, answer) = publish(&ada, None, "/events/batch", batch.clone()).await;
    assert_eq!((status, replayed, &answer["ids"][1]), (202, false, &alone), "{answer}");
    assert_eq!(count(&ada).await, 3);
    // The one without a key is new each time; the others are what they were.
    let (_, replayed, again) = publish(&ada, None, "/events/batch", batch).await;
    assert_eq!((replayed, &again["ids"][0], &again["ids"][1]), (false, &answer["ids"][0], &alone));
    assert_ne!(again["ids"][2], answer["ids"][2]);
    let known = json!({"events": [event(1, Some("k-1")), event(2, Some("k-2"))]});
    assert!(publish(&ada, None, "/events/batch", known).await.1);
    assert_eq!(count(&ada).await, 4);
    for (events, key, status) in [
        (vec![event(5, None), event(6, Some("k-1"))], None, 409),
        (vec![event(5, Some("k-5")), event(6, Some("k-5"))], None, 400),
        (vec![event(5, Some("k-5"))], Some("b"), 400),
        (vec![event(5, Some(""))], None, 400),
    ] {
        let body = json!({"events": events});
        let (found, _, answer) = publish(&ada, key, "/events/batch", body.clone()).await;
        assert_eq!(found, status, "{body}: {answer}");
    }
    assert_eq!(count(&ada).await, 4, "a batch that is refused publishes nothing");
}

#[actix_web::test]
async fn what_the_server_did_is_not_anybodys_to_publish() {
    let house = House::open().await;
    let ada = house.owner();
    for kind in [
        "collection-create",
        "collection-anything",
        "user-update",
        "org-delete",
        "apikey.created",
        "app.deleted",
    ] {
        let body = json!({"event": kind, "data": {}});
        let (status, answer) = ada.post("/events", body.clone()).await;
        assert_eq!((status, &answer["problems"][0]["path"]), (400, &json!("event")), "{kind}: {answer}");
        let (status, answer) = ada.post("/events/batch", json!({"events": [event(1, None), body]})).await;
        assert_eq!((status, &answer["problems"][0]["path"]), (400, &json!("events[1].event")), "{answer}");
    }
    for kind in ["contact.created", "user-friendly", "collection", "order.created"] {
        assert_eq!(ada.post("/events", json!({"event": kind})).await.0, 202, "{kind}");
    }
    assert_eq!(count(&ada).await, 0);
}
