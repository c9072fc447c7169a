//! The two ways on from a condition, under any of their spellings. All of them name steps.

use super::ConditionResult;
use crate::flow::Map;
use crate::flow::definition::Branch;
use crate::form::problem::Problems;

/// How a condition spells its branches; the first spelling of each is the documented one.
pub(super) struct Spellings {
    pub(super) passed: [&'static str; 3],
    pub(super) failed: [&'static str; 3],
}

/// The branches that a config names.
pub(super) struct Branches {
    passed: Option<(&'static str, String)>,
    failed: Option<(&'static str, String)>,
}

impl Spellings {
    /// Every key that may name a branch.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.passed.into_iter().chain(self.failed)
    }

    /// The branches that `config` names.
    pub(super) fn read(&self, config: &Map, problems: &mut Problems) -> Branches {
        Branches { passed: one(config, self.passed, problems), failed: one(config, self.failed, problems) }
    }
}

impl Branches {
    /// The steps that they are.
    pub(super) fn steps(self) -> Vec<Branch> {
        let branch = |(key, step_id): (&str, String)| Branch { key: key.to_owned(), step_id };
        self.passed.into_iter().chain(self.failed).map(branch).collect()
    }

    /// The branch for `passed`.
    pub(super) fn choose(self, passed: bool) -> ConditionResult {
        let branch = if passed { self.passed } else { self.failed };
        ConditionResult { passed, next_step_id: branch.map(|(_, id)| id) }
    }
}

fn one(config: &Map, keys: [&'static str; 3], problems: &mut Problems) -> Option<(&'static str, String)> {
    let mut found: Option<(&'static str, String)> = None;
    for key in keys {
        let Some(id) = problems.id(config, key) else { continue };
        match &found {
            Some((first, other)) if other != id => {
                problems.add(key, format_args!("is `{id}`, but `{first}` names `{other}`; keep one of them"));
            }
            Some(_) => {}
            None => found = Some((key, id.to_owned())),
        }
    }
    found
}
