//! What happens, as it happens, for those who watch. Nobody waits for a watcher: one that is too slow
//! misses observations and is told how many.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast;

use crate::event::Event;
use crate::ids::{DeliveryId, EndpointId, OrgId, QueueName, RecordId, RunId};
use crate::webhook::delivery::DeliveryStatus;

/// Something that an operator may watch.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum Observation {
    /// An event is in the log.
    Event {
        /// It.
        event: Arc<Event>,
    },
    /// A run came to a new state.
    Run {
        /// Whose.
        org_id: OrgId,
        /// Which.
        id: RunId,
        /// Of which flow.
        automation_id: RecordId,
        /// Its state.
        status: Value,
    },
    /// A delivery was attempted.
    Delivery {
        /// Whose.
        org_id: OrgId,
        /// Which.
        id: DeliveryId,
        /// To which endpoint; none where a flow ordered it.
        #[serde(skip_serializing_if = "Option::is_none")]
        endpoint_id: Option<EndpointId>,
        /// What it tells.
        event: String,
        /// Where it stands now.
        status: DeliveryStatus,
        /// Attempts so far.
        attempts: u32,
        /// What the receiver answered.
        status_code: Option<u16>,
    },
    /// A receiver failed for a while, or is well again.
    Breaker {
        /// Whose.
        org_id: OrgId,
        /// Which destination.
        destination: String,
        /// To which endpoint; none where flows send there.
        #[serde(skip_serializing_if = "Option::is_none")]
        endpoint_id: Option<EndpointId>,
        /// `open`, `closed` or `disabled`.
        state: &'static str,
    },
    /// A queue's counts changed.
    Queue {
        /// Which.
        name: QueueName,
    },
}

impl Observation {
    /// Whose it is; none when it is the operator's.
    #[must_use]
    pub fn org(&self) -> Option<&OrgId> {
        match self {
            Self::Event { event } => Some(&event.org_id),
            Self::Run { org_id, .. } | Self::Delivery { org_id, .. } | Self::Breaker { org_id, .. } => {
                Some(org_id)
            }
            Self::Queue { .. } => None,
        }
    }
}

/// How many observations a slow watcher may fall behind.
const CAPACITY: usize = 1024;

/// The stream of observations.
#[derive(Debug, Clone)]
pub struct Feed(broadcast::Sender<Observation>);

impl Default for Feed {
    fn default() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }
}

impl Feed {
    /// Shows an observation to those who watch. `make` is not called when nobody does.
    pub fn show(&self, make: impl FnOnce() -> Observation) {
        if self.0.receiver_count() > 0 {
            // It fails only when the last watcher has just left.
            let _ = self.0.send(make());
        }
    }

    /// Says that a queue's counts changed.
    pub fn queue_changed(&self, name: &QueueName) {
        self.show(|| Observation::Queue { name: name.clone() });
    }

    /// Everything from now on.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Observation> {
        self.0.subscribe()
    }
}

/// Hints that found a full mailbox. Whoever they were for looks here from time to time and then reads
/// the store, which is the truth.
#[derive(Debug, Default)]
pub struct LostHints(Mutex<BTreeSet<String>>);

impl LostHints {
    /// Takes note that a hint for `name` was lost.
    pub fn note(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    /// All names with this beginning for which a hint was lost since this was last asked.
    pub fn take_prefixed(&self, prefix: &str) -> Vec<String> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.extract_if(.., |name| name.starts_with(prefix)).collect()
    }

    /// Whether a hint for `name` was lost since this was last asked.
    pub fn take(&self, name: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name)
    }
}
