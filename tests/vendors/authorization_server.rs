//! A vendor's side of OAuth 2, strict: a code is good once, for whoever asked for it and with the secret of which it was
//! told the digest; a refresh token is good once. It is reached by a transport of its own, or over a real socket.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use appengine_actors::webhook::failure::{Refused, SendError};
use appengine_actors::webhook::send_options::{OptionsError, TlsOptions};
use appengine_actors::webhook::transport::{
    Attempt, BodyEnd, OutboundReply, OutboundRequest, Timings, Transport,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The app that it knows.
pub const CLIENT: (&str, &str) = ("app-id", "app-secret-0123456789");
/// What every token begins with.
pub const TOKEN: &str = "secret-token-";

/// What it was asked, and how.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub url: String,
    pub fields: BTreeMap<String, String>,
}

/// How it treats those who ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Well,
    /// It has no time.
    Down,
    /// Somebody took back what they agreed to.
    Revoked,
}

#[derive(Default)]
struct State {
    mood: Mood,
    codes: BTreeMap<String, BTreeMap<String, String>>,
    given: u32,
    refresh: String,
    asked: Vec<Asked>,
}

/// The vendor.
#[derive(Clone, Default)]
pub struct AuthorizationServer(Arc<Mutex<State>>);

impl AuthorizationServer {
    /// Somebody agrees at the address that they were sent to: where the vendor sends them back, without the host.
    pub fn agree(&self, auth_url: &str) -> String {
        let url = url::Url::parse(auth_url).unwrap();
        let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["response_type"], "code");
        let id = asked.get("client_id").or_else(|| asked.get("client_key"));
        assert_eq!(id.map(String::as_str), Some(CLIENT.0), "{auth_url}");
        let mut state = self.0.lock().unwrap();
        let code = format!("code-{}", state.codes.len() + 1);
        let back = url::Url::parse_with_params(
            &asked["redirect_uri"],
            [("code", &*code), ("state", &asked["state"]), ("iss", "vendor")],
        );
        state.codes.insert(code, asked);
        let back = back.unwrap();
        format!("{}?{}", back.path(), back.query().unwrap())
    }

    pub fn set(&self, mood: Mood) {
        self.0.lock().unwrap().mood = mood;
    }

    /// What it was asked since this was called last.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    fn answer(&self, method: &str, url: &str, authorization: &str, body: &[u8]) -> (u16, Value) {
        let mut state = self.0.lock().unwrap();
        let mut fields: BTreeMap<String, String> = match serde_json::from_slice::<Value>(body) {
            Ok(Value::Object(json)) => {
                json.into_iter().map(|(name, value)| (name, value.as_str().unwrap().to_owned())).collect()
            }
            _ => url::form_urlencoded::parse(body).into_owned().collect(),
        };
        if let Some(basic) = authorization.strip_prefix("Basic ") {
            let pair = String::from_utf8(STANDARD.decode(basic).unwrap()).unwrap();
            let (id, secret) = pair.split_once(':').unwrap();
            fields.insert("client_id".to_owned(), id.to_owned());
            fields.insert("client_secret".to_owned(), secret.to_owned());
        }
        fields.insert("by".to_owned(), authorization.to_owned());
        let asked = Asked { method: method.to_owned(), url: url.to_owned(), fields: fields.clone() };
        state.asked.push(asked);
        let no = |word: &str| (400, json!({"error": word, "error_description": "no"}));
        if state.mood == Mood::Down {
            return (503, Value::Null);
        }
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        if !fields.contains_key("grant_type") {
            return (200, json!({"ok": true}));
        }
        if field("client_secret") != CLIENT.1 {
            return (401, json!({"error": "invalid_client"}));
        }
        match field("grant_type") {
            "authorization_code" => {
                let Some(asked) = state.codes.remove(field("code")) else { return no("invalid_grant") };
                let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
                let is_proved = asked.get("code_challenge").is_none_or(|told| *told == challenge);
                let redirect = fields.get("redirect_uri");
                if !is_proved || redirect.is_some_and(|redirect| *redirect != asked["redirect_uri"]) {
                    return no("invalid_grant");
                }
            }
            "refresh_token" if state.mood == Mood::Revoked || field("refresh_token") != state.refresh => {
                return no("invalid_grant");
            }
            "refresh_token" | "fb_exchange_token" => {}
            _ => return no("unsupported_grant_type"),
        }
        state.given += 1;
        let n = state.given;
        state.refresh = format!("{TOKEN}refresh-{n}");
        let access = format!("{TOKEN}access-{n}");
        let account = format!("account-{n}");
        let body = json!({
            "ok": true, "access_token": access, "refresh_token": state.refresh, "expires_in": 3600,
            "token_type": "bearer", "scope": "one two", "stripe_user_id": account,
        });
        (200, body)
    }

    /// Serves it on a free port for as long as the process lives: its address.
    pub fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let own = self.clone();
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| own.converse(stream)));
        format!("http://{address}")
    }

    /// One request on one connection.
    fn converse(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        let (mut first, mut length, mut authorization) = (String::new(), 0, String::new());
        reader.read_line(&mut first).unwrap();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "authorization" => authorization = value.to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut words = first.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (status, body) = self.answer(method, target, &authorization, &body);
        let body = body.to_string();
        let answer = format!(
            "HTTP/1.1 {status} Done\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        reader.get_mut().write_all(answer.as_bytes()).unwrap();
    }
}

impl Transport for AuthorizationServer {
    fn send(&self, request: OutboundRequest) -> BoxFuture<'static, Attempt> {
        let authorization = request.headers.iter().find(|(name, _)| name == "authorization");
        let authorization = authorization.map_or("", |(_, value)| value.as_str());
        let method = format!("{:?}", request.method).to_uppercase();
        let (status, body) = self.answer(&method, &request.url, authorization, &request.body);
        let result: Result<OutboundReply, SendError> = Ok(OutboundReply {
            status,
            headers: Vec::new(),
            headers_truncated: false,
            body: Bytes::from(body.to_string()),
            body_end: BodyEnd::Complete,
            retry_after: None,
        });
        // Others may ask meanwhile.
        Box::pin(async move {
            tokio::task::yield_now().await;
            Attempt { result, timings: Timings::default() }
        })
    }

    fn vet(&self, _: &str) -> Result<(), Refused> {
        Ok(())
    }

    fn check_tls(&self, _: &TlsOptions) -> Result<(), OptionsError> {
        Ok(())
    }
}
