//! Meta: subscriptions of an app, one for each kind of object. Meta repeats our verify token to the address before it
//! answers. (Meta, Graph API reference, "Application Subscriptions".)

use appengine_actors::webhook::transport::Method;
use serde_json::Value;

use super::plan::{Answer, Ask, Found, Keep, Outcome, Registrar, Step, call, escaped, items, text, texts};
use super::site::Site;
use crate::connect::api::ApiCall;

/// Kinds of objects, and their fields that are understood.
const OBJECTS: [(&str, &str); 3] = [
    ("page", "feed,mention,messages"),
    ("instagram", "comments,live_comments,mentions,messages"),
    ("whatsapp_business_account", "messages"),
];

/// Meta.
pub struct Meta;

impl Registrar for Meta {
    fn vendor(&self) -> &'static str {
        "meta"
    }

    fn credentials(&self) -> &'static [&'static str] {
        &["appId", "appSecret"]
    }

    fn ready(&self, site: &Site) -> Result<(), String> {
        let needs = [("appId", app(site)), ("appSecret", site.secret())];
        site.needs(&needs, "the app's id and its secret")
    }

    fn account(&self, site: &Site) -> (Ask, &'static str) {
        let path = format!("/{}?fields=id,name&access_token={}", escaped(app(site)), escaped(&token(site)));
        (Ask::new("read the app", "meta", call(Method::Get, path)), "/name")
    }

    fn list(&self, site: &Site, before: Option<&Value>) -> Option<Ask> {
        let path = format!("{}?access_token={}", path(site), escaped(&token(site)));
        before.is_none().then(|| Ask::new("list the app's subscriptions", "meta", call(Method::Get, path)))
    }

    /// One for each kind of object that is wanted: where it leads now.
    fn found(&self, site: &Site, pages: &[Value]) -> Vec<Found> {
        let all = pages.iter().flat_map(|page| items(page, "/data"));
        let is_known = |of: &&Value| wanted(site).any(|(object, _)| of["object"] == object);
        all.filter(is_known)
            .map(|of| Found {
                id: text(of, "/object"),
                is_ours: of["callback_url"] == *site.address,
                is_enabled: of["active"] == true,
                events: texts(of, "/fields", "/name"),
                raw: of.clone(),
            })
            .collect()
    }

    fn before(&self, site: &Site, _: &[Found]) -> Result<Keep, String> {
        let is_there = !site.setting("verify_token").is_empty();
        Ok(if is_there { Keep::default() } else { Keep::setting("verify_token", verify_token(site)) })
    }

    fn change(&self, site: &Site, found: &[Found], done: &[Answer]) -> Result<Option<Step>, String> {
        if wanted(site).next().is_none() {
            let known = OBJECTS.map(|(object, _)| object).join(", ");
            return Err(format!("choose the objects: the setting `objects` names none of {known}"));
        }
        Ok(wanted(site).map(|(object, fields)| change(site, found, object, fields)).nth(done.len()))
    }

    fn outcome(&self, site: &Site, _: &[Found], done: &[Answer]) -> Result<Outcome, String> {
        if done.iter().any(|done| done.failure.is_none()) {
            return Ok(Outcome { id: Some(app(site).to_owned()), keep: Keep::default() });
        }
        let why = done.iter().find_map(|done| done.failure.clone());
        Err(why.unwrap_or_else(|| "subscribe: Meta was asked for nothing".to_owned()))
    }

    fn removal(&self, site: &Site, found: &[Found]) -> Vec<Ask> {
        let remove = |found: &Found| {
            let query = format!("object={}&access_token={}", escaped(&found.id), escaped(&token(site)));
            let call = call(Method::Delete, format!("{}?{query}", path(site)));
            Ask::new("delete the subscription", "meta", call).part(&found.id)
        };
        found.iter().filter(|found| found.is_ours).map(remove).collect()
    }
}

fn app(site: &Site) -> &str {
    let found = ["appId", "clientId"].map(|name| site.api(name));
    found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
}

/// The app's own token is made of its id and its secret.
fn token(site: &Site) -> String {
    format!("{}|{}", app(site), site.secret())
}

fn verify_token(site: &Site) -> &str {
    Some(site.setting("verify_token")).filter(|token| !token.is_empty()).unwrap_or(&site.fresh)
}

fn path(site: &Site) -> String {
    format!("/{}/subscriptions", escaped(app(site)))
}

/// The kinds of objects that the settings name, or all.
fn wanted(site: &Site) -> impl Iterator<Item = (&'static str, &'static str)> {
    let named = site.settings.get("objects").map(|named| texts(named, "", ""));
    let is_wanted =
        move |object: &str| named.as_ref().is_none_or(|named| named.iter().any(|name| name == object));
    OBJECTS.into_iter().filter(move |(object, _)| is_wanted(object))
}

fn change(site: &Site, found: &[Found], object: &str, fields: &str) -> Step {
    let leads = found.iter().find(|found| found.id == object && !found.is_ours).filter(|_| !site.replace);
    if let Some(other) = leads {
        let to = text(&other.raw, "/callback_url");
        let why = format!("register it: it leads to {to}; register with `replace: true` to take it over");
        return Step::Left { part: object.to_owned(), why };
    }
    // The fields are replaced as a whole: those that somebody has added stay.
    let own = found.iter().find(|found| found.id == object && found.is_ours);
    let added = own
        .into_iter()
        .flat_map(|own| &own.events)
        .filter(|field| !fields.split(',').any(|ours| ours == *field));
    let fields = added.fold(fields.to_owned(), |fields, field| fields + "," + field);
    let token = token(site);
    let form = [
        ("object", object),
        ("callback_url", site.address.as_str()),
        ("fields", fields.as_str()),
        ("include_values", "true"),
        ("verify_token", verify_token(site)),
        ("access_token", token.as_str()),
    ];
    let call: ApiCall = call(Method::Post, path(site)).form(form);
    Step::Ask(Ask::new("subscribe", "meta", call).part(object))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::connect::register::testing::{changes, line, removals, site};

    fn subscription(object: &str, url: &str, fields: &[&str]) -> Value {
        let fields: Vec<_> = fields.iter().map(|name| json!({"name": name, "version": "v23.0"})).collect();
        json!({"object": object, "callback_url": url, "active": true, "fields": fields})
    }

    #[test]
    fn each_kind_of_object_is_subscribed_to_with_a_token_that_is_stored_before() {
        let mut site = site(&[("appId", "42")], &["app-secret"]);
        let list = Meta.list(&site, None).unwrap();
        assert_eq!(line(&list), "Get meta/42/subscriptions?access_token=42%7Capp-secret");
        assert!(Meta.before(&site, &[]).unwrap() == Keep::setting("verify_token", "fresh-0123456789"));
        let (lines, done) = changes(&Meta, &site, &[], &[]);
        assert_eq!(lines.len(), 3);
        assert!(
            lines[0].starts_with("Post meta/42/subscriptions object=page&callback_url=https%3A"),
            "{lines:?}"
        );
        assert!(
            lines[0].ends_with("&fields=feed%2Cmention%2Cmessages&include_values=true&verify_token=fresh-0123456789&access_token=42%7Capp-secret"),
            "{lines:?}"
        );
        assert_eq!(Meta.outcome(&site, &[], &done).unwrap().id.as_deref(), Some("42"));
        site.settings.insert("verify_token".to_owned(), "own".into());
        site.settings.insert("objects".to_owned(), json!(["page"]));
        assert!(Meta.before(&site, &[]).unwrap().is_empty());
        let (lines, _) = changes(&Meta, &site, &[], &[]);
        assert!(lines.len() == 1 && lines[0].contains("verify_token=own"), "{lines:?}");
        site.settings.insert("objects".to_owned(), json!(["pages"]));
        assert!(Meta.change(&site, &[], &[]).is_err());
    }

    #[test]
    fn what_leads_elsewhere_stays_and_added_fields_too() {
        let mut site = site(&[("clientId", "42")], &["app-secret"]);
        let page = json!({"data": [
            subscription("page", "https://other", &["feed"]),
            subscription("instagram", &site.address, &["comments", "story_insights"]),
            subscription("user", &site.address, &["email"]),
        ]});
        let found = Meta.found(&site, &[page]);
        assert_eq!(found.len(), 2);
        let (lines, _) = changes(&Meta, &site, &found, &[]);
        assert!(lines[0].starts_with("left page: register it: it leads to https://other;"), "{lines:?}");
        assert!(
            lines[1].contains("&fields=comments%2Clive_comments%2Cmentions%2Cmessages%2Cstory_insights&"),
            "{lines:?}"
        );
        let deleted = "Delete meta/42/subscriptions?object=instagram&access_token=42%7Capp-secret";
        assert_eq!(removals(&Meta, &site, &found), [deleted]);
        site.replace = true;
        assert!(changes(&Meta, &site, &found, &[]).0[0].starts_with("Post "));
    }

    #[test]
    fn all_failures_are_one() {
        let site = site(&[("appId", "42")], &["app-secret"]);
        let failed = Answer { failure: Some("subscribe: no".to_owned()), ..Answer::default() };
        let outcome = |done: &[Answer]| Meta.outcome(&site, &[], done).map(|_| ()).err();
        assert_eq!(outcome(&[failed.clone(), failed.clone()]).as_deref(), Some("subscribe: no"));
        assert_eq!(outcome(&[failed, Answer::default()]), None);
    }
}
