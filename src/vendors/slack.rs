//! Slack: `X-Slack-Signature: v0=…`, an HMAC-SHA256 in hexadecimal digits by the signing secret over `v0:`, the time in
//! `X-Slack-Request-Timestamp`, `:` and the body. Events are JSON; slash commands and interactivity are forms, signed in
//! the same way. (Slack, "Verifying requests from Slack".)

use std::time::Duration;

use serde_json::Value;

use super::call::Call;
use super::keys::Keys;
use super::told::{Told, seconds, text, value};
use super::verdict::{Part, Refusal, Reply, Stop, Verified};
use super::{Around, Vendor, age, mac};

const SIGNATURE: &str = "X-Slack-Signature";
const SENT: &str = "X-Slack-Request-Timestamp";
const TOLERANCE: Duration = Duration::from_secs(300);

/// Slack.
pub struct Slack;

impl Vendor for Slack {
    fn name(&self) -> &'static str {
        "slack"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        check(call, keys, around)?;
        let body = call.json().unwrap_or_default();
        if body["type"] == "url_verification" {
            let challenge = text(&body, "/challenge").ok_or_else(|| {
                let cause = "something changed the body on its way";
                Refusal::new(Part::Handshake, "a `challenge` in the body", "none", cause).status(400)
            })?;
            return Ok(Verified::handshake(Reply::text(challenge)));
        }
        // A form has no id, but parts that no other has, such as its trigger's id.
        Ok(Verified::call(text(&body, "/event_id").unwrap_or_else(|| mac::sha256_hex(&call.body))))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        call.json().as_ref().and_then(told).into_iter().collect()
    }
}

fn check(call: &Call, keys: &Keys, around: &Around<'_>) -> Result<(), Refusal> {
    if keys.secrets.is_empty() {
        return Err(Refusal::no_keys("the app's signing secret"));
    }
    let header = |name: &'static str| call.headers.one(name).ok_or_else(|| Refusal::no_header(name));
    let (signature, stamp) = (header(SIGNATURE)?, header(SENT)?);
    let malformed = |expected: String| {
        Refusal::new(Part::Format, expected, "something else", "the call is not from Slack")
    };
    let code = signature
        .strip_prefix("v0=")
        .and_then(mac::from_hex::<32>)
        .ok_or_else(|| malformed(format!("`v0=<64 hexadecimal digits>` in `{SIGNATURE}`")))?;
    if !mac::is_any(mac::SHA256, &keys.secrets, &[b"v0:", stamp.as_bytes(), b":", &call.body], &[code]) {
        return Err(Refusal::no_match("HMAC-SHA256 over `v0:timestamp:body`", keys.secrets.len()));
    }
    let sent = age::seconds(stamp).ok_or_else(|| malformed(format!("a number of seconds in `{SENT}`")))?;
    age::within(sent, around.now, keys.settings.tolerance(TOLERANCE))
}

fn told(body: &Value) -> Option<Told> {
    if text(body, "/type")? != "event_callback" {
        return None;
    }
    let event = body.get("event")?;
    let vendors = text(event, "/type")?;
    let thread = text(event, "/thread_ts").filter(|thread| event["ts"] != **thread);
    let kind = match vendors.as_str() {
        "message" if is_told(body, event) => match (text(event, "/channel_type").as_deref(), &thread) {
            (Some("im" | "mpim"), _) => "social.message",
            (_, Some(_)) => "social.comment",
            (_, None) => "social.post",
        },
        "app_mention" => "social.mention",
        "reaction_added" => "social.reaction",
        "app_uninstalled" | "tokens_revoked" => "connection.revoked",
        _ => return None,
    };
    let said = value(event, "/ts");
    let is_message = kind == "social.message";
    let told = Told::new(kind, id(body, event)?, body)
        .at(seconds(body, "/event_time"))
        .with("vendorEvent", vendors)
        .with("accountId", value(body, "/team_id"))
        .with("channelId", text(event, "/channel").or_else(|| text(event, "/item/channel")))
        .with("messageId", if is_message { said.clone() } else { Value::Null })
        .with("commentId", if thread.is_some() && !is_message { said.clone() } else { Value::Null })
        .with(
            "postId",
            match thread.or_else(|| text(event, "/item/ts")) {
                Some(of) => of.into(),
                None if is_message => Value::Null,
                None => said,
            },
        )
        .with("authorId", text(event, "/user").or_else(|| text(event, "/bot_id")))
        .with("authorName", value(event, "/username"))
        .with("reaction", value(event, "/reaction"))
        .with("text", value(event, "/text"));
    Some(told)
}

/// A message's own id, so that it is the same when it is found in its channel; of anything else the event's.
fn id(body: &Value, event: &Value) -> Option<String> {
    let message = || Some(message_id(&text(event, "/channel")?, &text(event, "/ts")?));
    let is_message = event["type"] == "message";
    if is_message { message() } else { None }.or_else(|| text(body, "/event_id"))
}

/// What a message is told under.
#[must_use]
pub fn message_id(channel: &str, ts: &str) -> String {
    format!("message:{channel}:{ts}")
}

/// Whether a message is something that somebody newly said: not a change of one, or a note that somebody came.
#[must_use]
pub fn is_said(message: &Value) -> bool {
    match text(message, "/subtype").as_deref() {
        None | Some("file_share" | "thread_broadcast" | "bot_message" | "me_message") => true,
        Some(_) => false,
    }
}

/// Whether a message is told. What our own app has said is not: a flow that answers would answer itself.
fn is_told(body: &Value, event: &Value) -> bool {
    let is_said = is_said(event);
    let app = text(event, "/app_id").or_else(|| text(event, "/bot_profile/app_id"));
    is_said && (app.is_none() || app != text(body, "/api_app_id"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::testing::{call, now, told_by};

    fn told_of(event: &Value) -> Option<Told> {
        let body = json!({"type": "event_callback", "event_id": "Ev1", "event_time": 1_790_000_000,
            "team_id": "T1", "api_app_id": "A1", "event": event});
        told_by(&Slack, &body).pop()
    }

    #[test]
    fn events_are_understood() {
        let message = |more: Value| {
            let mut event =
                json!({"type": "message", "channel": "C1", "ts": "2.0", "user": "U1", "text": "hi"});
            event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            event
        };
        let table = [
            (message(json!({"channel_type": "channel"})), Some("social.post")),
            (message(json!({"thread_ts": "2.0"})), Some("social.post")),
            (message(json!({"thread_ts": "1.0"})), Some("social.comment")),
            (message(json!({"channel_type": "im"})), Some("social.message")),
            (message(json!({"subtype": "file_share"})), Some("social.post")),
            (message(json!({"subtype": "message_changed"})), None),
            (message(json!({"subtype": "channel_join"})), None),
            (message(json!({"app_id": "A2"})), Some("social.post")),
            (message(json!({"app_id": "A1"})), None),
            (message(json!({"bot_profile": {"app_id": "A1"}})), None),
            (json!({"type": "app_mention", "ts": "2.0"}), Some("social.mention")),
            (json!({"type": "reaction_added", "item": {"ts": "1.0"}}), Some("social.reaction")),
            (json!({"type": "app_uninstalled"}), Some("connection.revoked")),
            (json!({"type": "tokens_revoked"}), Some("connection.revoked")),
            (json!({"type": "channel_created"}), None),
        ];
        for (event, ours) in table {
            assert_eq!(told_of(&event).map(|told| told.kind), ours, "{event}");
        }
    }

    #[test]
    fn an_answer_in_a_thread_is_a_comment_on_what_began_it() {
        let event = json!({"type": "message", "channel": "C1", "ts": "2.0", "thread_ts": "1.0", "user": "U1", "text": "hi"});
        let told = told_of(&event).unwrap();
        assert_eq!((told.id.as_str(), told.at), ("message:C1:2.0", Some(now())));
        assert_eq!((&told.data["postId"], &told.data["commentId"]), (&json!("1.0"), &json!("2.0")));
        assert_eq!((&told.data["authorId"], &told.data["channelId"]), (&json!("U1"), &json!("C1")));
    }

    #[test]
    fn a_form_means_nothing_yet() {
        let form = "command=%2Fhello&text=&trigger_id=1";
        assert!(Slack.translate(&call("POST", "/", &[], form)).is_empty());
    }
}
