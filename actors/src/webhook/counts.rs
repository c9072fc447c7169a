//! What became of webhooks since this process started: for an operator who watches, never for a decision.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::delivery::DeliveryStatus;

/// Counters that every destination adds to.
#[derive(Debug, Default)]
pub struct DeliveryCounts {
    attempts: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
    dead: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Requests that were made.
    pub attempts: u64,
    /// Deliveries that their receiver took.
    pub delivered: u64,
    /// Deliveries that no further attempt would help.
    pub failed: u64,
    /// Deliveries whose every attempt failed.
    pub dead: u64,
}

impl DeliveryCounts {
    /// Counts an attempt that left its delivery with this status.
    pub fn attempted(&self, status: DeliveryStatus) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let ended = match status {
            DeliveryStatus::Delivered => &self.delivered,
            DeliveryStatus::Failed => &self.failed,
            DeliveryStatus::Dead => &self.dead,
            DeliveryStatus::Pending | DeliveryStatus::Delivering | DeliveryStatus::Discarded => return,
        };
        ended.fetch_add(1, Ordering::Relaxed);
    }

    /// How far they are.
    #[must_use]
    pub fn read(&self) -> Counted {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counted {
            attempts: read(&self.attempts),
            delivered: read(&self.delivered),
            failed: read(&self.failed),
            dead: read(&self.dead),
        }
    }
}
