//! Twilio: `X-Twilio-Signature`, an HMAC-SHA1 in base64 over the public address and, behind it, the names and values of the
//! form, sorted. The key is the account's primary auth token. JSON is bound by `bodySHA256` in the address. (Twilio,
//! "Webhooks security".)

use std::collections::BTreeSet;

use super::call::Call;
use super::keys::Keys;
use super::told::Told;
use super::twilio_events::Fields;
use super::verdict::{Part, Refusal, Reply, Stop, Verified};
use super::{Around, Vendor, mac};

const SIGNATURE: &str = "X-Twilio-Signature";
/// Nothing is to be done: for a caller, the call ends; for a message, nothing is answered.
const NOTHING: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#;

/// Twilio.
pub struct Twilio;

impl Vendor for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn verify(&self, call: &Call, keys: &Keys, _: &Around<'_>) -> Result<Verified, Stop> {
        check(call, keys).map_err(|refusal| refusal.status(403))?;
        Ok(Verified::call(Fields::of(call).id(call)))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        Fields::of(call).told(call).into_iter().collect()
    }

    fn reply(&self, call: &Call) -> Reply {
        if Fields::of(call).is_asking() { Reply::xml(NOTHING) } else { Reply::empty(204) }
    }
}

fn check(call: &Call, keys: &Keys) -> Result<(), Refusal> {
    if keys.secrets.is_empty() {
        return Err(Refusal::no_keys("the account's auth token"));
    }
    let header = call.headers.one(SIGNATURE).ok_or_else(|| Refusal::no_header(SIGNATURE))?;
    let code = mac::from_base64(header).filter(|code| code.len() == 20).ok_or_else(|| {
        let cause = "something rewrites the header on its way, or the call is not from Twilio";
        Refusal::new(Part::Format, format!("20 bytes in base64 in `{SIGNATURE}`"), "something else", cause)
    })?;
    let parameters = parameters(call)?;
    let codes = [code];
    let is_signed = |address: &String| {
        mac::is_any(mac::SHA1, &keys.secrets, &[address.as_bytes(), parameters.as_bytes()], &codes)
    };
    if !addresses(&call.url).iter().any(is_signed) {
        let cause = "the public address is set otherwise here than at Twilio, or the key is not the primary auth token of \
                     this account";
        let scheme = "HMAC-SHA1 over the public address and the form";
        return Err(Refusal::no_match(scheme, keys.secrets.len()).cause(cause));
    }
    Ok(())
}

/// What is signed behind the address. What is not in it is bound by its digest, which the address holds.
fn parameters(call: &Call) -> Result<String, Refusal> {
    let digest = call.query_value("bodySHA256");
    if digest.is_none() && call.is_form() && call.method != "GET" {
        // Of a name that comes again each value counts once.
        let fields: BTreeSet<_> = call.form().into_iter().collect();
        return Ok(fields.into_iter().flat_map(|(name, value)| [name, value]).collect());
    }
    let refusal = |expected: &str, found: &str| {
        let cause = "something changed the body on its way, or the call is not from Twilio";
        Refusal::new(Part::Body, expected, found, cause)
    };
    match digest {
        Some(digest) if mac::is_same(&digest, &mac::sha256_hex(&call.body)) => Ok(String::new()),
        Some(_) => Err(refusal("a body of the digest `bodySHA256` in the address", "another body")),
        None if call.body.is_empty() => Ok(String::new()),
        None => Err(refusal("a form, or `bodySHA256` in the address", "a body that nothing signs")),
    }
}

/// The ways to write an address that Twilio may have signed: as it is, without a port, with the scheme's own.
fn addresses(url: &str) -> Vec<String> {
    let own = if url.starts_with("http://") { "80" } else { "443" };
    let Some(start) = url.find("://").map(|at| at + 3) else { return vec![url.to_owned()] };
    let (scheme, rest) = url.split_at(start);
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = match authority.rsplit_once(':') {
        // Neither the middle of an IPv6 address nor a password is a port.
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    vec![url.to_owned(), format!("{scheme}{host}{path}"), format!("{scheme}{host}:{own}{path}")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::keys::Secret;
    use crate::vendors::testing::call;

    #[test]
    fn an_address_is_tried_with_and_without_its_port() {
        let [plain, with] = ["https://a.b/c?d=:1", "https://a.b:443/c?d=:1"].map(str::to_owned);
        assert_eq!(addresses(&plain), [plain.clone(), plain.clone(), with.clone()]);
        assert_eq!(addresses(&with), [with.clone(), plain, with]);
        assert_eq!(addresses("http://u:p@a.b:8080/")[1..], ["http://u:p@a.b/", "http://u:p@a.b:80/"]);
        assert_eq!(addresses("https://u:p@a.b")[2], "https://u:p@a.b:443");
        assert_eq!(addresses("https://[::1a]/")[2], "https://[::1a]:443/");
        assert_eq!(addresses("nothing"), ["nothing"]);
    }

    #[test]
    fn a_body_that_nothing_signs_is_refused() {
        let keys = Keys { secrets: vec![Secret::new("12345".to_owned())], ..Keys::default() };
        let signed = |method: &str, of: &str, kind: &str, body: &str| {
            let mut call = call(method, "/voice", &[], body);
            let code = mac::base64(&mac::code(mac::SHA1, b"12345", &[call.url.as_bytes(), of.as_bytes()]));
            let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            call.headers =
                super::super::call::Headers::new([header(SIGNATURE, &code), header("Content-Type", kind)]);
            check(&call, &keys).is_ok()
        };
        let form = "application/x-www-form-urlencoded; charset=UTF-8";
        assert!(signed("POST", "a1b2", form, "b=2&a=1&a=1"));
        assert!(signed("GET", "", form, "") && signed("POST", "", form, "") && signed("POST", "", "", ""));
        assert!(!signed("GET", "", form, "a=1"), "a body of a GET");
        assert!(!signed("POST", "", "application/json", "{}"), "JSON without its digest");
        assert!(!signed("POST", "", "", "a=1"), "a form that does not say so");
    }

    #[test]
    fn whoever_asks_for_instructions_gets_them() {
        let reply = |body: &str| {
            let form = &[("Content-Type", "application/x-www-form-urlencoded")];
            Twilio.reply(&call("POST", "/", form, body)).status
        };
        assert_eq!(reply("CallSid=CA1&CallStatus=ringing&Direction=inbound"), 200);
        assert_eq!(reply("CallSid=CA1&CallStatus=in-progress&Digits=1"), 200);
        assert_eq!(reply("MessageSid=SM1&SmsStatus=received&Body=a"), 200);
        assert_eq!(reply("CallSid=CA1&CallStatus=in-progress&SequenceNumber=1"), 204);
        assert_eq!(reply("CallSid=CA1&CallStatus=completed"), 204);
        assert_eq!(reply("MessageSid=SM1&MessageStatus=delivered"), 204);
        let reply = Twilio.reply(&call("GET", "/?CallSid=CA1&From=%2B1", &[], ""));
        assert_eq!((reply.content_type, reply.body.as_str()), (Some("text/xml"), NOTHING));
    }
}
