//! Events of the X Activity API: one to a call, each with its type and an id of its own.

use serde_json::Value;

use super::{account, name, url};
use crate::vendors::told::{Told, items, moment, text, value};

/// The id of an event. That of a post is the post's, so the type is a part of it: one post is several events.
pub fn id(body: &Value) -> Option<String> {
    let (kind, id) = (text(body, "/data/event_type")?, text(body, "/data/event_uuid")?);
    Some(format!("{kind}:{id}"))
}

/// What an event tells.
pub fn told(body: &Value, event: &Value) -> Vec<Told> {
    let Some(vendors) = text(event, "/event_type") else { return Vec::new() };
    let payload = event.get("payload").unwrap_or(&Value::Null);
    // Messages come in the older form, in this envelope.
    if vendors == "dm.received" && payload.get("direct_message_events").is_some() {
        let us = text(event, "/filter/user_id");
        return account::messages(us.as_deref(), payload)
            .map(|told| told.with("vendorEvent", "dm.received"))
            .collect();
    }
    let kind = match vendors.as_str() {
        "post.create" | "post.repost.create" => "social.post",
        "post.mention.create" => "social.mention",
        "post.reply.create" | "post.quote.create" => "social.comment",
        "like.create" => "social.reaction",
        "follow.follow" => "social.follow",
        "dm.received" => "social.message",
        "oauth.revoke" => "connection.revoked",
        _ => return Vec::new(),
    };
    let told = id(body).map(|id| one(Told::new(kind, id, event), event, payload));
    told.into_iter().collect()
}

fn one(told: Told, event: &Value, payload: &Value) -> Told {
    let author = ["/author_id", "/sender_id", "/source/data/id", "/source/id", "/user_id"];
    let by = author.iter().find_map(|at| text(payload, at));
    let account = text(event, "/filter/user_id").or_else(|| text(payload, "/user_id"));
    let author_name = by.as_deref().and_then(|by| author_name(event, payload, by));
    // What a post answers, or repeats.
    let original = items(payload, "/referenced_tweets").find_map(|of| text(of, "/id"));
    let told = told
        .at(moment(payload, "/created_at").or_else(|| moment(payload, "/date_time")))
        .with("vendorEvent", value(event, "/event_type"))
        .with("own", by.is_some() && by == account)
        .with("accountId", account)
        .with("authorId", by)
        .with("authorName", author_name)
        .with("parentId", original.clone())
        .with("text", value(payload, "/text"));
    let id = text(payload, "/id");
    let address = id.as_deref().map(url);
    match told.kind {
        "social.comment" => told.with("postId", original).with("commentId", id).with("url", address),
        "social.post" | "social.mention" => told.with("postId", id).with("url", address),
        "social.reaction" => told.with("postId", value(payload, "/liked_tweet_id")),
        "social.message" => told.with("messageId", id),
        _ => told,
    }
}

/// Those who are named in an event are beside it in full.
fn author_name(event: &Value, payload: &Value, by: &str) -> Option<String> {
    let source = payload.pointer("/source/data").or_else(|| payload.pointer("/source"));
    let users = items(event, "/includes/users").map(|user| user.get("data").unwrap_or(user));
    users.chain(source).find(|user| user["id"] == by).and_then(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::vendors::testing::told_by;
    use crate::vendors::x::X;

    #[test]
    fn events_are_understood() {
        let table = [
            ("post.create", Some("social.post")),
            ("post.repost.create", Some("social.post")),
            ("post.mention.create", Some("social.mention")),
            ("post.reply.create", Some("social.comment")),
            ("post.quote.create", Some("social.comment")),
            ("like.create", Some("social.reaction")),
            ("follow.follow", Some("social.follow")),
            ("dm.received", Some("social.message")),
            ("oauth.revoke", Some("connection.revoked")),
            ("post.delete", None),
            ("dm.sent", None),
        ];
        for (theirs, ours) in table {
            let body = json!({"data": {"event_type": theirs, "event_uuid": "1", "payload": {"id": "1"}}});
            let told = told_by(&X, &body);
            let found = told.first().map(|told| (told.kind, told.id.clone()));
            assert_eq!(found, ours.map(|kind| (kind, format!("{theirs}:1"))), "{theirs}");
        }
    }

    #[test]
    fn a_reply_is_of_a_post_and_by_somebody() {
        let body = json!({"data": {
            "event_type": "post.reply.create", "event_uuid": "2", "filter": {"user_id": "7"},
            "payload": {"id": "2", "text": "hi", "author_id": "3", "created_at": "2026-09-21T14:13:20.000Z",
                "referenced_tweets": [{"type": "replied_to", "id": "1"}]},
            "includes": {"users": [{"id": "7", "username": "us"}, {"data": {"id": "3", "username": "ann"}}]},
        }});
        let told = told_by(&X, &body).remove(0);
        let data = &told.data;
        assert_eq!((&data["postId"], &data["commentId"]), (&json!("1"), &json!("2")));
        assert_eq!((&data["authorName"], &data["own"]), (&json!("ann"), &json!(false)));
        assert_eq!(told.at.unwrap().as_secs(), 1_790_000_000);
    }

    #[test]
    fn messages_in_the_older_form_have_their_own_ids() {
        let message = |id: &str, from: &str| {
            json!({"type": "message_create", "id": id, "created_timestamp": "1790000000000", "message_create": {
                "sender_id": from, "target": {"recipient_id": "7"}, "message_data": {"text": "hi"}}})
        };
        let body = json!({"data": {"event_type": "dm.received", "event_uuid": "9", "filter": {"user_id": "7"}, "payload": {
            "direct_message_events": [message("5", "3"), message("6", "7")],
            "users": {"3": {"data": {"username": "ann"}}},
        }}});
        let told = told_by(&X, &body);
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].kind, told[0].id.as_str()), ("social.message", "message:5"));
        assert_eq!((&told[0].data["text"], &told[0].data["authorName"]), (&json!("hi"), &json!("ann")));
    }
}
