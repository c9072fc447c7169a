//! TikTok: `TikTok-Signature: t=…,s=…`, an HMAC-SHA256 in hexadecimal digits by the client secret over `t.body`. How old a
//! call may be is left to us. (TikTok for Developers, "Webhook Verification".)

use std::time::Duration;

use serde_json::Value;

use super::call::Call;
use super::keys::Keys;
use super::told::{Told, id, seconds, text, value};
use super::verdict::{Part, Refusal, Stop, Verified};
use super::{Around, Vendor, age, elements, mac};

const SIGNATURE: &str = "TikTok-Signature";
const TOLERANCE: Duration = Duration::from_secs(300);

/// TikTok.
pub struct TikTok;

impl Vendor for TikTok {
    fn name(&self) -> &'static str {
        "tiktok"
    }

    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop> {
        if keys.secrets.is_empty() {
            return Err(Refusal::no_keys("the app's client secret").into());
        }
        let header = call.headers.one(SIGNATURE).ok_or_else(|| Refusal::no_header(SIGNATURE))?;
        let malformed = |found: &str| {
            let expected = format!("`t=<seconds>,s=<64 hexadecimal digits>` in `{SIGNATURE}`");
            let cause = "something rewrites the header on its way, or the call is not from TikTok";
            Refusal::new(Part::Format, expected, found, cause)
        };
        let stamp = elements::once(header, "t").ok_or_else(|| malformed("no time `t`"))?;
        let sent = age::seconds(stamp).ok_or_else(|| malformed("a time `t` that is not a number"))?;
        let code = elements::once(header, "s").and_then(mac::from_hex::<32>);
        let code = code.ok_or_else(|| malformed("no signature `s`"))?;
        if !mac::is_any(mac::SHA256, &keys.secrets, &[stamp.as_bytes(), b".", &call.body], &[code]) {
            return Err(Refusal::no_match("HMAC-SHA256 over `t.body`", keys.secrets.len()).into());
        }
        age::within(sent, around.now, keys.settings.tolerance(TOLERANCE))?;
        Ok(Verified::call(mac::sha256_hex(&call.body)))
    }

    fn translate(&self, call: &Call) -> Vec<Told> {
        call.json().and_then(|body| told(&body, mac::sha256_hex(&call.body))).into_iter().collect()
    }
}

/// What a post is told under.
#[must_use]
pub fn post_id(id: &str) -> String {
    format!("post:{id}")
}

/// An event has no id: the body's digest is one, for it comes again with the same bytes.
fn told(body: &Value, digest: String) -> Option<Told> {
    let kind = match text(body, "/event")?.as_str() {
        "post.publish.publicly_available" | "post.publish.complete" | "video.publish.completed" => {
            "social.post"
        }
        "video.upload.failed" | "post.publish.failed" => "social.post_failed",
        "authorization.removed" => "connection.revoked",
        _ => return None,
    };
    // The content is JSON, written as a text.
    let content = text(body, "/content").and_then(|content| serde_json::from_str(&content).ok());
    let content: Value = content.unwrap_or_default();
    // A post has one, by which it is the same when it is found in its list.
    let post = id(&content, "/post_id").filter(|_| kind == "social.post");
    let told = Told::new(kind, post.map_or(digest, |post| post_id(&post)), body)
        .at(seconds(body, "/create_time"))
        .with("vendorEvent", value(body, "/event"))
        .with("accountId", value(body, "/user_openid"))
        .with("postId", id(&content, "/post_id"))
        .with("publishId", value(&content, "/publish_id"))
        .with("shareId", value(&content, "/share_id"))
        .with("reason", id(&content, "/reason").or_else(|| id(&content, "/fail_reason")));
    Some(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vendors::testing::{now, told_by};

    #[test]
    fn events_are_understood() {
        let event = |kind: &str| {
            let content = json!({"publish_id": "p", "post_id": 9, "reason": 1}).to_string();
            json!({"event": kind, "create_time": 1_790_000_000, "user_openid": "u", "content": content})
        };
        let table = [
            ("post.publish.publicly_available", Some("social.post")),
            ("post.publish.complete", Some("social.post")),
            ("video.publish.completed", Some("social.post")),
            ("video.upload.failed", Some("social.post_failed")),
            ("post.publish.failed", Some("social.post_failed")),
            ("authorization.removed", Some("connection.revoked")),
            ("portability.download.ready", None),
        ];
        for (theirs, ours) in table {
            let told = told_by(&TikTok, &event(theirs));
            assert_eq!(told.first().map(|told| told.kind), ours, "{theirs}");
        }
        let told = told_by(&TikTok, &event("post.publish.complete")).remove(0);
        assert_eq!((&told.data["postId"], &told.data["reason"]), (&json!("9"), &json!("1")));
        assert_eq!(told.at, Some(now()));
        let without_content = json!({"event": "authorization.removed", "content": "no JSON"});
        assert_eq!(told_by(&TikTok, &without_content).len(), 1);
    }
}
