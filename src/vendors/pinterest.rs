//! Pinterest, for its lead forms: nothing is signed. The body is AES-256-GCM by the key of the subscription, whose tag says
//! who wrote it, and our address has a part that nobody can guess. The vendor has not written the envelope down: it is
//! taken as base64 of nonce, ciphertext and tag in `encrypted_payload`, unless an integration names other fields.
//! (Pinterest, "Lead ads subscriptions".)

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde_json::Value;

use super::call::Call;
use super::keys::{Keys, Secret, Settings};
use super::told::{Contact, Told, id, items, seconds};
use super::verdict::{Part, Refusal, Stop, Verified};
use super::{Around, Vendor, mac};

/// Where what is encrypted is.
const PAYLOAD: &str = "encrypted_payload";

/// Pinterest.
pub struct Pinterest;

impl Vendor for Pinterest {
    fn name(&self) -> &'static str {
        "pinterest"
    }

    fn verify(&self, call: &Call, keys: &Keys, _: &Around<'_>) -> Result<Verified, Stop> {
        if keys.secrets.is_empty() {
            return Err(Refusal::no_keys("the subscription's `cryptographic_key`").into());
        }
        check_path(call, keys)?;
        let sealed = envelope(call, &keys.settings)?;
        let opened = keys.secrets.iter().find_map(|key| open(key, &sealed));
        let opened = opened.ok_or_else(|| Refusal::no_match("AES-256-GCM", keys.secrets.len()))?;
        // Its digest, for the same leads are encrypted otherwise when they come again.
        Ok(Verified::opened(mac::sha256_hex(&opened), opened))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        call.json().iter().flat_map(|body| items(body, "")).filter_map(told).collect()
    }
}

/// The last part of our address is the one that nobody can guess.
fn check_path(call: &Call, keys: &Keys) -> Result<(), Refusal> {
    let Some(token) = keys.settings.path_token.as_deref().filter(|token| !token.is_empty()) else {
        return Err(Refusal::no_keys("the part of the path that nobody can guess"));
    };
    let path = call.url.split(['?', '#']).next().unwrap_or_default();
    let found = path.rsplit('/').next().unwrap_or_default();
    if !mac::is_same(token, found) {
        let cause = "the subscription has an address of another organisation, or an old one";
        return Err(Refusal::new(Part::Address, "our token as the path's last part", "another", cause));
    }
    Ok(())
}

/// Nonce, ciphertext and tag, one behind the other.
fn envelope(call: &Call, settings: &Settings) -> Result<Vec<u8>, Refusal> {
    let body = call.json().unwrap_or_default();
    let field = |name: &str| {
        let found = body.get(name).and_then(Value::as_str).and_then(mac::from_base64);
        found.ok_or_else(|| {
            let cause = "the call is not from Pinterest: nothing tells who wrote a body in clear";
            Refusal::new(Part::Format, format!("base64 in `{name}`"), "none", cause)
        })
    };
    let apart = |name: &Option<String>| name.as_deref().map_or_else(|| Ok(Vec::new()), field);
    let payload = field(settings.payload_field.as_deref().unwrap_or(PAYLOAD))?;
    Ok([apart(&settings.nonce_field)?, payload, apart(&settings.tag_field)?].concat())
}

/// What is in an envelope, if it was closed by this key.
fn open(key: &Secret, sealed: &[u8]) -> Option<Vec<u8>> {
    let key = UnboundKey::new(&AES_256_GCM, &mac::from_base64(key.expose())?).ok()?;
    let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut rest = rest.to_vec();
    let opened = LessSafeKey::new(key).open_in_place(nonce, Aad::empty(), &mut rest).ok()?;
    Some(opened.to_vec())
}

/// A lead. Its answers have no names: an address or a number is known by its form.
fn told(lead: &Value) -> Option<Told> {
    let answers: Vec<_> = items(lead, "/answers").filter_map(Value::as_str).collect();
    let contact = Contact {
        email: answers.iter().find(|answer| is_email(answer)).map(|&answer| answer.to_owned()),
        phone: answers.iter().find(|answer| is_phone(answer)).map(|&answer| answer.to_owned()),
        name: None,
    };
    let lead_id = id(lead, "/lead_id")?;
    let told = Told::new("lead.created", lead_id.as_str(), lead)
        .at(seconds(lead, "/created_time"))
        .with("vendorEvent", "lead")
        .with("leadId", lead_id)
        .with("formId", id(lead, "/lead_form_id"))
        .with("accountId", id(lead, "/advertiser_id"))
        .with("email", contact.email.clone())
        .with("phone", contact.phone.clone())
        .about(contact);
    Some(told)
}

fn is_email(answer: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && !part.contains(|sign: char| sign == '@' || sign.is_whitespace());
    answer.split_once('@').is_some_and(|(local, host)| is_part(local) && is_part(host) && host.contains('.'))
}

fn is_phone(answer: &str) -> bool {
    let is_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    answer.strip_prefix('+').is_some_and(|digits| (7..=15).contains(&digits.len()) && is_digits(digits))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::testing::{around, call, told_by};

    const KEY: [u8; 32] = [7; 32];

    fn sealed(text: &str) -> String {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).unwrap());
        let mut bytes = text.as_bytes().to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key([1; NONCE_LEN]), Aad::empty(), &mut bytes)
            .unwrap();
        let envelope = [vec![1; NONCE_LEN], bytes].concat();
        json!({"encrypted_payload": mac::base64(&envelope)}).to_string()
    }

    fn keys(secrets: &[&[u8]], path_token: Option<&str>) -> Keys {
        let settings = Settings { path_token: path_token.map(str::to_owned), ..Settings::default() };
        let secrets = secrets.iter().map(|secret| Secret::new(mac::base64(secret))).collect();
        Keys { secrets, settings, ..Keys::default() }
    }

    #[test]
    fn what_was_encrypted_is_what_is_translated() {
        let lead = r#"[{"lead_id": "1", "answers": ["Ann", "ann@example.com", "+15551234567"]}]"#;
        let call = call("POST", "/pinterest/guess-me?a=/b", &[], &sealed(lead));
        let keys = keys(&[&[9; 32], &[7; 16], &KEY], Some("guess-me"));
        let Ok(Verified::Call { opened: Some(body), .. }) = Pinterest.verify(&call, &keys, &around()) else {
            panic!()
        };
        let told = Pinterest.translate(&Call { body, ..call }).remove(0);
        assert_eq!((told.kind, told.id.as_str()), ("lead.created", "1"));
        let contact = told.contact.unwrap();
        assert_eq!(contact.email.as_deref(), Some("ann@example.com"));
        assert_eq!(contact.phone.as_deref(), Some("+15551234567"));
    }

    #[test]
    fn without_a_token_in_the_path_nothing_is_taken() {
        for token in [None, Some(""), Some("other")] {
            let call = call("POST", "/pinterest/", &[], &sealed("[]"));
            assert!(Pinterest.verify(&call, &keys(&[&KEY], token), &around()).is_err(), "{token:?}");
        }
    }

    #[test]
    fn an_integration_may_name_the_fields_of_the_envelope() {
        let whole: Value = serde_json::from_str(&sealed("[]")).unwrap();
        let bytes = mac::from_base64(whole[PAYLOAD].as_str().unwrap()).unwrap();
        let (nonce, rest) = bytes.split_at(NONCE_LEN);
        let (payload, tag) = rest.split_at(rest.len() - 16);
        let body = json!({"iv": mac::base64(nonce), "data": mac::base64(payload), "mac": mac::base64(tag)});
        let named = |payload: &str, nonce: &str, tag: &str| {
            let mut keys = keys(&[&KEY], Some("a"));
            let of = &mut keys.settings;
            (of.payload_field, of.nonce_field, of.tag_field) =
                (Some(payload.to_owned()), Some(nonce.to_owned()), Some(tag.to_owned()));
            Pinterest.verify(&call("POST", "/a", &[], &body.to_string()), &keys, &around())
        };
        assert!(named("data", "iv", "mac").is_ok());
        assert!(named("data", "mac", "iv").is_err() && named("data", "iv", "no").is_err());
        assert!(
            Pinterest
                .verify(&call("POST", "/a", &[], &body.to_string()), &keys(&[&KEY], Some("a")), &around())
                .is_err()
        );
    }

    #[test]
    fn short_envelopes_are_refused() {
        for payload in ["", "AAAA", "AAECAwQFBgcICQoL", "AAECAwQFBgcICQoLDA=="] {
            let call = call("POST", "/a", &[], &json!({"encrypted_payload": payload}).to_string());
            assert!(Pinterest.verify(&call, &keys(&[&KEY], Some("a")), &around()).is_err(), "{payload}");
        }
    }

    #[test]
    fn each_lead_is_told() {
        let leads = json!([{"lead_id": "1"}, {"no": "id"}, {"lead_id": 2, "answers": ["a @b.c", "+1", "@"]}]);
        let told = told_by(&Pinterest, &leads);
        assert_eq!(told.iter().map(|told| told.id.as_str()).collect::<Vec<_>>(), ["1", "2"]);
        assert!(told.iter().all(|told| told.contact.is_none()));
        assert!(told_by(&Pinterest, &json!({"encrypted_payload": "AAAA"})).is_empty());
    }
}
