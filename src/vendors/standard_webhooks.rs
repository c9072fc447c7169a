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
        let Ok(headers) = Signed::of(call) else { return Vec::new() };
        let told = Told::new("webhook.received", headers.id, &body)
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

/// The id of the call, if it is signed. Reddit's relays sign so too.
pub fn check(call: &Call, keys: &Keys, around: &Around<'_>) -> Result<String, Refusal> {
    if keys.secrets.is_empty() && keys.public_keys.is_empty() {
        return Err(Refusal::no_keys(
            "the endpoint's secret (`whsec_…`) or the sender's public key (`whpk_…`)",
        ));
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
