//! Those of the interfaces whose vendors call the address while it is registered: Meta, Twitch and Slack.

use appengine_actors::clock::{Clock, SystemClock};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use serde_json::{Value, json};

use super::interfaces::{Asked, State};
use crate::support::exchange::{Answer, Request};

/// Calls an address of ours, as a vendor does during a registration.
fn call_back(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, _) = rest.split_once('/').unwrap();
    let mut request = Request::new(host.parse().unwrap(), method, &rest[host.len()..]);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.body(body).send()
}

/// A code over parts in hexadecimal digits.
pub fn sha256(key: &str, signed: &str) -> String {
    let code = hmac::sign(&hmac::Key::new(HMAC_SHA256, key.as_bytes()), signed.as_bytes());
    code.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn meta(state: &mut State, asked: &Asked, path: &str) -> (u16, Value) {
    let token = asked.query.get("access_token").cloned().unwrap_or_else(|| asked.field("access_token"));
    if token != "42|secret-of-the-app" {
        return (400, json!({"error": {"message": "Invalid OAuth access token signature.", "code": 190}}));
    }
    match (asked.method.as_str(), path) {
        ("GET", "42") => (200, json!({"id": "42", "name": "Our app"})),
        ("GET", _) => (200, json!({"data": state.of("meta")})),
        ("POST", _) => {
            let (object, url) = (asked.field("object"), asked.field("callback_url"));
            let query = format!(
                "hub.mode=subscribe&hub.challenge=7&hub.verify_token={}",
                asked.field("verify_token")
            );
            let answer = call_back("GET", &format!("{url}?{query}"), &[], "");
            if answer.status != 200 || answer.text() != "7" {
                let words =
                    "(#2200) Callback verification failed with the following errors: HTTP Status Code = 403";
                return (400, json!({"error": {"message": words}}));
            }
            let fields = asked.field("fields");
            let fields: Vec<_> =
                fields.split(',').map(|name| json!({"name": name, "version": "v23.0"})).collect();
            let of = json!({"object": object, "callback_url": url, "active": true, "fields": fields});
            state.of("meta").retain(|of| of["object"] != object);
            state.of("meta").push(of);
            (200, json!({"success": true}))
        }
        _ => {
            state.of("meta").retain(|of| of["object"] != asked.query["object"]);
            (200, json!({"success": true}))
        }
    }
}

pub fn twitch(state: &mut State, asked: &Asked, path: &str) -> (u16, Value) {
    if path == "oauth2/token" {
        let is_right = asked.field("client_secret") == "secret-of-twitch";
        let wrong = json!({"status": 403, "message": "invalid client secret"});
        return if is_right {
            (200, json!({"access_token": "app-right", "expires_in": 5}))
        } else {
            (403, wrong)
        };
    }
    if path == "oauth2/validate" {
        assert_eq!(asked.authorization, "OAuth app-right");
        return (200, json!({"client_id": "client"}));
    }
    assert_eq!(asked.authorization, "Bearer app-right");
    match asked.method.as_str() {
        "GET" => (200, json!({"data": state.of("twitch"), "total": 1, "pagination": {}})),
        "POST" => {
            let body = asked.json();
            let (url, secret) = (&body["transport"]["callback"], &body["transport"]["secret"]);
            if body["type"] == "channel.chat.message" {
                return (
                    403,
                    json!({"error": "Forbidden", "message": "subscription missing proper authorization"}),
                );
            }
            let mut of = json!({
                "id": state.id("sub-"), "type": body["type"], "version": body["version"], "condition": body["condition"],
                "status": "enabled", "transport": {"method": "webhook", "callback": url},
            });
            let told = json!({"challenge": "raw-challenge", "subscription": of}).to_string();
            let now = moment();
            let code = sha256(secret.as_str().unwrap(), &format!("m-{}{now}{told}", of["id"]));
            let headers = [
                ("Twitch-Eventsub-Message-Id", format!("m-{}", of["id"])),
                ("Twitch-Eventsub-Message-Timestamp", now),
                ("Twitch-Eventsub-Message-Type", "webhook_callback_verification".to_owned()),
                ("Twitch-Eventsub-Message-Signature", format!("sha256={code}")),
            ];
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            let answer = call_back("POST", url.as_str().unwrap(), &headers, &told);
            if answer.status != 200 || answer.text() != "raw-challenge" {
                of["status"] = "webhook_callback_verification_failed".into();
            }
            state.secret = secret.as_str().unwrap().to_owned();
            state.of("twitch").push(of.clone());
            (202, json!({"data": [of]}))
        }
        _ => {
            state.of("twitch").retain(|of| of["id"] != asked.query["id"]);
            (204, Value::Null)
        }
    }
}

/// The present time, as vendors write it.
pub fn moment() -> String {
    SystemClock::new().now().to_string()
}

/// The present second.
pub fn second() -> u64 {
    SystemClock::new().now().as_millis() / 1000
}

pub fn slack(state: &mut State, asked: &Asked, path: &str) -> (u16, Value) {
    if asked.authorization != "Bearer xoxe.xoxp-right" {
        return (200, json!({"ok": false, "error": "invalid_auth"}));
    }
    let body = asked.json();
    match path {
        "api/auth.test" => (200, json!({"ok": true, "team": "Our team"})),
        "api/apps.manifest.export" => (200, json!({"ok": true, "manifest": state.of("slack")[0]})),
        _ => {
            let manifest: Value = serde_json::from_str(body["manifest"].as_str().unwrap()).unwrap();
            if let Some(url) = manifest["settings"]["event_subscriptions"]["request_url"].as_str() {
                let told = json!({"type": "url_verification", "challenge": "c-1"}).to_string();
                let now = second().to_string();
                let code = format!("v0={}", sha256("signing-of-slack", &format!("v0:{now}:{told}")));
                let headers =
                    [("X-Slack-Request-Timestamp", now.as_str()), ("X-Slack-Signature", code.as_str())];
                let answer = call_back("POST", url, &headers, &told);
                if answer.status != 200 || answer.text() != "c-1" {
                    let errors =
                        json!([{"message": "Your URL didn't respond with the value of the challenge"}]);
                    return (200, json!({"ok": false, "error": "invalid_manifest", "errors": errors}));
                }
            }
            state.of("slack")[0] = manifest;
            (200, json!({"ok": true, "app_id": body["app_id"], "permissions_updated": false}))
        }
    }
}
