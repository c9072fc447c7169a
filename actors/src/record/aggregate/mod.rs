//! Aggregation pipelines: `$match $group $sort $limit $skip $project $count $unwind` (contract §3.2, §3.3).
//! Documents are pushed one by one and the caller may stop early, so that a store is read page by page; whatever a
//! stage must hold is bounded. Never reads a store itself.

mod accumulate;
mod exceeded;
mod expression;
mod group;
mod parse;
mod project;
mod run;
mod sorter;
mod unwind;

use serde_json::Value;

use super::{Limits, Problem, Query};
pub use exceeded::{Exceeded, PipelineError};
pub use run::{Demand, Run};
use run::{Stage, Step};

/// A parsed pipeline.
///
/// Expressions are literals, `"$path"` (which collects over arrays of objects; numbers in it are names), `"$$ROOT"`,
/// `{"$literal": …}`, and objects and arrays of expressions. Differences from MongoDB: those of `Query`; groups come
/// out in the order in which they were first seen, `$addToSet` in ascending order; results that are whole numbers are
/// written without a fraction.
#[derive(Debug, Clone)]
pub struct Pipeline {
    steps: Vec<Step>,
    limits: Limits,
}

impl Pipeline {
    /// Reads an array of stages such as `[{"$match": …}, {"$group": {"_id": "$state", "n": {"$sum": 1}}}]`.
    ///
    /// # Errors
    /// Every problem found, up to 20, with paths that begin with `pipeline`.
    pub fn parse(value: &Value, limits: &Limits) -> Result<Self, Vec<Problem>> {
        let steps = parse::steps(value, limits)?;
        Ok(Self { steps, limits: limits.clone() })
    }

    /// The filter that the pipeline begins with, for choosing an index. The run applies it too.
    pub fn leading_match(&self) -> Option<&Query> {
        match &self.steps.first()?.stage {
            Stage::Match(query) => Some(query),
            _ => None,
        }
    }

    /// Begins a run, to be fed by `push` and ended by `finish`.
    pub fn start(&self) -> Run {
        Run::new(self.steps.clone(), self.limits.clone())
    }

    /// Runs over documents that are at hand, reading no more of them than needed.
    ///
    /// # Errors
    /// The first bound that is exceeded.
    pub fn run(&self, documents: impl IntoIterator<Item = Value>) -> Result<Vec<Value>, PipelineError> {
        let mut run = self.start();
        for document in documents {
            if run.push(document)? == Demand::Nothing {
                break;
            }
        }
        run.finish()
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod tests;
