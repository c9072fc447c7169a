//! Reads `actions` of the short form, each leading to the next, or `steps` of the canonical one.

use serde_json::Value;

use super::{Catalog, LONGEST_DESCRIPTION, LONGEST_NAME, MOST_STEPS, Placed, config_of, objects};
use crate::flow::definition::{RESERVED, Step, StepKind};
use crate::flow::error_handling::ErrorHandling;
use crate::flow::{Map, condition};
use crate::form::fields::{present, rest};
use crate::form::problem::Problems;
use crate::form::quoted;
use crate::form::template::is_unclosed;

const KEYS: [&str; 7] = ["id", "name", "enabled", "type", "config", "nextStepId", "description"];
const SHORT_KEYS: [&str; 6] = ["id", "name", "enabled", "type", "config", "description"];

/// Fields of the vendor's editor that would change what a run does, and what does the same here. A flow that relies
/// on them must not be saved as if it worked.
const WITHOUT_EFFECT: [(&str, &str); 2] = [
    ("delay", "a step of type `wait` before this one, with config {\"duration\": 1, \"unit\": \"hours\"}"),
    ("conditions", "a step of type `condition` before this one"),
];

/// The steps of a body, at least one.
pub(super) fn read(
    body: &Map,
    handling: &ErrorHandling,
    catalog: &dyn Catalog,
    problems: &mut Problems,
) -> Vec<Placed<Step>> {
    let (key, short) = match (present(body, "actions"), present(body, "steps")) {
        (Some(_), Some(_)) => {
            problems.add("actions", "stands beside `steps`; keep one of the two");
            return Vec::new();
        }
        (Some(_), None) => ("actions", true),
        (None, Some(_)) => ("steps", false),
        (None, None) => {
            let key = if present(body, "trigger").is_some() { "actions" } else { "steps" };
            problems.add(key, "is missing; a flow does at least one thing");
            return Vec::new();
        }
    };
    let Some(items) = problems.array(body, key) else { return Vec::new() };
    if items.is_empty() || items.len() > MOST_STEPS {
        problems.add(key, format_args!("has {} steps; from 1 to {MOST_STEPS} are allowed", items.len()));
        return Vec::new();
    }
    let found = objects(items, key, problems).into_iter().enumerate();
    let reader = Reader { handling, catalog };
    let mut steps: Vec<_> =
        found.map(|(at, (path, fields))| reader.one(path, fields, at, short, problems)).collect();
    if short {
        chain(&mut steps);
    }
    steps
}

/// Lets each step lead to the next.
fn chain(steps: &mut [Placed<Step>]) {
    let mut following = None;
    for placed in steps.iter_mut().rev() {
        if let Some(step) = &mut placed.item {
            step.next_step_id = following;
        }
        following = placed.id.clone();
    }
}

struct Reader<'c> {
    handling: &'c ErrorHandling,
    catalog: &'c dyn Catalog,
}

impl Reader<'_> {
    fn one(
        &self,
        path: String,
        fields: &Map,
        at: usize,
        short: bool,
        problems: &mut Problems,
    ) -> Placed<Step> {
        let (id, item) = problems.within(&path, |problems| {
            let id = match present(fields, "id") {
                Some(_) => problems.id(fields, "id").map(str::to_owned),
                None if short => Some(format!("step-{}", at + 1)),
                None => {
                    problems.add("id", "is missing; expected a string that no other step has");
                    None
                }
            };
            (id.clone(), self.step(fields, id, short, problems))
        });
        Placed { path, id, item }
    }

    fn step(&self, fields: &Map, id: Option<String>, short: bool, problems: &mut Problems) -> Option<Step> {
        if short {
            problems.only(fields, &SHORT_KEYS);
        } else {
            refuse_without_effect(fields, problems);
        }
        let name = problems.short_text(fields, "name", LONGEST_NAME);
        let description = problems.short_text(fields, "description", LONGEST_DESCRIPTION).map(str::to_owned);
        let enabled = problems.flag(fields, "enabled", true);
        let next_step_id = problems.id(fields, "nextStepId").map(str::to_owned);
        let config = config_of(fields, problems);
        if let Some(config) = &config {
            problems.within("config", |problems| refuse_unclosed(config, problems));
        }
        let read = if short { short_kind } else { canonical_kind };
        let (kind, config) = read(fields, config, problems)?;
        self.check_handler(kind, &config, if short { "type" } else { "" }, problems);
        if let Some(retry) = problems.within("config", |problems| problems.object(&config, "retry")) {
            problems.within("config.retry", |problems| ErrorHandling::read(retry, self.handling, problems));
        }
        if kind == StepKind::End && next_step_id.is_some() {
            problems.add("nextStepId", "stands in a step of type `end`, which leads nowhere; remove it");
        }
        let extra = rest(fields, &KEYS);
        let mut step =
            Step { id: id?, name: String::new(), enabled, kind, config, next_step_id, description, extra };
        let unnamed = if step.handler().is_empty() { &step.id } else { step.handler() };
        step.name = name.unwrap_or(unnamed).to_owned();
        Some(step)
    }

    /// Notes an action or condition that there is not, and whatever it does not accept in its config.
    fn check_handler(&self, kind: StepKind, config: &Map, place: &str, problems: &mut Problems) {
        let Some(key) = kind.handler_key() else { return };
        let Some(name) = config.get(key).and_then(Value::as_str) else { return };
        let own = rest(config, &RESERVED);
        let condition = condition::find(name);
        let known = problems.within("config", |problems| match (kind, condition) {
            (StepKind::Condition, Some(condition)) => {
                condition.check(&own, problems);
                true
            }
            (StepKind::Condition, None) => false,
            _ => self.catalog.check_action(name, &own, problems),
        });
        if known {
            return;
        }
        let (what, names) = match kind {
            StepKind::Condition => {
                ("condition", condition::ALL.iter().map(|condition| condition.kind()).collect())
            }
            _ => ("action", self.catalog.action_kinds()),
        };
        let place = if place.is_empty() { format!("config.{key}") } else { place.to_owned() };
        match condition {
            Some(_) if kind != StepKind::Condition => problems.add(
                &place,
                format_args!("is the condition `{name}`; set the step's `type` to `condition` and name it in `config.conditionType`"),
            ),
            _ => problems.add(&place, format_args!("is `{name}`, which is no {what}; expected one of {}", quoted(names))),
        }
    }
}

/// The short form names an action or a condition in `type`; it moves to where the canonical form has it.
fn short_kind(fields: &Map, config: Option<Map>, problems: &mut Problems) -> Option<(StepKind, Map)> {
    let name = problems.required_text(fields, "type")?;
    let kind = if condition::find(name).is_some() { StepKind::Condition } else { StepKind::Action };
    let key = kind.handler_key()?;
    let mut config = config?;
    let given = config.insert(key.to_owned(), name.into());
    if given.is_some_and(|given| given != name && !given.is_null()) {
        problems.add(
            &format!("config.{key}"),
            format_args!("is not `{name}`, as `type` says; remove one of the two"),
        );
    }
    Some((kind, config))
}

fn canonical_kind(fields: &Map, config: Option<Map>, problems: &mut Problems) -> Option<(StepKind, Map)> {
    problems.required_text(fields, "type")?;
    let kind = problems.choice(fields, "type", &StepKind::ALL)?;
    let mut config = config?;
    if kind == StepKind::Wait && present(&config, "actionType").is_none() {
        config.insert("actionType".to_owned(), "delay".into());
    }
    if let Some(key) = kind.handler_key() {
        problems.within("config", |problems| problems.required_text(&config, key).is_some()).then_some(())?;
    }
    Some((kind, config))
}

/// Notes every text with a `{{` that nothing closes: it would be sent as it stands.
fn refuse_unclosed(fields: &Map, problems: &mut Problems) {
    fields.iter().for_each(|(key, value)| refuse_unclosed_at(key, value, problems));
}

fn refuse_unclosed_at(place: &str, value: &Value, problems: &mut Problems) {
    match value {
        Value::String(text) if is_unclosed(text) => {
            problems
                .add(place, "has a `{{` without `}}` after it; close the placeholder or remove the braces");
        }
        Value::Array(items) => problems.within(place, |problems| {
            for (at, item) in items.iter().enumerate() {
                refuse_unclosed_at(&format!("[{at}]"), item, problems);
            }
        }),
        Value::Object(fields) => problems.within(place, |problems| refuse_unclosed(fields, problems)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn refuse_without_effect(fields: &Map, problems: &mut Problems) {
    for (key, instead) in WITHOUT_EFFECT {
        let is_set = present(fields, key).is_some_and(|value| match value {
            Value::Array(items) => !items.is_empty(),
            Value::Object(inner) => {
                inner.get("value").and_then(Value::as_f64) != Some(0.0) && !inner.is_empty()
            }
            _ => true,
        });
        if is_set {
            problems.add(key, format_args!("has no effect in a step; use {instead}"));
        }
    }
}
