//! `if_then`: two branches by one comparison. Its comparison is flat in the config, or an object or a text under
//! `condition` (contract §4.6).

use serde_json::Value;

use super::branches::Spellings;
use super::comparison::{Comparison, KEYS};
use super::{Condition, ConditionError, ConditionResult, reread};
use crate::flow::Map;
use crate::flow::definition::Branch;
use crate::form::fields::{present, shown};
use crate::form::problem::Problems;

const BRANCHES: Spellings = Spellings {
    passed: ["thenStepId", "trueStepId", "trueFlowId"],
    failed: ["elseStepId", "falseStepId", "falseFlowId"],
};

/// The condition `if_then`.
pub struct Handler;

impl Condition for Handler {
    fn kind(&self) -> &'static str {
        "if_then"
    }

    fn check(&self, config: &Map, problems: &mut Problems) {
        let branches: Vec<_> = BRANCHES.keys().collect();
        problems.only(config, &[&KEYS[..], &["condition"], &branches].concat());
        read(config, problems);
        BRANCHES.read(config, problems);
    }

    fn branches(&self, config: &Map) -> Vec<Branch> {
        BRANCHES.read(config, &mut Problems::default()).steps()
    }

    fn evaluate(&self, config: &Map, variables: &Map) -> Result<ConditionResult, ConditionError> {
        let passed = reread(|problems| read(config, problems))?.holds(variables)?;
        Ok(BRANCHES.read(config, &mut Problems::default()).choose(passed))
    }
}

fn read(config: &Map, problems: &mut Problems) -> Option<Comparison> {
    let Some(condition) = present(config, "condition") else { return Comparison::read(config, problems) };
    for key in KEYS.into_iter().filter(|key| present(config, key).is_some()) {
        problems.add(key, "stands beside `condition`; keep one of the two");
    }
    match condition {
        Value::Object(fields) => problems.within("condition", |problems| {
            problems.only(fields, &KEYS);
            Comparison::read(fields, problems)
        }),
        Value::String(text) => Comparison::read_expression(text, problems),
        other => {
            let found = shown(other);
            problems.add(
                "condition",
                format_args!(
                    "is {found}; expected {{field, operator, value}} or a text such as {{{{menuSelection}}}} === '1'"
                ),
            );
            None
        }
    }
}
