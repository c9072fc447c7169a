//! A small JSON client. Every call says which status it expects.

use appengine_actors::clock::{Clock, SystemClock};
use reqwest::Method;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::PATIENCE;

/// Somebody who calls a server, from one thread.
pub struct Client {
    runtime: Runtime,
    http: reqwest::Client,
    base: String,
    org: Option<String>,
    token: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Reply {
    /// The body; null where there is none.
    pub fn json(&self) -> Value {
        if self.text.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Client {
    /// Somebody with a token of an organisation.
    pub fn signed(base: &str, org: &str, token: &str) -> Self {
        Self::new(base, Some(org), Some(token))
    }

    /// Somebody who names an organisation and is not known to it.
    pub fn visitor(base: &str, org: &str) -> Self {
        Self::new(base, Some(org), None)
    }

    fn new(base: &str, org: Option<&str>, token: Option<&str>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // Nothing here speaks TLS, and reading the system's certificates takes a while.
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE);
        let http = http.build().unwrap();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self { runtime, http, base: base.to_owned(), org: owned(org), token: owned(token) }
    }

    /// One call; `Err` when the server does not answer.
    pub fn call(&self, method: Method, path: &str, body: Option<&Value>) -> reqwest::Result<Reply> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(org) = &self.org {
            request = request.header("orgid", org);
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        self.runtime.block_on(async {
            let answer = request.send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            Ok(Reply { status, headers, text: answer.text().await? })
        })
    }

    /// `POST`, to be answered with this status.
    pub fn post(&self, path: &str, body: &Value, status: u16) -> Reply {
        self.expect(&Method::POST, path, Some(body), status)
    }

    /// `GET`, to be answered with this status.
    pub fn get(&self, path: &str, status: u16) -> Reply {
        self.expect(&Method::GET, path, None, status)
    }

    fn expect(&self, method: &Method, path: &str, body: Option<&Value>, status: u16) -> Reply {
        let reply = self.call(method.clone(), path, body).unwrap();
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text);
        reply
    }

    /// Asks until the answer is an error; its body.
    pub fn until_refused(&self, path: &str) -> Value {
        let clock = SystemClock::new();
        loop {
            let reply = self.call(Method::GET, path, None).unwrap();
            if reply.status >= 400 {
                return reply.json();
            }
            assert!(clock.elapsed() < PATIENCE, "GET {path} is still answered {}", reply.status);
        }
    }

    /// Asks until what is looked for is found.
    pub fn until<T>(&self, path: &str, find: impl Fn(&Value) -> Option<T>) -> T {
        let clock = SystemClock::new();
        loop {
            let body = self.get(path, 200).json();
            if let Some(found) = find(&body) {
                return found;
            }
            assert!(clock.elapsed() < PATIENCE, "GET {path} still says {body:#}");
        }
    }
}
