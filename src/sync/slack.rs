//! Slack: `GET /api/conversations.history` with what came after a message (`oldest`), page by page from the newest
//! (`cursor`). Who we are is asked first (`auth.test`), for what our own app says is not told. (Slack, "conversations.
//! history", "auth.test", "Rate limits".)

use appengine_actors::webhook::transport::Method;
use serde_json::{Value, json};

use super::adapter::{Adapter, Fault, Place, Read};
use super::cursor::Cursor;
use super::limits::Limits;
use crate::connect::api::{ApiCall, ApiReply};
use crate::vendors::slack::{is_said, message_id};
use crate::vendors::told::{Told, items, seconds, text, value};

/// Slack.
pub struct Slack;

impl Adapter for Slack {
    fn vendor(&self) -> &'static str {
        "slack"
    }

    fn interface(&self) -> &'static str {
        "slack"
    }

    fn follows(&self) -> &'static str {
        "the ids of channels, such as C0123456789"
    }

    fn streams(&self, follow: &str) -> Option<Vec<String>> {
        let is_id = (2..=24).contains(&follow.len())
            && follow.starts_with(['C', 'D', 'G'])
            && follow.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        is_id.then(|| vec![follow.to_owned()])
    }

    fn request(&self, at: &Place<'_>, cursor: &Cursor) -> ApiCall {
        if cursor.us.is_empty() {
            return ApiCall::new(Method::Post, format!("{}/api/auth.test", at.base)).bearer(at.token);
        }
        let oldest = cursor.mark.clone().unwrap_or_else(|| format!("{}.000000", at.since.as_secs()));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([("channel", at.stream), ("oldest", &oldest), ("limit", "100")]);
        if let Some(page) = cursor.page() {
            query.append_pair("cursor", page);
        }
        let url = format!("{}/api/conversations.history?{}", at.base, query.finish());
        ApiCall::new(Method::Get, url).bearer(at.token)
    }

    fn read(&self, at: &Place<'_>, mut cursor: Cursor, reply: &ApiReply) -> Result<Read, Fault> {
        let body = reply.json();
        if let Some(fault) = self.fault(reply) {
            return Err(fault);
        }
        if body["ok"] != true {
            return Err(Fault::Odd);
        }
        if cursor.us.is_empty() {
            let us = json!({"team": value(&body, "/team_id"), "bot": value(&body, "/bot_id"), "user": value(&body, "/user_id")});
            cursor.us = us.as_object().cloned().unwrap_or_default();
            return Ok(Read { told: Vec::new(), cursor, more: true });
        }
        for message in items(&body, "/messages") {
            text(message, "/ts").iter().for_each(|ts| cursor.meet(ts));
        }
        let told = items(&body, "/messages").filter_map(|message| told(at.stream, &cursor, message));
        let mut told: Vec<Told> = told.collect();
        told.reverse();
        let next = text(&body, "/response_metadata/next_cursor").filter(|_| body["has_more"] == true);
        Ok(cursor.walk(told, next))
    }

    fn limits(&self) -> Limits {
        Limits::RetryAfter
    }

    /// Slack answers with 200 whatever is wrong.
    fn fault(&self, reply: &ApiReply) -> Option<Fault> {
        let body = reply.json();
        match body["error"].as_str() {
            Some("ratelimited" | "rate_limited") => Some(Fault::Limit(None)),
            Some("channel_not_found" | "not_in_channel" | "is_archived" | "channel_is_limited_access") => {
                Some(Fault::Stream)
            }
            Some(
                "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive"
                | "missing_scope" | "no_permission" | "org_login_required",
            ) => Some(Fault::Token),
            Some(_) => Some(Fault::Odd),
            None => None,
        }
    }
}

/// A message of a channel, under the id that it has when it is told.
fn told(channel: &str, cursor: &Cursor, message: &Value) -> Option<Told> {
    let is_ours = |name: &str, at: &str| {
        let ours = cursor.us.get(name).and_then(Value::as_str);
        ours.is_some() && ours == message.pointer(at).and_then(Value::as_str)
    };
    if message["type"] != "message" || !is_said(message) || is_ours("bot", "/bot_id") {
        return None;
    }
    let ts = text(message, "/ts")?;
    let thread = text(message, "/thread_ts").filter(|thread| *thread != ts);
    let kind = match &thread {
        _ if channel.starts_with('D') => "social.message",
        Some(_) => "social.comment",
        None => "social.post",
    };
    let is_message = kind == "social.message";
    let told = Told::new(kind, message_id(channel, &ts), message)
        .at(seconds(message, "/ts"))
        .with("vendorEvent", "message")
        .with("accountId", cursor.us.get("team").cloned().unwrap_or_default())
        .with("channelId", channel)
        .with("messageId", is_message.then(|| ts.clone()))
        .with("commentId", (thread.is_some() && !is_message).then(|| ts.clone()))
        .with("postId", if is_message { thread } else { thread.or(Some(ts)) })
        .with("authorId", text(message, "/user").or_else(|| text(message, "/bot_id")))
        .with("authorName", value(message, "/username"))
        .with("text", value(message, "/text"));
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::testing::{at, kinds, page};
    use crate::vendors::testing::told_by;

    fn us() -> Cursor {
        let at = at("C1");
        let test = json!({"ok": true, "url": "https://acme.slack.com/", "team": "Acme", "user": "bot", "team_id": "T1",
            "user_id": "U9", "bot_id": "B9", "is_enterprise_install": false});
        assert_eq!(Slack.request(&at, &Cursor::default()).url, "https://api.example/api/auth.test");
        let read = Slack.read(&at, Cursor::default(), &page(&test)).unwrap();
        assert!(read.more && read.told.is_empty());
        read.cursor
    }

    #[test]
    fn a_channel_is_read_from_the_newest_to_what_is_known() {
        let (at, cursor) = (at("C1"), us());
        let url = Slack.request(&at, &cursor).url;
        assert_eq!(
            url,
            "https://api.example/api/conversations.history?channel=C1&oldest=1789913600.000000&limit=100"
        );
        let body = json!({"ok": true, "messages": [
            {"type": "message", "user": "U1", "text": "three", "ts": "1789999990.000300", "thread_ts": "1789999980.000100",
                "subtype": "thread_broadcast"},
            {"type": "message", "bot_id": "B9", "text": "ours", "ts": "1789999985.000200"},
            {"type": "message", "subtype": "channel_join", "user": "U1", "text": "joined", "ts": "1789999984.000200"},
            {"type": "message", "user": "U1", "text": "one", "ts": "1789999980.000100"},
        ], "has_more": true, "pin_count": 0, "response_metadata": {"next_cursor": "bmV4dF90czo="}});
        let read = Slack.read(&at, cursor, &page(&body)).unwrap();
        let expected = [
            ("social.post", "message:C1:1789999980.000100"),
            ("social.comment", "message:C1:1789999990.000300"),
        ];
        assert_eq!((kinds(&read.told), read.more), (expected.to_vec(), true));
        assert!(Slack.request(&at, &read.cursor).url.ends_with("&cursor=bmV4dF90czo%3D"));
        let last = json!({"ok": true, "messages": [], "has_more": false});
        let read = Slack.read(&at, read.cursor, &page(&last)).unwrap();
        assert_eq!((read.more, read.cursor.mark.as_deref()), (false, Some("1789999990.000300")));
    }

    #[test]
    fn a_message_is_the_same_whoever_tells_of_it() {
        let message = json!({"type": "message", "channel": "C1", "channel_type": "channel", "user": "U1", "text": "one",
            "ts": "1789999980.000100"});
        let hook = json!({"type": "event_callback", "event_id": "Ev1", "team_id": "T1", "event": message});
        let hook = told_by(&crate::vendors::slack::Slack, &hook).remove(0);
        let body = json!({"ok": true, "messages": [message], "has_more": false});
        let read = Slack.read(&at("C1"), us(), &page(&body)).unwrap();
        assert_eq!((hook.kind, &hook.id), (read.told[0].kind, &read.told[0].id));
        assert_eq!(hook.data, read.told[0].data);
    }

    #[test]
    fn what_is_wrong_is_in_the_body() {
        for (error, fault) in [
            ("ratelimited", Fault::Limit(None)),
            ("not_in_channel", Fault::Stream),
            ("token_revoked", Fault::Token),
            ("fatal_error", Fault::Odd),
        ] {
            let reply = page(&json!({"ok": false, "error": error}));
            assert_eq!(Slack.read(&at("C1"), us(), &reply), Err(fault), "{error}");
        }
    }
}
