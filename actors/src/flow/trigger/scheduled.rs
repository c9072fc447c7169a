//! The trigger by time: `scheduled_time`. Each one of an active flow has a schedule, which is written with the flow.

use serde_json::Value;

use super::Filter;
use super::rule::Compiled;
use crate::clock::Timestamp;
use crate::flow::Map;
use crate::flow::definition::{Flow, Trigger};
use crate::form::fields::present;
use crate::form::problem::Problems;
use crate::schedule::missed::{MOST_MISSED, Missed, USUAL_LIMIT};
use crate::schedule::timing::{Spec, Timing};

/// Its canonical name.
pub const KIND: &str = "scheduled_time";
/// What its config says, under `schedule` or beside it.
pub(super) const KEYS: [&str; 9] = [
    "type",
    "cronExpression",
    "interval",
    "unit",
    "executeAt",
    "timezone",
    "missed",
    "missedLimit",
    "anchor",
];
const UNITS: [(&str, &str); 12] = [
    ("second", "s"),
    ("seconds", "s"),
    ("minute", "m"),
    ("minutes", "m"),
    ("hour", "h"),
    ("hours", "h"),
    ("day", "d"),
    ("days", "d"),
    ("s", "s"),
    ("m", "m"),
    ("h", "h"),
    ("d", "d"),
];
const SORTS: [(&str, Sort); 3] = [("cron", Sort::Cron), ("interval", Sort::Interval), ("once", Sort::Once)];
/// The longest interval in any unit: weeks are days.
const LONGEST: u64 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Cron,
    Interval,
    Once,
}

/// When a trigger starts its flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// As a schedule says it.
    pub spec: Spec,
    /// What becomes of times that were missed.
    pub missed: Missed,
    /// The most of them that are made up for.
    pub missed_limit: u32,
}

impl Scheduled {
    /// Reads the config of a trigger and notes what is wrong with it.
    pub(super) fn read(config: &Map, problems: &mut Problems) -> Option<Self> {
        let Some(nested) = problems.object(config, "schedule") else {
            return present(config, "schedule").is_none().then(|| Self::fields(config, problems)).flatten();
        };
        for key in KEYS.iter().filter(|key| present(config, key).is_some()) {
            problems.add(key, "stands beside `schedule`; put it there");
        }
        problems.within("schedule", |problems| {
            problems.only(nested, &KEYS);
            Self::fields(nested, problems)
        })
    }

    fn fields(fields: &Map, problems: &mut Problems) -> Option<Self> {
        let before = problems.count();
        let sort = match present(fields, "type") {
            Some(_) => problems.choice(fields, "type", &SORTS)?,
            None if present(fields, "interval").is_some() => Sort::Interval,
            None if present(fields, "executeAt").is_some() => Sort::Once,
            None => Sort::Cron,
        };
        let timezone = problems.text(fields, "timezone").map(str::to_owned);
        let anchor = problems.text(fields, "anchor").map(str::to_owned);
        let mut spec = Spec { timezone, anchor, ..Spec::default() };
        match sort {
            Sort::Cron => spec.cron = problems.required_text(fields, "cronExpression").map(str::to_owned),
            Sort::Once => spec.at = problems.required_text(fields, "executeAt").map(str::to_owned),
            Sort::Interval => {
                let count = problems.whole(fields, "interval", 1..=LONGEST);
                if present(fields, "interval").is_none() {
                    problems.add("interval", "is missing; expected a whole number, with `unit` beside it");
                }
                let unit = problems.choice(fields, "unit", &UNITS).unwrap_or("m");
                spec.every = count.map(|count| format!("{count}{unit}"));
            }
        }
        let missed = problems.choice(fields, "missed", &Missed::ALL).unwrap_or_default();
        let limit = problems.whole(fields, "missedLimit", 1..=u64::from(MOST_MISSED));
        let missed_limit = limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(USUAL_LIMIT);
        if problems.count() != before {
            return None;
        }
        // Whether a moment is to come is not asked here: a flow stays what it is when its time is over.
        if let Err(wrong) = Timing::check(&spec) {
            for wrong in wrong {
                problems.add(named(wrong.field), wrong.message);
            }
            return None;
        }
        Some(Self { spec, missed, missed_limit })
    }
}

/// A field of a spec as the config has it.
fn named(field: &'static str) -> &'static str {
    match field {
        "cron" => "cronExpression",
        "every" => "interval",
        "at" => "executeAt",
        other => other,
    }
}

/// The trigger by time of a flow that is to have a schedule, with its timing; `kept` tells the timing that each has.
pub fn of(
    flow: &Flow,
    now: Timestamp,
    kept: impl Fn(&str) -> Option<Timing>,
) -> Vec<(&Trigger, Scheduled, Timing)> {
    let triggers =
        flow.triggers.iter().filter(|trigger| flow.fires() && trigger.enabled && trigger.kind == KIND);
    let read = triggers.filter_map(|trigger| {
        let mut problems = Problems::default();
        let scheduled = Scheduled::read(&trigger.config, &mut problems)?;
        // A moment that is over starts nothing.
        let timing = Timing::read(&scheduled.spec, now, kept(&trigger.id).as_ref()).ok()?;
        Some((trigger, scheduled, timing))
    });
    read.collect()
}

/// Whether the filter of a trigger lets a run with these variables begin.
pub fn admits<F: Filter>(flow: &Flow, trigger: &str, variables: &Map) -> bool {
    let Some(trigger) = flow.triggers.iter().find(|known| known.id == trigger) else { return false };
    let compiled = Compiled::<F>::read(trigger, &mut Problems::default());
    let filter = compiled.and_then(|compiled| compiled.filter);
    filter.is_none_or(|filter| filter.matches(&Value::Object(variables.clone())))
}
