//! Checks how the parts of a flow refer to each other: ids are unique, references lead somewhere, and a run can
//! reach every step (contract §4.2, validate).

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::{Catalog, Placed};
use crate::flow::condition;
use crate::flow::definition::{Step, StepKind, Trigger};
use crate::flow::error_handling::ErrorHandling;
use crate::form::problem::Problems;
use crate::form::quoted;

/// A reference to a step, and where the client's body has it.
struct Link {
    path: String,
    id: String,
}

/// Notes duplicate ids, references to steps that are not there, and steps that no run can reach.
pub(super) fn check(
    triggers: &[Placed<Trigger>],
    steps: &[Placed<Step>],
    handling: &ErrorHandling,
    catalog: &dyn Catalog,
    problems: &mut Problems,
) {
    let before = problems.count();
    unique(triggers, problems);
    let known = unique(steps, problems);
    let entries: Vec<_> = entries(triggers, handling).collect();
    let onward: Vec<_> = steps.iter().map(|placed| onward(placed, catalog)).collect();
    for link in entries.iter().chain(onward.iter().flatten()) {
        if !known.contains_key(link.id.as_str()) {
            let ids = quoted(steps.iter().filter_map(|placed| placed.id.as_deref()));
            problems.add(&link.path, format_args!("is `{}`, which is no step; the steps are {ids}", link.id));
        }
    }
    // Where a step or reference is broken already, calling others unreachable would accuse the wrong ones.
    if problems.count() == before && steps.iter().all(|placed| placed.item.is_some()) {
        reachable(steps, &known, &entries, &onward, problems);
    }
}

/// Notes ids that are given twice; returns where each id is.
fn unique<'p, T>(all: &'p [Placed<T>], problems: &mut Problems) -> HashMap<&'p str, usize> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (at, placed) in all.iter().enumerate() {
        let Some(id) = placed.id.as_deref() else { continue };
        match known.get(id).and_then(|first| all.get(*first)) {
            Some(first) => problems.add(
                &format!("{}.id", placed.path),
                format_args!("is `{id}`, the id of `{}` too; give each its own", first.path),
            ),
            None => {
                known.insert(id, at);
            }
        }
    }
    known
}

/// Where runs begin, beside the first step, and where failed ones go on.
fn entries(triggers: &[Placed<Trigger>], handling: &ErrorHandling) -> impl Iterator<Item = Link> {
    let triggers = triggers.iter().filter_map(|placed| {
        let id = placed.item.as_ref()?.next_step_id.clone()?;
        Some(Link { path: format!("{}.nextStepId", placed.path), id })
    });
    // Named is enough: a step may go there by an `onError` of its own.
    let path = || "errorHandling.gotoStepId".to_owned();
    triggers.chain(handling.goto_step_id.clone().map(|id| Link { path: path(), id }))
}

/// Where a step may lead.
fn onward(placed: &Placed<Step>, catalog: &dyn Catalog) -> Vec<Link> {
    let Some(step) = &placed.item else { return Vec::new() };
    let path = &placed.path;
    let branches = match step.kind {
        StepKind::Condition => condition::find(step.handler())
            .map(|condition| condition.branches(&step.config))
            .unwrap_or_default(),
        StepKind::Action | StepKind::Wait => catalog.action_branches(step.handler(), &step.config),
        StepKind::Trigger | StepKind::End => Vec::new(),
    };
    let named = branches
        .into_iter()
        .map(|branch| Link { path: format!("{path}.config.{}", branch.key), id: branch.step_id });
    let next = step.next_step_id.iter().map(|id| Link { path: format!("{path}.nextStepId"), id: id.clone() });
    let retry = step.config.get("retry").and_then(|retry| retry.get("gotoStepId")).and_then(Value::as_str);
    let retry = retry.map(|id| Link { path: format!("{path}.config.retry.gotoStepId"), id: id.to_owned() });
    next.chain(named).chain(retry).collect()
}

fn reachable(
    steps: &[Placed<Step>],
    known: &HashMap<&str, usize>,
    entries: &[Link],
    onward: &[Vec<Link>],
    problems: &mut Problems,
) {
    let place = |link: &Link| known.get(link.id.as_str()).copied();
    let mut waiting: Vec<usize> = [0].into_iter().chain(entries.iter().filter_map(place)).collect();
    let mut reached = HashSet::new();
    while let Some(at) = waiting.pop() {
        if reached.insert(at) {
            waiting.extend(onward.get(at).into_iter().flatten().filter_map(place));
        }
    }
    let mut earlier: Option<&Placed<Step>> = None;
    for (at, placed) in steps.iter().enumerate() {
        if !reached.contains(&at) {
            problems.add(&placed.path, advice(placed, earlier));
        }
        earlier = Some(placed);
    }
}

/// What to set so that a run reaches the step.
fn advice(orphan: &Placed<Step>, earlier: Option<&Placed<Step>>) -> String {
    let id = orphan.id.as_deref().unwrap_or_default();
    let open = |placed: &&Placed<Step>| {
        placed.item.as_ref().is_some_and(|step| {
            step.next_step_id.is_none() && !matches!(step.kind, StepKind::End | StepKind::Condition)
        })
    };
    match earlier.filter(open) {
        Some(earlier) => format!(
            "is never reached; set `{}.nextStepId` to `{id}`, name it in a trigger or a condition's branch, or remove it",
            earlier.path
        ),
        None => format!(
            "is never reached; name `{id}` as the `nextStepId` of a step or trigger or as a condition's branch, or remove it"
        ),
    }
}
