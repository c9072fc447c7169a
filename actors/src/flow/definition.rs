//! A flow as it is stored: the contract's canonical form (§4.1), whichever dialect it came in.
//! Only shapes and look-ups; [`super::parse`] decides what may become one.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Map;
use super::error_handling::ErrorHandling;

/// Keys of a step's config that belong to the runner. The checks of actions and conditions get a config without them.
pub const RESERVED: [&str; 3] = ["actionType", "conditionType", "retry"];

/// What happens, when, and in which order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flow {
    /// 1 to 200 characters.
    pub name: String,
    /// At most 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it is in its life; only an active flow fires.
    pub status: FlowStatus,
    /// A switch beside the status: a flow that is off does not fire.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// What starts it; none when it is only started by hand.
    #[serde(default)]
    pub triggers: Vec<Trigger>,
    /// What it does: at least one step.
    pub steps: Vec<Step>,
    /// Its settings.
    #[serde(default)]
    pub settings: Settings,
    /// What a step's failure means, unless the step says otherwise.
    #[serde(default)]
    pub error_handling: ErrorHandling,
    /// Every other key that the client sent, such as an editor's own fields.
    #[serde(flatten)]
    pub extra: Map,
}

/// Where a flow is in its life: the union of the contract's two lists (§13.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowStatus {
    /// Being written.
    Draft,
    /// Fires.
    Active,
    /// Switched off.
    Inactive,
    /// Deleted, but still readable.
    Archived,
    /// Runs by hand only.
    Testing,
}

/// What starts a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trigger {
    /// Unique among the flow's triggers.
    pub id: String,
    /// One of [`super::trigger::BUILT_IN`] by its canonical name.
    #[serde(rename = "type")]
    pub kind: String,
    /// What people call it.
    pub name: String,
    /// What its type asks for.
    #[serde(default)]
    pub config: Map,
    /// Whether it may start the flow.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Where a run begins; the first step when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step_id: Option<String>,
    /// A query over the variables of the run to be; the trigger fires only where it matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
    /// Every other key that the client sent.
    #[serde(flatten)]
    pub extra: Map,
}

/// One thing that a run does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Unique among the flow's steps.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// A step that is off is passed over.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// What sort of step it is.
    #[serde(rename = "type")]
    pub kind: StepKind,
    /// What its action or condition asks for, with the name of that action or condition.
    #[serde(default)]
    pub config: Map,
    /// Where the run goes on; it ends when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step_id: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Every other key that the client sent, such as its place on a canvas.
    #[serde(flatten)]
    pub extra: Map,
}

/// What sort of step it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// Does what `config.actionType` names.
    Action,
    /// Chooses a branch by `config.conditionType`.
    Condition,
    /// Pauses the run: an action, `delay` unless `config.actionType` names another.
    Wait,
    /// An editor's picture of the trigger; a run passes through it.
    Trigger,
    /// Ends the run.
    End,
}

/// A flow's settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// What stops flows that set each other off (contract §4.8).
    #[serde(default)]
    pub circular_prevention: CircularPrevention,
    /// Every other key that the client sent.
    #[serde(flatten)]
    pub extra: Map,
}

/// What stops flows that set each other off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CircularPrevention {
    /// Whether the chain of causes is looked at.
    pub enabled: bool,
    /// The longest chain of runs that cause each other, the flow's own run included: 1 to 100.
    pub max_depth: u32,
}

impl Default for CircularPrevention {
    fn default() -> Self {
        Self { enabled: true, max_depth: 5 }
    }
}

/// A step that the config of another one names, as a condition names its branches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Where the config names it, as a path within the config: `elseStepId`.
    pub key: String,
    /// The step's id.
    pub step_id: String,
}

impl Flow {
    /// Whether events start it.
    #[must_use]
    pub fn fires(&self) -> bool {
        self.status == FlowStatus::Active && self.enabled
    }

    /// The step with this id.
    #[must_use]
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The longest chain of runs that cause each other, this flow's own included; none when it does not look.
    #[must_use]
    pub fn max_depth(&self) -> Option<u32> {
        let guard = self.settings.circular_prevention;
        guard.enabled.then_some(guard.max_depth)
    }

    /// What the failure of `step` means: the flow's rules, overridden by the step's `config.retry` (contract §14).
    #[must_use]
    pub fn error_handling_of(&self, step: &Step) -> ErrorHandling {
        match step.config.get("retry").and_then(Value::as_object) {
            Some(own) => self.error_handling.overridden_by(own),
            None => self.error_handling.clone(),
        }
    }
}

impl FlowStatus {
    /// All of them by name.
    pub const ALL: [(&str, Self); 5] = [
        ("draft", Self::Draft),
        ("active", Self::Active),
        ("inactive", Self::Inactive),
        ("archived", Self::Archived),
        ("testing", Self::Testing),
    ];
}

impl StepKind {
    /// All of them by name.
    pub const ALL: [(&str, Self); 5] = [
        ("action", Self::Action),
        ("condition", Self::Condition),
        ("wait", Self::Wait),
        ("trigger", Self::Trigger),
        ("end", Self::End),
    ];

    /// The key of the config that names what such a step does; none when there is nothing to name.
    #[must_use]
    pub fn handler_key(self) -> Option<&'static str> {
        match self {
            Self::Action | Self::Wait => Some("actionType"),
            Self::Condition => Some("conditionType"),
            Self::Trigger | Self::End => None,
        }
    }
}

impl Step {
    /// The action or condition that carries the step out; empty for steps of type `trigger` and `end`.
    #[must_use]
    pub fn handler(&self) -> &str {
        let key = self.kind.handler_key();
        key.and_then(|key| self.config.get(key)).and_then(Value::as_str).unwrap_or_default()
    }
}

fn yes() -> bool {
    true
}
