//! `check_field_value`: two branches by one comparison, flat in the config (contract §4.6).

use super::branches::Spellings;
use super::comparison::{Comparison, KEYS};
use super::{Condition, ConditionError, ConditionResult, reread};
use crate::flow::Map;
use crate::flow::definition::Branch;
use crate::form::problem::Problems;

const BRANCHES: Spellings = Spellings {
    passed: ["trueFlowId", "trueStepId", "thenStepId"],
    failed: ["falseFlowId", "falseStepId", "elseStepId"],
};

/// The condition `check_field_value`.
pub struct Handler;

impl Condition for Handler {
    fn kind(&self) -> &'static str {
        "check_field_value"
    }

    fn check(&self, config: &Map, problems: &mut Problems) {
        let branches: Vec<_> = BRANCHES.keys().collect();
        problems.only(config, &[&KEYS[..], &branches].concat());
        Comparison::read(config, problems);
        BRANCHES.read(config, problems);
    }

    fn branches(&self, config: &Map) -> Vec<Branch> {
        BRANCHES.read(config, &mut Problems::default()).steps()
    }

    fn evaluate(&self, config: &Map, variables: &Map) -> Result<ConditionResult, ConditionError> {
        let passed = reread(|problems| Comparison::read(config, problems))?.holds(variables)?;
        Ok(BRANCHES.read(config, &mut Problems::default()).choose(passed))
    }
}
