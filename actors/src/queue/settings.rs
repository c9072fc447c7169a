//! How a queue treats its jobs, and which queues there always are.

use std::time::Duration;

use super::lines::Shares;
use super::rate::Rate;
use super::retention::Keep;
use crate::retry::Backoff;

/// The seven queues of the contract (§12).
pub mod names {
    /// E-mail, SMS and push.
    pub const NOTIFICATION: &str = "notification";
    /// Runs of flows.
    pub const AUTOMATION: &str = "automation";
    /// Changes of data that may fire triggers.
    pub const AUTOMATION_TRIGGER: &str = "automation-trigger";
    /// What is to happen at a later time.
    pub const SCHEDULE: &str = "schedule";
    /// Ingestion from social platforms.
    pub const SOCIAL_SYNC: &str = "social-sync";
    /// Escalation of tickets.
    pub const ESCALATION: &str = "escalation";
    /// Periodic billing.
    pub const BILLING: &str = "billing";

    /// All of them.
    pub const ALL: [&str; 7] =
        [NOTIFICATION, AUTOMATION, AUTOMATION_TRIGGER, SCHEDULE, SOCIAL_SYNC, ESCALATION, BILLING];
}

/// How a queue treats its jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueSettings {
    /// Jobs that run at once.
    pub concurrency: usize,
    /// Attempts allowed where a job does not say.
    pub attempts: u32,
    /// Pauses between attempts.
    pub backoff: Backoff,
    /// How long one attempt within this process may take.
    pub timeout: Duration,
    /// How long an attempt at a job of work may go without a sign of life, within this process.
    pub stuck_after: Duration,
    /// Jobs that workers outside of this process may have at once.
    pub leases: usize,
    /// Jobs that are begun in a time, wherever they run; none where there is no bound.
    pub rate: Option<Rate>,
    /// Of these jobs, how many may be of one organisation, and of one key.
    pub shares: Shares,
    /// What is kept of the jobs that came to their end.
    pub keep: Keep,
}

/// How work is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkSettings {
    /// Bytes of the largest payload.
    pub payload: usize,
    /// Whether payloads, results, cursors, progress and logs are sealed.
    pub sealed: bool,
}
