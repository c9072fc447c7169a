//! `always_execute`: always passes, on to the step's `nextStepId` (contract §4.6).

use super::{Condition, ConditionError, ConditionResult};
use crate::flow::Map;
use crate::flow::definition::Branch;
use crate::form::problem::Problems;

/// The condition `always_execute`.
pub struct Handler;

impl Condition for Handler {
    fn kind(&self) -> &'static str {
        "always_execute"
    }

    fn check(&self, config: &Map, problems: &mut Problems) {
        problems.only(config, &[]);
    }

    fn branches(&self, _: &Map) -> Vec<Branch> {
        Vec::new()
    }

    fn evaluate(&self, _: &Map, _: &Map) -> Result<ConditionResult, ConditionError> {
        Ok(ConditionResult { passed: true, next_step_id: None })
    }
}
