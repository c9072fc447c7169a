//! Snapchat, for its lead forms: `signature`, an HMAC-SHA256 in hexadecimal digits by the integration's secret over
//! `t.body`, where `t` is a header too. The vendor has not written the headers down: these were seen in deliveries, and an
//! integration may name others. (Snap, "Lead Generation".)

use std::time::Duration;

use serde_json::Value;

use super::call::Call;
use super::keys::Keys;
use super::told::{Contact, Told, id, millis, text, value};
use super::verdict::{Part, Refusal, Stop, Verified};
use super::{Around, Vendor, age, mac};

const SIGNATURE: &str = "signature";
const SENT: &str = "t";
/// For how long a call is tried again is not known: a day takes most.
const TOLERANCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Snapchat.
pub struct Snapchat;

impl Vendor for Snapchat {
    fn name(&self) -> &'static str {
        "snapchat"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        if keys.secrets.is_empty() {
            return Err(Refusal::no_keys("the integration's `hmacSecret`").into());
        }
        let of = &keys.settings;
        let (signed, stamped) = (
            of.signature_header.as_deref().unwrap_or(SIGNATURE),
            of.timestamp_header.as_deref().unwrap_or(SENT),
        );
        let header = |name: &str| call.headers.one(name).ok_or_else(|| Refusal::no_header(name));
        let (signature, stamp) = (header(signed)?, header(stamped)?);
        let malformed = |expected: &str, name: &str| {
            let cause = "the call is not from Snapchat";
            Refusal::new(Part::Format, format!("{expected} in `{name}`"), "something else", cause)
        };
        let code =
            mac::from_hex::<32>(signature).ok_or_else(|| malformed("64 hexadecimal digits", signed))?;
        let sent = age::seconds(stamp).ok_or_else(|| malformed("a number of seconds", stamped))?;
        if !mac::is_any(mac::SHA256, &keys.secrets, &[stamp.as_bytes(), b".", &call.body], &[code]) {
            return Err(Refusal::no_match("HMAC-SHA256 over `t.body`", keys.secrets.len()).into());
        }
        age::within(sent, around.now, keys.settings.tolerance(TOLERANCE))?;
        let lead = call.json().and_then(|body| id(&body, "/lead_id"));
        Ok(Verified::call(lead.unwrap_or_else(|| mac::sha256_hex(&call.body))))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        call.json().as_ref().and_then(told).into_iter().collect()
    }
}

fn told(lead: &Value) -> Option<Told> {
    let names: Vec<_> = ["/first_name", "/last_name"].iter().filter_map(|at| text(lead, at)).collect();
    let contact = Contact {
        email: text(lead, "/email"),
        phone: text(lead, "/phone_number").or_else(|| text(lead, "/phone")),
        name: (!names.is_empty()).then(|| names.join(" ")),
    };
    let lead_id = id(lead, "/lead_id")?;
    let told = Told::new("lead.created", lead_id.as_str(), lead)
        .at(millis(lead, "/create_time"))
        .with("vendorEvent", "lead")
        .with("leadId", lead_id)
        .with("formId", value(lead, "/form_id"))
        .with("accountId", value(lead, "/ad_account_id"))
        .with("campaignId", value(lead, "/campaign_id"))
        .with("email", contact.email.clone())
        .with("phone", contact.phone.clone())
        .about(contact);
    Some(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::keys::{Secret, Settings};
    use crate::vendors::testing::{around, call, now, told_by};

    #[test]
    fn an_integration_may_name_other_headers() {
        let code = mac::hex(&mac::code(mac::SHA256, b"secret", &[b"1790000000.{}"]));
        let settings = |signature: Option<&str>, timestamp: Option<&str>| Keys {
            secrets: vec![Secret::new("secret".to_owned())],
            settings: Settings {
                signature_header: signature.map(str::to_owned),
                timestamp_header: timestamp.map(str::to_owned),
                ..Settings::default()
            },
            ..Keys::default()
        };
        let usual = [("Signature", code.as_str()), ("T", "1790000000")];
        let other = [("X-Snap-Signature", code.as_str()), ("X-Snap-Time", "1790000000")];
        let own = settings(Some("x-snap-signature"), Some("x-snap-time"));
        for (headers, keys, is_taken) in [
            (&usual, &settings(None, None), true),
            (&other, &own, true),
            (&usual, &own, false),
            (&other, &settings(None, None), false),
        ] {
            let verified = Snapchat.verify(&call("POST", "/", headers, "{}"), keys, &around());
            assert_eq!(verified.is_ok(), is_taken, "{headers:?}");
        }
    }

    #[test]
    fn a_lead_is_somebody() {
        let lead = json!({"lead_id": "l1", "form_id": "f1", "create_time": "1790000000000",
            "email": "ann@example.com", "first_name": "Ann", "last_name": "Lee"});
        let told = told_by(&Snapchat, &lead).remove(0);
        assert_eq!((told.kind, told.id.as_str(), told.at), ("lead.created", "l1", Some(now())));
        let contact = told.contact.unwrap();
        assert_eq!(contact.email.as_deref(), Some("ann@example.com"));
        assert_eq!(contact.name.as_deref(), Some("Ann Lee"));
        assert!(told_by(&Snapchat, &json!({"email": "ann@example.com"})).is_empty());
    }
}
