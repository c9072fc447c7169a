//! SendGrid: event webhooks. Signing is switched on apart from the address, and its answer has the public key. (Twilio
//! SendGrid API reference, "Webhooks".)

use appengine_actors::webhook::transport::Method;
use serde_json::{Map, Value, json};

use super::plan::{Answer, Ask, Found, Keep, Outcome, Registrar, Step, call, escaped, items, text};
use super::site::Site;
use crate::connect::api::ApiCall;

const PATH: &str = "/v3/user/webhooks/event/settings";

/// What is understood, as the settings name it.
const EVENTS: [&str; 11] = [
    "bounce",
    "click",
    "deferred",
    "delivered",
    "dropped",
    "group_resubscribe",
    "group_unsubscribe",
    "open",
    "processed",
    "spam_report",
    "unsubscribe",
];

/// SendGrid.
pub struct SendGrid;

impl Registrar for SendGrid {
    fn vendor(&self) -> &'static str {
        "sendgrid"
    }

    fn credentials(&self) -> &'static [&'static str] {
        &["apiKey"]
    }

    fn ready(&self, site: &Site) -> Result<(), String> {
        let what = "an API key (`SG.…`) that may change mail settings and event webhooks";
        site.needs(&[("apiKey", site.api("apiKey"))], what)
    }

    fn account(&self, site: &Site) -> (Ask, &'static str) {
        // Every key may ask what it may do.
        (ask(site, "list the API key's scopes", call(Method::Get, "/v3/scopes")), "/user_id")
    }

    fn list(&self, site: &Site, before: Option<&Value>) -> Option<Ask> {
        let list = || ask(site, "list the event webhooks", call(Method::Get, format!("{PATH}/all")));
        before.is_none().then(list)
    }

    fn found(&self, site: &Site, pages: &[Value]) -> Vec<Found> {
        let all = pages.iter().flat_map(|page| items(page, "/webhooks"));
        let ours = all.filter(|webhook| webhook["url"] == *site.address);
        let events = |webhook: &Value| {
            let is_on = |event: &&str| webhook[*event] == true;
            EVENTS.into_iter().filter(is_on).map(str::to_owned).collect()
        };
        ours.map(|webhook| Found {
            id: text(webhook, "/id"),
            is_ours: true,
            is_enabled: webhook["enabled"] == true,
            events: events(webhook),
            raw: Value::Null,
        })
        .collect()
    }

    fn change(&self, site: &Site, found: &[Found], done: &[Answer]) -> Result<Option<Step>, String> {
        let ask = match (done.len(), found.first()) {
            (0, Some(found)) => {
                let path = format!("{PATH}/{}", escaped(&found.id));
                ask(site, "update the event webhook", call(Method::Patch, path).json(&settings(site)))
            }
            (0, None) => {
                ask(site, "create the event webhook", call(Method::Post, PATH).json(&settings(site)))
            }
            (1, _) => {
                let path = format!("{PATH}/signed/{}", escaped(&id(found, done)?));
                let call = call(Method::Patch, path).json(&json!({"enabled": true}));
                ask(site, "switch the event webhook's signature on", call)
            }
            _ => return Ok(None),
        };
        Ok(Some(Step::Ask(ask)))
    }

    fn outcome(&self, _: &Site, found: &[Found], done: &[Answer]) -> Result<Outcome, String> {
        let key = done.get(1).map(|signed| text(&signed.body, "/public_key")).filter(|key| !key.is_empty());
        let key = key.ok_or("read the event webhook's public key: it is not in the answer")?;
        Ok(Outcome { id: Some(id(found, done)?), keep: Keep { public_key: Some(key), ..Keep::default() } })
    }

    fn removal(&self, site: &Site, found: &[Found]) -> Vec<Ask> {
        let delete = |found: &Found| {
            let call = call(Method::Delete, format!("{PATH}/{}", escaped(&found.id)));
            ask(site, "delete the event webhook", call).part(format!("event webhook {}", found.id))
        };
        found.iter().map(delete).collect()
    }
}

fn ask(site: &Site, what: &str, call: ApiCall) -> Ask {
    Ask::new(what, "sendgrid", call.bearer(site.api("apiKey")))
}

fn settings(site: &Site) -> Value {
    let mut settings: Map<String, Value> =
        EVENTS.iter().map(|event| ((*event).to_owned(), true.into())).collect();
    settings.insert("enabled".to_owned(), true.into());
    settings.insert("url".to_owned(), site.address.as_str().into());
    Value::Object(settings)
}

/// The id of the webhook: the one that was found, or the one that was created.
fn id(found: &[Found], done: &[Answer]) -> Result<String, String> {
    let created = || done.first().map(|first| text(&first.body, "/id"));
    let id = found.first().map(|found| found.id.clone()).or_else(created).filter(|id| !id.is_empty());
    id.ok_or_else(|| "read the event webhook's id: it is not in the answer".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::register::testing::{changes, is_understood, removals, site};

    #[test]
    fn a_webhook_is_set_and_then_signed() {
        let site = site(&[("apiKey", "SG.1")], &[]);
        let key = json!({"id": "77", "public_key": "MFkw"});
        let (lines, done) = changes(&SendGrid, &site, &[], &[json!({"id": "77"}), key.clone()]);
        assert!(lines[0].starts_with("Post sendgrid/v3/user/webhooks/event/settings {"), "{lines:?}");
        assert!(lines[0].contains(r#""spam_report":true"#), "{lines:?}");
        let signed = r#"Patch sendgrid/v3/user/webhooks/event/settings/signed/77 {"enabled":true}"#;
        assert_eq!(lines[1..], [signed]);
        let outcome = SendGrid.outcome(&site, &[], &done).unwrap();
        assert_eq!((outcome.id.as_deref(), outcome.keep.public_key.as_deref()), (Some("77"), Some("MFkw")));

        let listed = json!({"webhooks": [
            {"id": "1", "url": "https://other", "enabled": true}, {"id": "77", "url": site.address, "open": true, "enabled": false},
        ]});
        let found = SendGrid.found(&site, &[listed]);
        assert_eq!(
            (found.len(), &found[0].events, found[0].is_enabled),
            (1, &vec!["open".to_owned()], false)
        );
        let (lines, done) = changes(&SendGrid, &site, &found, &[Value::Null, key]);
        assert!(lines[0].starts_with("Patch sendgrid/v3/user/webhooks/event/settings/77 {"), "{lines:?}");
        assert_eq!(lines[1], signed);
        assert!(SendGrid.outcome(&site, &found, &done).is_ok());
        assert_eq!(
            removals(&SendGrid, &site, &found),
            ["Delete sendgrid/v3/user/webhooks/event/settings/77"]
        );
    }

    #[test]
    fn an_answer_without_an_id_or_a_key_is_told() {
        let site = site(&[("apiKey", "SG.1")], &[]);
        let done = [Answer { body: json!({}), ..Answer::default() }];
        assert!(SendGrid.change(&site, &[], &done).is_err() && SendGrid.outcome(&site, &[], &done).is_err());
    }

    #[test]
    fn each_event_is_one_that_is_understood() {
        for event in EVENTS {
            // The events themselves are written without the line.
            let event = event.replace("spam_report", "spamreport");
            assert!(is_understood("sendgrid", &json!([{"event": event, "sg_event_id": "a"}])), "{event}");
        }
    }
}
