//! Conditions: steps that choose where a run goes on (contract §4.6). Each is one file here and one line in the
//! list below; parsing and runs find it by its name.

mod branches;
mod comparison;
mod expression;

use super::Map;
use super::definition::{Branch, Step};
use super::operator::OperatorError;
use crate::form::problem::{Problem, Problems};
use crate::form::template::TemplateError;

macro_rules! conditions {
    ($($name:ident),* $(,)?) => {
        $(mod $name;)*

        /// Every condition.
        pub const ALL: &[&dyn Condition] = &[$(&$name::Handler),*];
    };
}

conditions! {
    always_execute,
    check_field_value,
    if_then,
}

/// A way to choose.
pub trait Condition: Sync {
    /// Its name: what `config.conditionType` says.
    fn kind(&self) -> &'static str;

    /// Notes everything that could not work, at paths within `config`, which is without [`super::definition::RESERVED`].
    fn check(&self, config: &Map, problems: &mut Problems);

    /// The steps that a config names as branches.
    fn branches(&self, config: &Map) -> Vec<Branch>;

    /// Chooses for a run that has these variables.
    ///
    /// # Errors
    /// A value that only the run knows is of no use, such as a regular expression out of a placeholder.
    fn evaluate(&self, config: &Map, variables: &Map) -> Result<ConditionResult, ConditionError>;
}

/// What a condition chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionResult {
    /// Whether it held.
    pub passed: bool,
    /// The step of the branch that was chosen, where the config names one.
    pub next_step_id: Option<String>,
}

impl ConditionResult {
    /// Where the run goes on after `step`: at the branch; without one at the step's `nextStepId` when it held,
    /// and nowhere when it did not.
    #[must_use]
    pub fn next<'s>(&'s self, step: &'s Step) -> Option<&'s str> {
        let unnamed = if self.passed { step.next_step_id.as_deref() } else { None };
        self.next_step_id.as_deref().or(unnamed)
    }
}

/// Why a condition cannot choose.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// Its config is not what [`Condition::check`] accepts.
    #[error("evaluate a condition whose config is wrong: {0}")]
    Config(String),
    /// A placeholder cannot be filled in.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The value to compare with is of no use.
    #[error("compare: the value {0}")]
    Operator(#[from] OperatorError),
}

/// The condition with this name.
#[must_use]
pub fn find(kind: &str) -> Option<&'static dyn Condition> {
    ALL.iter().find(|condition| condition.kind() == kind).copied()
}

/// Reads a config again in a run, with the same reader that checked it.
fn reread<T>(read: impl FnOnce(&mut Problems) -> Option<T>) -> Result<T, ConditionError> {
    let mut problems = Problems::default();
    let found = read(&mut problems);
    let why =
        |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    problems.or(()).map_err(|problems| ConditionError::Config(why(problems)))?;
    found.ok_or_else(|| ConditionError::Config("it is incomplete".to_owned()))
}

#[cfg(test)]
mod tests;
