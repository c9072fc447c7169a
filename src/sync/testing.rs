//! What the tests of platforms share.

use appengine_actors::clock::Timestamp;
use appengine_actors::inbound::told::Told;
use bytes::Bytes;
use serde_json::Value;

use super::adapter::Place;
use crate::connect::api::ApiReply;

/// A listing, asked for at 1790000000 by somebody to whom the last day is news.
pub(super) const fn at(stream: &str) -> Place<'_> {
    Place {
        base: "https://api.example",
        stream,
        token: "secret",
        client_id: "client",
        since: Timestamp::from_millis(1_789_913_600_000),
        now: Timestamp::from_millis(1_790_000_000_000),
    }
}

/// A page.
pub(super) fn page(body: &Value) -> ApiReply {
    ApiReply { status: 200, headers: Vec::new(), body: Bytes::from(body.to_string()) }
}

/// The ids of what is told.
pub(super) fn ids(told: &[Told]) -> Vec<&str> {
    told.iter().map(|told| told.id.as_str()).collect()
}

/// The kinds and ids of what is told.
pub(super) fn kinds(told: &[Told]) -> Vec<(&str, &str)> {
    told.iter().map(|told| (told.kind, told.id.as_str())).collect()
}
