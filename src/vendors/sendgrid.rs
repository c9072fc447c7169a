//! SendGrid's Event Webhook: `X-Twilio-Email-Event-Webhook-Signature`, ECDSA by P-256 with SHA-256, as DER in base64 over
//! the timestamp's text and the body, with the line break that the body ends in. (Twilio SendGrid, "Getting started with
//! the Event Webhook security features".)

use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::Value;

use super::call::Call;
use super::keys::Keys;
use super::told::{Contact, Delivery, Told, seconds, text, value};
use super::verdict::{Part, Refusal, Stop, Verified};
use super::{Around, Vendor, age, mac};

/// No other mail vendor sends this header.
pub const SIGNATURE: &str = "X-Twilio-Email-Event-Webhook-Signature";
const TIMESTAMP: &str = "X-Twilio-Email-Event-Webhook-Timestamp";
/// SendGrid sets no limit itself.
const TOLERANCE: Duration = Duration::from_secs(600);

/// SendGrid.
pub struct SendGrid;

impl Vendor for SendGrid {
    fn name(&self) -> &'static str {
        "sendgrid"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        Ok(check(call, keys, around)?)
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        let Some(Value::Array(events)) = call.json() else { return Vec::new() };
        events.iter().filter_map(told).collect()
    }
}

fn check(call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Refusal> {
    let keys_of_ours: Vec<_> = keys.public_keys.iter().filter_map(|key| public_bytes(key)).collect();
    if keys_of_ours.is_empty() {
        return Err(Refusal::no_keys("the webhook's verification key, as base64 or PEM"));
    }
    let header = |name: &'static str| call.headers.one(name).ok_or_else(|| Refusal::no_header(name));
    let (signature, timestamp) = (header(SIGNATURE)?, header(TIMESTAMP)?);
    let malformed = |name: &str, expected: &str| {
        let cause = "something rewrites headers on their way, or the call is not from SendGrid";
        Refusal::new(Part::Format, format!("{expected} in `{name}`"), "something else", cause)
    };
    let signature = mac::from_base64(signature).ok_or_else(|| malformed(SIGNATURE, "base64"))?;
    let sent = age::seconds(timestamp).ok_or_else(|| malformed(TIMESTAMP, "a number of seconds"))?;
    let signed = [timestamp.as_bytes(), &call.body].concat();
    let is_by = |key: &Vec<u8>| {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key).verify(&signed, &signature).is_ok()
    };
    if !keys_of_ours.iter().any(is_by) {
        let cause = "the key is of another webhook, or something changed the body on its way: the line break at its end \
                     is signed too";
        return Err(
            Refusal::no_match("ECDSA over the timestamp and the body", keys_of_ours.len()).cause(cause)
        );
    }
    age::within(sent, around.now, keys.settings.tolerance(TOLERANCE))?;
    if !call.json().is_some_and(|body| body.is_array()) {
        let cause = "the address is set for something else than the Event Webhook";
        return Err(Refusal::new(Part::Body, "an array of events as JSON", "something else", cause));
    }
    // The call has no id of its own, its events have.
    Ok(Verified::call(mac::sha256_hex(&call.body)))
}

/// A public key's bytes: SPKI in base64, as SendGrid shows it, or the same as PEM.
fn public_bytes(key: &str) -> Option<Vec<u8>> {
    let inner = key.trim().strip_prefix("-----BEGIN PUBLIC KEY-----");
    let inner = inner.and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----")).unwrap_or(key);
    let base64: String = inner.split_ascii_whitespace().collect();
    mac::from_base64(&base64).filter(|bytes| !bytes.is_empty())
}

fn told(event: &Value) -> Option<Told> {
    let vendors = text(event, "/event")?;
    let (kind, status) = kind(&vendors, event)?;
    let email = text(event, "/email");
    let message = text(event, "/sg_message_id").map(|id| message_id(&id).to_owned());
    let url = text(event, "/url");
    let id = text(event, "/sg_event_id").unwrap_or_else(|| mac::sha256_hex(event.to_string().as_bytes()));
    let told = Told::new(kind, id, event)
        .at(seconds(event, "/timestamp"))
        .with("vendorEvent", vendors.as_str())
        .with("email", email.clone())
        .with("messageId", message.clone())
        .with("smtpId", value(event, "/smtp-id"))
        .with("reason", text(event, "/reason").or_else(|| text(event, "/response")))
        .with("url", url.clone())
        .with("bounceType", if vendors == "bounce" { value(event, "/type") } else { Value::Null })
        .about(Contact { email: email.clone(), ..Contact::default() });
    let Some(message) = message else { return Some(told) };
    Some(told.delivered(Delivery {
        message,
        status,
        recipient: email,
        provider_event: vendors,
        ip: text(event, "/ip"),
        user_agent: text(event, "/useragent"),
        url,
    }))
}

/// The id by which the API has answered a mail: what stands before the names of the machines that it went through.
fn message_id(id: &str) -> &str {
    [".filter", ".recvd"].iter().find_map(|mark| id.split_once(mark)).map_or(id, |(message, _)| message)
}

fn kind(vendors: &str, event: &Value) -> Option<(&'static str, Option<&'static str>)> {
    Some(match vendors {
        "processed" => ("email.accepted", Some("sent")),
        "delivered" => ("email.delivered", Some("delivered")),
        "open" => ("email.opened", Some("opened")),
        "click" => ("email.clicked", Some("clicked")),
        // A mail that was blocked may come through the next time.
        "bounce" if event.get("type").is_some_and(|of| of != "bounce") => ("email.deferred", None),
        "bounce" => ("email.bounced", Some("bounced")),
        "dropped" => ("email.dropped", Some("failed")),
        "deferred" => ("email.deferred", None),
        "spamreport" => ("email.complained", Some("complained")),
        "unsubscribe" | "group_unsubscribe" => ("email.unsubscribed", Some("unsubscribed")),
        "group_resubscribe" => ("email.resubscribed", None),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::testing::{call, now, told_by};

    #[test]
    fn a_public_key_is_read_as_base64_or_as_pem() {
        for key in ["AAEC", " AAEC\n", "-----BEGIN PUBLIC KEY-----\nAA\nEC\n-----END PUBLIC KEY-----\n"] {
            assert_eq!(public_bytes(key), Some(vec![0, 1, 2]), "{key}");
        }
        for wrong in ["", "A", "-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----AAEC"] {
            assert_eq!(public_bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn events_are_understood() {
        let table = [
            (json!({"event": "processed"}), Some(("email.accepted", Some("sent")))),
            (json!({"event": "delivered"}), Some(("email.delivered", Some("delivered")))),
            (json!({"event": "open"}), Some(("email.opened", Some("opened")))),
            (json!({"event": "click"}), Some(("email.clicked", Some("clicked")))),
            (json!({"event": "bounce", "type": "bounce"}), Some(("email.bounced", Some("bounced")))),
            (json!({"event": "bounce", "type": "blocked"}), Some(("email.deferred", None))),
            (json!({"event": "dropped"}), Some(("email.dropped", Some("failed")))),
            (json!({"event": "deferred"}), Some(("email.deferred", None))),
            (json!({"event": "spamreport"}), Some(("email.complained", Some("complained")))),
            (json!({"event": "group_unsubscribe"}), Some(("email.unsubscribed", Some("unsubscribed")))),
            (json!({"event": "group_resubscribe"}), Some(("email.resubscribed", None))),
            (json!({"event": "other"}), None),
            (json!({"event": 1}), None),
            (json!("delivered"), None),
        ];
        for (mut event, ours) in table {
            if event.is_object() {
                event["sg_message_id"] = "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0".into();
            }
            let told = told_by(&SendGrid, &json!([event]));
            let found = told.first().map(|told| (told.kind, told.delivery.clone().unwrap().status));
            assert_eq!(found, ours, "{event}");
            assert!(told.iter().all(|told| told.data["messageId"] == "14c5d75ce93.dfd.64b469"));
        }
    }

    #[test]
    fn each_event_of_a_call_is_told_by_its_own_id() {
        let event = |id: &str| json!({"event": "click", "email": "ann@example.com", "sg_event_id": id, "timestamp": 1_790_000_000, "url": "https://a", "ip": "192.0.2.1"});
        let told = told_by(&SendGrid, &json!([event("a"), {"event": "other"}, event("b"), event("")]));
        let ids: Vec<_> = told.iter().map(|told| told.id.len()).collect();
        assert_eq!(ids, [1, 1, 64]);
        assert_eq!((told[0].id.as_str(), told[1].id.as_str(), told[0].at), ("a", "b", Some(now())));
        assert_eq!(told[0].data["url"], "https://a");
        assert_eq!(told[0].contact.as_ref().unwrap().email.as_deref(), Some("ann@example.com"));
        for body in ["", "{}", "null", "[1]"] {
            assert!(SendGrid.translate(&call("POST", "/", &[], body)).is_empty(), "{body}");
        }
    }
}
