//! Meta: `GET /{page}/feed` of Facebook's pages and `/{account}/media` of Instagram's accounts, each post with its latest
//! comments, from the newest back to what is known. (Meta, "Page Feed", "IG User Media", "Paginated results", "Rate
//! limits".)

use appengine_actors::clock::Timestamp;
use appengine_actors::webhook::transport::Method;
use serde_json::{Value, json};

use super::adapter::{Adapter, Fault, Place, Read};
use super::cursor::Cursor;
use super::limits::Limits;
use crate::connect::api::{ApiCall, ApiReply};
use crate::vendors::told::{Told, items, text, value};

const VERSION: &str = "v23.0";
const POSTS: &str = "25";
const COMMENTS: u32 = 50;

/// Meta.
pub struct Meta;

impl Adapter for Meta {
    fn vendor(&self) -> &'static str {
        "meta"
    }

    fn interface(&self) -> &'static str {
        "meta"
    }

    fn follows(&self) -> &'static str {
        "pages as page/ID and Instagram's accounts as instagram/ID, with their numbers"
    }

    fn streams(&self, follow: &str) -> Option<Vec<String>> {
        let (network, id) = follow.split_once('/')?;
        let is_known = matches!(network, "page" | "instagram");
        let is_id = (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
        (is_known && is_id).then(|| vec![follow.to_owned()])
    }

    fn request(&self, at: &Place<'_>, cursor: &Cursor) -> ApiCall {
        let (network, id) = Network::of(at.stream);
        let (of, after) = match cursor.page().map(|page| page.split_once('|').unwrap_or(("", page))) {
            Some((of, after)) => (of, Some(after)),
            None => ("", None),
        };
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let path = if of.is_empty() {
            let fields = format!("{},comments{}", network.post_fields(), network.comments());
            query.append_pair("fields", &fields).append_pair("limit", POSTS);
            format!("{id}/{}", network.edge())
        } else {
            query.append_pair("fields", network.comment_fields()).append_pair("limit", &COMMENTS.to_string());
            if network == Network::Page {
                query.append_pair("order", "reverse_chronological");
            }
            format!("{of}/comments")
        };
        if let Some(after) = after {
            query.append_pair("after", after);
        }
        ApiCall::new(Method::Get, format!("{}/{VERSION}/{path}?{}", at.base, query.finish())).bearer(at.token)
    }

    fn read(&self, at: &Place<'_>, mut cursor: Cursor, reply: &ApiReply) -> Result<Read, Fault> {
        let (network, account) = Network::of(at.stream);
        let body = reply.json();
        let data = body.get("data").and_then(Value::as_array).ok_or(Fault::Odd)?;
        let of = cursor.page().and_then(|page| page.split_once('|')).map(|(of, _)| of.to_owned());
        let of = of.filter(|of| !of.is_empty());
        let known = cursor.clone();
        let is_news = |thing: &Value| known.is_news(network.time(thing), at.since, at.now);
        let (mut told, mut next) = (Vec::new(), Vec::new());
        let mut comments = |post: &str, page: &Value, cursor: &mut Cursor| {
            for comment in items(page, "/data") {
                cursor.meet_at(network.time(comment));
                told.extend(is_news(comment).then(|| network.comment(account, post, comment)).flatten());
            }
            let is_end = items(page, "/data").last().is_none_or(|last| !is_news(last));
            after(page).filter(|_| !is_end).map(|after| format!("{post}|{after}"))
        };
        match of {
            Some(post) => next.extend(comments(&post, &body, &mut cursor)),
            None => {
                for post in data {
                    let Some(id) = text(post, "/id") else { continue };
                    let page = post.get("comments").unwrap_or(&Value::Null);
                    next.extend(comments(&id, page, &mut cursor));
                }
                for post in data {
                    cursor.meet_at(network.time(post));
                    told.extend(is_news(post).then(|| network.post(account, post)).flatten());
                }
                let is_end = data.last().is_none_or(|last| !is_news(last));
                next.extend(after(&body).filter(|_| !is_end).map(|after| format!("|{after}")));
            }
        }
        told.sort_by_key(|told| told.at);
        Ok(cursor.walk(told, next))
    }

    fn limits(&self) -> Limits {
        Limits::Usage
    }

    /// Meta answers with 400 whatever is wrong, and says what by a number.
    fn fault(&self, reply: &ApiReply) -> Option<Fault> {
        let error = reply.json();
        match error.pointer("/error/code")?.as_u64()? {
            4 | 17 | 32 | 613 | 80_001 | 80_002 => Some(Fault::Limit(None)),
            102 | 190 => Some(Fault::Token),
            10 | 100 | 200..=299 | 803 => Some(Fault::Stream),
            _ => None,
        }
    }
}

/// The cursor of the page that comes after this one, where there is one.
fn after(page: &Value) -> Option<String> {
    page.pointer("/paging/next").and_then(|_| text(page, "/paging/cursors/after"))
}

/// Which of Meta's networks a listing is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    Page,
    Instagram,
}

impl Network {
    fn of(stream: &str) -> (Self, &str) {
        let (network, id) = stream.split_once('/').unwrap_or(("page", stream));
        (if network == "instagram" { Self::Instagram } else { Self::Page }, id)
    }

    const fn edge(self) -> &'static str {
        match self {
            Self::Page => "feed",
            Self::Instagram => "media",
        }
    }

    const fn post_fields(self) -> &'static str {
        match self {
            Self::Page => "id,message,created_time,from,permalink_url,status_type",
            Self::Instagram => "id,caption,media_type,permalink,timestamp,username",
        }
    }

    const fn comment_fields(self) -> &'static str {
        match self {
            Self::Page => "id,message,created_time,from,parent{id},permalink_url",
            Self::Instagram => "id,text,timestamp,username,from,parent_id",
        }
    }

    /// The latest comments of a post, the newest first; answers to comments are among a page's.
    fn comments(self) -> String {
        let order = match self {
            Self::Page => ".order(reverse_chronological).filter(stream)",
            Self::Instagram => "",
        };
        format!("{order}.limit({COMMENTS}){{{}}}", self.comment_fields())
    }

    fn time(self, thing: &Value) -> Option<Timestamp> {
        let time = match self {
            Self::Page => "/created_time",
            Self::Instagram => "/timestamp",
        };
        // Without a colon in the offset, which RFC 3339 wants.
        text(thing, time)?.replace("+0000", "Z").parse().ok()
    }

    fn post(self, account: &str, post: &Value) -> Option<Told> {
        let id = text(post, "/id")?;
        let told = Told::new("social.post", id.as_str(), post).at(self.time(post)).with("accountId", account);
        let told = told.with("vendorEvent", self.edge()).with("postId", id);
        let by = text(post, "/from/id");
        let told = match self {
            Self::Page => told
                .with("network", "facebook")
                .with("own", by.as_deref() == Some(account))
                .with("authorId", by)
                .with("authorName", value(post, "/from/name"))
                .with("text", value(post, "/message"))
                .with("url", value(post, "/permalink_url")),
            Self::Instagram => told
                .with("network", "instagram")
                .with("own", true)
                .with("authorId", account)
                .with("authorName", value(post, "/username"))
                .with("text", value(post, "/caption"))
                .with("url", value(post, "/permalink")),
        };
        Some(told)
    }

    fn comment(self, account: &str, post: &str, comment: &Value) -> Option<Told> {
        let id = text(comment, "/id")?;
        let by = text(comment, "/from/id");
        let told = Told::new("social.comment", id.as_str(), comment)
            .at(self.time(comment))
            .with("vendorEvent", "comments")
            .with("own", by.is_some() && by.as_deref() == Some(account))
            .with("accountId", account)
            .with("postId", post)
            .with("commentId", id)
            .with("authorId", by);
        let told = match self {
            Self::Page => told
                .with("network", "facebook")
                .with("parentId", text(comment, "/parent/id").unwrap_or_else(|| post.to_owned()))
                .with("authorName", value(comment, "/from/name"))
                .with("text", value(comment, "/message"))
                .with("url", value(comment, "/permalink_url")),
            Self::Instagram => told
                .with("network", "instagram")
                .with("parentId", value(comment, "/parent_id"))
                .with("authorName", text(comment, "/from/username").or_else(|| text(comment, "/username")))
                .with("text", value(comment, "/text")),
        };
        // The comment itself is what the vendor says; on what it is stands beside it.
        Some(Told { payload: json!({"post": {"id": post}, "comment": comment}), ..told })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::testing::{at, kinds, page};
    use crate::vendors::testing::told_by;

    fn url(call: &ApiCall) -> String {
        url::Url::parse(&call.url)
            .unwrap()
            .query_pairs()
            .fold(String::new(), |all, (name, value)| format!("{all}&{name}={value}"))
    }

    fn comment(id: &str, time: &str) -> Value {
        json!({"id": id, "message": "hi", "created_time": time, "from": {"id": "3", "name": "Ann"}})
    }

    #[test]
    fn a_page_is_read_with_the_comments_on_its_posts() {
        let at = at("page/7");
        let call = Meta.request(&at, &Cursor::default());
        assert!(call.url.starts_with("https://api.example/v23.0/7/feed?"), "{}", call.url);
        assert!(
            url(&call)
                .contains(",comments.order(reverse_chronological).filter(stream).limit(50){id,message,")
        );
        let next = json!({"cursors": {"before": "b", "after": "QVFIU"}, "next": "https://graph.facebook.com/v23.0/…"});
        let body = json!({
            "data": [
                {"id": "7_2", "message": "new", "created_time": "2026-09-21T14:00:00+0000", "from": {"id": "7", "name": "Acme"},
                    "permalink_url": "https://www.facebook.com/7_2"},
                {"id": "7_1", "message": "old", "created_time": "2026-08-01T14:00:00+0000", "from": {"id": "7", "name": "Acme"},
                    "comments": {"data": [comment("1_9", "2026-09-21T14:05:00+0000")], "paging": next}},
            ],
            "paging": next,
        });
        let read = Meta.read(&at, Cursor::default(), &page(&body)).unwrap();
        let expected = [("social.post", "7_2"), ("social.comment", "1_9")];
        assert_eq!((kinds(&read.told), read.more), (expected.to_vec(), true));
        assert_eq!((&read.told[0].data["own"], &read.told[1].data["postId"]), (&json!(true), &json!("7_1")));
        // The last post is no news, so older ones are not; the comments of one go on.
        assert_eq!(read.cursor.pages, ["7_1|QVFIU"]);
        let call = Meta.request(&at, &read.cursor);
        assert!(call.url.starts_with("https://api.example/v23.0/7_1/comments?"), "{}", call.url);
        assert!(url(&call).ends_with("&after=QVFIU"), "{}", call.url);
        let body = json!({"data": [comment("1_8", "2026-09-21T13:55:00+0000")], "paging": {"cursors": {}}});
        let read = Meta.read(&at, read.cursor, &page(&body)).unwrap();
        assert_eq!((kinds(&read.told), read.more), (vec![("social.comment", "1_8")], false));
        assert_eq!(read.cursor.at, Some("2026-09-21T14:05:00Z".parse::<Timestamp>().unwrap().as_millis()));
    }

    #[test]
    fn an_account_is_read_page_by_page() {
        let at = at("instagram/17");
        let media = json!({"id": "170", "caption": "hi", "media_type": "IMAGE", "username": "acme",
            "permalink": "https://www.instagram.com/p/a/", "timestamp": "2026-09-21T14:00:00+0000",
            "comments": {"data": [{"id": "179", "text": "nice", "timestamp": "2026-09-21T14:01:00+0000", "username": "ann"}]}});
        let body = json!({"data": [media], "paging": {"cursors": {"after": "QVF"}, "next": "https://…"}});
        let read = Meta.read(&at, Cursor::default(), &page(&body)).unwrap();
        assert_eq!(kinds(&read.told), [("social.post", "170"), ("social.comment", "179")]);
        let call = Meta.request(&at, &read.cursor);
        assert!(
            call.url.starts_with("https://api.example/v23.0/17/media?") && call.url.ends_with("&after=QVF")
        );
    }

    #[test]
    fn a_comment_is_the_same_whoever_tells_of_it() {
        let value = json!({"item": "comment", "verb": "add", "post_id": "7_1", "comment_id": "1_9", "message": "hi",
            "created_time": 1_789_999_500, "from": {"id": "3", "name": "Ann"}, "parent_id": "7_1"});
        let changes = json!([{"field": "feed", "value": value}]);
        let hook =
            json!({"object": "page", "entry": [{"id": "7", "time": 1_789_999_500, "changes": changes}]});
        let hook = told_by(&crate::vendors::meta::Meta, &hook).remove(0);
        let post = json!({"id": "7_1", "created_time": "2026-09-21T14:00:00+0000",
            "comments": {"data": [comment("1_9", "2026-09-21T14:05:00+0000")]}});
        let read = Meta.read(&at("page/7"), Cursor::default(), &page(&json!({"data": [post]}))).unwrap();
        let found = &read.told[1];
        assert_eq!((hook.kind, &hook.id, hook.at), (found.kind, &found.id, found.at));
        for same in [
            "network",
            "accountId",
            "postId",
            "commentId",
            "parentId",
            "authorId",
            "authorName",
            "text",
            "own",
        ] {
            assert_eq!(hook.data[same], found.data[same], "{same}");
        }
    }

    #[test]
    fn what_is_wrong_is_a_number() {
        for (code, fault) in
            [(4, Some(Fault::Limit(None))), (190, Some(Fault::Token)), (100, Some(Fault::Stream)), (1, None)]
        {
            let reply = page(&json!({"error": {"message": "…", "type": "OAuthException", "code": code}}));
            assert_eq!(Meta.fault(&reply), fault, "{code}");
        }
    }
}
