//! Every captured call, sent to the server over a real socket: taken, refused or answered as its vendor expects, with
//! the effect that it must have on the disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use appengine_actors::clock::{Clock, SystemClock, Timestamp};
use appengine_actors::webhook::failure::{Refused, SendError};
use appengine_actors::webhook::send_options::{OptionsError, TlsOptions};
use appengine_actors::webhook::transport::{
    Attempt, BodyEnd, OutboundReply, OutboundRequest, Timings, Transport,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use std::sync::Mutex;

use crate::support::in_process::{Server, owner};

const VECTORS: &str = include_str!("../vectors/vendors.json");

/// The machine's own clock, but for what it says the time is.
pub struct Stopped {
    own: SystemClock,
    pub millis: AtomicU64,
}

impl Stopped {
    pub fn at(millis: u64) -> Self {
        Self { own: SystemClock::new(), millis: AtomicU64::new(millis) }
    }
}

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        self.own.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.own.sleep(duration)
    }
}

/// A way out that leads to what the captured calls say is served, and remembers what was asked for.
#[derive(Default)]
struct Served {
    at: Mutex<BTreeMap<String, String>>,
    asked: Mutex<Vec<String>>,
}

impl Transport for Served {
    fn send(&self, request: OutboundRequest) -> BoxFuture<'static, Attempt> {
        self.asked.lock().unwrap().push(request.url.clone());
        let body = self.at.lock().unwrap().get(&request.url).cloned().unwrap_or_default();
        let reply = OutboundReply {
            status: 200,
            headers: Vec::new(),
            headers_truncated: false,
            body: Bytes::from(body),
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

/// Counts of one vendor: taken, refused, handshakes.
#[derive(Default)]
struct Count {
    taken: u32,
    refused: u32,
    handshakes: u32,
}

#[test]
fn every_captured_call_is_taken_or_refused_over_http() {
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pem = |field: &str| {
        let text = |of: &Value| match of {
            Value::String(text) => text.clone(),
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
            _ => String::new(),
        };
        let text = vectors.iter().map(|vector| text(&vector[field])).find(|text| !text.is_empty());
        let path = folder.path().join(field);
        std::fs::write(&path, text.unwrap()).unwrap();
        path.display().to_string()
    };
    let settings = [
        ("APPENGINE__VENDORS__TRUST_ANCHORS", pem("trust_anchors_pem")),
        ("APPENGINE__VENDORS__INTERMEDIATES", pem("intermediates_pem")),
        ("APPENGINE__LIMITS__VENDOR_CALLS_PER_MINUTE", "1000000".to_owned()),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let clock = Arc::new(Stopped::at(1_790_000_000_000));
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut wrong = Vec::new();
    // What is fetched is kept for a day: calls whose certificates differ are sent to servers of their own.
    for group in grouped(&vectors) {
        let served = Arc::new(Served::default());
        let server = Server::within(&settings, clock.clone(), Some(served.clone()));
        for vector in group {
            *served.at.lock().unwrap() = certificates(vector);
            served.asked.lock().unwrap().clear();
            let millis = (vector["now"].as_f64().unwrap() * 1000.0) as u64;
            clock.millis.store(millis, Ordering::SeqCst);
            let outcome = send(&server, &served, vector);
            let count = counts.entry(vector["vendor"].as_str().unwrap().to_owned()).or_default();
            match outcome {
                Ok(What::Taken) => count.taken += 1,
                Ok(What::Refused) => count.refused += 1,
                Ok(What::Handshake) => count.handshakes += 1,
                Err(why) => wrong.push(format!("{}: {why}", vector["id"])),
            }
        }
    }
    println!("{:<20} {:>6} {:>8} {:>11}", "vendor", "taken", "refused", "handshakes");
    for (vendor, Count { taken, refused, handshakes }) in &counts {
        println!("{vendor:<20} {taken:>6} {refused:>8} {handshakes:>11}");
    }
    assert!(wrong.is_empty(), "{} calls went wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The calls, so that in each group an address serves one text only.
fn grouped(vectors: &[Value]) -> Vec<Vec<&Value>> {
    let mut groups: Vec<(BTreeMap<String, String>, Vec<&Value>)> = Vec::new();
    for vector in vectors {
        let own = certificates(vector);
        let agrees = |all: &BTreeMap<String, String>| {
            own.iter().all(|(url, pem)| all.get(url).is_none_or(|other| other == pem))
        };
        match groups.iter_mut().find(|(all, _)| agrees(all)) {
            Some((all, of)) => {
                all.extend(own);
                of.push(vector);
            }
            None => groups.push((own, vec![vector])),
        }
    }
    groups.into_iter().map(|(_, of)| of).collect()
}

fn certificates(vector: &Value) -> BTreeMap<String, String> {
    let served = vector["certs"].as_object().into_iter().flatten();
    served.map(|(url, pem)| (url.clone(), pem.as_str().unwrap_or_default().to_owned())).collect()
}

enum What {
    Taken,
    Refused,
    Handshake,
}

/// Connects the vendor for an organisation of its own, calls, and looks at what came of it.
fn send(server: &Server, served: &Served, vector: &Value) -> Result<What, String> {
    let org = vector["id"].as_str().unwrap().replace('/', ".");
    let token = server.token(&owner(&org));
    let (url, query) = split(vector["url"].as_str().unwrap());
    let saved =
        server.call_as(&token, "POST", "/upstream/save-integration").json(&integration(vector, url)).send();
    if saved.status != 200 {
        return Err(format!("not connected: {} {}", saved.status, saved.text()));
    }
    let id = saved.json()["id"].as_str().unwrap().to_owned();
    let vendor = vector["vendor"].as_str().unwrap();
    let mut call =
        server.call(vector["method"].as_str().unwrap(), &format!("/connect/webhook/{vendor}/{id}{query}"));
    for (name, value) in vector["headers"].as_object().unwrap() {
        call = call.header(name, value.as_str().unwrap());
    }
    let body = STANDARD.decode(vector["body"].as_str().unwrap_or_default()).unwrap();
    let answer = call.body(body).send();
    let kept = server.call_as(&token, "GET", "/upstream/calls").send().json()["total"].as_u64().unwrap();
    let is_handshake = vector["kind"] == "handshake";
    let asked = served.asked.lock().unwrap().clone();
    if vector["expect"] == "reject" {
        let expected = vector["expect_response"]["status"].as_u64();
        if answer.status < 400 || kept != 0 {
            return Err(format!("taken: {} with {kept} kept", answer.status));
        }
        if expected.is_some_and(|expected| u64::from(answer.status) != expected) {
            return Err(format!("refused with {}", answer.status));
        }
        if asked.iter().any(|url| url.contains("ConfirmSubscription")) {
            return Err(format!("confirmed: {asked:?}"));
        }
        return Ok(What::Refused);
    }
    if !is_handshake {
        let expected = vector["expect_response"]["status"].as_u64();
        let is_right =
            expected.map_or(answer.status / 100 == 2, |expected| u64::from(answer.status) == expected);
        if !is_right || kept != 1 {
            return Err(format!("answered {} {} with {kept} kept", answer.status, answer.text()));
        }
        return Ok(What::Taken);
    }
    let expected = &vector["expect_response"];
    if u64::from(answer.status) != expected["status"].as_u64().unwrap() || kept != 0 {
        return Err(format!("answered {} {} with {kept} kept", answer.status, answer.text()));
    }
    if let Some(json) = expected.get("json")
        && answer.json() != *json
    {
        return Err(format!("answered {}", answer.text()));
    }
    if let Some(body) = expected["body"].as_str()
        && answer.text() != body
    {
        return Err(format!("answered {}", answer.text()));
    }
    if let Some(visit) = vector["expect_action"]["url"].as_str()
        && !asked.iter().any(|url| url == visit)
    {
        return Err(format!("{visit} was not read, but {asked:?}"));
    }
    Ok(What::Handshake)
}

fn split(url: &str) -> (&str, String) {
    url.split_once('?').map_or((url, String::new()), |(url, query)| (url, format!("?{query}")))
}

/// The vendor as an integrator would connect it.
fn integration(vector: &Value, url: &str) -> Value {
    let one = vector["secret"].as_str().map(str::to_owned);
    let more =
        vector["secrets"].as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned));
    let secrets: Vec<String> = one.into_iter().chain(more).collect();
    let mut settings: Map<String, Value> = vector["config"].as_object().cloned().unwrap_or_default();
    settings.insert("url".to_owned(), url.into());
    if vector["vendor"] == "paypal" {
        settings.insert("sandbox".to_owned(), true.into());
    }
    let known = appengine::connect::types::type_of(vector["vendor"].as_str().unwrap()).unwrap().settings;
    settings.retain(|name, _| name == "url" || known.iter().any(|known| snake(known) == *name));
    let keys: Vec<&str> = vector["public_key"].as_str().into_iter().collect();
    json!({
        "type": vector["vendor"], "credentials": {"secrets": secrets, "publicKeys": keys}, "settings": settings,
    })
}

fn snake(name: &str) -> String {
    let letter =
        |c: char| if c.is_ascii_uppercase() { format!("_{}", c.to_ascii_lowercase()) } else { c.to_string() };
    name.chars().map(letter).collect()
}
