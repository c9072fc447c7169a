//! A destination's circuit breaker. While it is open nothing is sent but a probe now and then, and what
//! waits keeps its attempts. One delivery that fails by its own schedule does not open it; many do, and so do
//! a few over a long time without any success. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::DeliveryId;

/// When a breaker opens and what it does then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many deliveries failing one after another, without a success between them, open it.
    pub failures: usize,
    /// So long without any success, and [`FEW`] failed attempts at more than one delivery, open it too.
    pub after: Duration,
    /// The pause before the first probe; it doubles with each probe that fails.
    pub pause: Duration,
    /// The longest pause between two probes.
    pub longest_pause: Duration,
    /// An endpoint that has had no success for this long is disabled.
    pub disable_after: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 10,
            after: Duration::from_mins(15),
            pause: Duration::from_secs(5),
            longest_pause: Duration::from_mins(5),
            disable_after: Duration::from_hours(120),
        }
    }
}

/// Failed attempts without which a long time says nothing.
pub const FEW: u32 = 5;

/// What a restart must not forget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Since when every attempt has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// When the breaker opened; none while it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Timestamp>,
    /// When the next probe is due, while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_at: Option<Timestamp>,
    /// Probes that failed since it opened.
    #[serde(default)]
    pub probes: u32,
}

/// What changed with an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It opened: the owner should hear.
    Opened,
    /// A probe failed: it stays open.
    StaysOpen,
    /// It closed again.
    Closed,
    /// It has been open for too long: the endpoint is to be disabled.
    GivesUp,
}

/// Whether an attempt may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Yes,
    /// It may, as a probe: it costs its delivery no attempt when it fails.
    Probe,
    /// Not before this moment.
    At(Timestamp),
    /// Not before the probe that is under way has ended.
    AfterProbe,
}

/// The breaker of one destination.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    health: Health,
    failures: u32,
    failing: BTreeSet<DeliveryId>,
    probing: bool,
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub const fn new(settings: BreakerSettings) -> Self {
        let health = Health { failing_since: None, opened_at: None, probe_at: None, probes: 0 };
        Self { settings, health, failures: 0, failing: BTreeSet::new(), probing: false }
    }

    /// Takes up what an earlier incarnation knew.
    pub const fn restore(&mut self, health: Health) {
        self.health = health;
    }

    /// What a restart must not forget.
    #[must_use]
    pub const fn health(&self) -> Health {
        self.health
    }

    /// Whether it is open.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.health.opened_at.is_some()
    }

    /// Whether an attempt may begin at `now`.
    #[must_use]
    pub fn admits(&self, now: Timestamp) -> Admission {
        match self.health.probe_at {
            None => Admission::Yes,
            Some(_) if self.probing => Admission::AfterProbe,
            Some(at) if at <= now => Admission::Probe,
            Some(at) => Admission::At(at),
        }
    }

    /// A probe began.
    pub const fn probe_began(&mut self) {
        self.probing = true;
    }

    /// An attempt ended that says nothing of the receiver.
    pub const fn learned_nothing(&mut self, probe: bool) {
        if probe {
            self.probing = false;
        }
    }

    /// The receiver took a delivery.
    pub fn succeeded(&mut self) -> Option<Turn> {
        let was_open = self.is_open();
        let knew = self.health.failing_since.is_some();
        self.health = Health::default();
        (self.failures, self.probing) = (0, false);
        if knew {
            self.failing.clear();
        }
        was_open.then_some(Turn::Closed)
    }

    /// The receiver did not take `delivery`.
    pub fn failed(&mut self, delivery: DeliveryId, probe: bool, now: Timestamp) -> Option<Turn> {
        let since = *self.health.failing_since.get_or_insert(now);
        self.failures = self.failures.saturating_add(1);
        if self.is_open() {
            // What began before it opened says nothing new.
            if !probe {
                return None;
            }
            self.probing = false;
            self.health.probes = self.health.probes.saturating_add(1);
            self.health.probe_at = Some(now.plus(self.pause()));
            let too_long = now.since(since) >= self.settings.disable_after;
            return Some(if too_long { Turn::GivesUp } else { Turn::StaysOpen });
        }
        if self.failing.len() < self.settings.failures {
            self.failing.insert(delivery);
        }
        let many = self.failing.len() >= self.settings.failures;
        let long = self.failing.len() > 1 && self.failures >= FEW && now.since(since) >= self.settings.after;
        if !many && !long {
            return None;
        }
        self.failing.clear();
        self.health.opened_at = Some(now);
        self.health.probe_at = Some(now.plus(self.pause()));
        Some(Turn::Opened)
    }

    fn pause(&self) -> Duration {
        let doubled = 2_u32.saturating_pow(self.health.probes.min(16));
        self.settings.pause.saturating_mul(doubled).min(self.settings.longest_pause)
    }
}

#[cfg(test)]
mod tests;
