//! A server with a vendor that it connects, and the time in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use appengine::connect::api::Api;
use appengine::connect::oauth::{TokenError, Tokens};
use appengine_actors::ids::{IntegrationId, OrgId};
use serde_json::{Value, json};

use crate::authorization_server::{Asked, AuthorizationServer, CLIENT, TOKEN};
use crate::received::Stopped;
use crate::support::exchange::Answer;
use crate::support::in_process::{Server, owner};

pub const ORG: &str = "acme";
pub const APP: &str = "https://app.example.com";
const SETTINGS: [(&str, &str); 2] =
    [("APPENGINE__SERVER__CORS_ORIGINS", APP), ("APPENGINE__SERVER__PUBLIC_URL", "https://api.example.com")];

/// A server, the vendor that it calls, and the time.
pub struct World {
    pub server: Server,
    pub vendor: AuthorizationServer,
    pub clock: Arc<Stopped>,
    pub token: String,
    pub tokens: Tokens,
}

impl World {
    pub fn new() -> Self {
        let clock = Arc::new(Stopped::at(1_790_000_000_000));
        let vendor = AuthorizationServer::default();
        let server = Server::within(&SETTINGS, clock.clone(), Some(Arc::new(vendor.clone())));
        let api = Api::new(Arc::new(vendor.clone()), BTreeMap::new());
        let tokens =
            Tokens::new(server.machine.house.clone(), server.machine.inbound.integrations.clone(), api);
        let token = server.token(&owner(ORG));
        Self { server, vendor, clock, token, tokens }
    }

    pub fn pass(&mut self, seconds: u64) {
        self.clock.millis.fetch_add(seconds * 1_000, Ordering::SeqCst);
        self.token = self.server.token(&owner(ORG));
    }

    pub fn call(&self, method: &str, target: &str) -> Answer {
        self.server.call_as(&self.token, method, target).send()
    }

    pub fn post(&self, target: &str, body: &Value) -> Answer {
        self.server.call_as(&self.token, "POST", target).json(body).send()
    }

    pub fn save(&self, vendor: &str) -> IntegrationId {
        let credentials =
            json!({"clientId": CLIENT.0, "clientSecret": CLIENT.1, "shop": "acme", "subdomain": "acme"});
        let body = json!({"type": vendor, "credentials": credentials});
        let saved = self.post("/upstream/save-integration", &body).expect(200);
        saved["id"].as_str().unwrap().parse().unwrap()
    }

    pub fn begin(&self, target: &str) -> (String, String) {
        let begun = self.post(target, &json!({"returnUrl": format!("{APP}/done?a=1")})).expect(200);
        (begun["authUrl"].as_str().unwrap().to_owned(), begun["state"].as_str().unwrap().to_owned())
    }

    /// Where a connection comes back to, not yet followed.
    pub fn back(&self, vendor: &str) -> String {
        let (url, _) = self.begin(&format!("/upstream/call/{vendor}-provider/get-auth-url"));
        self.vendor.agree(&url)
    }

    /// A browser, which shows no token.
    pub fn visit(&self, target: &str) -> Answer {
        self.server.call("GET", target).send()
    }

    pub fn connect(&self, vendor: &str) -> IntegrationId {
        let id = self.save(vendor);
        let answer = self.visit(&self.back(vendor));
        assert_eq!(
            location(&answer),
            format!("{APP}/done?a=1&integration=connected"),
            "{vendor}: {answer:?}"
        );
        id
    }

    pub fn fresh(&self, id: IntegrationId) -> Result<String, TokenError> {
        wait(self.tokens.fresh_token(&org(), id))
    }

    pub fn config(&self, vendor: &str, id: IntegrationId) -> Value {
        self.call("GET", &format!("/upstream/get-config/{vendor}/{id}")).expect(200)
    }

    pub fn events(&self, kind: &str) -> usize {
        let log = self.call("GET", &format!("/events?kind={kind}")).expect(200);
        log["data"].as_array().unwrap().len()
    }

    /// Nobody reads a secret in the store, or in what is answered.
    pub fn assert_sealed(&self) {
        let mut shown: Vec<Vec<u8>> = self.server.dump().into_values().map(|value| value.to_vec()).collect();
        for target in ["/upstream/get-config", "/upstream/active", "/upstream/calls", "/events?limit=500"] {
            shown.push(self.call("GET", target).bytes());
        }
        for text in shown {
            let text = String::from_utf8_lossy(&text);
            assert!(!text.contains(TOKEN) && !text.contains(CLIENT.1), "{text}");
        }
    }
}

pub fn org() -> OrgId {
    OrgId::new(ORG).unwrap()
}

pub fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

pub fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 302, "{answer:?}");
    answer.header("location").unwrap()
}

pub fn grants(asked: &[Asked]) -> Vec<&str> {
    asked.iter().filter_map(|asked| asked.fields.get("grant_type")).map(String::as_str).collect()
}
