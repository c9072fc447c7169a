//! Events of the older Account Activity API: lists of things, each with its own id, about one user of ours.

use serde_json::Value;

use super::{name, url};
use crate::vendors::mac;
use crate::vendors::told::{Told, items, millis, moment, text, value};

/// What a call tells.
pub fn told(body: &Value) -> Vec<Told> {
    let us = text(body, "/for_user_id");
    let us = us.as_deref();
    let posts = items(body, "/tweet_create_events").filter_map(|of| post(us, of));
    let likes = items(body, "/favorite_events").filter_map(|of| like(us, of));
    let follows = items(body, "/follow_events").filter_map(follow);
    let revoked = body.pointer("/user_event/revoke").map(revoked);
    posts.chain(messages(us, body)).chain(likes).chain(follows).chain(revoked).collect()
}

/// Messages that others have sent. The activity API tells them in this form too.
pub fn messages<'a>(us: Option<&'a str>, of: &'a Value) -> impl Iterator<Item = Told> + use<'a> {
    items(of, "/direct_message_events").filter_map(move |item| message(us, of, item))
}

fn message(us: Option<&str>, all: &Value, of: &Value) -> Option<Told> {
    let (from, to) = (text(of, "/message_create/sender_id"), text(of, "/message_create/target/recipient_id"));
    if text(of, "/type")? != "message_create" || from.as_deref() == us {
        return None;
    }
    let id = text(of, "/id")?;
    let user = from.as_deref().and_then(|from| all.get("users")?.get(from));
    let told = Told::new("social.message", format!("message:{id}"), of)
        .at(millis(of, "/created_timestamp"))
        .with("vendorEvent", "direct_message_events")
        .with("accountId", us)
        .with("messageId", id)
        .with("authorId", from.clone())
        .with("authorName", user.and_then(|user| name(user.get("data").unwrap_or(user))))
        .with("from", from)
        .with("to", to)
        .with("text", value(of, "/message_create/message_data/text"));
    Some(told)
}

/// A post of ours, or one that has to do with us.
fn post(us: Option<&str>, of: &Value) -> Option<Told> {
    let (id, by) = (text(of, "/id_str")?, text(of, "/user/id_str"));
    let is_own = by.as_deref() == us;
    let original = ["/in_reply_to_status_id_str", "/quoted_status_id_str", "/retweeted_status/id_str"]
        .iter()
        .find_map(|at| text(of, at));
    let kind = match &original {
        _ if is_own || of.get("retweeted_status").is_some() => "social.post",
        Some(_) => "social.comment",
        None => "social.mention",
    };
    let is_comment = kind == "social.comment";
    let told = Told::new(kind, format!("post:{id}"), of)
        .at(millis(of, "/timestamp_ms"))
        .with("vendorEvent", "tweet_create_events")
        .with("own", is_own)
        .with("accountId", us)
        .with("url", url(&id))
        .with("commentId", is_comment.then(|| id.clone()))
        .with("postId", if is_comment { original.clone() } else { Some(id) })
        .with("parentId", original)
        .with("authorId", by)
        .with("authorName", of.get("user").and_then(name))
        .with("text", text(of, "/extended_tweet/full_text").or_else(|| text(of, "/text")));
    Some(told)
}

fn like(us: Option<&str>, of: &Value) -> Option<Told> {
    let by = text(of, "/user/id_str");
    let told = Told::new("social.reaction", format!("like:{}", text(of, "/id")?), of)
        .at(millis(of, "/timestamp_ms"))
        .with("vendorEvent", "favorite_events")
        .with("own", by.as_deref() == us)
        .with("accountId", us)
        .with("postId", value(of, "/favorited_status/id_str"))
        .with("authorId", by)
        .with("authorName", of.get("user").and_then(name));
    Some(told)
}

/// Somebody follows us, or we follow somebody. Neither has an id.
fn follow(of: &Value) -> Option<Told> {
    if text(of, "/type")? != "follow" {
        return None;
    }
    let told = Told::new("social.follow", digest(of), of)
        .at(millis(of, "/created_timestamp"))
        .with("vendorEvent", "follow_events")
        .with("accountId", value(of, "/target/id"))
        .with("authorId", value(of, "/source/id"))
        .with("authorName", of.get("source").and_then(name));
    Some(told)
}

fn revoked(of: &Value) -> Told {
    Told::new("connection.revoked", digest(of), of)
        .at(moment(of, "/date_time"))
        .with("vendorEvent", "user_event")
        .with("accountId", value(of, "/source/user_id"))
}

fn digest(of: &Value) -> String {
    mac::sha256_hex(of.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::testing::told_by;
    use crate::vendors::x::X;

    #[test]
    fn posts_are_ours_or_answers_or_mentions() {
        let post = |more: &Value| {
            let mut post =
                json!({"id_str": "1", "text": "hi", "user": {"id_str": "3", "screen_name": "ann"}});
            post.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            told_by(&X, &json!({"for_user_id": "7", "tweet_create_events": [post]})).remove(0)
        };
        let table = [
            (json!({}), "social.mention"),
            (json!({"in_reply_to_status_id_str": "0"}), "social.comment"),
            (json!({"quoted_status_id_str": "0"}), "social.comment"),
            (json!({"retweeted_status": {"id_str": "0"}}), "social.post"),
            (json!({"user": {"id_str": "7"}, "in_reply_to_status_id_str": "0"}), "social.post"),
        ];
        for (more, kind) in table {
            assert_eq!(post(&more).kind, kind, "{more}");
        }
        let reply = post(&json!({"in_reply_to_status_id_str": "0"}));
        assert_eq!((&reply.data["postId"], &reply.data["commentId"]), (&json!("0"), &json!("1")));
        assert_eq!((&reply.data["authorName"], reply.id.as_str()), (&json!("ann"), "post:1"));
    }

    #[test]
    fn the_rest_is_understood_too() {
        let body = json!({
            "for_user_id": "7",
            "favorite_events": [{"id": "a", "favorited_status": {"id_str": "1"}, "user": {"id_str": "3"}}],
            "follow_events": [
                {"type": "follow", "source": {"id": "3"}, "target": {"id": "7"}},
                {"type": "unfollow", "source": {"id": "3"}, "target": {"id": "7"}},
            ],
            "tweet_delete_events": [{"status": {"id": "1"}}],
        });
        let kinds: Vec<_> = told_by(&X, &body).iter().map(|told| told.kind).collect();
        assert_eq!(kinds, ["social.reaction", "social.follow"]);
        let revoke = json!({"user_event": {"revoke": {"date_time": "2026-09-21T14:13:20+00:00", "source": {"user_id": "7"}}}});
        let told = told_by(&X, &revoke).remove(0);
        assert_eq!((told.kind, told.at.unwrap().as_secs()), ("connection.revoked", 1_790_000_000));
    }
}
