//! Intercom: `X-Hub-Signature: sha1=…`, an HMAC-SHA1 in hexadecimal digits over the body, by the app's client secret.
//! (Intercom, "Setting up webhooks", signed notifications.)

use serde_json::Value;

use super::call::Call;
use super::keys::Keys;
use super::told::{Contact, Told, seconds, text, value};
use super::verdict::{Stop, Verified};
use super::{Around, Vendor, hub, mac};

/// Intercom.
pub struct Intercom;

impl Vendor for Intercom {
    fn name(&self) -> &'static str {
        "intercom"
    }

    fn verify(&self, call: &Call, keys: &Keys, _: &Around<'_>) -> Result<Verified, Stop> {
        hub::check_sha1(call, keys)?;
        let id = call.json().and_then(|event| text(&event, "/id"));
        Ok(Verified::call(id.unwrap_or_else(|| mac::sha256_hex(&call.body))))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        call.json().as_ref().and_then(told).into_iter().collect()
    }
}

fn told(event: &Value) -> Option<Told> {
    let topic = text(event, "/topic")?;
    let kind = kind(&topic)?;
    let item = event.pointer("/data/item")?;
    // A contact is the item itself; a conversation has whoever began it as its source's author.
    let person = ["/source/author", "/user", "/contact", "/ticket/contacts/contacts/0", ""]
        .into_iter()
        .filter_map(|at| item.pointer(at))
        .find(|person| text(person, "/email").is_some() || text(person, "/phone").is_some());
    let of = |at: &str| person.and_then(|person| text(person, at));
    let contact = Contact { email: of("/email"), phone: of("/phone"), name: of("/name") };
    let told = Told::new(kind, text(event, "/id")?, event)
        .at(seconds(event, "/created_at"))
        .with("vendorEvent", topic)
        .with("account", value(event, "/app_id"))
        .with("objectId", value(item, "/id"))
        .with("objectType", value(item, "/type"))
        .with("status", text(item, "/state").or_else(|| text(item, "/ticket_state")))
        .with("subject", value(item, "/source/subject"))
        .with("text", reply(item).or_else(|| text(item, "/source/body")))
        .with("url", value(item, "/source/url"))
        .with("email", contact.email.clone())
        .with("name", contact.name.clone())
        .about(contact);
    Some(told)
}

/// The words of the part that an event is about.
fn reply(conversation: &Value) -> Option<String> {
    let parts = conversation.pointer("/conversation_parts/conversation_parts")?.as_array()?;
    text(parts.last()?, "/body")
}

fn kind(topic: &str) -> Option<&'static str> {
    Some(match topic {
        "conversation.user.created" | "conversation.admin.single.created" => "support.conversation.created",
        "conversation.user.replied" => "support.conversation.replied",
        "conversation.admin.replied" => "support.conversation.answered",
        "conversation.admin.assigned" => "support.conversation.assigned",
        "conversation.admin.closed" => "support.conversation.closed",
        "conversation.admin.opened" => "support.conversation.reopened",
        "conversation.rating.added" => "support.conversation.rated",
        "ticket.created" => "support.ticket.created",
        "ticket.state.updated" => "support.ticket.updated",
        "ticket.closed" => "support.ticket.closed",
        "contact.user.created" | "contact.lead.created" | "contact.created" => "crm.contact.created",
        "contact.user.updated" | "contact.lead.updated" | "contact.email.updated" => "crm.contact.updated",
        "contact.deleted" => "crm.contact.deleted",
        "contact.unsubscribed" => "email.unsubscribed",
        "company.created" => "crm.company.created",
        "company.updated" => "crm.company.updated",
        "company.deleted" => "crm.company.deleted",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::testing::{now, told_by};

    fn event(topic: &str, item: &Value) -> Value {
        json!({"id": "notif_1", "topic": topic, "created_at": 1_790_000_000, "data": {"item": item}})
    }

    #[test]
    fn topics_are_understood_and_a_ping_is_none() {
        let table = [
            ("conversation.user.created", Some("support.conversation.created")),
            ("conversation.user.replied", Some("support.conversation.replied")),
            ("ticket.created", Some("support.ticket.created")),
            ("contact.lead.created", Some("crm.contact.created")),
            ("contact.deleted", Some("crm.contact.deleted")),
            ("ping", None),
        ];
        for (theirs, ours) in table {
            let told = told_by(&Intercom, &event(theirs, &json!({"id": "1"})));
            assert_eq!(told.first().map(|told| told.kind), ours, "{theirs}");
        }
    }

    #[test]
    fn a_conversation_says_who_wrote_what() {
        let item = json!({
            "type": "conversation", "id": "295", "state": "open",
            "source": {"body": "hello", "author": {"email": "ada@example.com", "name": "Ada"}},
            "conversation_parts": {"conversation_parts": [{"body": "again"}]},
        });
        let told = told_by(&Intercom, &event("conversation.user.replied", &item)).remove(0);
        assert_eq!((told.id.as_str(), told.at), ("notif_1", Some(now())));
        assert_eq!((&told.data["text"], &told.data["objectId"]), (&json!("again"), &json!("295")));
        assert_eq!(told.contact.unwrap().name.as_deref(), Some("Ada"));
        let contact = json!({"type": "contact", "id": "c", "phone": "+4930123", "name": "Eve"});
        let told = told_by(&Intercom, &event("contact.user.created", &contact)).remove(0);
        assert_eq!(told.contact.unwrap().phone.as_deref(), Some("+4930123"));
    }
}
