//! A run: documents go in one by one, pass through the stages, and come out or are held.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::exceeded::{Exceeded, Meter, PipelineError, weight};
use super::group::Grouper;
use super::project::Project;
use super::sorter::Sorter;
use super::unwind::Unwind;
use crate::record::{Limits, Query};

/// Whether more input can still change the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// It can.
    More,
    /// It cannot: a `$limit` is full.
    Nothing,
}

/// A stage with what it holds; as parsed, it holds nothing.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    Match(Arc<Query>),
    Project(Arc<Project>),
    Unwind(Arc<Unwind>),
    Group(Grouper),
    Sort(Sorter),
    /// How many may still pass.
    Limit(u64),
    /// How many are still to be left out.
    Skip(u64),
    Count {
        name: String,
        seen: u64,
    },
}

/// A stage and where it stands: `pipeline[1].$group`.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) at: String,
    pub(super) stage: Stage,
}

/// A pipeline at work. After an error it is to be dropped.
#[derive(Debug)]
pub struct Run {
    steps: Vec<Step>,
    sink: Sink,
    demand: Demand,
}

/// What the stages share.
#[derive(Debug)]
struct Sink {
    limits: Limits,
    held: Meter,
    unwound: usize,
    results: Vec<Value>,
}

impl Run {
    pub(super) fn new(steps: Vec<Step>, limits: Limits) -> Self {
        let sink = Sink { held: Meter::held(limits.held_bytes), unwound: 0, results: Vec::new(), limits };
        Self { steps, sink, demand: Demand::More }
    }

    /// Takes one document, and says whether another one is of any use.
    ///
    /// # Errors
    /// A bound that is exceeded.
    pub fn push(&mut self, document: Value) -> Result<Demand, PipelineError> {
        if self.demand == Demand::More {
            self.demand = feed(&mut self.steps, &mut self.sink, document)?;
        }
        Ok(self.demand)
    }

    /// The result.
    ///
    /// # Errors
    /// A bound that is exceeded by what was held until now.
    pub fn finish(mut self) -> Result<Vec<Value>, PipelineError> {
        close(&mut self.steps, &mut self.sink)?;
        Ok(self.sink.results)
    }
}

#[cfg(test)]
impl Run {
    /// Bytes held once all stages are empty.
    pub(super) fn close_and_weigh(mut self) -> usize {
        close(&mut self.steps, &mut self.sink).unwrap();
        self.sink.held.bytes()
    }
}

impl Sink {
    fn emit(&mut self, document: Value) -> Result<(), Exceeded> {
        if self.results.len() >= self.limits.results {
            return Err(Exceeded::Results(self.limits.results));
        }
        self.held.take(weight(&document))?;
        self.results.push(document);
        Ok(())
    }

    fn count_unwound(&mut self) -> Result<(), Exceeded> {
        self.unwound += 1;
        if self.unwound > self.limits.unwound { Err(Exceeded::Unwound(self.limits.unwound)) } else { Ok(()) }
    }
}

/// Sends one document through the stages, as far as it goes.
fn feed(steps: &mut [Step], sink: &mut Sink, document: Value) -> Result<Demand, PipelineError> {
    let Some((step, rest)) = steps.split_first_mut() else {
        return sink
            .emit(document)
            .map(|()| Demand::More)
            .map_err(|exceeded| PipelineError { at: "pipeline".to_owned(), exceeded });
    };
    let Step { at, stage } = step;
    let here = |exceeded| PipelineError { at: at.clone(), exceeded };
    match stage {
        Stage::Match(query) if query.matches(&document) => return feed(rest, sink, document),
        Stage::Match(_) => {}
        Stage::Project(project) => {
            let document = project.apply(document, sink.limits.document_bytes).map_err(here)?;
            return feed(rest, sink, document);
        }
        Stage::Unwind(unwind) => {
            for document in unwind.apply(document, sink.limits.document_bytes) {
                sink.count_unwound().map_err(here)?;
                if feed(rest, sink, document.map_err(here)?)? == Demand::Nothing {
                    return Ok(Demand::Nothing);
                }
            }
        }
        Stage::Group(grouper) => grouper.add(&document, &mut sink.held, &sink.limits).map_err(here)?,
        Stage::Sort(sorter) => sorter.add(document, &mut sink.held, &sink.limits).map_err(here)?,
        Stage::Count { seen, .. } => *seen += 1,
        Stage::Skip(0) => return feed(rest, sink, document),
        Stage::Skip(left) => *left -= 1,
        Stage::Limit(0) => return Ok(Demand::Nothing),
        Stage::Limit(left) => {
            *left -= 1;
            let full = *left == 0;
            let demand = feed(rest, sink, document)?;
            return Ok(if full { Demand::Nothing } else { demand });
        }
    }
    Ok(Demand::More)
}

/// Empties the stages from the first to the last, each into those behind it.
fn close(steps: &mut [Step], sink: &mut Sink) -> Result<(), PipelineError> {
    let Some((step, rest)) = steps.split_first_mut() else {
        return Ok(());
    };
    let held = match &mut step.stage {
        Stage::Group(grouper) => grouper.drain(&mut sink.held),
        Stage::Sort(sorter) => sorter.drain(&mut sink.held),
        Stage::Count { name, seen } if *seen > 0 => {
            vec![Value::Object(Map::from_iter([(name.clone(), Value::from(*seen))]))]
        }
        _ => Vec::new(),
    };
    for document in held {
        if feed(rest, sink, document)? == Demand::Nothing {
            break;
        }
    }
    close(rest, sink)
}
