//! PayPal: webhooks of an app. Calls are checked by the webhook's id, so that is what is kept. (PayPal, "Webhooks
//! Management API".)

use appengine_actors::webhook::transport::Method;
use serde_json::{Map, Value, json};

use super::plan::{Answer, Ask, Found, Keep, Outcome, Registrar, Step, call, escaped, items, text, texts};
use super::site::Site;
use crate::connect::api::ApiCall;

const PATH: &str = "/v1/notifications/webhooks";

/// What is understood of all that PayPal tells.
const EVENTS: [&str; 17] = [
    "BILLING.SUBSCRIPTION.ACTIVATED",
    "BILLING.SUBSCRIPTION.CANCELLED",
    "BILLING.SUBSCRIPTION.CREATED",
    "BILLING.SUBSCRIPTION.EXPIRED",
    "BILLING.SUBSCRIPTION.PAYMENT.FAILED",
    "BILLING.SUBSCRIPTION.SUSPENDED",
    "BILLING.SUBSCRIPTION.UPDATED",
    "CHECKOUT.ORDER.APPROVED",
    "CHECKOUT.ORDER.COMPLETED",
    "CUSTOMER.DISPUTE.CREATED",
    "PAYMENT.CAPTURE.COMPLETED",
    "PAYMENT.CAPTURE.DECLINED",
    "PAYMENT.CAPTURE.DENIED",
    "PAYMENT.CAPTURE.REFUNDED",
    "PAYMENT.CAPTURE.REVERSED",
    "PAYMENT.SALE.COMPLETED",
    "PAYMENT.SALE.REFUNDED",
];

/// PayPal.
pub struct PayPal;

impl Registrar for PayPal {
    fn vendor(&self) -> &'static str {
        "paypal"
    }

    fn credentials(&self) -> &'static [&'static str] {
        &["clientId", "clientSecret"]
    }

    fn ready(&self, site: &Site) -> Result<(), String> {
        let needs = [("clientId", site.api("clientId")), ("clientSecret", site.api("clientSecret"))];
        site.needs(&needs, "both of the app's API credentials")
    }

    fn token(&self, site: &Site) -> Option<Ask> {
        let call = token(site.api("clientId"), site.api("clientSecret"));
        Some(Ask::new("get an access token", base(&site.settings), call))
    }

    fn account(&self, site: &Site) -> (Ask, &'static str) {
        // What the list holds says nothing of the account, but the app may read it.
        (ask(site, "list the webhooks", call(Method::Get, PATH)), "/account_id")
    }

    fn list(&self, site: &Site, before: Option<&Value>) -> Option<Ask> {
        before.is_none().then(|| ask(site, "list the webhooks", call(Method::Get, PATH)))
    }

    fn found(&self, site: &Site, pages: &[Value]) -> Vec<Found> {
        let all = pages.iter().flat_map(|page| items(page, "/webhooks"));
        let ours = all.filter(|webhook| webhook["url"] == *site.address);
        ours.map(|webhook| Found {
            id: text(webhook, "/id"),
            is_ours: true,
            is_enabled: true,
            events: texts(webhook, "/event_types", "/name"),
            raw: Value::Null,
        })
        .collect()
    }

    fn change(&self, site: &Site, found: &[Found], done: &[Answer]) -> Result<Option<Step>, String> {
        let types: Vec<Value> = EVENTS.iter().map(|name| json!({"name": name})).collect();
        let step = match found.first() {
            // PayPal refuses a change that changes nothing.
            Some(found) if EVENTS.iter().all(|event| found.events.iter().any(|known| known == event)) => None,
            Some(found) => {
                let change = json!([{"op": "replace", "path": "/event_types", "value": types}]);
                let call = call(Method::Patch, format!("{PATH}/{}", escaped(&found.id))).json(&change);
                Some(ask(site, "update the webhook", call))
            }
            None => {
                let webhook = json!({"url": site.address, "event_types": types});
                Some(ask(site, "create the webhook", call(Method::Post, PATH).json(&webhook)))
            }
        };
        Ok(step.filter(|_| done.is_empty()).map(Step::Ask))
    }

    fn outcome(&self, _: &Site, found: &[Found], done: &[Answer]) -> Result<Outcome, String> {
        let created = || done.first().map(|first| text(&first.body, "/id")).unwrap_or_default();
        let id = found.first().map_or_else(created, |found| found.id.clone());
        if id.is_empty() {
            return Err("read the webhook's id: it is not in the answer".to_owned());
        }
        Ok(Outcome { id: Some(id.clone()), keep: Keep::setting("webhook_id", id) })
    }

    fn removal(&self, site: &Site, found: &[Found]) -> Vec<Ask> {
        let delete = |found: &Found| {
            let call = call(Method::Delete, format!("{PATH}/{}", escaped(&found.id)));
            ask(site, "delete the webhook", call).part(format!("webhook {}", found.id))
        };
        found.iter().map(delete).collect()
    }
}

/// The call for an access token, by an app's credentials.
pub fn token(id: &str, secret: &str) -> ApiCall {
    call(Method::Post, "/v1/oauth2/token").basic(id, secret).form([("grant_type", "client_credentials")])
}

/// Where the interface is for an integration of these settings.
pub fn base(settings: &Map<String, Value>) -> &'static str {
    if settings.get("sandbox").and_then(Value::as_bool) == Some(true) { "paypal-sandbox" } else { "paypal" }
}

fn ask(site: &Site, what: &str, call: ApiCall) -> Ask {
    Ask::new(what, base(&site.settings), call.bearer(&site.token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::register::testing::{authorization, changes, is_understood, line, removals, site};

    #[test]
    fn a_token_is_got_first_from_the_live_interface_or_the_sandbox() {
        let mut site = site(&[("clientId", "id"), ("clientSecret", "secret")], &[]);
        let token = PayPal.token(&site).unwrap();
        assert_eq!(line(&token), "Post paypal/v1/oauth2/token grant_type=client_credentials");
        assert_eq!(authorization(&token), "Basic aWQ6c2VjcmV0");
        site.settings.insert("sandbox".to_owned(), true.into());
        let list = PayPal.list(&site, None).unwrap();
        assert_eq!(line(&list), "Get paypal-sandbox/v1/notifications/webhooks");
        assert_eq!(authorization(&list), "Bearer token-0123456789");
    }

    #[test]
    fn a_webhook_is_created_updated_or_left() {
        let site = site(&[], &[]);
        let (lines, done) = changes(&PayPal, &site, &[], &[json!({"id": "1JE"})]);
        assert!(
            lines[0].starts_with(r#"Post paypal/v1/notifications/webhooks {"url":"https://hooks."#),
            "{lines:?}"
        );
        assert!(PayPal.outcome(&site, &[], &done).unwrap().keep == Keep::setting("webhook_id", "1JE"));
        let with = |names: &[&str]| {
            let types: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
            let webhooks = json!([{"id": "0", "url": "https://other"}, {"id": "1JE", "url": site.address, "event_types": types}]);
            PayPal.found(&site, &[json!({"webhooks": webhooks})])
        };
        let found = with(&["PAYMENT.SALE.COMPLETED"]);
        let (lines, done) = changes(&PayPal, &site, &found, &[]);
        assert!(
            lines[0].starts_with(r#"Patch paypal/v1/notifications/webhooks/1JE [{"op":"replace""#),
            "{lines:?}"
        );
        assert!(PayPal.outcome(&site, &found, &done).unwrap().keep == Keep::setting("webhook_id", "1JE"));
        assert!(changes(&PayPal, &site, &with(&EVENTS), &[]).0.is_empty());
        assert_eq!(removals(&PayPal, &site, &found), ["Delete paypal/v1/notifications/webhooks/1JE"]);
    }

    #[test]
    fn each_event_is_one_that_is_understood() {
        for event in EVENTS {
            let body = json!({"id": "WH-1", "event_type": event, "resource": {}});
            assert!(is_understood("paypal", &body), "{event}");
        }
    }
}
