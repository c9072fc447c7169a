//! Reddit: `/r/{sub}/new`, `/r/{sub}/comments` and `/message/inbox`, each with what came after a thing (`before`, for the
//! newest is first). (Reddit, "API documentation: listings"; "Data API Wiki: rate limits".)

use appengine_actors::clock::Timestamp;
use appengine_actors::webhook::transport::Method;
use serde_json::Value;

use super::adapter::{Adapter, Fault, Place, Read};
use super::cursor::Cursor;
use super::limits::Limits;
use crate::connect::api::{ApiCall, ApiReply};
use crate::vendors::reddit::absolute;
use crate::vendors::told::{Told, items, seconds, text, value};

/// Things on a page: the most that Reddit gives.
const FULL: usize = 100;
/// Reddit turns away who does not say what it is.
const AGENT: &str = concat!("server:appengine:", env!("CARGO_PKG_VERSION"));
/// A listing after a thing that was removed is empty for ever: after so many empty answers it is read from its newest end.
const MOST_EMPTY: u32 = 12;

/// Reddit.
pub struct Reddit;

impl Adapter for Reddit {
    fn vendor(&self) -> &'static str {
        "reddit"
    }

    fn interface(&self) -> &'static str {
        "reddit-api"
    }

    fn follows(&self) -> &'static str {
        "subreddits such as r/rust, and inbox"
    }

    fn streams(&self, follow: &str) -> Option<Vec<String>> {
        if follow == "inbox" {
            return Some(vec!["message/inbox".to_owned()]);
        }
        let name = follow.strip_prefix("r/").unwrap_or(follow);
        let is_name = (2..=21).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_name.then(|| vec![format!("r/{name}/new"), format!("r/{name}/comments")])
    }

    fn request(&self, at: &Place<'_>, cursor: &Cursor) -> ApiCall {
        let place = match (cursor.page(), &cursor.mark) {
            (Some(after), _) => format!("&after={after}"),
            (None, Some(before)) => format!("&before={before}"),
            (None, None) => String::new(),
        };
        let url = format!("{}/{}?limit={FULL}&raw_json=1{place}", at.base, at.stream);
        ApiCall::new(Method::Get, url).bearer(at.token).header("user-agent", AGENT)
    }

    fn read(&self, at: &Place<'_>, mut cursor: Cursor, reply: &ApiReply) -> Result<Read, Fault> {
        let listing = reply.json();
        if listing["kind"] != "Listing" {
            return Err(Fault::Odd);
        }
        let things: Vec<&Value> = items(&listing, "/data/children").collect();
        let created = |thing: &&Value| seconds(thing, "/data/created_utc");
        let is_walk = cursor.mark.is_none();
        // What comes after a thing is news, however late it was listed.
        let is_news = |thing: &&&Value| !is_walk || cursor.is_news(created(thing), at.since, at.now);
        let told = things.iter().rev().filter(is_news);
        let told: Vec<Told> = told.filter_map(|thing| self::told(at.stream, thing)).collect();
        let first = things.first().and_then(|thing| text(thing, "/data/name"));
        if is_walk {
            // The first page of a walk has the newest thing.
            cursor.next_mark = cursor.next_mark.or(first);
            cursor.next_at =
                cursor.next_at.max(things.iter().filter_map(created).max().map(Timestamp::as_millis));
            let is_end = things.last().is_none_or(|last| !cursor.is_news(created(last), at.since, at.now));
            let next = text(&listing, "/data/after").filter(|after| !is_end && is_fullname(after));
            return Ok(cursor.walk(told, next));
        }
        cursor.at = cursor.at.max(things.iter().filter_map(created).max().map(Timestamp::as_millis));
        match first.filter(|name| is_fullname(name)) {
            Some(first) => (cursor.mark, cursor.empty) = (Some(first), 0),
            None => cursor.empty += 1,
        }
        if cursor.empty >= MOST_EMPTY {
            (cursor.mark, cursor.empty) = (None, 0);
        }
        Ok(Read { told, more: things.len() >= FULL, cursor })
    }

    fn limits(&self) -> Limits {
        Limits::Seconds("x-ratelimit-remaining", "x-ratelimit-reset")
    }
}

/// The kind of a thing and its number: what goes into an address.
fn is_fullname(name: &str) -> bool {
    name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn told(stream: &str, thing: &Value) -> Option<Told> {
    let data = thing.get("data")?;
    let fullname = text(data, "/name")?;
    let listing = stream.rsplit('/').next().unwrap_or_default();
    let kind = match (thing["kind"].as_str()?, data["type"].as_str()) {
        ("t3", _) => "social.post",
        ("t4", _) => "social.message",
        ("t1", Some("username_mention")) => "social.mention",
        ("t1", _) => "social.comment",
        _ => return None,
    };
    let (is_post, is_message) = (kind == "social.post", kind == "social.message");
    let url = ["/permalink", "/context"].iter().find_map(|at| text(data, at)).map(absolute);
    let of_kind = |is: bool, value: Value| if is { value } else { Value::Null };
    let told = Told::new(kind, fullname.as_str(), thing)
        .at(seconds(data, "/created_utc"))
        .with("vendorEvent", listing)
        .with("accountId", of_kind(!is_message, value(data, "/subreddit")))
        .with("postId", if is_post { fullname.as_str().into() } else { value(data, "/link_id") })
        .with("commentId", of_kind(!is_post && !is_message, fullname.as_str().into()))
        .with("messageId", of_kind(is_message, fullname.as_str().into()))
        .with("parentId", value(data, "/parent_id"))
        .with("authorId", value(data, "/author_fullname"))
        .with("authorName", value(data, "/author"))
        .with("from", of_kind(is_message, value(data, "/author")))
        .with("to", of_kind(is_message, value(data, "/dest")))
        .with("title", text(data, "/title").or_else(|| text(data, "/subject")))
        .with("text", ["/selftext", "/body", "/title"].iter().find_map(|at| text(data, at)))
        .with("url", url);
    Some(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sync::testing::{at, ids, page};

    fn post(name: &str, created: u64) -> Value {
        json!({"kind": "t3", "data": {"name": name, "id": "a", "title": "Hi", "selftext": "", "author": "ann",
            "author_fullname": "t2_c", "subreddit": "rust", "created_utc": created as f64,
            "permalink": "/r/rust/comments/a/hi/"}})
    }

    fn listing(children: &[Value], after: Option<&str>) -> ApiReply {
        page(&json!({"kind": "Listing", "data": {"after": after, "before": null, "dist": children.len(),
            "modhash": "", "geo_filter": "", "children": children}}))
    }

    #[test]
    fn a_listing_is_read_back_once_and_then_forward() {
        let at = at("r/rust/new");
        let url = Reddit.request(&at, &Cursor::default()).url;
        assert_eq!(url, "https://api.example/r/rust/new?limit=100&raw_json=1");
        // Back to what is no news any more, over two pages.
        let first = listing(&[post("t3_d", 1_789_999_990), post("t3_c", 1_789_999_980)], Some("t3_c"));
        let read = Reddit.read(&at, Cursor::default(), &first).unwrap();
        assert_eq!((ids(&read.told), read.more), (vec!["t3_c", "t3_d"], true));
        assert!(Reddit.request(&at, &read.cursor).url.ends_with("&after=t3_c"));
        let second = listing(&[post("t3_b", 1_789_999_970), post("t3_a", 1_789_000_000)], Some("t3_a"));
        let read = Reddit.read(&at, read.cursor, &second).unwrap();
        assert_eq!((ids(&read.told), read.more), (vec!["t3_b"], false));
        // From then on what came after the newest.
        assert!(Reddit.request(&at, &read.cursor).url.ends_with("&before=t3_d"));
        let news = listing(&[post("t3_e", 1_789_999_999)], None);
        let read = Reddit.read(&at, read.cursor, &news).unwrap();
        assert_eq!(
            (ids(&read.told), read.more, read.cursor.mark.as_deref()),
            (vec!["t3_e"], false, Some("t3_e"))
        );
        let full: Vec<_> = (0..FULL).map(|n| post(&format!("t3_f{n}"), 1_789_999_999)).collect();
        assert!(Reddit.read(&at, read.cursor, &listing(&full, None)).unwrap().more);
    }

    #[test]
    fn a_mark_that_was_removed_does_not_stop_it() {
        let at = at("r/rust/new");
        let mut cursor =
            Cursor { mark: Some("t3_d".to_owned()), at: Some(1_789_990_000_000), ..Cursor::default() };
        for _ in 0..MOST_EMPTY {
            cursor = Reddit.read(&at, cursor, &listing(&[], None)).unwrap().cursor;
        }
        assert_eq!(cursor.mark, None);
        let read = listing(&[post("t3_e", 1_789_999_000), post("t3_d", 1_789_990_000)], Some("t3_d"));
        let read = Reddit.read(&at, cursor, &read).unwrap();
        assert_eq!(
            (ids(&read.told), read.more, read.cursor.mark.as_deref()),
            (vec!["t3_e"], false, Some("t3_e"))
        );
    }

    #[test]
    fn things_are_told_by_their_kind() {
        let comment = |kind: &str| {
            json!({"kind": "t1", "data": {"name": "t1_b", "type": kind, "body": "hi", "author": "ann", "subreddit": "rust",
                "link_id": "t3_a", "parent_id": "t3_a", "created_utc": 1_789_999_990.0, "context": "/r/rust/comments/a/_/b"}})
        };
        let message = json!({"kind": "t4", "data": {"name": "t4_m", "subject": "Hello", "body": "hi", "author": "ann",
            "dest": "us", "created_utc": 1_789_999_990.0, "was_comment": false}});
        let table = [
            (comment("comment_reply"), "social.comment", "t1_b"),
            (comment("username_mention"), "social.mention", "t1_b"),
            (message, "social.message", "t4_m"),
        ];
        let at = at("message/inbox");
        for (thing, kind, id) in table {
            let told = Reddit.read(&at, Cursor::default(), &listing(&[thing], None)).unwrap().told.remove(0);
            assert_eq!((told.kind, told.id.as_str()), (kind, id));
            assert_eq!(told.at, Some(Timestamp::from_millis(1_789_999_990_000)));
        }
        assert_eq!(Reddit.read(&at, Cursor::default(), &page(&json!({"error": 1}))), Err(Fault::Odd));
    }

    #[test]
    fn what_is_followed_has_listings() {
        assert_eq!(Reddit.streams("r/rust").unwrap(), ["r/rust/new", "r/rust/comments"]);
        assert_eq!(Reddit.streams("rust"), Reddit.streams("r/rust"));
        assert_eq!(Reddit.streams("inbox").unwrap(), ["message/inbox"]);
        for wrong in ["", "r/", "r/../api", "r/a b", "r/rust/new"] {
            assert_eq!(Reddit.streams(wrong), None, "{wrong}");
        }
    }
}
