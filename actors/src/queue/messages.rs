//! What a queue hears, in the order of a job's life.

use actix::Message;
use std::collections::BTreeSet;

use serde::Serialize;

use super::alter::{AlterError, Altered, Which, Wish};
use super::job::Job;
use super::lines::Held;
use super::trail::Awaited;
use crate::ids::{JobId, OrgId, QueueName};
use crate::store::Key;

/// Jobs that the store holds already were added. A hint: a queue that misses it looks for itself.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct JobsAdded(pub Vec<Job>);

/// Stop or go on taking jobs; those that run are not touched. Survives restarts.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), crate::store::StoreError>")]
pub struct SetPaused {
    /// Whose jobs; everybody's where nobody is named.
    pub whose: Option<Held>,
    /// Whether to stop.
    pub paused: bool,
}

/// Changes jobs beside their own course. What it answers with is on the disk; a job that runs is stopped, and
/// comes to its end a moment later.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Altered, AlterError>")]
pub struct Alter {
    /// Whose jobs.
    pub org: OrgId,
    /// Which of them.
    pub which: Which,
    /// What becomes of them.
    pub wish: Wish,
    /// Who wants it.
    pub by: String,
}

/// Asks how the queue is.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "QueueStatus")]
pub struct GetStatus;

/// Asks for no new jobs to be begun, and for an answer when none runs any more.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Drain;

/// How a queue is (contract §14, monitoring).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueStatus {
    /// Its name.
    pub name: QueueName,
    /// Jobs that wait for others to end.
    pub blocked: u64,
    /// Jobs ready to run.
    pub waiting: u64,
    /// Jobs that run.
    pub active: u64,
    /// Jobs to be run later.
    pub delayed: u64,
    /// Jobs done that are kept.
    pub completed: u64,
    /// Jobs given up that are kept.
    pub failed: u64,
    /// Jobs given up since the queue started, kept or not.
    #[serde(skip)]
    pub failures: u64,
    /// Whether no jobs are taken.
    pub paused: bool,
    /// Whose jobs are not taken.
    #[serde(skip)]
    pub held: BTreeSet<Held>,
    /// Jobs that may run at once.
    pub concurrency: usize,
    /// Jobs ended per second, over the last minute.
    pub rate_per_second: f64,
    /// How long the oldest ready job has waited, in milliseconds.
    pub oldest_waiting_ms: Option<u64>,
    /// What the latest failed attempt failed with.
    pub last_error: Option<String>,
    /// Whose job that was: what it says is for them.
    #[serde(skip)]
    pub last_error_of: Option<OrgId>,
}

impl QueueStatus {
    /// The status as an organisation may see it: queues are everybody's, errors are not.
    #[must_use]
    pub fn shown_to(mut self, org: &OrgId) -> Self {
        if self.last_error_of.as_ref() != Some(org) {
            self.last_error = None;
        }
        self.paused |= self.held.contains(&Held { org: org.clone(), key: None });
        self
    }
}

/// One job, and where it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// The job as it shall be.
    pub job: Job,
    /// Where the store has it before.
    pub from: Key,
    /// What is written beside it: parts by their letter.
    pub parts: Vec<(u8, Vec<u8>)>,
    /// Whether somebody is told that it was carried out: then it must be on the disk.
    pub promised: bool,
    /// Whether somebody may wait for the job to end.
    pub awaited: Awaited,
}

impl Move {
    /// A move and nothing beside it, of which nobody is told.
    #[must_use]
    pub fn of(job: Job, from: Key) -> Self {
        let awaited = Awaited::supposed(&job);
        Self { job, from, parts: Vec::new(), promised: false, awaited }
    }

    /// The job's id.
    #[must_use]
    pub const fn id(&self) -> JobId {
        self.job.id
    }
}
