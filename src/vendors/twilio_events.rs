//! What Twilio tells of calls and messages.

use serde_json::{Map, Value};

use super::call::Call;
use super::mac;
use super::told::{Contact, Delivery, Told, text, value};

/// States of a call that has ended.
const ENDED: [&str; 5] = ["completed", "busy", "failed", "no-answer", "canceled"];
/// Those of a call that nobody has taken.
const MISSED: [&str; 4] = ["busy", "no-answer", "canceled", "failed"];

/// What was sent by a form, or by the address of a `GET`.
pub struct Fields(Value);

/// What a call of Twilio's is about.
enum About {
    /// A voice call that is to be told how it goes on.
    Voice { call: String },
    /// What has become of a voice call.
    CallStatus { call: String, status: String },
    /// A message that came.
    Message { message: String },
    /// What has become of a message of ours.
    MessageStatus { message: String, status: String },
}

impl Fields {
    /// The fields of a call; of JSON there are none.
    pub fn of(call: &Call) -> Self {
        let pairs = if call.method == "GET" {
            url::form_urlencoded::parse(call.query().as_bytes()).into_owned().collect()
        } else if call.is_form() {
            call.form()
        } else {
            Vec::new()
        };
        let fields = pairs.into_iter().map(|(name, value)| (name, Value::String(value)));
        Self(Value::Object(fields.collect::<Map<_, _>>()))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0[name].as_str().filter(|found| !found.is_empty()).map(str::to_owned)
    }

    fn about(&self) -> Option<About> {
        if let Some(call) = self.text("CallSid") {
            // What is sent as a call goes on is numbered. One that has ended cannot be told anything.
            let is_numbered = self.text("SequenceNumber").is_some() || self.text("CallbackSource").is_some();
            let status = self.text("CallStatus");
            return match status {
                Some(status) if is_numbered || ENDED.contains(&status.as_str()) => {
                    Some(About::CallStatus { call, status })
                }
                // Recordings and streams tell of a call, too, but are not the call: they do not say between whom it is.
                None if self.text("From").is_none() => None,
                _ => Some(About::Voice { call }),
            };
        }
        let message = self.text("MessageSid").or_else(|| self.text("SmsSid"))?;
        let status = self.text("MessageStatus").or_else(|| self.text("SmsStatus"));
        let told = status.filter(|status| status != "received");
        Some(told.map_or(About::Message { message: message.clone() }, |status| About::MessageStatus {
            message,
            status,
        }))
    }

    /// Whether Twilio waits for instructions.
    pub fn is_asking(&self) -> bool {
        matches!(self.about(), Some(About::Voice { .. } | About::Message { .. }))
    }

    /// The id of a call: what it is about, and in which state that is. A header has an id too, but nobody signs it.
    pub fn id(&self, call: &Call) -> String {
        match self.about() {
            Some(About::Voice { call: sid }) => match self.text("CallStatus") {
                // Each thing that a caller enters comes in the same state: the whole of it tells them apart.
                Some(status) if status == "in-progress" => format!("{sid}:{status}:{}", digest(call)),
                Some(status) => format!("{sid}:{status}"),
                None => sid,
            },
            Some(About::CallStatus { call, status }) => match self.text("SequenceNumber") {
                Some(number) => format!("{call}:{status}:{number}"),
                None => format!("{call}:{status}"),
            },
            Some(About::Message { message }) => format!("{message}:received"),
            Some(About::MessageStatus { message, status }) => format!("{message}:{status}"),
            None => digest(call),
        }
    }

    /// What a call tells.
    pub fn told(&self, call: &Call) -> Option<Told> {
        let about = self.about()?;
        let is_inbound = |usual| self.text("Direction").map_or(usual, |direction| direction == "inbound");
        let kind = match &about {
            About::Voice { .. } if is_inbound(true) && self.is_new() => "call.incoming",
            About::CallStatus { status, .. } if is_inbound(false) && MISSED.contains(&status.as_str()) => {
                "call.missed"
            }
            About::Voice { .. } | About::CallStatus { .. } => "call.status",
            About::Message { .. } => "sms.received",
            About::MessageStatus { .. } => "sms.status",
        };
        let told = Told::new(kind, self.id(call), &self.0)
            .with("from", self.text("From"))
            .with("to", self.text("To"))
            .with("errorCode", self.text("ErrorCode"));
        Some(match about {
            About::Voice { call } => {
                let told = told.with("vendorEvent", "voice").with("status", self.text("CallStatus"));
                self.of_call(told, call, is_inbound(true))
            }
            About::CallStatus { call, status } => {
                let told = told.with("vendorEvent", status.as_str()).with("status", status);
                self.of_call(told, call, is_inbound(false))
            }
            About::Message { message } => told
                .with("vendorEvent", "received")
                .with("messageId", message)
                .with("text", value(&self.0, "/Body"))
                .with("status", "received")
                .with("mediaUrls", self.media())
                .about(self.party("From")),
            About::MessageStatus { message, status } => told
                .with("vendorEvent", status.as_str())
                .with("messageId", message.as_str())
                .with("status", status.as_str())
                .about(self.party("To"))
                .delivered(Delivery {
                    message,
                    status: delivery(&status),
                    recipient: self.text("To"),
                    provider_event: status,
                    ip: None,
                    user_agent: None,
                    url: None,
                }),
        })
    }

    fn of_call(&self, told: Told, call: String, is_inbound: bool) -> Told {
        told.with("callId", call)
            .with("direction", self.text("Direction"))
            .with("duration", self.text("CallDuration"))
            .with("digits", self.text("Digits"))
            .with("text", self.text("SpeechResult"))
            .with("recordingUrl", self.text("RecordingUrl"))
            .about(self.party(if is_inbound { "From" } else { "To" }))
    }

    /// Whether nothing has been said to a voice call yet.
    fn is_new(&self) -> bool {
        self.text("CallStatus").is_none_or(|status| status == "ringing" || status == "queued")
    }

    /// The other party, where it is somebody with a number: not a client or an address of SIP.
    fn party(&self, field: &str) -> Contact {
        let number = text(&self.0, &format!("/{field}"));
        let number = number.map(|number| number.trim_start_matches("whatsapp:").to_owned());
        let name = self.text("CallerName").or_else(|| self.text("ProfileName")).filter(|_| field == "From");
        Contact { email: None, phone: number.filter(|number| number.starts_with('+')), name }
    }

    fn media(&self) -> Option<Vec<String>> {
        let urls: Vec<_> = (0..10).map_while(|number| self.text(&format!("MediaUrl{number}"))).collect();
        (!urls.is_empty()).then_some(urls)
    }
}

fn digest(call: &Call) -> String {
    mac::sha256_hex(&[call.url.as_bytes(), b"\n", &call.body].concat())
}

/// The status that a message of ours takes.
fn delivery(status: &str) -> Option<&'static str> {
    Some(match status {
        "accepted" | "sent" => "sent",
        "delivered" => "delivered",
        "read" => "opened",
        "undelivered" | "failed" => "failed",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::Vendor;
    use crate::vendors::testing::call;
    use crate::vendors::twilio::Twilio;

    fn told(body: &str) -> Option<Told> {
        let form = &[("Content-Type", "application/x-www-form-urlencoded")];
        Twilio.translate(&call("POST", "/", form, body)).pop()
    }

    #[test]
    fn calls_and_messages_are_understood() {
        let table = [
            ("CallSid=C&CallStatus=ringing&Direction=inbound", Some(("call.incoming", "C:ringing"))),
            ("CallSid=C&From=%2B1", Some(("call.incoming", "C"))),
            ("CallSid=C&RecordingSid=R&RecordingStatus=completed", None),
            ("CallSid=C&CallStatus=ringing&Direction=outbound-api", Some(("call.status", "C:ringing"))),
            (
                "CallSid=C&CallStatus=ringing&Direction=inbound&SequenceNumber=0",
                Some(("call.status", "C:ringing:0")),
            ),
            ("CallSid=C&CallStatus=completed&Direction=inbound", Some(("call.status", "C:completed"))),
            ("CallSid=C&CallStatus=no-answer&Direction=inbound", Some(("call.missed", "C:no-answer"))),
            (
                "CallSid=C&CallStatus=canceled&Direction=inbound&SequenceNumber=3",
                Some(("call.missed", "C:canceled:3")),
            ),
            ("CallSid=C&CallStatus=busy&Direction=outbound-api", Some(("call.status", "C:busy"))),
            ("MessageSid=M&SmsStatus=received&Body=a", Some(("sms.received", "M:received"))),
            ("MessageSid=M&Body=a", Some(("sms.received", "M:received"))),
            ("MessageSid=M&MessageStatus=sent&SmsStatus=sent", Some(("sms.status", "M:sent"))),
            ("Other=1", None),
            ("", None),
        ];
        for (body, ours) in table {
            let told = told(body);
            assert_eq!(told.as_ref().map(|told| (told.kind, told.id.as_str())), ours, "{body}");
        }
        assert!(Twilio.translate(&call("POST", "/", &[], r#"{"CallSid": "C"}"#)).is_empty());
    }

    #[test]
    fn what_a_caller_enters_twice_is_two_things() {
        let id = |digits: u8| {
            told(&format!("CallSid=C&CallStatus=in-progress&Direction=inbound&Digits={digits}")).unwrap().id
        };
        assert!(id(1) != id(2) && id(1) == id(1));
        assert_eq!(told("CallSid=C&CallStatus=in-progress&Digits=1").unwrap().kind, "call.status");
    }

    #[test]
    fn the_other_party_is_whom_it_is_about() {
        let phone = |body: &str| told(body).unwrap().contact.and_then(|contact| contact.phone);
        let numbers = "From=%2B15005550006&To=%2B15005550009";
        assert_eq!(phone(&format!("CallSid=C&Direction=inbound&{numbers}")).as_deref(), Some("+15005550006"));
        assert_eq!(
            phone(&format!("CallSid=C&CallStatus=busy&Direction=outbound-api&{numbers}")).as_deref(),
            Some("+15005550009")
        );
        assert_eq!(phone(&format!("MessageSid=M&{numbers}")).as_deref(), Some("+15005550006"));
        assert_eq!(
            phone(&format!("MessageSid=M&MessageStatus=sent&{numbers}")).as_deref(),
            Some("+15005550009")
        );
        assert_eq!(phone("MessageSid=M&From=whatsapp%3A%2B15005550006").as_deref(), Some("+15005550006"));
        assert_eq!(phone("CallSid=C&From=client%3Aann"), None);
    }

    #[test]
    fn a_message_is_told_with_its_words_its_media_and_what_became_of_it() {
        let came = told("MessageSid=M&Body=&NumMedia=2&MediaUrl0=https%3A%2F%2Fa&MediaUrl1=https%3A%2F%2Fb")
            .unwrap();
        assert_eq!(
            (&came.data["text"], &came.data["mediaUrls"]),
            (&json!(""), &json!(["https://a", "https://b"]))
        );
        assert_eq!(came.delivery, None);
        let status = |status: &str| {
            told(&format!("MessageSid=M&MessageStatus={status}")).unwrap().delivery.unwrap().status
        };
        let found = ["queued", "sent", "delivered", "undelivered", "read"].map(status);
        assert_eq!(found, [None, Some("sent"), Some("delivered"), Some("failed"), Some("opened")]);
    }
}
