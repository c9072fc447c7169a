//! Anybody who sends by Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp` and `webhook-signature`, over
//! `id.timestamp.body`. `v1` is an HMAC-SHA256 by the secret's bytes, `v1a` is Ed25519; the label decides which, never
//! the key. Svix and those who send by it call the headers `svix-…`.

use std::time::Duration;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;

use super::call::Call;
use super::keys::Keys;
use super::told::{Told, moment, text};
use super::verdict::{Part, Refusal, Stop, Verified};
use super::{Around, Vendor, age, mac};

const TOLERANCE: Duration = Duration::from_secs(300);

/// Whoever sends by the standard.
pub struct StandardWebhooks;

impl Vendor for StandardWebhooks {
    fn name(&self) -> &'static str {
        "standard-webhooks"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        Ok(Verified::call(check(call, keys, around)?))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        let Some(body) = call.json() else { return Vec::new() };
        let Some(id) = id(call) else { return Vec::new() };
        let told = Told::new("webhook.received", id, &body)
            .at(moment(&body, "/timestamp"))
            .with("vendorEvent", text(&body, "/type").map_or(Value::Null, Value::String));
        vec![told]
    }
}

/// The three headers, under one of their names.
struct Signed<'a> {
    id: &'a str,
    timestamp: &'a str,
    signature: &'a str,
}

impl<'a> Signed<'a> {
    fn of(call: &'a Call) -> Result<Self, Refusal> {
        let is_svix = call.headers.one("webhook-id").is_none() && call.headers.one("svix-id").is_some();
        let names = if is_svix {
            ["svix-id", "svix-timestamp", "svix-signature"]
        } else {
            ["webhook-id", "webhook-timestamp", "webhook-signature"]
        };
        let header = |name: &'static str| call.headers.one(name).ok_or_else(|| Refusal::no_header(name));
        Ok(Self { id: header(names[0])?, timestamp: header(names[1])?, signature: header(names[2])? })
    }
}

/// The id that the sender has given a call.
pub fn id(call: &Call) -> Option<&str> {
    Signed::of(call).ok().map(|headers| headers.id)
}

/// The id of the call, if it is signed. Reddit's relays and Resend sign so too.
pub fn check(call: &Call, keys: &Keys, around: &Around<'_>) -> Result<String, Refusal> {
    if keys.secrets.is_empty() && keys.public_keys.is_empty() {
        return Err(Refusal::no_keys(
            "the endpoint's secret (`whsec_…`) or the sender's public key (`whpk_…`)",
        ));
    }
    if !keys.secrets.iter().any(|key| secret_bytes(key.expose()).is_some())
        && !keys.public_keys.iter().any(|key| public_bytes(key).is_some())
    {
        let cause = "the secret was not copied whole, or it is the text of another vendor's scheme";
        let expected = "a secret (`whsec_…`) or a public key (`whpk_…`) in base64";
        return Err(Refusal::new(Part::Configuration, expected, "none that is", cause));
    }
    let Signed { id, timestamp, signature } = Signed::of(call)?;
    let sent = age::seconds(timestamp).ok_or_else(|| {
        let cause = "the sender does not send by Standard Webhooks";
        Refusal::new(Part::Format, "a number of seconds as the timestamp", "something else", cause)
    })?;
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &call.body].concat();
    if !signature.split(' ').any(|one| is_signed(one, keys, &signed)) {
        let keys = keys.secrets.len() + keys.public_keys.len();
        return Err(Refusal::no_match("a signature `v1` or `v1a` over `id.timestamp.body`", keys));
    }
    age::within(sent, around.now, keys.settings.tolerance(TOLERANCE))?;
    Ok(id.to_owned())
}

/// Whether one of the signatures, with its label, is by one of the keys of that kind.
fn is_signed(signature: &str, keys: &Keys, signed: &[u8]) -> bool {
    let Some((label, code)) = signature.split_once(',') else { return false };
    let Some(code) = mac::from_base64(code) else { return false };
    match label {
        "v1" => keys
            .secrets
            .iter()
            .filter_map(|secret| secret_bytes(secret.expose()))
            .any(|key| mac::is_code(mac::SHA256, &key, &[signed], &code)),
        "v1a" => keys
            .public_keys
            .iter()
            .filter_map(|key| public_bytes(key))
            .any(|key| UnparsedPublicKey::new(&ED25519, key).verify(signed, &code).is_ok()),
        _ => false,
    }
}

/// A secret's bytes: base64, with or without `whsec_` before it.
fn secret_bytes(secret: &str) -> Option<Vec<u8>> {
    mac::from_base64(secret.strip_prefix("whsec_").unwrap_or(secret)).filter(|bytes| !bytes.is_empty())
}

fn public_bytes(key: &str) -> Option<Vec<u8>> {
    mac::from_base64(key.strip_prefix("whpk_").unwrap_or(key))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

    use super::*;
    use crate::vendors::keys::Secret;
    use crate::vendors::testing::{around, call, now};

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const AT: &str = "1790000000";

    fn keys(secrets: &[&str], public_keys: &[&str]) -> Keys {
        let secrets = secrets.iter().map(|secret| Secret::new((*secret).to_owned())).collect();
        Keys {
            secrets,
            public_keys: public_keys.iter().map(|&key| key.to_owned()).collect(),
            ..Keys::default()
        }
    }

    fn v1(timestamp: &str, body: &str) -> String {
        let key = secret_bytes(SECRET).unwrap();
        let signed = format!("msg_1.{timestamp}.{body}");
        mac::base64(&mac::code(mac::SHA256, &key, &[signed.as_bytes()]))
    }

    fn checked(headers: &[(&str, &str)], keys: &Keys) -> Result<String, Part> {
        check(&call("POST", "/", headers, "{}"), keys, &around()).map_err(|refusal| refusal.part)
    }

    #[test]
    fn signatures_are_a_list_with_spaces_of_which_one_is_enough() {
        let good = v1(AT, "{}");
        let table = [
            (format!("v1,{good}"), Ok("msg_1".to_owned())),
            (format!("v1,AAAA v2,{good} v1,{good}"), Ok("msg_1".to_owned())),
            (format!("v1,{good},v1,{good}"), Err(Part::Signature)),
            (format!("v1,{}", good.trim_end_matches('=')), Err(Part::Signature)),
            (format!("V1,{good}"), Err(Part::Signature)),
            (format!("v2,{good}"), Err(Part::Signature)),
            (format!("v1a,{good}"), Err(Part::Signature)),
            (good.clone(), Err(Part::Signature)),
            (String::new(), Err(Part::Signature)),
        ];
        for (signature, expected) in table {
            for names in [
                ("webhook-id", "webhook-timestamp", "webhook-signature"),
                ("svix-id", "svix-timestamp", "svix-signature"),
            ] {
                let headers = [(names.0, "msg_1"), (names.1, AT), (names.2, signature.as_str())];
                assert_eq!(checked(&headers, &keys(&[SECRET], &[])), expected, "{signature}");
            }
        }
    }

    #[test]
    fn the_signature_is_looked_at_before_the_time() {
        let table = [
            ("1789999700", Ok("msg_1".to_owned())),
            ("1790000300", Ok("msg_1".to_owned())),
            ("1789999699", Err(Part::Time)),
            ("1790000301", Err(Part::Time)),
        ];
        for (timestamp, expected) in table {
            let signature = format!("v1,{}", v1(timestamp, "{}"));
            let headers = [
                ("webhook-id", "msg_1"),
                ("webhook-timestamp", timestamp),
                ("webhook-signature", &*signature),
            ];
            assert_eq!(checked(&headers, &keys(&[SECRET], &[])), expected, "{timestamp}");
            let wrong =
                [("webhook-id", "msg_1"), ("webhook-timestamp", timestamp), ("webhook-signature", "v1,AAAA")];
            assert_eq!(checked(&wrong, &keys(&[SECRET], &[])), Err(Part::Signature), "{timestamp}");
        }
        let words = [("webhook-id", "msg_1"), ("webhook-timestamp", "now"), ("webhook-signature", "v1,AAAA")];
        assert_eq!(checked(&words, &keys(&[SECRET], &[])), Err(Part::Format));
    }

    #[test]
    fn a_label_decides_and_never_a_key() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let public = format!("whpk_{}", mac::base64(pair.public_key().as_ref()));
        let code = mac::base64(pair.sign(format!("msg_1.{AT}.{{}}").as_bytes()).as_ref());
        let judged = |signature: &str, keys: &Keys| {
            checked(
                &[("webhook-id", "msg_1"), ("webhook-timestamp", AT), ("webhook-signature", signature)],
                keys,
            )
        };
        let theirs = keys(&[], &[&public]);
        assert_eq!(judged(&format!("v1a,{code}"), &theirs), Ok("msg_1".to_owned()));
        assert_eq!(judged(&format!("v1a,{code}"), &keys(&[SECRET], &[&public])), Ok("msg_1".to_owned()));
        assert_eq!(judged(&format!("v1,{code}"), &theirs), Err(Part::Signature));
        let with_public =
            mac::code(mac::SHA256, pair.public_key().as_ref(), &[format!("msg_1.{AT}.{{}}").as_bytes()]);
        assert_eq!(judged(&format!("v1,{}", mac::base64(&with_public)), &theirs), Err(Part::Signature));
        assert_eq!(judged(&format!("v1a,{code}"), &keys(&[SECRET], &[])), Err(Part::Signature));
    }

    #[test]
    fn a_secret_that_cannot_be_read_is_said_to_be_that() {
        let signature = format!("v1,{}", v1(AT, "{}"));
        let headers =
            [("webhook-id", "msg_1"), ("webhook-timestamp", AT), ("webhook-signature", &*signature)];
        let table: [(&[&str], Result<String, Part>); 5] = [
            (&[], Err(Part::Configuration)),
            (&["whsec_not base64"], Err(Part::Configuration)),
            (&["whsec_"], Err(Part::Configuration)),
            (&["whsec_not base64", SECRET], Ok("msg_1".to_owned())),
            (&[SECRET.trim_start_matches("whsec_")], Ok("msg_1".to_owned())),
        ];
        for (secrets, expected) in table {
            assert_eq!(checked(&headers, &keys(secrets, &[])), expected, "{secrets:?}");
        }
    }

    #[test]
    fn a_message_is_told_by_its_type() {
        let headers = [("svix-id", "msg_1"), ("svix-timestamp", AT), ("svix-signature", "v1,")];
        let body = r#"{"type":"user.created","timestamp":"2026-09-21T14:13:20Z","data":{}}"#;
        let told = StandardWebhooks.translate(&call("POST", "/", &headers, body)).remove(0);
        assert_eq!((told.kind, told.id.as_str(), told.at), ("webhook.received", "msg_1", Some(now())));
        assert_eq!(told.data["vendorEvent"], "user.created");
        assert!(StandardWebhooks.translate(&call("POST", "/", &[], body)).is_empty());
        assert!(StandardWebhooks.translate(&call("POST", "/", &headers, "no JSON")).is_empty());
    }
}
