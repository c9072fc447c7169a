//! The store behind the mind: batches that are carried out and answered at different moments, those of the
//! mind itself and those of somebody who wants something else of jobs.

use super::super::*;
use super::world::World;
use crate::queue::alter::{Alteration, Wish, alter};

/// A batch on its way.
pub(super) enum Writing {
    Moves(Vec<Move>),
    Wish(Box<Alteration>),
}

impl World {
    pub(super) fn apply(&mut self) {
        let Some((writing, totals)) = self.writes.pop_front() else { return };
        let is_there = |id: JobId, at: &[u8]| self.stored.get(&id).is_some_and(|job| job.at() == at);
        let result = match &writing {
            Writing::Moves(moves) => match moves.iter().position(|m| !is_there(m.id(), &m.from)) {
                Some(index) => Err(index),
                None => {
                    moves.iter().for_each(|Move { job, .. }| self.put(job));
                    Ok(())
                }
            },
            Writing::Wish(wish) => match is_there(wish.before.id, &wish.before.at()) {
                true => {
                    match &wish.after {
                        Some(job) => self.put(job),
                        None => _ = self.stored.remove(&wish.before.id),
                    }
                    Ok(())
                }
                // What was queued behind it has counted it in vain.
                false => {
                    self.trouble = true;
                    Err(0)
                }
            },
        };
        if result.is_ok() {
            self.totals = totals;
        }
        self.applied.push_back((writing, result));
    }

    fn put(&mut self, job: &Job) {
        let from = self.stored[&job.id].state;
        if from == JobState::Active && job.state == JobState::Delayed {
            *self.failures.entry(job.id).or_default() += 1;
        }
        if from.is_final() {
            self.failures.remove(&job.id);
        }
        self.stored.insert(job.id, job.clone());
    }

    pub(super) fn answer(&mut self) {
        let Some((writing, result)) = self.applied.pop_front() else { return };
        match (writing, result) {
            (Writing::Wish(wish), Ok(())) => self.feed(Input::Altered(vec![*wish])),
            (Writing::Wish(wish), Err(_)) => self.feed(Input::NotAltered(vec![*wish])),
            (Writing::Moves(moves), Ok(())) => self.feed(Input::Written(moves)),
            (Writing::Moves(mut moves), Err(index)) => {
                let refused = moves.remove(index);
                // The actor looks whether it was this very move that came through earlier.
                if self.stored.get(&refused.id()) == Some(&refused.job) {
                    self.feed(Input::Written(vec![refused]));
                    self.feed(Input::WriteFailed(moves));
                } else {
                    self.feed(Input::Stale(refused.id(), moves));
                }
            }
        }
    }

    fn failed(&mut self, writing: Writing) {
        self.trouble = true;
        match writing {
            Writing::Moves(moves) => self.feed(Input::WriteFailed(moves)),
            Writing::Wish(wish) => self.feed(Input::NotAltered(vec![*wish])),
        }
    }

    pub(super) fn lose_answer(&mut self) {
        if let Some((writing, _)) = self.applied.pop_front() {
            self.failed(writing);
        }
    }

    pub(super) fn fail_write(&mut self) {
        if let Some((writing, _)) = self.writes.pop_front() {
            self.failed(writing);
        }
    }

    /// Somebody wants something of a job.
    pub(super) fn wish(&mut self, which: u8, what: u8) {
        let count = self.stored.len().max(1);
        let Some(job) = self.stored.values().nth(usize::from(which) % count).cloned() else { return };
        let wish = match what % 4 {
            0 => Wish::Cancel,
            1 => Wish::Remove,
            2 => Wish::Promote,
            _ => Wish::Retry,
        };
        if let Ok(alteration) = alter(job, wish, "ada", self.now) {
            self.feed(Input::Altering(vec![alteration.clone()]));
            self.writes.push_back((Writing::Wish(Box::new(alteration)), self.mind.totals()));
        }
    }
}
