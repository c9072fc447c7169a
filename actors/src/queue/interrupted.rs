//! What becomes of a job that ran when the process ended.

use super::job::{Job, JobState};
use super::messages::Move;
use crate::clock::Timestamp;

/// So many times the process may end while a job runs; then it is the job.
const POISONOUS: u32 = 3;

/// Whether the process ended twice while it ran: the next time tells whether it was this job's doing.
#[must_use]
pub fn is_suspect(job: &Job) -> bool {
    job.interrupted + 1 >= POISONOUS
}

/// A job that a crash cut short goes back to the front: its place is where it began. One that was cut short
/// too often is set aside.
#[must_use]
pub fn interrupted_move(job: Job, now: Timestamp) -> Move {
    let from = job.at();
    let interrupted = job.interrupted + 1;
    if interrupted >= POISONOUS {
        let began = job.started.map(|at| format!(", the last time it began at {at}")).unwrap_or_default();
        let why =
            format!("set aside as poisonous: the process ended {interrupted} times while it ran{began}");
        let (place, finished, last_error) = (now.as_millis(), Some(now), Some(why));
        return Move {
            job: Job { state: JobState::Failed, place, interrupted, finished, last_error, ..job },
            from,
        };
    }
    let (place, last_error) =
        (job.place.min(now.as_millis()), Some("the process ended while it ran".to_owned()));
    Move { job: Job { state: JobState::Waiting, place, interrupted, last_error, ..job }, from }
}
