//! TikTok: `POST /v2/video/list/`, the account's own videos from the newest back to what is known, each page what came
//! before a moment (`cursor`). (TikTok for Developers, "List Videos", "Rate Limits".)

use appengine_actors::webhook::transport::Method;
use serde_json::{Value, json};

use super::adapter::{Adapter, Fault, Place, Read};
use super::cursor::Cursor;
use super::limits::Limits;
use crate::connect::api::{ApiCall, ApiReply};
use crate::vendors::tiktok;
use crate::vendors::told::{Told, id, items, seconds, text, value};

const FIELDS: &str = "id,create_time,title,video_description,share_url,cover_image_url,duration";
/// The most that TikTok gives.
const MOST: u32 = 20;

/// TikTok.
pub struct TikTok;

impl Adapter for TikTok {
    fn vendor(&self) -> &'static str {
        "tiktok"
    }

    fn interface(&self) -> &'static str {
        "tiktok-api"
    }

    fn follows(&self) -> &'static str {
        "nothing: the videos of the account that is connected are read"
    }

    fn streams(&self, follow: &str) -> Option<Vec<String>> {
        follow.is_empty().then(|| vec!["videos".to_owned()])
    }

    fn has_own(&self) -> bool {
        true
    }

    fn request(&self, at: &Place<'_>, cursor: &Cursor) -> ApiCall {
        let mut body = json!({"max_count": MOST});
        if let Some(page) = cursor.page().and_then(|page| page.parse::<u64>().ok()) {
            body["cursor"] = page.into();
        }
        let url = format!("{}/v2/video/list/?fields={FIELDS}", at.base);
        ApiCall::new(Method::Post, url).bearer(at.token).json(&body)
    }

    fn read(&self, at: &Place<'_>, mut cursor: Cursor, reply: &ApiReply) -> Result<Read, Fault> {
        if let Some(fault) = self.fault(reply) {
            return Err(fault);
        }
        let body = reply.json();
        let videos: Vec<&Value> = items(&body, "/data/videos").collect();
        if body.get("data").is_none() {
            return Err(Fault::Odd);
        }
        let made = |video: &Value| seconds(video, "/create_time");
        let is_news = |video: &Value| cursor.is_news(made(video), at.since, at.now);
        let told =
            videos.iter().rev().filter(|video| is_news(video)).filter_map(|video| told(video)).collect();
        let is_end = videos.last().is_none_or(|last| !is_news(last));
        let next = id(&body, "/data/cursor").filter(|_| !is_end && body["data"]["has_more"] == true);
        videos.iter().for_each(|video| cursor.meet_at(made(video)));
        Ok(cursor.walk(told, next))
    }

    fn limits(&self) -> Limits {
        Limits::RetryAfter
    }

    fn fault(&self, reply: &ApiReply) -> Option<Fault> {
        match text(&reply.json(), "/error/code").as_deref() {
            Some("ok") | None => None,
            Some("rate_limit_exceeded") => Some(Fault::Limit(None)),
            Some("access_token_invalid" | "scope_not_authorized") => Some(Fault::Token),
            Some(_) => Some(Fault::Odd),
        }
    }
}

/// A video, under the id that it has when it is told.
fn told(video: &Value) -> Option<Told> {
    let id = text(video, "/id")?;
    let told = Told::new("social.post", tiktok::post_id(&id), video)
        .at(seconds(video, "/create_time"))
        .with("vendorEvent", "video.list")
        .with("own", true)
        .with("postId", id)
        .with("title", value(video, "/title"))
        .with("text", value(video, "/video_description"))
        .with("url", value(video, "/share_url"));
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::testing::{at, kinds, page};
    use crate::vendors::testing::told_by;

    fn list(videos: &[(&str, u64)], more: bool) -> ApiReply {
        let video = |(id, at): &(&str, u64)| json!({"id": id, "title": "Hi", "create_time": at, "share_url": "https://www.tiktok.com/@acme/video/1"});
        let videos: Vec<_> = videos.iter().map(video).collect();
        page(&json!({"data": {"videos": videos, "cursor": 1_789_999_000_000_u64, "has_more": more},
            "error": {"code": "ok", "message": "", "log_id": "2022"}}))
    }

    #[test]
    fn videos_are_read_back_to_what_is_known() {
        let at = at("videos");
        let call = TikTok.request(&at, &Cursor::default());
        assert_eq!(call.body, r#"{"max_count":20}"#);
        let first = list(&[("3", 1_789_999_900), ("2", 1_789_999_000)], true);
        let read = TikTok.read(&at, Cursor::default(), &first).unwrap();
        assert_eq!(
            (kinds(&read.told), read.more),
            (vec![("social.post", "post:2"), ("social.post", "post:3")], true)
        );
        assert_eq!(TikTok.request(&at, &read.cursor).body, r#"{"max_count":20,"cursor":1789999000000}"#);
        let read = TikTok.read(&at, read.cursor, &list(&[("1", 1_780_000_000)], true)).unwrap();
        assert_eq!((read.told.len(), read.more, read.cursor.at), (0, false, Some(1_789_999_900_000)));
    }

    #[test]
    fn a_video_is_the_same_whoever_tells_of_it() {
        let content = json!({"post_id": "3"}).to_string();
        let hook = json!({"event": "post.publish.publicly_available", "content": content});
        let hook = told_by(&tiktok::TikTok, &hook).remove(0);
        let read =
            TikTok.read(&at("videos"), Cursor::default(), &list(&[("3", 1_789_999_900)], false)).unwrap();
        assert_eq!((hook.kind, &hook.id), (read.told[0].kind, &read.told[0].id));
        let reply = page(&json!({"error": {"code": "access_token_invalid"}}));
        assert_eq!(TikTok.fault(&reply), Some(Fault::Token));
    }
}
