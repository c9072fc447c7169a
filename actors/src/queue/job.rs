//! A job: a promise to do something, kept in the store until it is done. It carries ids, not payloads.

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use super::settings::{QueueSettings, WorkSettings, names};
pub use super::task::Task;
pub use super::terms::{Leased, Terms};
use crate::clock::Timestamp;
use crate::ids::{JobId, OrgId, QueueName};
use crate::keys::{self, Node, Side};
use crate::store::Key;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Ready to run.
    Waiting,
    /// To be run at a later time: not yet due, or paused before its next attempt.
    Delayed,
    /// Running.
    Active,
    /// Done.
    Completed,
    /// Given up.
    Failed,
    /// Others must end before it.
    Blocked,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Delayed, Self::Active, Self::Completed, Self::Failed, Self::Blocked];

    /// The letter that stands for the state in keys.
    #[must_use]
    pub const fn letter(self) -> u8 {
        match self {
            Self::Blocked => b'b',
            Self::Waiting => b'w',
            Self::Delayed => b'd',
            Self::Active => b'a',
            Self::Completed => b'c',
            Self::Failed => b'f',
        }
    }

    /// Its name, as the wire has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Waiting => "waiting",
            Self::Delayed => "delayed",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more happens to the job by itself.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

impl std::fmt::Display for JobState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a job was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailedReason {
    /// Its attempts are used up.
    Exhausted,
    /// Whoever did it said that trying again would not help.
    Fatal,
    /// Somebody called it off.
    Cancelled,
    /// Whoever did it came to a sudden end too often.
    Poisonous,
    /// A job that it waited for was given up.
    Dependency,
}

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its queue.
    pub queue: QueueName,
    /// Whose it is.
    pub org_id: OrgId,
    /// What to do.
    pub task: Task,
    /// Where it stands.
    pub state: JobState,
    /// Its place among the jobs of its state: milliseconds since 1970 when it came to it, or falls due.
    pub place: u64,
    /// Attempts begun.
    pub attempts: u32,
    /// Attempts that a crash of the process cut short: they do not count as failures.
    #[serde(default)]
    pub interrupted: u32,
    /// Attempts allowed.
    pub max_attempts: u32,
    /// How urgent it is among its organisation's: the lowest goes first.
    #[serde(default)]
    pub priority: i32,
    /// What it concerns: keys take turns, and order holds within one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it was added.
    pub created: Timestamp,
    /// When its latest attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
    /// What its latest attempt failed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Who asked for it to be stopped, and when a job is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<String>,
    /// Why it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_reason: Option<FailedReason>,
    /// What whoever added it wants beside that.
    #[serde(default, skip_serializing_if = "Terms::is_plain")]
    pub terms: Terms,
    /// The worker outside of this process that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Leased>,
}

/// A job that is about to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDraft {
    /// The id that it will have.
    pub id: JobId,
    /// Its queue.
    pub queue: QueueName,
    /// What to do.
    pub task: Task,
    /// When to do it; at once when that has passed.
    pub due: Option<Timestamp>,
    /// Attempts allowed; the queue's own number when none is given.
    pub max_attempts: Option<u32>,
    /// How urgent it is: the lowest goes first, 0 where nothing else was asked for.
    pub priority: i32,
    /// What it concerns.
    pub key: Option<String>,
    /// Whether a handler of this process does it, where it is work.
    pub inside: bool,
}

impl Job {
    /// What it stands under in a trace; work stands for itself.
    #[must_use]
    pub const fn cause(&self) -> Option<Node> {
        match &self.task {
            Task::RunFlow { run, .. } => Some(Node::Run(*run)),
            Task::FireTrigger { event, .. } => Some(Node::Event(*event)),
            Task::ReadCall { .. } | Task::SyncVendor { .. } | Task::Work { .. } => None,
        }
    }

    /// Who does it.
    #[must_use]
    pub const fn side(&self) -> Side {
        if self.task.is_work() && !self.terms.inside { Side::Outside } else { Side::Inside }
    }

    /// Where the store has it among the jobs of its state.
    #[must_use]
    pub fn at(&self) -> Key {
        if self.state != JobState::Waiting {
            return keys::job_in(&self.queue, self.state.letter(), self.place, self.id);
        }
        let line = (&self.org_id, self.priority, self.key.as_deref().unwrap_or_default());
        keys::job_waiting(&self.queue, self.side(), line, self.place, self.id)
    }

    /// What the store has at that place: whose it is, where the key does not say so. One organisation's jobs are
    /// found by it among those of all, without reading these.
    #[must_use]
    pub fn whose(&self) -> Vec<u8> {
        if self.state == JobState::Waiting { Vec::new() } else { self.org_id.as_str().as_bytes().to_vec() }
    }

    /// The job as people see it: without what only its worker may know.
    #[must_use]
    pub fn shown(mut self) -> Self {
        if let Some(lease) = &mut self.lease {
            lease.token.clear();
        }
        self
    }
}

impl JobDraft {
    /// A job to be done at once. Flows take turns, so that the flood of one is in no other's way.
    #[must_use]
    pub fn new(id: JobId, queue: QueueName, task: Task) -> Self {
        let key = match &task {
            Task::RunFlow { flow, .. } | Task::FireTrigger { flow, .. } => Some(flow.as_str().to_owned()),
            Task::ReadCall { .. } | Task::SyncVendor { .. } | Task::Work { .. } => None,
        };
        Self { id, queue, task, due: None, max_attempts: None, priority: 0, key, inside: false }
    }

    /// The job that this draft makes of itself at `now`.
    #[must_use]
    pub fn into_job(self, org_id: OrgId, now: Timestamp, default_attempts: u32) -> Job {
        let delayed = self.due.filter(|&due| due > now);
        Job {
            id: self.id,
            queue: self.queue,
            org_id,
            task: self.task,
            state: if delayed.is_some() { JobState::Delayed } else { JobState::Waiting },
            place: delayed.unwrap_or(now).as_millis(),
            attempts: 0,
            interrupted: 0,
            max_attempts: self.max_attempts.unwrap_or(default_attempts).max(1),
            priority: self.priority,
            key: self.key,
            created: now,
            started: None,
            finished: None,
            last_error: None,
            cancelled_by: None,
            failed_reason: None,
            terms: Terms { inside: self.inside, ..Terms::default() },
            lease: None,
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It failed and may be tried again.
    Retry(String),
    /// It failed and trying again would not help.
    Fail(String),
    /// It failed, and is to be tried again after this long.
    RetryIn(String, Duration),
    /// Somebody called it off while it ran.
    Cancelled(String),
    /// Whoever did it was not heard of any more, which is no failure of the job.
    Interrupted(String),
    /// It is handed back, as if it had not been taken.
    Released,
}
