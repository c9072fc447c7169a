//! Why was this not delivered?

use serde_json::{Value, json};

use crate::house::{House, text};

#[test]
fn every_reason_is_told_in_words() {
    let house = House::open();
    let before = house.publish("order.paid", json!({"total": 5}));
    let (id, _) = house.register(json!({"filter": {"data.total": {"$gt": 1}}, "retrySchedule": []}));
    let why = |event: &str| house.get(&format!("/events/{event}/explain?endpointId={id}"));
    let other = house.publish("contact.seen", json!({}));
    let small = house.publish("order.paid", json!({"total": 1}));
    let good = house.publish("order.paid", json!({"total": 2}));
    house.ended(&id, "delivered", 1);
    house.usually(404);
    let bad = house.publish("order.paid", json!({"total": 3}));
    house.ended(&id, "dead", 1);
    house.post(&format!("/webhooks/endpoints/{id}/pause"), Value::Null, 200);
    let waits = house.publish("order.paid", json!({"total": 4}));
    for (event, words) in [
        (&before, "after the event"),
        (&other, "none of order.* matches contact.seen"),
        (&small, "does not match the filter"),
        (&good, "it was delivered at"),
        (&bad, "the receiver answered 404"),
        (&waits, "the endpoint is paused"),
    ] {
        let explained = why(event);
        assert!(text(&explained["answer"]).contains(words), "{words}: {explained}");
        assert!(explained["gates"].as_array().unwrap().len() >= 3, "{explained}");
    }
    assert_eq!(why(&bad)["attempts"][0]["statusCode"], 404);
    let whole = house.get(&format!("/events/{good}/explain"));
    assert_eq!((whole["endpoints"].as_array().unwrap().len(), &whole["flows"]), (1, &json!([])));
    let (status, _) = house.call(
        "GET",
        &format!("/events/{good}/explain?endpointId=ep_01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        &Value::Null,
    );
    assert_eq!(status, 404);
}
