//! What a schedule owes when its time has come, and what becomes of times that were missed: because the process
//! was down, the clock went forward, or the schedule rested. Pure.
//!
//! A time is missed when it comes up more than [`GRACE`] late; up to that it is merely late, and happens. The clock
//! going back repeats nothing: what is next stays next, however long that takes to come again.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::timing::Timing;
use crate::clock::Timestamp;

/// How late a time may come up without being missed.
pub const GRACE: Duration = Duration::from_secs(60);
/// The most missed times that are made up for.
pub const MOST_MISSED: u32 = 1_000;
/// The same where nobody says.
pub const USUAL_LIMIT: u32 = 100;
/// Missed times are counted so far; there may be more.
const COUNTED: usize = 1_000;

/// What becomes of times that were missed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missed {
    /// They are left out.
    Skip,
    /// They are made up for by one occurrence.
    #[default]
    Once,
    /// Each is made up for; of more than the limit, the latest.
    All,
}

impl Missed {
    /// All of them by name.
    pub const ALL: [(&str, Self); 3] = [("skip", Self::Skip), ("once", Self::Once), ("all", Self::All)];
}

/// What a schedule owes.
#[derive(Debug, Clone, Copy)]
pub struct Owed<'a> {
    /// When it is due.
    pub timing: &'a Timing,
    /// What becomes of what was missed.
    pub missed: Missed,
    /// The most that is made up for.
    pub limit: u32,
    /// The time that comes next.
    pub due: Timestamp,
    /// Up to here nothing more is left out.
    pub owed_until: Option<Timestamp>,
    /// Times left out that no occurrence has told of.
    pub unsaid: u64,
}

/// One time at which a schedule happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// The time that it is for.
    pub scheduled_at: Timestamp,
    /// Times before it that it stands for as well, or that were left out.
    pub missed: u64,
}

/// What is to be done for a schedule that is due, and how it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What happens; nothing where all that was due is left out.
    pub occurrence: Option<Occurrence>,
    /// The time that comes next.
    pub next: Option<Timestamp>,
    /// Up to here nothing more is left out.
    pub owed_until: Option<Timestamp>,
    /// Times left out that no occurrence has told of.
    pub unsaid: u64,
    /// Times that this step leaves out.
    pub left_out: u64,
}

impl Owed<'_> {
    /// The next step of a schedule whose time has come: at most one occurrence.
    #[must_use]
    pub fn step(&self, now: Timestamp) -> Step {
        let begun = now.minus(GRACE);
        if self.due >= begun || self.owed_until.is_some_and(|until| self.due <= until) {
            return self.happens(self.due, 0);
        }
        let count = self.first_missed(begun);
        // The first that is not missed: it may be now, or later.
        let next = self.timing.next_after(begun.minus(Duration::from_millis(1)));
        let late = next.filter(|next| *next <= now);
        match (self.missed, late) {
            (Missed::Skip | Missed::Once, Some(late)) => self.happens(late, count),
            (Missed::Skip, None) => Step {
                occurrence: None,
                next,
                owed_until: None,
                unsaid: self.unsaid.saturating_add(count),
                left_out: count,
            },
            (Missed::Once, None) => {
                let latest = self.latest_missed(begun, 1).pop_front().unwrap_or(self.due);
                Step { next, ..self.happens(latest, count.saturating_sub(1)) }
            }
            (Missed::All, _) => {
                let limit = u64::from(self.limit).clamp(1, u64::from(MOST_MISSED));
                let first = match count > limit {
                    true => self.latest_missed(begun, usize::try_from(limit).unwrap_or(COUNTED)).pop_front(),
                    false => None,
                };
                let step = self.happens(first.unwrap_or(self.due), count.saturating_sub(limit));
                let until = begun.minus(Duration::from_millis(1));
                Step { owed_until: step.next.and(Some(until)), ..step }
            }
        }
    }

    fn happens(&self, scheduled_at: Timestamp, left_out: u64) -> Step {
        let next = self.timing.next_after(scheduled_at);
        Step {
            occurrence: Some(Occurrence { scheduled_at, missed: self.unsaid.saturating_add(left_out) }),
            next,
            owed_until: self.owed_until.filter(|until| next.is_some_and(|next| next <= *until)),
            unsaid: 0,
            left_out,
        }
    }

    /// How many times were missed, as far as they are counted: one more than can be made up for.
    fn first_missed(&self, begun: Timestamp) -> u64 {
        let all = std::iter::successors(Some(self.due), |last| self.timing.next_after(*last));
        all.take_while(|at| *at < begun).take(COUNTED + 1).count() as u64
    }

    /// The latest of those that were missed, the earliest of them first. Looks further and further back, so that
    /// what was missed before that costs nothing, however much it is.
    fn latest_missed(&self, begun: Timestamp, count: usize) -> VecDeque<Timestamp> {
        let all_before = self.due.minus(Duration::from_millis(1));
        let mut back = GRACE;
        loop {
            let after = begun.minus(back).max(all_before);
            let mut found = VecDeque::with_capacity(count + 1);
            let mut last = after;
            while let Some(next) = self.timing.next_after(last).filter(|next| *next < begun) {
                found.push_back(next);
                if found.len() > count {
                    found.pop_front();
                }
                last = next;
            }
            if found.len() == count || after == all_before {
                return found;
            }
            back = back.saturating_mul(4);
        }
    }
}

#[cfg(test)]
mod tests;
