//! The operator's page in headless Chromium, against a whole server in this process and a receiver that
//! answers. `tests/clients/page.mjs` is what is walked.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpResponse, HttpServer, web};
use appengine::app::{App, Foundation};
use appengine::auth::principal::Kind;
use appengine::auth::role::Role;
use appengine::auth::token::Identity;
use appengine::config::Config;
use appengine_actors::clock::{Clock, SystemClock};
use appengine_actors::ids::{OrgId, RecordId};
use appengine_actors::testkit::MemoryStore;
use serde_json::json;

const HOUR: Duration = Duration::from_secs(3600);
const ORG: &str = "my-org";
const EMAIL: &str = "ada@example.com";

#[actix_web::test]
async fn an_operator_sees_what_happens_as_it_happens() {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    assert!(
        clients.join("node_modules/playwright-core").is_dir(),
        "the JavaScript clients are not installed: run `npm ci` in {}",
        clients.display()
    );
    let (app, clock) = serve().await;
    let base = format!("http://{}", app.address);
    let token = app.tokens.sign(&operator(), HOUR, clock.now()).unwrap();
    let owner = app.first_owner.as_ref().unwrap();
    create_flow(&base, &token).await;

    let contact = json!({"sk": "contact-1", "datatype": "contact", "data": {"email": "grace@example.com"}});
    let mut walk = Command::new("node");
    walk.current_dir(&clients).arg("page.mjs");
    walk.envs([("BASE_URL", &base), ("TOKEN", &token), ("LINK", &owner.link_token)]);
    walk.envs([("ORG", ORG), ("EMAIL", EMAIL), ("PASSWORD", &owner.password), ("EVENT", "contact.created")]);
    walk.env("DATA", contact.to_string());
    walk.env("EXPECT", "run completed,step completed,delivery delivered,attempt 200");
    let walked = web::block(move || walk.output()).await.unwrap().unwrap();
    let said = [walked.stdout, walked.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(walked.status.success(), "{said}");
    println!("{said}");
}

#[actix_web::test]
async fn a_customer_and_the_desk_talk_on_the_demo_page() {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let (app, clock) = serve().await;
    let token = app.tokens.sign(&operator(), HOUR, clock.now()).unwrap();
    let mut walk = Command::new("node");
    walk.current_dir(&clients).arg("chat_page.mjs");
    let owner = app.first_owner.as_ref().unwrap();
    walk.envs([("BASE_URL", &*format!("http://{}", app.address)), ("TOKEN", &token)]);
    walk.envs([("ORG", ORG), ("EMAIL", EMAIL), ("PASSWORD", &owner.password)]);
    let walked = web::block(move || walk.output()).await.unwrap().unwrap();
    assert!(walked.status.success(), "{}", String::from_utf8_lossy(&[walked.stdout, walked.stderr].concat()));
}

#[actix_web::test]
async fn answers_go_on_where_they_were_on_the_demo_page() {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let (app, clock) = serve().await;
    let token = app.tokens.sign(&operator(), HOUR, clock.now()).unwrap();
    let mut walk = Command::new("node");
    walk.current_dir(&clients).arg("ai_page.mjs");
    let owner = app.first_owner.as_ref().unwrap();
    walk.envs([("BASE_URL", &*format!("http://{}", app.address)), ("TOKEN", &token)]);
    walk.envs([("ORG", ORG), ("EMAIL", EMAIL), ("PASSWORD", &owner.password)]);
    let walked = web::block(move || walk.output()).await.unwrap().unwrap();
    assert!(walked.status.success(), "{}", String::from_utf8_lossy(&[walked.stdout, walked.stderr].concat()));
}

fn operator() -> Identity {
    Identity {
        org: OrgId::new(ORG).unwrap(),
        id: RecordId::new("user-operator").unwrap(),
        email: Some("operator@example.com".into()),
        name: "Operator".into(),
        kind: Kind::User,
        roles: vec![Role::Owner],
        session: None,
    }
}

async fn serve() -> (App, Arc<SystemClock>) {
    let settings = [
        ("APPENGINE__AUTH__DEFAULT_ORG", ORG),
        ("APPENGINE__AUTH__OWNER_EMAIL", EMAIL),
        ("APPENGINE__LIMITS__REQUESTS_PER_MINUTE", "100000"),
        ("APPENGINE__LIMITS__SIGN_INS_PER_MINUTE", "100000"),
        ("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", "[\"127.0.0.0/8\"]"),
    ];
    let clock = Arc::new(SystemClock::new());
    let foundation = Foundation {
        config: Config::load(None, settings).unwrap(),
        store: Arc::new(MemoryStore::default()),
        secret: vec![7; 32],
        clock: clock.clone(),
        listener: TcpListener::bind("127.0.0.1:0").unwrap(),
        first_link_life: Some(HOUR),
        transport: None,
    };
    let (app, futures) = App::start(foundation).await.unwrap();
    actix::spawn(futures.server);
    actix::spawn(futures.machine);
    (app, clock)
}

/// A flow that tells a receiver, which always says yes, of every new contact.
async fn create_flow(base: &str, token: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let receiver = format!("http://{}/hook", listener.local_addr().unwrap());
    let yes = || actix_web::App::new().default_service(web::to(HttpResponse::Ok));
    actix::spawn(HttpServer::new(yes).workers(1).listen(listener).unwrap().run());
    let flow = json!({
        "name": "Notify CRM bridge",
        "trigger": {"type": "contact.created"},
        "actions": [{"type": "send_webhook", "config": {"url": receiver, "method": "POST"}}],
    });
    let client = reqwest::Client::new();
    let request = client.post(format!("{base}/automation/flows/create")).bearer_auth(token);
    let answer =
        request.header("content-type", "application/json").body(flow.to_string()).send().await.unwrap();
    let status = answer.status();
    assert!(status.is_success(), "{status} {}", answer.text().await.unwrap());
}
