//! What is counted: jobs in each state, ends in the last minute, the latest error.

use super::QueueState;
use crate::clock::Timestamp;
use crate::keys::Side;
use crate::queue::alter::Alteration;
use crate::queue::effects::Effect;
use crate::queue::ended::ended;
use crate::queue::job::{Job, JobState, Outcome};
use crate::queue::messages::Move;

/// Whether what was counted last is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It is, or nearly so.
    None,
    /// It is being counted.
    Counting,
    /// It was counted while moves were being written, which may be in the count or not.
    Some,
}

impl Doubt {
    /// What it is once it was counted beside so many moves.
    pub(super) fn counted(self, writing: usize) -> Self {
        if writing == 0 || self == Self::None { Self::None } else { Self::Some }
    }
}

impl QueueState {
    /// Counts once more, where it was counted beside moves and none is being written.
    pub(super) fn count_again(&mut self) -> Option<Effect> {
        let again = self.doubt == Doubt::Some && self.writing == 0;
        again.then(|| {
            self.doubt = Doubt::None;
            Effect::Count
        })
    }

    pub(super) fn ended(&mut self, job: Job, outcome: Outcome, now: Timestamp, random: f64) -> Move {
        let from = job.at();
        let failing = !matches!(outcome, Outcome::Done | Outcome::Released | Outcome::Interrupted(_));
        let job = ended(&self.settings, job, outcome, now, random);
        self.count_ended(&job, now);
        if failing && let Some(error) = &job.last_error {
            self.last_error = Some((job.org_id.clone(), error.clone()));
        }
        Move::of(job, from)
    }

    pub(super) fn count_ended(&mut self, job: &Job, now: Timestamp) {
        if !job.state.is_final() {
            return;
        }
        self.totals.count(job.state, 1);
        self.count_end(now);
        if job.state == JobState::Failed {
            self.failures += 1;
            self.last_error = Some((job.org_id.clone(), job.last_error.clone().unwrap_or_default()));
        }
    }

    /// Counts alterations, or with -1 takes back what was counted for them.
    pub(super) fn count_altered(&mut self, alterations: &[Alteration], by: i64) {
        for Alteration { before, after } in alterations {
            self.totals.count(before.state, -by);
            let stays = after.iter().filter(|job| job.queue == self.name);
            stays.for_each(|job| self.totals.count(job.state, by));
        }
    }

    pub(super) fn altered(&mut self, alterations: Vec<Alteration>) {
        for Alteration { before, after } in alterations {
            match before.state {
                JobState::Waiting if before.side() == Side::Outside => self.outside.remove(&before),
                JobState::Waiting => self.waiting.remove(&before),
                JobState::Blocked => self.blocked = self.blocked.saturating_sub(1),
                JobState::Delayed => self.delayed.remove((before.place, before.id)),
                JobState::Active | JobState::Completed | JobState::Failed => {}
            }
            self.suspects.retain(|job| job.id != before.id);
            let stays = after.filter(|job| job.queue == self.name && !job.state.is_final());
            stays.into_iter().for_each(|job| self.added(job));
        }
    }

    pub(super) fn count_end(&mut self, now: Timestamp) {
        let second = now.as_secs();
        match self.ended_at.back_mut() {
            Some((last, count)) if *last == second => *count += 1,
            _ => self.ended_at.push_back((second, 1)),
        }
        self.ended_at.retain(|(at, _)| second.saturating_sub(*at) < 60);
    }
}
