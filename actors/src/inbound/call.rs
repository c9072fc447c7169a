//! A call of a vendor as it is kept.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{CallId, EventId, IntegrationId, OrgId};

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallStatus {
    /// A job is to read it.
    Pending,
    /// It was read: what it means is in the log of events.
    Understood,
    /// It was read, and means nothing to us.
    Ignored,
    /// The vendor was asked and knows nothing of it: nothing was told.
    Unconfirmed,
}

/// A call, kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredCall {
    /// Its id.
    pub id: CallId,
    /// Whose it is.
    pub org_id: OrgId,
    /// The vendor that called.
    pub vendor: String,
    /// By which integration it was checked.
    pub integration_id: IntegrationId,
    /// The vendor's own id of it: the same call has the same one when it comes again.
    pub vendor_id: String,
    /// When it came.
    pub received_at: Timestamp,
    /// The method.
    pub method: String,
    /// The address, as the vendor knows it.
    pub url: String,
    /// The headers, in their order; of those that hold a secret only the names.
    pub headers: Vec<(String, String)>,
    /// How many bytes its body has; they are kept beside it.
    pub body_bytes: usize,
    /// How far it has come.
    pub status: CallStatus,
    /// The events that it became.
    #[serde(default)]
    pub events: Vec<EventId>,
    /// How often somebody has had it read again.
    #[serde(default)]
    pub replays: u32,
}

/// Headers that are a secret themselves, or may hold one.
const PRIVATE: [&str; 5] =
    ["authorization", "cookie", "proxy-authorization", "x-telegram-bot-api-secret-token", "x-api-key"];

/// Headers as they are kept.
#[must_use]
pub fn kept<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    headers
        .map(|(name, value)| {
            let is_private = PRIVATE.iter().any(|private| name.eq_ignore_ascii_case(private));
            (name.to_owned(), if is_private { "••••••••".to_owned() } else { value.to_owned() })
        })
        .collect()
}
