//! HubSpot: `X-HubSpot-Signature-v3`, an HMAC-SHA256 in base64 over method, address, body and
//! `X-HubSpot-Request-Timestamp` (milliseconds), by the app's client secret. Calls without it may have version 2: the
//! SHA-256 in hexadecimal digits of secret, method, address and body, without a time. Version 1 binds neither method nor
//! address and is not taken. (HubSpot, "Validating requests".)

use std::time::Duration;

use appengine_actors::clock::Timestamp;
use serde_json::Value;

use super::call::Call;
use super::keys::Keys;
use super::told::{Contact, Told, text, value};
use super::verdict::{Part, Refusal, Stop, Verified};
use super::{Around, Vendor, age, mac};

const V3: &str = "X-HubSpot-Signature-v3";
const STAMP: &str = "X-HubSpot-Request-Timestamp";
const OLDER: &str = "X-HubSpot-Signature";
const VERSION: &str = "X-HubSpot-Signature-Version";
const TOLERANCE: Duration = Duration::from_secs(300);
/// What is signed as the character itself where an address has it encoded. All else is signed as it stands.
const DECODED: [(&str, char); 12] = [
    ("3A", ':'),
    ("2F", '/'),
    ("3F", '?'),
    ("40", '@'),
    ("21", '!'),
    ("24", '$'),
    ("27", '\''),
    ("28", '('),
    ("29", ')'),
    ("2A", '*'),
    ("2C", ','),
    ("3B", ';'),
];

/// HubSpot.
pub struct HubSpot;

impl Vendor for HubSpot {
    fn name(&self) -> &'static str {
        "hubspot"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        check(call, keys, around)?;
        Ok(Verified::call(id(call)))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        items(call).iter().filter_map(told).collect()
    }
}

fn check(call: &Call, keys: &Keys, around: &Around<'_>) -> Result<(), Refusal> {
    if keys.secrets.is_empty() {
        return Err(Refusal::no_keys("the app's client secret"));
    }
    // A call that has the newer one, once or more often, is checked by nothing else.
    if call.headers.all().any(|(name, _)| name.eq_ignore_ascii_case(V3)) {
        check_v3(call, keys, around)
    } else {
        check_v2(call, keys)
    }
}

fn check_v3(call: &Call, keys: &Keys, around: &Around<'_>) -> Result<(), Refusal> {
    let header = call.headers.one(V3).ok_or_else(|| Refusal::no_header(V3))?;
    let stamp = call.headers.one(STAMP).ok_or_else(|| Refusal::no_header(STAMP))?;
    let code = mac::from_base64(header).filter(|code| code.len() == 32);
    let code = code.ok_or_else(|| malformed(format!("32 bytes in base64 in `{V3}`")))?;
    let address = decoded(&call.url);
    let signed = [call.method.as_bytes(), address.as_bytes(), &call.body, stamp.as_bytes()];
    if !mac::is_any(mac::SHA256, &keys.secrets, &signed, &[code]) {
        let scheme = "HMAC-SHA256 over method, address, body and timestamp";
        return Err(Refusal::no_match(scheme, keys.secrets.len()));
    }
    let sent =
        age::millis(stamp).ok_or_else(|| malformed(format!("milliseconds since 1970 in `{STAMP}`")))?;
    age::within(sent, around.now, keys.settings.tolerance(TOLERANCE))
}

fn check_v2(call: &Call, keys: &Keys) -> Result<(), Refusal> {
    let header = call.headers.one(OLDER).ok_or_else(|| Refusal::no_header(V3))?;
    if call.headers.one(VERSION) != Some("v2") {
        return Err(malformed(format!("`{V3}`, or `{VERSION}: v2`")));
    }
    let code = mac::from_hex::<32>(header).map(|code| mac::hex(&code));
    let code = code.ok_or_else(|| malformed(format!("64 hexadecimal digits in `{OLDER}`")))?;
    // A digest with the secret in front can be carried on by whoever has seen one, but only over bytes that no JSON holds:
    // such a call means nothing.
    let is_by = |secret: &str| {
        let parts = [secret.as_bytes(), call.method.as_bytes(), call.url.as_bytes(), &call.body];
        !secret.is_empty() && mac::is_same(&mac::sha256_hex(&parts.concat()), &code)
    };
    if !keys.secrets.iter().any(|secret| is_by(secret.expose())) {
        return Err(Refusal::no_match("SHA-256 of secret, method, address and body", keys.secrets.len()));
    }
    Ok(())
}

fn malformed(expected: String) -> Refusal {
    let cause = "the call is not from HubSpot, or something rewrites headers on their way";
    Refusal::new(Part::Format, expected, "something else", cause)
}

/// The address as it is signed.
fn decoded(address: &str) -> String {
    let mut parts = address.split('%');
    let mut signed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let known = DECODED.iter().find_map(|(code, character)| {
            let start = part.get(..2).filter(|start| start.eq_ignore_ascii_case(code))?;
            Some((character, &part[start.len()..]))
        });
        match known {
            Some((character, rest)) => {
                signed.push(*character);
                signed.push_str(rest);
            }
            None => {
                signed.push('%');
                signed.push_str(part);
            }
        }
    }
    signed
}

/// What a call tells: a list, or one thing alone.
fn items(call: &Call) -> Vec<Value> {
    match call.json() {
        Some(Value::Array(items)) => items,
        Some(item) => vec![item],
        None => Vec::new(),
    }
}

/// The ids of all that it tells, for a call has none. What is sent again counts its attempts in the body.
fn id(call: &Call) -> String {
    let ids: Option<Vec<String>> = items(call).iter().map(item_id).collect();
    match ids.filter(|ids| !ids.is_empty()) {
        Some(ids) => mac::sha256_hex(ids.join("\n").as_bytes()),
        None => mac::sha256_hex(&[call.method.as_bytes(), call.url.as_bytes(), &call.body].concat()),
    }
}

/// The vendor's `eventId` is not unique alone.
fn item_id(item: &Value) -> Option<String> {
    item.get("eventId").filter(|id| id.is_number() || id.is_string())?;
    let parts = ["portalId", "subscriptionId", "eventId", "objectId", "occurredAt"];
    let part = |name: &str| match item.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    Some(parts.map(part).join(":"))
}

fn told(item: &Value) -> Option<Told> {
    let vendors = text(item, "/subscriptionType")?;
    let (object, happened) = vendors.split_once('.')?;
    let object = if object == "object" { object_named(&text(item, "/objectTypeId")?)? } else { object };
    let kind = kind(object, happened)?;
    let changed = |name: &str| {
        let is_it = object == "contact" && item["propertyName"] == name;
        is_it.then(|| text(item, "/propertyValue")).flatten()
    };
    let contact = Contact { email: changed("email"), phone: changed("phone"), name: None };
    let at = item.get("occurredAt").and_then(Value::as_u64).map(Timestamp::from_millis);
    let told = Told::new(kind, item_id(item)?, item)
        .at(at)
        .with("vendorEvent", vendors.as_str())
        .with("account", value(item, "/portalId"))
        .with("objectId", value(item, "/objectId"))
        .with("objectType", object)
        .with("property", value(item, "/propertyName"))
        .with("value", value(item, "/propertyValue"))
        .with("source", value(item, "/changeSource"))
        .with("messageId", value(item, "/messageId"))
        .about(contact);
    Some(told)
}

/// The objects that newer subscriptions name by a number.
fn object_named(id: &str) -> Option<&'static str> {
    Some(match id {
        "0-1" => "contact",
        "0-2" => "company",
        "0-3" => "deal",
        "0-5" => "ticket",
        _ => return None,
    })
}

fn kind(object: &str, happened: &str) -> Option<&'static str> {
    Some(match (object, happened) {
        ("contact", "creation") => "crm.contact.created",
        ("contact", "propertyChange") => "crm.contact.updated",
        ("contact", "deletion") => "crm.contact.deleted",
        ("contact", "merge") => "crm.contact.merged",
        ("contact", "privacyDeletion") => "privacy.erasure_requested",
        ("company", "creation") => "crm.company.created",
        ("company", "propertyChange") => "crm.company.updated",
        ("company", "deletion") => "crm.company.deleted",
        ("deal", "creation") => "crm.deal.created",
        ("deal", "propertyChange") => "crm.deal.updated",
        ("deal", "deletion") => "crm.deal.deleted",
        ("ticket", "creation") => "support.ticket.created",
        ("ticket", "propertyChange") => "support.ticket.updated",
        ("ticket", "deletion") => "support.ticket.deleted",
        ("conversation", "creation") => "support.conversation.created",
        ("conversation", "newMessage") => "support.conversation.replied",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::keys::Secret;
    use crate::vendors::testing::{around, call, now, told_by};

    fn signed(headers: &[(&str, &str)], url: &str) -> Result<(), Refusal> {
        let keys = Keys { secrets: vec![Secret::new("secret".to_owned())], ..Keys::default() };
        check(&Call { url: url.to_owned(), ..call("POST", "/", headers, "[]") }, &keys, &around())
    }

    #[test]
    fn an_address_is_decoded_where_the_vendor_says_so() {
        let table = [
            ("https://a.test/w?e=a%40b.com&p=%2Fx%3Ay&q=a%20b", "https://a.test/w?e=a@b.com&p=/x:y&q=a%20b"),
            ("%3a%2f%3f%40%21%24%27%28%29%2a%2c%3b", ":/?@!$'()*,;"),
            ("%26%3D%23%25%2540", "%26%3D%23%25%2540"),
            ("100%", "100%"),
            ("%%40%4", "%@%4"),
            ("%é%40é", "%é@é"),
        ];
        for (address, ours) in table {
            assert_eq!(decoded(address), ours);
        }
    }

    #[test]
    fn the_decoded_address_is_what_is_signed() {
        let (url, stamp) = ("https://a.test/w?e=a%40b.com", "1790000000000");
        let code = |address: &str| {
            let parts = [b"POST".as_slice(), address.as_bytes(), b"[]", stamp.as_bytes()];
            mac::base64(&mac::code(mac::SHA256, b"secret", &parts))
        };
        let headers = |code: &str| signed(&[(V3, code), (STAMP, stamp)], url);
        assert!(headers(&code("https://a.test/w?e=a@b.com")).is_ok());
        assert_eq!(headers(&code(url)).unwrap_err().part, Part::Signature);
    }

    #[test]
    fn no_older_version_stands_in_for_the_newer_one() {
        let url = "https://a.test/w";
        let v2 = mac::sha256_hex(format!("secretPOST{url}[]").as_bytes());
        assert!(signed(&[(OLDER, &v2), (VERSION, "v2")], url).is_ok());
        assert!(signed(&[(OLDER, &v2.to_uppercase()), (VERSION, "v2")], url).is_ok());
        let both = signed(&[(OLDER, &v2), (VERSION, "v2"), (V3, "AAAA"), (STAMP, "1")], url);
        assert_eq!(both.unwrap_err().part, Part::Format);
        let twice = signed(&[(OLDER, &v2), (VERSION, "v2"), (V3, "AAAA"), (V3, "AAAA"), (STAMP, "1")], url);
        assert_eq!(twice.unwrap_err().part, Part::Header);
        let v1 = mac::sha256_hex(b"secret[]");
        assert_eq!(signed(&[(OLDER, &v1), (VERSION, "v1")], url).unwrap_err().part, Part::Format);
        assert_eq!(signed(&[(OLDER, &v1)], url).unwrap_err().part, Part::Format);
    }

    #[test]
    fn each_item_of_a_list_is_told_with_its_own_id() {
        let item = |kind: &str, event: u64| {
            json!({
                "eventId": event, "subscriptionId": 2, "portalId": 3, "occurredAt": 1_790_000_000_000_u64,
                "subscriptionType": kind, "attemptNumber": 0, "objectId": 9,
            })
        };
        let table = [
            ("contact.creation", Some("crm.contact.created")),
            ("deal.propertyChange", Some("crm.deal.updated")),
            ("contact.privacyDeletion", Some("privacy.erasure_requested")),
            ("product.creation", None),
            ("nothing", None),
        ];
        let items: Vec<Value> = (1..).zip(table).map(|(event, (kind, _))| item(kind, event)).collect();
        let told = told_by(&HubSpot, &Value::Array(items));
        let found: Vec<_> = told.iter().map(|told| Some(told.kind)).collect();
        let ours: Vec<_> = table.into_iter().map(|(_, ours)| ours).filter(Option::is_some).collect();
        assert_eq!(found, ours);
        let ids: Vec<&str> = told.iter().map(|told| told.id.as_str()).collect();
        assert_eq!(ids, ["3:2:1:9:1790000000000", "3:2:2:9:1790000000000", "3:2:3:9:1790000000000"]);
        assert_eq!((told[0].at, &told[0].payload["eventId"]), (Some(now()), &json!(1)));
    }

    #[test]
    fn a_call_that_is_tried_again_has_the_same_id() {
        let of = |attempt: u64| {
            let item = json!({"eventId": 1, "portalId": 3, "attemptNumber": attempt});
            id(&call("POST", "/", &[], &json!([item]).to_string()))
        };
        assert_eq!(of(0), of(1));
        assert_ne!(id(&call("GET", "/a", &[], "")), id(&call("GET", "/b", &[], "")));
        assert_ne!(id(&call("POST", "/", &[], "[1]")), id(&call("POST", "/", &[], "[2]")));
    }

    #[test]
    fn newer_subscriptions_name_objects_by_number() {
        let item = json!({
            "eventId": 1, "subscriptionType": "object.propertyChange", "objectTypeId": "0-1",
            "propertyName": "email", "propertyValue": "ada@example.com",
        });
        let told = told_by(&HubSpot, &item).remove(0);
        assert_eq!((told.kind, &told.data["objectType"]), ("crm.contact.updated", &json!("contact")));
        assert_eq!(told.contact.unwrap().email.as_deref(), Some("ada@example.com"));
    }
}
