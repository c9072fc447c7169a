//! What clients write of a schedule, read with everything that is wrong with it.

use serde_json::{Map, Value, json};

use super::effect::TOLD;
use super::missed::{MOST_MISSED, Missed, USUAL_LIMIT};
use super::model::{Action, Schedule};
use super::timing::{Spec, Timing};
use crate::clock::Timestamp;
use crate::event::EventKind;
use crate::form::problem::{Problem, Problems};
use crate::ids::{QueueName, RecordId};
use crate::queue::task::{LONGEST_KIND, is_kind};
use crate::rights::collections;

/// The longest name, in characters.
pub const LONGEST_NAME: usize = 200;
/// The longest key of a job, in characters.
pub const LONGEST_KEY: usize = 256;
/// What a schedule is written with.
pub const KEYS: [&str; 9] =
    ["name", "cron", "every", "at", "timezone", "anchor", "action", "missed", "missedLimit"];
/// Those of them that say when.
pub(super) const TIMING: [&str; 5] = ["cron", "every", "at", "timezone", "anchor"];

/// What clients write of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What people call it.
    pub name: String,
    /// When.
    pub timing: Timing,
    /// What.
    pub action: Action,
    /// What becomes of times that were missed.
    pub missed: Missed,
    /// The most of them that are made up for.
    pub missed_limit: u32,
}

impl Draft {
    /// Reads a body. `kept` is the timing that there was: one that says the same goes on, wherever it stands.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(
        body: &Map<String, Value>,
        now: Timestamp,
        kept: Option<&Timing>,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        problems.only(body, &KEYS);
        let name = problems.required_text(body, "name").map(str::to_owned);
        problems.short_text(body, "name", LONGEST_NAME);
        let timing = timing(body, now, kept, &mut problems);
        let missed = problems.choice(body, "missed", &Missed::ALL).unwrap_or_default();
        let limit = problems.whole(body, "missedLimit", 1..=u64::from(MOST_MISSED));
        let missed_limit = limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(USUAL_LIMIT);
        let action = match present(body, "action") {
            None => {
                problems.add("action", "is missing; expected an object such as {\"type\": \"event\", \"event\": \"invoice.due\"}");
                None
            }
            Some(_) => problems
                .object(body, "action")
                .and_then(|fields| problems.within("action", |problems| action(fields, problems))),
        };
        let draft = (|| Some(Self { name: name?, timing: timing?, action: action?, missed, missed_limit }))();
        problems.or(draft)?.ok_or_else(Vec::new)
    }

    /// What a client would write of a schedule as it is, changed as `patch` says: as RFC 7396 merges, and another
    /// sort of timing takes the place of the present one.
    #[must_use]
    pub fn patched(schedule: &Schedule, patch: &Map<String, Value>) -> Map<String, Value> {
        let mut body = told(&schedule.timing);
        body.insert("name".to_owned(), json!(schedule.name));
        body.insert("action".to_owned(), json!(schedule.action));
        body.insert("missed".to_owned(), json!(schedule.missed));
        body.insert("missedLimit".to_owned(), json!(schedule.missed_limit));
        let given = |key: &str| patch.get(key).is_some_and(|value| !value.is_null());
        if ["cron", "every", "at"].into_iter().any(given) {
            for key in ["cron", "every", "at", "anchor"] {
                body.shift_remove(key);
            }
        }
        crate::flow::book::merge(&mut body, patch);
        body
    }
}

/// A timing as clients write it.
#[must_use]
pub fn told(timing: &Timing) -> Map<String, Value> {
    match json!(Spec::from(timing.clone())) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Reads the fields of a body that say when.
pub fn timing(
    body: &Map<String, Value>,
    now: Timestamp,
    kept: Option<&Timing>,
    problems: &mut Problems,
) -> Option<Timing> {
    let mut whole = true;
    let [cron, every, at, timezone, anchor] = TIMING.map(|key| {
        let text = problems.text(body, key).map(str::to_owned);
        whole &= text.is_some() || present(body, key).is_none();
        text
    });
    if !whole {
        return None;
    }
    let read = Timing::read(&Spec { cron, every, at, timezone, anchor }, now, kept);
    read.map_err(|wrong| wrong.into_iter().for_each(|wrong| problems.add(wrong.field, wrong.message))).ok()
}

fn action(fields: &Map<String, Value>, problems: &mut Problems) -> Option<Action> {
    match problems.required_text(fields, "type")? {
        "event" => {
            problems.only(fields, &["type", "event", "data"]);
            let data = problems.object(fields, "data").cloned().unwrap_or_default();
            reserved("data", &data, problems);
            let event = problems.required_text(fields, "event")?;
            match EventKind::new(event) {
                Ok(kind) if collections::is_told_by_the_server(&kind) => {
                    problems.add(
                        "event",
                        format_args!("is `{kind}`, which the server alone publishes; choose another name"),
                    );
                    None
                }
                Ok(event) => Some(Action::Event { event, data }),
                Err(error) => {
                    problems.add("event", format_args!("is no event: failed to {error}"));
                    None
                }
            }
        }
        "flow" => {
            problems.only(fields, &["type", "flowId", "variables"]);
            let variables = problems.object(fields, "variables").cloned().unwrap_or_default();
            reserved("variables", &variables, problems);
            let id = problems.required_text(fields, "flowId")?;
            let id = RecordId::new(id)
                .map_err(|error| problems.add("flowId", format_args!("is no flow: failed to {error}")));
            Some(Action::Flow { flow_id: id.ok()?, variables })
        }
        "job" => job(fields, problems),
        other => {
            let other: String = other.chars().take(64).collect();
            problems.add("type", format_args!("is `{other}`; expected `event`, `flow` or `job`"));
            None
        }
    }
}

fn job(fields: &Map<String, Value>, problems: &mut Problems) -> Option<Action> {
    problems.only(fields, &["type", "queue", "name", "payload", "priority", "key", "maxAttempts"]);
    let payload = problems.object(fields, "payload").cloned().unwrap_or_default();
    reserved("payload", &payload, problems);
    let queue = problems.required_text(fields, "queue").map(QueueName::new);
    let queue = queue.and_then(|queue| {
        let queue = queue.map_err(|error| problems.add("queue", format_args!("is none: failed to {error}")));
        queue.ok()
    });
    let name = problems.required_text(fields, "name").map(str::to_owned);
    if name.as_deref().is_some_and(|name| !is_kind(name)) {
        let rule = format!("has 1 to {LONGEST_KIND} letters, digits, `.`, `_` and `-` only");
        problems.add("name", rule);
    }
    let priority = match present(fields, "priority").map(|value| value.as_i64().map(i32::try_from)) {
        None => 0,
        Some(Some(Ok(priority))) => priority,
        Some(_) => {
            problems.add("priority", "must be a whole number of 32 bits");
            0
        }
    };
    let key = problems.short_text(fields, "key", LONGEST_KEY).map(str::to_owned);
    let attempts = problems.whole(fields, "maxAttempts", 1..=100);
    let max_attempts = attempts.and_then(|attempts| u32::try_from(attempts).ok());
    Some(Action::Job { queue: queue?, name: name?, payload, priority, key, max_attempts })
}

/// Notes what each occurrence says itself.
fn reserved(part: &str, given: &Map<String, Value>, problems: &mut Problems) {
    for name in TOLD.iter().filter(|name| given.contains_key(**name)) {
        problems.add(&format!("{part}.{name}"), "is set by each occurrence itself; choose another name");
    }
}

fn present<'v>(fields: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    fields.get(key).filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests;
