//! What a queue hears from workers outside of this process.

use std::time::Duration;

use actix::Message;
use tokio::sync::mpsc;

use super::NotLeased;
use crate::clock::Timestamp;
use crate::ids::{JobId, OrgId};
use crate::queue::job::{Job, Outcome};
pub use crate::queue::parts::Said;
use crate::store::StoreError;

/// Asks for jobs to do: see [`take`](super::take).
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Claim {
    /// What is asked for.
    pub(super) ask: Ask,
    /// Where the answer goes. Jobs for somebody who is gone go back.
    pub(super) answer: mpsc::Sender<Vec<Job>>,
}

/// What a worker asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Whose jobs.
    pub org: OrgId,
    /// What the worker calls itself.
    pub worker: String,
    /// So many at most.
    pub most: usize,
    /// How long they are its own after each sign of life.
    pub length: Duration,
    /// How long to wait for the first one.
    pub wait: Duration,
}

/// The worker that has a job lives. Answered with the moment until which the job is its own.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Timestamp, NotLeased>")]
pub struct Beat {
    /// The job.
    pub id: JobId,
    /// What it was given with.
    pub token: String,
    /// How long it is its own from now on; as long as it was, where nothing is said.
    pub length: Option<Duration>,
}

/// The worker that has a job says something about it, which is a sign of life too.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), NoteError>")]
pub struct Note {
    /// The job.
    pub id: JobId,
    /// What it was given with.
    pub token: String,
    /// What is said.
    pub what: Said,
}

/// The worker that has a job says how it ended. Answered when that is on the disk, with the job.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Job, NoteError>")]
pub struct Settle {
    /// The job.
    pub id: JobId,
    /// What it was given with.
    pub token: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What came of it.
    pub result: Option<serde_json::Value>,
}

/// Why what a worker says was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It does not have the job.
    #[error(transparent)]
    NotLeased(#[from] NotLeased),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
