//! Mailgun: the webhooks of a domain, up to three addresses for each kind of event. What signs calls is one key of the
//! whole account, which its interface tells. (Mailgun API reference, "Domain Webhooks", "Account Management".)

use appengine_actors::webhook::transport::Method;
use serde_json::Value;

use super::plan::{Answer, Ask, Found, Keep, Outcome, Registrar, Step, call, escaped, text, texts};
use super::site::Site;
use crate::connect::api::ApiCall;

/// What Mailgun calls its webhooks; all are understood.
const EVENTS: [&str; 8] = [
    "accepted",
    "clicked",
    "complained",
    "delivered",
    "opened",
    "permanent_fail",
    "temporary_fail",
    "unsubscribed",
];
/// Addresses of one kind of event.
const MOST_URLS: usize = 3;

/// Mailgun.
pub struct Mailgun;

impl Registrar for Mailgun {
    fn vendor(&self) -> &'static str {
        "mailgun"
    }

    fn credentials(&self) -> &'static [&'static str] {
        &["apiKey"]
    }

    fn ready(&self, site: &Site) -> Result<(), String> {
        site.needs(&[("apiKey", site.api("apiKey"))], "an API key of the account")?;
        site.needs(&[("domain", site.setting("domain"))], "the sending domain as the setting `domain`")
    }

    fn account(&self, site: &Site) -> (Ask, &'static str) {
        let call = call(Method::Get, format!("/v4/domains/{}", escaped(site.setting("domain"))));
        (ask(site, "read the domain", call), "/domain/name")
    }

    fn list(&self, site: &Site, before: Option<&Value>) -> Option<Ask> {
        before.is_none().then(|| ask(site, "list the domain's webhooks", call(Method::Get, path(site))))
    }

    /// One for each kind of event: where it leads now.
    fn found(&self, site: &Site, pages: &[Value]) -> Vec<Found> {
        let of = |event: &&str| {
            let raw = pages.first().and_then(|page| page.pointer(&format!("/webhooks/{event}")))?;
            let urls = urls(raw);
            let is_ours = urls.contains(&site.address);
            let (id, events) = ((*event).to_owned(), vec![(*event).to_owned()]);
            (!urls.is_empty()).then(|| Found { id, is_ours, is_enabled: true, events, raw: raw.clone() })
        };
        EVENTS.iter().filter_map(of).collect()
    }

    fn change(&self, site: &Site, found: &[Found], done: &[Answer]) -> Result<Option<Step>, String> {
        let changes = EVENTS.iter().filter_map(|event| change(site, found, event));
        let key =
            ask(site, "read the webhook signing key", call(Method::Get, "/v5/accounts/http_signing_key"));
        // First, so that nothing is changed where the key may not be read.
        Ok(std::iter::once(Step::Ask(key)).chain(changes).nth(done.len()))
    }

    fn outcome(&self, _: &Site, found: &[Found], done: &[Answer]) -> Result<Outcome, String> {
        let Some((first, changes)) = done.split_first() else { return Ok(Outcome::default()) };
        let key = text(&first.body, "/http_signing_key");
        if key.is_empty() {
            return Err("read the webhook signing key: it is not in the answer".to_owned());
        }
        let is_any =
            found.iter().any(|found| found.is_ours) || changes.iter().any(|done| done.failure.is_none());
        match changes.iter().find_map(|done| done.failure.clone()) {
            Some(why) if !is_any => Err(why),
            _ => Ok(Outcome { id: None, keep: Keep::secret(key) }),
        }
    }

    fn removal(&self, site: &Site, found: &[Found]) -> Vec<Ask> {
        let ours = found.iter().filter(|found| found.is_ours);
        let remove = |found: &Found| {
            let others: Vec<_> = urls(&found.raw).into_iter().filter(|url| *url != site.address).collect();
            let path = format!("{}/{}", path(site), found.id);
            let call = match others.as_slice() {
                [] => call(Method::Delete, path),
                others => call(Method::Put, path).form(others.iter().map(|url| ("url", url.as_str()))),
            };
            ask(site, "take the address out of the webhook", call).part(&found.id)
        };
        ours.map(remove).collect()
    }
}

fn ask(site: &Site, what: &str, call: ApiCall) -> Ask {
    let base = if site.setting("region") == "eu" { "mailgun-eu" } else { "mailgun" };
    Ask::new(what, base, call.basic("api", site.api("apiKey")))
}

fn path(site: &Site) -> String {
    format!("/v3/domains/{}/webhooks", escaped(site.setting("domain")))
}

/// Where a webhook leads: `urls`, or `url` as it was before there could be several.
fn urls(raw: &Value) -> Vec<String> {
    let all = texts(raw, "/urls", "");
    let one = Some(text(raw, "/url")).filter(|url| !url.is_empty());
    if all.is_empty() { one.into_iter().collect() } else { all }
}

/// What brings our address to one kind of event, beside those of others.
fn change(site: &Site, found: &[Found], event: &str) -> Option<Step> {
    let Some(found) = found.iter().find(|found| found.id == event) else {
        let call = call(Method::Post, path(site)).form([("id", event), ("url", &site.address)]);
        return Some(Step::Ask(ask(site, "create the webhook", call).part(event)));
    };
    let mut all = urls(&found.raw);
    if found.is_ours {
        return None;
    }
    if all.len() >= MOST_URLS {
        let why =
            format!("add the address: it leads to {MOST_URLS} already; take one of them away at Mailgun");
        return Some(Step::Left { part: event.to_owned(), why });
    }
    all.push(site.address.clone());
    let call = call(Method::Put, format!("{}/{event}", path(site)));
    let call = call.form(all.iter().map(|url| ("url", url.as_str())));
    Some(Step::Ask(ask(site, "add the address to the webhook", call).part(event)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::connect::register::testing::{authorization, changes, line, removals, site};

    fn mailgun() -> Site {
        let mut site = site(&[("apiKey", "key-1")], &[]);
        site.settings.insert("domain".to_owned(), "mg.example.com".into());
        site
    }

    #[test]
    fn each_event_gets_the_address_beside_those_of_others() {
        let site = mailgun();
        assert!(Mailgun.ready(&site).is_ok());
        let list = Mailgun.list(&site, None).unwrap();
        assert_eq!(line(&list), "Get mailgun/v3/domains/mg.example.com/webhooks");
        assert_eq!(authorization(&list), "Basic YXBpOmtleS0x");
        let page = json!({"webhooks": {
            "delivered": {"urls": [site.address]}, "opened": {"urls": ["https://a"]}, "clicked": null,
            "accepted": {"urls": ["https://a", "https://b", "https://c"]}, "complained": {"url": site.address},
        }});
        let found = Mailgun.found(&site, &[page]);
        let (lines, done) = changes(&Mailgun, &site, &found, &[json!({"http_signing_key": "k"})]);
        let told: Vec<_> = lines.iter().map(|line| line.split(['=', '&']).next().unwrap()).collect();
        assert_eq!(
            told,
            [
                "Get mailgun/v5/accounts/http_signing_key",
                "left accepted: add the address: it leads to 3 already; take one of them away at Mailgun",
                "Post mailgun/v3/domains/mg.example.com/webhooks id",
                "Put mailgun/v3/domains/mg.example.com/webhooks/opened url",
                "Post mailgun/v3/domains/mg.example.com/webhooks id",
                "Post mailgun/v3/domains/mg.example.com/webhooks id",
                "Post mailgun/v3/domains/mg.example.com/webhooks id",
            ]
        );
        assert!(lines[3].contains("url=https%3A%2F%2Fa&url=https%3A%2F%2Fhooks."), "{lines:?}");
        assert!(Mailgun.outcome(&site, &found, &done).unwrap().keep == Keep::secret("k"));
    }

    #[test]
    fn only_our_address_is_taken_away() {
        let mut site = mailgun();
        site.settings.insert("region".to_owned(), "eu".into());
        let page = json!({"webhooks": {
            "delivered": {"urls": [site.address]}, "opened": {"urls": ["https://a", site.address]}, "clicked": {"urls": ["https://a"]},
        }});
        let found = Mailgun.found(&site, &[page]);
        assert_eq!(
            removals(&Mailgun, &site, &found),
            [
                "Delete mailgun-eu/v3/domains/mg.example.com/webhooks/delivered",
                "Put mailgun-eu/v3/domains/mg.example.com/webhooks/opened url=https%3A%2F%2Fa",
            ]
        );
    }

    #[test]
    fn nothing_registered_is_a_failure_and_something_is_not() {
        let site = mailgun();
        let key = Answer { body: json!({"http_signing_key": "k"}), ..Answer::default() };
        let failed = Answer { failure: Some("create the webhook: no".to_owned()), ..Answer::default() };
        let outcome = |done: &[Answer]| Mailgun.outcome(&site, &[], done).map(|_| ()).err();
        assert_eq!(outcome(&[key.clone(), failed.clone()]).as_deref(), Some("create the webhook: no"));
        assert_eq!(outcome(&[key, failed, Answer::default()]), None);
        assert!(outcome(&[Answer::default()]).is_some());
    }
}
