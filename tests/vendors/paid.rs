//! A payment at Stripe, as an integrator sees it: a flow sends a webhook and tags the customer, once, however often
//! Stripe tells of it and whenever the server is killed.

use appengine_actors::clock::{Clock, SystemClock};
use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::support::binary::{House, Server};
use crate::support::client::Client;
use crate::support::exchange::Request;
use crate::support::receiver::Receiver;
use crate::support::{ADA, ORG};

const SECRET: &str = "whsec_test_0123456789";

/// Tells the server of a payment as Stripe does; the status of its answer.
fn tell(server: &Server, path: &str, body: &str) -> u16 {
    let now = SystemClock::new().now().as_secs();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let code = hmac::sign(&key, format!("{now}.{body}").as_bytes());
    let code: String = code.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let address = server.base.trim_start_matches("http://").parse().unwrap();
    let call = Request::new(address, "POST", path).header("stripe-signature", &format!("t={now},v1={code}"));
    call.header("content-type", "application/json").body(body).send().status
}

#[test]
fn a_payment_has_one_effect_however_often_it_is_told_and_whenever_the_server_is_killed() {
    let house = House::new().with("LOG__FILTER", "warn");
    let token = house.token(&["--org", ORG, "--email", ADA]);
    let receiver = Receiver::open();
    let server = house.start();
    let client = Client::signed(&server.base, ORG, &token);
    let connect = json!({"type": "stripe", "credentials": {"webhookSecret": SECRET}});
    let integration = client.post("/upstream/save-integration", &connect, 200).json();
    let id = integration["id"].as_str().unwrap();
    let flow = json!({
        "name": "Paid", "trigger": {"type": "payment.succeeded"}, "actions": [
            {"type": "send_webhook", "config": {
                "url": receiver.url("/paid"), "body": {"amount": "{{amount}}", "contact": "{{contactId}}"},
            }},
            {"type": "add_tag", "config": {"contactId": "{{contactId}}", "tags": ["customer"]}},
        ],
    });
    client.post("/automation/flows/create", &flow, 201);
    let body = json!({
        "id": "evt_1", "type": "payment_intent.succeeded", "created": 1_790_000_000, "data": {"object": {
            "id": "pi_1", "object": "payment_intent", "amount_received": 4_200, "currency": "eur",
            "receipt_email": "ann@example.com",
        }},
    });
    let body = body.to_string();
    let of_integration = format!("/connect/webhook/stripe/{id}");
    let older = format!("/storefront/stripe/webhook?orgid={ORG}");
    assert_eq!(tell(&server, &of_integration, &body), 200);
    assert_eq!(tell(&server, &older, &body), 200);
    assert_eq!(tell(&server, &of_integration, &body.replace("4200", "9900")), 200, "the same event says so");
    server.kill();
    let server = house.start();
    assert_eq!(tell(&server, &older, &body), 200);
    server.kill();
    let server = house.start();
    assert_eq!(tell(&server, &of_integration, &body), 200);
    let client = Client::signed(&server.base, ORG, &token);
    let done = |page: &Value| (page["total"] == 1).then_some(());
    client.until("/automation/executions?status=completed", done);
    let calls = client.get("/upstream/calls", 200).json();
    assert_eq!((&calls["total"], &calls["data"][0]["status"]), (&json!(1), &json!("understood")));
    assert_eq!(client.get("/events?kind=payment.succeeded", 200).json()["data"].as_array().unwrap().len(), 1);
    let told = receiver.wait_for("/paid", 1);
    let [told] = told.as_slice() else { panic!("{told:?}") };
    let find = json!({"query": {"data.email": "ann@example.com"}, "options": {}});
    let people = client.post("/repository/find/contact", &find, 200).json();
    let [ann] = people["data"].as_array().unwrap().as_slice() else { panic!("{people:#}") };
    assert_eq!(ann["data"]["tags"], json!(["customer"]));
    assert!(told.json().to_string().contains(ann["sk"].as_str().unwrap()), "{}", told.json());
    server.stop();
}
