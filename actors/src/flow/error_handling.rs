//! What the failure of a step means: how often it is tried again, how long after, and where the run goes then
//! (contract §14, `errorHandling`). Read from a flow or from a step's `config.retry`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Map;
use crate::form::fields::rest;
use crate::form::problem::Problems;

/// No wait between two tries is longer than this.
const LONGEST_DELAY: Duration = Duration::from_hours(24);
const MOST_RETRIES: u64 = 10;
const KEYS: [&str; 5] = ["onError", "gotoStepId", "maxRetries", "retryDelaySeconds", "backoff"];

/// What the failure of a step means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorHandling {
    /// What happens once the last try has failed.
    pub on_error: OnError,
    /// Where [`OnError::Goto`] leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goto_step_id: Option<String>,
    /// Tries after the first, 0 to 10.
    pub max_retries: u32,
    /// Seconds before the first of them, 0 to 86400.
    pub retry_delay_seconds: u32,
    /// How that wait grows.
    pub backoff: Backoff,
}

/// What happens once the last try of a step has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The run fails.
    Stop,
    /// The run goes on at the step's `nextStepId`.
    Continue,
    /// The run goes on at `gotoStepId`.
    Goto,
}

/// How the wait between tries grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backoff {
    /// It stays.
    Fixed,
    /// It doubles with each try, up to a day.
    Exponential,
}

impl Default for ErrorHandling {
    fn default() -> Self {
        Self {
            on_error: OnError::Stop,
            goto_step_id: None,
            max_retries: 3,
            retry_delay_seconds: 5,
            backoff: Backoff::Exponential,
        }
    }
}

impl ErrorHandling {
    /// Reads the keys of `fields`; those that are absent are taken from `base`.
    pub fn read(fields: &Map, base: &Self, problems: &mut Problems) -> Self {
        if fields.contains_key("notify") {
            problems.add("notify", "is not available; let `onError` go to a step that tells someone");
        }
        problems.only(&rest(fields, &["notify"]), &KEYS);
        let on_error = problems.choice(
            fields,
            "onError",
            &[("stop", OnError::Stop), ("continue", OnError::Continue), ("goto", OnError::Goto)],
        );
        let backoff = problems.choice(
            fields,
            "backoff",
            &[("fixed", Backoff::Fixed), ("exponential", Backoff::Exponential)],
        );
        let mut number = |key, most| {
            let found = problems.whole(fields, key, 0..=most);
            found.and_then(|number| u32::try_from(number).ok())
        };
        let read = Self {
            max_retries: number("maxRetries", MOST_RETRIES).unwrap_or(base.max_retries),
            retry_delay_seconds: number("retryDelaySeconds", LONGEST_DELAY.as_secs())
                .unwrap_or(base.retry_delay_seconds),
            on_error: on_error.unwrap_or(base.on_error),
            backoff: backoff.unwrap_or(base.backoff),
            goto_step_id: problems
                .id(fields, "gotoStepId")
                .map(str::to_owned)
                .or_else(|| base.goto_step_id.clone()),
        };
        if read.on_error == OnError::Goto && read.goto_step_id.is_none() {
            problems.add("gotoStepId", "is missing; `onError` is `goto`, so name the step to go to");
        }
        read
    }

    /// This, with the keys of a step's `config.retry` in place of its own.
    #[must_use]
    pub fn overridden_by(&self, own: &Map) -> Self {
        // A stored flow was read without problems once; what cannot be read any more leaves the flow's own rule.
        Self::read(own, self, &mut Problems::default())
    }

    /// How long to wait before try number `retry` after the first, counted from 1.
    #[must_use]
    pub fn delay_before(&self, retry: u32) -> Duration {
        let first = Duration::from_secs(self.retry_delay_seconds.into());
        let doublings = match self.backoff {
            Backoff::Fixed => 0,
            Backoff::Exponential => retry.saturating_sub(1).min(31),
        };
        first.saturating_mul(1 << doublings).min(LONGEST_DELAY)
    }

    /// The step that a failed run goes on with, where there is one.
    #[must_use]
    pub fn goto(&self) -> Option<&str> {
        if self.on_error == OnError::Goto { self.goto_step_id.as_deref() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(body: &Value) -> Result<ErrorHandling, Vec<String>> {
        let mut problems = Problems::default();
        let found = ErrorHandling::read(body.as_object().unwrap(), &ErrorHandling::default(), &mut problems);
        problems.or(found).map_err(|found| found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_step_overrides_only_what_it_names() {
        let flow = read(&json!({"onError": "continue", "maxRetries": 7, "backoff": "fixed"})).unwrap();
        let step = flow.overridden_by(json!({"maxRetries": 0}).as_object().unwrap());
        assert_eq!(step, ErrorHandling { max_retries: 0, ..flow });
    }

    #[test]
    fn waits_double_up_to_a_day() {
        let rule = read(&json!({"retryDelaySeconds": 30})).unwrap();
        let waits: Vec<_> = [0, 1, 2, 3, 40].map(|retry| rule.delay_before(retry).as_secs()).into();
        assert_eq!(waits, [30, 30, 60, 120, 86_400]);
        let fixed = ErrorHandling { backoff: Backoff::Fixed, ..rule };
        assert_eq!(fixed.delay_before(9).as_secs(), 30);
    }

    #[test]
    fn what_cannot_work_is_named() {
        let body =
            json!({"onError": "goto", "maxRetries": 11, "backoff": "none", "retries": 1, "notify": true});
        let expected = [
            "notify: is not available; let `onError` go to a step that tells someone",
            "retries: is unknown; allowed here are `onError`, `gotoStepId`, `maxRetries`, `retryDelaySeconds`, \
             `backoff`",
            "backoff: is `none`; expected one of `fixed`, `exponential`",
            "maxRetries: is 11; expected a whole number from 0 to 10",
            "gotoStepId: is missing; `onError` is `goto`, so name the step to go to",
        ];
        assert_eq!(read(&body).unwrap_err(), expected);
    }
}
