//! The main job as an integrator meets it: the real binary, a real receiver over a real socket, the
//! official `standardwebhooks` library. (`npm ci` in `tests/clients` first.)

#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod support;

use std::collections::BTreeSet;

use appengine_actors::clock::{Clock, SystemClock, Timestamp};
use serde_json::{Value, json};
use support::binary::House;
use support::client::Client;
use support::receiver::{Answer, Received, Receiver};
use support::{ADA, ORG, PATIENCE, standard_webhooks};

const PATH: &str = "/appmint/contact";
const SECRET: &str = "shared-secret-here";

/// Fifty times a tenth of a second: a receiver that fails is asked again soon, and for long enough.
fn patient_schedule() -> String {
    json!(vec!["100ms"; 50]).to_string()
}

/// The seed's own flow, but for the address.
fn seed_flow(receiver: &Receiver) -> Value {
    json!({
        "name": "Notify CRM bridge",
        "trigger": { "type": "contact.created" },
        "actions": [
            {
                "type": "send_webhook",
                "config": {
                    "url": receiver.url(PATH),
                    "method": "POST",
                    "headers": { "X-Bridge-Secret": SECRET }
                }
            }
        ]
    })
}

/// Creates the seed's flow; its id and the secret that its webhooks are signed with.
fn create_flow(client: &Client, flow: &Value) -> (String, String) {
    let created = client.post("/automation/flows/create", flow, 201).json();
    let text = |name: &str| created[name].as_str().unwrap_or_else(|| panic!("no {name} in {created}"));
    assert_eq!(created["data"]["status"], "active");
    (text("id").to_owned(), text("webhookSecret").to_owned())
}

fn create_contact(client: &Client, email: &str) -> Value {
    client.post("/repository/create/contact", &json!({"data": {"email": email}}), 201).json()
}

/// The event that a contact's creation was, by the log.
fn event_of(client: &Client, contact: &Value) -> String {
    let log = client.get("/events?kind=contact.created&order=desc&limit=500", 200).json();
    let events = log["data"].as_array().unwrap();
    let event = events.iter().find(|event| event["data"]["sk"] == contact["sk"]);
    event.unwrap_or_else(|| panic!("no event of {contact} in {log}"))["id"].as_str().unwrap().to_owned()
}

fn ids(deliveries: &[Received]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.header("webhook-id")).collect()
}

/// The node of a trace, the root included, that has this type.
fn node<'t>(trace: &'t Value, kind: &str) -> Option<&'t Value> {
    if trace["type"] == kind {
        return Some(trace);
    }
    trace["children"].as_array()?.iter().find_map(|child| node(child, kind))
}

#[test]
fn a_contact_becomes_the_seeds_webhook() {
    let (house, receiver) = (House::new(), Receiver::open());
    let server = house.start();
    let client = house.owner(&server);
    let (_, secret) = create_flow(&client, &seed_flow(&receiver));
    let contact = create_contact(&client, "grace@example.com");

    let deliveries = receiver.wait_for(PATH, 1);
    let delivery = &deliveries[0];
    assert_eq!((delivery.method.as_str(), delivery.header("x-bridge-secret")), ("POST", SECRET));
    assert_eq!(delivery.header("user-agent"), concat!("AppEngine-Webhooks/", env!("CARGO_PKG_VERSION")));
    assert_eq!(delivery.header("content-type"), "application/json");
    let length: usize = delivery.header("content-length").parse().unwrap();
    assert_eq!(length, delivery.body.len());

    let body = delivery.json();
    let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["event", "type", "orgId", "timestamp", "data"]);
    assert_eq!((&body["event"], &body["type"]), (&json!("contact.created"), &json!("contact.created")));
    assert_eq!(body["orgId"], ORG);
    let timestamp = body["timestamp"].as_str().unwrap();
    assert!(timestamp.ends_with('Z') && timestamp.contains('T'), "{timestamp}");
    let data = &body["data"];
    assert_eq!((&data["sk"], &data["datatype"]), (&contact["sk"], &json!("contact")));
    assert_eq!(data["data"]["email"], "grace@example.com");
    standard_webhooks::verify(&secret, &deliveries);
    server.stop();
}

#[test]
fn one_delivery_keeps_its_id_until_it_arrives() {
    let house = House::new().with("WEBHOOKS__RETRY_SCHEDULE", &patient_schedule());
    let receiver = Receiver::open();
    receiver.script(PATH, [Answer::Status(500), Answer::HangUp, Answer::Status(500), Answer::Status(200)]);
    let server = house.start();
    let client = house.owner(&server);
    let (_, secret) = create_flow(&client, &seed_flow(&receiver));
    create_contact(&client, "grace@example.com");

    let attempts = receiver.wait_for(PATH, 4);
    assert!(ids(&attempts).iter().all(|id| *id == attempts[0].header("webhook-id")), "{attempts:?}");
    assert!(attempts.iter().all(|attempt| attempt.body == attempts[0].body));
    assert!(attempts.is_sorted_by_key(|attempt| attempt.header("webhook-timestamp").to_owned()));
    standard_webhooks::verify(&secret, &attempts);

    let path = format!("/webhooks/deliveries/{}", attempts[0].header("webhook-id"));
    let delivery = client.until(&path, |body| (body["status"] == "delivered").then(|| body.clone()));
    assert_eq!(delivery["attempts"], 4);
    let log = delivery["attemptLog"].as_array().unwrap();
    let codes: Vec<_> = log.iter().map(|attempt| attempt["statusCode"].clone()).collect();
    assert_eq!(codes, [json!(500), Value::Null, json!(500), json!(200)]);
    assert_eq!(log[1]["errorClass"].as_str().map(str::is_empty), Some(false), "{delivery:#}");
    assert_eq!(log[3]["responseBody"], "noted");
    server.stop();
}

#[test]
fn a_flow_is_tried_by_hand_as_on_the_seeds_page() {
    let (house, receiver) = (House::new(), Receiver::open());
    let server = house.start();
    let client = house.owner(&server);
    let (id, secret) = create_flow(&client, &seed_flow(&receiver));
    let body = json!({ "context": { "contact": { "email": "test@example.com" } } });
    let result = client.post(&format!("/automation/flows/{id}/execute"), &body, 200).json();
    assert_eq!((&result["success"], &result["status"]), (&json!(true), &json!("completed")), "{result:#}");
    assert_eq!(result["completedSteps"].as_array().map(Vec::len), Some(1));

    let deliveries = receiver.wait_for(PATH, 1);
    let body = deliveries[0].json();
    assert_eq!((&body["event"], &body["orgId"]), (&json!("contact.created"), &json!(ORG)));
    assert_eq!(body["data"]["datatype"], "contact");
    assert_eq!(body["data"]["data"]["email"], "test@example.com");
    standard_webhooks::verify(&secret, &deliveries);

    let run = format!("/automation/executions/{}", result["executionId"].as_str().unwrap());
    let run = client.get(&run, 200).json();
    assert_eq!((&run["status"], &run["executedBy"]), (&json!("completed"), &json!(ADA)), "{run:#}");
    assert_eq!(run["steps"][0]["input"]["url"], receiver.url(PATH));
    server.stop();
}

#[test]
fn a_delivery_that_waits_goes_on_after_a_kill() {
    let house = House::new().with("WEBHOOKS__RETRY_SCHEDULE", &patient_schedule());
    let receiver = Receiver::open();
    receiver.usually(PATH, Answer::Status(503));
    let server = house.start();
    let client = house.owner(&server);
    let (_, secret) = create_flow(&client, &seed_flow(&receiver));
    create_contact(&client, "grace@example.com");
    let before = receiver.wait_for(PATH, 2);
    server.kill();

    // Nothing can have been delivered before this line, so it is the new process that delivers.
    receiver.usually(PATH, Answer::Status(200));
    let asked = receiver.received().len();
    let server = house.start();
    let attempts = receiver.wait_for(PATH, asked + 1);
    assert!(ids(&attempts).iter().all(|id| *id == before[0].header("webhook-id")), "{attempts:?}");
    standard_webhooks::verify(&secret, &attempts);
    let client = house.owner(&server);
    let path = format!("/webhooks/deliveries/{}", before[0].header("webhook-id"));
    client.until(&path, |body| (body["status"] == "delivered").then_some(()));
    server.stop();
}

#[test]
fn a_delay_survives_a_kill() {
    let (house, receiver) = (House::new(), Receiver::open());
    let server = house.start();
    let client = house.owner(&server);
    let flow = json!({
        "name": "Welcome, later",
        "trigger": {"type": "contact.created"},
        "actions": [
            {"type": "delay", "config": {"duration": 5, "unit": "seconds"}},
            {"type": "send_webhook", "config": {"url": receiver.url(PATH)}},
        ],
    });
    let (id, secret) = create_flow(&client, &flow);
    create_contact(&client, "grace@example.com");
    let runs = format!("/automation/executions?automationId={id}");
    let run = client.until(&runs, |body| {
        let run = &body["data"][0];
        (run["status"] == "waiting").then(|| run.clone())
    });
    server.kill();
    assert!(receiver.received().is_empty(), "the delay was over before the kill");

    let server = house.start();
    let deliveries = receiver.wait_for(PATH, 1);
    let due: Timestamp = run["resumesAt"].as_str().unwrap().parse().unwrap();
    let sent: u64 = deliveries[0].header("webhook-timestamp").parse().unwrap();
    assert!(sent >= due.as_secs(), "sent at {sent}, due at {due}");
    standard_webhooks::verify(&secret, &deliveries);
    let client = house.owner(&server);
    let run = format!("/automation/executions/{}", run["id"].as_str().unwrap());
    let run = client.until(&run, |run| (run["status"] == "completed").then(|| run.clone()));
    assert_eq!(run["steps"].as_array().map(Vec::len), Some(2), "{run:#}");
    server.stop();
}

#[test]
fn an_operator_sees_each_step() {
    let (house, receiver) = (House::new(), Receiver::open());
    let server = house.start();
    let client = house.owner(&server);
    let mut flow = seed_flow(&receiver);
    let create = json!({
        "type": "create_data",
        "config": {"datatype": "task", "data": {"title": "Call {{contact.email}}"}},
    });
    flow["actions"].as_array_mut().unwrap().push(create);
    let (id, _) = create_flow(&client, &flow);
    let contact = create_contact(&client, "grace@example.com");
    let event = event_of(&client, &contact);
    receiver.wait_for(PATH, 1);
    let trace = client.until(&format!("/events/{event}/trace"), |trace| {
        let delivered = node(trace, "delivery")?["delivery"]["status"] == "delivered";
        let done = node(trace, "job")?["job"]["state"] == "completed";
        (delivered && done).then(|| trace.clone())
    });

    assert_eq!((&trace["type"], &trace["event"]["id"]), (&json!("event"), &json!(event)));
    assert_eq!(trace["truncated"], false);
    let run = node(&trace, "run").unwrap();
    assert_eq!((&run["run"]["automationId"], &run["run"]["status"]), (&json!(id), &json!("completed")));
    assert_eq!(run["run"]["cause"], json!({"type": "event", "id": event}));
    let steps = run["steps"].as_array().unwrap();
    let steps: Vec<_> = steps.iter().map(|step| (&step["handler"], &step["status"])).collect();
    let done = json!("completed");
    assert_eq!(steps, [(&json!("send_webhook"), &done), (&json!("create_data"), &done)]);
    let delivery = node(run, "delivery").unwrap();
    assert_eq!(delivery["attempts"][0]["statusCode"], 200);
    assert_eq!(delivery["delivery"]["eventId"], event);
    // What the run wrote is an event of its own, further down the same tree.
    let caused = run["children"].as_array().unwrap().iter().filter(|child| child["type"] == "event");
    let caused: Vec<_> = caused.map(|child| &child["event"]).collect();
    let task = caused
        .iter()
        .find(|event| event["data"]["datatype"] == "task" || event["data"]["data"]["datatype"] == "task");
    let task = task.unwrap_or_else(|| panic!("no event of the task in {run:#}"));
    assert_eq!((&task["cause"]["type"], &task["depth"]), (&json!("run"), &json!(1)));
    server.stop();
}

#[test]
fn a_repeated_publish_is_answered_with_the_first_id() {
    let (house, receiver) = (House::new(), Receiver::open());
    let server = house.start();
    let client = house.owner(&server);
    let flow = json!({
        "name": "Orders", "trigger": {"type": "order.paid"},
        "actions": [{"type": "send_webhook", "config": {"url": receiver.url("/orders")}}],
    });
    create_flow(&client, &flow);
    let publish = |amount: i64, key: &str| json!({"event": "order.paid", "data": {"amount": amount}, "idempotencyKey": key});
    let first = client.post("/events", &publish(1, "order-1"), 202);
    let again = client.post("/events", &publish(1, "order-1"), 202);
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert!(!first.headers.contains_key("idempotent-replayed"));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    client.post("/events", &publish(2, "order-1"), 409);

    // The same after a restart, and the second order closes the count of what the first one sent.
    server.stop();
    let server = house.start();
    let client = house.owner(&server);
    assert_eq!(client.post("/events", &publish(1, "order-1"), 202).json()["id"], first.json()["id"]);
    client.post("/events", &publish(2, "order-2"), 202);
    receiver.wait("the second order", |received| {
        received.iter().any(|delivery| delivery.json()["data"]["amount"] == 2).then_some(())
    });
    let log = client.get("/events?kind=order.paid", 200).json();
    assert_eq!(log["data"].as_array().map(Vec::len), Some(2), "{log:#}");
    let deliveries = client.get("/webhooks/deliveries?event=order.paid", 200).json();
    assert_eq!(deliveries["data"].as_array().map(Vec::len), Some(2), "{deliveries:#}");
    server.stop();
}

#[test]
fn polling_by_the_watermark_finds_every_contact_once() {
    let house = House::new();
    let server = house.start();
    let client = house.owner(&server);
    let mut created = Vec::new();
    let (mut seen, mut watermark) = (Vec::new(), "2026-04-25T00:00:00Z".to_owned());
    for round in 0..5 {
        for n in 0..7 {
            let contact = create_contact(&client, &format!("c{round}-{n}@example.com"));
            created.push(contact["sk"].as_str().unwrap().to_owned());
        }
        // The seed's call, as written.
        let poll = json!({
            "query": { "modifydate": { "$gte": watermark } },
            "options": { "sort": { "modifydate": -1 }, "pageSize": 100 }
        });
        let page = client.post("/repository/find/contact", &poll, 200).json();
        let rows = page["data"].as_array().unwrap();
        for row in rows.iter().rev() {
            let sk = row["sk"].as_str().unwrap().to_owned();
            // What stands at the watermark itself may come once more.
            assert!(!seen.contains(&sk) || row["modifydate"] == watermark.as_str(), "{sk} came again");
            if !seen.contains(&sk) {
                seen.push(sk);
            }
        }
        watermark = rows[0]["modifydate"].as_str().unwrap().to_owned();
    }
    assert_eq!(seen, created);
    server.stop();
}

#[test]
fn polling_skips_no_contact_that_is_written_meanwhile() {
    const WRITERS: usize = 3;
    const EACH: usize = 60;
    let house = House::new();
    let server = house.start();
    let client = house.owner(&server);
    let mut seen = BTreeSet::new();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let client = house.owner(&server);
            scope.spawn(move || {
                for n in 0..EACH {
                    create_contact(&client, &format!("c{writer}-{n}@example.com"));
                }
            });
        }
        let mut watermark = "2026-04-25T00:00:00Z".to_owned();
        let clock = SystemClock::new();
        while seen.len() < WRITERS * EACH {
            let poll = json!({
                "query": { "modifydate": { "$gte": watermark } },
                "options": { "sort": { "modifydate": 1 }, "pageSize": 10 }
            });
            let page = client.post("/repository/find/contact", &poll, 200).json();
            let rows = page["data"].as_array().unwrap();
            seen.extend(rows.iter().map(|row| row["sk"].as_str().unwrap().to_owned()));
            if let Some(last) = rows.last() {
                watermark = last["modifydate"].as_str().unwrap().to_owned();
            }
            assert!(clock.elapsed() < PATIENCE, "only {} contacts were found", seen.len());
        }
    });
    server.stop();
}
