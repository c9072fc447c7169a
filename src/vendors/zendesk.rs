//! Zendesk: `X-Zendesk-Webhook-Signature`, an HMAC-SHA256 in base64 over the header
//! `X-Zendesk-Webhook-Signature-Timestamp` as it stands and the body behind it. The secret is text, also where it looks
//! like base64. (Zendesk, "Verifying webhook authenticity".)

use std::time::Duration;

use appengine_actors::clock::Timestamp;
use serde_json::Value;

use super::call::Call;
use super::keys::Keys;
use super::told::{Contact, Told, moment, text, value};
use super::verdict::{Part, Refusal, Stop, Verified};
use super::{Around, Vendor, age, mac};

const SIGNATURE: &str = "X-Zendesk-Webhook-Signature";
const STAMP: &str = "X-Zendesk-Webhook-Signature-Timestamp";
const INVOCATION: &str = "X-Zendesk-Webhook-Invocation-Id";
/// The vendor sets no limit; this is ours.
const TOLERANCE: Duration = Duration::from_secs(300);

/// Zendesk.
pub struct Zendesk;

impl Vendor for Zendesk {
    fn name(&self) -> &'static str {
        "zendesk"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        let stamp = check(call, keys, around)?;
        let id = call.headers.one(INVOCATION).map(str::to_owned);
        // A GET has no body: what tells one from the next is its time.
        let made = || mac::sha256_hex(&[stamp.as_bytes(), &call.body].concat());
        Ok(Verified::call(id.unwrap_or_else(made)))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        call.json().as_ref().and_then(told).into_iter().collect()
    }
}

/// The time header of a call that is theirs.
fn check<'a>(call: &'a Call, keys: &Keys, around: &Around<'_>) -> Result<&'a str, Refusal> {
    if keys.secrets.is_empty() {
        return Err(Refusal::no_keys("the webhook's signing secret"));
    }
    let header = call.headers.one(SIGNATURE).ok_or_else(|| Refusal::no_header(SIGNATURE))?;
    let stamp = call.headers.one(STAMP).ok_or_else(|| Refusal::no_header(STAMP))?;
    let malformed = |expected: String| {
        let cause = "the call is not from Zendesk, or something rewrites headers on their way";
        Refusal::new(Part::Format, expected, "something else", cause)
    };
    let code = mac::from_base64(header).filter(|code| code.len() == 32);
    let code = code.ok_or_else(|| malformed(format!("32 bytes in base64 in `{SIGNATURE}`")))?;
    if !mac::is_any(mac::SHA256, &keys.secrets, &[stamp.as_bytes(), &call.body], &[code]) {
        return Err(Refusal::no_match("HMAC-SHA256 over the timestamp and the body", keys.secrets.len()));
    }
    let sent: Timestamp = stamp.parse().map_err(|_| malformed(format!("a time as ISO 8601 in `{STAMP}`")))?;
    age::within(sent, around.now, keys.settings.tolerance(TOLERANCE))?;
    Ok(stamp)
}

fn told(event: &Value) -> Option<Told> {
    let vendors = text(event, "/type")?;
    let kind = kind(vendors.strip_prefix("zen:event-type:")?)?;
    let detail = event.get("detail")?;
    let contact = Contact {
        email: text(detail, "/email").or_else(|| text(detail, "/requester/email")),
        phone: text(detail, "/phone"),
        name: text(detail, "/name").or_else(|| text(detail, "/requester/name")),
    };
    let comment = ["/event/comment/body", "/detail/description"].into_iter().find_map(|at| text(event, at));
    let told = Told::new(kind, text(event, "/id")?, event)
        .at(moment(event, "/time"))
        .with("vendorEvent", vendors)
        .with("account", value(event, "/account_id"))
        .with("objectId", value(detail, "/id"))
        .with("subject", value(detail, "/subject"))
        .with("status", value(detail, "/status"))
        .with("priority", value(detail, "/priority"))
        .with("requesterId", value(detail, "/requester_id"))
        .with("assigneeId", value(detail, "/assignee_id"))
        .with("authorId", value(event, "/event/comment/author/id"))
        .with("authorName", value(event, "/event/comment/author/name"))
        .with("text", comment)
        .with("current", value(event, "/event/current"))
        .with("previous", value(event, "/event/previous"))
        .with("email", contact.email.clone())
        .about(contact);
    Some(told)
}

fn kind(vendors: &str) -> Option<&'static str> {
    Some(match vendors {
        "ticket.created" => "support.ticket.created",
        "ticket.comment_added" => "support.ticket.commented",
        "ticket.agent_assignment_changed" | "ticket.group_assignment_changed" => "support.ticket.assigned",
        "ticket.status_changed" | "ticket.priority_changed" | "ticket.subject_changed" => {
            "support.ticket.updated"
        }
        "ticket.soft_deleted" | "ticket.permanently_deleted" => "support.ticket.deleted",
        "user.created" => "crm.contact.created",
        "user.deleted" => "crm.contact.deleted",
        "organization.created" => "crm.company.created",
        "organization.deleted" => "crm.company.deleted",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::testing::{call, now, told_by};

    #[test]
    fn events_are_understood() {
        let table = [
            ("zen:event-type:ticket.created", Some("support.ticket.created")),
            ("zen:event-type:ticket.comment_added", Some("support.ticket.commented")),
            ("zen:event-type:ticket.status_changed", Some("support.ticket.updated")),
            ("zen:event-type:user.created", Some("crm.contact.created")),
            ("zen:event-type:article.published", None),
            ("ticket.created", None),
        ];
        for (theirs, ours) in table {
            let told = told_by(&Zendesk, &json!({"id": "1", "type": theirs, "detail": {}}));
            assert_eq!(told.first().map(|told| told.kind), ours, "{theirs}");
        }
    }

    #[test]
    fn a_ticket_says_what_it_is() {
        let event = json!({
            "id": "e1", "type": "zen:event-type:ticket.comment_added", "time": "2026-09-21T14:13:20Z",
            "detail": {"id": "12345", "subject": "printer", "status": "OPEN"},
            "event": {"comment": {"body": "on fire", "author": {"id": "7", "name": "Ada"}}},
        });
        let told = told_by(&Zendesk, &event).remove(0);
        assert_eq!((told.id.as_str(), told.at), ("e1", Some(now())));
        assert_eq!((&told.data["objectId"], &told.data["text"]), (&json!("12345"), &json!("on fire")));
        assert_eq!((&told.data["authorName"], told.contact), (&json!("Ada"), None));
        let user = json!({"id": "e2", "type": "zen:event-type:user.created", "detail": {"email": "ada@example.com"}});
        let contact = told_by(&Zendesk, &user).remove(0).contact.unwrap();
        assert_eq!(contact.email.as_deref(), Some("ada@example.com"));
    }

    #[test]
    fn a_webhook_of_a_trigger_has_a_body_of_its_makers() {
        for body in ["", "hello", "[]", r#"{"ticket":1}"#] {
            assert!(Zendesk.translate(&call("POST", "/", &[], body)).is_empty(), "{body}");
        }
    }
}
