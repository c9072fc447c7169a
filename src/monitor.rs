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
    /// A word that does not change: `queue_depth`, `failed_jobs`, `store`, `actor`.
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
            let failed = self.failed_lately(&name, queue.failed);
            if failed > MANY_FAILED {
                // Everybody sees alerts: what the jobs failed with is told to whom they belong to.
                let message =
                    format!("{failed} jobs of {name} failed within five minutes; see those that failed");
                found.push(("failed_jobs", name, message));
            }
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
