//! Which jobs are taken next, for the slots that are free here and for workers elsewhere.

use super::{QueueState, SOON};
use crate::clock::Timestamp;
use crate::queue::effects::Effect;
use crate::queue::interrupted::is_suspect;
use crate::queue::job::{Job, JobState};
use crate::queue::messages::Move;
use crate::queue::rate::Bucket;

impl QueueState {
    /// Takes ready jobs for the free slots.
    pub(super) fn claim(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.totals.paused || self.draining {
            return Vec::new();
        }
        let mut moves = Vec::new();
        while self.active.len() + self.claiming.len() < self.settings.concurrency {
            if self.bucket.as_mut().is_some_and(|bucket| !bucket.take(now)) {
                break;
            }
            let Some(job) = self.take_ready() else {
                self.bucket.iter_mut().for_each(Bucket::put_back);
                break;
            };
            let from = job.at();
            let (place, attempts, started) = (now.as_millis(), job.attempts + 1, Some(now));
            let job = Job { state: JobState::Active, place, attempts, started, ..job };
            self.waiting.began(&job);
            self.claiming.insert(job.id, job.clone());
            moves.push(Move::of(job, from));
        }
        let lent = self.outside.take(self.settings.leases, &mut self.bucket, now);
        moves.extend(lent.into_iter().map(|(before, job)| Move::of(job, before.at())));
        let mut effects = if moves.is_empty() { Vec::new() } else { vec![self.write(moves)] };
        let pause = self.bucket.as_ref().map(|bucket| bucket.wait(now)).filter(|pause| !pause.is_zero());
        if self.waiting.count() > 0 || self.outside.is_asked() {
            effects.extend(pause.map(|pause| Effect::WakeIn(pause.max(SOON))));
        }
        effects
    }

    /// The job that is next.
    fn take_ready(&mut self) -> Option<Job> {
        let mut under_way = self.active.values().chain(self.claiming.values());
        if !under_way.any(is_suspect)
            && let Some(job) = self.suspects.pop_front()
        {
            return Some(job);
        }
        loop {
            let job = self.waiting.pop()?;
            // One that is in hand stands in a line only because a page was old when it came.
            if self.knows(job.id) {
                continue;
            }
            if !is_suspect(&job) {
                return Some(job);
            }
            self.suspects.push_back(job);
            let mut under_way = self.active.values().chain(self.claiming.values());
            if !under_way.any(is_suspect) {
                return self.suspects.pop_front();
            }
        }
    }
}
