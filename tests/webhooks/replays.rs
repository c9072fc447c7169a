//! Sending again, by any filter, as a job of its own.

use serde_json::{Value, json};

use crate::house::{House, PATH, text};

#[test]
fn what_was_missed_and_what_failed_is_recovered() {
    let house = House::open();
    house.publish("order.paid", json!({"n": 0}));
    let (id, _) = house.register(json!({"retrySchedule": []}));
    house.usually(500);
    house.publish("order.paid", json!({"n": 1}));
    house.ended(&id, "dead", 1);
    house.usually(200);
    let disable = format!("/webhooks/endpoints/{id}");
    house.post(&format!("{disable}/disable"), Value::Null, 200);
    house.publish("order.paid", json!({"n": 2}));
    let since = json!({"since": "2020-01-01T00:00:00Z"});
    let recover = format!("/webhooks/endpoints/{id}/recover");
    assert_eq!(house.call("POST", &recover, &since).0, 409, "it is disabled");
    house.post(&format!("{disable}/enable"), Value::Null, 200);
    let dry = house.post(&recover, json!({"since": "2020-01-01T00:00:00Z", "dryRun": true}), 200);
    assert_eq!(
        (&dry["deliveries"], &dry["byOutcome"]),
        (&json!(3), &json!({"dead": 1, "missed": 2})),
        "{dry}"
    );
    let started = house.post(&recover, since, 202);
    let path = format!("/webhooks/replays/{}", text(&started["id"]));
    let done = house.until(&path, |replay| replay["status"] == "completed");
    assert_eq!((&done["deliveries"], &done["progress"]), (&json!(3), &json!(1.0)), "{done}");
    house.ended(&id, "delivered", 3);
    let mut told: Vec<i64> =
        house.receiver.wait_for(PATH, 4).iter().map(|r| r.json()["data"]["n"].as_i64().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(told, [0, 1, 1, 2]);
    let twice = house.post(&recover, json!({"since": "2020-01-01T00:00:00Z", "dryRun": true}), 200);
    assert_eq!(twice["deliveries"], 0);
}

#[test]
fn a_replay_is_filtered_paced_paused_and_called_off() {
    let house = House::open();
    let (id, _) = house.register(json!({}));
    let events: Vec<Value> = (0..150)
        .map(|n| {
            let kind = if n % 2 == 0 { "order.paid" } else { "order.made" };
            json!({"event": kind, "data": {"sk": format!("o-{}", n % 10)}})
        })
        .collect();
    house.post("/events/batch", json!({"events": events}), 202);
    house.ended(&id, "delivered", 150);
    let dry = |body: Value| house.post("/webhooks/replays", body, 200)["deliveries"].clone();
    assert_eq!(dry(json!({"dryRun": true})), 150);
    assert_eq!(dry(json!({"dryRun": true, "events": ["order.paid"]})), 75);
    assert_eq!(dry(json!({"dryRun": true, "events": ["order.paid"], "key": "o-4"})), 15);
    assert_eq!(dry(json!({"dryRun": true, "outcome": ["dead"]})), 0);
    assert_eq!(dry(json!({"dryRun": true, "to": "2020-01-01T00:00:00Z"})), 0);
    // A hundred at once, and then a long wait.
    let started = house.post("/webhooks/replays", json!({"endpointId": id, "rate": 0.1}), 202);
    let path = format!("/webhooks/replays/{}", text(&started["id"]));
    let under_way = house.until(&path, |replay| replay["deliveries"] != 0);
    assert_eq!((&under_way["looked"], &under_way["status"]), (&json!(100), &json!("running")), "{under_way}");
    assert!(under_way["progress"].as_f64().unwrap() < 1.0, "{under_way}");
    assert_eq!(house.post(&format!("{path}/pause"), Value::Null, 200)["status"], "paused");
    assert_eq!(house.post(&format!("{path}/resume"), Value::Null, 200)["status"], "running");
    let off = house.post(&format!("{path}/cancel"), Value::Null, 200);
    assert_eq!((&off["status"], off["finishedAt"].is_string()), (&json!("cancelled"), true));
    assert_eq!(house.call("POST", &format!("{path}/resume"), &Value::Null).0, 409);
    assert_eq!(house.get("/webhooks/replays")["total"], 1);
    let wrong =
        json!({"rate": 0, "events": ["a b"], "key": "", "outcome": [], "from": "2030-01-01T00:00:00Z"});
    let (status, answer) = house.call("POST", "/webhooks/replays", &wrong);
    assert_eq!((status, answer["problems"].as_array().unwrap().len()), (400, 5), "{answer}");
}
