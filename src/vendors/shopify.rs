//! Shopify: `X-Shopify-Hmac-SHA256`, an HMAC-SHA256 in base64 over the body, by the app's client secret as text. The
//! other headers are not signed, and there is no time in it. (Shopify, "Verify webhook deliveries".)

use super::call::Call;
use super::keys::Keys;
use super::told::{Contact, Told, moment, text, value};
use super::verdict::{Part, Refusal, Stop, Verified};
use super::{Around, Vendor, mac};

const SIGNATURE: &str = "X-Shopify-Hmac-SHA256";
const TOPIC: &str = "X-Shopify-Topic";
const SHOP: &str = "X-Shopify-Shop-Domain";
const EVENT_ID: &str = "X-Shopify-Event-Id";
const WEBHOOK_ID: &str = "X-Shopify-Webhook-Id";

/// Shopify.
pub struct Shopify;

impl Vendor for Shopify {
    fn name(&self) -> &'static str {
        "shopify"
    }

    fn verify(&self, call: &Call, keys: &Keys, _: &Around<'_>) -> Result<Verified, Stop> {
        check(call, keys)?;
        Ok(Verified::call(id(call)))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        told(call).into_iter().collect()
    }
}

fn check(call: &Call, keys: &Keys) -> Result<(), Refusal> {
    if keys.secrets.is_empty() {
        return Err(Refusal::no_keys("the app's client secret"));
    }
    let header = call.headers.one(SIGNATURE).ok_or_else(|| Refusal::no_header(SIGNATURE))?;
    let code = mac::from_base64(header).filter(|code| code.len() == 32).ok_or_else(|| {
        let expected = format!("32 bytes in base64 in `{SIGNATURE}`");
        let cause = "the call is not from Shopify, or something rewrites the header on its way";
        Refusal::new(Part::Format, expected, "something else", cause)
    })?;
    if !mac::is_any(mac::SHA256, &keys.secrets, &[&call.body], &[code]) {
        return Err(Refusal::no_match("HMAC-SHA256 over the body", keys.secrets.len()));
    }
    Ok(())
}

/// The id of what happened, and the topic: one deed in the shop is told under several topics with one id.
fn id(call: &Call) -> String {
    let id = call.headers.one(EVENT_ID).or_else(|| call.headers.one(WEBHOOK_ID));
    let id = id.map_or_else(|| mac::sha256_hex(&call.body), str::to_owned);
    match call.headers.one(TOPIC) {
        Some(topic) => format!("{id}:{topic}"),
        None => id,
    }
}

fn told(call: &Call) -> Option<Told> {
    let body = call.json()?;
    let topic = call.headers.one(TOPIC)?;
    let kind = kind(topic)?;
    let is_customer = topic.starts_with("customers/") && body.get("customer").is_none();
    let person = if is_customer { "" } else { "/customer" };
    let one = |field: &str| text(&body, &format!("{person}/{field}"));
    let name: Vec<String> = ["first_name", "last_name"].into_iter().filter_map(one).collect();
    let contact = Contact {
        email: text(&body, "/email").or_else(|| one("email")),
        phone: text(&body, "/phone").or_else(|| one("phone")),
        name: Some(name.join(" ")).filter(|name| !name.is_empty()),
    };
    let order = if topic.starts_with("orders/") { value(&body, "/id") } else { value(&body, "/order_id") };
    let told = Told::new(kind, id(call), &body)
        .at(moment(&body, "/updated_at").or_else(|| moment(&body, "/created_at")))
        .with("vendorEvent", topic)
        .with("shop", call.headers.one(SHOP))
        .with("objectId", value(&body, "/id"))
        .with("orderId", order)
        .with("orderName", value(&body, "/name"))
        .with("amount", value(&body, "/total_price"))
        .with("currency", value(&body, "/currency"))
        .with("status", value(&body, "/financial_status"))
        .with("email", contact.email.clone())
        .about(contact);
    Some(told)
}

fn kind(topic: &str) -> Option<&'static str> {
    Some(match topic {
        "orders/create" => "order.placed",
        "orders/paid" => "order.paid",
        "orders/updated" | "orders/edited" => "order.changed",
        "orders/fulfilled" => "order.fulfilled",
        "orders/cancelled" => "order.canceled",
        "refunds/create" => "order.refunded",
        "disputes/create" => "payment.disputed",
        "checkouts/create" => "checkout.started",
        "customers/create" => "shop.customer.created",
        "customers/update" => "shop.customer.updated",
        "customers/delete" => "shop.customer.deleted",
        "products/create" => "shop.product.created",
        "products/update" => "shop.product.updated",
        "products/delete" => "shop.product.deleted",
        "app/uninstalled" => "connection.revoked",
        // These three the vendor demands of every app.
        "customers/data_request" => "privacy.data_requested",
        "customers/redact" => "privacy.erasure_requested",
        "shop/redact" => "privacy.shop_erasure_requested",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::vendors::testing::call;

    fn told_of(topic: &str, body: &Value) -> Vec<Told> {
        let headers = [(TOPIC, topic), (EVENT_ID, "e1"), (WEBHOOK_ID, "w1"), (SHOP, "ada.myshopify.com")];
        Shopify.translate(&call("POST", "/", &headers, &body.to_string()))
    }

    #[test]
    fn topics_are_understood() {
        let table = [
            ("orders/create", Some("order.placed")),
            ("orders/paid", Some("order.paid")),
            ("orders/cancelled", Some("order.canceled")),
            ("refunds/create", Some("order.refunded")),
            ("customers/redact", Some("privacy.erasure_requested")),
            ("app/uninstalled", Some("connection.revoked")),
            ("themes/publish", None),
        ];
        for (theirs, ours) in table {
            let told = told_of(theirs, &json!({"id": 1}));
            assert_eq!(told.first().map(|told| told.kind), ours, "{theirs}");
        }
    }

    #[test]
    fn an_order_says_what_it_is_and_whose() {
        let order = json!({
            "id": 7, "name": "#1001", "total_price": "199.00", "currency": "EUR", "financial_status": "paid",
            "updated_at": "2026-09-21T16:13:20+02:00", "email": "jon@example.com",
            "customer": {"first_name": "Jon", "last_name": "Snow", "phone": "+4930123"},
        });
        let told = told_of("orders/paid", &order).remove(0);
        assert_eq!((told.id.as_str(), &told.data["amount"]), ("e1:orders/paid", &json!("199.00")));
        assert_eq!((&told.data["orderId"], &told.data["shop"]), (&json!(7), &json!("ada.myshopify.com")));
        assert_eq!(told.at, Some(crate::vendors::testing::now()));
        let contact = told.contact.unwrap();
        assert_eq!(contact.name.as_deref(), Some("Jon Snow"));
        assert_eq!(contact.phone.as_deref(), Some("+4930123"));
    }

    #[test]
    fn a_customer_is_named_by_the_payload_itself() {
        let ada = json!({"id": 9, "email": "ada@example.com", "first_name": "Ada"});
        let told = told_of("customers/create", &ada).remove(0);
        assert_eq!(told.contact.unwrap().name.as_deref(), Some("Ada"));
        let erase = json!({"customer": {"id": 9, "email": "ada@example.com"}});
        let told = told_of("customers/redact", &erase).remove(0);
        assert_eq!(told.data["email"], "ada@example.com");
    }

    #[test]
    fn without_ids_the_body_is_its_own() {
        let one = call("POST", "/", &[], "{}");
        assert_eq!(id(&one), mac::sha256_hex(b"{}"));
        assert!(Shopify.translate(&one).is_empty());
    }
}
