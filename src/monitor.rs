//! What an operator wants to know beside the queues: who uses the instance how much, and what was
//! alarming. Counted in memory since the start, bounded; it decides nothing and stops nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use appengine_actors::clock::{Clock, Timestamp};
use appengine_actors::event::Event;
use appengine_actors::ids::OrgId;
use appengine_actors::machine::Machine;
use serde::Serialize;

/// Organisations that are counted one by one; the rest share one line.
const MOST_ORGS: usize = 10_000;
/// People of one organisation that are told apart.
const MOST_PEOPLE: usize = 1_000;
/// Alerts that are remembered.
const MOST_ALERTS: usize = 200;
/// How often alarming things are looked for.
const LOOK: Duration = Duration::from_secs(5);
/// Jobs that wait in one queue before that is alarming (contract §12).
const DEEP_QUEUE: u64 = 10_000;
/// Failed jobs of one queue within five minutes before that is alarming (contract §12).
const MANY_FAILED: u64 = 100;
const FAILED_WITHIN: Duration = Duration::from_secs(300);
/// What deliveries that were given up are counted under; no queue has this name.
const WEBHOOKS: &str = "webhooks";

/// What one organisation used since the start.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Events that were committed.
    pub events: u64,
    /// Those of them that are writes of records.
    pub writes: u64,
    /// When the latest one was.
    pub last_event_at: Option<Timestamp>,
    #[serde(skip)]
    people: BTreeMap<String, Activity>,
}

/// What one person, key or flow did since the start.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// Events that they caused.
    pub events: u64,
    /// When the latest one was.
    pub last_at: Timestamp,
}

/// Something alarming.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// A word that does not change: `queue_depth`, `failed_jobs`, `failed_deliveries`, `store`, `actor`.
    pub kind: &'static str,
    /// What it is about.
    pub subject: String,
    /// In words, with what to do.
    pub message: String,
    /// When it began.
    pub since: Timestamp,
    /// When it ended; none while it lasts.
    pub until: Option<Timestamp>,
}

/// The instance's memory of itself.
pub struct Monitor {
    clock: Arc<dyn Clock>,
    started: Timestamp,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    usage: BTreeMap<String, Usage>,
    alerts: VecDeque<Alert>,
    failed: BTreeMap<String, VecDeque<(Timestamp, u64)>>,
}

impl Monitor {
    /// A monitor that has seen nothing.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let started = clock.now();
        Self { clock, started, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Counters stay useful after a panic of whoever held them.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When counting began.
    #[must_use]
    pub const fn started(&self) -> Timestamp {
        self.started
    }

    /// How long the instance has been up.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.clock.now().since(self.started)
    }

    /// Counts an event.
    pub fn count(&self, event: &Event) {
        let mut inner = self.inner();
        let full = inner.usage.len() >= MOST_ORGS && !inner.usage.contains_key(event.org_id.as_str());
        let name = if full { "(others)" } else { event.org_id.as_str() };
        let usage = inner.usage.entry(name.to_owned()).or_default();
        usage.events += 1;
        usage.writes += u64::from(event.kind.as_str().starts_with("collection-"));
        usage.last_event_at = Some(event.timestamp);
        let Some(by) = &event.by else { return };
        if usage.people.len() < MOST_PEOPLE || usage.people.contains_key(by) {
            let fresh = Activity { events: 0, last_at: event.timestamp };
            let activity = usage.people.entry(by.clone()).or_insert(fresh);
            activity.events += 1;
            activity.last_at = event.timestamp;
        }
    }

    /// What an organisation used.
    #[must_use]
    pub fn usage(&self, org: &OrgId) -> Usage {
        self.inner().usage.get(org.as_str()).cloned().unwrap_or_default()
    }

    /// Who did how much in an organisation.
    #[must_use]
    pub fn activity(&self, org: &OrgId) -> BTreeMap<String, Activity> {
        self.usage(org).people
    }

    /// Alerts, the newest first.
    #[must_use]
    pub fn alerts(&self) -> Vec<Alert> {
        self.inner().alerts.iter().rev().cloned().collect()
    }

    /// Looks for alarming things for ever.
    pub async fn watch(self: Arc<Self>, machine: Arc<Machine>) {
        loop {
            self.clock.sleep(LOOK).await;
            let found = self.look(&machine).await;
            self.take_note(found);
        }
    }

    async fn look(&self, machine: &Machine) -> Vec<(&'static str, String, String)> {
        let mut found = Vec::new();
        for reason in machine.health().await.err().unwrap_or_default() {
            let kind = if reason.contains("store") { "store" } else { "actor" };
            let subject = reason.split(' ').next().unwrap_or_default().to_owned();
            found.push((kind, subject, reason));
        }
        for queue in machine.queues.statuses().await {
            let name = queue.name.to_string();
            if queue.waiting > DEEP_QUEUE {
                let message = format!(
                    "{} jobs wait in {name}; raise its concurrency or find what slows it",
                    queue.waiting
                );
                found.push(("queue_depth", name.clone(), message));
            }
            let failed = self.failed_lately(&name, queue.failures);
            if failed > MANY_FAILED {
                // Everybody sees alerts: what the jobs failed with is told to whom they belong to.
                let message =
                    format!("{failed} jobs of {name} failed within five minutes; see those that failed");
                found.push(("failed_jobs", name, message));
            }
        }
        let sent = machine.house.deliveries.read();
        let given_up = self.failed_lately(WEBHOOKS, sent.failed + sent.dead);
        if given_up > 0 {
            let message = format!(
                "{given_up} webhooks were given up within five minutes; see GET /webhooks/deliveries?status=dead \
                 and status=failed"
            );
            found.push(("failed_deliveries", WEBHOOKS.to_owned(), message));
        }
        found
    }

    fn failed_lately(&self, queue: &str, total: u64) -> u64 {
        let now = self.clock.now();
        let mut inner = self.inner();
        let seen = inner.failed.entry(queue.to_owned()).or_default();
        seen.push_back((now, total));
        while seen.front().is_some_and(|(at, _)| now.since(*at) > FAILED_WITHIN) {
            seen.pop_front();
        }
        total - seen.front().map_or(total, |(_, first)| *first).min(total)
    }

    fn take_note(&self, found: Vec<(&'static str, String, String)>) {
        let now = self.clock.now();
        let mut inner = self.inner();
        for alert in inner.alerts.iter_mut().filter(|alert| alert.until.is_none()) {
            if !found.iter().any(|(kind, subject, _)| alert.kind == *kind && alert.subject == *subject) {
                alert.until = Some(now);
            }
        }
        for (kind, subject, message) in found {
            let known =
                inner.alerts.iter().any(|a| a.until.is_none() && a.kind == kind && a.subject == subject);
            if !known {
                tracing::warn!(kind, subject, message, "alert");
                inner.alerts.push_back(Alert { kind, subject, message, since: now, until: None });
                while inner.alerts.len() > MOST_ALERTS {
                    inner.alerts.pop_front();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use appengine_actors::testkit::Setup;
    use appengine_actors::webhook::delivery::DeliveryStatus;

    use super::*;

    #[actix_web::test]
    async fn a_webhook_that_is_given_up_is_alarming_for_a_while() {
        let house = Setup::default().start();
        let clock = house.setup.clock.clone();
        let monitor = Monitor::new(Arc::new(clock.clone()));
        let open = async || {
            let found = monitor.look(&house.machine).await;
            monitor.take_note(found);
            monitor.alerts().iter().filter(|a| a.kind == "failed_deliveries" && a.until.is_none()).count()
        };
        let deliveries = &house.machine.house.deliveries;
        deliveries.attempted(DeliveryStatus::Pending);
        deliveries.attempted(DeliveryStatus::Delivered);
        assert_eq!(open().await, 0);
        deliveries.attempted(DeliveryStatus::Dead);
        deliveries.attempted(DeliveryStatus::Failed);
        assert_eq!(open().await, 1);
        house.advance(FAILED_WITHIN).await;
        assert_eq!(open().await, 1);
        house.advance(Duration::from_secs(1)).await;
        assert_eq!(open().await, 0);
        let alerts = monitor.alerts();
        assert!(alerts.len() == 1 && alerts[0].message.starts_with("2 webhooks"), "{alerts:?}");
    }
}
