//! When a failed attempt is tried again: exponential, fixed or by a list, with jitter and a limit. Pure: the random
//! number is passed in, and nothing here waits. Queues, flows and webhook delivery ask it for their next due time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::duration;

/// Most attempts that a back-off may allow, the first one included.
pub const MAX_ATTEMPTS: u32 = 100;
/// The longest delay between two attempts, before jitter: 30 days.
pub const MAX_DELAY: Duration = Duration::from_secs(30 * 86_400);

const MAX_FACTOR: f64 = 100.0;
const WEBHOOK_SECONDS: [u64; 9] = [5, 30, 120, 600, 1_800, 7_200, 18_000, 36_000, 36_000];
const WEBHOOK_JITTER: f64 = 0.2;

/// How the delay grows with the number of attempts.
#[derive(Debug, Clone, PartialEq)]
pub enum Curve {
    /// `first`, then each delay `factor` times the one before, never more than `max`.
    Exponential {
        /// The delay after the first attempt.
        first: Duration,
        /// At least 1.
        factor: f64,
        /// The ceiling.
        max: Duration,
    },
    /// The same delay every time.
    Fixed {
        /// That delay.
        every: Duration,
    },
    /// The nth delay follows the nth attempt; the list's end is the last attempt.
    Schedule {
        /// In order; may be empty, which means one attempt.
        delays: Vec<Duration>,
    },
}

/// A curve, a limit of attempts and a jitter, checked. In JSON and TOML one of
/// `{kind: "exponential", first, factor, max, attempts, jitter}`, `{kind: "fixed", every, attempts, jitter}` and
/// `{kind: "schedule", delays, jitter}`, with durations as in [`crate::duration`]; `jitter` may be left out (0).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct Backoff {
    curve: Curve,
    attempts: u32,
    jitter: f64,
}

/// Its numbers are checked: none of them is unequal to itself.
impl Eq for Backoff {}

/// Why a back-off was refused; every message names the key and what is allowed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BackoffError {
    /// `attempts` is 0 or more than [`MAX_ATTEMPTS`].
    #[error("set the back-off's attempts to {0}: allowed are 1 to {MAX_ATTEMPTS}")]
    Attempts(u32),
    /// `factor` is below 1, above 100 or not a number.
    #[error("set the back-off's factor to {0}: allowed are 1 to {MAX_FACTOR}")]
    Factor(f64),
    /// `jitter` is below 0, above 1 or not a number.
    #[error("set the back-off's jitter to {0}: allowed are 0 to 1")]
    Jitter(f64),
    /// A delay is longer than [`MAX_DELAY`].
    #[error("set the back-off's {key} to {}: at most 30d are allowed", duration::format(*.found))]
    Delay {
        /// `first`, `max`, `every` or `delays[n]`.
        key: String,
        /// What was asked for.
        found: Duration,
    },
    /// `first` is longer than `max`.
    #[error("set the back-off's first above its max")]
    FirstAboveMax,
    /// `delays` has more than [`MAX_ATTEMPTS`] - 1 entries.
    #[error("set {0} back-off delays: at most 99 are allowed")]
    Delays(usize),
}

impl Backoff {
    /// `attempts` counts the first one too; `jitter` 0.2 spreads each delay over 80 to 120 % of itself. A schedule's
    /// limit is its own length plus one, so `attempts` only matters for it when it is smaller.
    pub fn new(curve: Curve, attempts: u32, jitter: f64) -> Result<Self, BackoffError> {
        if !(1..=MAX_ATTEMPTS).contains(&attempts) {
            return Err(BackoffError::Attempts(attempts));
        }
        if !(0.0..=1.0).contains(&jitter) {
            return Err(BackoffError::Jitter(jitter));
        }
        let attempts = attempts.min(check(&curve)?);
        Ok(Self { curve, attempts, jitter })
    }

    /// How far a delay may be spread: 0.2 is 80 to 120 % of itself.
    pub fn jitter(&self) -> f64 {
        self.jitter
    }

    /// The list of delays as it stands, with as many attempts as it needs.
    pub fn schedule(delays: Vec<Duration>, jitter: f64) -> Result<Self, BackoffError> {
        Self::new(Curve::Schedule { delays }, MAX_ATTEMPTS, jitter)
    }

    /// What an endpoint without a schedule of its own gets (contract §14): 5 s, 30 s, 2 m, 10 m, 30 m, 2 h, 5 h,
    /// 10 h, 10 h, each +-20 %: ten attempts over some 28 hours.
    pub fn webhook() -> Self {
        let delays: Vec<_> = WEBHOOK_SECONDS.into_iter().map(Duration::from_secs).collect();
        Self {
            attempts: WEBHOOK_SECONDS.len() as u32 + 1,
            curve: Curve::Schedule { delays },
            jitter: WEBHOOK_JITTER,
        }
    }

    /// How long to wait once `made` attempts have been made, or `None` when that was the last one. With none made
    /// the first is due at once. `random` is uniform in 0..1; what lies outside is pulled to the nearer end.
    pub fn delay(&self, made: u32, random: f64) -> Option<Duration> {
        if made >= self.attempts {
            return None;
        }
        let Some(index) = made.checked_sub(1) else {
            return Some(Duration::ZERO);
        };
        let plain = match &self.curve {
            Curve::Exponential { first, factor, max } => grown(*first, *factor, index).min(*max),
            Curve::Fixed { every } => *every,
            Curve::Schedule { delays } => *delays.get(index as usize)?,
        };
        Some(jittered(plain, self.jitter, random))
    }

    /// Most attempts, the first one included.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How the delay grows.
    pub fn curve(&self) -> &Curve {
        &self.curve
    }
}

/// Checks the curve's own numbers and says how many attempts it has room for.
fn check(curve: &Curve) -> Result<u32, BackoffError> {
    let delay = |key: &str, found: Duration| match found <= MAX_DELAY {
        true => Ok(()),
        false => Err(BackoffError::Delay { key: key.to_owned(), found }),
    };
    match curve {
        Curve::Exponential { first, factor, max } => {
            delay("first", *first)?;
            delay("max", *max)?;
            if first > max {
                return Err(BackoffError::FirstAboveMax);
            }
            if !(1.0..=MAX_FACTOR).contains(factor) {
                return Err(BackoffError::Factor(*factor));
            }
            Ok(MAX_ATTEMPTS)
        }
        Curve::Fixed { every } => delay("every", *every).map(|()| MAX_ATTEMPTS),
        Curve::Schedule { delays } => {
            for (index, found) in delays.iter().enumerate() {
                delay(&format!("delays[{index}]"), *found)?;
            }
            match u32::try_from(delays.len()) {
                Ok(count) if count < MAX_ATTEMPTS => Ok(count + 1),
                _ => Err(BackoffError::Delays(delays.len())),
            }
        }
    }
}

/// `first * factor^index`; what does not fit is as long as a duration gets.
fn grown(first: Duration, factor: f64, index: u32) -> Duration {
    if first.is_zero() {
        return first;
    }
    let exponent = i32::try_from(index).unwrap_or(i32::MAX);
    Duration::try_from_secs_f64(first.as_secs_f64() * factor.powi(exponent)).unwrap_or(Duration::MAX)
}

fn jittered(plain: Duration, jitter: f64, random: f64) -> Duration {
    let random = if random.is_nan() { 0.5 } else { random.clamp(0.0, 1.0) };
    let factor = 1.0 + jitter * (2.0 * random - 1.0);
    Duration::try_from_secs_f64(plain.as_secs_f64() * factor).unwrap_or(plain)
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Form {
    Exponential {
        #[serde(with = "duration")]
        first: Duration,
        factor: f64,
        #[serde(with = "duration")]
        max: Duration,
        attempts: u32,
        #[serde(default)]
        jitter: f64,
    },
    Fixed {
        #[serde(with = "duration")]
        every: Duration,
        attempts: u32,
        #[serde(default)]
        jitter: f64,
    },
    Schedule {
        #[serde(with = "duration::list")]
        delays: Vec<Duration>,
        #[serde(default)]
        jitter: f64,
    },
}

impl TryFrom<Form> for Backoff {
    type Error = BackoffError;

    fn try_from(form: Form) -> Result<Self, BackoffError> {
        match form {
            Form::Exponential { first, factor, max, attempts, jitter } => {
                Self::new(Curve::Exponential { first, factor, max }, attempts, jitter)
            }
            Form::Fixed { every, attempts, jitter } => Self::new(Curve::Fixed { every }, attempts, jitter),
            Form::Schedule { delays, jitter } => Self::schedule(delays, jitter),
        }
    }
}

impl From<Backoff> for Form {
    fn from(Backoff { curve, attempts, jitter }: Backoff) -> Self {
        match curve {
            Curve::Exponential { first, factor, max } => {
                Self::Exponential { first, factor, max, attempts, jitter }
            }
            Curve::Fixed { every } => Self::Fixed { every, attempts, jitter },
            Curve::Schedule { mut delays } => {
                delays.truncate(attempts.saturating_sub(1) as usize);
                Self::Schedule { delays, jitter }
            }
        }
    }
}

#[cfg(test)]
mod tests;
