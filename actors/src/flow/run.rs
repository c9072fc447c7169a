//! A run of a flow and the steps it took: what an operator reads, and all that a restart needs.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::event::Cause;
use crate::ids::{EventId, OrgId, RecordId, RunId};

/// Where a run stands (contract §4.1, `automation_execution`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Made, not begun.
    Pending,
    /// Between two steps.
    Running,
    /// Paused until a moment.
    Waiting,
    /// At its end.
    Completed,
    /// Stopped by an error.
    Failed,
    /// Stopped by a person, or by the guard against loops.
    Cancelled,
}

impl RunStatus {
    /// Whether nothing more happens to the run.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for RunStatus {
    /// The wire's word for it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        })
    }
}

/// One walk through a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Its id: the contract's `executionId`.
    pub id: RunId,
    /// Whose it is.
    pub org_id: OrgId,
    /// The flow: the contract's `automationId`.
    pub automation_id: RecordId,
    /// The version of the flow that it follows to its end.
    pub flow_version: u64,
    /// Where it stands.
    pub status: RunStatus,
    /// The trigger that fired; none when it was started by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// The event that fired it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// What led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// How many runs stand between it and the outside, itself included.
    pub depth: u32,
    /// How many runs may stand beside it because of the same event from outside: the product of all that was
    /// started at once on the way to it. What stops storms.
    #[serde(default = "one")]
    pub breadth: u32,
    /// Steps so far that wrote or published something.
    #[serde(default)]
    pub effects: u32,
    /// Who started it by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executed_by: Option<String>,
    /// What placeholders and conditions see. Empty until the run begins; then the trigger's variables
    /// and what the steps returned.
    #[serde(default)]
    pub variables: Map<String, Value>,
    /// The step to take next; none before the first and after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
    /// Steps taken, in order.
    #[serde(default)]
    pub completed_steps: Vec<String>,
    /// Steps tried so far, counting repeats: numbers the step records.
    #[serde(default)]
    pub step_count: u32,
    /// Failed attempts at the next step.
    #[serde(default)]
    pub step_failures: u32,
    /// Steps in the flow.
    #[serde(default)]
    pub total_steps: usize,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it took its first step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When a paused run goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumes_at: Option<Timestamp>,
    /// When it came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// What stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
}

/// What stopped a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunError {
    /// In words.
    pub message: String,
    /// The step it happened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_id: Option<String>,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepStatus {
    /// It did what it says.
    Completed,
    /// It did not; `error` says why.
    Failed,
    /// It is switched off.
    Skipped,
}

/// One step as a run took it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepRecord {
    /// The step in the flow.
    pub step_id: String,
    /// Its name.
    pub name: String,
    /// `send_webhook`, `if_then` and so on.
    pub handler: String,
    /// How it ended.
    pub status: StepStatus,
    /// Which attempt at this step it was, from 1.
    pub attempt: u32,
    /// Its configuration with placeholders filled in.
    pub input: Value,
    /// What it returned.
    pub output: Value,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; the difference is what it took.
    pub completed_at: Timestamp,
}

/// What a run is made of before it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct RunDraft {
    /// The id that it will have.
    pub id: RunId,
    /// The flow.
    pub flow: RecordId,
    /// The version to follow.
    pub flow_version: u64,
    /// The trigger that fired.
    pub trigger: Option<String>,
    /// The event that fired it.
    pub event: Option<EventId>,
    /// Who started it by hand.
    pub executed_by: Option<String>,
    /// Variables given by hand.
    pub variables: Map<String, Value>,
    /// The step to begin with, where it is not the first.
    pub start_step: Option<String>,
    /// Set when the guard against loops stops the run before its first step.
    pub stopped: Option<String>,
}

/// Where a run stands among all that came of one event from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lineage {
    /// Runs in a row, this one included.
    pub depth: u32,
    /// Runs that may stand beside it.
    pub breadth: u32,
}

const fn one() -> u32 {
    1
}

impl RunDraft {
    /// The run that this draft makes of itself.
    #[must_use]
    pub fn into_run(self, org_id: OrgId, cause: Option<Cause>, lineage: Lineage, now: Timestamp) -> Run {
        let stopped = self.stopped.map(|message| RunError { message, step_id: None });
        Run {
            id: self.id,
            org_id,
            automation_id: self.flow,
            flow_version: self.flow_version,
            status: if stopped.is_some() { RunStatus::Cancelled } else { RunStatus::Pending },
            trigger: self.trigger,
            event: self.event,
            cause,
            depth: lineage.depth,
            breadth: lineage.breadth,
            effects: 0,
            executed_by: self.executed_by,
            variables: self.variables,
            next_step: self.start_step,
            completed_steps: Vec::new(),
            step_count: 0,
            step_failures: 0,
            total_steps: 0,
            created_at: now,
            started_at: None,
            resumes_at: None,
            completed_at: stopped.is_some().then_some(now),
            error: stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_name_a_status_as_the_wire_does() {
        use RunStatus::{Cancelled, Completed, Failed, Pending, Running, Waiting};
        for status in [Pending, Running, Waiting, Completed, Failed, Cancelled] {
            assert_eq!(serde_json::json!(status), status.to_string());
        }
    }
}
