//! docs/receivers.md: its receivers as they stand there, before real deliveries of the program, forged ones and
//! repeated ones.

#[path = "receivers/example.rs"]
mod example;
#[path = "receivers/run.rs"]
mod run;

use appengine_actors::clock::{Clock, SystemClock, Timestamp};
use appengine_actors::webhook::signature::asymmetric::SecretKey;
use appengine_actors::webhook::signature::keys::{SigningKey, sign_all};
use appengine_actors::webhook::signature::{Secret, sign};
use serde_json::{Value, json};

use self::run::{Running, block, node, post};
use crate::support::binary::{House, run as run_to_end};

/// Another secret than the organisation's: the one that a rotation ends with, or somebody else's.
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const BODY: &str = r#"{"event":"order.paid","type":"order.paid","data":{"text":"ünïcode"}}"#;

#[test]
fn the_receiver_in_node_believes_what_is_signed_and_works_once() {
    believes_and_works_once(|secrets| Running::node(&block("js receiver"), secrets));
}

#[test]
fn the_receiver_in_python_believes_what_is_signed_and_works_once() {
    believes_and_works_once(|secrets| Running::python(&block("python receiver"), secrets));
}

#[test]
fn the_receiver_in_rust_believes_what_is_signed_and_works_once() {
    let compiled = include_str!("receivers/example.rs");
    let example = compiled.split_once("\n\n").unwrap().1;
    assert_eq!(
        example,
        block("rust receiver"),
        "docs/receivers.md and tests/program/receivers/example.rs differ"
    );
    believes_and_works_once(Running::rust);
}

fn believes_and_works_once(start: impl FnOnce(&str) -> Running) {
    let house = House::new();
    let server = house.start();
    let owner = house.owner(&server);
    let secret = owner.get("/webhooks/secret", 200).json()["secret"].as_str().unwrap().to_owned();
    let receiver = start(&format!("{OTHER} {secret}"));

    let config = json!({"url": receiver.url(), "headers": {"x-own": "1"}});
    let flow = json!({
        "name": "tell", "trigger": {"type": "order.paid"},
        "actions": [{"type": "send_webhook", "config": config}],
    });
    owner.post("/automation", &flow, 201);
    owner.post("/events", &json!({"event": "order.paid", "data": {"text": "ünïcode"}}), 202);
    let told = receiver.next();
    assert!(told.starts_with("work dlv_") && told.ends_with(" order.paid"), "{told}");

    let now = SystemClock::default().now().as_secs();
    let signed = |secret: &str, id: &str, at: u64| {
        let key = Secret::parse(secret).unwrap();
        let signature = sign(&[key], id, at_second(at).to_jiff(), BODY.as_bytes()).unwrap();
        vec![
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", signature),
        ]
    };
    let forged = Secret::generate(&mut rand::rng()).reveal();
    let with = |mut headers: Vec<(&'static str, String)>, at: usize, value: &str| {
        headers[at].1 = value.to_owned();
        headers
    };
    let good = || signed(&secret, "msg_1", now);
    for (headers, body) in [
        (signed(&forged, "msg_forged", now), BODY),
        (good(), "{}"),
        (with(good(), 0, "msg_2"), BODY),
        (with(good(), 1, &(now + 1).to_string()), BODY),
        (with(good(), 2, "v1,AAAA"), BODY),
        (with(good(), 2, "nonsense"), BODY),
        (signed(&secret, "msg_old", now - 600), BODY),
        (signed(&secret, "msg_early", now + 600), BODY),
        (Vec::new(), BODY),
    ] {
        assert_eq!(post(&receiver.url(), &headers, body), 401, "{headers:?} {body}");
    }
    // The same one three times, by the old secret and by the new one: believed each time, and worked on once.
    for headers in [good(), good(), signed(OTHER, "msg_1", now), signed(OTHER, "msg_3", now)] {
        assert_eq!(post(&receiver.url(), &headers, BODY), 204);
    }
    assert_eq!([receiver.next(), receiver.next()], ["work msg_1 order.paid", "work msg_3 order.paid"]);
    server.stop();
}

/// The second implementation that our own `v1a` is held against.
#[test]
fn node_verifies_v1a_by_the_public_key_alone() {
    let key = SecretKey::generate(&mut rand::rng()).unwrap();
    let (public, other) = (key.public().to_string(), SecretKey::generate(&mut rand::rng()).unwrap());
    let keys = [SigningKey::parse(OTHER).unwrap(), SigningKey::Asymmetric(key)];
    let now = SystemClock::default().now().as_secs();
    let case = |public: &str, at: u64, body: &str| {
        let list = sign_all(&keys, "msg_1", at_second(at).to_jiff(), BODY.as_bytes()).unwrap();
        let headers =
            json!({"webhook-id": "msg_1", "webhook-timestamp": at.to_string(), "webhook-signature": list});
        json!({"publicKey": public, "headers": headers, "body": body})
    };
    let cases = json!([
        case(&public, now, BODY),
        case(&public, now, "{}"),
        case(&other.public().to_string(), now, BODY),
        case(&public, now - 600, BODY),
    ]);
    let driver = format!(
        "{}\nfor (const one of {cases}) console.log(isGenuine(one.publicKey, one.headers, one.body));\n",
        block("js v1a")
    );
    let ended = run_to_end(node(), driver.as_bytes());
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("true\nfalse\nfalse\nfalse\n", ""));
}

fn at_second(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

/// What a line of JSON says under `type`.
fn kind_of(body: &[u8]) -> String {
    let message: Value = serde_json::from_slice(body).unwrap();
    message["type"].as_str().unwrap().to_owned()
}
