//! Reads a flow out of a client's body, in either dialect of the contract (§4.1, §13.2): the short form with
//! `trigger` and `actions`, or the canonical one with `triggers` and `steps`, bare or as the `data` of a BaseModel.
//! Every problem is noted with its path in that body; what passes can run.

mod links;
mod steps;
mod triggers;

use serde_json::Value;

use super::Map;
use super::definition::{Branch, CircularPrevention, Flow, FlowStatus, Settings};
use super::error_handling::ErrorHandling;
use super::trigger::Filter;
use crate::form::fields::{present, rest};
use crate::form::problem::{Problem, Problems};
use crate::form::template::is_shallow;

/// The most steps of a flow.
pub const MOST_STEPS: usize = 200;

/// The most triggers of a flow.
pub const MOST_TRIGGERS: usize = 50;

/// The deepest body, well below what a template may become.
const DEEPEST: usize = 32;
/// Most characters of the name of a flow, trigger or step.
pub const LONGEST_NAME: usize = 200;
/// Most characters of a description.
pub const LONGEST_DESCRIPTION: usize = 1_000;
const DEEPEST_CHAIN: u64 = 100;

const KEYS: [&str; 10] = [
    "name",
    "description",
    "status",
    "enabled",
    "trigger",
    "triggers",
    "actions",
    "steps",
    "settings",
    "errorHandling",
];

/// What actions there are. Conditions and triggers are known here; actions need more of the machine than this half
/// of the room has.
pub trait Catalog {
    /// Notes everything in `config` that could not work, at paths within it; the config comes without
    /// [`super::definition::RESERVED`]. False when there is no such action.
    fn check_action(&self, kind: &str, config: &Map, problems: &mut Problems) -> bool;

    /// The names of all actions, for messages.
    fn action_kinds(&self) -> Vec<&'static str>;

    /// The steps that the config of an action names beside `nextStepId`, such as `onTimeoutStepId`.
    fn action_branches(&self, _kind: &str, _config: &Map) -> Vec<Branch> {
        Vec::new()
    }
}

/// Reads a flow. Without a `status` the short form makes an active flow, since the seed's flow fires as soon as it
/// is created; the canonical form makes a draft, as the vendor's schema does (contract §4.1): its editors save
/// unfinished work and switch it on with `POST /automation/{id}/activate`.
///
/// # Errors
/// Everything that would keep the flow from working, at most 100 problems.
pub fn parse<F: Filter>(body: &Value, catalog: &dyn Catalog) -> Result<Flow, Vec<Problem>> {
    let mut problems = Problems::default();
    if !is_shallow(body, DEEPEST) {
        problems.add("", format_args!("is nested more than {DEEPEST} deep"));
        return Err(problems.or(()).err().unwrap_or_default());
    }
    let flow = match body.as_object() {
        None => {
            problems.add("", "is no flow; expected an object with `name`, `trigger` and `actions`, or `name`, `triggers` and `steps`");
            None
        }
        Some(body) => match wrapped(body, &mut problems) {
            Some(data) => problems.within("data", |problems| read::<F>(data, catalog, problems)),
            None => read::<F>(body, catalog, &mut problems),
        },
    };
    let flow = problems.or(flow)?;
    flow.ok_or_else(Vec::new)
}

/// The `data` of a body that is a BaseModel.
fn wrapped<'v>(body: &'v Map, problems: &mut Problems) -> Option<&'v Map> {
    let bare = ["trigger", "triggers", "actions", "steps"].iter().any(|key| body.contains_key(*key));
    let data = body.get("data").and_then(Value::as_object).filter(|_| !bare)?;
    if let Some(datatype) = problems.text(body, "datatype").filter(|datatype| *datatype != "automation") {
        problems.add("datatype", format_args!("is `{datatype}`; a flow is of the datatype `automation`"));
    }
    Some(data)
}

fn read<F: Filter>(body: &Map, catalog: &dyn Catalog, problems: &mut Problems) -> Option<Flow> {
    let short = present(body, "actions").is_some() || present(body, "trigger").is_some();
    let name =
        problems.required_text(body, "name").and_then(|_| problems.short_text(body, "name", LONGEST_NAME));
    let description = problems.short_text(body, "description", LONGEST_DESCRIPTION).map(str::to_owned);
    let unsaid = if short { FlowStatus::Active } else { FlowStatus::Draft };
    let status = problems.choice(body, "status", &FlowStatus::ALL).unwrap_or(unsaid);
    let enabled = problems.flag(body, "enabled", true);
    let settings = problems
        .object(body, "settings")
        .map(|fields| problems.within("settings", |problems| read_settings(fields, problems)));
    let error_handling = problems.object(body, "errorHandling").map(|fields| {
        let base = ErrorHandling::default();
        problems.within("errorHandling", |problems| ErrorHandling::read(fields, &base, problems))
    });
    let error_handling = error_handling.unwrap_or_default();
    let triggers = triggers::read::<F>(body, problems);
    let steps = steps::read(body, &error_handling, catalog, problems);
    links::check(&triggers, &steps, &error_handling, catalog, problems);
    Some(Flow {
        name: name?.to_owned(),
        description,
        status,
        enabled,
        triggers: triggers.into_iter().filter_map(|placed| placed.item).collect(),
        steps: steps.into_iter().filter_map(|placed| placed.item).collect(),
        settings: settings.unwrap_or_default(),
        error_handling,
        extra: rest(body, &KEYS),
    })
}

fn read_settings(fields: &Map, problems: &mut Problems) -> Settings {
    let usual = CircularPrevention::default();
    let circular_prevention = problems.object(fields, "circularPrevention").map(|fields| {
        problems.within("circularPrevention", |problems| {
            problems.only(fields, &["enabled", "maxDepth"]);
            let depth = problems.whole(fields, "maxDepth", 1..=DEEPEST_CHAIN);
            CircularPrevention {
                enabled: problems.flag(fields, "enabled", usual.enabled),
                max_depth: depth.and_then(|depth| u32::try_from(depth).ok()).unwrap_or(usual.max_depth),
            }
        })
    });
    Settings {
        circular_prevention: circular_prevention.unwrap_or(usual),
        extra: rest(fields, &["circularPrevention"]),
    }
}

/// Something that was read, with its place in the client's body. Where it could not be read its id may still be
/// known, so that those who refer to it are not accused of referring to nothing.
struct Placed<T> {
    path: String,
    id: Option<String>,
    item: Option<T>,
}

/// The `config` of a trigger or step, empty when absent.
fn config_of(fields: &Map, problems: &mut Problems) -> Option<Map> {
    if present(fields, "config").is_none() {
        return Some(Map::new());
    }
    problems.object(fields, "config").cloned()
}

/// The objects of an array under `key`, each with its place; notes what is none.
fn objects<'v>(items: &'v [Value], key: &str, problems: &mut Problems) -> Vec<(String, &'v Map)> {
    let place = |at: usize| format!("{key}[{at}]");
    let mut found = Vec::new();
    for (at, item) in items.iter().enumerate() {
        match item.as_object() {
            Some(fields) => found.push((place(at), fields)),
            None => problems.add(&place(at), "is no object"),
        }
    }
    found
}

#[cfg(test)]
pub(super) mod tests;
