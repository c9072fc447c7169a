//! What the receiver gets.

use std::collections::BTreeSet;
use std::io::Read;

use appengine_actors::webhook::signature::asymmetric::{self, PublicKey};
use appengine_actors::webhook::signature::{Secret, Signed, TOLERANCE, verify};
use serde_json::{Value, json};

use crate::house::{House, PATH, text};
use crate::support::receiver::Answer;
use crate::support::standard_webhooks;

#[test]
fn what_arrives_is_what_the_official_library_believes() {
    let house = House::open();
    let (id, secret) =
        house.register(json!({"headers": {"x-team": "sales"}, "filter": {"data.total": {"$gt": 1}}}));
    house.publish("order.paid", json!({"total": 1}));
    let event = house.publish("order.paid", json!({"total": 2}));
    house.publish("contact.seen", json!({"total": 3}));
    let arrived = house.receiver.wait_for(PATH, 1);
    standard_webhooks::verify(&secret, &arrived);
    assert_eq!(arrived[0].header("x-team"), "sales");
    assert_eq!(
        (&arrived[0].json()["type"], &arrived[0].json()["data"]),
        (&json!("order.paid"), &json!({"total": 2}))
    );
    let page = house.ended(&id, "delivered", 1);
    let row = &page["data"][0];
    assert_eq!(
        (&row["endpointId"], &row["eventId"], &row["attempts"]),
        (&json!(id), &json!(event), &json!(1))
    );
    let whole = house.get(&format!("/webhooks/deliveries/{}", text(&row["id"])));
    let attempt = &whole["attemptLog"][0];
    assert_eq!((&attempt["statusCode"], &attempt["responseBody"]), (&json!(200), &json!("noted")));
    assert!(attempt["timings"]["totalMs"].as_f64().unwrap() > 0.0, "{attempt}");
    let sent: BTreeSet<String> =
        attempt["requestHeaders"].as_array().unwrap().iter().map(|pair| text(&pair[0])).collect();
    assert!(sent.contains("webhook-signature") && sent.contains("x-team"), "{sent:?}");
    assert_eq!(house.receiver.received().len(), 1);
}

#[test]
fn both_secrets_sign_while_one_is_replaced() {
    let house = House::open();
    let (id, old) = house.register(json!({}));
    let rotated =
        house.post(&format!("/webhooks/endpoints/{id}/secret/rotate"), json!({"overlapSeconds": 60}), 200);
    let new = text(&rotated["secret"]);
    assert!(rotated["secretExpiresAt"].is_string() && new != old, "{rotated}");
    house.publish("order.paid", json!({}));
    let arrived = house.receiver.wait_for(PATH, 1);
    standard_webhooks::verify(&old, &arrived);
    standard_webhooks::verify(&new, &arrived);
    let rotate = format!("/webhooks/endpoints/{id}/secret/rotate");
    house.post(&rotate, json!({"overlapSeconds": 0}), 200);
    house.publish("order.paid", json!({}));
    let second = house.receiver.wait_for(PATH, 2).split_off(1);
    assert_eq!(second[0].header("webhook-signature").split(' ').count(), 1, "the old ones went at once");
    assert_eq!(house.call("POST", &rotate, &json!({"secret": "whsec_short"})).0, 400);
}

#[test]
fn a_failing_receiver_is_tried_by_the_endpoints_own_schedule() {
    let house = House::open();
    let (id, _) = house.register(json!({"retrySchedule": [0.05, 0.05]}));
    house.receiver.script(PATH, [Answer::Status(500), Answer::HangUp]);
    house.publish("order.paid", json!({"n": 1}));
    house.ended(&id, "delivered", 1);
    let arrived = house.receiver.wait_for(PATH, 3);
    let ids: BTreeSet<&str> = arrived.iter().map(|request| request.header("webhook-id")).collect();
    assert_eq!(ids.len(), 1);
    house.usually(500);
    house.publish("order.paid", json!({"n": 2}));
    let dead = house.ended(&id, "dead", 1);
    let row = &dead["data"][0];
    assert_eq!((&row["attempts"], &row["lastStatusCode"]), (&json!(3), &json!(500)));
    let whole = house.get(&format!("/webhooks/deliveries/{}", text(&row["id"])));
    assert!(text(&whole["attemptLog"][2]["likelyCause"]).contains("its own log"), "{whole}");
    house.usually(200);
    let again = house.post(&format!("/webhooks/deliveries/{}/resend", text(&row["id"])), Value::Null, 202);
    assert_eq!(again["status"], "pending");
    house.ended(&id, "delivered", 2);
}

#[test]
fn a_gone_receiver_disables_its_endpoint_until_it_is_enabled() {
    let house = House::open();
    let (id, _) = house.register(json!({}));
    house.receiver.script(PATH, [Answer::Status(410)]);
    house.publish("order.paid", json!({}));
    let path = format!("/webhooks/endpoints/{id}");
    let shown = house.until(&path, |endpoint| endpoint["status"] == "disabled");
    assert!(text(&shown["disabledReason"]).contains("410"));
    let told = house.until("/events?kind=webhook.endpoint.disabled", |page| page["data"] != json!([]));
    assert!(text(&told["data"][0]["data"]["whatToDo"]).contains("enable"), "{told}");
    house.publish("order.paid", json!({}));
    let enabled = house.post(&format!("{path}/enable"), Value::Null, 200);
    assert_eq!((&enabled["status"], &enabled["disabledReason"]), (&json!("enabled"), &Value::Null));
    house.publish("order.paid", json!({}));
    house.ended(&id, "delivered", 1);
    assert_eq!(house.receiver.received().len(), 2);
}

#[test]
fn a_test_says_how_it_went() {
    let house = House::open();
    let (id, secret) = house.register(json!({}));
    let test = format!("/webhooks/endpoints/{id}/test");
    let went = house.post(&test, json!({"event": "order.paid", "data": {"n": 1}}), 200);
    assert_eq!((&went["delivered"], &went["statusCode"]), (&json!(true), &json!(200)), "{went}");
    let arrived = house.receiver.wait_for(PATH, 1);
    standard_webhooks::verify(&secret, &arrived);
    assert_eq!(arrived[0].json()["data"], json!({"n": 1}));
    house.usually(503);
    let went = house.post(&test, Value::Null, 200);
    assert_eq!((&went["delivered"], &went["statusCode"]), (&json!(false), &json!(503)), "{went}");
    assert!(went["attempt"]["likelyCause"].is_string());
    let kept = house.get(&format!("/webhooks/deliveries?endpointId={id}"));
    assert_eq!(kept["total"], 2);
}

#[test]
fn order_by_record_holds_over_a_real_connection() {
    let house = House::open();
    let (id, _) = house.register(
        json!({"fifo": "key", "fifoKey": "data.k", "concurrency": 16, "retrySchedule": [0.01, 0.01, 0.01]}),
    );
    house.receiver.script(PATH, (0..20).map(|n| Answer::Status(if n % 3 == 0 { 500 } else { 200 })));
    let events: Vec<Value> =
        (0..60).map(|n| json!({"event": "order.paid", "data": {"k": n % 4, "n": n}})).collect();
    house.post("/events/batch", json!({"events": events}), 202);
    house.ended(&id, "delivered", 60);
    for key in 0..4 {
        let of_key = |request: &crate::support::receiver::Received| {
            let data = request.json()["data"].clone();
            (data["k"] == key && request.answer == Answer::Status(200)).then(|| data["n"].as_i64().unwrap())
        };
        let told: Vec<i64> = house.receiver.received().iter().filter_map(of_key).collect();
        assert!(told.is_sorted() && told.len() == 15, "{key}: {told:?}");
    }
}

#[test]
fn both_kinds_of_signature_stand_side_by_side_and_bodies_are_compressed_after_they_are_signed() {
    let house = House::open();
    let body = json!({"signatures": ["v1", "v1a"], "compression": "gzip"});
    let (id, secret) = house.register(body);
    let shown = house.get(&format!("/webhooks/endpoints/{id}"));
    let public: PublicKey = PublicKey::parse(&text(&shown["publicKeys"][0])).unwrap();
    house.publish("order.paid", json!({"n": 1}));
    let arrived = house.receiver.wait_for(PATH, 1).remove(0);
    assert_eq!(arrived.header("content-encoding"), "gzip");
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&arrived.body[..]).read_to_string(&mut plain).unwrap();
    let signed = Signed {
        id: arrived.header("webhook-id"),
        timestamp: arrived.header("webhook-timestamp"),
        signature: arrived.header("webhook-signature"),
    };
    let now = house.server.clock.now().to_jiff();
    asymmetric::verify(&[public], signed, plain.as_bytes(), now, TOLERANCE).unwrap();
    verify(&[Secret::parse(&secret).unwrap()], signed, plain.as_bytes(), now, TOLERANCE).unwrap();
    // Moving on to v1a alone: the old kind signs for a while yet.
    let (status, patched) =
        house.call("PATCH", &format!("/webhooks/endpoints/{id}"), &json!({"signatures": ["v1a"]}));
    assert_eq!((status, &patched["signatures"]), (200, &json!(["v1a"])), "{patched}");
    assert!(patched["secretExpiresAt"].is_string() && patched["secret"].is_null(), "{patched}");
}

#[test]
fn certificates_are_checked_when_they_are_given_and_their_key_is_never_shown() {
    let house = House::open();
    let url = house.receiver.url(PATH);
    let refused = |tls: Value| {
        let (status, answer) = house.call("POST", "/webhooks/endpoints", &json!({"url": url, "tls": tls}));
        assert_eq!(status, 400, "{answer}");
        text(&answer["problems"][0]["path"])
    };
    assert_eq!(refused(json!({"ca": "no certificate"})), "tls");
    assert_eq!(refused(json!({"clientCertificate": "x"})), "tls.clientKey");
    let own = rcgen::generate_simple_self_signed(vec!["client.example".to_owned()]).unwrap();
    let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    let other = rcgen::generate_simple_self_signed(vec!["other.example".to_owned()]).unwrap();
    let mismatch = json!({"clientCertificate": certificate, "clientKey": other.signing_key.serialize_pem()});
    assert_eq!(refused(mismatch), "tls");
    let tls = json!({"ca": certificate, "clientCertificate": certificate, "clientKey": key});
    let made = house.post("/webhooks/endpoints", json!({"url": url, "tls": tls}), 201);
    assert_eq!(made["tls"]["clientKey"], "••••••");
    let path = format!("/webhooks/endpoints/{}", text(&made["id"]));
    let (status, put) = house.call("PUT", &path, &house.get(&path));
    assert_eq!((status, &put["tls"]), (200, &made["tls"]), "{put}");
}
