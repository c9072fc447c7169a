//! What Meta tells, for each kind of object that a subscription is of.

use serde_json::Value;

use super::pages::{feed, instagram_comment, instagram_mention, message, page_mention};
use super::whatsapp::whatsapp;
use crate::vendors::told::{Told, items, text};

/// What a call tells. Several entries may come at once, each with several changes.
pub fn translate(body: &Value) -> Vec<Told> {
    let Some(object) = text(body, "/object") else { return Vec::new() };
    items(body, "/entry").flat_map(|entry| of_entry(&object, entry)).collect()
}

fn of_entry(object: &str, entry: &Value) -> Vec<Told> {
    let changes = items(entry, "/changes").flat_map(|change| of_change(object, entry, change));
    let messages = items(entry, "/messaging").filter_map(|item| message(network(object)?, item));
    changes.chain(messages).collect()
}

fn of_change(object: &str, entry: &Value, change: &Value) -> Vec<Told> {
    let (Some(field), Some(value)) = (text(change, "/field"), change.get("value")) else { return Vec::new() };
    let told = match (object, field.as_str()) {
        ("page", "feed") => feed(entry, value),
        ("page", "mention") => page_mention(entry, value),
        ("instagram", "comments" | "live_comments") => instagram_comment(entry, &field, value),
        ("instagram", "mentions") => instagram_mention(entry, value),
        ("instagram" | "page", "messages") => network(object).and_then(|network| message(network, value)),
        ("whatsapp_business_account", "messages") => return whatsapp(value),
        _ => None,
    };
    told.into_iter().collect()
}

/// Which of Meta's networks an object with messages is of.
fn network(object: &str) -> Option<&'static str> {
    match object {
        "page" => Some("facebook"),
        "instagram" => Some("instagram"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(object: &str, field: &str, value: &Value) -> Vec<Told> {
        let changes = json!([{"field": field, "value": value}]);
        translate(
            &json!({"object": object, "entry": [{"id": "7", "time": 1_790_000_000, "changes": changes}]}),
        )
    }

    #[test]
    fn changes_are_understood_by_their_object_and_field() {
        let add = |item: &str| json!({"item": item, "verb": "add", "post_id": "1", "comment_id": "2", "from": {"id": "3"}});
        let comment =
            json!({"id": "2", "text": "hi", "from": {"id": "3", "username": "ann"}, "media": {"id": "1"}});
        let table = [
            ("page", "feed", add("status"), Some(("social.post", "1"))),
            ("page", "feed", add("photo"), Some(("social.post", "1"))),
            ("page", "feed", add("comment"), Some(("social.comment", "2"))),
            ("page", "feed", add("event"), None),
            ("page", "feed", json!({"item": "comment", "verb": "remove", "comment_id": "2"}), None),
            ("page", "mention", add("comment"), Some(("social.mention", "mention:2"))),
            ("page", "ratings", add("comment"), None),
            ("instagram", "comments", comment.clone(), Some(("social.comment", "2"))),
            ("instagram", "live_comments", comment.clone(), Some(("social.comment", "2"))),
            (
                "instagram",
                "mentions",
                json!({"media_id": "1", "comment_id": "2"}),
                Some(("social.mention", "mention:2")),
            ),
            ("instagram", "mentions", json!({"media_id": "1"}), Some(("social.mention", "mention:1"))),
            ("instagram", "feed", add("post"), None),
            ("user", "comments", comment, None),
        ];
        for (object, field, value, ours) in table {
            let told = told(object, field, &value);
            let found = told.first().map(|told| (told.kind, told.id.as_str()));
            assert_eq!(found, ours, "{object} {field} {value}");
        }
    }

    #[test]
    fn a_reaction_is_one_of_somebody_to_something() {
        let reaction = |verb: &str, comment: Value, of: &str| {
            let value = json!({"item": "reaction", "verb": verb, "reaction_type": "love", "post_id": "1", "comment_id": comment, "from": {"id": of}});
            told("page", "feed", &value).first().map(|told| (told.kind, told.id.clone()))
        };
        assert_eq!(reaction("remove", Value::Null, "3"), None);
        let ids: Vec<_> = [
            reaction("add", Value::Null, "3"),
            reaction("add", "2".into(), "3"),
            reaction("add", Value::Null, "4"),
        ]
        .into_iter()
        .map(Option::unwrap)
        .collect();
        assert!(ids.iter().all(|(kind, _)| *kind == "social.reaction"));
        assert!(ids[0] != ids[1] && ids[0] != ids[2]);
    }

    #[test]
    fn messages_are_told_but_not_our_own() {
        let item = json!({"sender": {"id": "3"}, "recipient": {"id": "7"}, "timestamp": 1_790_000_000_123_u64,
            "message": {"mid": "m_1", "text": "hi"}});
        let echo = json!({"message": {"mid": "m_2", "text": "hi", "is_echo": true}});
        let read = json!({"read": {"watermark": 1}});
        for object in ["page", "instagram"] {
            let body = json!({"object": object, "entry": [{"id": "7", "messaging": [item, echo, read]}]});
            let told = translate(&body);
            assert_eq!(told.len(), 1);
            assert_eq!((told[0].kind, told[0].id.as_str()), ("social.message", "m_1"));
            assert_eq!((&told[0].data["from"], &told[0].data["text"]), (&json!("3"), &json!("hi")));
            assert_eq!(told[0].at.unwrap().as_millis(), 1_790_000_000_123);
        }
    }

    #[test]
    fn a_batch_tells_one_thing_for_each_item_and_junk_nothing() {
        let comment = |id: &str| json!({"field": "comments", "value": {"id": id, "text": "hi"}});
        let body = json!({"object": "instagram", "entry": [
            {"id": "7", "changes": [comment("1"), {"field": "comments"}, comment("2")]},
            {"id": "8", "changes": [comment("3")]},
            null,
        ]});
        let told = translate(&body);
        let ids: Vec<_> = told.iter().map(|told| told.id.as_str()).collect();
        assert_eq!(ids, ["1", "2", "3"]);
        for body in [json!(null), json!([]), json!({"object": "page", "entry": 1}), json!({"entry": [{}]})] {
            assert!(translate(&body).is_empty(), "{body}");
        }
    }
}
