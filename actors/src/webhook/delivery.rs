//! A delivery: one signed request that is owed to one receiver, with every attempt at it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::ids::{DeliveryId, EventId, OrgId, RunId};

/// Where a delivery stands (contract §14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// Waits for its first or next attempt.
    Pending,
    /// A request is under way.
    Delivering,
    /// The receiver answered 2xx.
    Delivered,
    /// It cannot be delivered, and trying again would not help.
    Failed,
    /// Every attempt of its schedule failed.
    Dead,
    /// It was called off.
    Discarded,
}

impl DeliveryStatus {
    /// The wire's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivering => "delivering",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
        }
    }
}

impl fmt::Display for DeliveryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who is spoken to: what has its own queue, its own limits and its own troubles.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DestinationId(String);

impl DestinationId {
    /// The destination of everything an organisation sends to one scheme, host and port.
    #[must_use]
    pub fn of_origin(org: &OrgId, origin: &str) -> Self {
        let digest =
            Sha256::new().chain_update(org.as_str()).chain_update([0]).chain_update(origin).finalize();
        let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("dst_{hex}"))
    }

    /// A destination by the name that is stored.
    #[must_use]
    pub const fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DestinationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DestinationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A request that is about to be owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryDraft {
    /// The id that it will have: the receiver's `webhook-id`, the same for every attempt.
    pub id: DeliveryId,
    /// Who is spoken to.
    pub destination: DestinationId,
    /// What the receiver is told happened.
    pub event: String,
    /// The event it is about.
    pub event_id: Option<EventId>,
    /// The run and step that ordered it.
    pub run: Option<(RunId, String)>,
    /// Where it goes.
    pub url: String,
    /// How.
    pub method: String,
    /// Headers beside those that are always sent.
    pub headers: Vec<(String, String)>,
    /// The very bytes that are signed and sent, the same for every attempt.
    pub body: String,
    /// Pauses after failed attempts.
    pub schedule: Vec<Duration>,
}

/// A delivery as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Whose it is.
    pub org_id: OrgId,
    /// Who is spoken to.
    pub destination: DestinationId,
    /// What the receiver is told happened.
    pub event: String,
    /// The event it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// The run that ordered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// The step that ordered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_id: Option<String>,
    /// Where it goes.
    pub url: String,
    /// How.
    pub method: String,
    /// Headers beside those that are always sent.
    pub headers: Vec<(String, String)>,
    /// The very bytes that are signed and sent.
    pub body: String,
    /// Milliseconds to pause after each failed attempt; when they run out the delivery is dead.
    pub schedule: Vec<u64>,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Attempts made.
    pub attempts: u32,
    /// When the next attempt is due; with `status` it is also its place in the destination's queue.
    pub next_attempt_at: Option<Timestamp>,
    /// What the receiver answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_status_code: Option<u16>,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it was ordered.
    pub created_at: Timestamp,
    /// When it came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

impl DeliveryDraft {
    /// The delivery that this draft makes of itself, due at once.
    #[must_use]
    pub fn into_delivery(self, org_id: OrgId, now: Timestamp) -> Delivery {
        let (run_id, step_id) = self.run.unzip();
        let millis = |pause: &Duration| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        Delivery {
            id: self.id,
            org_id,
            destination: self.destination,
            event: self.event,
            event_id: self.event_id,
            run_id,
            step_id,
            url: self.url,
            method: self.method,
            headers: self.headers,
            body: self.body,
            schedule: self.schedule.iter().map(millis).collect(),
            status: DeliveryStatus::Pending,
            attempts: 0,
            next_attempt_at: Some(now),
            last_status_code: None,
            last_error: None,
            created_at: now,
            completed_at: None,
        }
    }
}

/// One request that was made, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptRecord {
    /// From 1.
    pub number: u32,
    /// When the request went out.
    pub started_at: Timestamp,
    /// What it took, to the last byte that was kept.
    pub duration_ms: u64,
    /// What the receiver answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// The head of its answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_headers: Vec<(String, String)>,
    /// The first part of its answer, with what is not UTF-8 replaced.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub response_body: String,
    /// Whether there was more.
    #[serde(default)]
    pub response_truncated: bool,
    /// What went wrong: its class, such as `timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_class: Option<String>,
    /// What went wrong, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_name_a_status_as_the_wire_does() {
        use DeliveryStatus::{Dead, Delivered, Delivering, Discarded, Failed, Pending};
        for status in [Pending, Delivering, Delivered, Failed, Dead, Discarded] {
            assert_eq!(serde_json::json!(status), status.to_string());
        }
    }
}
