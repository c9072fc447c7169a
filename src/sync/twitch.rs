//! Twitch: `GET /helix/streams`, those that are live now of all that are followed. (Twitch, "Get Streams", "Rate limits".)

use appengine_actors::webhook::transport::Method;
use serde_json::Value;

use super::adapter::{Adapter, Fault, Place, Read};
use super::cursor::Cursor;
use super::limits::Limits;
use crate::connect::api::{ApiCall, ApiReply};
use crate::vendors::told::{Told, moment, text, value};
use crate::vendors::twitch;

/// Twitch.
pub struct Twitch;

impl Adapter for Twitch {
    fn vendor(&self) -> &'static str {
        "twitch"
    }

    fn interface(&self) -> &'static str {
        "twitch-api"
    }

    fn follows(&self) -> &'static str {
        "the ids of broadcasters, as numbers"
    }

    fn streams(&self, follow: &str) -> Option<Vec<String>> {
        let is_id = (1..=20).contains(&follow.len()) && follow.bytes().all(|byte| byte.is_ascii_digit());
        is_id.then(|| vec![follow.to_owned()])
    }

    /// One request asks for a hundred.
    fn is_joined(&self) -> bool {
        true
    }

    fn request(&self, at: &Place<'_>, cursor: &Cursor) -> ApiCall {
        let users: String = at.stream.split(',').map(|id| format!("&user_id={id}")).collect();
        let mut url = format!("{}/helix/streams?first=100{users}", at.base);
        if let Some(page) = cursor.page() {
            url.extend([
                "&after=",
                &url::form_urlencoded::byte_serialize(page.as_bytes()).collect::<String>(),
            ]);
        }
        ApiCall::new(Method::Get, url).bearer(at.token).header("client-id", at.client_id)
    }

    fn read(&self, at: &Place<'_>, mut cursor: Cursor, reply: &ApiReply) -> Result<Read, Fault> {
        let body = reply.json();
        let live = body.get("data").and_then(Value::as_array).ok_or(Fault::Odd)?;
        let begun = |stream: &&Value| moment(stream, "/started_at");
        live.iter().for_each(|stream| cursor.meet_at(begun(&stream)));
        let news = live.iter().filter(|stream| cursor.is_news(begun(stream), at.since, at.now));
        let mut told: Vec<Told> = news.filter_map(told).collect();
        told.sort_by_key(|told| told.at);
        let next = text(&body, "/pagination/cursor").filter(|_| !live.is_empty());
        Ok(cursor.walk(told, next))
    }

    fn limits(&self) -> Limits {
        Limits::Moment("ratelimit-remaining", "ratelimit-reset")
    }
}

/// Somebody went live, under the id that it has when it is told.
fn told(stream: &Value) -> Option<Told> {
    let id = text(stream, "/id")?;
    let told = Told::new("social.post", twitch::stream_id(&id), stream)
        .at(moment(stream, "/started_at"))
        .with("vendorEvent", "stream.online")
        .with("accountId", value(stream, "/user_id"))
        .with("authorId", value(stream, "/user_id"))
        .with("authorName", value(stream, "/user_name"))
        .with("postId", id)
        .with("live", true)
        .with("title", value(stream, "/title"))
        .with("viewers", value(stream, "/viewer_count"))
        .with("url", text(stream, "/user_login").map(|login| format!("https://www.twitch.tv/{login}")));
    Some(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sync::testing::{at, kinds, page};

    #[test]
    fn somebody_goes_live_once() {
        let at = at("7,8");
        let call = Twitch.request(&at, &Cursor::default());
        assert_eq!(call.url, "https://api.example/helix/streams?first=100&user_id=7&user_id=8");
        assert!(call.headers.contains(&("client-id".to_owned(), "client".to_owned())));
        let stream = |id: &str, at: &str| {
            json!({"id": id, "user_id": "7", "user_login": "ann", "user_name": "Ann", "game_name": "Chess", "type": "live",
                "title": "Hi", "viewer_count": 3, "started_at": at, "language": "en", "is_mature": false})
        };
        let live = stream("40", "2026-09-21T10:00:00Z");
        let body = json!({"data": [live], "pagination": {"cursor": "eyJiI=="}});
        let read = Twitch.read(&at, Cursor::default(), &page(&body)).unwrap();
        assert_eq!((kinds(&read.told), read.more), (vec![("social.post", "stream:40")], true));
        assert!(Twitch.request(&at, &read.cursor).url.ends_with("&after=eyJiI%3D%3D"));
        let read = Twitch.read(&at, read.cursor, &page(&json!({"data": [], "pagination": {}}))).unwrap();
        assert!(!read.more);
        // Still live, and somebody else too.
        let body = json!({"data": [live, stream("41", "2026-09-21T14:00:00Z")], "pagination": {}});
        let read = Twitch.read(&at, read.cursor, &page(&body)).unwrap();
        assert_eq!(kinds(&read.told), [("social.post", "stream:41")]);
    }
}
