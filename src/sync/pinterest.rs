//! Pinterest: `GET /v5/pins`, the account's own pins, page by page (`bookmark`). Nothing tells of pins otherwise.
//! (Pinterest API v5, "List Pins", "Rate limits".)

use appengine_actors::clock::Timestamp;
use appengine_actors::webhook::transport::Method;
use serde_json::Value;

use super::adapter::{Adapter, Fault, Place, Read};
use super::cursor::Cursor;
use super::limits::Limits;
use crate::connect::api::{ApiCall, ApiReply};
use crate::vendors::told::{Told, text, value};

/// Pinterest.
pub struct Pinterest;

impl Adapter for Pinterest {
    fn vendor(&self) -> &'static str {
        "pinterest"
    }

    fn interface(&self) -> &'static str {
        "pinterest-api"
    }

    fn follows(&self) -> &'static str {
        "nothing: the pins of the account that is connected are read"
    }

    fn streams(&self, follow: &str) -> Option<Vec<String>> {
        follow.is_empty().then(|| vec!["pins".to_owned()])
    }

    fn has_own(&self) -> bool {
        true
    }

    fn request(&self, at: &Place<'_>, cursor: &Cursor) -> ApiCall {
        let mut url = format!("{}/v5/pins?page_size=100", at.base);
        if let Some(page) = cursor.page() {
            let page: String = url::form_urlencoded::byte_serialize(page.as_bytes()).collect();
            url.extend(["&bookmark=", &page]);
        }
        ApiCall::new(Method::Get, url).bearer(at.token)
    }

    fn read(&self, at: &Place<'_>, mut cursor: Cursor, reply: &ApiReply) -> Result<Read, Fault> {
        let body = reply.json();
        let pins = body.get("items").and_then(Value::as_array).ok_or(Fault::Odd)?;
        let is_news = |pin: &Value| cursor.is_news(made(pin), at.since, at.now);
        let mut told: Vec<Told> = pins.iter().filter(|pin| is_news(pin)).filter_map(told).collect();
        told.sort_by_key(|told| told.at);
        // The order is not documented: it goes on as long as there is anything new on a page.
        let next = text(&body, "/bookmark").filter(|_| !told.is_empty());
        pins.iter().for_each(|pin| cursor.meet_at(made(pin)));
        Ok(cursor.walk(told, next))
    }

    fn limits(&self) -> Limits {
        Limits::Seconds("x-ratelimit-remaining", "x-ratelimit-reset")
    }
}

/// When a pin was made. It is written without its zone, which is UTC.
fn made(pin: &Value) -> Option<Timestamp> {
    let text = text(pin, "/created_at")?;
    text.parse().ok().or_else(|| format!("{text}Z").parse().ok())
}

fn told(pin: &Value) -> Option<Told> {
    let id = text(pin, "/id")?;
    let told = Told::new("social.post", id.as_str(), pin)
        .at(made(pin))
        .with("vendorEvent", "pins")
        .with("own", pin["is_owner"] == true)
        .with("accountId", value(pin, "/board_owner/username"))
        .with("authorName", value(pin, "/board_owner/username"))
        .with("boardId", value(pin, "/board_id"))
        .with("title", value(pin, "/title"))
        .with("text", value(pin, "/description"))
        .with("url", format!("https://www.pinterest.com/pin/{id}/"))
        .with("postId", id);
    Some(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sync::testing::{at, kinds, page};

    #[test]
    fn pins_are_read_as_long_as_there_are_new_ones() {
        let at = at("pins");
        let pin = |id: &str, at: &str| {
            json!({"id": id, "created_at": at, "title": "Hi", "description": "there", "board_id": "5", "is_owner": true,
                "board_owner": {"username": "acme"}, "link": "https://example.com", "media": {"media_type": "image"}})
        };
        let body = json!({"items": [pin("2", "2026-09-21T14:00:00"), pin("1", "2020-01-01T20:10:40")], "bookmark": "Y2x=="});
        let read = Pinterest.read(&at, Cursor::default(), &page(&body)).unwrap();
        assert_eq!((kinds(&read.told), read.more), (vec![("social.post", "2")], true));
        let url = Pinterest.request(&at, &read.cursor).url;
        assert_eq!(url, "https://api.example/v5/pins?page_size=100&bookmark=Y2x%3D%3D");
        let read = Pinterest.read(&at, read.cursor, &page(&json!({"items": [], "bookmark": null}))).unwrap();
        assert_eq!((read.more, read.cursor.at), (false, Some(1_789_999_200_000)));
        assert_eq!(Pinterest.read(&at, Cursor::default(), &page(&json!({"code": 1}))), Err(Fault::Odd));
    }
}
