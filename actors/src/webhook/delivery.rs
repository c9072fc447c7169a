//! A delivery: one signed request that is owed to one receiver, with every attempt at it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::ids::{DeliveryId, EndpointId, EventId, OrgId, RunId};
use crate::keys::{self, Node};
use crate::store::{Batch, Key, StoreError, encode};

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

    /// The destination of everything that goes to an endpoint.
    #[must_use]
    pub fn of_endpoint(id: EndpointId) -> Self {
        Self(id.to_string())
    }

    /// The endpoint that this is; none for what flows send to.
    #[must_use]
    pub fn endpoint(&self) -> Option<EndpointId> {
        self.0.parse().ok()
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

/// The delivery of an event to an endpoint: the same two always make the same one, so that none is made twice and
/// whoever asks for it needs no index.
#[must_use]
pub fn id_of(event: EventId, endpoint: EndpointId, at: Timestamp) -> DeliveryId {
    let digest = Sha256::new().chain_update(event.to_bytes()).chain_update(endpoint.to_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&at.as_millis().to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&digest[..10]);
    DeliveryId::from_bytes(bytes)
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

/// A place among deliveries that keep an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LinePlace {
    /// What the line is for; empty for the only line of an endpoint.
    pub key: Arc<str>,
    /// The commit that ordered it.
    pub stamp: u64,
    /// Which of that commit's deliveries it is.
    pub n: u32,
}

/// Where a delivery that is owed waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// Among those that keep no order, by when they are due.
    Due(Timestamp),
    /// In a line.
    Line(LinePlace),
}

impl Spot {
    /// Where the store has it.
    #[must_use]
    pub fn key(&self, destination: &str, id: DeliveryId) -> Key {
        match self {
            Self::Due(due) => keys::delivery_at(destination, *due, id),
            Self::Line(LinePlace { key, stamp, n }) => {
                keys::delivery_in_line(destination, key, (*stamp, *n), id)
            }
        }
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
    /// Its place among those that keep an order.
    pub line: Option<LinePlace>,
}

/// A delivery as it is stored. One that an endpoint is owed is composed anew for each attempt, out of its event
/// and the endpoint as it is then: `headers`, `body` and `schedule` are those of flows.
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The very bytes that are signed and sent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Milliseconds to pause after each failed attempt; when they run out the delivery is dead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedule: Vec<u64>,
    /// Its place among those that keep an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<LinePlace>,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Attempts made.
    pub attempts: u32,
    /// Those of them that do not count against the schedule: probes, and what was made before it was sent again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uncounted: u32,
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Delivery {
    /// Where it waits; none when it does not.
    #[must_use]
    pub fn spot(&self) -> Option<Spot> {
        let due = self.next_attempt_at?;
        Some(self.line.clone().map_or(Spot::Due(due), Spot::Line))
    }

    /// Where a delivery that becomes owed is found from then on: among those that wait, and, where an endpoint is
    /// owed it, among its own and those of its event.
    ///
    /// # Errors
    /// Never: an organisation has a stored form.
    pub fn place(&self, batch: &mut Batch) -> Result<(), StoreError> {
        let spot = self.spot().unwrap_or(Spot::Due(self.created_at));
        batch.insert(spot.key(self.destination.as_str(), self.id), encode(&self.org_id)?);
        if let Some(endpoint) = self.destination.endpoint() {
            batch.insert(keys::delivery_of(&self.org_id, endpoint, self.id), Vec::new());
            if let Some(event) = self.event_id {
                let effect = keys::effect(&self.org_id, Node::Event(event), Node::Delivery(self.id));
                batch.insert(effect, Vec::new());
            }
        }
        Ok(())
    }
}

impl DeliveryDraft {
    /// What an endpoint is owed: it carries neither body nor schedule, since both are made for each attempt.
    #[must_use]
    pub fn to_endpoint(id: DeliveryId, endpoint: EndpointId, event: String, url: String) -> Self {
        Self {
            id,
            destination: DestinationId::of_endpoint(endpoint),
            event,
            event_id: None,
            run: None,
            url,
            method: "POST".to_owned(),
            headers: Vec::new(),
            body: String::new(),
            schedule: Vec::new(),
            line: None,
        }
    }

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
            line: self.line,
            status: DeliveryStatus::Pending,
            attempts: 0,
            uncounted: 0,
            next_attempt_at: Some(now),
            last_status_code: None,
            last_error: None,
            created_at: now,
            completed_at: None,
        }
    }
}

/// How long the parts of an attempt took, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phases {
    /// Resolving the name; none when a connection was used again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_us: Option<u64>,
    /// TCP; none when a connection was used again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_us: Option<u64>,
    /// The TLS handshake; none when a connection was used again, or is not TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_us: Option<u64>,
    /// From the start to the whole head of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_us: Option<u64>,
    /// From the start to the end.
    pub total_us: u64,
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
    /// Whether it was made to see whether the receiver is well again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
    /// Where it went.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// The headers that an endpoint was sent, what was configured in dots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_headers: Vec<(String, String)>,
    /// How long each part of it took. For those who run the organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phases: Option<Phases>,
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
