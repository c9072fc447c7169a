//! What a receiver gets when nobody composed a body: the seed's `{event, orgId, timestamp, data}`, with
//! `type` beside `event` so that consumers of Standard Webhooks find their key too.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::ids::OrgId;

/// The body as it is signed and sent.
#[must_use]
pub fn standard(org: &OrgId, event: &str, timestamp: Timestamp, data: &Value) -> String {
    json!({"event": event, "type": event, "orgId": org, "timestamp": timestamp, "data": data}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_the_seeds_keys_and_the_standards() {
        let org = OrgId::new("my-org").unwrap();
        let body = standard(&org, "contact.created", Timestamp::from_millis(0), &json!({"sk": "c-1"}));
        let expected = json!({
            "event": "contact.created", "type": "contact.created", "orgId": "my-org",
            "timestamp": "1970-01-01T00:00:00.000Z", "data": {"sk": "c-1"},
        });
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
    }
}
