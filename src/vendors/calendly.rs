//! Calendly: `Calendly-Webhook-Signature: t=…,v1=…`, an HMAC-SHA256 in hexadecimal digits over `t.body`, by the
//! subscription's signing key as text. (Calendly, "Webhook signatures".)

use std::time::Duration;

use serde_json::Value;

use super::call::Call;
use super::keys::Keys;
use super::told::{Contact, Told, moment, text, value};
use super::verdict::{Part, Refusal, Stop, Verified};
use super::{Around, Vendor, age, elements, mac};

const SIGNATURE: &str = "Calendly-Webhook-Signature";
/// What the vendor's document suggests.
const TOLERANCE: Duration = Duration::from_secs(180);

/// Calendly.
pub struct Calendly;

impl Vendor for Calendly {
    fn name(&self) -> &'static str {
        "calendly"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        check(call, keys, around)?;
        let id = call.json().as_ref().and_then(id);
        Ok(Verified::call(id.unwrap_or_else(|| mac::sha256_hex(&call.body))))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        call.json().as_ref().and_then(told).into_iter().collect()
    }
}

fn check(call: &Call, keys: &Keys, around: &Around<'_>) -> Result<(), Refusal> {
    if keys.secrets.is_empty() {
        return Err(Refusal::no_keys("the webhook subscription's signing key"));
    }
    let header = call.headers.one(SIGNATURE).ok_or_else(|| Refusal::no_header(SIGNATURE))?;
    let malformed = |found: &str| {
        let expected = format!("`t=<seconds>,v1=<64 hexadecimal digits>` in `{SIGNATURE}`");
        let cause = "something rewrites the header on its way, or the call is not from Calendly";
        Refusal::new(Part::Format, expected, found, cause)
    };
    let stamp = elements::once(header, "t").ok_or_else(|| malformed("no time `t`"))?;
    let sent = age::seconds(stamp).ok_or_else(|| malformed("a time `t` that is not a number of seconds"))?;
    let code = elements::once(header, "v1").and_then(mac::from_hex::<32>);
    let code = code.ok_or_else(|| malformed("no signature `v1`"))?;
    let signed = [stamp.as_bytes(), b".", &call.body];
    if !mac::is_any(mac::SHA256, &keys.secrets, &signed, &[code]) {
        return Err(Refusal::no_match("HMAC-SHA256 over `t.body`", keys.secrets.len()));
    }
    age::within(sent, around.now, keys.settings.tolerance(TOLERANCE))
}

/// The address of whom it is about, and what happened to them. There is no id of the call.
fn id(event: &Value) -> Option<String> {
    Some(format!("{}:{}", text(event, "/event")?, text(event, "/payload/uri")?))
}

fn told(event: &Value) -> Option<Told> {
    let vendors = text(event, "/event")?;
    let kind = match vendors.as_str() {
        "invitee.created" => "appointment.booked",
        "invitee.canceled" => "appointment.canceled",
        _ => return None,
    };
    let invitee = event.get("payload")?;
    let contact = Contact {
        email: text(invitee, "/email"),
        phone: text(invitee, "/text_reminder_number"),
        name: text(invitee, "/name"),
    };
    let told = Told::new(kind, id(event)?, event)
        .at(moment(event, "/created_at"))
        .with("vendorEvent", vendors)
        .with("definitionId", value(invitee, "/scheduled_event/event_type"))
        .with("appointmentId", text(invitee, "/scheduled_event/uri").or_else(|| text(invitee, "/event")))
        .with("inviteeId", value(invitee, "/uri"))
        .with("email", contact.email.clone())
        .with("name", contact.name.clone())
        .with("title", value(invitee, "/scheduled_event/name"))
        .with("startsAt", value(invitee, "/scheduled_event/start_time"))
        .with("endsAt", value(invitee, "/scheduled_event/end_time"))
        .with("timezone", value(invitee, "/timezone"))
        .with("status", value(invitee, "/status"))
        .with("rescheduled", value(invitee, "/rescheduled"))
        .with("reason", value(invitee, "/cancellation/reason"))
        .with("url", value(invitee, "/reschedule_url"))
        .about(contact);
    Some(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::testing::{call, told_by};

    #[test]
    fn events_are_understood() {
        let table = [
            ("invitee.created", Some("appointment.booked")),
            ("invitee.canceled", Some("appointment.canceled")),
            ("routing_form_submission.created", None),
        ];
        for (theirs, ours) in table {
            let told = told_by(&Calendly, &json!({"event": theirs, "payload": {"uri": "u"}}));
            assert_eq!(told.first().map(|told| told.kind), ours, "{theirs}");
        }
    }

    #[test]
    fn an_appointment_says_when_and_with_whom() {
        let invitee = json!({
            "uri": "https://api.calendly.com/i/1", "email": "ada@example.com", "name": "Ada",
            "text_reminder_number": "+49 30 123", "status": "active",
            "scheduled_event": {
                "uri": "https://api.calendly.com/e/1", "event_type": "https://api.calendly.com/t/1",
                "start_time": "2026-10-01T10:00:00Z",
            },
        });
        let event =
            json!({"event": "invitee.created", "created_at": "2026-09-21T14:13:20Z", "payload": invitee});
        let told = told_by(&Calendly, &event).remove(0);
        assert_eq!(told.id, "invitee.created:https://api.calendly.com/i/1");
        assert_eq!(told.at, Some(crate::vendors::testing::now()));
        assert_eq!(told.data["appointmentId"], "https://api.calendly.com/e/1");
        assert_eq!(told.data["startsAt"], "2026-10-01T10:00:00Z");
        assert_eq!(told.contact.unwrap().phone.as_deref(), Some("+49 30 123"));
    }

    #[test]
    fn what_is_no_event_means_nothing() {
        for body in ["", "[]", "{}", r#"{"event":"invitee.created"}"#, r#"{"event":1,"payload":{"uri":"u"}}"#]
        {
            assert!(Calendly.translate(&call("POST", "/", &[], body)).is_empty(), "{body}");
        }
    }
}
