//! A job: a promise to do something, kept in the store until it is done. It carries ids, not payloads.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lines::Shares;
use super::retention::Keep;
use crate::clock::Timestamp;
use crate::ids::{EventId, JobId, OrgId, QueueName, RecordId, RunId};
use crate::keys::{self, Node};
use crate::store::Key;

/// What a job is to do. The version in the name lets old jobs be read by new programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all_fields = "camelCase")]
pub enum Task {
    /// Take a run from where it stands to its next pause or its end.
    #[serde(rename = "flow.run.v1")]
    RunFlow {
        /// The flow.
        flow: RecordId,
        /// The run.
        run: RunId,
    },
    /// See whether an event that watches the data fires a flow, and start the run if so.
    #[serde(rename = "flow.trigger.v1")]
    FireTrigger {
        /// The flow.
        flow: RecordId,
        /// The trigger within it.
        trigger: String,
        /// The event.
        event: EventId,
        /// How many runs stand beside the one that it may start: see [`Run::breadth`](crate::flow::run::Run).
        #[serde(default = "one")]
        breadth: u32,
    },
}

const fn one() -> u32 {
    1
}

impl Task {
    /// The task's name for logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RunFlow { .. } => "flow.run.v1",
            Self::FireTrigger { .. } => "flow.trigger.v1",
        }
    }
}

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
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Delayed, Self::Active, Self::Completed, Self::Failed];

    /// The letter that stands for the state in keys.
    #[must_use]
    pub const fn letter(self) -> u8 {
        match self {
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
}

impl Job {
    /// What it stands under in a trace.
    #[must_use]
    pub const fn cause(&self) -> Node {
        match &self.task {
            Task::RunFlow { run, .. } => Node::Run(*run),
            Task::FireTrigger { event, .. } => Node::Event(*event),
        }
    }

    /// Where the store has it among the jobs of its state.
    #[must_use]
    pub fn at(&self) -> Key {
        if self.state != JobState::Waiting {
            return keys::job_in(&self.queue, self.state.letter(), self.place, self.id);
        }
        let key = self.key.as_deref().unwrap_or_default();
        keys::job_waiting(&self.queue, (&self.org_id, self.priority, key), self.place, self.id)
    }
}

impl JobDraft {
    /// A job to be done at once. Flows take turns, so that the flood of one is in no other's way.
    #[must_use]
    pub fn new(id: JobId, queue: QueueName, task: Task) -> Self {
        let (Task::RunFlow { flow, .. } | Task::FireTrigger { flow, .. }) = &task;
        let key = Some(flow.as_str().to_owned());
        Self { id, queue, task, due: None, max_attempts: None, priority: 0, key }
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
    /// Somebody called it off while it ran.
    Cancelled(String),
}

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
    pub backoff: crate::retry::Backoff,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Of these jobs, how many may be of one organisation, and of one key.
    pub shares: Shares,
    /// What is kept of the jobs that came to their end.
    pub keep: Keep,
}
