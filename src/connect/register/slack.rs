//! Slack: the manifest of an app has the address of its events, and a configuration token may change it. Slack calls the
//! address before it answers, so the signing secret has to be there. Answers have status 200 also when they are none.
//! (Slack, "Configuring apps with App Manifests".)

use appengine_actors::webhook::transport::Method;
use serde_json::{Value, json};

use super::plan::{Answer, Ask, Found, Keep, Outcome, Registrar, Step, call, said, text, texts};
use super::site::Site;
use crate::connect::api::{ApiCall, ApiReply};

/// Events that are understood, and the scope of the bot without which the manifest may not name them.
const EVENTS: [(&str, &str); 8] = [
    ("app_mention", "app_mentions:read"),
    ("app_uninstalled", ""),
    ("message.channels", "channels:history"),
    ("message.groups", "groups:history"),
    ("message.im", "im:history"),
    ("message.mpim", "mpim:history"),
    ("reaction_added", "reactions:read"),
    ("tokens_revoked", ""),
];
const SUBSCRIPTIONS: &str = "/settings/event_subscriptions";

/// Slack.
pub struct Slack;

impl Registrar for Slack {
    fn vendor(&self) -> &'static str {
        "slack"
    }

    fn credentials(&self) -> &'static [&'static str] {
        &["appId", "configToken", "signingSecret"]
    }

    fn ready(&self, site: &Site) -> Result<(), String> {
        let needs = [("appId", site.api("appId")), ("configToken", site.api("configToken"))];
        site.needs(
            &needs,
            "the app's id (`A…`) and an app configuration token (`xoxe.xoxp-…`, which lives for 12 hours)",
        )?;
        site.needs(
            &[("signingSecret", site.secret())],
            "the app's signing secret, for the address is tried at once,",
        )
    }

    fn account(&self, site: &Site) -> (Ask, &'static str) {
        (ask(site, "test the token", "/api/auth.test", json!({})), "/team")
    }

    fn list(&self, site: &Site, before: Option<&Value>) -> Option<Ask> {
        let body = json!({"app_id": site.api("appId")});
        before.is_none().then(|| ask(site, "export the app's manifest", "/api/apps.manifest.export", body))
    }

    /// The manifest: there is one address in it, or none.
    fn found(&self, site: &Site, pages: &[Value]) -> Vec<Found> {
        let manifest = pages.first().and_then(|page| page.get("manifest"));
        let found = manifest.map(|manifest| {
            let events = texts(manifest, &format!("{SUBSCRIPTIONS}/bot_events"), "");
            let is_ours = address(manifest) == site.address;
            Found {
                id: site.api("appId").to_owned(),
                is_ours,
                is_enabled: is_ours,
                events,
                raw: manifest.clone(),
            }
        });
        found.into_iter().collect()
    }

    fn change(&self, site: &Site, found: &[Found], done: &[Answer]) -> Result<Option<Step>, String> {
        let found = found.first().ok_or("read the app's manifest: it is not in the answer")?;
        let to = address(&found.raw);
        if !to.is_empty() && !found.is_ours && !site.replace {
            let why = format!("it leads to {to}; register with `replace: true` to take it over");
            return Err(format!("register the app's request address: {why}"));
        }
        let scopes = texts(&found.raw, "/oauth_config/scopes/bot", "");
        let is_allowed = |scope: &str| scope.is_empty() || scopes.iter().any(|known| known == scope);
        let ours = EVENTS.iter().filter(|(_, scope)| is_allowed(scope)).map(|(event, _)| (*event).to_owned());
        let missing: Vec<_> = ours.filter(|event| !found.events.contains(event)).collect();
        if !done.is_empty() || (found.is_ours && missing.is_empty()) {
            return Ok(None);
        }
        let events: Vec<_> = found.events.iter().chain(&missing).collect();
        let manifest = with(&found.raw, &json!({"request_url": site.address, "bot_events": events}));
        Ok(Some(Step::Ask(update(site, &manifest))))
    }

    fn outcome(&self, site: &Site, _: &[Found], _: &[Answer]) -> Result<Outcome, String> {
        Ok(Outcome { id: Some(site.api("appId").to_owned()), keep: Keep::default() })
    }

    fn removal(&self, site: &Site, found: &[Found]) -> Vec<Ask> {
        let clear = |found: &Found| {
            let mut manifest = found.raw.clone();
            if let Some(settings) = manifest.pointer_mut("/settings").and_then(Value::as_object_mut) {
                settings.remove("event_subscriptions");
            }
            update(site, &manifest).part("event subscriptions")
        };
        found.iter().filter(|found| found.is_ours).map(clear).collect()
    }

    fn complaint(&self, reply: &ApiReply) -> Option<String> {
        if !reply.is_ok() {
            return Some(said(reply));
        }
        let body = reply.json();
        let errors = texts(&body, "/errors", "/message").join("; ");
        let more = if errors.is_empty() { String::new() } else { format!(": {errors}") };
        let words =
            || format!("it is answered with `{}`{more}", text(&body, "/error")).chars().take(300).collect();
        (body["ok"] != true).then(words)
    }
}

fn ask(site: &Site, what: &str, path: &str, body: Value) -> Ask {
    let call: ApiCall = call(Method::Post, path).bearer(site.api("configToken")).json(&body);
    Ask::new(what, "slack", call)
}

/// The manifest is a text within the JSON.
fn update(site: &Site, manifest: &Value) -> Ask {
    let body = json!({"app_id": site.api("appId"), "manifest": manifest.to_string()});
    ask(site, "update the app's manifest", "/api/apps.manifest.update", body)
}

fn address(manifest: &Value) -> String {
    text(manifest, &format!("{SUBSCRIPTIONS}/request_url"))
}

/// A manifest with other subscriptions.
fn with(manifest: &Value, subscriptions: &Value) -> Value {
    let object = |of: Option<&Value>| of.and_then(Value::as_object).cloned().unwrap_or_default();
    let mut all = object(Some(manifest));
    let mut settings = object(all.get("settings"));
    let mut events = object(settings.get("event_subscriptions"));
    events.extend(object(Some(subscriptions)));
    settings.insert("event_subscriptions".to_owned(), events.into());
    all.insert("settings".to_owned(), settings.into());
    all.into()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::connect::register::testing::{changes, line, removals, site};

    fn slack() -> Site {
        site(&[("appId", "A1"), ("configToken", "xoxe.xoxp-1")], &["signing"])
    }

    fn exported(site: &Site, url: &str) -> Vec<Found> {
        let manifest = json!({
            "display_information": {"name": "a"}, "oauth_config": {"scopes": {"bot": ["channels:history"]}},
            "settings": {"org_deploy_enabled": true, "event_subscriptions": {"request_url": url, "bot_events": ["team_join"], "metadata_subscriptions": []}},
        });
        Slack.found(site, &[json!({"ok": true, "manifest": manifest})])
    }

    #[test]
    fn the_manifest_gets_the_address_and_the_events_that_its_scopes_allow() {
        let mut site = slack();
        let list = Slack.list(&site, None).unwrap();
        assert_eq!(line(&list), r#"Post slack/api/apps.manifest.export {"app_id":"A1"}"#);
        let found = exported(&site, "");
        let (lines, _) = changes(&Slack, &site, &found, &[]);
        let body = lines[0].strip_prefix("Post slack/api/apps.manifest.update ").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        let manifest: Value = serde_json::from_str(body["manifest"].as_str().unwrap()).unwrap();
        let events = json!(["team_join", "app_uninstalled", "message.channels", "tokens_revoked"]);
        let settings = &manifest["settings"];
        assert_eq!(settings["event_subscriptions"]["bot_events"], events);
        assert_eq!(settings["event_subscriptions"]["request_url"], *site.address);
        assert!(settings["org_deploy_enabled"] == true && manifest["display_information"]["name"] == "a");
        let again = Slack.found(&site, &[json!({"manifest": manifest})]);
        assert!(again[0].is_ours && changes(&Slack, &site, &again, &[]).0.is_empty());
        assert!(!removals(&Slack, &site, &again)[0].contains("request_url"));

        let other = exported(&site, "https://other");
        assert!(Slack.change(&site, &other, &[]).is_err() && removals(&Slack, &site, &other).is_empty());
        site.replace = true;
        assert_eq!(changes(&Slack, &site, &other, &[]).0.len(), 1);
        assert!(Slack.change(&site, &[], &[]).is_err());
    }

    #[test]
    fn a_complaint_has_status_200() {
        let complaint = |body: Value| {
            let body = Bytes::from(body.to_string());
            Slack.complaint(&ApiReply { status: 200, headers: Vec::new(), body })
        };
        assert_eq!(complaint(json!({"ok": true})), None);
        assert_eq!(
            complaint(json!({"ok": false, "error": "invalid_manifest", "errors": [{"message": "no"}]}))
                .as_deref(),
            Some("it is answered with `invalid_manifest`: no")
        );
    }

    #[test]
    fn the_signing_secret_is_there_before_the_address_is_tried() {
        let mut site = slack();
        assert!(Slack.ready(&site).is_ok());
        site.credentials.secrets.clear();
        assert!(Slack.ready(&site).unwrap_err().contains("`signingSecret`"));
    }
}
