//! PayPal's signature covers a checksum of the body and no more: where the app's credentials are saved, PayPal is asked for
//! an event before it is told. PayPal's side is a server here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use appengine_actors::clock::SystemClock;
use appengine_actors::ids::{CallId, IntegrationId, OrgId};
use appengine_actors::inbound::call::{CallStatus, StoredCall};
use appengine_actors::inbound::calls::Kept;
use appengine_actors::webhook::failure::{Refused, SendError};
use appengine_actors::webhook::send_options::{OptionsError, TlsOptions};
use appengine_actors::webhook::transport::{
    Attempt, BodyEnd, OutboundReply, OutboundRequest, Timings, Transport,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::support::ORG;
use crate::support::client::Client;
use crate::support::in_process::{Server, owner};

const TOKEN: &str = "A21AAF";

/// PayPal: the events that it has sent, and the status by which it answers for a while.
#[derive(Clone, Default)]
struct PayPal(Arc<State>);

#[derive(Default)]
struct State {
    events: Mutex<BTreeMap<String, Value>>,
    /// A path, and the status in place of its next answer.
    ill: Mutex<Vec<(&'static str, u16)>>,
    asked: Mutex<Vec<String>>,
    tokens: AtomicU16,
}

impl PayPal {
    fn answer(&self, request: &OutboundRequest) -> (u16, Value) {
        let path = ["https://api-m.paypal.com", "https://api-m.sandbox.paypal.com"]
            .iter()
            .find_map(|base| request.url.strip_prefix(base))
            .unwrap_or("elsewhere");
        self.0.asked.lock().unwrap().push(path.to_owned());
        let mut ill = self.0.ill.lock().unwrap();
        if let Some(next) = ill.iter().position(|(of, _)| *of == path) {
            return (ill.remove(next).1, json!({"name": "ILL"}));
        }
        let authorization = request.headers.iter().find(|(name, _)| name == "authorization");
        let authorization = authorization.map_or("", |(_, value)| value.as_str());
        match path {
            // id:secret
            "/v1/oauth2/token" if authorization == "Basic aWQ6c2VjcmV0" => {
                let number = self.0.tokens.fetch_add(1, Ordering::SeqCst);
                (200, json!({"access_token": format!("{TOKEN}{number}"), "expires_in": 32_400}))
            }
            path => match path.strip_prefix("/v1/notifications/webhooks-events/") {
                Some(id) if authorization.starts_with(&format!("Bearer {TOKEN}")) => {
                    let events = self.0.events.lock().unwrap();
                    let found = events.get(id).cloned();
                    found.map_or((404, json!({"name": "RESOURCE_NOT_FOUND"})), |event| (200, event))
                }
                _ => (401, json!({"error": "invalid_client"})),
            },
        }
    }
}

impl Transport for PayPal {
    fn send(&self, request: OutboundRequest) -> BoxFuture<'static, Attempt> {
        let (status, body) = self.answer(&request);
        let reply = OutboundReply {
            status,
            headers: Vec::new(),
            headers_truncated: false,
            body: Bytes::from(body.to_string()),
            body_end: BodyEnd::Complete,
            retry_after: None,
        };
        let result: Result<OutboundReply, SendError> = Ok(reply);
        Box::pin(std::future::ready(Attempt { result, timings: Timings::default() }))
    }

    fn vet(&self, _: &str) -> Result<(), Refused> {
        Ok(())
    }

    fn check_tls(&self, _: &TlsOptions) -> Result<(), OptionsError> {
        Ok(())
    }
}

/// A server with PayPal connected.
struct World {
    server: Server,
    client: Client,
    paypal: PayPal,
    integration: IntegrationId,
}

impl World {
    fn new(integration: &Value) -> Self {
        let paypal = PayPal::default();
        let settings = [("APPENGINE__QUEUES__BACKOFF_FIRST", "1ms")];
        let server = Server::within(&settings, Arc::new(SystemClock::new()), Some(Arc::new(paypal.clone())));
        let client = Client::signed(&format!("http://{}", server.address), ORG, &server.token(&owner(ORG)));
        let saved = client.post("/upstream/save-integration", integration, 200).json();
        let integration = saved["id"].as_str().unwrap().parse().unwrap();
        Self { server, client, paypal, integration }
    }

    /// A call whose signature was found to be right; its id here.
    fn comes(&self, event: &Value) -> CallId {
        let (now, body) = (self.server.clock.now(), event.to_string());
        let call = StoredCall {
            id: CallId::new(now),
            org_id: OrgId::new(ORG).unwrap(),
            vendor: "paypal".to_owned(),
            integration_id: self.integration,
            vendor_id: format!("transmission of {}", event["id"]),
            received_at: now,
            method: "POST".to_owned(),
            url: "https://hooks.example/".to_owned(),
            headers: Vec::new(),
            body_bytes: body.len(),
            status: CallStatus::Pending,
            events: Vec::new(),
            replays: 0,
        };
        let kept = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let kept = kept.block_on(self.server.machine.inbound.calls.keep(&call, body.as_bytes())).unwrap();
        assert_eq!(kept, Kept::New(call.id));
        call.id
    }

    /// Waits until a call was read; its status.
    fn read(&self, call: CallId) -> String {
        let status =
            |call: &Value| call["status"].as_str().filter(|status| *status != "pending").map(str::to_owned);
        self.client.until(&format!("/upstream/calls/{call}"), status)
    }

    /// The data of the payments that were told, the latest first.
    fn payments(&self) -> Vec<Value> {
        let log = self.client.get("/events?kind=payment.succeeded&order=desc", 200).json();
        log["data"].as_array().unwrap().iter().map(|event| event["data"].clone()).collect()
    }
}

fn connected() -> Value {
    json!({
        "type": "paypal", "credentials": {"clientId": "id", "clientSecret": "secret"},
        "settings": {"webhookId": "1JE"},
    })
}

fn payment(id: &str, amount: &str) -> Value {
    json!({
        "id": id, "event_type": "PAYMENT.CAPTURE.COMPLETED", "create_time": "2026-09-21T14:13:20.000Z",
        "resource": {"id": "42311647XV020574X", "amount": {"value": amount, "currency_code": "USD"}},
    })
}

#[test]
fn what_is_told_is_what_paypal_says_it_has_sent() {
    let world = World::new(&connected());
    let known = |event: Value| {
        let id = event["id"].as_str().unwrap().to_owned();
        world.paypal.0.events.lock().unwrap().insert(id, event);
    };
    known(payment("WH-1", "30.00"));
    // Somebody has made another body with the same checksum.
    assert_eq!(world.read(world.comes(&payment("WH-1", "9999.00"))), "understood");
    let [told] = world.payments().try_into().unwrap();
    assert_eq!((&told["amount"], &told["confirmed"]), (&json!("30.00"), &json!(true)));

    let unknown = world.comes(&payment("WH-2", "9999.00"));
    assert_eq!(world.read(unknown), "unconfirmed");
    assert_eq!(world.payments().len(), 1, "nothing was told of it");
    let listed = world.client.get("/upstream/calls?status=unconfirmed", 200).json();
    assert_eq!(listed["data"][0]["id"], json!(unknown));
    // It was the vendor's after all: whoever looks at it has it read again.
    known(payment("WH-2", "5.00"));
    world.client.post(&format!("/upstream/calls/{unknown}/replay"), &json!({}), 202);
    assert_eq!(world.read(unknown), "understood");
    assert_eq!(world.payments()[0]["amount"], "5.00");
    assert_eq!(world.paypal.0.tokens.load(Ordering::SeqCst), 1, "a token is used until it ends");
}

#[test]
fn a_call_waits_while_paypal_does_not_answer() {
    let world = World::new(&connected());
    world.paypal.0.events.lock().unwrap().insert("WH-1".to_owned(), payment("WH-1", "30.00"));
    let (token, event) = ("/v1/oauth2/token", "/v1/notifications/webhooks-events/WH-1");
    *world.paypal.0.ill.lock().unwrap() = vec![(token, 503), (event, 401), (event, 500)];
    assert_eq!(world.read(world.comes(&payment("WH-1", "30.00"))), "understood");
    assert_eq!(world.payments().len(), 1);
    // After 503 it is tried again; after 401 a token is had anew, at once; after 500 it is tried again with that one.
    assert_eq!(*world.paypal.0.asked.lock().unwrap(), [token, token, event, token, event, event]);
}

#[test]
fn an_event_says_that_nobody_could_be_asked() {
    let world = World::new(&json!({"type": "paypal", "settings": {"webhookId": "1JE"}}));
    assert_eq!(world.read(world.comes(&payment("WH-1", "30.00"))), "understood");
    assert_eq!(world.payments()[0]["confirmed"], false);
    assert!(world.paypal.0.asked.lock().unwrap().is_empty());
}

#[test]
fn the_simulators_events_are_told_in_the_sandbox_alone() {
    let mut integration = connected();
    for (sandbox, status, told) in [(false, "unconfirmed", 0), (true, "understood", 1)] {
        integration["settings"]["sandbox"] = sandbox.into();
        let world = World::new(&integration);
        assert_eq!(world.read(world.comes(&payment("WH-SIMULATED", "30.00"))), status);
        let payments = world.payments();
        assert_eq!(payments.len(), told);
        assert!(payments.iter().all(|payment| payment["confirmed"] == false));
    }
}
