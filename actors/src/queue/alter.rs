//! What somebody may want of jobs beside their own course: to be tried again, run now, called off, removed.

use std::sync::Arc;

use serde::Serialize;

use super::job::{FailedReason, Job, JobState, Terms};
use super::pages::{Found, jobs_of};
use super::trail::{Awaited, follow, left, removed};
use crate::clock::Timestamp;
use crate::house::House;
use crate::ids::{JobId, OrgId, QueueName};
use crate::keys::{self, Node};
use crate::store::{Batch, Expect, StoreError, decode, encode};

mod actor;

/// Jobs that one request changes at most.
pub const MOST: usize = 1_000;

/// Which jobs of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// One.
    One(JobId),
    /// Those of a state, in their order.
    Some {
        /// The state.
        state: JobState,
        /// Only those that came to it before.
        before: Option<Timestamp>,
        /// So many at most, and never more than [`MOST`].
        most: usize,
    },
}

/// What is wanted of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// A job that ended is tried again from the first attempt.
    Retry,
    /// A delayed job is run now.
    Promote,
    /// A job that has not ended is called off.
    Cancel,
    /// A job that does not run is removed.
    Remove,
    /// A job that waits, or was given up, goes to another queue; of that it begins anew.
    MoveTo(QueueName),
}

impl Wish {
    const fn done(&self) -> &'static str {
        match self {
            Self::Retry => "tried again",
            Self::Promote => "promoted",
            Self::Cancel => "cancelled",
            Self::Remove => "removed",
            Self::MoveTo(_) => "moved",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Altered {
    /// The jobs as they are now; of those that were removed as they were.
    pub jobs: Vec<Job>,
    /// Whether there are others that the same request would concern.
    pub more: bool,
}

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlterError {
    /// There is no such job.
    #[error("find the job {0}")]
    Missing(JobId),
    /// Its state does not allow it.
    #[error("do it: a job that is {} cannot be {}", .0, .1.done())]
    State(JobState, Wish),
    /// It moved on in the same moment.
    #[error("do it: the job moved on in the same moment; look again")]
    Moved,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One job, and what becomes of it: none when it is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alteration {
    /// As it is.
    pub before: Job,
    /// As it shall be.
    pub after: Option<Job>,
}

/// What becomes of a job that does not run.
///
/// # Errors
/// When its state does not allow that.
pub fn alter(job: Job, wish: Wish, by: &str, now: Timestamp) -> Result<Alteration, AlterError> {
    let after = match (&wish, job.state) {
        (Wish::Retry, JobState::Failed | JobState::Completed) => {
            Some(Job { state: JobState::Waiting, place: now.as_millis(), ..anew(job.clone()) })
        }
        (Wish::Promote, JobState::Delayed) => {
            Some(Job { state: JobState::Waiting, place: now.as_millis(), ..job.clone() })
        }
        (Wish::Cancel, JobState::Blocked | JobState::Waiting | JobState::Delayed) => Some(Job {
            state: JobState::Failed,
            place: now.as_millis(),
            finished: Some(now),
            last_error: Some(format!("cancelled by {by}")),
            cancelled_by: Some(by.to_owned()),
            failed_reason: Some(FailedReason::Cancelled),
            ..job.clone()
        }),
        (Wish::Remove, state) if state != JobState::Active => None,
        (Wish::MoveTo(queue), JobState::Waiting | JobState::Delayed) => {
            let terms = Terms { unique: None, ..job.terms.clone() };
            Some(Job { queue: queue.clone(), terms, ..job.clone() })
        }
        (Wish::MoveTo(queue), JobState::Failed) => Some(Job {
            queue: queue.clone(),
            state: JobState::Waiting,
            place: now.as_millis(),
            ..anew(job.clone())
        }),
        (_, state) => return Err(AlterError::State(state, wish)),
    };
    Ok(Alteration { before: job, after })
}

/// The job as if it had never been begun. The key that it held may be another one's by now.
fn anew(job: Job) -> Job {
    Job {
        attempts: 0,
        interrupted: 0,
        finished: None,
        cancelled_by: None,
        failed_reason: None,
        terms: Terms { unique: None, skipped: false, ..job.terms },
        ..job
    }
}

/// The jobs of an organisation that are meant, and whether there are more.
///
/// # Errors
/// When there is none by that id, or the store fails.
pub(super) async fn find(
    house: Arc<House>,
    queue: QueueName,
    org: OrgId,
    which: Which,
) -> Result<(Vec<Job>, bool), AlterError> {
    let (state, before, most) = match which {
        Which::One(id) => {
            let found = house.store.get(keys::job(id)).await?;
            let job = found.map(|found| decode::<Job>(&found.value)).transpose()?;
            let job = job.filter(|job| job.org_id == org && job.queue == queue);
            return Ok((vec![job.ok_or(AlterError::Missing(id))?], false));
        }
        Which::Some { state, before, most } => (state, before, most.min(MOST)),
    };
    let Found { mut jobs, cut } = jobs_of(&house, &queue, (&org, state), before, most + 1).await?;
    let more = jobs.len() > most || cut;
    jobs.truncate(most);
    Ok((jobs, more))
}

/// What is written.
///
/// # Errors
/// When a job has no JSON form, which is a fault of this program.
pub(super) fn batch_of(alterations: &[Alteration], now: Timestamp) -> Result<Batch, StoreError> {
    let mut batch = Batch::default();
    for Alteration { before, after } in alterations {
        batch.expect(before.at(), Expect::Present).delete(before.at());
        match after {
            Some(job) => {
                if job.queue != before.queue {
                    left(&mut batch, before, now);
                }
                // The store is promised that what is inserted was not there.
                if job.at() == before.at() {
                    batch.put(job.at(), job.whose());
                } else {
                    batch.insert(job.at(), job.whose());
                }
                batch.put(keys::job(job.id), encode(job)?);
                follow(&mut batch, job, Awaited::Perhaps)?;
            }
            None => {
                batch.delete(keys::job(before.id));
                if let Some(cause) = before.cause() {
                    batch.delete(keys::effect(&before.org_id, cause, Node::Job(before.id)));
                }
                removed(&mut batch, before)?;
            }
        }
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{RecordId, RunId};
    use crate::queue::job::{JobDraft, Task};

    #[test]
    fn each_state_allows_what_makes_sense_in_it() {
        use JobState::{Active, Blocked, Completed, Delayed, Failed, Waiting};
        let elsewhere = Wish::MoveTo(QueueName::new("other").unwrap());
        let now = Timestamp::from_millis(9_000);
        let task = Task::RunFlow { flow: RecordId::new("f").unwrap(), run: RunId::new(now) };
        let draft = JobDraft::new(JobId::new(now), QueueName::new("q").unwrap(), task);
        let fresh = draft.into_job(OrgId::new("o").unwrap(), Timestamp::from_millis(1), 3);
        let becomes = |state, wish: Wish| {
            let job = Job { state, attempts: 3, interrupted: 1, finished: Some(now), ..fresh.clone() };
            alter(job, wish, "ada", now).map(|alteration| alteration.after.map(|job| job.state))
        };
        for state in JobState::ALL {
            let moved = match state {
                Waiting | Failed => Some(Some(Waiting)),
                Delayed => Some(Some(Delayed)),
                _ => None,
            };
            let expected = [
                (Wish::Retry, matches!(state, Failed | Completed).then_some(Some(Waiting))),
                (Wish::Promote, (state == Delayed).then_some(Some(Waiting))),
                (Wish::Cancel, matches!(state, Blocked | Waiting | Delayed).then_some(Some(Failed))),
                (Wish::Remove, (state != Active).then_some(None)),
                (elsewhere.clone(), moved),
            ];
            for (wish, expected) in expected {
                let expected = expected.ok_or(AlterError::State(state, wish.clone()));
                assert_eq!(becomes(state, wish.clone()), expected, "{state} {wish:?}");
            }
        }
        let failed = Job { state: Failed, attempts: 3, finished: Some(now), ..fresh };
        let again = alter(failed, Wish::Retry, "ada", now).unwrap().after.unwrap();
        assert_eq!((again.attempts, again.finished, again.place), (0, None, 9_000));
        let refused = AlterError::State(Active, Wish::Remove).to_string();
        assert_eq!(refused, "do it: a job that is active cannot be removed");
    }
}
