//! When a schedule is due: by a pattern, at an interval, or once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cron::Cron;
use super::zone::Zone;
use crate::clock::Timestamp;
use crate::duration;

/// The shortest interval: as fine as six fields.
pub const SHORTEST: Duration = Duration::from_secs(1);

/// When, as clients write it and the store keeps it. One of `cron`, `every` and `at`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// Five or six fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// A duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
    /// A moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The IANA time zone that a pattern is read in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// A moment that an interval is counted from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<String>,
}

/// One thing that is wrong with a [`Spec`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct TimingError {
    /// The field of the spec.
    pub field: &'static str,
    /// What is wrong and what to change.
    pub message: String,
}

/// When, ready to be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Spec", into = "Spec")]
pub struct Timing {
    kind: Kind,
    zone: Zone,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Cron(Cron),
    Every { every: Duration, anchor: Timestamp },
    At(Timestamp),
}

impl Timing {
    /// Reads a spec. An interval without an anchor is counted from `now`, and what happens once must be to come.
    /// One that says the same as `kept` is that: its anchor stays, and it may be over.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(spec: &Spec, now: Timestamp, kept: Option<&Self>) -> Result<Self, Vec<TimingError>> {
        let timing = Self::parse(spec, now)?;
        let same = |kept: &&Self| **kept == timing || (spec.anchor.is_none() && kept.is_like(&timing));
        if let Some(kept) = kept.filter(same) {
            return Ok(kept.clone());
        }
        match timing.kind {
            Kind::At(at) if at <= now => {
                Err(vec![wrong("at", format!("is over; expected a moment after {now}"))])
            }
            Kind::At(_) | Kind::Cron(_) | Kind::Every { .. } => Ok(timing),
        }
    }

    /// Whether a spec can be read at all, also where it is over.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(spec: &Spec) -> Result<(), Vec<TimingError>> {
        Self::parse(spec, Timestamp::default()).map(drop)
    }

    fn parse(spec: &Spec, now: Timestamp) -> Result<Self, Vec<TimingError>> {
        let mut problems = Vec::new();
        let zone = spec.timezone.as_deref().map_or_else(|| Ok(Zone::utc()), Zone::parse);
        let zone = zone.map_err(|error| problems.push(wrong("timezone", error.to_string())));
        let moment = |field, text: &String| {
            text.parse::<Timestamp>().map_err(|_| {
                wrong(
                    field,
                    format!("is `{}`; expected RFC 3339, such as 2026-04-25T10:00:00Z", shorten(text)),
                )
            })
        };
        if spec.anchor.is_some() && spec.every.is_none() {
            problems.push(wrong("anchor", "belongs to `every`".to_owned()));
        }
        let kind = match (&spec.cron, &spec.every, &spec.at) {
            (Some(cron), None, None) => {
                Cron::parse(cron).map(Kind::Cron).map_err(|error| wrong("cron", error.to_string()))
            }
            (None, Some(every), None) => {
                let anchor = spec.anchor.as_ref().map_or(Ok(now), |text| moment("anchor", text));
                anchor.and_then(|anchor| Ok(Kind::Every { every: interval(every)?, anchor }))
            }
            (None, None, Some(at)) => moment("at", at).map(Kind::At),
            (None, None, None) => Err(wrong(
                "cron",
                "is missing; expected one of `cron`, `every` and `at`, such as `0 9 * * MON`, `15m` or \
                 2026-04-25T10:00:00Z"
                    .to_owned(),
            )),
            (cron, ..) => {
                let field = if cron.is_none() { "every" } else { "cron" };
                Err(wrong(field, "stands beside another; keep one of `cron`, `every` and `at`".to_owned()))
            }
        };
        match (kind.map_err(|problem| problems.push(problem)), zone) {
            (Ok(kind), Ok(zone)) if problems.is_empty() => Ok(Self { kind, zone }),
            _ => Err(problems),
        }
    }

    /// The first moment after this one; none when there is no further one.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        match &self.kind {
            Kind::Cron(cron) => self.zone.next(cron, after),
            Kind::At(at) => (*at > after).then_some(*at),
            Kind::Every { anchor, .. } if *anchor > after => Some(*anchor),
            Kind::Every { every, anchor } => {
                let every = u64::try_from(every.as_millis()).ok()?.max(1);
                let since = after.as_millis() - anchor.as_millis();
                let next = anchor.as_millis().checked_add((since / every + 1).checked_mul(every)?)?;
                let found = Timestamp::from_millis(next);
                // Beyond the last moment that can be written there is none.
                (found.as_millis() == next).then_some(found)
            }
        }
    }

    /// The first `count` moments after this one.
    #[must_use]
    pub fn upcoming(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        std::iter::successors(self.next_after(after), |last| self.next_after(*last)).take(count).collect()
    }

    /// The pattern, where it is one.
    #[must_use]
    pub fn cron(&self) -> Option<&str> {
        match &self.kind {
            Kind::Cron(cron) => Some(cron.as_str()),
            Kind::Every { .. } | Kind::At(_) => None,
        }
    }

    /// The time zone.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Whether two say the same but for where an interval is counted from.
    fn is_like(&self, other: &Self) -> bool {
        let kinds = match (&self.kind, &other.kind) {
            (Kind::Every { every, .. }, Kind::Every { every: theirs, .. }) => every == theirs,
            (kind, theirs) => kind == theirs,
        };
        kinds && self.zone == other.zone
    }
}

fn interval(text: &str) -> Result<Duration, TimingError> {
    let every = duration::parse(text).map_err(|_| {
        wrong(
            "every",
            format!("is `{}`; expected a duration such as `30s`, `15m`, `6h` or `1d`", shorten(text)),
        )
    })?;
    match every < SHORTEST {
        true => Err(wrong("every", format!("is `{}`; expected `1s` or more", shorten(text)))),
        false => Ok(every),
    }
}

fn wrong(field: &'static str, message: String) -> TimingError {
    TimingError { field, message }
}

fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}

impl TryFrom<Spec> for Timing {
    type Error = TimingError;

    /// As the store has it: a moment may be over.
    fn try_from(spec: Spec) -> Result<Self, TimingError> {
        let never = || wrong("cron", "is missing".to_owned());
        Self::parse(&spec, Timestamp::default())
            .map_err(|problems| problems.into_iter().next().unwrap_or_else(never))
    }
}

impl From<Timing> for Spec {
    fn from(timing: Timing) -> Self {
        let timezone = Some(timing.zone.as_str().to_owned());
        let told = Self { timezone, ..Self::default() };
        match timing.kind {
            Kind::Cron(cron) => Self { cron: Some(cron.as_str().to_owned()), ..told },
            Kind::At(at) => Self { at: Some(at.to_string()), ..told },
            Kind::Every { every, anchor } => {
                Self { every: Some(duration::format(every)), anchor: Some(anchor.to_string()), ..told }
            }
        }
    }
}

#[cfg(test)]
mod tests;
