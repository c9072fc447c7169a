//! Twitch EventSub: `Twitch-Eventsub-Message-Signature: sha256=…`, an HMAC-SHA256 in hexadecimal digits by the
//! subscription's secret over the message's id, its timestamp as it is written, and the body. (Twitch, "Handling Webhook
//! Events".)

use std::time::Duration;

use appengine_actors::clock::Timestamp;
use serde_json::Value;

use super::call::Call;
use super::keys::Keys;
use super::told::{Told, text, value};
use super::verdict::{Part, Refusal, Reply, Stop, Verified};
use super::{Around, Vendor, age, mac};

const ID: &str = "Twitch-Eventsub-Message-Id";
const SENT: &str = "Twitch-Eventsub-Message-Timestamp";
const SIGNATURE: &str = "Twitch-Eventsub-Message-Signature";
const TYPE: &str = "Twitch-Eventsub-Message-Type";
const TOLERANCE: Duration = Duration::from_secs(600);

/// Twitch.
pub struct Twitch;

impl Vendor for Twitch {
    fn name(&self) -> &'static str {
        "twitch"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        Ok(check(call, keys, around).map_err(|refusal| refusal.status(403))?)
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        told(call).into_iter().collect()
    }

    fn reply(&self, _: &Call) -> Reply {
        Reply::empty(204)
    }
}

fn check(call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Refusal> {
    if keys.secrets.is_empty() {
        return Err(Refusal::no_keys("the subscription's secret"));
    }
    let header = |name: &'static str| call.headers.one(name).ok_or_else(|| Refusal::no_header(name));
    let (id, stamp, signature, kind) = (header(ID)?, header(SENT)?, header(SIGNATURE)?, header(TYPE)?);
    let cause = "the call is not from Twitch";
    let code = signature.strip_prefix("sha256=").and_then(mac::from_hex::<32>).ok_or_else(|| {
        let expected = format!("`sha256=<64 hexadecimal digits>` in `{SIGNATURE}`");
        Refusal::new(Part::Format, expected, "something else", cause)
    })?;
    if !mac::is_any(mac::SHA256, &keys.secrets, &[id.as_bytes(), stamp.as_bytes(), &call.body], &[code]) {
        let scheme = "HMAC-SHA256 over the message's id, its timestamp and the body";
        return Err(Refusal::no_match(scheme, keys.secrets.len()));
    }
    let sent: Timestamp = stamp.parse().map_err(|_| {
        Refusal::new(Part::Format, format!("a time as RFC 3339 in `{SENT}`"), "something else", cause)
    })?;
    age::within(sent, around.now, keys.settings.tolerance(TOLERANCE))?;
    if kind == "webhook_callback_verification" {
        let challenge = call.json().and_then(|body| text(&body, "/challenge"));
        let challenge = challenge
            .ok_or_else(|| Refusal::new(Part::Handshake, "a `challenge` in the body", "none", cause))?;
        return Ok(Verified::handshake(Reply::text(challenge)));
    }
    Ok(Verified::call(id))
}

fn told(call: &Call) -> Option<Told> {
    let body = call.json()?;
    let id = call.headers.one(ID)?;
    let vendors = text(&body, "/subscription/type")?;
    let is_revoked = call.headers.one(TYPE)? == "revocation";
    let kind = match vendors.as_str() {
        _ if is_revoked => "connection.revoked",
        "stream.online" => "social.post",
        "channel.chat.message" => "social.comment",
        "channel.follow" => "social.follow",
        "channel.subscribe" => "social.subscribe",
        "channel.raid" => "social.raid",
        _ => return None,
    };
    let sent = call.headers.one(SENT).and_then(|sent| sent.parse().ok());
    // A stream has an id, by which it is the same when it is found to be live.
    let stream = text(&body, "/event/id").filter(|_| kind == "social.post");
    let told = Told::new(kind, stream.map_or_else(|| id.to_owned(), |id| stream_id(&id)), &body)
        .at(sent)
        .with("vendorEvent", vendors.as_str())
        .with("subscriptionId", value(&body, "/subscription/id"));
    if is_revoked {
        return Some(told.with("reason", value(&body, "/subscription/status")));
    }
    Some(event(told, body.get("event")?, vendors == "stream.online"))
}

/// What somebody's going live is told under.
#[must_use]
pub fn stream_id(id: &str) -> String {
    format!("stream:{id}")
}

fn event(told: Told, of: &Value, is_live: bool) -> Told {
    let first = |at: [&str; 4]| at.iter().find_map(|at| text(of, at));
    let live = |at: &str| if is_live { text(of, at) } else { None };
    let author = ["/chatter_user_id", "/user_id", "/from_broadcaster_user_id", "/broadcaster_user_id"];
    let name = ["/chatter_user_name", "/user_name", "/from_broadcaster_user_name", "/broadcaster_user_name"];
    told.with("accountId", text(of, "/broadcaster_user_id").or_else(|| text(of, "/to_broadcaster_user_id")))
        .with("authorId", first(author))
        .with("authorName", first(name))
        .with("postId", live("/id"))
        .with("live", is_live.then_some(true))
        .with("url", live("/broadcaster_user_login").map(|login| format!("https://www.twitch.tv/{login}")))
        .with("commentId", value(of, "/message_id"))
        .with("text", value(of, "/message/text"))
        .with("tier", value(of, "/tier"))
        .with("viewers", value(of, "/viewers"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::testing::{call, now};

    fn told_as(message: &str, kind: &str, event: &Value) -> Option<Told> {
        let subscription = json!({"id": "s", "type": kind, "status": "authorization_revoked"});
        let body = json!({"subscription": subscription, "event": event}).to_string();
        let headers = [(ID, "m1"), (TYPE, message), (SENT, "2026-09-21T14:13:20.000000001Z")];
        Twitch.translate(&call("POST", "/", &headers, &body)).pop()
    }

    #[test]
    fn events_are_understood() {
        let table = [
            ("stream.online", Some("social.post")),
            ("channel.chat.message", Some("social.comment")),
            ("channel.follow", Some("social.follow")),
            ("channel.subscribe", Some("social.subscribe")),
            ("channel.raid", Some("social.raid")),
            ("channel.ban", None),
        ];
        for (theirs, ours) in table {
            let told = told_as("notification", theirs, &json!({}));
            assert_eq!(told.map(|told| told.kind), ours, "{theirs}");
        }
        let event = json!({"message_id": "c1", "chatter_user_id": "3", "broadcaster_user_id": "7", "message": {"text": "hi"}});
        let told = told_as("notification", "channel.chat.message", &event).unwrap();
        assert_eq!((told.id.as_str(), told.at), ("m1", Some(now())));
        assert_eq!((&told.data["commentId"], &told.data["authorId"]), (&json!("c1"), &json!("3")));
    }

    #[test]
    fn a_subscription_that_ended_is_told() {
        let told = told_as("revocation", "channel.ban", &Value::Null).unwrap();
        assert_eq!(
            (told.kind, &told.data["reason"]),
            ("connection.revoked", &json!("authorization_revoked"))
        );
        assert_eq!(told.data["subscriptionId"], "s");
    }
}
