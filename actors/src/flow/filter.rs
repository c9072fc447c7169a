//! The query language as the filter of triggers.

use serde_json::Value;

use super::trigger::Filter;
use crate::form::problem::Problem;
use crate::record::{Limits, Query};

impl Filter for Query {
    fn compile(query: &Value) -> Result<Self, Vec<Problem>> {
        let refused = |problem: crate::record::Problem| {
            // The query's own paths begin with its name; the flow's reader knows where it stands.
            let path = problem.path.strip_prefix("query").unwrap_or(&problem.path);
            Problem {
                path: path.trim_start_matches('.').to_owned(),
                message: problem.message,
                forbidden: false,
            }
        };
        Self::parse(query, &Limits::default()).map_err(|found| found.into_iter().map(refused).collect())
    }

    fn matches(&self, document: &Value) -> bool {
        Self::matches(self, document)
    }
}
