//! Telegram bots: `X-Telegram-Bot-Api-Secret-Token` repeats the `secret_token` of `setWebhook`. Nothing is signed: whoever
//! knows the token can say anything. (Telegram, "Bot API", `setWebhook`.)

use serde_json::Value;

use super::call::Call;
use super::keys::Keys;
use super::told::{Told, seconds, text, value};
use super::verdict::{Part, Refusal, Stop, Verified};
use super::{Around, Vendor, mac};

const TOKEN: &str = "X-Telegram-Bot-Api-Secret-Token";

/// Telegram.
pub struct Telegram;

impl Vendor for Telegram {
    fn name(&self) -> &'static str {
        "telegram"
    }

    fn verify(&self, call: &Call, keys: &Keys, _: &Around<'_>) -> Result<Verified, Stop> {
        check(call, keys)?;
        let id = call.json().as_ref().and_then(id);
        Ok(Verified::call(id.unwrap_or_else(|| mac::sha256_hex(&call.body))))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        call.json().as_ref().and_then(told).into_iter().collect()
    }
}

fn check(call: &Call, keys: &Keys) -> Result<(), Refusal> {
    if keys.secrets.is_empty() {
        return Err(Refusal::no_keys("the `secret_token` that `setWebhook` was given"));
    }
    let token = call.headers.one(TOKEN).ok_or_else(|| Refusal::no_header(TOKEN))?;
    // An empty token would let everybody in.
    let is_it = |secret: &str| !secret.is_empty() && mac::is_same(secret, token);
    if !keys.secrets.iter().any(|secret| is_it(secret.expose())) {
        let cause = "the webhook was set with another `secret_token`, or the call is not from Telegram";
        let expected = format!("the `secret_token` of the webhook in `{TOKEN}`");
        return Err(Refusal::new(Part::Signature, expected, "another text", cause));
    }
    Ok(())
}

fn id(update: &Value) -> Option<String> {
    update.get("update_id")?.as_u64().map(|id| id.to_string())
}

fn told(update: &Value) -> Option<Told> {
    let kinds = [
        ("message", "message.received"),
        ("business_message", "message.received"),
        ("edited_message", "message.edited"),
        ("channel_post", "social.post"),
        ("callback_query", "message.button_pressed"),
        ("message_reaction", "social.reaction"),
    ];
    let (theirs, kind, item) = kinds.into_iter().find_map(|(theirs, kind)| {
        Some((theirs, kind, update.get(theirs).filter(|item| item.is_object())?))
    })?;
    // A button's press holds the message that the button is on; a reaction names whoever reacts `user`.
    let message = item.get("message").unwrap_or(item);
    let from = item.get("from").or_else(|| item.get("user")).or_else(|| item.get("sender_chat"));
    let from = from.cloned().unwrap_or_default();
    let told = Told::new(kind, id(update)?, update)
        .at(seconds(message, "/date"))
        .with("vendorEvent", theirs)
        .with("from", value(&from, "/id"))
        .with("to", value(message, "/chat/id"))
        .with("chatId", value(message, "/chat/id"))
        .with("chatType", value(message, "/chat/type"))
        .with("messageId", value(message, "/message_id"))
        .with("authorId", value(&from, "/id"))
        .with("authorName", name(&from))
        .with("username", value(&from, "/username"))
        .with("text", text(item, "/text").or_else(|| text(item, "/caption")))
        .with("button", value(item, "/data"));
    Some(told)
}

/// The name that somebody shows, or that a channel has.
fn name(of: &Value) -> Option<String> {
    let parts: Vec<_> =
        ["/first_name", "/last_name", "/title"].into_iter().filter_map(|at| text(of, at)).collect();
    Some(parts.join(" ")).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::keys::Secret;
    use crate::vendors::testing::{call, told_by};

    #[test]
    fn updates_are_understood() {
        let table = [
            ("message", Some("message.received")),
            ("edited_message", Some("message.edited")),
            ("channel_post", Some("social.post")),
            ("callback_query", Some("message.button_pressed")),
            ("poll", None),
        ];
        for (theirs, ours) in table {
            let told = told_by(&Telegram, &json!({"update_id": 1, theirs: {}}));
            assert_eq!(told.first().map(|told| told.kind), ours, "{theirs}");
        }
    }

    #[test]
    fn a_message_says_who_wrote_what_where() {
        let message = json!({
            "message_id": 5, "date": 1_790_000_000, "text": "/start", "chat": {"id": -7, "type": "group"},
            "from": {"id": 1111, "first_name": "Ada", "last_name": "L", "username": "ada"},
        });
        let told = told_by(&Telegram, &json!({"update_id": 10000, "message": message})).remove(0);
        assert_eq!((told.id.as_str(), told.at), ("10000", Some(crate::vendors::testing::now())));
        assert_eq!((&told.data["from"], &told.data["to"]), (&json!(1111), &json!(-7)));
        assert_eq!((&told.data["authorName"], &told.data["text"]), (&json!("Ada L"), &json!("/start")));
        let press = json!({"from": {"id": 1}, "data": "yes", "message": message});
        let told = told_by(&Telegram, &json!({"update_id": 1, "callback_query": press})).remove(0);
        assert_eq!((&told.data["messageId"], &told.data["button"]), (&json!(5), &json!("yes")));
    }

    #[test]
    fn an_empty_token_is_nobodys() {
        let keys = Keys { secrets: vec![Secret::new(String::new())], ..Keys::default() };
        assert!(check(&call("POST", "/", &[(TOKEN, "")], "{}"), &keys).is_err());
        assert!(told_by(&Telegram, &json!({"message": {}})).is_empty());
    }
}
