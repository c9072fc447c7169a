//! Stripe: webhook endpoints. The signing secret is in the answer to the creation and never again. (Stripe API reference,
//! "Webhook Endpoints".)

use appengine_actors::webhook::transport::Method;
use serde_json::Value;

use super::plan::{Answer, Ask, Found, Keep, Outcome, Registrar, Step, call, escaped, items, text, texts};
use super::site::Site;
use crate::connect::api::ApiCall;

const PATH: &str = "/v1/webhook_endpoints";

/// What is understood of all that Stripe tells.
const EVENTS: [&str; 13] = [
    "charge.dispute.created",
    "charge.refunded",
    "checkout.session.completed",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.trial_will_end",
    "customer.subscription.updated",
    "invoice.paid",
    "invoice.payment_failed",
    "payment_intent.payment_failed",
    "payment_intent.succeeded",
    "refund.created",
    "refund.updated",
];

/// Stripe.
pub struct Stripe;

impl Registrar for Stripe {
    fn vendor(&self) -> &'static str {
        "stripe"
    }

    fn credentials(&self) -> &'static [&'static str] {
        &["apiKey"]
    }

    fn ready(&self, site: &Site) -> Result<(), String> {
        site.needs(
            &[("apiKey", key(site))],
            "a secret key (`sk_…`), or a restricted one that may write webhook endpoints,",
        )
    }

    fn account(&self, site: &Site) -> (Ask, &'static str) {
        (ask(site, "read the account", call(Method::Get, "/v1/account")), "/id")
    }

    fn list(&self, site: &Site, before: Option<&Value>) -> Option<Ask> {
        let after = match before {
            None => String::new(),
            Some(page) if page["has_more"] == true => {
                let last = items(page, "/data").last().map(|last| text(last, "/id"))?;
                format!("&starting_after={}", escaped(&last))
            }
            Some(_) => return None,
        };
        let call = call(Method::Get, format!("{PATH}?limit=100{after}"));
        Some(ask(site, "list the webhook endpoints", call))
    }

    fn found(&self, site: &Site, pages: &[Value]) -> Vec<Found> {
        let all = pages.iter().flat_map(|page| items(page, "/data"));
        let ours = all.filter(|endpoint| endpoint["url"] == *site.address);
        ours.map(|endpoint| Found {
            id: text(endpoint, "/id"),
            is_ours: true,
            is_enabled: endpoint["status"] == "enabled",
            events: texts(endpoint, "/enabled_events", ""),
            raw: Value::Null,
        })
        .collect()
    }

    /// The endpoint whose secret we hold is brought up to date. Any other one is replaced: nobody tells its secret again.
    fn change(&self, site: &Site, found: &[Found], done: &[Answer]) -> Result<Option<Step>, String> {
        let kept = kept(site, found);
        if done.is_empty() {
            let change = match kept {
                Some(kept) => {
                    let call = form(format!("{PATH}/{}", escaped(&kept.id)), &[("disabled", "false")]);
                    ask(site, "update the webhook endpoint", call)
                }
                None => {
                    let call = form(PATH.to_owned(), &[("url", &site.address)]);
                    ask(site, "create the webhook endpoint", call)
                }
            };
            return Ok(Some(Step::Ask(change)));
        }
        let others = found.iter().filter(|found| kept.is_none_or(|kept| kept.id != found.id));
        Ok(others.map(|other| Step::Ask(delete(site, other))).nth(done.len() - 1))
    }

    fn outcome(&self, site: &Site, found: &[Found], done: &[Answer]) -> Result<Outcome, String> {
        if let Some(kept) = kept(site, found) {
            return Ok(Outcome { id: Some(kept.id.clone()), keep: Keep::default() });
        }
        let body = done.first().map(|first| &first.body).unwrap_or(&Value::Null);
        let (id, secret) = (text(body, "/id"), text(body, "/secret"));
        if secret.is_empty() {
            return Err("read the endpoint's secret: it is not in the answer".to_owned());
        }
        Ok(Outcome {
            id: Some(id.clone()),
            keep: Keep { secret: Some(secret), ..Keep::setting("webhook_id", id) },
        })
    }

    fn removal(&self, site: &Site, found: &[Found]) -> Vec<Ask> {
        found.iter().map(|found| delete(site, found)).collect()
    }
}

fn key(site: &Site) -> &str {
    let found = ["apiKey", "secretKey"].map(|name| site.api(name));
    found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
}

fn ask(site: &Site, what: &str, call: ApiCall) -> Ask {
    Ask::new(what, "stripe", call.bearer(key(site)))
}

fn kept<'f>(site: &Site, found: &'f [Found]) -> Option<&'f Found> {
    let id = site.setting("webhook_id");
    found.iter().find(|found| found.id == id && !site.secret().is_empty())
}

fn form(path: String, fields: &[(&str, &str)]) -> ApiCall {
    let events = EVENTS.iter().map(|event| ("enabled_events[]", *event));
    call(Method::Post, path).form(fields.iter().copied().chain(events))
}

fn delete(site: &Site, found: &Found) -> Ask {
    let call = call(Method::Delete, format!("{PATH}/{}", escaped(&found.id)));
    ask(site, "delete the webhook endpoint", call).part(format!("webhook endpoint {}", found.id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::connect::register::testing::{authorization, changes, is_understood, line, removals, site};

    fn endpoint(id: &str, url: &str) -> Value {
        json!({"id": id, "url": url, "status": "enabled", "enabled_events": ["invoice.paid"]})
    }

    #[test]
    fn pages_are_read_to_their_end() {
        let site = site(&[("apiKey", "sk_1")], &[]);
        let first = Stripe.list(&site, None).unwrap();
        assert_eq!(line(&first), "Get stripe/v1/webhook_endpoints?limit=100");
        assert_eq!(authorization(&first), "Bearer sk_1");
        let page = json!({"has_more": true, "data": [endpoint("we_1", "a")]});
        let next = Stripe.list(&site, Some(&page)).unwrap();
        assert_eq!(line(&next), "Get stripe/v1/webhook_endpoints?limit=100&starting_after=we_1");
        assert!(Stripe.list(&site, Some(&json!({"has_more": false}))).is_none());
    }

    #[test]
    fn a_new_endpoint_gives_its_secret() {
        let site = site(&[("apiKey", "sk_1")], &[]);
        let (lines, done) = changes(&Stripe, &site, &[], &[json!({"id": "we_1", "secret": "whsec_1"})]);
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].starts_with("Post stripe/v1/webhook_endpoints url=https%3A%2F%2Fhooks"),
            "{lines:?}"
        );
        assert!(lines[0].contains("&enabled_events%5B%5D=invoice.paid&"), "{lines:?}");
        let outcome = Stripe.outcome(&site, &[], &done).unwrap();
        assert_eq!(outcome.id.as_deref(), Some("we_1"));
        assert!(
            outcome.keep
                == Keep { secret: Some("whsec_1".to_owned()), ..Keep::setting("webhook_id", "we_1") }
        );
        let (_, done) = changes(&Stripe, &site, &[], &[json!({"id": "we_1"})]);
        assert!(Stripe.outcome(&site, &[], &done).is_err());
    }

    #[test]
    fn an_endpoint_of_ours_is_updated_and_one_without_a_known_secret_replaced() {
        let mut site = site(&[("secret_key", "sk_1")], &["whsec_1"]);
        site.settings.insert("webhook_id".to_owned(), "we_1".into());
        let pages = [json!({"data": [
            endpoint("we_0", "https://other"), endpoint("we_1", &site.address), endpoint("we_2", &site.address),
        ]})];
        let found = Stripe.found(&site, &pages);
        let (lines, done) = changes(&Stripe, &site, &found, &[]);
        assert!(lines[0].starts_with("Post stripe/v1/webhook_endpoints/we_1 disabled=false&"), "{lines:?}");
        assert_eq!(lines[1..], ["Delete stripe/v1/webhook_endpoints/we_2"]);
        let outcome = Stripe.outcome(&site, &found, &done).unwrap();
        assert!(outcome.id.as_deref() == Some("we_1") && outcome.keep.is_empty());
        site.credentials.secrets.clear();
        let (lines, _) = changes(&Stripe, &site, &found, &[]);
        assert!(lines[0].starts_with("Post stripe/v1/webhook_endpoints url="), "{lines:?}");
        assert_eq!(lines[1..], removals(&Stripe, &site, &found));
    }

    #[test]
    fn each_event_is_one_that_is_understood() {
        for event in EVENTS {
            let body = json!({"id": "evt_1", "type": event, "data": {"object": {}}});
            assert!(is_understood("stripe", &body), "{event}");
        }
    }
}
