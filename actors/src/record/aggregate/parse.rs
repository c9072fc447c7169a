//! From JSON to stages.

use std::sync::Arc;

use serde_json::Value;

use super::expression::Parser;
use super::run::{Stage, Step};
use super::sorter::Sorter;
use crate::record::fields::whole;
use crate::record::problem::kind;
use crate::record::{Limits, Problem, Query, Sort};

const KNOWN: &str = "$match, $group, $sort, $limit, $skip, $project, $count, $unwind";

pub(super) fn steps(value: &Value, limits: &Limits) -> Result<Vec<Step>, Vec<Problem>> {
    let mut parser = Parser::new(limits);
    let mut steps = Vec::new();
    match value {
        Value::Array(stages) if stages.len() > limits.stages => {
            parser.problems.add("pipeline", format_args!("has more than {} stages", limits.stages));
        }
        Value::Array(stages) => {
            for (index, stage) in stages.iter().enumerate() {
                steps.extend(parser.step(&format!("pipeline[{index}]"), stage));
            }
        }
        other => {
            parser.problems.add("pipeline", format_args!("must be an array of stages, not {}", kind(other)));
        }
    }
    plan_sorts(&mut steps);
    parser.problems.or(steps)
}

/// Tells every `$sort` that a `$limit` follows how many documents it needs to keep.
fn plan_sorts(steps: &mut [Step]) {
    let mut keep: Option<u64> = None;
    for step in steps.iter_mut().rev() {
        match &mut step.stage {
            Stage::Limit(limit) => keep = Some(keep.map_or(*limit, |keep| keep.min(*limit))),
            Stage::Skip(skip) => keep = keep.map(|keep| keep.saturating_add(*skip)),
            Stage::Sort(sorter) => {
                sorter.keep = keep.take().map(|keep| usize::try_from(keep).unwrap_or(usize::MAX));
            }
            // One for one, so that a `$limit` behind it limits what comes before it as well.
            Stage::Project(_) => {}
            Stage::Match(_) | Stage::Unwind(_) | Stage::Group(_) | Stage::Count { .. } => {
                keep = None;
            }
        }
    }
}

impl Parser<'_> {
    fn step(&mut self, at: &str, value: &Value) -> Option<Step> {
        let mut names = value.as_object().into_iter().flatten();
        let (Some((name, value)), None) = (names.next(), names.next()) else {
            self.problems.add(at, format_args!("must be an object with one stage: known are {KNOWN}"));
            return None;
        };
        let at = format!("{at}.{name}");
        let stage = match name.as_str() {
            "$match" => self.matching(&at, value)?,
            "$group" => Stage::Group(self.group(&at, value)?),
            "$sort" => self.sorting(&at, value)?,
            "$limit" => Stage::Limit(self.number(&at, value, 1)?),
            "$skip" => Stage::Skip(self.number(&at, value, 0)?),
            "$project" => Stage::Project(Arc::new(self.project(&at, value)?)),
            "$count" => self.counting(&at, value)?,
            "$unwind" => Stage::Unwind(Arc::new(self.unwind(&at, value)?)),
            name => {
                self.problems.add(&at, format_args!("unknown stage `{name}`: known are {KNOWN}"));
                return None;
            }
        };
        Some(Step { at, stage })
    }

    fn matching(&mut self, at: &str, value: &Value) -> Option<Stage> {
        let query = Query::parse_at(at, value, self.limits);
        query
            .map(|query| Stage::Match(Arc::new(query)))
            .map_err(|problems| self.problems.extend(problems))
            .ok()
    }

    fn sorting(&mut self, at: &str, value: &Value) -> Option<Stage> {
        if value.as_object().is_none_or(serde_json::Map::is_empty) {
            self.problems.add(at, "must be an object such as {\"createdate\": -1}");
            return None;
        }
        let sort = Sort::parse_at(at, value, None);
        sort.map(|sort| Stage::Sort(Sorter::new(sort)))
            .map_err(|problems| self.problems.extend(problems))
            .ok()
    }

    fn number(&mut self, at: &str, value: &Value, least: u64) -> Option<u64> {
        let found = whole(value).filter(|number| *number >= least);
        if found.is_none() {
            self.problems.add(at, format_args!("must be a whole number from {least}"));
        }
        found
    }

    fn counting(&mut self, at: &str, value: &Value) -> Option<Stage> {
        let Some(name) = value.as_str() else {
            self.problems
                .add(at, format_args!("must be the name of the field for the count, not {}", kind(value)));
            return None;
        };
        self.name(at, name)?;
        Some(Stage::Count { name: name.to_owned(), seen: 0 })
    }
}
