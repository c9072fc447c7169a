//! `demo`: the main job from beginning to end, by itself, on real sockets and a real disk. A server in a
//! temporary folder, a flow, a contact, the signed webhook on a receiver of its own, the poll, the trace.

mod receiver;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use appengine_actors::clock::{Clock, SystemClock};
use appengine_actors::webhook::signature::{
    ID_HEADER, SIGNATURE_HEADER, Secret, Signed, TIMESTAMP_HEADER, TOLERANCE, verify,
};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::app::{App, Foundation};
use crate::auth::principal::Kind;
use crate::auth::role::Role;
use crate::auth::token::Identity;
use crate::commands::house::{OpenHouse, enter};
use crate::commands::say;
use crate::config::Config;
use appengine_actors::ids::{Datatype, OrgId, RecordId};
use receiver::{Received, Receiver};

const ORG: &str = "my-org";
const SHARED_SECRET: &str = "shared-secret-here";
/// How long a webhook may take before the demo has failed.
const PATIENCE: Duration = Duration::from_secs(8);

/// Runs the demo and says how each step went. It is configured by `file`, but for its folder, its log, and
/// that it may send to itself.
///
/// # Errors
/// The step that failed, and why.
pub fn run(file: Option<&Path>) -> anyhow::Result<()> {
    let folder = Scratch::new();
    let variables = [
        ("APPENGINE__STORE__PATH", folder.0.display().to_string()),
        ("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", "[\"127.0.0.0/8\"]".to_owned()),
        ("APPENGINE__LOG__FILTER", "error".to_owned()),
    ];
    let config = Config::load(file, variables).map_err(|problems| anyhow::anyhow!("failed to {problems}"))?;
    crate::telemetry::init(&config.log).map_err(|error| anyhow::anyhow!("failed to {error}"))?;
    say(&format!(
        "The main job, by itself: durability `{}`, folder {}\n\n",
        config.store.durability.name(),
        folder.0.display()
    ))?;
    let clock = Arc::new(SystemClock::new());
    let mut walk = Walk { clock: clock.clone(), since: clock.elapsed() };
    let OpenHouse { store, secret, folder: held } = enter(&config)?;
    let walked = actix::System::new().block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").context("failed to find a port")?;
        let (app, futures) = App::start(Foundation {
            config,
            store,
            secret,
            clock: clock.clone(),
            listener,
            first_link_life: None,
            transport: None,
        })
        .await?;
        let server = actix::spawn(futures.server);
        walk.done(&format!("a server listens on http://{}", app.address))?;
        let walked = walk.through(&app).await;
        app.stop().await;
        let _ = server.await;
        walked?;
        walk.done("it drained and stopped")
    });
    drop(held);
    walked?;
    say("\nEvery step worked. Next: `appengine` serves, on http://127.0.0.1:3330 by default.\n")
}

/// A folder that goes when the demo does.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("appengine-demo-{:016x}", rand::random::<u64>())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own clean-up.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The steps, each with the time since the one before.
struct Walk {
    clock: Arc<SystemClock>,
    since: Duration,
}

impl Walk {
    fn done(&mut self, what: &str) -> anyhow::Result<()> {
        let now = self.clock.elapsed();
        let took = now.saturating_sub(self.since);
        self.since = now;
        say(&format!("  ok {:>8.1} ms  {what}\n", took.as_secs_f64() * 1000.0))
    }

    async fn through(&mut self, app: &App) -> anyhow::Result<()> {
        let mut receiver = Receiver::start().await?;
        let client = Http {
            base: format!("http://{}", app.address),
            token: owner_token(app, self.clock.now())?,
            client: Client::new(),
        };
        self.done(&format!("a receiver listens on http://{}", receiver.address))?;

        let flow = client.post("/automation/flows/create", &flow(&receiver)).await?;
        let id = text(&flow, "/sk")?.to_owned();
        let secret =
            Secret::parse(text(&flow, "/webhookSecret")?).context("failed to read the webhook secret")?;
        self.done("a flow sends a webhook on contact.created (POST /automation/flows/create)")?;

        let body = json!({"context": {"contact": {"email": "ada@example.com"}}});
        let execution = client.post(&format!("/automation/flows/{id}/execute"), &body).await?;
        ensure!(execution["success"] == true, "the test run failed: {execution}");
        self.done("a test run by hand (POST /automation/flows/{id}/execute)")?;
        let test = receiver.next(self.clock.as_ref(), PATIENCE).await?;
        self.check(&test, &secret, "ada@example.com")?;
        self.done("its webhook arrived, signature and shared secret verified")?;

        let contact = json!({"datatype": "contact", "isNew": true, "data": {"email": "grace@example.com"}});
        let contact = client.post("/repository/create", &contact).await?;
        let modified = text(&contact, "/modifydate")?.to_owned();
        self.done(&format!("a contact was created: {} (POST /repository/create)", text(&contact, "/sk")?))?;
        let received = receiver.next(self.clock.as_ref(), PATIENCE).await?;
        let told = self.check(&received, &secret, "grace@example.com")?;
        ensure!(told["event"] == "contact.created" && told["orgId"] == ORG, "an unexpected body: {told}");
        self.done(&format!("its webhook arrived, verified: {}", received.header(ID_HEADER)))?;

        let poll = json!({
            "query": {"modifydate": {"$gte": modified}},
            "options": {"sort": {"modifydate": -1}, "pageSize": 100},
        });
        let page = client.post("/repository/find/contact", &poll).await?;
        ensure!(page["data"][0]["sk"] == contact["sk"], "the poll did not find the contact: {page}");
        self.done("polling by modifydate finds it (POST /repository/find/contact)")?;

        let log = client.get("/events?kind=contact.created&order=desc&limit=1").await?;
        let event = text(&log, "/data/0/id")?.to_owned();
        let trace = client.get(&format!("/events/{event}/trace")).await?;
        self.done("the trace of the event (GET /events/{id}/trace):")?;
        say(&format!("\n{}\n", tree(&trace, 0)))
    }

    /// What a receiver does with a webhook before it believes it.
    fn check(&self, received: &Received, secret: &Secret, email: &str) -> anyhow::Result<Value> {
        ensure!(received.header("x-bridge-secret") == SHARED_SECRET, "the shared secret is missing");
        let signed = Signed {
            id: received.header(ID_HEADER),
            timestamp: received.header(TIMESTAMP_HEADER),
            signature: received.header(SIGNATURE_HEADER),
        };
        let now = self.clock.now().to_jiff();
        verify(std::slice::from_ref(secret), signed, &received.body, now, TOLERANCE)
            .map_err(|error| anyhow::anyhow!("the signature does not hold: failed to {error}"))?;
        let body: Value = serde_json::from_slice(&received.body)?;
        ensure!(body["data"]["data"]["email"] == email, "an unexpected body: {body}");
        Ok(body)
    }
}

/// The seed's own flow, but for the address.
fn flow(receiver: &Receiver) -> Value {
    json!({
        "name": "Notify CRM bridge",
        "trigger": {"type": "contact.created"},
        "actions": [{
            "type": "send_webhook",
            "config": {
                "url": format!("http://{}/appmint/contact", receiver.address),
                "method": "POST",
                "headers": {"X-Bridge-Secret": SHARED_SECRET},
            },
        }],
    })
}

fn owner_token(app: &App, now: appengine_actors::clock::Timestamp) -> anyhow::Result<String> {
    let who = Identity {
        org: OrgId::new(ORG)?,
        id: RecordId::generate(&Datatype::new(Kind::User.name())?, now),
        email: Some("owner@example.com".to_owned()),
        name: "Owner".to_owned(),
        kind: Kind::User,
        roles: vec![Role::Owner],
        session: None,
    };
    Ok(app.tokens.sign(&who, Duration::from_secs(600), now)?)
}

struct Http {
    base: String,
    token: String,
    client: Client,
}

impl Http {
    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, None).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.base));
        request = request.bearer_auth(&self.token).header("orgid", ORG);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.with_context(|| format!("failed to {method} {path}"))?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{method} {path} was answered {status}: {text}");
        serde_json::from_str(&text)
            .with_context(|| format!("{method} {path} was answered with no JSON: {text}"))
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> anyhow::Result<&'v str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .with_context(|| format!("there is no {pointer} in {value}"))
}

/// A trace as indented lines.
fn tree(node: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth + 2);
    let field = |pointer: &str| node.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut lines = match node["type"].as_str() {
        Some("event") => format!("{indent}event {} {}\n", field("/event/event"), field("/event/id")),
        Some("run") => format!("{indent}run {} {}\n", field("/run/status"), field("/run/id")),
        Some("job") => format!("{indent}job {} in {}\n", field("/job/state"), field("/job/queue")),
        Some("delivery") => {
            let attempts = &node["delivery"]["attempts"];
            format!(
                "{indent}delivery {} after {attempts} attempt {}\n",
                field("/delivery/status"),
                field("/delivery/url")
            )
        }
        _ => String::new(),
    };
    for step in node["steps"].as_array().into_iter().flatten() {
        lines += &format!(
            "{indent}  step {} {}\n",
            step["handler"].as_str().unwrap_or_default(),
            step["status"].as_str().unwrap_or_default()
        );
    }
    for child in node["children"].as_array().into_iter().flatten() {
        lines += &tree(child, depth + 1);
    }
    lines
}
