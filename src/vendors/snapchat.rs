//! Snapchat, for its lead forms: `signature`, an HMAC-SHA256 in hexadecimal digits by the integration's secret over
//! `t.body`, where `t` is a header too. The vendor has not written the headers down; these were seen in deliveries. (Snap,
//! "Lead Generation".)

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
        let header = |name: &'static str| call.headers.one(name).ok_or_else(|| Refusal::no_header(name));
        let (signature, stamp) = (header(SIGNATURE)?, header(SENT)?);
        let malformed = |expected: &str| {
            Refusal::new(Part::Format, expected, "something else", "the call is not from Snapchat")
        };
        let code = mac::from_hex::<32>(signature)
            .ok_or_else(|| malformed("64 hexadecimal digits in `signature`"))?;
        let sent = age::seconds(stamp).ok_or_else(|| malformed("a number of seconds in `t`"))?;
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
    use crate::vendors::testing::{now, told_by};

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
