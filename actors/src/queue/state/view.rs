//! What others may know of a queue's state.

use std::collections::BTreeSet;

use super::QueueState;
use crate::clock::Timestamp;
use crate::queue::effects::Totals;
use crate::queue::job::{JobState, QueueSettings};
use crate::queue::lines::Held;
use crate::queue::messages::QueueStatus;
use crate::queue::outside::Leases;
use crate::queue::retention::Bound;

impl QueueState {
    /// What an operator sees.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> QueueStatus {
        let recent = self.ended_at.iter().filter(|(at, _)| now.as_secs().saturating_sub(*at) < 60);
        let ended: u32 = recent.map(|(_, count)| count).sum();
        let oldest = self.waiting.oldest();
        let (last_error_of, last_error) = self.last_error.clone().unzip();
        QueueStatus {
            name: self.name.clone(),
            blocked: self.blocked,
            waiting: self.waiting.count() + self.suspects.len() as u64 + self.outside.count(),
            active: (self.active.len() + self.claiming.len() + self.outside.out()) as u64,
            delayed: self.delayed.count(),
            completed: self.totals.completed,
            failed: self.totals.failed,
            failures: self.failures,
            paused: self.totals.paused,
            held: self.waiting.paused().clone(),
            concurrency: self.settings.concurrency,
            rate_per_second: f64::from(ended) / 60.0,
            oldest_waiting_ms: oldest.map(|place| now.as_millis().saturating_sub(place)),
            last_error,
            last_error_of,
        }
    }

    /// What may be written to the store as the queue's totals.
    #[must_use]
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// Whose jobs are not taken.
    #[must_use]
    pub const fn paused(&self) -> &BTreeSet<Held> {
        self.waiting.paused()
    }

    /// What is kept of the jobs in a state, and how many there are; none where they do not end there.
    #[must_use]
    pub const fn kept(&self, state: JobState) -> Option<(Bound, u64)> {
        let count =
            if matches!(state, JobState::Completed) { self.totals.completed } else { self.totals.failed };
        match self.settings.keep.of(state) {
            Some(bound) => Some((bound, count)),
            None => None,
        }
    }

    /// How the queue treats its jobs.
    #[must_use]
    pub const fn settings(&self) -> &QueueSettings {
        &self.settings
    }

    /// Who has which job outside of this process.
    pub const fn leases(&mut self) -> &mut Leases {
        self.outside.leases()
    }
}
