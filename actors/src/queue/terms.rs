//! What whoever adds work may want for it, beside a time and a place in the queue; and who has it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::JobId;
use crate::retry::Backoff;

/// What is wanted for one job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Terms {
    /// Whether a handler of this process does it.
    #[serde(skip_serializing_if = "is_false")]
    pub inside: bool,
    /// When it is to be done, once nothing else is in its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_at: Option<Timestamp>,
    /// How long one attempt may take, in milliseconds, however often its worker says that it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Pauses between its attempts; the queue's own where none are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Backoff>,
    /// What no second job may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<Held>,
    /// The jobs that must end before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<JobId>,
    /// What becomes of it when one of them is given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_dependency_failure: Option<OnFailure>,
    /// Whether it was passed over, since a job that it waited for was given up.
    #[serde(skip_serializing_if = "is_false")]
    pub skipped: bool,
    /// Whether it was begun before: then there may be a cursor.
    #[serde(skip_serializing_if = "is_false")]
    pub begun: bool,
}

// By reference, as serde asks for it.
#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Terms {
    /// Whether nothing is wanted.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The terms of a job that was begun: what it held until then it holds no more.
    #[must_use]
    pub fn after_begin(mut self) -> Self {
        self.begun = true;
        self.unique = self.unique.filter(|held| held.until != Until::Started);
        self
    }

    /// How long one attempt may take.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout_ms.map(Duration::from_millis)
    }
}

/// A unique key that a job holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The key.
    pub key: String,
    /// Until when in its life.
    pub until: Until,
    /// When it lets go of it in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// How long in its life a job holds a unique key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// Until it is first begun.
    Started,
    /// Until nothing more happens to it.
    #[default]
    Finished,
}

/// What becomes of a job when one that it waits for is given up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// It is given up too.
    #[default]
    Fail,
    /// It counts as done, without having been.
    Skip,
    /// It runs all the same.
    Free,
}

/// A worker outside of this process has a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leased {
    /// What the worker calls itself.
    pub worker: String,
    /// What it must show to say anything about the job.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// How long the job is its own after each sign of life, in milliseconds.
    pub length_ms: u64,
}
