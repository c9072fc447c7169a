//! A server and a receiver, and an owner who registers endpoints.

use serde_json::{Value, json};

use crate::support::in_process::{Server, Who, owner, staff};
use crate::support::receiver::{Answer, Receiver};

/// The path that the endpoint is at.
pub const PATH: &str = "/hook";

pub struct House {
    pub server: Server,
    pub receiver: Receiver,
    token: String,
}

impl House {
    pub fn open() -> Self {
        Self::with(&[])
    }

    pub fn with(settings: &[(&str, &str)]) -> Self {
        let own =
            [("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", "127.0.0.0/8"), ("APPENGINE__WEBHOOKS__JITTER", "0.0")];
        let server = Server::with(&[own.as_slice(), settings].concat());
        let token = server.token(&owner("shop"));
        Self { server, receiver: Receiver::open(), token }
    }

    /// Somebody else's token.
    pub fn token_of(&self, who: &Who) -> String {
        self.server.token(who)
    }

    pub fn viewer(&self) -> String {
        self.token_of(&staff("shop", "viewer@shop.example", appengine::auth::role::Role::User))
    }

    pub fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.call_as(&self.token, method, path, body)
    }

    pub fn call_as(&self, token: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = self.server.call_as(token, method, path);
        let request = if body.is_null() { request } else { request.json(body) };
        let answer = request.send();
        (answer.status, answer.json())
    }

    pub fn post(&self, path: &str, body: Value, status: u16) -> Value {
        let (found, answer) = self.call("POST", path, &body);
        assert_eq!(found, status, "{path}: {answer}");
        answer
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// Registers an endpoint at the receiver; its id and its secret.
    pub fn register(&self, wishes: Value) -> (String, String) {
        let mut body = json!({"url": self.receiver.url(PATH), "events": ["order.*"]});
        body.as_object_mut().unwrap().extend(wishes.as_object().unwrap().clone());
        let made = self.post("/webhooks/endpoints", body, 201);
        (text(&made["id"]), text(&made["secret"]))
    }

    pub fn publish(&self, event: &str, data: Value) -> String {
        text(&self.post("/events", json!({"event": event, "data": data}), 202)["id"])
    }

    /// Asks until the answer is as wanted.
    pub fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..3_000 {
            last = self.get(path);
            if wanted(&last) {
                return last;
            }
            std::thread::yield_now();
        }
        panic!("{path} did not become what was wanted: {last}");
    }

    /// Waits until so many deliveries to an endpoint have this status.
    pub fn ended(&self, endpoint: &str, status: &str, count: usize) -> Value {
        let path = format!("/webhooks/deliveries?endpointId={endpoint}&status={status}");
        self.until(&path, |page| page["total"] == count)
    }

    pub fn usually(&self, status: u16) {
        self.receiver.usually(PATH, Answer::Status(status));
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
