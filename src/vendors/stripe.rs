//! Stripe: `Stripe-Signature: t=…,v1=…`, an HMAC-SHA256 in hexadecimal digits over `t.body`. The key is the whole text of
//! the endpoint's secret, `whsec_` included. (Stripe, "Verify webhook signatures manually".)

use std::time::Duration;

use serde_json::Value;

use super::call::Call;
use super::keys::Keys;
use super::told::{Contact, Told, seconds, text, value};
use super::verdict::{Part, Refusal, Stop, Verified};
use super::{Around, Vendor, age, elements, mac};

const SIGNATURE: &str = "Stripe-Signature";
/// As old as the vendor's own libraries let a call be. They do not look at those of the future.
const OLDEST: Duration = Duration::from_secs(300);

/// Stripe.
pub struct Stripe;

impl Vendor for Stripe {
    fn name(&self) -> &'static str {
        "stripe"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        Ok(check(call, keys, around).map_err(|refusal| refusal.status(400))?)
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        call.json().as_ref().and_then(told).into_iter().collect()
    }
}

fn check(call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Refusal> {
    if keys.secrets.is_empty() {
        return Err(Refusal::no_keys("the endpoint's signing secret (`whsec_…`)"));
    }
    let header = call.headers.one(SIGNATURE).ok_or_else(|| Refusal::no_header(SIGNATURE))?;
    let malformed = |found: &str| {
        let cause = "something rewrites the header on its way, or the call is not from Stripe";
        Refusal::new(
            Part::Format,
            format!("`t=<seconds>,v1=<64 hexadecimal digits>` in `{SIGNATURE}`"),
            found,
            cause,
        )
    };
    let stamp = elements::once(header, "t").ok_or_else(|| malformed("no time `t`"))?;
    let sent = age::seconds(stamp).ok_or_else(|| malformed("a time `t` that is not a number of seconds"))?;
    let codes: Vec<_> = elements::elements(header)
        .filter(|(name, _)| *name == "v1")
        .filter_map(|(_, code)| mac::from_hex::<32>(code))
        .collect();
    if codes.is_empty() {
        return Err(malformed("no signature `v1`"));
    }
    let signed = [stamp.as_bytes(), b".", &call.body];
    if !mac::is_any(mac::SHA256, &keys.secrets, &signed, &codes) {
        return Err(Refusal::no_match("HMAC-SHA256 over `t.body`", keys.secrets.len()));
    }
    age::not_older(sent, around.now, keys.settings.tolerance(OLDEST))?;
    if call.body.is_empty() {
        let cause = "something on the way takes the body for itself and passes an empty one on";
        return Err(Refusal::new(Part::Body, "an event", "an empty body", cause));
    }
    let id = call.json().and_then(|event| text(&event, "/id"));
    Ok(Verified::call(id.unwrap_or_else(|| mac::sha256_hex(&call.body))))
}

fn told(event: &Value) -> Option<Told> {
    let object = event.pointer("/data/object")?;
    let kind = kind(&text(event, "/type")?, object)?;
    let contact = Contact {
        email: [
            "/receipt_email",
            "/customer_email",
            "/customer_details/email",
            "/billing_details/email",
            "/email",
        ]
        .iter()
        .find_map(|at| text(object, at)),
        phone: text(object, "/customer_details/phone").or_else(|| text(object, "/billing_details/phone")),
        name: ["/customer_name", "/customer_details/name", "/billing_details/name"]
            .iter()
            .find_map(|at| text(object, at)),
    };
    let amount = ["/amount_received", "/amount_paid", "/amount_total", "/amount_refunded", "/amount"]
        .iter()
        .map(|at| value(object, at))
        .find(|amount| !amount.is_null());
    let told = Told::new(kind, text(event, "/id")?, event)
        .at(seconds(event, "/created"))
        .with("vendorEvent", value(event, "/type"))
        .with("account", value(event, "/account"))
        .with("livemode", value(event, "/livemode"))
        .with("objectId", value(object, "/id"))
        .with("amount", amount.unwrap_or_default())
        .with("currency", value(object, "/currency"))
        .with("status", value(object, "/status"))
        .with("customerId", value(object, "/customer"))
        .with("subscriptionId", subscription(object))
        .with("metadata", value(object, "/metadata"))
        .about(contact);
    Some(told)
}

/// The subscription that an object is, or is of.
fn subscription(object: &Value) -> Value {
    if object["object"] == "subscription" {
        return value(object, "/id");
    }
    let of = value(object, "/subscription");
    // Since the API of 2025 an invoice names it by its parent.
    if of.is_null() { value(object, "/parent/subscription_details/subscription") } else { of }
}

fn kind(vendors: &str, object: &Value) -> Option<&'static str> {
    Some(match vendors {
        "payment_intent.succeeded" => "payment.succeeded",
        "payment_intent.payment_failed" => "payment.failed",
        "checkout.session.completed" => "order.completed",
        // The first invoice of a subscription is no renewal.
        "invoice.paid" if object["billing_reason"] == "subscription_cycle" => "subscription.renewed",
        "invoice.paid" => "invoice.paid",
        "invoice.payment_failed" => "subscription.payment_failed",
        "customer.subscription.created" => "subscription.created",
        "customer.subscription.updated" => "subscription.updated",
        "customer.subscription.deleted" => "subscription.canceled",
        "customer.subscription.trial_will_end" => "subscription.trial_ending",
        "charge.refunded" | "refund.created" | "refund.updated" => "order.refunded",
        "charge.dispute.created" => "payment.disputed",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::testing::{call, now, told_by};

    #[test]
    fn events_are_understood() {
        let event = |kind: &str, object: Value| json!({"id": "evt_1", "type": kind, "created": 1_790_000_000, "data": {"object": object}});
        let table = [
            ("payment_intent.succeeded", json!({}), Some("payment.succeeded")),
            ("invoice.paid", json!({"billing_reason": "subscription_cycle"}), Some("subscription.renewed")),
            ("invoice.paid", json!({"billing_reason": "subscription_create"}), Some("invoice.paid")),
            ("customer.subscription.deleted", json!({}), Some("subscription.canceled")),
            ("charge.refunded", json!({}), Some("order.refunded")),
            ("product.created", json!({}), None),
        ];
        for (theirs, object, ours) in table {
            let told = told_by(&Stripe, &event(theirs, object));
            assert_eq!(told.first().map(|told| told.kind), ours, "{theirs}");
        }
        let paid = json!({"id": "pi_1", "amount_received": 500, "currency": "eur", "receipt_email": "ann@example.com"});
        let told = told_by(&Stripe, &event("payment_intent.succeeded", paid)).remove(0);
        assert_eq!((told.id.as_str(), &told.data["amount"]), ("evt_1", &json!(500)));
        assert_eq!(told.at, Some(now()));
        assert_eq!(told.contact.unwrap().email.as_deref(), Some("ann@example.com"));
    }

    #[test]
    fn what_is_no_event_means_nothing() {
        for body in ["", "[]", "null", "{}", r#"{"type": 1}"#, r#"{"id":"a","type":"invoice.paid"}"#] {
            assert!(Stripe.translate(&call("POST", "/", &[], body)).is_empty(), "{body}");
        }
    }
}
