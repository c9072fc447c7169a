//! Vendors connected by OAuth 2, against a strict one: what is good once is good once, and nobody reads a token anywhere.

use std::collections::BTreeMap;

use appengine::connect::oauth::TokenError;
use appengine::connect::oauth::vendors::ALL;
use appengine_actors::ids::OrgId;
use serde_json::{Value, json};

use crate::authorization_server::{AuthorizationServer, CLIENT, Mood, TOKEN};
use crate::support::in_process::{Server, owner};
use crate::world::{APP, ORG, World, grants, location, org, wait};

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
