//! What becomes of a job when an attempt at it ends.

use super::interrupted::{cut_short, front};
use super::job::{FailedReason, Job, JobState, Outcome, QueueSettings};
use crate::clock::Timestamp;

/// The job after an attempt that ended at `now`. `random` in 0..1 spreads its pause.
#[must_use]
pub fn ended(settings: &QueueSettings, job: Job, outcome: Outcome, now: Timestamp, random: f64) -> Job {
    let job = Job { lease: None, terms: job.terms.after_begin(), ..job };
    let failures = job.attempts.saturating_sub(job.interrupted);
    let (error, pause) = match outcome {
        Outcome::Done => {
            return Job { state: JobState::Completed, place: now.as_millis(), finished: Some(now), ..job };
        }
        Outcome::Released => {
            let (place, attempts) = (front(&job), job.attempts.saturating_sub(1));
            return Job { state: JobState::Waiting, place, attempts, ..job };
        }
        Outcome::Interrupted(what) => return cut_short(job, now, &what),
        Outcome::Fail(error) => return failed(job, error, FailedReason::Fatal, now),
        Outcome::Cancelled(by) => {
            let error = format!("cancelled by {by}");
            return failed(Job { cancelled_by: Some(by), ..job }, error, FailedReason::Cancelled, now);
        }
        Outcome::Retry(error) => {
            let backoff = job.terms.backoff.as_ref().unwrap_or(&settings.backoff);
            // A list that is at its end goes on with its last pause.
            let made = failures.min(backoff.attempts().saturating_sub(1));
            let pause = backoff.delay(made, random).unwrap_or_default();
            (error, pause)
        }
        Outcome::RetryIn(error, pause) => (error, pause),
    };
    if failures >= job.max_attempts {
        return failed(job, error, FailedReason::Exhausted, now);
    }
    let place = now.plus(pause).as_millis();
    Job { state: JobState::Delayed, place, last_error: Some(error), ..job }
}

fn failed(job: Job, error: String, reason: FailedReason, now: Timestamp) -> Job {
    Job {
        state: JobState::Failed,
        place: now.as_millis(),
        finished: Some(now),
        last_error: Some(error),
        failed_reason: Some(reason),
        ..job
    }
}
