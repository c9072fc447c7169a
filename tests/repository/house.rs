//! A whole server in this process on the store in memory, and somebody who calls it.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use appengine::app::{App, Foundation};
use appengine::auth::principal::Kind;
use appengine::auth::role::Role;
use appengine::auth::token::Identity;
use appengine::config::Config;
use appengine_actors::clock::Clock;
use appengine_actors::ids::{OrgId, RecordId};
use appengine_actors::testkit::{ManualClock, MemoryStore};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

pub const ORG: &str = "my-org";

pub struct House {
    pub app: App,
    pub clock: ManualClock,
    pub store: MemoryStore,
    http: reqwest::Client,
}

/// Somebody with a token.
pub struct Caller<'h> {
    house: &'h House,
    token: String,
}

impl House {
    pub async fn open() -> Self {
        let settings = [
            ("APPENGINE__LIMITS__REQUESTS_PER_MINUTE", "1000000"),
            ("APPENGINE__LIMITS__SIGN_INS_PER_MINUTE", "1000000"),
            ("APPENGINE__SERVER__WORKERS", "1"),
            ("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", r#"["127.0.0.0/8"]"#),
        ];
        let (clock, store) = (ManualClock::default(), MemoryStore::default());
        let (app, futures) = App::start(Foundation {
            config: Config::load(None, settings).unwrap(),
            store: Arc::new(store.clone()),
            secret: vec![7; 32],
            clock: Arc::new(clock.clone()),
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            first_link_life: None,
            transport: None,
        })
        .await
        .unwrap();
        actix::spawn(futures.server);
        actix::spawn(futures.machine);
        Self { app, clock, store, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    /// Somebody of an organisation, whose id is their name and whose address is at example.com.
    pub fn somebody(&self, org: &str, kind: Kind, name: &str, role: Role) -> Caller<'_> {
        let who = Identity {
            org: OrgId::new(org).unwrap(),
            id: RecordId::new(name).unwrap(),
            email: Some(format!("{name}@example.com")),
            name: name.to_owned(),
            kind,
            roles: vec![role],
            session: None,
        };
        let token = self.app.tokens.sign(&who, Duration::from_secs(3600), self.clock.now()).unwrap();
        Caller { house: self, token }
    }

    /// Whoever has a token.
    pub fn with(&self, token: &Value) -> Caller<'_> {
        Caller { house: self, token: token.as_str().unwrap().to_owned() }
    }

    /// A call by nobody, or with these headers: the status and the body.
    pub async fn visit(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> (u16, Value) {
        let url = format!("http://{}{path}", self.app.address);
        let mut request = self.http.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    /// Whose organisation it is.
    pub fn owner(&self) -> Caller<'_> {
        self.somebody(ORG, Kind::User, "ada", Role::Owner)
    }
}

impl Caller<'_> {
    /// One call: the status and the body, null where there is none.
    pub async fn call(&self, method: Method, path: &str, body: Option<String>) -> (u16, Value) {
        let (status, _, body) = self.exchange(method, path, None, body).await;
        (status, body)
    }

    /// One call with a header of its own, and the headers of its answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        header: Option<(&str, &str)>,
        body: Option<Value>,
    ) -> (u16, HeaderMap, Value) {
        self.exchange(method, path, header, body.map(|body| body.to_string())).await
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        header: Option<(&str, &str)>,
        body: Option<String>,
    ) -> (u16, HeaderMap, Value) {
        let url = format!("http://{}{path}", self.house.app.address);
        let mut request = self.house.http.request(method, url).bearer_auth(&self.token);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        (status, headers, body)
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body.to_string())).await
    }

    /// A call that is answered with 200 or 201.
    pub async fn done(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.post(path, body.clone()).await;
        assert!(matches!(status, 200 | 201), "{path} {body}: {status} {answer}");
        answer
    }

    /// Creates a record with an id of its own.
    pub async fn create(&self, datatype: &str, sk: &str, data: Value) -> Value {
        self.done(&format!("/repository/create/{datatype}"), serde_json::json!({"sk": sk, "data": data}))
            .await
    }

    /// The ids of a list.
    pub async fn ids(&self, path: &str, body: Value) -> Vec<String> {
        ids(&self.done(path, body).await)
    }
}

/// The ids of a list's records, in their order.
pub fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|row| row["sk"].as_str().unwrap().to_owned()).collect()
}
