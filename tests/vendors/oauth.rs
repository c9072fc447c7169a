//! Vendors connected by OAuth 2, against a strict one: what is good once is good once, tokens are renewed in time and
//! none is lost, and nobody reads one anywhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use appengine::connect::api::Api;
use appengine::connect::oauth::vendors::ALL;
use appengine::connect::oauth::{TokenError, Tokens};
use appengine_actors::clock::SystemClock;
use appengine_actors::ids::{IntegrationId, OrgId};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::authorization_server::{Asked, AuthorizationServer, CLIENT, Mood, TOKEN};
use crate::received::Stopped;
use crate::support::exchange::Answer;
use crate::support::in_process::{Server, owner};

const ORG: &str = "acme";
const APP: &str = "https://app.example.com";
const SETTINGS: [(&str, &str); 2] =
    [("APPENGINE__SERVER__CORS_ORIGINS", APP), ("APPENGINE__SERVER__PUBLIC_URL", "https://api.example.com")];

/// A server, the vendor that it calls, and the time.
struct World {
    server: Server,
    vendor: AuthorizationServer,
    clock: Arc<Stopped>,
    token: String,
    tokens: Tokens,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(Stopped { own: SystemClock::new(), millis: AtomicU64::new(1_790_000_000_000) });
        let vendor = AuthorizationServer::default();
        let server = Server::within(&SETTINGS, clock.clone(), Some(Arc::new(vendor.clone())));
        let api = Api::new(Arc::new(vendor.clone()), BTreeMap::new());
        let tokens = Tokens::new(server.machine.house.clone(), server.machine.integrations.clone(), api);
        let token = server.token(&owner(ORG));
        Self { server, vendor, clock, token, tokens }
    }

    fn pass(&mut self, seconds: u64) {
        self.clock.millis.fetch_add(seconds * 1_000, Ordering::SeqCst);
        self.token = self.server.token(&owner(ORG));
    }

    fn call(&self, method: &str, target: &str) -> Answer {
        self.server.call_as(&self.token, method, target).send()
    }

    fn post(&self, target: &str, body: &Value) -> Answer {
        self.server.call_as(&self.token, "POST", target).json(body).send()
    }

    fn save(&self, vendor: &str) -> IntegrationId {
        let credentials =
            json!({"clientId": CLIENT.0, "clientSecret": CLIENT.1, "shop": "acme", "subdomain": "acme"});
        let body = json!({"type": vendor, "credentials": credentials});
        let saved = self.post("/upstream/save-integration", &body).expect(200);
        saved["id"].as_str().unwrap().parse().unwrap()
    }

    fn begin(&self, target: &str) -> (String, String) {
        let begun = self.post(target, &json!({"returnUrl": format!("{APP}/done?a=1")})).expect(200);
        (begun["authUrl"].as_str().unwrap().to_owned(), begun["state"].as_str().unwrap().to_owned())
    }

    /// Where a connection comes back to, not yet followed.
    fn back(&self, vendor: &str) -> String {
        let (url, _) = self.begin(&format!("/upstream/call/{vendor}-provider/get-auth-url"));
        self.vendor.agree(&url)
    }

    /// A browser, which shows no token.
    fn visit(&self, target: &str) -> Answer {
        self.server.call("GET", target).send()
    }

    fn connect(&self, vendor: &str) -> IntegrationId {
        let id = self.save(vendor);
        let answer = self.visit(&self.back(vendor));
        assert_eq!(
            location(&answer),
            format!("{APP}/done?a=1&integration=connected"),
            "{vendor}: {answer:?}"
        );
        id
    }

    fn fresh(&self, id: IntegrationId) -> Result<String, TokenError> {
        wait(self.tokens.fresh_token(&org(), id))
    }

    fn config(&self, vendor: &str, id: IntegrationId) -> Value {
        self.call("GET", &format!("/upstream/get-config/{vendor}/{id}")).expect(200)
    }

    fn events(&self, kind: &str) -> usize {
        let log = self.call("GET", &format!("/events?kind={kind}")).expect(200);
        log["data"].as_array().unwrap().len()
    }

    /// Nobody reads a secret in the store, or in what is answered.
    fn assert_sealed(&self) {
        let mut shown: Vec<Vec<u8>> =
            self.server.dump().into_iter().map(|(_, value)| value.to_vec()).collect();
        for target in ["/upstream/get-config", "/upstream/active", "/upstream/calls", "/events?limit=500"] {
            shown.push(self.call("GET", target).bytes());
        }
        for text in shown {
            let text = String::from_utf8_lossy(&text);
            assert!(!text.contains(TOKEN) && !text.contains(CLIENT.1), "{text}");
        }
    }
}

fn org() -> OrgId {
    OrgId::new(ORG).unwrap()
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 302, "{answer:?}");
    answer.header("location").unwrap()
}

fn grants(asked: &[Asked]) -> Vec<&str> {
    asked.iter().filter_map(|asked| asked.fields.get("grant_type")).map(String::as_str).collect()
}

#[test]
fn every_vendor_is_connected_renewed_and_disconnected_and_no_token_is_readable() {
    let mut world = World::new();
    let mut revoked = BTreeMap::new();
    for of in ALL {
        let id = world.connect(of.vendor);
        let config = world.config(of.vendor, id);
        assert_eq!(config["active"], true);
        assert!(config["credentials"].as_array().unwrap().contains(&json!("access_token")), "{config}");
        let first = world.fresh(id).unwrap();
        assert!(first.starts_with(TOKEN));
        world.assert_sealed();
        world.vendor.asked();
        world.pass(3_400);
        let second = world.fresh(id);
        let asked = world.vendor.asked();
        match grants(&asked)[..] {
            [] => assert_eq!(first, second.unwrap(), "{}", of.vendor),
            _ => assert_ne!(first, second.unwrap(), "{}", of.vendor),
        }
        let ended = world.call("POST", &format!("/upstream/disconnect/{id}")).expect(200);
        assert_eq!(ended["active"], false);
        assert_eq!(world.fresh(id), Err(TokenError::NotConnected(id)));
        let names = world.config(of.vendor, id)["credentials"].to_string();
        assert!(!names.contains("token") && !names.contains("expires"), "{names}");
        revoked.insert(of.vendor, (ended["revoked"].clone(), world.vendor.asked().len()));
        world.assert_sealed();
    }
    for (vendor, told) in revoked {
        let expected = match vendor {
            "pinterest" | "snapchat" => (Value::Null, 0),
            _ => (json!(true), 1),
        };
        assert_eq!(told, expected, "{vendor}");
    }
}

#[test]
fn every_way_to_begin_leads_to_the_vendor() {
    let world = World::new();
    let id = world.save("slack");
    for target in ["/upstream/connect/slack?scopes=a,b", "/connect/SlackProvider/auth-url?scopes=a%20b"] {
        let begun = world.call("GET", target).expect(200);
        let url = begun["authUrl"].as_str().unwrap();
        assert!(
            url.starts_with("https://slack.com/oauth/v2/authorize?") && url.contains("scope=a%2Cb&"),
            "{url}"
        );
        assert!(url.contains(begun["state"].as_str().unwrap()), "{url}");
        // Without an address to return to there is a page.
        let page = world.visit(&world.vendor.agree(url));
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    }
    world.begin(&format!("/upstream/call/{id}/get-auth-url"));
    let plain = world.call("POST", "/upstream/call/slack-provider/get-auth-url");
    assert!(plain.expect(200)["authUrl"].as_str().unwrap().contains("scope=channels%3Ahistory"));
    let listed = world.post("/upstream/call/slack-provider/get-auth-url", &json!({"scopes": ["a", "b"]}));
    assert!(listed.expect(200)["authUrl"].as_str().unwrap().contains("scope=a%2Cb&"));
    world.call("GET", "/upstream/connect/twilio").assert_problem(404, "not_found");
    world.call("GET", "/upstream/connect/nobody").assert_problem(404, "not_found");
    world.call("GET", "/upstream/connect/x").assert_problem(409, "integration_missing");
    world
        .post("/upstream/save-integration", &json!({"type": "x", "credentials": {"clientId": "i"}}))
        .expect(200);
    let told = world.call("GET", "/upstream/connect/x").assert_problem(409, "client_missing");
    assert!(told.contains("clientSecret"), "{told}");
    let scopes = json!({"scopes": ["a\"b"]});
    world.post("/upstream/call/slack-provider/get-auth-url", &scopes).assert_problem(400, "invalid");
}

#[test]
fn a_state_is_good_once_for_one_vendor_and_for_ten_minutes() {
    let mut world = World::new();
    let id = world.save("x");
    let refused = |world: &World, target: &str| {
        let told = world.visit(target).assert_problem(400, "invalid_state");
        assert_eq!(world.fresh(id), Err(TokenError::NotConnected(id)), "{target}");
        told
    };
    let back = world.back("x");
    for (from, to) in [("state=", "state=A"), ("state=", "was="), ("state=W", "state=w")] {
        refused(&world, &back.replace(from, to));
    }
    refused(&world, &format!("{back}A"));
    refused(&world, &back.replace("oauth2callback/x", "oauth2callback/slack"));
    // What was signed for one organisation cannot be said to be another's.
    let (_, state) = world.begin("/upstream/call/x-provider/get-auth-url");
    let (said, signature) = state.split_once('.').unwrap();
    use base64::Engine;
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let plain = String::from_utf8(engine.decode(said).unwrap()).unwrap();
    assert!(plain.contains(ORG), "{plain}");
    let other = engine.encode(plain.replace(ORG, "evil"));
    refused(&world, &format!("/connect/oauth2callback/x?code=code-1&state={other}.{signature}"));
    assert!(world.vendor.asked().is_empty(), "nobody asks the vendor with a state that is not good");
    // None of that has used it up.
    let answer = world.visit(&back);
    assert!(location(&answer).ends_with("integration=connected"), "{answer:?}");
    let told = world.visit(&back).assert_problem(400, "invalid_state");
    assert!(told.contains("used"), "{told}");
    assert_eq!(world.vendor.asked().len(), 1);
    let late = world.back("x");
    world.pass(601);
    let told = world.visit(&late).assert_problem(400, "invalid_state");
    assert!(told.contains("ten minutes"), "{told}");
    // The next one takes those away that are over.
    let kept = || {
        let prefix = appengine_actors::keys::privates(&org(), "oauth-state");
        world.server.dump_of(prefix).len()
    };
    assert_eq!(kept(), 2);
    let last = world.back("x");
    assert_eq!(kept(), 1);
    world.server.call("HEAD", &last).send();
    assert_eq!(kept(), 1, "HEAD uses nothing up");
}

#[test]
fn another_organisation_connects_nothing_of_this_one() {
    let world = World::new();
    let id = world.save("x");
    let theirs = world.server.token(&owner("others"));
    let call = |method: &str, target: &str| world.server.call_as(&theirs, method, target).send();
    call("POST", &format!("/upstream/call/{id}/get-auth-url")).assert_problem(404, "not_found");
    call("GET", "/upstream/connect/x").assert_problem(409, "integration_missing");
    call("POST", &format!("/upstream/disconnect/{id}")).assert_problem(404, "not_found");
    // Whoever follows the vendor's answer, the tokens are of those who began.
    let back = world.back("x");
    location(&call("GET", &back));
    assert!(world.fresh(id).is_ok());
    let others = OrgId::new("others").unwrap();
    assert!(wait(world.tokens.fresh_token(&others, id)).is_err());
}

#[test]
fn people_are_sent_back_to_trusted_pages_only() {
    let world = World::new();
    world.save("x");
    for url in
        ["https://evil.example/", "//evil.example", "javascript:alert(1)", "https://app.example.com.evil.net"]
    {
        let body = json!({ "returnUrl": url });
        let told = world.post("/upstream/call/x-provider/get-auth-url", &body).assert_problem(400, "invalid");
        assert!(told.contains("returnUrl"), "{told}");
    }
    for (url, base) in [("/done", "https://api.example.com/done"), (APP, "https://app.example.com/")] {
        let body = json!({ "returnUrl": url });
        let begun = world.post("/upstream/call/x-provider/get-auth-url", &body).expect(200);
        let back = world.vendor.agree(begun["authUrl"].as_str().unwrap());
        let answer = world.visit(&back);
        assert_eq!(location(&answer), format!("{base}?integration=connected"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn what_goes_wrong_is_told_where_people_came_from() {
    let world = World::new();
    let id = world.save("x");
    let came_back = |change: &dyn Fn(String) -> String| {
        let answer = world.visit(&change(world.back("x")));
        let told = location(&answer).to_owned();
        assert_eq!(world.fresh(id), Err(TokenError::NotConnected(id)));
        told
    };
    let failed = |reason: &str| format!("{APP}/done?a=1&integration=failed&reason={reason}");
    let denied =
        |error: &'static str| move |back: String| back.replace("code=", &format!("error={error}&was="));
    assert_eq!(came_back(&denied("access_denied")), failed("access_denied"));
    assert_eq!(came_back(&denied("%3Cscript%3E")), failed("refused"));
    assert_eq!(came_back(&|back| back.replace("code=", "was=")), failed("no_code"));
    assert_eq!(came_back(&|back| back.replace("code=", "code=not-")), failed("invalid_grant"));
    world.vendor.set(Mood::Down);
    assert_eq!(came_back(&|back| back), failed("status_503"));
    world.vendor.set(Mood::Well);
    let begun = world.call("GET", "/upstream/connect/x").expect(200);
    let back = world.vendor.agree(begun["authUrl"].as_str().unwrap());
    let told =
        world.visit(&back.replace("code=", "error=access_denied&was=")).assert_problem(400, "not_connected");
    assert!(told.contains("access_denied"), "{told}");
    // Somebody else's secret, or another's code.
    world.post("/upstream/save-integration", &json!({"type": "x", "credentials": {"clientSecret": "wrong"}}));
    assert_eq!(came_back(&|back| back), failed("invalid_client"));
    world.assert_sealed();
}

#[test]
fn tokens_are_renewed_in_time_once_and_none_is_lost() {
    let (mut world, own) = (World::new(), org());
    let id = world.connect("x");
    let first = world.fresh(id).unwrap();
    world.vendor.asked();
    world.pass(3_299);
    assert_eq!(world.fresh(id).unwrap(), first);
    assert!(world.vendor.asked().is_empty(), "five minutes and a second are left");
    let old = wait(world.server.machine.integrations.credentials(&org(), id)).unwrap();
    world.pass(2);
    let all = wait(join_all((0..16).map(|_| world.tokens.fresh_token(&own, id))));
    let second = all[0].clone().unwrap();
    assert_ne!(second, first);
    assert!(all.iter().all(|token| token.as_ref() == Ok(&second)));
    assert_eq!(grants(&world.vendor.asked()), ["refresh_token"], "one asks, the others wait");
    // Whoever saves what they read before puts no older token back.
    let integration = wait(world.server.machine.integrations.get(&org(), id)).unwrap();
    wait(world.server.machine.integrations.save(&integration, &old)).unwrap();
    assert_eq!(world.fresh(id).unwrap(), second);
    let saved = world
        .post("/upstream/save-integration", &json!({"type": "x", "credentials": {"consumerSecret": "c"}}));
    saved.expect(200);
    for _ in 0..3 {
        world.pass(3_400);
        world.fresh(id).unwrap();
    }
    // Whoever waits and goes away takes no token along.
    world.pass(3_400);
    wait(async {
        let mut waiting = Box::pin(world.tokens.fresh_token(&own, id));
        let started = async {
            while world.vendor.asked().is_empty() {
                tokio::task::yield_now().await
            }
        };
        tokio::select! { biased; _ = &mut waiting => panic!("too early"), () = started => {} }
        drop(waiting);
        world.tokens.fresh_token(&org(), id).await.unwrap();
    });
    world.pass(3_400);
    world.fresh(id).unwrap();
    assert_eq!(world.events("connection.revoked"), 0);
    world.assert_sealed();
}

#[test]
fn a_token_is_used_for_as_long_as_it_lives_while_its_vendor_is_down() {
    let mut world = World::new();
    let id = world.connect("x");
    let first = world.fresh(id).unwrap();
    world.vendor.set(Mood::Down);
    world.pass(3_400);
    assert_eq!(world.fresh(id).unwrap(), first);
    world.pass(300);
    let error = world.fresh(id).unwrap_err().to_string();
    assert!(error.contains("renew the tokens of x") && error.contains("status_503"), "{error}");
    assert_eq!(world.config("x", id)["active"], true);
    world.vendor.set(Mood::Well);
    assert_ne!(world.fresh(id).unwrap(), first);
}

#[test]
fn what_is_revoked_at_the_vendor_is_inactive_here() {
    let (mut world, own) = (World::new(), org());
    let id = world.connect("x");
    world.vendor.set(Mood::Revoked);
    world.pass(3_400);
    let all = wait(join_all((0..4).map(|_| world.tokens.fresh_token(&own, id))));
    assert!(all.contains(&Err(TokenError::Revoked(id))) && all.iter().all(Result::is_err), "{all:?}");
    let config = world.config("x", id);
    assert_eq!(config["active"], false);
    assert!(!config["credentials"].to_string().contains("token"), "{config}");
    assert_eq!(world.events("connection.revoked"), 1);
    world.vendor.set(Mood::Well);
    let back = world.back("x");
    world.visit(&back);
    assert!(world.fresh(id).is_ok(), "it can be connected again");
}

#[test]
fn a_vendor_that_cannot_be_told_is_disconnected_nevertheless() {
    let world = World::new();
    let id = world.connect("x");
    world.vendor.asked();
    world.vendor.set(Mood::Down);
    let ended = world.call("POST", &format!("/upstream/disconnect/{id}")).expect(200);
    assert_eq!((&ended["revoked"], &ended["active"]), (&json!(false), &json!(false)));
    let asked = world.vendor.asked();
    assert_eq!((&*asked[0].method, &*asked[0].url), ("POST", "https://api.x.com/2/oauth2/revoke"));
    assert_eq!(asked[0].fields["token_type_hint"], "refresh_token");
    let again = world.call("POST", &format!("/upstream/disconnect/{id}")).expect(200);
    assert_eq!(again["revoked"], Value::Null);
}

#[test]
fn a_vendor_is_connected_over_real_sockets() {
    let vendor = AuthorizationServer::default();
    let base = vendor.serve();
    let bases = format!("x={base},x-authorize={base}");
    let settings = [
        ("APPENGINE__VENDORS__BASE_URLS", bases.as_str()),
        ("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", "127.0.0.0/8"),
    ];
    let server = Server::with(&settings);
    let token = server.token(&owner(ORG));
    let credentials = json!({"clientId": CLIENT.0, "clientSecret": CLIENT.1});
    let saved = json!({"type": "x", "credentials": credentials});
    let saved = server.call_as(&token, "POST", "/upstream/save-integration").json(&saved).send().expect(200);
    let begun = server.call_as(&token, "GET", "/upstream/connect/x").send().expect(200);
    let url = begun["authUrl"].as_str().unwrap();
    assert!(url.starts_with(&format!("{base}/i/oauth2/authorize?")), "{url}");
    let page = server.call("GET", &vendor.agree(url)).send();
    assert_eq!(page.status, 200, "{page:?}");
    let asked = vendor.asked();
    let verifier = &asked[0].fields["code_verifier"];
    assert_eq!((asked[0].url.as_str(), verifier.len()), ("/2/oauth2/token", 43));
    let redirect = format!("http://{}/connect/oauth2callback/x", server.address);
    assert_eq!(asked[0].fields["redirect_uri"], redirect);
    let target = format!("/upstream/disconnect/{}", saved["id"].as_str().unwrap());
    assert_eq!(server.call_as(&token, "POST", &target).send().expect(200)["revoked"], true);
}
