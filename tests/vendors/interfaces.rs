//! The interfaces of eight vendors on one free port, as far as webhooks are concerned and as they are documented: what is
//! registered is remembered, wrong credentials are refused in the vendor's words, and handshakes come during the call.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::handshakes::{meta, slack, twitch};
use crate::support::exchange::{Answer, Request};

/// A request as the interfaces read it.
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub authorization: String,
    pub body: String,
}

impl Asked {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// All values of a field of a form.
    pub fn all(&self, name: &str) -> Vec<String> {
        let pairs = url::form_urlencoded::parse(self.body.as_bytes());
        pairs.filter(|(found, _)| found == name).map(|(_, value)| value.into_owned()).collect()
    }

    pub fn field(&self, name: &str) -> String {
        self.all(name).pop().unwrap_or_default()
    }
}

/// What the vendors remember.
#[derive(Default)]
pub struct State {
    /// What is registered, by the vendor's name.
    pub registered: BTreeMap<&'static str, Vec<Value>>,
    /// Every request: its method and its path.
    pub asked: Vec<String>,
    /// A call of ours that somebody makes while the next request is answered, and what came of it.
    pub meanwhile: Option<Request>,
    pub answered: Option<Answer>,
    /// What SendGrid signs with.
    pub key: Option<EcdsaKeyPair>,
    /// What Twitch was told to sign with last.
    pub secret: String,
    made: usize,
}

/// The vendors' interfaces.
pub struct Interfaces {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

const VENDORS: [&str; 9] =
    ["stripe", "paypal", "sendgrid", "mailgun", "twilio", "meta", "twitch", "twitch-api", "slack"];

impl Interfaces {
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).unwrap();
        let state = Arc::new(Mutex::new(State { key: Some(key), ..State::default() }));
        let serving = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = serving.clone();
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { address, state }
    }

    /// The setting that leads our calls here.
    pub fn bases(&self) -> String {
        let bases = VENDORS.map(|vendor| format!("\"{vendor}=http://{}/{vendor}\"", self.address));
        format!("[{}]", bases.join(","))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn registered(&self, vendor: &'static str) -> Vec<Value> {
        self.state().registered.get(vendor).cloned().unwrap_or_default()
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or_default() == 0 {
            return;
        }
    }
    let header = |name: &str| {
        let found = head.lines().filter_map(|line| line.split_once(": "));
        found
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
            .next_back()
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let asked = Asked {
        method,
        path: path.to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        authorization: header("authorization").unwrap_or_default(),
        body: String::from_utf8(body).unwrap(),
    };
    let mut state = state.lock().unwrap();
    state.asked.push(format!("{} {}", asked.method, asked.path));
    if let Some(request) = state.meanwhile.take() {
        state.answered = Some(request.send());
    }
    let (status, answer) = answer(&mut state, &asked);
    let body = if answer.is_null() { String::new() } else { answer.to_string() };
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = reader.get_mut().write_all(format!("{head}{body}").as_bytes());
}

fn answer(state: &mut State, asked: &Asked) -> (u16, Value) {
    let (vendor, path) = asked.path[1..].split_once('/').unwrap();
    match vendor {
        "stripe" => stripe(state, asked, path),
        "paypal" => paypal(state, asked, path),
        "sendgrid" => sendgrid(state, asked, path),
        "mailgun" => mailgun(state, asked, path),
        "twilio" => twilio(state, asked, path),
        "meta" => meta(state, asked, path),
        "slack" => slack(state, asked, path),
        _ => twitch(state, asked, path),
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

impl State {
    pub fn of(&mut self, vendor: &'static str) -> &mut Vec<Value> {
        self.registered.entry(vendor).or_default()
    }

    pub fn id(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}{}", self.made)
    }

    fn at(&mut self, vendor: &'static str, id: &str) -> Option<&mut Value> {
        self.of(vendor).iter_mut().find(|of| of["id"] == id)
    }
}

fn stripe(state: &mut State, asked: &Asked, path: &str) -> (u16, Value) {
    if asked.authorization != "Bearer sk_test_right" {
        let given = asked.authorization.trim_start_matches("Bearer ");
        return (401, json!({"error": {"message": format!("Invalid API Key provided: {given}")}}));
    }
    let events = asked.all("enabled_events[]");
    match (asked.method.as_str(), path.rsplit('/').next().unwrap()) {
        ("GET", "account") => (200, json!({"id": "acct_1"})),
        ("GET", _) => {
            let all = state.of("stripe").clone();
            let after = asked.query.get("starting_after");
            let from = after.map_or(0, |id| all.iter().position(|of| of["id"] == **id).unwrap() + 1);
            // Pages of two, so that there are several.
            let page: Vec<Value> = all[from..].iter().take(2).cloned().collect();
            (200, json!({"object": "list", "has_more": from + page.len() < all.len(), "data": page}))
        }
        ("POST", "webhook_endpoints") => {
            let id = state.id("we_");
            let mut of =
                json!({"id": id, "url": asked.field("url"), "status": "enabled", "enabled_events": events});
            state.of("stripe").push(of.clone());
            of["secret"] = format!("whsec_of_{id}").into();
            (200, of)
        }
        ("POST", id) => {
            let of = state.at("stripe", id).unwrap();
            (of["enabled_events"], of["status"]) = (json!(events), "enabled".into());
            (200, of.clone())
        }
        (_, id) => {
            state.of("stripe").retain(|of| of["id"] != id);
            (200, json!({"id": id, "deleted": true}))
        }
    }
}

fn paypal(state: &mut State, asked: &Asked, path: &str) -> (u16, Value) {
    if path == "v1/oauth2/token" {
        let is_right = asked.authorization == basic("client", "secret-of-the-client");
        let wrong = json!({"error": "invalid_client", "error_description": "Client Authentication failed"});
        return if is_right { (200, json!({"access_token": "A21.right"})) } else { (401, wrong) };
    }
    assert_eq!(asked.authorization, "Bearer A21.right");
    match (asked.method.as_str(), path.rsplit('/').next().unwrap()) {
        ("GET", _) => (200, json!({"webhooks": state.of("paypal")})),
        ("POST", _) => {
            let mut of = asked.json();
            of["id"] = state.id("WH-").into();
            state.of("paypal").push(of.clone());
            (201, of)
        }
        ("PATCH", id) => {
            state.at("paypal", id).unwrap()["event_types"] = asked.json()[0]["value"].clone();
            (200, json!({}))
        }
        (_, id) => {
            state.of("paypal").retain(|of| of["id"] != id);
            (204, Value::Null)
        }
    }
}

fn sendgrid(state: &mut State, asked: &Asked, path: &str) -> (u16, Value) {
    if asked.authorization != "Bearer SG.right" {
        return (
            401,
            json!({"errors": [{"field": null, "message": "The provided authorization grant is invalid"}]}),
        );
    }
    let key = state.key.as_ref().unwrap().public_key();
    let key = STANDARD.encode(AsDer::<PublicKeyX509Der<'_>>::as_der(key).unwrap().as_ref());
    match (asked.method.as_str(), path.strip_prefix("v3/user/webhooks/event/settings").unwrap_or_default()) {
        ("GET", "") => (200, json!({"scopes": ["user.webhooks.event.settings.update"]})),
        ("GET", _) => (200, json!({"max_allowed": 2, "webhooks": state.of("sendgrid")})),
        ("POST", _) => {
            let mut of = asked.json();
            of["id"] = state.id("sg-").into();
            state.of("sendgrid").push(of.clone());
            (201, of)
        }
        ("PATCH", path) => match path.strip_prefix("/signed/") {
            Some(id) => {
                state.at("sendgrid", id).unwrap()["public_key"] = key.as_str().into();
                (200, json!({"id": id, "public_key": key}))
            }
            None => {
                let of = state.at("sendgrid", &path[1..]).unwrap();
                of.as_object_mut().unwrap().extend(asked.json().as_object().unwrap().clone());
                (200, of.clone())
            }
        },
        (_, path) => {
            state.of("sendgrid").retain(|of| of["id"] != path[1..]);
            (204, Value::Null)
        }
    }
}

fn mailgun(state: &mut State, asked: &Asked, path: &str) -> (u16, Value) {
    if asked.authorization != basic("api", "key-right") {
        return (401, json!({"message": "Invalid private key"}));
    }
    let urls = asked.all("url");
    match (asked.method.as_str(), path) {
        ("GET", "v5/accounts/http_signing_key") => {
            (200, json!({"message": "success", "http_signing_key": "signing-key-of-mailgun"}))
        }
        ("GET", "v4/domains/mg.example.com") => (200, json!({"domain": {"name": "mg.example.com"}})),
        ("GET", "v3/domains/mg.example.com/webhooks") => {
            let all =
                state.of("mailgun").iter().map(|of| (of["id"].as_str().unwrap().to_owned(), of.clone()));
            (200, json!({"webhooks": all.collect::<serde_json::Map<_, _>>()}))
        }
        ("POST", "v3/domains/mg.example.com/webhooks") => {
            let id = asked.field("id");
            assert!(state.at("mailgun", &id).is_none(), "{id} is there already");
            state.of("mailgun").push(json!({"id": id, "urls": urls}));
            (200, json!({"message": "Webhook has been created"}))
        }
        ("PUT", path) => {
            state.at("mailgun", path.rsplit('/').next().unwrap()).unwrap()["urls"] = json!(urls);
            (200, json!({"message": "Webhook has been updated"}))
        }
        (_, path) => {
            state.of("mailgun").retain(|of| of["id"] != path.rsplit('/').next().unwrap());
            (200, json!({"message": "Webhook has been deleted"}))
        }
    }
}

fn twilio(state: &mut State, asked: &Asked, path: &str) -> (u16, Value) {
    if asked.authorization != basic("AC1", "token-of-twilio") {
        return (401, json!({"code": 20003, "message": "Authenticate", "status": 401}));
    }
    let path = path.strip_prefix("2010-04-01/Accounts/AC1").unwrap();
    match (asked.method.as_str(), path) {
        ("GET", ".json") => (200, json!({"sid": "AC1", "friendly_name": "Shop", "status": "active"})),
        ("GET", _) => (200, json!({"incoming_phone_numbers": state.of("twilio"), "next_page_uri": null})),
        (_, path) => {
            let sid = path.strip_prefix("/IncomingPhoneNumbers/").and_then(|rest| rest.strip_suffix(".json"));
            let number = state.of("twilio").iter_mut().find(|of| of["sid"] == sid.unwrap()).unwrap();
            let names =
                [("VoiceUrl", "voice_url"), ("SmsUrl", "sms_url"), ("StatusCallback", "status_callback")];
            for (theirs, name) in names {
                if let Some(url) = asked.all(theirs).pop() {
                    number[name] = url.into();
                }
            }
            (200, number.clone())
        }
    }
}
