//! PayPal: `PAYPAL-TRANSMISSION-SIG`, RSA with SHA-256 in base64 over `id|time|webhook id|crc32`, by the certificate at
//! `PAYPAL-CERT-URL`. The checksum is of the body, as a decimal number without a sign. (PayPal, "Integrate webhooks",
//! "Self verification method".)
//!
//! Thirty-two bits are all that binds the body: to one genuine call another body can be made. So the id of a call is that
//! of the transmission, which is signed and is taken once; and where the app's credentials are saved, PayPal is asked for
//! the event before it is told.

use std::time::Duration;

use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
use serde_json::Value;

use super::call::Call;
use super::certificate::{TrustedKey, foreign_address, plain_address};
use super::keys::Keys;
use super::told::{Contact, Told, moment, text, value};
use super::verdict::{Part, Refusal, Stop, Verified};
use super::{Around, Vendor, age, mac};

const ALGORITHM: &str = "PAYPAL-AUTH-ALGO";
const CERTIFICATE: &str = "PAYPAL-CERT-URL";
const ID: &str = "PAYPAL-TRANSMISSION-ID";
const SIGNATURE: &str = "PAYPAL-TRANSMISSION-SIG";
const TIME: &str = "PAYPAL-TRANSMISSION-TIME";

/// The webhook id by which the simulator signs. Anybody with an account can have it do so.
const SIMULATOR: &str = "WEBHOOK_ID";
/// PayPal sends again for three days and sets no limit itself.
const OLDEST: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// PayPal.
pub struct PayPal;

impl Vendor for PayPal {
    fn name(&self) -> &'static str {
        "paypal"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        check(call, keys, around).map_err(|stop| stop.status(400))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        call.json().as_ref().and_then(told).into_iter().collect()
    }
}

fn check(call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
    let ids = webhook_ids(keys)?;
    let header = |name: &'static str| call.headers.one(name).ok_or_else(|| Refusal::no_header(name));
    let (id, time, signature) = (header(ID)?, header(TIME)?, header(SIGNATURE)?);
    let (url, algorithm) = (header(CERTIFICATE)?, header(ALGORITHM)?);
    let malformed = |name: &str, expected: &str| {
        let cause = "something rewrites headers on their way, or the call is not from PayPal";
        Refusal::new(Part::Format, format!("{expected} in `{name}`"), "something else", cause)
    };
    if algorithm != "SHA256withRSA" {
        return Err(malformed(ALGORITHM, "`SHA256withRSA`").into());
    }
    let sent = time.parse().map_err(|_| malformed(TIME, "a time as RFC 3339"))?;
    let signature = mac::from_base64(signature).ok_or_else(|| malformed(SIGNATURE, "base64"))?;
    if !is_certificate_address(url, keys.settings.sandbox) {
        let expected = if keys.settings.sandbox {
            "https://api.paypal.com/v1/notifications/certs/…, or the same of its sandbox"
        } else {
            "https://api.paypal.com/v1/notifications/certs/…; not its sandbox, which is not allowed here"
        };
        return Err(foreign_address(expected, url).into());
    }
    let key = TrustedKey::at(url, around, is_common_name)?;
    let checksum = crc32fast::hash(&call.body);
    let is_signed = |webhook: &&str| {
        let signed = format!("{id}|{time}|{webhook}|{checksum}");
        key.has_signed(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
    };
    if !ids.iter().any(is_signed) {
        let cause = "the webhook id of the settings is of another webhook or app, or something changed the body on \
                     its way";
        let expected = "RSA with SHA-256 over `id|time|webhook id|crc32 of the body`";
        return Err(Refusal::new(Part::Signature, expected, "another signature", cause).into());
    }
    age::within(sent, around.now, keys.settings.tolerance(OLDEST))?;
    if call.json().is_none_or(|body| !body.is_object()) {
        let cause = "something on the way takes the body for itself and passes another one on";
        return Err(Refusal::new(Part::Body, "an event as JSON", "something else", cause).into());
    }
    Ok(Verified::call(id))
}

/// The ids that a call may be signed for.
fn webhook_ids(keys: &Keys) -> Result<Vec<&str>, Refusal> {
    let is_sandbox = keys.settings.sandbox;
    let set = keys.settings.webhook_id.as_deref().filter(|id| !id.is_empty());
    match set {
        Some(SIMULATOR) if !is_sandbox => Err(Refusal::no_keys(
            "the id that PayPal has given the webhook; the simulator's is for the sandbox alone",
        )),
        Some(id) if is_sandbox => Ok(vec![id, SIMULATOR]),
        Some(id) => Ok(vec![id]),
        None => Err(Refusal::no_keys("the id that PayPal has given the webhook")),
    }
}

fn is_certificate_address(text: &str, is_sandbox: bool) -> bool {
    let Some(url) = plain_address(text) else { return false };
    let is_host = match url.host_str() {
        Some("api.paypal.com" | "api-m.paypal.com") => true,
        Some("api.sandbox.paypal.com" | "api-m.sandbox.paypal.com") => is_sandbox,
        _ => false,
    };
    let name = url.path().strip_prefix("/v1/notifications/certs/").unwrap_or_default();
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_host && is_name && url.query().is_none()
}

fn is_common_name(name: &str) -> bool {
    name.starts_with("messageverificationcerts") && name.ends_with(".paypal.com")
}

fn told(event: &Value) -> Option<Told> {
    let vendors = text(event, "/event_type")?;
    let resource = event.get("resource")?;
    let first = |of: &[&str]| of.iter().map(|at| value(resource, at)).find(|found| !found.is_null());
    let subscription = if vendors.starts_with("BILLING.SUBSCRIPTION.") {
        value(resource, "/id")
    } else {
        value(resource, "/billing_agreement_id")
    };
    let told = Told::new(kind(&vendors)?, text(event, "/id")?, event)
        .at(moment(event, "/create_time"))
        .with("vendorEvent", vendors)
        // Until PayPal, asked, says so itself.
        .with("confirmed", false)
        .with("objectId", first(&["/id", "/dispute_id"]))
        .with("amount", first(&AMOUNTS))
        .with("currency", first(&CURRENCIES))
        .with("status", first(&["/status", "/state"]))
        .with("customId", first(&["/custom_id", "/custom", "/purchase_units/0/custom_id"]))
        .with("orderId", value(resource, "/supplementary_data/related_ids/order_id"))
        .with("subscriptionId", subscription)
        .about(contact(resource));
    Some(told)
}

/// Where amounts are: of captures and refunds, of sales, of orders, of disputes, of a subscription's last payment.
const AMOUNTS: [&str; 5] = [
    "/amount/value",
    "/amount/total",
    "/purchase_units/0/amount/value",
    "/dispute_amount/value",
    "/billing_info/last_payment/amount/value",
];
const CURRENCIES: [&str; 5] = [
    "/amount/currency_code",
    "/amount/currency",
    "/purchase_units/0/amount/currency_code",
    "/dispute_amount/currency_code",
    "/billing_info/last_payment/amount/currency_code",
];

/// Whoever has paid or has subscribed.
fn contact(resource: &Value) -> Contact {
    let first = |of: &[&str]| of.iter().find_map(|at| text(resource, at));
    let given = first(&["/payer/name/given_name", "/subscriber/name/given_name"]);
    let family = first(&["/payer/name/surname", "/subscriber/name/surname"]);
    let name: Vec<_> = given.into_iter().chain(family).collect();
    Contact {
        email: first(&["/payer/email_address", "/subscriber/email_address", "/payer/payer_info/email"]),
        phone: None,
        name: (!name.is_empty()).then(|| name.join(" ")),
    }
}

fn kind(vendors: &str) -> Option<&'static str> {
    Some(match vendors {
        "CHECKOUT.ORDER.APPROVED" => "order.approved",
        "CHECKOUT.ORDER.COMPLETED" => "order.completed",
        "PAYMENT.CAPTURE.COMPLETED" | "PAYMENT.SALE.COMPLETED" => "payment.succeeded",
        "PAYMENT.CAPTURE.DENIED" | "PAYMENT.CAPTURE.DECLINED" => "payment.failed",
        "PAYMENT.CAPTURE.REFUNDED" | "PAYMENT.SALE.REFUNDED" => "order.refunded",
        "PAYMENT.CAPTURE.REVERSED" => "payment.reversed",
        "BILLING.SUBSCRIPTION.CREATED" => "subscription.created",
        "BILLING.SUBSCRIPTION.ACTIVATED" => "subscription.activated",
        "BILLING.SUBSCRIPTION.UPDATED" => "subscription.updated",
        "BILLING.SUBSCRIPTION.CANCELLED" => "subscription.canceled",
        "BILLING.SUBSCRIPTION.SUSPENDED" => "subscription.suspended",
        "BILLING.SUBSCRIPTION.EXPIRED" => "subscription.expired",
        "BILLING.SUBSCRIPTION.PAYMENT.FAILED" => "subscription.payment_failed",
        "CUSTOMER.DISPUTE.CREATED" => "payment.disputed",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::keys::Settings;
    use crate::vendors::testing::{call, told_by};

    #[test]
    fn the_sandbox_and_its_simulator_are_taken_only_where_that_is_set() {
        let live = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42";
        let sandbox = "https://api-m.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42";
        assert!(is_certificate_address(live, false) && is_certificate_address(live, true));
        assert!(!is_certificate_address(sandbox, false) && is_certificate_address(sandbox, true));
        let ids = |id: Option<&str>, sandbox| {
            let settings = Settings { webhook_id: id.map(str::to_owned), sandbox, ..Settings::default() };
            let keys = Keys { settings, ..Keys::default() };
            webhook_ids(&keys).map(|ids| ids.join(" ")).ok()
        };
        assert_eq!(ids(Some("1JE"), false).as_deref(), Some("1JE"));
        assert_eq!(ids(Some("1JE"), true).as_deref(), Some("1JE WEBHOOK_ID"));
        assert_eq!(ids(Some("WEBHOOK_ID"), false), None);
        assert_eq!((ids(None, true), ids(Some(""), true)), (None, None));
    }

    #[test]
    fn a_certificate_is_read_only_where_paypal_keeps_them() {
        for wrong in [
            "https://api.paypal.com/v1/notifications/certs/",
            "https://api.paypal.com/v1/notifications/certs/a/b",
            "https://api.paypal.com/v1/notifications/certs/a?b",
            "https://api.paypal.com/v1/notifications/certs/..%2Fa",
            "https://api.paypal.com/v1/certs/a",
            "https://www.paypal.com/v1/notifications/certs/a",
            "https://api.paypal.com.attacker.test/v1/notifications/certs/a",
            "https://api.paypal.com@attacker.test/v1/notifications/certs/a",
        ] {
            assert!(!is_certificate_address(wrong, true), "{wrong}");
        }
        assert!(is_common_name("messageverificationcerts.sandbox.paypal.com"));
        assert!(!is_common_name("messageverificationcerts.paypal.com.attacker.test"));
    }

    #[test]
    fn events_are_understood() {
        let event = |kind: &str, resource: Value| json!({"id": "WH-1", "event_type": kind, "create_time": "2026-09-21T14:13:18.000Z", "resource": resource});
        let table = [
            ("CHECKOUT.ORDER.COMPLETED", Some("order.completed")),
            ("PAYMENT.SALE.COMPLETED", Some("payment.succeeded")),
            ("PAYMENT.CAPTURE.REFUNDED", Some("order.refunded")),
            ("BILLING.SUBSCRIPTION.CANCELLED", Some("subscription.canceled")),
            ("BILLING.SUBSCRIPTION.PAYMENT.FAILED", Some("subscription.payment_failed")),
            ("CUSTOMER.DISPUTE.CREATED", Some("payment.disputed")),
            ("CATALOG.PRODUCT.CREATED", None),
        ];
        for (theirs, ours) in table {
            let told = told_by(&PayPal, &event(theirs, json!({})));
            assert_eq!(told.first().map(|told| told.kind), ours, "{theirs}");
        }
        let order = json!({
            "id": "5O1", "status": "APPROVED", "purchase_units": [{"amount": {"value": "9.00", "currency_code": "EUR"}}],
            "payer": {"email_address": "ann@example.com", "name": {"given_name": "Ann", "surname": "Lee"}},
        });
        let told = told_by(&PayPal, &event("CHECKOUT.ORDER.APPROVED", order)).remove(0);
        assert_eq!(
            (told.id.as_str(), &told.data["amount"], &told.data["currency"]),
            ("WH-1", &json!("9.00"), &json!("EUR"))
        );
        assert_eq!(told.contact.unwrap().name.as_deref(), Some("Ann Lee"));
        assert_eq!(told.at.unwrap().to_string(), "2026-09-21T14:13:18.000Z");
    }

    #[test]
    fn what_is_no_event_means_nothing() {
        for body in [
            "",
            "[]",
            "null",
            "{}",
            r#"{"event_type": 1}"#,
            r#"{"event_type":"PAYMENT.SALE.COMPLETED","resource":{}}"#,
        ] {
            assert!(PayPal.translate(&call("POST", "/", &[], body)).is_empty(), "{body}");
        }
    }
}
