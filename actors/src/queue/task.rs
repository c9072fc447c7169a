//! What jobs do: the program's own tasks, and work that an organisation adds.

use serde::{Deserialize, Serialize};

use crate::ids::{CallId, EventId, IntegrationId, RecordId, RunId};

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
    /// Read a call of a vendor, and tell what it means.
    #[serde(rename = "vendor.call.v1")]
    ReadCall {
        /// The call.
        call: CallId,
    },
    /// Read what a vendor does not tell by itself, and add the job that does so next.
    #[serde(rename = "vendor.sync.v1")]
    SyncVendor {
        /// By what it is read.
        integration: IntegrationId,
    },
    /// Work of an organisation's own, done by whoever knows its kind: see [`add`](super::add).
    #[serde(rename = "job.v1")]
    Work {
        /// What kind of work it is.
        kind: String,
    },
}

/// The longest name of a kind of work, in characters.
pub const LONGEST_KIND: usize = 128;

/// Whether a text may name a kind of work: letters, digits, `.`, `_` and `-`.
#[must_use]
pub fn is_kind(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !text.is_empty() && text.len() <= LONGEST_KIND && text.chars().all(plain)
}

const fn one() -> u32 {
    1
}

impl Task {
    /// Whether it is an organisation's own work.
    #[must_use]
    pub const fn is_work(&self) -> bool {
        matches!(self, Self::Work { .. })
    }

    /// The task's name for logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RunFlow { .. } => "flow.run.v1",
            Self::FireTrigger { .. } => "flow.trigger.v1",
            Self::ReadCall { .. } => "vendor.call.v1",
            Self::SyncVendor { .. } => "vendor.sync.v1",
            Self::Work { .. } => "job.v1",
        }
    }
}
