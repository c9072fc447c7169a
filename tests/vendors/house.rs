//! A server whose vendors' interfaces are on loopback, and somebody who connects them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::interfaces::Interfaces;
use crate::support::exchange::{Answer, Request};
use crate::support::in_process::{Server, owner};

/// A server that calls those interfaces, and somebody who owns an organisation.
pub struct House {
    pub server: Server,
    pub vendors: Interfaces,
    pub token: String,
}

impl House {
    pub fn open() -> Self {
        let vendors = Interfaces::open();
        let bases = vendors.bases();
        let settings = [
            ("APPENGINE__VENDORS__BASE_URLS", bases.as_str()),
            ("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", r#"["127.0.0.0/8"]"#),
        ];
        let server = Server::with(&settings);
        let token = server.token(&owner("acme"));
        Self { server, vendors, token }
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.server.call_as(&self.token, "POST", path).json(body).send()
    }

    pub fn save(&self, body: &Value) -> String {
        let saved = self.post("/upstream/save-integration", body).expect(200);
        saved["id"].as_str().unwrap().to_owned()
    }

    pub fn register(&self, id: &str) -> Value {
        self.post(&format!("/upstream/register/{id}"), &json!({})).expect(200)
    }

    /// It is registered, and every check but these is passed.
    pub fn registered(&self, id: &str, but: &[&str]) -> Value {
        let report = self.register(id);
        assert_eq!(report["registered"], true, "{report:#}");
        let checks = report["checks"].as_array().unwrap();
        let failed: BTreeSet<_> = checks.iter().filter(|check| check["ok"] == false).collect_names();
        // The server of a test has no https.
        let expected: BTreeSet<_> = but.iter().chain(&["address"]).map(|name| (*name).to_owned()).collect();
        assert_eq!(failed, expected, "{report:#}");
        report
    }

    /// It is not, and says why; the integration is as it was.
    pub fn refused(&self, id: &str, vendor: &str, words: &str) {
        let before = self.config(vendor, id);
        let report = self.register(id);
        assert_eq!(report["registered"], false, "{report:#}");
        assert!(report["why"].as_str().unwrap().contains(words), "{report:#}");
        assert!(report["instructions"].is_string() && report["checks"][0]["ok"] == false, "{report:#}");
        let told =
            |config: &Value| ["secrets", "publicKeys", "settings", "active"].map(|name| config[name].clone());
        assert_eq!(told(&self.config(vendor, id)), told(&before));
    }

    pub fn config(&self, vendor: &str, id: &str) -> Value {
        let path = format!("/upstream/get-config/{vendor}/{id}");
        self.server.call_as(&self.token, "GET", &path).send().expect(200)
    }

    pub fn test(&self, id: &str, what: &str) -> Value {
        self.post(&format!("/upstream/test/{id}/{what}"), &json!({})).expect(200)
    }

    pub fn shut_down(&self, id: &str) -> Value {
        let shut = self.post(&format!("/upstream/shutdown/{id}"), &json!({})).expect(200);
        assert_eq!(shut["active"], false);
        shut
    }

    /// A call of a vendor's.
    pub fn call(&self, vendor: &str, id: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let call = self.server.call("POST", &format!("/connect/webhook/{vendor}/{id}"));
        let with = |call: Request, (name, value): &(&str, &str)| call.header(name, value);
        headers.iter().fold(call, with).body(body).send()
    }

    pub fn calls(&self) -> u64 {
        self.server.call_as(&self.token, "GET", "/upstream/calls").send().expect(200)["total"]
            .as_u64()
            .unwrap()
    }
}

trait Names {
    fn collect_names(self) -> BTreeSet<String>;
}

impl<'v, I: Iterator<Item = &'v Value>> Names for I {
    fn collect_names(self) -> BTreeSet<String> {
        self.map(|check| check["check"].as_str().unwrap().to_owned()).collect()
    }
}
