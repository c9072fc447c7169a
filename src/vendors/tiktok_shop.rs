//! TikTok Shop: `Authorization: …`, an HMAC-SHA256 in hexadecimal digits by the app's secret over the app's key and the
//! body. No time is signed: a call that comes again is known by its notification's id. (TikTok Shop Partner Center,
//! "Webhooks".)

use serde_json::Value;

use super::call::Call;
use super::keys::Keys;
use super::told::{Told, id, seconds, text, value};
use super::verdict::{Part, Refusal, Stop, Verified};
use super::{Around, Vendor, mac};

const SIGNATURE: &str = "Authorization";
const NOTIFICATION: &str = "/tts_notification_id";

/// TikTok Shop.
pub struct TikTokShop;

impl Vendor for TikTokShop {
    fn name(&self) -> &'static str {
        "tiktok-shop"
    }

    fn verify(&self, call: &Call, keys: &Keys, _: &Around<'_>) -> Result<Verified, Stop> {
        if keys.secrets.is_empty() {
            return Err(Refusal::no_keys("the app's secret").into());
        }
        let Some(app_key) = keys.settings.app_key.as_deref() else {
            return Err(Refusal::no_keys("the app's key (`app_key`), which is signed too").into());
        };
        let header = call.headers.one(SIGNATURE).ok_or_else(|| Refusal::no_header(SIGNATURE))?;
        let code = mac::from_hex::<32>(header).ok_or_else(|| {
            let expected = format!("64 hexadecimal digits in `{SIGNATURE}`");
            Refusal::new(Part::Format, expected, "something else", "the call is not from TikTok Shop")
        })?;
        if !mac::is_any(mac::SHA256, &keys.secrets, &[app_key.as_bytes(), &call.body], &[code]) {
            let scheme = "HMAC-SHA256 over the app's key and the body";
            return Err(Refusal::no_match(scheme, keys.secrets.len()).into());
        }
        let id = call.json().and_then(|body| id(&body, NOTIFICATION));
        Ok(Verified::call(id.unwrap_or_else(|| mac::sha256_hex(&call.body))))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        call.json().as_ref().and_then(told).into_iter().collect()
    }
}

fn told(body: &Value) -> Option<Told> {
    let status = text(body, "/data/order_status");
    let kind = match (body.get("type")?.as_u64()?, status.as_deref()) {
        (1, Some("UNPAID")) => "order.placed",
        (1, Some("AWAITING_SHIPMENT")) => "order.paid",
        (1, Some("COMPLETED")) => "order.completed",
        (1, Some("CANCELLED")) => "order.canceled",
        (6, _) => "connection.revoked",
        _ => return None,
    };
    let told = Told::new(kind, id(body, NOTIFICATION)?, body)
        .at(seconds(body, "/timestamp"))
        .with("vendorEvent", value(body, "/type"))
        .with("accountId", id(body, "/shop_id"))
        .with("orderId", id(body, "/data/order_id"))
        .with("status", status);
    Some(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::keys::{Secret, Settings};
    use crate::vendors::testing::{around, call, told_by};

    #[test]
    fn an_order_is_understood_by_its_status() {
        let table = [
            (1, "UNPAID", Some("order.placed")),
            (1, "AWAITING_SHIPMENT", Some("order.paid")),
            (1, "COMPLETED", Some("order.completed")),
            (1, "CANCELLED", Some("order.canceled")),
            (1, "IN_TRANSIT", None),
            (6, "", Some("connection.revoked")),
            (5, "UNPAID", None),
        ];
        for (of, status, ours) in table {
            let data = json!({"order_id": "1", "order_status": status});
            let body =
                json!({"type": of, "tts_notification_id": "7", "timestamp": 1_790_000_000, "data": data});
            let told = told_by(&TikTokShop, &body);
            assert_eq!(told.first().map(|told| told.kind), ours, "{of} {status}");
        }
        assert!(told_by(&TikTokShop, &json!({"type": "1"})).is_empty());
    }

    #[test]
    fn without_the_apps_key_nothing_can_be_checked() {
        let secrets = vec![Secret::new("secret".to_owned())];
        let keys = Keys { secrets, settings: Settings::default(), ..Keys::default() };
        let call = call("POST", "/", &[(SIGNATURE, "00")], "{}");
        let Err(Stop::Refused(refusal)) = TikTokShop.verify(&call, &keys, &around()) else { panic!() };
        assert_eq!(refusal.part, Part::Configuration);
    }
}
