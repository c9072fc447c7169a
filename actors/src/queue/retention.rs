//! How long jobs that came to their end are kept. They are removed in small steps, the oldest first, so that
//! cleaning up is never in anybody's way.

use std::time::Duration;

use super::job::{Job, JobState};
use crate::clock::Timestamp;

/// Jobs of one step.
pub(super) const STEP: usize = 250;

/// What is kept of the jobs in one state: neither older ones nor more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// How long after they came to it.
    pub age: Duration,
    /// How many of a queue.
    pub count: u64,
}

/// What a queue keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Of jobs that are done.
    pub completed: Bound,
    /// Of jobs that were given up.
    pub failed: Bound,
}

impl Keep {
    /// What is kept of the jobs in a state, if that ends.
    pub(super) const fn of(&self, state: JobState) -> Option<Bound> {
        match state {
            JobState::Completed => Some(self.completed),
            JobState::Failed => Some(self.failed),
            JobState::Blocked | JobState::Waiting | JobState::Delayed | JobState::Active => None,
        }
    }
}

impl Bound {
    /// How many of the oldest jobs, which are given in their order, are to go, of `kept` that there are.
    pub(super) fn outlived(&self, kept: u64, oldest: &[Job], now: Timestamp) -> usize {
        let excess = usize::try_from(kept.saturating_sub(self.count)).unwrap_or(usize::MAX);
        let limit = now.minus(self.age).as_millis();
        let old = oldest.iter().take_while(|job| job.place < limit).count();
        old.max(excess.min(oldest.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{JobId, OrgId, QueueName, RecordId, RunId};
    use crate::queue::job::{JobDraft, Task};

    #[test]
    fn what_is_old_goes_and_so_does_what_is_too_much() {
        let jobs: Vec<Job> = (0..10)
            .map(|second| {
                let at = Timestamp::from_millis(second * 1_000);
                let task = Task::RunFlow { flow: RecordId::new("f").unwrap(), run: RunId::new(at) };
                let draft = JobDraft::new(JobId::new(at), QueueName::new("q").unwrap(), task);
                draft.into_job(OrgId::new("o").unwrap(), at, 1)
            })
            .collect();
        let now = Timestamp::from_millis(10_000);
        let outlived =
            |age, count, kept| Bound { age: Duration::from_secs(age), count }.outlived(kept, &jobs, now);
        assert_eq!(outlived(100, 100, 10), 0);
        assert_eq!(outlived(7, 100, 10), 3, "those of the seconds 0 to 2");
        assert_eq!(outlived(100, 6, 10), 4);
        assert_eq!(outlived(7, 9, 10), 3);
        assert_eq!(outlived(100, 1, 1_000), 10, "no more than are given");
        assert_eq!(outlived(0, 100, 10), 10);
    }
}
