//! What Amazon SES tells of mail: one thing for each recipient, for each is delivered or bounces by itself.

use serde_json::Value;

use super::told::{Contact, Delivery, Told, moment, text, value};

/// What a message of this id tells.
pub fn told(id: &str, event: &Value) -> Vec<Told> {
    // Event publishing says `eventType`; the notifications before it `notificationType`.
    let vendors = text(event, "/eventType").or_else(|| text(event, "/notificationType"));
    let what = vendors.as_deref().and_then(|vendors| What::of(vendors, event));
    let Some(what) = what else { return Vec::new() };
    let recipients = what.recipients(event);
    let of = |recipient: &Recipient| {
        // One recipient is the usual case, and is told by the message's own id.
        let id = if recipients.len() == 1 { id.to_owned() } else { format!("{id}:{}", recipient.email) };
        what.told(id, recipient, event)
    };
    recipients.iter().map(of).collect()
}

/// A kind of event, and where its own part is.
struct What<'a> {
    vendors: &'a str,
    kind: &'static str,
    status: Option<&'static str>,
    /// The event's own part.
    part: &'a Value,
    /// Where its recipients are in that part; none where they are those of the mail.
    recipients: &'static str,
}

struct Recipient {
    email: String,
    /// What the recipient's server has said.
    reason: Option<String>,
}

impl<'a> What<'a> {
    fn of(vendors: &'a str, event: &'a Value) -> Option<Self> {
        let (kind, status, part, recipients) = match vendors {
            "Send" => ("email.accepted", Some("sent"), "/send", ""),
            "Delivery" => ("email.delivered", Some("delivered"), "/delivery", "/recipients"),
            "Open" => ("email.opened", Some("opened"), "/open", ""),
            "Click" => ("email.clicked", Some("clicked"), "/click", ""),
            "Bounce" if event["bounce"]["bounceType"] == "Permanent" => {
                ("email.bounced", Some("bounced"), "/bounce", "/bouncedRecipients")
            }
            "Bounce" => ("email.deferred", None, "/bounce", "/bouncedRecipients"),
            "DeliveryDelay" => ("email.deferred", None, "/deliveryDelay", "/delayedRecipients"),
            "Complaint" => ("email.complained", Some("complained"), "/complaint", "/complainedRecipients"),
            "Reject" => ("email.dropped", Some("failed"), "/reject", ""),
            // The documentation writes it both ways.
            "Rendering Failure" | "RenderingFailure" => ("email.dropped", Some("failed"), "/failure", ""),
            "Subscription" if has_opted_out(event) => {
                ("email.unsubscribed", Some("unsubscribed"), "/subscription", "")
            }
            _ => return None,
        };
        let part = event.pointer(part).unwrap_or(&Value::Null);
        Some(Self { vendors, kind, status, part, recipients })
    }

    fn recipients(&self, event: &Value) -> Vec<Recipient> {
        let own = self.part.pointer(self.recipients).and_then(Value::as_array);
        let listed = own.or_else(|| event.pointer("/mail/destination").and_then(Value::as_array));
        listed.into_iter().flatten().filter_map(recipient).collect()
    }

    fn told(&self, id: String, recipient: &Recipient, event: &Value) -> Told {
        let message = text(event, "/mail/messageId");
        let url = text(self.part, "/link");
        let reason = recipient.reason.clone().or_else(|| {
            [
                "/smtpResponse",
                "/reason",
                "/errorMessage",
                "/complaintFeedbackType",
                "/delayType",
                "/bounceSubType",
            ]
            .iter()
            .find_map(|at| text(self.part, at))
        });
        let told = Told::new(self.kind, id, event)
            .at(moment(self.part, "/timestamp").or_else(|| moment(event, "/mail/timestamp")))
            .with("vendorEvent", self.vendors)
            .with("email", recipient.email.as_str())
            .with("messageId", message.clone())
            .with("reason", reason)
            .with("url", url.clone())
            .with("bounceType", value(self.part, "/bounceType"))
            .about(Contact { email: Some(recipient.email.clone()), ..Contact::default() });
        let Some(message) = message else { return told };
        told.delivered(Delivery {
            message,
            status: self.status,
            recipient: Some(recipient.email.clone()),
            provider_event: self.vendors.to_owned(),
            ip: text(self.part, "/ipAddress"),
            user_agent: text(self.part, "/userAgent"),
            url,
        })
    }
}

/// A recipient: an address, or an object with more to say of it.
fn recipient(found: &Value) -> Option<Recipient> {
    let email = text(found, "").or_else(|| text(found, "/emailAddress"))?;
    Some(Recipient { email, reason: text(found, "/diagnosticCode") })
}

/// Whether a change of preferences takes the recipient off all lists, or off one that they were on.
fn has_opted_out(event: &Value) -> bool {
    let preferences = |which: &str| event.pointer(&format!("/subscription/{which}"));
    let out = |which: &str| -> Vec<&str> {
        let topics = preferences(which).and_then(|of| of["topicSubscriptionStatus"].as_array());
        let is_out = |topic: &&Value| topic["subscriptionStatus"] == "OptOut";
        topics.into_iter().flatten().filter(is_out).filter_map(|topic| topic["topicName"].as_str()).collect()
    };
    let before = out("oldTopicPreferences");
    preferences("newTopicPreferences").is_some_and(|new| new["unsubscribeAll"] == true)
        || out("newTopicPreferences").iter().any(|topic| !before.contains(topic))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, part: &str, what: &Value) -> Value {
        let mail = json!({"messageId": "m-1", "destination": ["ann@example.com"], "timestamp": "2026-09-21T14:13:10.000Z"});
        json!({"eventType": kind, "mail": mail, part: what})
    }

    #[test]
    fn events_are_understood() {
        let opted = |status: &str| json!({"newTopicPreferences": {"unsubscribeAll": false, "topicSubscriptionStatus": [{"topicName": "a", "subscriptionStatus": status}]}});
        let all = json!({"newTopicPreferences": {"unsubscribeAll": true}});
        let failure = json!({"errorMessage": "no such attribute"});
        let table = [
            ("Send", "send", json!({}), Some(("email.accepted", Some("sent")))),
            ("Delivery", "delivery", json!({}), Some(("email.delivered", Some("delivered")))),
            ("Open", "open", json!({}), Some(("email.opened", Some("opened")))),
            ("Click", "click", json!({"link": "https://a"}), Some(("email.clicked", Some("clicked")))),
            (
                "Bounce",
                "bounce",
                json!({"bounceType": "Permanent"}),
                Some(("email.bounced", Some("bounced"))),
            ),
            ("Bounce", "bounce", json!({"bounceType": "Transient"}), Some(("email.deferred", None))),
            ("DeliveryDelay", "deliveryDelay", json!({}), Some(("email.deferred", None))),
            ("Complaint", "complaint", json!({}), Some(("email.complained", Some("complained")))),
            ("Reject", "reject", json!({"reason": "Bad content"}), Some(("email.dropped", Some("failed")))),
            ("Rendering Failure", "failure", failure, Some(("email.dropped", Some("failed")))),
            ("Subscription", "subscription", all, Some(("email.unsubscribed", Some("unsubscribed")))),
            (
                "Subscription",
                "subscription",
                opted("OptOut"),
                Some(("email.unsubscribed", Some("unsubscribed"))),
            ),
            ("Subscription", "subscription", opted("OptIn"), None),
            ("Other", "other", json!({}), None),
        ];
        for (theirs, part, what, ours) in table {
            let told = told("i", &event(theirs, part, &what));
            let found = told.first().map(|told| (told.kind, told.delivery.clone().unwrap().status));
            assert_eq!(found, ours, "{theirs} {what}");
        }
        let told =
            told("i", &event("Click", "click", &json!({"link": "https://a", "ipAddress": "192.0.2.1"})))
                .remove(0);
        assert_eq!(
            (told.id.as_str(), &told.data["url"], &told.data["email"]),
            ("i", &json!("https://a"), &json!("ann@example.com"))
        );
        assert_eq!(told.delivery.unwrap().ip.as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn each_recipient_is_told_of() {
        let bounced =
            json!([{"emailAddress": "a@b.c", "diagnosticCode": "550"}, {"emailAddress": "d@e.f"}, 1]);
        let told = told(
            "i",
            &event("Bounce", "bounce", &json!({"bounceType": "Permanent", "bouncedRecipients": bounced})),
        );
        let found: Vec<_> = told.iter().map(|told| (told.id.as_str(), told.data.get("reason"))).collect();
        assert_eq!(found, [("i:a@b.c", Some(&json!("550"))), ("i:d@e.f", None)]);
    }

    #[test]
    fn the_notifications_of_before_are_understood() {
        let old = json!({"notificationType": "Delivery", "mail": {"destination": ["a@b.c"]}, "delivery": {"recipients": ["a@b.c"]}});
        let told = told("i", &old);
        assert_eq!((told[0].kind, told[0].delivery.clone()), ("email.delivered", None));
    }
}
