//! Twitch: one EventSub subscription for each kind of event, with a secret of ours. A subscription cannot be changed: one
//! that Twitch has given up is deleted and made again. (Twitch API reference, "Create EventSub Subscription".)

use appengine_actors::webhook::transport::Method;
use serde_json::{Value, json};

use super::plan::{Answer, Ask, Found, Keep, Outcome, Registrar, Step, call, escaped, items, text};
use super::site::Site;
use crate::connect::api::ApiCall;

const PATH: &str = "/helix/eventsub/subscriptions";

/// What is understood: the kind, its version, and who is named in its condition: the broadcaster, and the user who reads
/// for us.
const EVENTS: [(&str, &str, &str, Option<&str>); 5] = [
    ("stream.online", "1", "broadcaster_user_id", None),
    ("channel.follow", "2", "broadcaster_user_id", Some("moderator_user_id")),
    ("channel.subscribe", "1", "broadcaster_user_id", None),
    ("channel.raid", "1", "to_broadcaster_user_id", None),
    ("channel.chat.message", "1", "broadcaster_user_id", Some("user_id")),
];
/// States in which a subscription works, or is about to.
const ALIVE: [&str; 2] = ["enabled", "webhook_callback_verification_pending"];

/// Twitch.
pub struct Twitch;

impl Registrar for Twitch {
    fn vendor(&self) -> &'static str {
        "twitch"
    }

    fn credentials(&self) -> &'static [&'static str] {
        &["clientId", "clientSecret"]
    }

    fn ready(&self, site: &Site) -> Result<(), String> {
        let needs = [("clientId", site.api("clientId")), ("clientSecret", site.api("clientSecret"))];
        site.needs(&needs, "the app's client id and its client secret")?;
        let id = [("broadcasterId", site.setting("broadcaster_id"))];
        site.needs(&id, "the id of the channel's user as the setting `broadcasterId`")
    }

    fn token(&self, site: &Site) -> Option<Ask> {
        let form = [
            ("client_id", site.api("clientId")),
            ("client_secret", site.api("clientSecret")),
            ("grant_type", "client_credentials"),
        ];
        Some(Ask::new("get an app access token", "twitch", call(Method::Post, "/oauth2/token").form(form)))
    }

    fn account(&self, site: &Site) -> (Ask, &'static str) {
        let call =
            call(Method::Get, "/oauth2/validate").header("authorization", format!("OAuth {}", site.token));
        (Ask::new("validate the app access token", "twitch", call), "/client_id")
    }

    fn list(&self, site: &Site, before: Option<&Value>) -> Option<Ask> {
        let query = match before {
            None => String::new(),
            Some(page) => {
                let cursor = Some(text(page, "/pagination/cursor")).filter(|cursor| !cursor.is_empty())?;
                format!("?after={}", escaped(&cursor))
            }
        };
        Some(ask(site, "list the subscriptions", call(Method::Get, format!("{PATH}{query}"))))
    }

    fn found(&self, site: &Site, pages: &[Value]) -> Vec<Found> {
        let all = pages.iter().flat_map(|page| items(page, "/data"));
        let ours =
            all.filter(|of| of.pointer("/transport/callback") == Some(&Value::from(site.address.as_str())));
        ours.map(|of| Found {
            id: text(of, "/id"),
            is_ours: true,
            is_enabled: of["status"] == "enabled",
            events: vec![text(of, "/type")],
            raw: of.clone(),
        })
        .collect()
    }

    fn before(&self, site: &Site, _: &[Found]) -> Result<Keep, String> {
        let held = site.secret();
        if !held.is_empty() && !(10..=100).contains(&held.len()) || !held.is_ascii() {
            let why = "Twitch takes 10 to 100 ASCII characters; save another one, or none, and one is made";
            return Err(format!("use the integration's secret: {why}"));
        }
        Ok(if held.is_empty() { Keep::secret(&site.fresh) } else { Keep::default() })
    }

    fn change(&self, site: &Site, found: &[Found], done: &[Answer]) -> Result<Option<Step>, String> {
        // What was made with a secret that nobody has any more is made again.
        let is_kept =
            |found: &&Found| is_alive(found) && is_current(site, found) && !site.secret().is_empty();
        let kept: Vec<_> = found.iter().filter(is_kept).collect();
        let dead = found.iter().filter(|found| !is_kept(found)).map(|found| delete(site, found));
        let missing = EVENTS.iter().filter(|(kind, ..)| !kept.iter().any(|kept| kept.events[0] == *kind));
        let created = missing.map(|event| create(site, event));
        Ok(dead.chain(created).map(Step::Ask).nth(done.len()))
    }

    fn outcome(&self, site: &Site, found: &[Found], done: &[Answer]) -> Result<Outcome, String> {
        let is_kind = |part: &Option<String>| EVENTS.iter().any(|(kind, ..)| part.as_deref() == Some(*kind));
        let mut created = done.iter().filter(|done| is_kind(&done.part));
        let is_kept = !site.secret().is_empty() && found.iter().any(is_alive);
        if is_kept || created.clone().any(|done| done.failure.is_none()) {
            return Ok(Outcome::default());
        }
        let why = created.find_map(|done| done.failure.clone());
        Err(why.unwrap_or_else(|| "subscribe: Twitch was asked for nothing".to_owned()))
    }

    fn removal(&self, site: &Site, found: &[Found]) -> Vec<Ask> {
        found.iter().map(|found| delete(site, found)).collect()
    }
}

fn ask(site: &Site, what: &str, call: ApiCall) -> Ask {
    Ask::new(what, "twitch-api", call.bearer(&site.token).header("client-id", site.api("clientId")))
}

fn is_alive(found: &Found) -> bool {
    ALIVE.contains(&text(&found.raw, "/status").as_str())
}

/// Whether a subscription is one that would be made today: of a kind that is understood, for this channel.
fn is_current(site: &Site, found: &Found) -> bool {
    let mut known = EVENTS.iter().filter(|(kind, ..)| found.events[0] == *kind);
    known.any(|(_, version, of, _)| {
        found.raw["version"] == *version && found.raw["condition"][*of] == *site.setting("broadcaster_id")
    })
}

fn delete(site: &Site, found: &Found) -> Ask {
    let call = call(Method::Delete, format!("{PATH}?id={}", escaped(&found.id)));
    ask(site, "delete the subscription", call).part(format!("subscription {}", found.id))
}

fn create(site: &Site, (kind, version, of, reader): &(&str, &str, &str, Option<&str>)) -> Ask {
    let channel = site.setting("broadcaster_id");
    let mut condition = json!({*of: channel});
    if let Some(reader) = reader {
        let user = Some(site.setting("user_id")).filter(|user| !user.is_empty());
        condition[*reader] = user.unwrap_or(channel).into();
    }
    let secret = if site.secret().is_empty() { &site.fresh } else { site.secret() };
    let body = json!({
        "type": kind, "version": version, "condition": condition,
        "transport": {"method": "webhook", "callback": site.address, "secret": secret},
    });
    ask(site, "subscribe", call(Method::Post, PATH).json(&body)).part(*kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::register::testing::{authorization, changes, line, removals, site};

    fn twitch(secrets: &[&str]) -> Site {
        let mut site = site(&[("clientId", "id"), ("clientSecret", "cs")], secrets);
        site.settings.insert("broadcaster_id".to_owned(), "7".into());
        site
    }

    fn subscription(site: &Site, kind: &str, status: &str, channel: &str) -> Value {
        json!({
            "id": format!("s-{kind}-{status}-{channel}"), "type": kind, "status": status, "version": "1",
            "condition": {"broadcaster_user_id": channel}, "transport": {"method": "webhook", "callback": site.address},
        })
    }

    #[test]
    fn a_token_is_got_from_one_interface_for_the_other() {
        let site = twitch(&[]);
        let token = Twitch.token(&site).unwrap();
        assert_eq!(
            line(&token),
            "Post twitch/oauth2/token client_id=id&client_secret=cs&grant_type=client_credentials"
        );
        let list = Twitch.list(&site, None).unwrap();
        assert_eq!(line(&list), "Get twitch-api/helix/eventsub/subscriptions");
        assert_eq!(authorization(&list), "Bearer token-0123456789");
        let next = Twitch.list(&site, Some(&json!({"pagination": {"cursor": "c="}}))).unwrap();
        assert_eq!(line(&next), "Get twitch-api/helix/eventsub/subscriptions?after=c%3D");
        assert!(Twitch.list(&site, Some(&json!({"pagination": {}}))).is_none());
    }

    #[test]
    fn each_kind_is_subscribed_to_with_a_secret_that_is_stored_before() {
        let site = twitch(&[]);
        assert!(Twitch.before(&site, &[]).unwrap() == Keep::secret("fresh-0123456789"));
        let (lines, done) = changes(&Twitch, &site, &[], &[]);
        assert_eq!(lines.len(), EVENTS.len());
        assert_eq!(
            lines[1],
            format!(
                r#"Post twitch-api{PATH} {{"type":"channel.follow","version":"2","condition":{{"broadcaster_user_id":"7","moderator_user_id":"7"}},"transport":{{"method":"webhook","callback":"{}","secret":"fresh-0123456789"}}}}"#,
                site.address
            )
        );
        assert!(Twitch.outcome(&site, &[], &done).is_ok());
        assert!(Twitch.before(&twitch(&["a-secret-of-ours"]), &[]).unwrap().is_empty());
        assert!(Twitch.before(&twitch(&["short"]), &[]).is_err());
    }

    #[test]
    fn what_lives_is_left_and_what_does_not_is_made_again() {
        let site = twitch(&["a-secret-of-ours"]);
        let page = json!({"data": [
            subscription(&site, "stream.online", "enabled", "7"),
            subscription(&site, "channel.subscribe", "notification_failures_exceeded", "7"),
            subscription(&site, "stream.online", "enabled", "8"),
            json!({"id": "other", "type": "channel.raid", "transport": {"callback": "https://other"}}),
        ]});
        let found = Twitch.found(&site, &[page]);
        let (lines, _) = changes(&Twitch, &site, &found, &[]);
        let gone = [&found[1].id, &found[2].id].map(|id| format!("Delete twitch-api{PATH}?id={id}"));
        assert_eq!(lines[..2], gone);
        assert_eq!(lines.len(), 2 + EVENTS.len() - 1);
        assert!(!lines[2..].iter().any(|line| line.contains("stream.online")));
        assert_eq!(removals(&Twitch, &site, &found).len(), 3);
        // Without the secret that they were made with, all are made again.
        let (lines, _) = changes(&Twitch, &twitch(&[]), &found, &[]);
        assert_eq!(lines.len(), 3 + EVENTS.len());
    }

    #[test]
    fn a_kind_that_the_app_may_not_read_is_no_failure_of_all() {
        let site = twitch(&[]);
        let of = |part: &str, failure: Option<&str>| Answer {
            part: Some(part.to_owned()),
            failure: failure.map(str::to_owned),
            ..Answer::default()
        };
        let outcome = |done: &[Answer]| Twitch.outcome(&site, &[], done).map(|_| ()).err();
        assert_eq!(outcome(&[of("stream.online", None), of("channel.follow", Some("no"))]), None);
        // That something was deleted subscribes to nothing.
        let why = outcome(&[of("subscription s", None), of("channel.follow", Some("subscribe: no"))]);
        assert_eq!(why.as_deref(), Some("subscribe: no"));
    }
}
