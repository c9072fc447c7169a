//! Resend, who sends by Standard Webhooks under Svix's names of the headers. What it tells is what became of mail. (Resend,
//! "Webhooks", "Event types".)

use serde_json::Value;

use super::call::Call;
use super::keys::Keys;
use super::told::{Contact, Delivery, Told, items, moment, text, value};
use super::verdict::{Stop, Verified};
use super::{Around, Vendor, standard_webhooks};

/// No other mail vendor sends this header.
pub const SIGNATURE: &str = "svix-signature";

/// Resend.
pub struct Resend;

impl Vendor for Resend {
    fn name(&self) -> &'static str {
        "resend"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        Ok(Verified::call(standard_webhooks::check(call, keys, around)?))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        let Some(id) = standard_webhooks::id(call) else { return Vec::new() };
        call.json().as_ref().and_then(|body| told(id, body)).into_iter().collect()
    }
}

fn told(id: &str, body: &Value) -> Option<Told> {
    let vendors = text(body, "/type")?;
    let (kind, status) = kind(&vendors, body)?;
    let mail = body.get("data")?;
    let email = items(mail, "/to").find_map(Value::as_str).map(str::to_owned);
    let message = text(mail, "/email_id");
    let url = text(mail, "/click/link");
    let reason = ["/bounce/message", "/failed/reason", "/suppressed/message"];
    let told = Told::new(kind, id, body)
        .at(moment(body, "/created_at"))
        .with("vendorEvent", vendors.as_str())
        .with("email", email.clone())
        .with("messageId", message.clone())
        .with("subject", value(mail, "/subject"))
        .with("reason", reason.iter().find_map(|at| text(mail, at)))
        .with("bounceType", value(mail, "/bounce/type"))
        .with("url", url.clone())
        .about(Contact { email: email.clone(), ..Contact::default() });
    let Some(message) = message else { return Some(told) };
    Some(told.delivered(Delivery {
        message,
        status,
        recipient: email,
        provider_event: vendors,
        ip: text(mail, "/click/ipAddress"),
        user_agent: text(mail, "/click/userAgent"),
        url,
    }))
}

fn kind(vendors: &str, body: &Value) -> Option<(&'static str, Option<&'static str>)> {
    Some(match vendors {
        "email.sent" => ("email.accepted", Some("sent")),
        "email.delivered" => ("email.delivered", Some("delivered")),
        "email.delivery_delayed" => ("email.deferred", None),
        "email.opened" => ("email.opened", Some("opened")),
        "email.clicked" => ("email.clicked", Some("clicked")),
        "email.complained" => ("email.complained", Some("complained")),
        "email.failed" | "email.suppressed" => ("email.dropped", Some("failed")),
        // A mailbox that is full takes mail again.
        "email.bounced" if body.pointer("/data/bounce/type").is_some_and(|kind| kind == "Transient") => {
            ("email.bounced", None)
        }
        "email.bounced" => ("email.bounced", Some("bounced")),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::testing::{call, now};

    fn told_by(body: &Value) -> Vec<Told> {
        let headers = [("svix-id", "msg_1"), ("svix-timestamp", "1790000000"), ("svix-signature", "v1,")];
        Resend.translate(&call("POST", "/", &headers, &body.to_string()))
    }

    #[test]
    fn events_are_understood() {
        let table = [
            ("email.sent", json!({}), Some(("email.accepted", Some("sent")))),
            ("email.delivered", json!({}), Some(("email.delivered", Some("delivered")))),
            ("email.delivery_delayed", json!({}), Some(("email.deferred", None))),
            ("email.opened", json!({}), Some(("email.opened", Some("opened")))),
            ("email.complained", json!({}), Some(("email.complained", Some("complained")))),
            ("email.failed", json!({}), Some(("email.dropped", Some("failed")))),
            ("email.bounced", json!({"type": "Permanent"}), Some(("email.bounced", Some("bounced")))),
            ("email.bounced", json!({"type": "Transient"}), Some(("email.bounced", None))),
            ("domain.created", json!({}), None),
        ];
        for (theirs, bounce, ours) in table {
            let body = json!({"type": theirs, "data": {"email_id": "e1", "bounce": bounce}});
            let found = told_by(&body).first().map(|told| (told.kind, told.delivery.clone().unwrap().status));
            assert_eq!(found, ours, "{theirs}");
        }
    }

    #[test]
    fn a_click_says_who_and_where() {
        let body = json!({
            "type": "email.clicked", "created_at": "2026-09-21T14:13:20.000Z",
            "data": {"email_id": "e1", "to": ["ann@example.com"], "subject": "Hello",
                "click": {"link": "https://a", "ipAddress": "203.0.113.7", "userAgent": "Mail"}},
        });
        let told = told_by(&body).remove(0);
        assert_eq!(
            (told.id.as_str(), told.at, &told.data["url"]),
            ("msg_1", Some(now()), &json!("https://a"))
        );
        assert_eq!(told.contact.unwrap().email.as_deref(), Some("ann@example.com"));
        let delivery = told.delivery.unwrap();
        assert_eq!((delivery.message.as_str(), delivery.ip.as_deref()), ("e1", Some("203.0.113.7")));
    }

    #[test]
    fn what_is_no_event_means_nothing() {
        for body in [json!([]), json!({}), json!({"type": "email.sent"}), json!({"type": 1, "data": {}})] {
            assert!(told_by(&body).is_empty(), "{body}");
        }
        assert!(Resend.translate(&call("POST", "/", &[], "{}")).is_empty());
    }
}
