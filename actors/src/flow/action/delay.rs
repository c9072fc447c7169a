//! `delay`: pauses the run. The pause is a job with a due time, so it survives a restart.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Action, Check, Plan, StepContext, StepError, recheck};
use crate::flow::Map;
use crate::form::problem::Problems;
use crate::form::template::has_placeholder;

/// The longest pause: a year.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

const UNITS: [(&str, f64); 10] = [
    ("milliseconds", 0.001),
    ("second", 1.0),
    ("seconds", 1.0),
    ("minute", 60.0),
    ("minutes", 60.0),
    ("hour", 3_600.0),
    ("hours", 3_600.0),
    ("day", 86_400.0),
    ("days", 86_400.0),
    ("weeks", 604_800.0),
];

/// The action.
pub struct Handler;

impl Action for Handler {
    fn kind(&self) -> &'static str {
        "delay"
    }

    fn check(&self, config: &Map, _: Check<'_>, problems: &mut Problems) {
        problems.only(config, &["actionType", "retry", "duration", "unit"]);
        let unit = problems.choice(config, "unit", &UNITS).unwrap_or(60.0);
        match config.get("duration") {
            None => problems.add("duration", "is missing; expected a number of `unit`"),
            Some(value) if has_placeholder(value) => {}
            Some(value) => match number(value) {
                Some(number) if number >= 0.0 && number * unit <= LONGEST.as_secs_f64() => {}
                _ => problems.add("duration", "must be a number from 0, and the pause at most a year"),
            },
        }
    }

    fn plan<'a>(&'a self, ctx: &'a StepContext<'a>, config: Map) -> BoxFuture<'a, Result<Plan, StepError>> {
        Box::pin(async move {
            recheck(self, &config, ctx)?;
            let unit = config.get("unit").and_then(Value::as_str).unwrap_or("minutes");
            let seconds = UNITS.iter().find(|(name, _)| *name == unit).map_or(60.0, |(_, seconds)| *seconds);
            let duration = config.get("duration").and_then(number).unwrap_or_default();
            let pause = Duration::try_from_secs_f64(duration * seconds).unwrap_or(LONGEST).min(LONGEST);
            let output = json!({"resumesAt": ctx.now.plus(pause)});
            Ok(Plan { output, pause: (!pause.is_zero()).then_some(pause), ..Plan::default() })
        })
    }
}

/// A number, also where a placeholder made a text of it.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number: &f64| number.is_finite())
}
