//! X: `GET /2/users/{id}/mentions` and `/2/users/{id}/tweets`, each with what came after a post (`since_id`), page by page
//! from the newest (`pagination_token`). (X API v2, "User mentions timeline", "User posts timeline", "Rate limits".)

use appengine_actors::webhook::transport::Method;
use serde_json::Value;

use super::adapter::{Adapter, Fault, Place, Read};
use super::cursor::Cursor;
use super::limits::Limits;
use crate::connect::api::{ApiCall, ApiReply};
use crate::vendors::told::{Told, items, moment, text, value};
use crate::vendors::x::url;

/// X.
pub struct X;

impl Adapter for X {
    fn vendor(&self) -> &'static str {
        "x"
    }

    fn interface(&self) -> &'static str {
        "x"
    }

    fn follows(&self) -> &'static str {
        "the ids of accounts, as numbers"
    }

    fn streams(&self, follow: &str) -> Option<Vec<String>> {
        let is_id = (1..=19).contains(&follow.len()) && follow.bytes().all(|byte| byte.is_ascii_digit());
        is_id.then(|| vec![format!("users/{follow}/mentions"), format!("users/{follow}/tweets")])
    }

    fn request(&self, at: &Place<'_>, cursor: &Cursor) -> ApiCall {
        let after = match &cursor.mark {
            Some(mark) => format!("since_id={mark}"),
            // Not more finely than in seconds.
            None => format!("start_time={}", at.since.to_string().replace(".000Z", "Z")),
        };
        let page = cursor.page().map_or_else(String::new, |page| format!("&pagination_token={page}"));
        let fields = "tweet.fields=author_id,conversation_id,created_at,in_reply_to_user_id,referenced_tweets\
                      &expansions=author_id&user.fields=username";
        let url = format!("{}/2/{}?max_results=100&{fields}&{after}{page}", at.base, at.stream);
        ApiCall::new(Method::Get, url).bearer(at.token)
    }

    fn read(&self, at: &Place<'_>, mut cursor: Cursor, reply: &ApiReply) -> Result<Read, Fault> {
        let body = reply.json();
        let Some(meta) = body.get("meta") else {
            // A user who is gone or hidden is answered with 200 and `errors`.
            return Err(if body.get("errors").is_some() { Fault::Stream } else { Fault::Odd });
        };
        let mut told: Vec<Told> =
            items(&body, "/data").filter_map(|post| told(at.stream, &body, post)).collect();
        told.reverse();
        let ids = items(&body, "/data").filter_map(|post| text(post, "/id"));
        ids.chain(text(meta, "/newest_id")).filter(|id| is_token(id)).for_each(|id| cursor.meet(&id));
        let next = text(meta, "/next_token").filter(|token| is_token(token));
        Ok(cursor.walk(told, next))
    }

    fn limits(&self) -> Limits {
        Limits::Moment("x-rate-limit-remaining", "x-rate-limit-reset")
    }
}

/// What goes into an address as it is.
fn is_token(text: &str) -> bool {
    text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// A post, under the id that the Activity API gives to what it says of it.
fn told(stream: &str, body: &Value, post: &Value) -> Option<Told> {
    let mut parts = stream.split('/').skip(1);
    let (us, listing) = (parts.next()?, parts.next()?);
    let (id, by) = (text(post, "/id")?, text(post, "/author_id"));
    let referenced = |kind: &str| {
        items(post, "/referenced_tweets").find(|of| of["type"] == *kind).and_then(|of| text(of, "/id"))
    };
    let answered = referenced("replied_to");
    let (kind, vendors, original) = match (listing, referenced("retweeted")) {
        ("tweets", Some(original)) => ("social.post", "post.repost.create", Some(original)),
        ("tweets", None) => ("social.post", "post.create", answered.or_else(|| referenced("quoted"))),
        // Our own come with the other listing.
        _ if by.as_deref() == Some(us) => return None,
        _ if answered.is_some() && post["in_reply_to_user_id"] == *us => {
            ("social.comment", "post.reply.create", answered)
        }
        _ => ("social.mention", "post.mention.create", answered),
    };
    let is_comment = kind == "social.comment";
    let author = items(body, "/includes/users").find(|user| text(user, "/id") == by);
    let told = Told::new(kind, format!("{vendors}:{id}"), post)
        .at(moment(post, "/created_at"))
        .with("vendorEvent", vendors)
        .with("own", by.as_deref() == Some(us))
        .with("accountId", us)
        .with("authorId", by)
        .with("authorName", author.and_then(|author| text(author, "/username")))
        .with("postId", if is_comment { original.clone() } else { Some(id.clone()) })
        .with("commentId", is_comment.then(|| id.clone()))
        .with("parentId", original)
        .with("text", value(post, "/text"))
        .with("url", url(&id));
    Some(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sync::testing::{at, kinds, page};
    use crate::vendors::testing::told_by;

    #[test]
    fn a_timeline_is_read_from_the_newest_to_what_is_known() {
        let at = at("users/7/mentions");
        let url = X.request(&at, &Cursor::default()).url;
        assert!(url.starts_with("https://api.example/2/users/7/mentions?max_results=100&"), "{url}");
        assert!(url.ends_with("&start_time=2026-09-20T14:13:20Z"), "{url}");
        let known = Cursor { mark: Some("100".to_owned()), ..Cursor::default() };
        assert!(X.request(&at, &known).url.ends_with("&since_id=100"));
        let body = json!({
            "data": [
                {"id": "103", "text": "@us hi", "author_id": "3", "created_at": "2026-09-21T14:13:20.000Z",
                    "edit_history_tweet_ids": ["103"]},
                {"id": "102", "text": "@us no", "author_id": "3", "in_reply_to_user_id": "7",
                    "referenced_tweets": [{"type": "replied_to", "id": "90"}]},
                {"id": "101", "text": "@us ours", "author_id": "7"},
            ],
            "includes": {"users": [{"id": "3", "name": "Ann", "username": "ann"}]},
            "meta": {"newest_id": "103", "oldest_id": "101", "result_count": 3, "next_token": "7140dibdnow9c7btw421dyz6jism75z99gyxd8egarsc4"},
        });
        let read = X.read(&at, known, &page(&body)).unwrap();
        let expected =
            [("social.comment", "post.reply.create:102"), ("social.mention", "post.mention.create:103")];
        assert_eq!((kinds(&read.told), read.more), (expected.to_vec(), true));
        assert_eq!(
            (&read.told[0].data["postId"], &read.told[0].data["commentId"]),
            (&json!("90"), &json!("102"))
        );
        assert_eq!(read.told[1].data["authorName"], "ann");
        let next = X.request(&at, &read.cursor).url;
        assert!(next.contains("&since_id=100&pagination_token=7140dib"), "{next}");
        let last = json!({"meta": {"result_count": 0}});
        let read = X.read(&at, read.cursor, &page(&last)).unwrap();
        assert_eq!((read.more, read.cursor.mark.as_deref(), read.cursor.page()), (false, Some("103"), None));
    }

    #[test]
    fn posts_of_ours_and_what_a_webhook_says_of_them_are_the_same() {
        let body = json!({"data": [
            {"id": "9", "text": "RT", "author_id": "7", "referenced_tweets": [{"type": "retweeted", "id": "5"}]},
            {"id": "8", "text": "hi", "author_id": "7"},
        ], "meta": {"newest_id": "9", "result_count": 2}});
        let read = X.read(&at("users/7/tweets"), Cursor::default(), &page(&body)).unwrap();
        let expected = [("social.post", "post.create:8"), ("social.post", "post.repost.create:9")];
        assert_eq!(kinds(&read.told), expected);
        let hook = json!({"data": {"event_type": "post.create", "event_uuid": "8", "payload": {"id": "8"}}});
        let hook = told_by(&crate::vendors::x::X, &hook).remove(0);
        assert_eq!((hook.kind, &hook.id), (read.told[0].kind, &read.told[0].id));
    }

    #[test]
    fn somebody_who_is_gone_stops_only_their_listing() {
        let body = json!({"errors": [{"title": "Not Found Error", "resource_type": "user", "value": "7"}]});
        assert_eq!(X.read(&at("users/7/tweets"), Cursor::default(), &page(&body)), Err(Fault::Stream));
        assert_eq!(X.streams("us"), None);
    }
}
