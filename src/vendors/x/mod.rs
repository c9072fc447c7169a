//! X: `x-twitter-webhooks-signature: sha256=…`, an HMAC-SHA256 in base64 by the consumer secret over the body. The
//! handshake is a GET, about every hour, that wants the same code over its `crc_token`. (X, "Webhooks: Quickstart".)

mod account;
mod activity;

use serde_json::{Value, json};

use super::call::Call;
use super::keys::{Keys, Secret};
use super::told::{Told, text};
use super::verdict::{Part, Refusal, Reply, Stop, Verified};
use super::{Around, Vendor, mac};

const SIGNATURE: &str = "x-twitter-webhooks-signature";

/// X.
pub struct X;

impl Vendor for X {
    fn name(&self) -> &'static str {
        "x"
    }

    fn verify(&self, call: &Call, keys: &Keys, _: &Around<'_>) -> Result<Verified, Stop> {
        if keys.secrets.is_empty() {
            return Err(Refusal::no_keys("the app's consumer secret").into());
        }
        if call.method == "GET" {
            return Ok(handshake(call, keys).map_err(|refusal| refusal.status(400))?);
        }
        let header = call.headers.one(SIGNATURE).ok_or_else(|| Refusal::no_header(SIGNATURE))?;
        let code = header.strip_prefix("sha256=").and_then(mac::from_base64).ok_or_else(|| {
            let expected = format!("`sha256=<base64>` in `{SIGNATURE}`");
            Refusal::new(Part::Format, expected, "something else", "the call is not from X")
        })?;
        if !mac::is_any(mac::SHA256, &keys.secrets, &[&call.body], &[code]) {
            return Err(Refusal::no_match("HMAC-SHA256 over the body", keys.secrets.len()).into());
        }
        // A handshake signs what it is asked to: no body is taken that could have been one's token.
        let event = call.json().filter(Value::is_object).ok_or_else(|| {
            let cause = "the signature is one of a handshake";
            Refusal::new(Part::Body, "a JSON object", "something else", cause)
        })?;
        Ok(Verified::call(activity::id(&event).unwrap_or_else(|| mac::sha256_hex(&call.body))))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        let Some(body) = call.json() else { return Vec::new() };
        match body.get("data") {
            Some(event) => activity::told(&body, event),
            None => account::told(&body),
        }
    }
}

/// The token is signed by the secret that signs calls. One that could be a call's body is not: for somebody who asks for
/// that, the answer would be its signature.
fn handshake(call: &Call, keys: &Keys) -> Result<Verified, Refusal> {
    let token = call.query_value("crc_token").filter(|token| is_token(token)).ok_or_else(|| {
        let cause = "somebody has opened the address by hand, or wants something signed";
        Refusal::new(Part::Handshake, "a token in `crc_token`", "none", cause)
    })?;
    let secret = keys.secrets.iter().map(Secret::expose).find(|secret| !secret.is_empty());
    let secret = secret.ok_or_else(|| Refusal::no_keys("the app's consumer secret"))?;
    let code = mac::base64(&mac::code(mac::SHA256, secret.as_bytes(), &[token.as_bytes()]));
    Ok(Verified::handshake(Reply::json(&json!({"response_token": format!("sha256={code}")}))))
}

fn is_token(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_graphic() && !b"{}[]\"".contains(&byte);
    (1..=512).contains(&text.len()) && text.bytes().all(is_sign)
}

/// A post's address.
#[must_use]
pub fn url(post: &str) -> String {
    format!("https://x.com/i/web/status/{post}")
}

/// The name that a user is shown by.
fn name(user: &Value) -> Option<String> {
    ["/username", "/screen_name", "/name"].iter().find_map(|at| text(user, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::testing::{around, call};

    fn keys() -> Keys {
        Keys { secrets: vec![Secret::new("secret".to_owned())], ..Keys::default() }
    }

    #[test]
    fn nothing_is_signed_that_could_be_a_call() {
        let is_signed = |token: &str| {
            let call = call("GET", &format!("/x?crc_token={token}"), &[], "");
            X.verify(&call, &keys(), &around()).is_ok()
        };
        assert!(is_signed("MWUyN2QwMzctYjU0ZS00ODQz") && is_signed("challenge_string"));
        for wrong in ["", "%7B%22data%22%3A%7B%7D%7D", "%20%7B%7D", "%5B%5D", "a%0Ab", &"a".repeat(513)] {
            assert!(!is_signed(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_answer_to_a_handshake_signs_no_call() {
        let code = mac::base64(&mac::code(mac::SHA256, b"secret", &[b"12"]));
        let call = call("POST", "/x", &[(SIGNATURE, &format!("sha256={code}"))], "12");
        let Err(Stop::Refused(refusal)) = X.verify(&call, &keys(), &around()) else { panic!() };
        assert_eq!(refusal.part, Part::Body);
    }

    #[test]
    fn an_empty_secret_signs_nothing() {
        let keys = Keys { secrets: vec![Secret::new(String::new())], ..Keys::default() };
        let code = mac::base64(&mac::code(mac::SHA256, b"", &[b"{}"]));
        let forged = call("POST", "/x", &[(SIGNATURE, &format!("sha256={code}"))], "{}");
        assert!(X.verify(&forged, &keys, &around()).is_err());
        assert!(X.verify(&call("GET", "/x?crc_token=a", &[], ""), &keys, &around()).is_err());
    }
}
