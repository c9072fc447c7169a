//! Discord: `GET /api/v10/channels/{id}/messages`, each page what came right after a message (`after`). Who we are is asked
//! first, for what our own bot says is not told. (Discord, "Get Channel Messages", "Rate Limits".)

use appengine_actors::webhook::transport::Method;
use serde_json::{Value, json};

use super::adapter::{Adapter, Fault, Place, Read};
use super::cursor::Cursor;
use super::limits::Limits;
use crate::connect::api::{ApiCall, ApiReply};
use crate::vendors::told::{Told, moment, text, value};

/// Messages on a page: the most that Discord gives.
const FULL: usize = 100;
/// When Discord's ids begin, in milliseconds since 1970.
const EPOCH: u64 = 1_420_070_400_000;

/// Discord.
pub struct Discord;

impl Adapter for Discord {
    fn vendor(&self) -> &'static str {
        "discord"
    }

    fn interface(&self) -> &'static str {
        "discord"
    }

    fn follows(&self) -> &'static str {
        "the ids of channels, as numbers"
    }

    fn streams(&self, follow: &str) -> Option<Vec<String>> {
        is_id(follow).then(|| vec![follow.to_owned()])
    }

    fn request(&self, at: &Place<'_>, cursor: &Cursor) -> ApiCall {
        let path = if cursor.us.is_empty() {
            "users/@me".to_owned()
        } else {
            // An id is a time with something behind it.
            let first = || (at.since.as_millis().saturating_sub(EPOCH) << 22).to_string();
            let after = cursor.mark.clone().unwrap_or_else(first);
            format!("channels/{}/messages?limit={FULL}&after={after}", at.stream)
        };
        let call = ApiCall::new(Method::Get, format!("{}/api/v10/{path}", at.base));
        call.header("authorization", format!("Bot {}", at.token))
    }

    fn read(&self, at: &Place<'_>, mut cursor: Cursor, reply: &ApiReply) -> Result<Read, Fault> {
        let body = reply.json();
        if cursor.us.is_empty() {
            let id = text(&body, "/id").ok_or(Fault::Odd)?;
            cursor.us.insert("id".to_owned(), json!(id));
            return Ok(Read { told: Vec::new(), cursor, more: true });
        }
        let messages = body.as_array().ok_or(Fault::Odd)?;
        let us = cursor.us.get("id").and_then(Value::as_str);
        let mut told: Vec<Told> =
            messages.iter().filter_map(|message| told(at.stream, us, message)).collect();
        told.reverse();
        for id in messages.iter().filter_map(|message| text(message, "/id")).filter(|id| is_id(id)) {
            cursor.meet(&id);
        }
        // What came right after a message is read: nothing lies in between.
        Ok(Read { told, more: messages.len() >= FULL, cursor: cursor.settled() })
    }

    fn limits(&self) -> Limits {
        Limits::Seconds("x-ratelimit-remaining", "x-ratelimit-reset-after")
    }
}

fn is_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn told(channel: &str, us: Option<&str>, message: &Value) -> Option<Told> {
    let (id, by) = (text(message, "/id")?, text(message, "/author/id"));
    // Of the kinds of messages two are something that somebody says: the rest are notes, such as that somebody came.
    let is_answer = match message["type"].as_u64()? {
        0 => false,
        19 => true,
        _ => return None,
    };
    if us.is_some() && by.as_deref() == us {
        return None;
    }
    let original = value(message, "/message_reference/message_id");
    let kind = if is_answer { "social.comment" } else { "social.post" };
    let told = Told::new(kind, id.as_str(), message)
        .at(moment(message, "/timestamp"))
        .with("vendorEvent", "message")
        .with("channelId", channel)
        .with("authorId", by)
        .with("authorName", value(message, "/author/username"))
        .with("postId", if is_answer { original.clone() } else { id.as_str().into() })
        .with("commentId", is_answer.then_some(id))
        .with("parentId", original)
        .with("text", value(message, "/content"));
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::testing::{at, kinds, page};

    #[test]
    fn a_channel_is_read_forward() {
        let at = at("99");
        let call = Discord.request(&at, &Cursor::default());
        assert_eq!(call.url, "https://api.example/api/v10/users/@me");
        assert_eq!(call.headers[0].1, "Bot secret");
        let us = page(&json!({"id": "9", "username": "bot", "discriminator": "0000", "bot": true}));
        let read = Discord.read(&at, Cursor::default(), &us).unwrap();
        assert!(read.more);
        let first = (1_789_913_600_000_u64 - EPOCH) << 22;
        let url = Discord.request(&at, &read.cursor).url;
        assert_eq!(url, format!("https://api.example/api/v10/channels/99/messages?limit=100&after={first}"));
        let message = |id: &str, kind: u64, by: &str| {
            json!({"id": id, "type": kind, "content": "hi", "channel_id": "99", "author": {"id": by, "username": "ann"},
                "timestamp": "2026-09-21T14:13:10.000000+00:00", "message_reference": {"message_id": "1"}})
        };
        let body = json!([
            message("104", 7, "3"),
            message("103", 19, "3"),
            message("102", 0, "9"),
            message("101", 0, "3")
        ]);
        let read = Discord.read(&at, read.cursor, &page(&body)).unwrap();
        assert_eq!(kinds(&read.told), [("social.post", "101"), ("social.comment", "103")]);
        assert_eq!(read.told[0].at.unwrap().as_secs(), 1_789_999_990);
        assert!(!read.more && Discord.request(&at, &read.cursor).url.ends_with("after=104"));
        let nothing = Discord.read(&at, read.cursor.clone(), &page(&json!([]))).unwrap();
        assert_eq!(nothing.cursor, read.cursor);
    }
}
