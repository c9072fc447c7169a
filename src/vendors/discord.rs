//! Discord: `X-Signature-Ed25519`, Ed25519 in hexadecimal digits by the app's key over `X-Signature-Timestamp` and the body.
//! Discord sends wrong signatures on purpose and must hear 401. One key signs both of its addresses: interactions, and
//! events. (Discord, "Interactions: Security and Authorization", "Webhook Events".)

use std::time::Duration;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

use super::call::Call;
use super::keys::Keys;
use super::told::{Told, moment, text, value};
use super::verdict::{Part, Refusal, Reply, Stop, Verified};
use super::{Around, Vendor, age, mac};

const SIGNATURE: &str = "X-Signature-Ed25519";
const SENT: &str = "X-Signature-Timestamp";
/// Discord tries for ten minutes.
const TOLERANCE: Duration = Duration::from_secs(900);

/// Discord.
pub struct Discord;

impl Vendor for Discord {
    fn name(&self) -> &'static str {
        "discord"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        check(call, keys, around)?;
        let digest = mac::sha256_hex(&call.body);
        let Some(body) = call.json() else { return Ok(Verified::call(digest)) };
        Ok(match Shape::of(&body) {
            Shape::EventPing => Verified::handshake(Reply::empty(204)),
            Shape::InteractionPing => Verified::handshake(Reply::json(&json!({"type": 1}))),
            // An event has no id, but the time in it goes to the microsecond.
            Shape::Event => Verified::call(digest),
            Shape::Interaction(_) => Verified::call(text(&body, "/id").unwrap_or(digest)),
        })
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        let Some(body) = call.json() else { return Vec::new() };
        body.get("event").and_then(|event| told(event, mac::sha256_hex(&call.body))).into_iter().collect()
    }

    fn reply(&self, call: &Call) -> Reply {
        let shape = call.json().map_or(Shape::Event, |body| Shape::of(&body));
        match shape {
            Shape::Interaction(kind) => Reply::json(&put_off(kind)),
            _ => Reply::empty(204),
        }
    }
}

/// The same `type` is one thing at one address and something else at the other: an event says that it is one.
enum Shape {
    EventPing,
    InteractionPing,
    Event,
    Interaction(u64),
}

impl Shape {
    fn of(body: &Value) -> Self {
        let kind = body.get("type").and_then(Value::as_u64);
        match (kind, body.get("event").is_some()) {
            (Some(0), _) => Self::EventPing,
            (Some(1), false) => Self::InteractionPing,
            (Some(kind), false) => Self::Interaction(kind),
            (_, true) | (None, _) => Self::Event,
        }
    }
}

/// What an interaction is answered, which has to be done in three seconds: whoever deals with it answers within fifteen
/// minutes, by its token.
fn put_off(kind: u64) -> Value {
    match kind {
        // A part of a message, such as a button: the message stays as it is.
        3 => json!({"type": 6}),
        // A field that is being typed into: there is nothing to choose.
        4 => json!({"type": 8, "data": {"choices": []}}),
        _ => json!({"type": 5}),
    }
}

fn check(call: &Call, keys: &Keys, around: &Around<'_>) -> Result<(), Refusal> {
    let public: Vec<_> = keys
        .public_keys
        .iter()
        .filter_map(|key| mac::from_hex::<32>(key))
        .filter(|key| !is_of_small_order(key))
        .collect();
    if public.is_empty() {
        return Err(Refusal::no_keys("the app's public key, 64 hexadecimal digits"));
    }
    let header = |name: &'static str| call.headers.one(name).ok_or_else(|| Refusal::no_header(name));
    let (signature, stamp) = (header(SIGNATURE)?, header(SENT)?);
    let signature = mac::from_hex::<64>(signature).ok_or_else(|| {
        let expected = format!("128 hexadecimal digits in `{SIGNATURE}`");
        Refusal::new(Part::Format, expected, "something else", "the call is not from Discord")
    })?;
    let signed = [stamp.as_bytes(), &call.body].concat();
    let is_by = |key: &Vec<u8>| UnparsedPublicKey::new(&ED25519, key).verify(&signed, &signature).is_ok();
    if signature.get(..32).is_none_or(is_of_small_order) || !public.iter().any(is_by) {
        return Err(Refusal::no_match("Ed25519 over the timestamp and the body", public.len()));
    }
    let sent = age::seconds(stamp).ok_or_else(|| {
        let expected = format!("a number of seconds in `{SENT}`");
        Refusal::new(Part::Format, expected, "something else", "the call is not from Discord")
    })?;
    age::within(sent, around.now, keys.settings.tolerance(TOLERANCE))
}

/// The points of small order, each by its encoding without the sign, and the encodings beyond the field that mean the
/// same: for such a key anybody can sign.
const SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/// Whether a point is of small order, which no key or signature of Discord's is. The library does not ask.
fn is_of_small_order(point: &[u8]) -> bool {
    let mut point = point.to_vec();
    if let Some(last) = point.last_mut() {
        *last &= 0x7f;
    }
    SMALL_ORDER.contains(&mac::hex(&point).as_str())
}

fn told(event: &Value, digest: String) -> Option<Told> {
    let vendors = text(event, "/type")?;
    let data = event.get("data").unwrap_or(&Value::Null);
    let kind = match vendors.as_str() {
        "APPLICATION_AUTHORIZED" => "connection.created",
        "APPLICATION_DEAUTHORIZED" => "connection.revoked",
        "LOBBY_MESSAGE_CREATE" | "GAME_DIRECT_MESSAGE_CREATE" => "social.message",
        _ => return None,
    };
    let message = text(data, "/id").filter(|_| kind == "social.message");
    let user = data.get("user").or_else(|| data.get("author")).unwrap_or(&Value::Null);
    let told = Told::new(kind, message.clone().unwrap_or(digest), event)
        .at(moment(event, "/timestamp").or_else(|| utc(event)))
        .with("vendorEvent", vendors)
        .with("accountId", value(data, "/guild/id"))
        .with("channelId", value(data, "/channel_id"))
        .with("messageId", message)
        .with("authorId", value(user, "/id"))
        .with("authorName", value(user, "/username"))
        .with("text", value(data, "/content"));
    Some(told)
}

/// Discord's times of events say no zone.
fn utc(event: &Value) -> Option<appengine_actors::clock::Timestamp> {
    format!("{}Z", text(event, "/timestamp")?).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::testing::{around, call, now, told_by};

    #[test]
    fn anybodys_key_is_no_key() {
        // The identity, with which a signature of the identity and zero is right for whatever is said.
        let identity = format!("01{}", "0".repeat(62));
        let forged = format!("{identity}{}", "0".repeat(64));
        let call = call("POST", "/", &[(SIGNATURE, &forged), (SENT, "1790000000")], r#"{"type":0}"#);
        let by = UnparsedPublicKey::new(&ED25519, mac::from_hex::<32>(&identity).unwrap());
        assert!(by.verify(b"anything", &mac::from_hex::<64>(&forged).unwrap()).is_ok());
        let keys = Keys { public_keys: vec![identity], ..Keys::default() };
        let Err(Stop::Refused(refusal)) = Discord.verify(&call, &keys, &around()) else { panic!() };
        assert_eq!((refusal.part, refusal.status), (Part::Configuration, 401));
    }

    #[test]
    fn an_interaction_is_put_off_and_an_event_has_no_answer() {
        let reply = |body: &Value| {
            let reply = Discord.reply(&call("POST", "/", &[], &body.to_string()));
            (reply.status, reply.body)
        };
        assert_eq!(reply(&json!({"type": 2})), (200, r#"{"type":5}"#.to_owned()));
        assert_eq!(reply(&json!({"type": 3})), (200, r#"{"type":6}"#.to_owned()));
        assert_eq!(reply(&json!({"type": 4})).0, 200);
        assert_eq!(reply(&json!({"type": 1, "event": {}})), (204, String::new()));
        assert_eq!(reply(&json!([])), (204, String::new()));
    }

    #[test]
    fn events_are_understood() {
        let event = |kind: &str| {
            let data = json!({"id": "5", "user": {"id": "3", "username": "ann"}, "content": "hi"});
            json!({"type": 1, "event": {"type": kind, "timestamp": "2026-09-21T14:13:20.000000", "data": data}})
        };
        let table = [
            ("APPLICATION_AUTHORIZED", Some("connection.created")),
            ("APPLICATION_DEAUTHORIZED", Some("connection.revoked")),
            ("GAME_DIRECT_MESSAGE_CREATE", Some("social.message")),
            ("LOBBY_MESSAGE_CREATE", Some("social.message")),
            ("LOBBY_MESSAGE_DELETE", None),
            ("ENTITLEMENT_CREATE", None),
        ];
        for (theirs, ours) in table {
            let told = told_by(&Discord, &event(theirs));
            assert_eq!(told.first().map(|told| told.kind), ours, "{theirs}");
        }
        let told = told_by(&Discord, &event("LOBBY_MESSAGE_CREATE")).remove(0);
        assert_eq!((told.id.as_str(), told.at), ("5", Some(now())));
        assert!(told_by(&Discord, &json!({"type": 2, "data": {"name": "hello"}})).is_empty());
    }
}
