//! Meta, for Facebook, Instagram and WhatsApp: `X-Hub-Signature-256: sha256=…`, an HMAC-SHA256 in hexadecimal digits by
//! the app's secret, over the body as it was sent, its `\u` escapes included. The older `X-Hub-Signature` does not count.
//! The handshake is a GET that repeats our verify token. (Meta, "Webhooks: Getting Started".)

mod pages;
mod translate;
mod whatsapp;

use super::call::Call;
use super::keys::Keys;
use super::told::Told;
use super::verdict::{Part, Refusal, Reply, Stop, Verified};
use super::{Around, Vendor, hub, mac};

/// Meta.
pub struct Meta;

impl Vendor for Meta {
    fn name(&self) -> &'static str {
        "meta"
    }

    fn verify(&self, call: &Call, keys: &Keys, _: &Around<'_>) -> Result<Verified, Stop> {
        if call.method == "GET" {
            return Ok(handshake(call, keys).map_err(|refusal| refusal.status(403))?);
        }
        hub::check_sha256(call, keys)?;
        // A call has neither an id nor a time. When it comes again it has the same bytes.
        Ok(Verified::call(mac::sha256_hex(&call.body)))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        call.json().as_ref().map(translate::translate).unwrap_or_default()
    }
}

/// The challenge goes back as plain text, so that no browser runs what is in it, and to nobody without the token.
fn handshake(call: &Call, keys: &Keys) -> Result<Verified, Refusal> {
    let Some(token) = keys.settings.verify_token.as_deref().filter(|token| !token.is_empty()) else {
        return Err(Refusal::no_keys("the verify token that was given at the app's dashboard"));
    };
    let refused = |expected: &str, found: &str| {
        let cause =
            "the token at the app's dashboard is another one, or somebody has opened the address by hand";
        Refusal::new(Part::Handshake, expected, found, cause)
    };
    if call.query_value("hub.mode").as_deref() != Some("subscribe") {
        return Err(refused("`hub.mode=subscribe`", "another mode, or none"));
    }
    let given = call.query_value("hub.verify_token").unwrap_or_default();
    if !mac::is_same(token, &given) {
        return Err(refused("our verify token in `hub.verify_token`", "another one"));
    }
    let challenge = call.query_value("hub.challenge").ok_or_else(|| refused("`hub.challenge`", "none"))?;
    Ok(Verified::handshake(Reply::text(challenge)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::keys::Settings;
    use crate::vendors::testing::{around, call};

    #[test]
    fn the_challenge_goes_to_whoever_has_the_token() {
        let status = |verify_token: Option<&str>, query: &str| {
            let settings = Settings { verify_token: verify_token.map(str::to_owned), ..Settings::default() };
            let keys = Keys { settings, ..Keys::default() };
            let call = call("GET", &format!("/meta?hub.challenge=7&{query}"), &[], "");
            match Meta.verify(&call, &keys, &around()) {
                Ok(Verified::Handshake { reply, .. }) => (reply.status, reply.body),
                Err(Stop::Refused(refusal)) => (refusal.status, String::new()),
                other => panic!("{other:?}"),
            }
        };
        let right = "hub.mode=subscribe&hub.verify_token=a";
        assert_eq!(status(Some("a"), right), (200, "7".to_owned()));
        for (token, query) in [
            (None, right),
            (None, "hub.mode=subscribe&hub.verify_token="),
            (Some(""), "hub.mode=subscribe&hub.verify_token="),
            (Some("b"), right),
            (Some("a"), "hub.mode=subscribe"),
            (Some("a"), "hub.verify_token=a"),
        ] {
            assert_eq!(status(token, query).0, 403, "{token:?} {query}");
        }
    }
}
