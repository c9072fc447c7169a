//! Calls that somebody has captured, each with what it is to be checked by: what `appengine verify` reads.

use std::collections::BTreeMap;

use appengine_actors::clock::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::{Call, Headers};
use super::certificate::{self, Trust};
use super::keys::{Keys, Secret, Settings};
use super::verdict::{Reply, Stop, Verified};
use super::{Around, Certificates, mac, named};

/// A captured call. Fields that a check does not need are passed over.
#[derive(Deserialize)]
#[serde(expecting = "an object with at least `vendor`, `url`, `headers`, `body` in base64 and a secret")]
pub struct Captured {
    /// What the line that is printed of it is called.
    #[serde(default)]
    id: Value,
    vendor: String,
    #[serde(default = "post")]
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// In base64.
    #[serde(default)]
    body: String,
    /// Seconds since 1970; the present where it is not given.
    #[serde(default)]
    now: Option<f64>,
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    secrets: Vec<String>,
    #[serde(default)]
    public_key: Option<String>,
    #[serde(default)]
    config: Option<Settings>,
    /// What is served at an address: there is no network here.
    #[serde(default)]
    certs: BTreeMap<String, String>,
    #[serde(default)]
    trust_anchors_pem: Option<Pem>,
    #[serde(default)]
    intermediates_pem: Option<Pem>,
}

/// PEM text, in one piece or in several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Pem {
    One(String),
    Many(Vec<String>),
}

impl Pem {
    fn text(self) -> String {
        match self {
            Self::One(text) => text,
            Self::Many(texts) => texts.join("\n"),
        }
    }
}

fn post() -> String {
    "POST".to_owned()
}

/// What is printed of a captured call.
#[derive(Debug, Serialize)]
pub struct Line {
    /// The captured call's own.
    pub id: Value,
    /// Its vendor.
    pub vendor: String,
    /// `accept`, `reject` or `handshake`.
    pub verdict: &'static str,
    /// Why, in words that help.
    pub reason: String,
    /// What the vendor would be answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
}

/// A captured call that could be read: all that a check takes.
pub struct Ready {
    id: Value,
    name: String,
    /// Its vendor.
    pub vendor: &'static dyn super::Vendor,
    /// The call.
    pub call: Call,
    /// What it is checked by.
    pub keys: Keys,
    /// The time at which it is checked.
    pub now: Timestamp,
    /// The certificates that came with it.
    pub certificates: Given,
}

impl Captured {
    /// Checks the call, at `now` where it does not say when that is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn check(self, now: Timestamp) -> Result<Line, String> {
        Ok(self.ready(now)?.line())
    }

    /// The call and what it is checked by, at `now` where it does not say when that is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn ready(self, now: Timestamp) -> Result<Ready, String> {
        let vendor = named(&self.vendor).ok_or_else(|| {
            let names = super::ALL.into_iter().map(super::Vendor::name);
            let known: Vec<_> = names.chain(super::ALIASES.into_iter().map(|(alias, _)| alias)).collect();
            format!("know the vendor `{}`; known are {}", self.vendor, known.join(", "))
        })?;
        let body = mac::from_base64(&self.body)
            .ok_or("read `body`: give the raw bytes in base64 with padding, as `base64 -w0` writes them")?;
        // The newest first: a single one beside a list is what signs now.
        let secrets = self.secret.into_iter().chain(self.secrets).map(Secret::new).collect();
        // Whoever checks by hand wants to know of the signature, wherever it is from.
        let settings = Settings { sandbox: true, ..self.config.unwrap_or_default() };
        let certificates = |name: &str, pem: Option<Pem>| {
            certificate::read(&pem.map_or_else(String::new, Pem::text))
                .ok_or_else(|| format!("read `{name}`: it is no PEM text of certificates"))
        };
        let anchors = certificates("trust_anchors_pem", self.trust_anchors_pem)?;
        let intermediates = certificates("intermediates_pem", self.intermediates_pem)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a moment, which saturates"
        )]
        let now = self.now.map_or(now, |seconds| Timestamp::from_millis((seconds * 1000.0) as u64));
        Ok(Ready {
            id: self.id,
            name: self.vendor,
            vendor,
            call: Call { method: self.method, url: self.url, headers: Headers::new(self.headers), body },
            keys: Keys { secrets, public_keys: self.public_key.into_iter().collect(), settings },
            now,
            certificates: Given { served: self.certs, trust: Trust::new(&anchors, intermediates) },
        })
    }
}

impl Ready {
    /// What its vendor's rules say of it.
    ///
    /// # Errors
    /// Why it is not the vendor's, or what is missing.
    pub fn verify(&self) -> Result<Verified, Stop> {
        self.vendor.verify(
            &self.call,
            &self.keys,
            &Around { now: self.now, certificates: &self.certificates },
        )
    }

    /// What is printed of it.
    fn line(self) -> Line {
        let judged = self.verify();
        let line =
            |verdict, reason, response| Line { id: self.id, vendor: self.name, verdict, reason, response };
        match judged {
            Ok(Verified::Call { id, .. }) => {
                line("accept", accepted(&id), Some(shown(&self.vendor.reply(&self.call))))
            }
            Ok(Verified::Handshake { reply, visit }) => {
                let then = visit.map_or_else(String::new, |url| format!("; then {url} is read"));
                line("handshake", format!("the handshake is answered{then}"), Some(shown(&reply)))
            }
            Err(Stop::Refused(refusal)) => {
                let reply = Reply::empty(refusal.status);
                line("reject", refusal.to_string(), Some(shown(&reply)))
            }
            Err(Stop::Needs(url)) => {
                let reason = format!(
                    "expected the certificate {url} in `certs`; found none; usual cause: it was not captured"
                );
                line("reject", reason, None)
            }
            Err(Stop::Later(why)) => line("reject", why, Some(shown(&Reply::empty(503)))),
        }
    }
}

/// What is said of a call that is the vendor's.
#[must_use]
pub fn accepted(id: &str) -> String {
    format!("the signature is right; the vendor's id of the call is `{id}`")
}

fn shown(reply: &Reply) -> Value {
    let mut shown = json!({"status": reply.status});
    if let Some(content_type) = reply.content_type {
        shown["content_type"] = content_type.into();
        shown["body"] = reply.body.as_str().into();
    }
    shown
}

/// The certificates that a captured call comes with.
pub struct Given {
    served: BTreeMap<String, String>,
    trust: Trust,
}

impl Certificates for Given {
    fn served(&self, url: &str) -> Option<String> {
        self.served.get(url).cloned()
    }

    fn trust(&self) -> &Trust {
        &self.trust
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls of every vendor, right and wrong, made by independent signers.
    const VECTORS: &str = include_str!("../../tests/vectors/vendors.json");

    #[test]
    fn every_captured_call_is_judged_as_its_vendor_would() {
        let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
        let mut wrong = Vec::new();
        for vector in vectors {
            let name = vector["vendor"].as_str().unwrap();
            if named(name).is_none() {
                continue;
            }
            let captured: Captured = serde_json::from_value(vector.clone()).unwrap();
            let line = captured.check(Timestamp::from_millis(0)).unwrap();
            let expected = match (vector["expect"].as_str().unwrap(), vector["kind"].as_str().unwrap()) {
                ("reject", _) => "reject",
                (_, "handshake") => "handshake",
                _ => "accept",
            };
            if line.verdict != expected {
                wrong.push(format!("{}: {} ({})", vector["id"], line.verdict, line.reason));
            }
            let response = line.response.clone().unwrap_or_default();
            if let Some(answer) = vector
                .get("expect_response")
                .filter(|_| !is_answered(vector.get("expect_response"), &response))
            {
                wrong.push(format!("{}: answered {response}, not {answer}", vector["id"]));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn is_answered(expected: Option<&Value>, found: &Value) -> bool {
        let Some(expected) = expected else { return true };
        let is_status = expected["status"] == found["status"];
        let is_body = match (expected.get("json"), expected.get("body").and_then(Value::as_str)) {
            (Some(json), _) => serde_json::from_str::<Value>(found["body"].as_str().unwrap_or_default())
                .is_ok_and(|body| body == *json),
            (None, Some("") | None) => true,
            (None, Some(body)) => found["body"] == body,
        };
        let is_type = expected.get("content_type").is_none_or(|kind| *kind == found["content_type"]);
        is_status && is_body && is_type
    }
}
