//! What becomes of a job whose attempt was cut short: the process ended while it ran, or its worker was not
//! heard of any more.

use super::job::{FailedReason, Job, JobState};
use super::messages::Move;
use crate::clock::Timestamp;

/// So many times an attempt may be cut short; then it is the job.
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
    let job = Job { terms: job.terms.after_begin(), ..job };
    Move::of(cut_short(job, now, "the process ended"), from)
}

/// The job after an attempt that was cut short, and what did so.
#[must_use]
pub fn cut_short(job: Job, now: Timestamp, what: &str) -> Job {
    let interrupted = job.interrupted + 1;
    if interrupted >= POISONOUS {
        let began = job.started.map(|at| format!(", the last time it began at {at}")).unwrap_or_default();
        let why = format!("set aside as poisonous: {what} {interrupted} times while it ran{began}");
        return Job {
            state: JobState::Failed,
            place: now.as_millis(),
            interrupted,
            finished: Some(now),
            last_error: Some(why),
            failed_reason: Some(FailedReason::Poisonous),
            lease: None,
            ..job
        };
    }
    let (place, last_error) = (front(&job).min(now.as_millis()), Some(format!("{what} while it ran")));
    Job { state: JobState::Waiting, place, interrupted, last_error, lease: None, ..job }
}

/// The place at the front of those that wait. Of work whoever was added first is first.
#[must_use]
pub fn front(job: &Job) -> u64 {
    if job.task.is_work() { job.created.as_millis() } else { job.place }
}
