//! Four networks as they document themselves: what their webhooks tell, how they list, how they refuse.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What the networks sign with, and what they are asked with.
pub const SECRET: &str = "whsec_c2VjcmV0IG9mIHRoaXMgdGVzdCBhbmQgbm8gb3RoZXI=";
pub const TOKEN: &str = "a-token";
pub const NOW: u64 = 1_790_000_000;

/// The headers and the body of a call.
pub type Signed = (Vec<(&'static str, String)>, String);

/// A network: how it is followed, what it tells, how it lists.
#[derive(Clone, Copy)]
pub struct Network {
    pub name: &'static str,
    pub interface: &'static str,
    pub follow: &'static str,
    /// The path of the listing that has anything in it, and of what else is asked.
    pub listing: &'static str,
    pub kind: &'static str,
    /// The marker in the query of the second run.
    pub after: &'static str,
    /// What a refusal says, and how long that is from now in seconds.
    pub refusal: (&'static [(&'static str, &'static str)], u64),
    pub hook: fn(u64) -> Signed,
    pub list: fn(&[u64], &str) -> Value,
    pub beside: fn() -> Value,
}

/// One thing every ten seconds, the newest last.
const fn at(n: u64) -> u64 {
    NOW - 1_000 + n * 10
}

pub const NETWORKS: [Network; 4] = [
    Network {
        name: "reddit",
        interface: "reddit-api",
        follow: "r/acme",
        listing: "/r/acme/new",
        kind: "social.post",
        after: "before=t3_2",
        refusal: (&[("x-ratelimit-remaining", "0.0"), ("x-ratelimit-reset", "120")], 121),
        hook: reddit_hook,
        list: |things, query| {
            let known = query.split("before=t3_").nth(1).and_then(|id| id.parse().ok()).unwrap_or(0);
            let children = newest(things, known).map(|n| {
                json!({"kind": "t3", "data": {"name": format!("t3_{n}"), "title": "hi", "created_utc": at(n), "author": "ann"}})
            });
            json!({"kind": "Listing", "data": {"children": children.collect::<Vec<_>>(), "after": null, "before": null}})
        },
        beside: || json!({"kind": "Listing", "data": {"children": [], "after": null, "before": null}}),
    },
    Network {
        name: "x",
        interface: "x",
        follow: "7",
        listing: "/2/users/7/mentions",
        kind: "social.mention",
        after: "since_id=2",
        refusal: (&[("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "1790000900")], 901),
        hook: |n| {
            let payload = json!({"id": n.to_string(), "text": "@acme", "author_id": "3"});
            let event = json!({"event_type": "post.mention.create", "event_uuid": n.to_string(),
                "filter": {"user_id": "7"}, "payload": payload});
            let body = json!({"data": event}).to_string();
            let code = STANDARD.encode(code(&[body.as_bytes()]));
            (vec![("x-twitter-webhooks-signature", format!("sha256={code}"))], body)
        },
        list: |things, query| {
            let known = query.split("since_id=").nth(1).and_then(|id| id.parse().ok()).unwrap_or(0);
            let data: Vec<_> = newest(things, known)
                .map(|n| json!({"id": n.to_string(), "text": "@acme", "author_id": "3", "created_at": moment(n)}))
                .collect();
            json!({"data": data, "meta": {"result_count": data.len(), "newest_id": data.first().map(|post| &post["id"])}})
        },
        beside: || json!({"meta": {"result_count": 0}}),
    },
    Network {
        name: "meta",
        interface: "meta",
        follow: "page/7",
        listing: "/v23.0/7/feed",
        kind: "social.comment",
        after: "fields=",
        refusal: (
            &[(
                "x-business-use-case-usage",
                r#"{"7":[{"type":"pages","call_count":100,"estimated_time_to_regain_access":10}]}"#,
            )],
            600,
        ),
        hook: |n| {
            let value = json!({"item": "comment", "verb": "add", "post_id": "7_1", "comment_id": format!("1_{n}"),
                "message": "hi", "created_time": at(n), "from": {"id": "3", "name": "Ann"}});
            let changes = json!([{"field": "feed", "value": value}]);
            let body = json!({"object": "page", "entry": [{"id": "7", "time": at(n), "changes": changes}]})
                .to_string();
            (vec![("x-hub-signature-256", format!("sha256={}", hex(&code(&[body.as_bytes()]))))], body)
        },
        list: |things, _| {
            let comments: Vec<_> = newest(things, 0)
                .map(|n| {
                    json!({"id": format!("1_{n}"), "message": "hi", "created_time": moment(n).replace(".000Z", "+0000"),
                        "from": {"id": "3", "name": "Ann"}})
                })
                .collect();
            let post = json!({"id": "7_1", "created_time": "2020-01-01T00:00:00+0000", "comments": {"data": comments}});
            json!({"data": [post], "paging": {"cursors": {"before": "a", "after": "b"}}})
        },
        beside: || json!({}),
    },
    Network {
        name: "slack",
        interface: "slack",
        follow: "C1",
        listing: "/api/conversations.history",
        kind: "social.post",
        after: "oldest=1789999020.000100",
        refusal: (&[("retry-after", "30")], 31),
        hook: |n| {
            let event = json!({"type": "message", "channel": "C1", "channel_type": "channel", "user": "U1", "text": "hi",
                "ts": format!("{}.000100", at(n))});
            let body = json!({"type": "event_callback", "event_id": format!("Ev{n}"), "team_id": "T1", "event": event});
            let (body, stamp) = (body.to_string(), NOW.to_string());
            let code = hex(&code(&[b"v0:", stamp.as_bytes(), b":", body.as_bytes()]));
            (vec![("x-slack-signature", format!("v0={code}")), ("x-slack-request-timestamp", stamp)], body)
        },
        list: |things, query| {
            let oldest = query.split("oldest=").nth(1).and_then(|rest| rest.split(['.', '&']).next());
            let oldest: u64 = oldest.and_then(|oldest| oldest.parse().ok()).unwrap_or(0);
            let messages: Vec<_> = newest(things, 0)
                .filter(|n| at(*n) > oldest)
                .map(|n| json!({"type": "message", "user": "U1", "text": "hi", "ts": format!("{}.000100", at(n))}))
                .collect();
            json!({"ok": true, "messages": messages, "has_more": false})
        },
        beside: || json!({"ok": true, "team_id": "T1", "user_id": "U9", "bot_id": "B9"}),
    },
];

fn reddit_hook(n: u64) -> Signed {
    let data = json!({"post": {"id": format!("t3_{n}"), "title": "hi"}, "author": {"name": "ann"}});
    let body = json!({"type": "PostCreate", "timestamp": moment(n), "data": data}).to_string();
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let stamp = NOW.to_string();
    let signed = [b"msg_1.".as_slice(), stamp.as_bytes(), b".", body.as_bytes()].concat();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &signed);
    let signature = format!("v1,{}", STANDARD.encode(tag.as_ref()));
    let headers = vec![
        ("webhook-id", "msg_1".to_owned()),
        ("webhook-timestamp", stamp),
        ("webhook-signature", signature),
    ];
    (headers, body)
}

fn newest(things: &[u64], known: u64) -> impl Iterator<Item = u64> {
    things.iter().rev().copied().filter(move |n| *n > known)
}

fn moment(n: u64) -> String {
    appengine_actors::clock::Timestamp::from_millis(at(n) * 1000).to_string()
}

fn code(parts: &[&[u8]]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    hmac::sign(&key, &parts.concat()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
