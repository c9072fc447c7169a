//! What WhatsApp tells: messages that people send, and what became of ours.

use serde_json::Value;

use crate::vendors::told::{Contact, Delivery, Told, items, seconds, text, value};

/// Both may come at once.
pub fn whatsapp(of: &Value) -> Vec<Told> {
    let us = text(of, "/metadata/display_phone_number").map(|number| e164(&number).unwrap_or(number));
    let messages = items(of, "/messages").filter_map(|message| received(of, us.as_deref(), message));
    let statuses = items(of, "/statuses").filter_map(|status| sent(us.as_deref(), status));
    messages.chain(statuses).collect()
}

fn received(of: &Value, us: Option<&str>, message: &Value) -> Option<Told> {
    let from = text(message, "/from");
    let name = items(of, "/contacts")
        .find(|contact| text(contact, "/wa_id") == from)
        .and_then(|contact| text(contact, "/profile/name"));
    let phone = from.as_deref().and_then(e164);
    let words = [
        "/text/body",
        "/button/text",
        "/interactive/button_reply/title",
        "/interactive/list_reply/title",
        "/image/caption",
        "/video/caption",
        "/document/caption",
        "/reaction/emoji",
    ];
    let told = Told::new("message.received", text(message, "/id")?, message)
        .at(seconds(message, "/timestamp"))
        .with("vendorEvent", "messages")
        .with("network", "whatsapp")
        .with("accountId", value(of, "/metadata/phone_number_id"))
        .with("messageId", value(message, "/id"))
        .with("type", value(message, "/type"))
        .with("from", phone.clone().or(from))
        .with("to", us)
        .with("authorName", name.clone())
        .with("text", words.iter().find_map(|at| text(message, at)))
        .about(Contact { email: None, phone, name });
    Some(told)
}

fn sent(us: Option<&str>, of: &Value) -> Option<Told> {
    let (message, status) = (text(of, "/id")?, text(of, "/status")?);
    // Broadcasts call a message opened that was read.
    let ours = match status.as_str() {
        "sent" => "sent",
        "delivered" => "delivered",
        "read" => "opened",
        "failed" => "failed",
        _ => return None,
    };
    let to = text(of, "/recipient_id");
    let phone = to.as_deref().and_then(e164);
    let recipient = phone.clone().or(to);
    let told = Told::new("message.status", format!("{message}:{status}"), of)
        .at(seconds(of, "/timestamp"))
        .with("vendorEvent", "statuses")
        .with("network", "whatsapp")
        .with("messageId", message.as_str())
        .with("status", status.as_str())
        .with("from", us)
        .with("to", recipient.clone())
        .with("reason", text(of, "/errors/0/title"))
        .about(Contact { phone, ..Contact::default() })
        .delivered(Delivery {
            message,
            status: Some(ours),
            recipient,
            provider_event: status,
            ip: None,
            user_agent: None,
            url: None,
        });
    Some(told)
}

/// A number as E.164: WhatsApp leaves the plus away, and may show ours with spaces. People who hide their number have
/// another id, with letters.
fn e164(number: &str) -> Option<String> {
    let is_number = number.chars().all(|sign| sign.is_ascii_digit() || "+-() ".contains(sign));
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    (is_number && (7..=15).contains(&digits.len())).then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(what: &str, item: &Value) -> Value {
        json!({
            "metadata": {"display_phone_number": "+1 555-078-3881", "phone_number_id": "106"},
            "contacts": [{"wa_id": "16505551234", "profile": {"name": "Ann"}}],
            what: [item],
        })
    }

    #[test]
    fn what_people_write_is_told_with_who_they_are() {
        let message = json!({"from": "16505551234", "id": "wamid.1", "timestamp": "1790000000", "type": "text", "text": {"body": "hi"}});
        let told = whatsapp(&change("messages", &message)).remove(0);
        assert_eq!((told.kind, told.id.as_str()), ("message.received", "wamid.1"));
        assert_eq!((&told.data["from"], &told.data["to"]), (&json!("+16505551234"), &json!("+15550783881")));
        assert_eq!(told.data["text"], "hi");
        assert_eq!(told.at.unwrap().as_secs(), 1_790_000_000);
        let contact = told.contact.unwrap();
        assert_eq!((contact.phone.as_deref(), contact.name.as_deref()), (Some("+16505551234"), Some("Ann")));
    }

    #[test]
    fn somebody_without_a_number_is_no_contact() {
        let message = json!({"from": "US.1349120865", "id": "wamid.1", "type": "text"});
        let told = whatsapp(&change("messages", &message)).remove(0);
        assert_eq!((told.contact, &told.data["from"]), (None, &json!("US.1349120865")));
    }

    #[test]
    fn each_status_of_a_message_is_told_once() {
        let table = [
            ("sent", Some("sent")),
            ("delivered", Some("delivered")),
            ("read", Some("opened")),
            ("failed", Some("failed")),
            ("warning", None),
        ];
        for (theirs, ours) in table {
            let status = json!({"id": "wamid.1", "status": theirs, "timestamp": "1790000000", "recipient_id": "16505551234"});
            let told = whatsapp(&change("statuses", &status));
            let found = told.first().and_then(|told| told.delivery.as_ref()?.status);
            assert_eq!(found, ours, "{theirs}");
            for told in told {
                assert_eq!((told.kind, told.id), ("message.status", format!("wamid.1:{theirs}")));
                assert_eq!(told.delivery.unwrap().recipient.as_deref(), Some("+16505551234"));
            }
        }
    }
}
