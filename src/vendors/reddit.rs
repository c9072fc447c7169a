//! Reddit calls nobody: an app of ours there (Devvit) passes its triggers on, signed by Standard Webhooks with a secret that
//! we gave it. (Reddit for Developers, "Triggers", "HTTP Fetch".)

use serde_json::Value;

use super::call::Call;
use super::keys::Keys;
use super::told::{Told, moment, text, value};
use super::verdict::{Stop, Verified};
use super::{Around, Vendor, standard_webhooks};

/// Reddit.
pub struct Reddit;

impl Vendor for Reddit {
    fn name(&self) -> &'static str {
        "reddit"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        Ok(Verified::call(standard_webhooks::check(call, keys, around)?))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        call.json().as_ref().and_then(told).into_iter().collect()
    }
}

/// One post has two triggers, when it is sent and when it is there: by its fullname it is told once.
fn told(body: &Value) -> Option<Told> {
    let vendors = text(body, "/type")?;
    let (kind, what) = match vendors.as_str() {
        "PostSubmit" | "PostCreate" | "reddit.post.submit" | "reddit.post.create" => ("social.post", "post"),
        "CommentSubmit" | "CommentCreate" | "reddit.comment.submit" | "reddit.comment.create" => {
            ("social.comment", "comment")
        }
        _ => return None,
    };
    // A trigger's payload has the thing beside its author; an app may as well pass the thing on alone.
    let data = body.get("data").unwrap_or(body);
    let thing = data.get(what).unwrap_or(data);
    let fullname = text(thing, "/id")?;
    let words = match kind {
        "social.post" => ["/selftext", "/body", "/title"],
        _ => ["/body", "/text", "/selftext"],
    };
    let is_comment = kind == "social.comment";
    let url = ["/permalink", "/url"].iter().find_map(|at| text(thing, at));
    let told = Told::new(kind, fullname.as_str(), body)
        .at(moment(body, "/timestamp"))
        .with("vendorEvent", vendors)
        .with("accountId", text(data, "/subreddit/name").or_else(|| text(data, "/subreddit")))
        .with("postId", if is_comment { value(thing, "/postId") } else { fullname.as_str().into() })
        .with("commentId", is_comment.then_some(fullname))
        .with("parentId", value(thing, "/parentId"))
        .with("authorId", text(data, "/author/id").or_else(|| text(thing, "/authorId")))
        .with("authorName", text(data, "/author/name").or_else(|| text(thing, "/author")))
        .with("title", value(thing, "/title"))
        .with("text", words.iter().find_map(|at| text(thing, at)))
        .with("url", url.map(absolute));
    Some(told)
}

/// Reddit gives the addresses of things without its own.
#[must_use]
pub fn absolute(url: String) -> String {
    if url.starts_with('/') { format!("https://www.reddit.com{url}") } else { url }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::testing::told_by;

    #[test]
    fn a_thing_is_told_by_its_fullname() {
        let table = [
            (json!({"type": "PostSubmit", "data": {"post": {"id": "t3_a"}}}), Some(("social.post", "t3_a"))),
            (json!({"type": "PostCreate", "data": {"post": {"id": "t3_a"}}}), Some(("social.post", "t3_a"))),
            (
                json!({"type": "CommentSubmit", "data": {"comment": {"id": "t1_b"}}}),
                Some(("social.comment", "t1_b")),
            ),
            (json!({"type": "CommentCreate", "comment": {"id": "t1_b"}}), Some(("social.comment", "t1_b"))),
            (
                json!({"type": "reddit.comment.create", "data": {"id": "t1_b"}}),
                Some(("social.comment", "t1_b")),
            ),
            (json!({"type": "ModMail", "data": {"id": "1"}}), None),
            (json!({"type": "PostSubmit", "data": {}}), None),
        ];
        for (body, ours) in table {
            let told = told_by(&Reddit, &body);
            assert_eq!(told.first().map(|told| (told.kind, told.id.as_str())), ours, "{body}");
        }
    }

    #[test]
    fn a_comment_says_what_it_is_on_and_whose_it_is() {
        let body = json!({"type": "CommentCreate", "timestamp": "2026-09-21T14:13:20Z", "data": {
            "comment": {"id": "t1_b", "postId": "t3_a", "body": "hi", "permalink": "/r/acme/comments/a/_/b"},
            "author": {"id": "t2_c", "name": "ann"}, "subreddit": {"name": "acme"}}});
        let told = told_by(&Reddit, &body).remove(0);
        let expected = json!({"vendorEvent": "CommentCreate", "accountId": "acme", "postId": "t3_a",
            "commentId": "t1_b", "authorId": "t2_c", "authorName": "ann", "text": "hi",
            "url": "https://www.reddit.com/r/acme/comments/a/_/b"});
        assert_eq!(Value::Object(told.data), expected);
        assert_eq!(told.at.unwrap().as_secs(), 1_790_000_000);
    }
}
