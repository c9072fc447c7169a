//! Secrets that the configuration sets: calls are taken by them without a request to set anything up.

use std::sync::Arc;

use appengine::connect::declared;
use appengine_actors::ids::OrgId;
use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::received::Stopped;
use crate::support::in_process::{Server, owner};

const NOW: u64 = 1_790_000_000;
const ORG: &str = "my-org";

fn start(keys: &str) -> Server {
    let settings = [("APPENGINE__VENDORS__KEYS", keys), ("APPENGINE__AUTH__DEFAULT_ORG", ORG)];
    Server::within(&settings, Arc::new(Stopped::at(NOW * 1_000)), None)
}

fn pays(server: &Server, secret: &str, target: &str) -> u16 {
    let body = json!({"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"id": "pi_1"}}});
    let body = body.to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let code = hmac::sign(&key, format!("{NOW}.{body}").as_bytes());
    let code: String = code.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let call = server.call("POST", target).header("stripe-signature", &format!("t={NOW},v1={code}"));
    call.body(body.as_str()).send().status
}

fn call(server: &Server, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let answer = server.call_as(&server.token(&owner(ORG)), method, target).json(body).send();
    (answer.status, answer.json())
}

#[test]
fn calls_are_taken_by_what_the_configuration_says() {
    let server = start("stripe.webhookSecret=whsec_new, stripe.webhookSecret=whsec_old");
    for target in ["/connect/webhook/stripe", "/storefront/stripe/webhook", "/connect/webhook/stripe/my-org"]
    {
        assert_eq!(pays(&server, "whsec_new", target), 200, "{target}");
        assert_eq!(pays(&server, "whsec_old", target), 200, "{target}: the one that is replaced");
        assert_eq!(pays(&server, "whsec_other", target), 400, "{target}");
    }
    let (_, listed) = call(&server, "GET", "/upstream/active/stripe", &json!({}));
    assert_eq!((&listed["total"], &listed["data"][0]["by"]), (&json!(1), &json!("configuration")));
    let id = listed["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(pays(&server, "whsec_new", &format!("/connect/webhook/stripe/{id}")), 200);
    // It is changed where it was set.
    let save = json!({"id": id, "type": "stripe", "credentials": {"webhookSecret": "whsec_mine"}});
    for (method, target, body) in [
        ("POST", "/upstream/save-integration".to_owned(), save),
        ("DELETE", format!("/upstream/integrations/{id}"), json!({})),
        ("POST", format!("/upstream/register/{id}"), json!({})),
    ] {
        let (status, told) = call(&server, method, &target, &body);
        assert_eq!((status, &told["code"]), (409, &json!("set_by_configuration")), "{target}: {told}");
    }
    // Another one of the same vendor stands beside it.
    let beside = json!({"type": "stripe", "credentials": {"webhookSecret": "whsec_mine"}});
    assert_eq!(call(&server, "POST", "/upstream/save-integration", &beside).0, 200);
    assert_eq!(pays(&server, "whsec_mine", "/connect/webhook/stripe"), 200);
    assert_eq!(pays(&server, "whsec_new", "/connect/webhook/stripe"), 200);
}

#[test]
fn each_start_makes_the_store_say_what_the_configuration_says() {
    let server = start("stripe.webhookSecret=whsec_a, paypal.webhookId=1JE");
    let starts_anew = |keys: &[&str]| {
        let keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
        let declared = declared::read(&keys).ok().unwrap();
        let (org, now) = (OrgId::new(ORG).unwrap(), server.clock.now());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(declared::keep(&server.machine.inbound.integrations, &org, now, &declared)).unwrap();
    };
    let events = |kind: &str| {
        let (_, log) = call(&server, "GET", &format!("/events?kind={kind}"), &json!({}));
        log["data"].as_array().unwrap().len()
    };
    assert_eq!(events("integration.created"), 2);
    starts_anew(&["paypal.webhookId=1JE", "stripe.webhookSecret=whsec_a"]);
    assert_eq!((events("integration.updated"), events("integration.deleted")), (0, 0), "nothing changed");
    // Switched off by somebody, it stays off; its secret changes.
    let (_, listed) = call(&server, "GET", "/upstream/get-config/stripe", &json!({}));
    let id = listed["data"][0]["id"].as_str().unwrap();
    assert_eq!(call(&server, "POST", &format!("/upstream/shutdown/{id}"), &json!({})).0, 200);
    starts_anew(&["stripe.webhookSecret=whsec_b"]);
    assert_eq!(events("integration.deleted"), 1, "PayPal is gone");
    assert_eq!(pays(&server, "whsec_b", "/connect/webhook/stripe"), 401, "nobody checks calls");
    starts_anew(&[]);
    let (_, listed) = call(&server, "GET", "/upstream/get-config", &json!({}));
    assert_eq!(listed["total"], 0);
    assert_eq!(pays(&server, "whsec_b", "/connect/webhook/stripe"), 401, "nobody checks calls");
}
