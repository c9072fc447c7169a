//! Mailgun: `signature` in the body, an HMAC-SHA256 in hexadecimal digits over the timestamp and the token, by the webhook
//! signing key. Webhooks of before, and routes, send the same three fields in a form, with files where the mail has some.
//! (Mailgun, "Securing webhooks".)
//!
//! Nothing of the event is signed. All that keeps a signature from being used for another event is that its token is
//! taken once: it is the id of the call.

use std::time::Duration;

use serde_json::{Map, Value};

use super::call::Call;
use super::keys::Keys;
use super::told::{Contact, Delivery, Told, seconds, text, value};
use super::verdict::{Part, Refusal, Stop, Verified};
use super::{Around, Vendor, age, mac, multipart};

/// Mailgun sends again over eight hours and leaves the limit to us.
const OLDEST: Duration = Duration::from_secs(8 * 60 * 60 + 15 * 60);

/// Mailgun.
pub struct Mailgun;

impl Vendor for Mailgun {
    fn name(&self) -> &'static str {
        "mailgun"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        if keys.secrets.is_empty() {
            return Err(Refusal::no_keys("the HTTP webhook signing key").into());
        }
        // 406 tells Mailgun not to send it again: the same call would be refused each time.
        Ok(check(call, keys, around).map_err(|refusal| refusal.status(406))?)
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        let told = match Sent::of(call) {
            Some(Sent::Json(body)) => body.get("event-data").and_then(told),
            Some(Sent::Form(fields)) => told_before(&fields),
            None => None,
        };
        told.into_iter().collect()
    }
}

/// What was sent, by one of the two ways.
pub enum Sent {
    /// An object with `signature` and `event-data`.
    Json(Value),
    /// The fields of a form, each with the last of its values.
    Form(Value),
}

impl Sent {
    /// What a call is; none if it is neither.
    pub fn of(call: &Call) -> Option<Self> {
        let fields = if call.is_form() {
            call.form()
        } else if call.is_multipart() {
            multipart::texts(call)?
        } else {
            return call.json().filter(Value::is_object).map(Self::Json);
        };
        let fields = fields.into_iter().map(|(name, value)| (name, Value::String(value)));
        Some(Self::Form(Value::Object(fields.collect::<Map<_, _>>())))
    }

    /// Where the timestamp, the token and the signature are.
    pub fn signature(&self) -> &Value {
        match self {
            Self::Json(body) => &body["signature"],
            Self::Form(fields) => fields,
        }
    }
}

fn check(call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Refusal> {
    let sent = Sent::of(call).ok_or_else(|| {
        let cause = "the call is not from Mailgun, or something on the way takes the body for itself";
        Refusal::new(Part::Body, "an object as JSON, or a form", "something else", cause)
    })?;
    let signature = sent.signature();
    let field = |name: &str| {
        signature[name].as_str().filter(|found| !found.is_empty()).ok_or_else(|| malformed("a text", name))
    };
    // The parent account's own key signs beside the subaccount's.
    let name = if keys.settings.use_parent_signature { "parent-signature" } else { "signature" };
    let (timestamp, token) = (field("timestamp")?, field("token")?);
    let code = mac::from_hex::<32>(field(name)?).ok_or_else(|| malformed("64 hexadecimal digits", name))?;
    let at = age::seconds(timestamp).ok_or_else(|| malformed("a number of seconds", "timestamp"))?;
    if !mac::is_any(mac::SHA256, &keys.secrets, &[timestamp.as_bytes(), token.as_bytes()], &[code]) {
        let cause =
            "the key is an API key instead of the HTTP webhook signing key, or that of another account";
        let scheme = "HMAC-SHA256 over the timestamp and the token";
        return Err(Refusal::no_match(scheme, keys.secrets.len()).cause(cause));
    }
    age::within(at, around.now, keys.settings.tolerance(OLDEST))?;
    Ok(Verified::call(token))
}

fn malformed(expected: &str, name: &str) -> Refusal {
    let cause = "the call is not from Mailgun, or something rewrites the body on its way";
    Refusal::new(Part::Format, format!("{expected} as `{name}` of the signature"), "something else", cause)
}

fn told(event: &Value) -> Option<Told> {
    let vendors = text(event, "/event")?;
    let what = match (vendors.as_str(), event["severity"].as_str()) {
        ("failed", Some("permanent")) => ("email.bounced", Some("bounced")),
        ("failed", Some("temporary")) => ("email.deferred", None),
        ("accepted", _) => ("email.accepted", Some("sent")),
        ("rejected", _) => ("email.dropped", Some("failed")),
        (engaged, _) => engagement(engaged)?,
    };
    let reason = ["/delivery-status/description", "/delivery-status/message", "/reject/reason", "/reason"];
    let found = Found {
        what,
        id: text(event, "/id").unwrap_or_else(|| mac::sha256_hex(event.to_string().as_bytes())),
        message: text(event, "/message/headers/message-id"),
        reason: reason.iter().find_map(|at| text(event, at)),
        ip: text(event, "/ip"),
        user_agent: text(event, "/client-info/user-agent"),
    };
    Some(found.told(event).at(seconds(event, "/timestamp")).with("severity", value(event, "/severity")))
}

/// What a webhook of before tells: one flat form, told by the token, for it has no other id.
fn told_before(fields: &Value) -> Option<Told> {
    let what = match text(fields, "/event")?.as_str() {
        "bounced" => ("email.bounced", Some("bounced")),
        "dropped" => ("email.dropped", Some("failed")),
        engaged => engagement(engaged)?,
    };
    let message = text(fields, "/Message-Id").or_else(|| text(fields, "/message-id"));
    let found = Found {
        what,
        id: text(fields, "/token")?,
        message: message.map(|id| id.trim_matches(['<', '>']).to_owned()),
        reason: ["/description", "/error", "/reason"].iter().find_map(|at| text(fields, at)),
        ip: text(fields, "/ip"),
        user_agent: text(fields, "/user-agent"),
    };
    Some(found.told(fields).at(seconds(fields, "/timestamp")))
}

/// What both ways call the same.
fn engagement(vendors: &str) -> Option<(&'static str, Option<&'static str>)> {
    Some(match vendors {
        "delivered" => ("email.delivered", Some("delivered")),
        "opened" => ("email.opened", Some("opened")),
        "clicked" => ("email.clicked", Some("clicked")),
        "complained" => ("email.complained", Some("complained")),
        "unsubscribed" => ("email.unsubscribed", Some("unsubscribed")),
        _ => return None,
    })
}

/// What each of the two ways has at another place.
struct Found {
    what: (&'static str, Option<&'static str>),
    id: String,
    message: Option<String>,
    reason: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
}

impl Found {
    fn told(self, payload: &Value) -> Told {
        let (kind, status) = self.what;
        let (email, url) = (text(payload, "/recipient"), text(payload, "/url"));
        let told = Told::new(kind, self.id, payload)
            .with("vendorEvent", value(payload, "/event"))
            .with("email", email.clone())
            .with("messageId", self.message.clone())
            .with("reason", self.reason)
            .with("url", url.clone())
            .about(Contact { email: email.clone(), ..Contact::default() });
        let Some(message) = self.message else { return told };
        told.delivered(Delivery {
            message,
            status,
            recipient: email,
            provider_event: text(payload, "/event").unwrap_or_default(),
            ip: self.ip,
            user_agent: self.user_agent,
            url,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::captured::Captured;
    use crate::vendors::keys::Secret;
    use crate::vendors::testing::{around, call, now, told_by};

    const FORM: &[(&str, &str)] = &[("Content-Type", "application/x-www-form-urlencoded")];

    #[test]
    fn events_are_understood() {
        let table = [
            (json!({"event": "accepted"}), Some(("email.accepted", Some("sent")))),
            (json!({"event": "rejected"}), Some(("email.dropped", Some("failed")))),
            (json!({"event": "delivered"}), Some(("email.delivered", Some("delivered")))),
            (json!({"event": "failed", "severity": "permanent"}), Some(("email.bounced", Some("bounced")))),
            (json!({"event": "failed", "severity": "temporary"}), Some(("email.deferred", None))),
            (json!({"event": "failed"}), None),
            (json!({"event": "complained"}), Some(("email.complained", Some("complained")))),
            (json!({"event": "unsubscribed"}), Some(("email.unsubscribed", Some("unsubscribed")))),
            (json!({"event": "stored"}), None),
        ];
        for (mut event, ours) in table {
            event["message"] = json!({"headers": {"message-id": "m@a"}});
            let told = told_by(&Mailgun, &json!({"event-data": event}));
            let found = told.first().map(|told| (told.kind, told.delivery.clone().unwrap().status));
            assert_eq!(found, ours, "{event}");
        }
        let clicked = json!({"event": "clicked", "id": "e", "recipient": "ann@example.com", "url": "https://a", "timestamp": 1_790_000_000.5});
        let told = told_by(&Mailgun, &json!({"event-data": clicked})).remove(0);
        assert_eq!((told.id.as_str(), &told.data["url"]), ("e", &json!("https://a")));
        assert_eq!(told.at.unwrap().as_millis(), now().as_millis() + 500);
        assert_eq!(told.contact.unwrap().email.as_deref(), Some("ann@example.com"));
    }

    #[test]
    fn forms_are_understood_by_their_last_values() {
        let body = "event=clicked&event=bounced&recipient=a%40b.c&token=t&timestamp=1790000000&Message-Id=%3Cm%40a%3E&error=5.1.1";
        let told = Mailgun.translate(&call("POST", "/", FORM, body)).remove(0);
        assert_eq!(
            (told.kind, told.id.as_str(), &told.data["reason"]),
            ("email.bounced", "t", &json!("5.1.1"))
        );
        assert_eq!(told.delivery.unwrap().message, "m@a");
        // What a route passes on is mail that came, and no event.
        assert!(Mailgun.translate(&call("POST", "/", FORM, "sender=a%40b.c&token=t")).is_empty());
        for body in ["", "[]", "{}", r#"{"event-data": 1}"#] {
            assert!(Mailgun.translate(&call("POST", "/", &[], body)).is_empty(), "{body}");
        }
    }

    #[test]
    fn a_form_with_files_is_a_form() {
        let code = mac::hex(&mac::code(mac::SHA256, b"key", &[b"1790000000", b"t"]));
        let part = |said: &str, value: &str| {
            format!("--b\r\nContent-Disposition: form-data; {said}\r\n\r\n{value}\r\n")
        };
        let body = [
            part(r#"name="event""#, "bounced"),
            part(r#"name="timestamp""#, "1790000000"),
            part(r#"name="attachment-1"; filename="signature""#, "\0\u{1}"),
            part(r#"name="token""#, "t"),
            part(r#"name="signature""#, &code),
        ]
        .concat()
            + "--b--\r\n";
        let headers = [("Content-Type", "multipart/form-data; boundary=b")];
        let keys = Keys { secrets: vec![Secret::new("key".to_owned())], ..Keys::default() };
        let sent = call("POST", "/", &headers, &body);
        assert_eq!(Mailgun.verify(&sent, &keys, &around()).unwrap(), Verified::call("t"));
        assert_eq!(Mailgun.translate(&sent).remove(0).kind, "email.bounced");
        for broken in [body.replace("--b--", "--b"), body.replace("name=\"token\"", "name=\"tokem\"")] {
            assert!(Mailgun.verify(&call("POST", "/", &headers, &broken), &keys, &around()).is_err());
        }
    }

    #[test]
    fn a_refusal_is_final_but_for_a_key_that_is_missing() {
        let captured = |secret: Option<&str>, signature: Value| {
            let body = mac::base64(json!({"signature": signature}).to_string().as_bytes());
            let call = json!({"vendor": "mailgun", "url": "https://a.b/c", "body": body, "secret": secret});
            let captured: Captured = serde_json::from_value(call).unwrap();
            captured.check(now()).unwrap().response.unwrap()["status"].clone()
        };
        let signature = json!({"timestamp": "1790000000", "token": "t", "signature": "00".repeat(32)});
        assert_eq!(captured(Some("key"), signature.clone()), 406);
        assert_eq!(captured(Some("key"), json!({"timestamp": 1, "token": "t", "signature": "00"})), 406);
        assert_eq!(captured(Some("key"), json!([])), 406);
        assert_eq!(captured(None, signature), 401);
    }
}
