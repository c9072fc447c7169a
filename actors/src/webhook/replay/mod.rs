//! Replays: what endpoints were owed, or would have been, is sent again or for the first time. A replay is a job of
//! its own: it walks the log of events at its own pace, keeps where it stands in the same commit as what it has
//! sent, and can be paused and called off.

mod actor;
pub mod book;
pub mod messages;
mod state;
mod walk;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use actor::ReplayerActor;

use crate::clock::Timestamp;
use crate::ids::{EndpointId, OrgId, ReplayId};

/// Deliveries a second where a replay does not say.
pub const USUAL_RATE: f64 = 100.0;
/// Deliveries a second that a replay may ask for.
pub const FASTEST: f64 = 5_000.0;

/// What became of an event at an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was delivered.
    Delivered,
    /// It could not be.
    Failed,
    /// Its schedule ended.
    Dead,
    /// It was called off.
    Discarded,
    /// It was never owed: the endpoint was disabled, or is younger than the event.
    Missed,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] = [Self::Delivered, Self::Failed, Self::Dead, Self::Discarded, Self::Missed];
}

/// What is replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// To this endpoint; to all where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<EndpointId>,
    /// Events that match one of these patterns.
    pub events: Vec<String>,
    /// Events about this: the id of a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Events of this moment or later.
    pub from: Timestamp,
    /// Events of this moment or earlier.
    pub to: Timestamp,
    /// What became of them.
    pub outcome: Vec<Outcome>,
}

/// Where a replay stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplayStatus {
    /// It goes on.
    Running,
    /// It rests.
    Paused,
    /// It came to its end.
    Completed,
    /// It was called off.
    Cancelled,
}

/// A replay as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    /// Its id.
    pub id: ReplayId,
    /// Whose it is.
    pub org_id: OrgId,
    /// What is replayed.
    #[serde(flatten)]
    pub scope: Scope,
    /// Deliveries a second.
    pub rate: f64,
    /// Where it stands.
    pub status: ReplayStatus,
    /// Events that it has looked at.
    pub looked: u64,
    /// Deliveries that it has made due, by what had become of them.
    pub sent: BTreeMap<Outcome, u64>,
    /// How far it came: the stamp and number of the last event that it looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<(u64, u16)>,
    /// The time of that event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Timestamp>,
    /// Who asked for it.
    pub by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}
